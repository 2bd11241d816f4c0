"""Judges the signatures of a PDF: the child's facts, then chains and timestamps by the one engine of trust.

Owns: which moment a signer is judged at, and how the parts become one judgement.
Never: parses a PDF (pdf_child.py does, in a process of its own), uses the claimed time, calls undetermined valid.
Source: ETSI EN 319 102-1 §5.5-5.6; RFC 3161; domain notes §6 (leaf-only files, +7 h quirk); threats P1-P7.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import BinaryIO

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from hub.domain.evidence import EvidenceBook, EvidencePiece, EvidenceWanted
from hub.domain.findings import Finding, Severity
from hub.domain.roles import Fact, RoleRule, SubjectFacts, role_of
from hub.domain.signatures import Judgement, PdfReport, PdfSignature, Role, SignerCertificate
from hub.signatures import algorithms, revocation
from hub.signatures.anchors import Trust
from hub.signatures.keyinfo import described
from hub.signatures.pdf_facts import REVISION, WHOLE_FILE, FileFacts, SignedField, Token
from hub.signatures.pdf_faults import (
    CHECK,
    CRYPTO,
    DIGESTS,
    NO_CERTIFICATE,
    Fault,
    about_file,
    changes_of,
    faults_of,
    in_order,
    notes_of,
    where_of,
)
from hub.signatures.pdf_pool import PdfPool
from hub.signatures.trust import ChainReport, Usage, chain

_MOST_PIECES = 64
_CHUNK_BYTES = 1 << 20
_SIGNED_RANGE = b"/ByteRange"
#: Bad news about the chain that a proof of an earlier signature could turn.
_HELPED_BY_TIME = frozenset({"EXPIRED", "REVOKED", "REVOKED_CA_NO_POE"})
_FROM_THE_FUTURE = timedelta(minutes=5)  # clocks differ; a timestamp from later than that proves nothing
_FACTS = {
    NameOID.ORGANIZATION_IDENTIFIER: Fact.ORGANIZATION_IDENTIFIER,
    NameOID.TITLE: Fact.TITLE,
    NameOID.SERIAL_NUMBER: Fact.SERIAL_NUMBER,
    NameOID.GIVEN_NAME: Fact.GIVEN_NAME,
    NameOID.EMAIL_ADDRESS: Fact.EMAIL,
}


class PdfJudge:
    """The judge of PDF signatures; one for a process, for all its threads."""

    def __init__(self, *, children: int, memory_bytes: int, seconds: int) -> None:
        """Starts nothing yet; the arguments bound the children (see pdf_pool.py)."""
        self._pool = PdfPool(children=children, memory_bytes=memory_bytes, seconds=seconds)

    def judge(
        self,
        file: BinaryIO,
        *,
        content_id: str,
        trust: Trust,
        evidence: EvidenceBook,
        moment: datetime,
        roles: Sequence[RoleRule],
    ) -> PdfReport:
        """The report of every signature of the file, by what is known at `moment` (when the hub received it).

        A file that cannot be read is a finding. Raises: Deferral when no child starts on this machine.
        """
        if not _may_be_signed(file):
            return PdfReport(content_id)
        told = self._pool.facts(file)
        about = about_file(content_id, told)
        if told.trouble:
            return PdfReport(content_id, findings=about)
        beside, embedded = _certificates(told.certificates), _pieces(told)
        case = _Case(content_id, told, trust, evidence, moment, roles, beside, embedded)
        judged = [case.judged(number, one) for number, one in enumerate(in_order(told), start=1)]
        wanted = tuple(dict.fromkeys(one for each in judged for one in each.wanted))
        return PdfReport(content_id, tuple(each.signature for each in judged), about, wanted)

    def process_ids(self) -> list[int]:
        """The children that live now, for measurements."""
        return self._pool.process_ids()

    def close(self) -> None:
        """Ends the children; harmless twice."""
        self._pool.close()


def _may_be_signed(file: BinaryIO) -> bool:
    """False when the bytes name no signed range: then no child need look.

    A signature cannot stand in a compressed stream, because its range counts bytes of the file (ISO 32000-2 §12.8.1);
    a name spelt to escape this look hides its signature, and what is hidden counts as not signed.
    """
    file.seek(0)
    tail = b""
    while chunk := file.read(_CHUNK_BYTES):
        if _SIGNED_RANGE in tail + chunk:
            return True
        tail = chunk[-len(_SIGNED_RANGE) :]
    return False


@dataclass(frozen=True, slots=True)
class _Judged:
    signature: PdfSignature
    wanted: tuple[EvidenceWanted, ...] = ()


@dataclass(frozen=True, slots=True)
class _Leaf:
    """The signer's certificate, read so far that nothing of it can surprise later."""

    certificate: x509.Certificate
    shown: SignerCertificate
    subject: SubjectFacts
    agency_code: str
    weakness: str


@dataclass(frozen=True, slots=True)
class _Proof:
    """A time that a trusted timestamp proves; `open` when evidence about its authority is still awaited."""

    at: datetime | None = None
    open: bool = False
    findings: tuple[Finding, ...] = ()
    evidence: tuple[str, ...] = ()
    wanted: tuple[EvidenceWanted, ...] = ()


@dataclass(frozen=True, slots=True)
class _Verdict:
    judgement: Judgement
    sub_indication: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class _Case:
    """One file under judgement."""

    content_id: str
    told: FileFacts
    trust: Trust
    evidence: EvidenceBook
    moment: datetime
    roles: Sequence[RoleRule]
    beside: tuple[x509.Certificate, ...]
    embedded: tuple[EvidencePiece, ...]

    def judged(self, number: int, one: SignedField) -> _Judged:
        """One signature: in itself, then its time, then its chain at that time."""
        where = where_of(self.content_id, number)
        named = {"number": str(number), "field": one.field}
        faults = faults_of(one, self.told, where=where, number=number)
        leaf = _leaf(one.signer)
        if leaf is None:
            if not faults:
                faults = [Fault(_finding("pdf.certificate_missing", Severity.ERROR, where, named), NO_CERTIFICATE)]
            verdict = _Verdict(Judgement.INVALID, faults[0].sub_indication, tuple(each.finding for each in faults))
            return _Judged(self._report(number, one, None, _Proof(), None, verdict))
        if leaf.weakness:
            weak = _finding("pdf.algorithm_refused", Severity.ERROR, where, {**named, "algorithm": leaf.weakness})
            faults.append(Fault(weak, CRYPTO))
        proof = self._proof(one, where, named)
        at = proof.at or self.moment
        chained = self._chain(leaf.certificate, one.certificates, at=at, usage=Usage.SIGNING)
        verdict = _verdict(faults, chained, proof, where=where, named=named)
        notes = tuple(notes_of(one, self.told, where=where, number=number))
        verdict = replace(verdict, findings=(*verdict.findings, *notes, *proof.findings))
        signature = self._report(number, one, leaf, proof, chained, verdict)
        return _Judged(signature, (*chained.wanted, *proof.wanted))

    def _chain(self, leaf: x509.Certificate, others: Iterable[bytes], *, at: datetime, usage: Usage) -> ChainReport:
        anchors = self.trust.signing if usage is Usage.SIGNING else self.trust.timestamping
        near = (*_certificates(others), *self.beside)
        return chain(leaf, near, anchors, moment=at, evidence=self.evidence, usage=usage, embedded=self.embedded)

    def _proof(self, one: SignedField, where: str, named: dict[str, str]) -> _Proof:
        """The earliest time that is proved: by the signature's own tokens, or by document timestamps over it."""
        tokens = [*one.tokens, *(other.token for other in self.told.fields if _stands_over(other, one) and other.token)]
        proofs = [self._token(token, where, named) for token in tokens]
        return _Proof(
            at=min((each.at for each in proofs if each.at is not None), default=None),
            open=any(each.open for each in proofs),
            findings=tuple(finding for each in proofs for finding in each.findings),
            evidence=tuple(sha256 for each in proofs for sha256 in each.evidence),
            wanted=tuple(wanted for each in proofs for wanted in each.wanted),
        )

    def _token(self, token: Token, where: str, named: dict[str, str]) -> _Proof:
        """What one token proves. A token that proves nothing is told and changes nothing: anybody can add one."""
        authority = _leaf(token.signer)
        wrong = _wrong_with(token, authority, self.moment)
        if wrong or authority is None or token.at is None:
            facts = {**named, "reason": wrong}
            return _Proof(findings=(_finding("pdf.timestamp_wrong", Severity.WARNING, where, facts),))
        report = self._chain(authority.certificate, token.certificates, at=token.at, usage=Usage.TIMESTAMPING)
        if report.trusted:
            return _Proof(at=token.at, evidence=report.evidence)
        facts = {**named, "authority": authority.shown.subject, "reason": report.sub_indication}
        told = _finding("pdf.timestamp_untrusted", Severity.WARNING, where, facts)
        awaited = report.judgement is Judgement.UNDETERMINED
        return _Proof(open=awaited, findings=(told,), wanted=report.wanted)

    def _report(
        self,
        number: int,
        one: SignedField,
        leaf: _Leaf | None,
        proof: _Proof,
        chained: ChainReport | None,
        verdict: _Verdict,
    ) -> PdfSignature:
        path = chained.path if chained else ()
        return PdfSignature(
            number=number,
            field=one.field,
            judgement=verdict.judgement,
            sub_indication=verdict.sub_indication,
            role=role_of(leaf.subject, self.roles) if leaf else Role.UNKNOWN,
            certificate=leaf.shown if leaf else None,
            organisation=leaf.subject.organisation if leaf else "",
            agency_code=leaf.agency_code if leaf else "",
            claimed_at=one.claimed_at,
            timestamped_at=proof.at,
            judged_at=self.moment,
            digest=one.digest,
            algorithm=one.algorithm,
            covers_whole_file=one.coverage == WHOLE_FILE,
            bytes_after=one.bytes_after,
            changes=changes_of(one, self.told),
            trusted=bool(chained and chained.trusted),
            revocation=chained.revocation if chained else "not_checked",
            findings=verdict.findings,
            evidence=tuple(dict.fromkeys((*(chained.evidence if chained else ()), *proof.evidence))),
            chain_pem=tuple(each.public_bytes(Encoding.PEM).decode("ascii") for each in path),
        )


def _verdict(
    faults: Sequence[Fault], chained: ChainReport, proof: _Proof, *, where: str, named: dict[str, str]
) -> _Verdict:
    """The signature's own faults weigh more than its chain; valid needs both without blemish."""
    of_chain = tuple(replace(finding, where=where) for finding in chained.findings)
    if faults:
        own = tuple(fault.finding for fault in faults)
        return _Verdict(Judgement.INVALID, faults[0].sub_indication, (*own, *of_chain))
    earlier_would_help = proof.open and proof.at is None and chained.sub_indication in _HELPED_BY_TIME
    if earlier_would_help:
        awaited = _finding("pdf.timestamp_awaited", Severity.TRY_LATER, where, named)
        softened = tuple(replace(finding, severity=Severity.TRY_LATER) for finding in of_chain)
        return _Verdict(Judgement.UNDETERMINED, "TRY_LATER", (awaited, *softened))
    return _Verdict(chained.judgement, chained.sub_indication, of_chain)


def _stands_over(other: SignedField, one: SignedField) -> bool:
    """True when a document timestamp covers everything that the signature was when it was made."""
    whole = other.coverage in (WHOLE_FILE, REVISION)
    return other.is_timestamp and whole and other.revision > one.revision


def _wrong_with(token: Token, authority: _Leaf | None, moment: datetime) -> str:
    if token.fault or token.at is None:
        return token.fault or "genTime"
    if authority is None:
        return "no certificate"
    if not token.imprint:
        return "imprint"
    if not token.valid:
        return "signature"
    if token.digest not in DIGESTS:
        return token.digest
    return "time from the future" if token.at > moment + _FROM_THE_FUTURE else ""


def _leaf(der: bytes) -> _Leaf | None:
    if not der:
        return None
    try:
        certificate = x509.load_der_x509_certificate(der)
        shown = described(certificate)
        weakness = algorithms.weakness(certificate.public_key())
        subject = certificate.subject
        names = {attribute.oid: str(attribute.value) for attribute in subject}
    except revocation.UNREADABLE:
        return None
    has = frozenset(fact for oid, fact in _FACTS.items() if names.get(oid))
    facts = SubjectFacts(
        common_name=names.get(NameOID.COMMON_NAME, ""),
        organisation=names.get(NameOID.ORGANIZATION_NAME, ""),
        user_id=names.get(NameOID.USER_ID, ""),
        has=has,
    )
    return _Leaf(certificate, shown, facts, names.get(NameOID.ORGANIZATION_IDENTIFIER, ""), weakness)


def _certificates(ders: Iterable[bytes]) -> tuple[x509.Certificate, ...]:
    found = []
    for der in ders:
        with suppress(*revocation.UNREADABLE):
            found.append(x509.load_der_x509_certificate(der))
    return tuple(found)


def _pieces(told: FileFacts) -> tuple[EvidencePiece, ...]:
    """The evidence that the file brings along; what cannot be read is none."""
    found = []
    readers = [(told.crls, revocation.read_crl), (told.ocsps, revocation.read_ocsp)]
    for read, der in ((read, der) for ders, read in readers for der in ders[:_MOST_PIECES]):
        with suppress(ValueError):
            found.append(read(der))
    return tuple(found)


def _finding(code: str, severity: Severity, where: str, evidence: dict[str, str]) -> Finding:
    return Finding(CHECK, code, severity, where, evidence)
