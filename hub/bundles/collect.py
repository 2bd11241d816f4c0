"""Gathers what the hub knows of one consignment and writes it as a signed bundle.

Owns: which facts go into a bundle, and that the same facts give the same bytes (but for moment and signature).
Never: holds an envelope in memory; writes to the database; decides who may have the bundle.
Source: issue 3 part 7; Decision 28/2018/QĐ-TTg Art. 1 (the body of a secret document is not kept).
"""

from __future__ import annotations

import json
import ssl
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, BinaryIO

import msgspec

from hub.bundles import contents, readme
from hub.bundles.contents import EnvelopeEntry, Index, ReceiptEntry, RevocationEntry
from hub.domain.consignments import ConsignmentState
from hub.domain.evidence import EvidencePiece
from hub.domain.findings import Finding, Verdict, describe
from hub.domain.seals import SealProof, proof_as_json
from hub.errors import NoSuchThing
from hub.signatures import timestamps, trust
from hub.signatures.asic import CHUNK_BYTES, ContainerWriter, chain_pem
from hub.signatures.timestamps import Expected
from hub.stations import Hub
from hub.store import consignments, evidence, receipts, seals
from hub.store.consignments import Consignment
from hub.store.receipts import Receipt

_VERDICTS = {ConsignmentState.HELD: Verdict.HELD, ConsignmentState.REJECTED: Verdict.REJECTED}


@dataclass(frozen=True, slots=True)
class Facts:
    """One consignment with everything that proves what became of it, as at one moment of the database."""

    consignment: Consignment
    receipts: Sequence[Receipt]
    proofs: dict[str, SealProof]
    evidence: Sequence[EvidencePiece]


def gathered(consignment_id: str, hub: Hub) -> Facts:
    """What the store has. Raises: NoSuchThing, StoreUnavailable."""
    with hub.database.reading() as connection:
        kept = consignments.get(connection, consignment_id)
        if kept is None:
            raise NoSuchThing(f"no consignment {consignment_id}")
        issued = receipts.of_consignment(connection, kept.id)
        found = {one.receipt_id: seals.proof_of(connection, one.receipt_id) for one in issued}
        proofs = {receipt_id: proof for receipt_id, proof in found.items() if proof is not None}
        relied_on = evidence.of_consignment(connection, kept.id)
    about_stamps = _about_stamps(proofs.values(), hub)
    with hub.database.reading() as connection:
        pieces = {piece.sha256: piece for piece in (*relied_on, *evidence.pieces(connection, about_stamps))}
    return Facts(kept, issued, proofs, [pieces[sha256] for sha256 in sorted(pieces)])


def _about_stamps(proofs: Iterable[SealProof], hub: Hub) -> list[str]:
    """The pieces by which the timestamp authorities can be judged without the hub; their SHA-256."""
    relied_on: set[str] = set()

    def judge(leaf: Any, others: Any, moment: datetime) -> Sequence[Finding]:
        report = trust.chain(
            leaf, others, hub.trust.timestamping, moment=moment, evidence=hub.book, usage=trust.Usage.TIMESTAMPING
        )
        relied_on.update(report.evidence)
        return report.findings

    for head, token in {(proof.statement.head, proof.token) for proof in proofs if proof.token}:
        timestamps.verify_token(token, Expected(bytes.fromhex(head)), judge=judge)
    return sorted(relied_on)


def write(facts: Facts, hub: Hub, out: BinaryIO) -> None:
    """The bundle into an empty seekable file. Raises: PayloadsUnavailable; OSError of `out`."""
    kept = facts.consignment
    writer = ContainerWriter(out)
    writer.add(contents.README, (readme.TEXT.encode("utf-8"),))
    reason = _absence(kept, hub)
    if not reason:
        with hub.payloads.open(kept.sha256) as body:
            writer.add(contents.ENVELOPE, iter(lambda: body.read(CHUNK_BYTES), b""))
    writer.add(contents.FINDINGS, (contents.as_json(_record(kept, hub)),))
    entries = [_entry(number, receipt) for number, receipt in enumerate(facts.receipts, start=1)]
    for entry, receipt in zip(entries, facts.receipts, strict=True):
        writer.add(entry.file, (receipt.jws.encode("ascii"),))
    for name, pem in sorted(_certificates(facts, hub).items()):
        writer.add(name, (pem.encode("ascii"),))
    revocation = [RevocationEntry(_revocation_name(piece), piece.kind, piece.issuer_key) for piece in facts.evidence]
    for piece, place in zip(facts.evidence, revocation, strict=True):
        writer.add(place.file, (piece.der,))
    proofs = {receipt_id: proof_as_json(proof) for receipt_id, proof in facts.proofs.items()}
    writer.add(contents.PROOFS, (contents.as_json(proofs),))
    for number, token in sorted(_tokens(facts).items()):
        writer.add(contents.token_name(number), (token,))
    index = Index(
        format=contents.FORMAT,
        version=contents.VERSION,
        hub=hub.settings.name,
        consignment=kept.id,
        made_at=hub.now(),
        envelope=EnvelopeEntry(kept.sha256, kept.size_bytes, kept=not reason, reason=reason),
        receipts=entries,
        revocation=revocation,
    )
    writer.add(contents.INDEX, (contents.as_json(msgspec.to_builtins(index)),))
    writer.seal(hub.key)


def _absence(kept: Consignment, hub: Hub) -> str:
    """Why the envelope is not in the bundle; empty when it is."""
    if not kept.body_kept:
        return "secret"
    return "" if hub.payloads.holds(kept.sha256) else "gone"


def _record(kept: Consignment, hub: Hub) -> dict[str, Any]:
    return {
        "consignment": kept.id,
        "sender": kept.sender_key,
        "document_id": kept.document_id,
        "verdict": _VERDICTS.get(kept.state, Verdict.ACCEPTED).value,
        "received_at": kept.received_at.isoformat(),
        "judged_at": kept.judged_at.isoformat(),
        "rule_pack": kept.rule_pack,
        "text_limit_bytes": hub.settings.max_text_signed_bytes,
        "findings": [_finding(one) for one in kept.findings],
        "signature": kept.signature,
        "files": kept.files,
        "replaces_paper": kept.replaces_paper,
        "because": [_finding(one) for one in kept.because],
    }


def _finding(one: Finding) -> dict[str, Any]:
    words = describe(one)
    return {
        "check": one.check,
        "code": one.code,
        "severity": one.severity.value,
        "where": one.where,
        "evidence": dict(one.evidence),
        "vi": words.vi,
        "en": words.en,
        "fix_vi": words.fix_vi,
        "fix_en": words.fix_en,
        "source": words.source,
    }


def _entry(number: int, receipt: Receipt) -> ReceiptEntry:
    file = f"{contents.RECEIPTS}{number:03d}-{receipt.event}.jws"
    return ReceiptEntry(file, receipt.receipt_id, receipt.event, receipt.delivery_id)


def _revocation_name(piece: EvidencePiece) -> str:
    return f"{contents.REVOCATION}{piece.sha256}.{piece.kind.value}"


def _tokens(facts: Facts) -> dict[int, bytes]:
    return {proof.statement.number: proof.token for proof in facts.proofs.values() if proof.token is not None}


def _certificates(facts: Facts, hub: Hub) -> dict[str, str]:
    """File name to PEM: the hub's of this bundle and of each receipt, then the signers' of the document."""
    hubs = [pem for receipt in facts.receipts for pem in _chain_of(receipt)] + chain_pem(hub.key)
    kept = facts.consignment
    signers = [*_chains_in(kept.signature), *(pem for file in kept.files for pem in _chains_in(file))]
    found = {_certificate_name("signer", pem): pem for pem in signers}
    return found | {_certificate_name("hub", pem): pem for pem in hubs}


def _certificate_name(whose: str, pem: str) -> str:
    return f"{contents.CERTIFICATES}{whose}-{sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()}.pem"


def _chain_of(receipt: Receipt) -> list[str]:
    """The certificates in the header of a receipt that this hub wrote itself."""
    header = receipt.jws.partition(".")[0]
    written = json.loads(urlsafe_b64decode(header + "=" * (-len(header) % 4)))
    return [ssl.DER_cert_to_PEM_cert(b64decode(one)) for one in written["x5c"]]


def _chains_in(report: dict[str, Any]) -> Iterator[str]:
    """The chain of a signature report, or of all those of a file; the signer's own where no chain was found."""
    certificate = report.get("certificate")
    if certificate:
        yield certificate["pem"]
    yield from report.get("chain_pem", ())
    for signature in report.get("signatures", ()):
        yield from _chains_in(signature)
