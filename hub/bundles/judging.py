"""Judges the signatures of the envelope and of its PDF files again, at the moment of receipt, with the bundle's own
evidence.

Owns: reading the envelope once; the comparison with what the hub recorded.
Never: believes a revocation list because the bundle has it (trust.py verifies each against the anchors).
Source: ETSI EN 319 102-1 §5.6 (past validation); issue 3 part 7.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

from hub.bundles import contents
from hub.bundles.contents import MIB, Bundle
from hub.bundles.report import Step, absent, broken, sound
from hub.domain.evidence import EvidenceKind, EvidencePiece
from hub.domain.periods import vietnam_day
from hub.domain.rules import pack_on
from hub.domain.signatures import Judgement, PdfReport, SignatureReport, SignatureState
from hub.edxml import archives, media
from hub.edxml.bounds import Bounds
from hub.edxml.reader import EnvelopeReader, Reading
from hub.signatures import revocation, xmldsig
from hub.signatures.asic import CHUNK_BYTES
from hub.signatures.pdf import PdfJudge
from hub.stations import examine, verify

_NOT_OF_THE_SENDER = "signature.not_of_the_sender"
_WORDS = {
    "valid": ("hợp lệ", "valid"),
    "invalid": ("không hợp lệ", "invalid"),
    "undetermined": ("chưa xác định được", "undetermined"),
    "not_cryptographic": ("không phải chữ ký số kiểm tra được", "not cryptographic"),
}
_THERE = frozenset({SignatureState.VALID, SignatureState.UNDETERMINED})
_SPOOL_IN_MEMORY_BYTES = 256 * 1024
_MOST_TEXT_SIGNED_BYTES = 512 * MIB


class Evidence:
    """The book of a bundle's own revocation evidence."""

    def __init__(self, pieces: Sequence[EvidencePiece]) -> None:
        self._pieces = sorted(pieces, key=lambda piece: piece.this_update, reverse=True)

    def about(self, issuer_key: str) -> Sequence[EvidencePiece]:
        """All pieces of this CA, newest first."""
        return [piece for piece in self._pieces if piece.issuer_key == issuer_key]


def evidence_of(bundle: Bundle) -> Evidence:
    """The bundle's pieces, read from their own bytes. Raises: ValueError for one that is no CRL or OCSP answer."""
    pieces = []
    for entry in bundle.index.revocation:
        der = bundle.container.read(entry.file, most_bytes=contents.MOST_BYTES_IN[contents.REVOCATION])
        if entry.kind is EvidenceKind.CRL:
            pieces.append(revocation.read_crl(der))
        else:
            pieces.append(revocation.read_ocsp(der, asked=entry.issuer_key))
    return Evidence(pieces)


class Judging:
    """The two steps that judge signatures; the envelope is read once for each, in constant memory."""

    def __init__(self, pdfs: PdfJudge) -> None:
        self._pdfs = pdfs

    def envelope_signature(self, bundle: Bundle) -> Step:
        """The envelope's signature now and as recorded."""
        if contents.ENVELOPE not in bundle.container.places:
            return absent("envelope_signature", "bundle.envelope_not_here")
        with _reading(bundle) as reading:
            now = xmldsig.judge(
                verify.signed_source(reading, lambda: bundle.container.open(contents.ENVELOPE)),
                anchors=bundle.trust.signing,
                evidence=evidence_of(bundle),
                moment=bundle.record.received_at,
                text_limit_bytes=min(bundle.record.text_limit_bytes, _MOST_TEXT_SIGNED_BYTES),
            )
        state, recorded = _state(now, bundle), SignatureState(bundle.record.signature["state"])
        if bundle.record.before_evidence and (recorded, state) == (SignatureState.VALID, SignatureState.UNDETERMINED):
            return absent("envelope_signature", "bundle.judged_before_evidence", **_said("now", state.shown))
        if state is not recorded:
            why = ", ".join(finding.code for finding in now.findings) or "–"
            facts = {**_said("recorded", recorded.shown), **_said("now", state.shown), "why": why}
            return broken("envelope_signature", "bundle.envelope_judged_otherwise", name=contents.ENVELOPE, **facts)
        if now.certificate is None:
            return absent("envelope_signature", "bundle.envelope_not_signed", **_said("state", state.shown))
        facts = {"signer": now.certificate.subject, **_said("state", state.shown)}
        return sound("envelope_signature", "bundle.envelope_judged_again", **facts)

    def pdf_signatures(self, bundle: Bundle) -> Step:
        """Every PDF signature now and as recorded."""
        if contents.ENVELOPE not in bundle.container.places:
            return absent("pdf_signatures", "bundle.envelope_not_here")
        recorded = {str(file["content_id"]): _recorded(file) for file in bundle.record.files if file["is_pdf"]}
        with _reading(bundle) as reading:
            now = {report.content_id: _judgements(report) for report in self._pdf_reports(bundle, reading)}
        if bundle.record.before_evidence and any(now.values()):
            said = _said("now", *(one for judgements in now.values() for one in judgements))
            return absent("pdf_signatures", "bundle.judged_before_evidence", **said)
        for content_id in sorted(recorded.keys() | now.keys()):
            then, again = recorded.get(content_id, ()), now.get(content_id, ())
            if then != again:
                facts = {**_said("recorded", *then), **_said("now", *again)}
                return broken("pdf_signatures", "bundle.pdf_judged_otherwise", name=f"cid:{content_id}", **facts)
        count = sum(len(one) for one in now.values())
        if not count:
            return absent("pdf_signatures", "bundle.pdf_not_signed")
        valid = sum(judgement == "valid" for one in now.values() for judgement in one)
        return sound("pdf_signatures", "bundle.pdf_judged_again", count=str(count), valid=str(valid))

    def _pdf_reports(self, bundle: Bundle, reading: Reading) -> Iterator[PdfReport]:
        evidence, moment = evidence_of(bundle), bundle.record.received_at
        rules = pack_on(vietnam_day(moment))
        for attachment in reading.envelope.attachments:
            spool = reading.spools[attachment.content_id]
            if archives.examine(spool, attachment, rules.attachments, new_spool=_spool).media_type != media.PDF:
                continue  # asked as the station asks it: the SDK's ZIP around a PDF is looked through
            with examine.unwrapped(spool, attachment, new_spool=_spool) as file:
                yield self._pdfs.judge(
                    file,
                    content_id=attachment.content_id,
                    trust=bundle.trust,
                    evidence=evidence,
                    moment=moment,
                    roles=rules.roles,
                )


def _state(report: SignatureReport, bundle: Bundle) -> SignatureState:
    """The word that a hub records: what it knew of the agency's certificate is taken from its findings."""
    foreign = any(row.code == _NOT_OF_THE_SENDER for row in bundle.record.findings)
    if report.state is SignatureState.VALID and not report.trusted:
        return SignatureState.INVALID
    return SignatureState.INVALID if foreign and report.state in _THERE else report.state


def _recorded(file: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(Judgement(signature["judgement"]).value for signature in file["signatures"])


def _judgements(report: PdfReport) -> tuple[str, ...]:
    return tuple(signature.judgement.value for signature in report.signatures)


def _said(fact: str, *states: str) -> dict[str, str]:
    """The honest words of some states, in both languages."""
    words = [_WORDS[state] for state in states] or [("không có", "none")]
    return {f"{fact}_vi": ", ".join(vi for vi, _ in words), f"{fact}_en": ", ".join(en for _, en in words)}


@contextmanager
def _reading(bundle: Bundle) -> Iterator[Reading]:
    """The envelope read as the hub reads it. Raises: NotEdxml, DangerousXml, TooLarge."""
    reader = EnvelopeReader(Bounds(total_bytes=contents.MOST_ENVELOPE_BYTES), new_spool=_spool)
    try:
        with bundle.container.open(contents.ENVELOPE) as body:
            while chunk := body.read(CHUNK_BYTES):
                reader.feed(chunk)
        yield reader.close()
    finally:
        reader.abandon()


def _spool() -> BinaryIO:
    return tempfile.SpooledTemporaryFile(_SPOOL_IN_MEMORY_BYTES)  # type: ignore[return-value]
