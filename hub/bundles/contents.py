"""What lies in a bundle under which name, and its reading back within bounds.

Owns: the layout (format version 1), the shapes of index.json and findings.json, the opened Bundle.
Never: trusts what it reads; the steps of verification.py and its neighbours judge it.
Source: issue 3 part 7; threats A3 (bounds), E22 (receipts of another document).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from hub.domain.evidence import EvidenceKind
from hub.domain.findings import Finding, Severity
from hub.errors import ReceiptNotGenuine
from hub.signatures import jws
from hub.signatures.anchors import Trust
from hub.signatures.asic import Container, Malformed

FORMAT = "truc-lien-thong/evidence"
VERSION = 1
SUFFIX = ".asice"
MEDIA_TYPE = "application/vnd.etsi.asic-e+zip"

README = "README.txt"
INDEX = "index.json"
FINDINGS = "findings.json"
ENVELOPE = "envelope.edxml"
PROOFS = "proofs.json"
RECEIPTS, CERTIFICATES, REVOCATION, TIMESTAMPS = "receipts/", "certificates/", "revocation/", "timestamps/"

_T = TypeVar("_T")
Moment = Annotated[datetime, Meta(tz=True)]

MIB = 1024 * 1024
MOST_ENVELOPE_BYTES = 1024 * MIB  # twice what a hub accepts unless it is told otherwise
MOST_JSON_BYTES = 32 * MIB  # proofs of 20 000 receipts
MOST_RECEIPT_BYTES = 64 * 1024  # as hub/signatures/jws.py
MOST_TOKEN_BYTES = 256 * 1024  # as hub/signatures/timestamps.py
MOST_BYTES_IN = {RECEIPTS: 64 * MIB, REVOCATION: 256 * MIB, TIMESTAMPS: 64 * MIB}  # what is held in memory at once


class EnvelopeEntry(Struct, frozen=True):
    """The envelope as received; `reason` says why it is not here when `kept` is false (`secret` or `gone`)."""

    sha256: str
    size_bytes: int
    kept: bool
    reason: str = ""


class ReceiptEntry(Struct, frozen=True):
    """One receipt: its file, and the facts that its claims must repeat."""

    file: str
    id: str
    event: str
    delivery: str | None


class RevocationEntry(Struct, frozen=True):
    """One CRL or OCSP answer that the verdict relied on; `issuer_key` names the CA that an answer is about."""

    file: str
    kind: EvidenceKind
    issuer_key: str


class Index(Struct, frozen=True):
    """index.json: what this bundle is about and what belongs to it."""

    format: str
    version: int
    hub: str
    consignment: str
    made_at: Moment
    envelope: EnvelopeEntry
    receipts: list[ReceiptEntry]
    revocation: list[RevocationEntry]


class FindingRow(Struct, frozen=True):
    """One finding as it was; the sentences beside it are for readers."""

    check: str
    code: str
    severity: Severity
    where: str
    evidence: dict[str, str]


class Record(Struct, frozen=True):
    """findings.json: the verdict and everything that it rests on."""

    consignment: str
    sender: str
    document_id: str
    verdict: str
    received_at: Moment
    judged_at: Moment
    rule_pack: str
    text_limit_bytes: int
    findings: list[FindingRow]
    signature: dict[str, Any]
    files: list[dict[str, Any]]
    replaces_paper: bool
    because: list[FindingRow]

    @property
    def before_evidence(self) -> bool:
        """True for a sending from before the hub asked for revocation and looked into PDF files."""
        return "evidence" not in self.signature


@dataclass(frozen=True, slots=True)
class ReceiptFile:
    """One receipt of the bundle; `claims` is None when it is not genuine."""

    entry: ReceiptEntry
    jws: str
    claims: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Bundle:
    """An opened bundle, its small parts read; `proofs` as written, by the receipt's id."""

    container: Container
    trust: Trust
    index: Index
    record: Record
    receipts: Sequence[ReceiptFile]
    proofs: Mapping[str, Any]


class Unfit(ValueError):
    """The parts of the bundle do not fit together; `finding` says how."""

    def __init__(self, code: str, **evidence: str) -> None:
        super().__init__(code)
        self.finding = Finding("contents", code, Severity.ERROR, evidence.get("name", ""), evidence)


def as_json(value: Mapping[str, Any]) -> bytes:
    """JSON for people and programs, always the same for the same value."""
    return (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n").encode("utf-8")


def opened(container: Container, trust: Trust) -> Bundle:
    """The bundle in a container. Raises: Unfit, Malformed."""
    index = _decoded(container, INDEX, Index)
    if (index.format, index.version) != (FORMAT, VERSION):
        raise Unfit("bundle.version_unknown", format=index.format[:80], version=str(index.version))
    record = _decoded(container, FINDINGS, Record)
    _complete(container, index, record)
    receipts = [_receipt(container, entry, trust) for entry in index.receipts]
    proofs = _decoded(container, PROOFS, dict[str, Any])
    if not proofs.keys() <= {entry.id for entry in index.receipts}:
        raise Unfit("bundle.part_unexpected", name=PROOFS)
    return Bundle(container, trust, index, record, receipts, proofs)


def token_name(number: int) -> str:
    """The file of a seal's timestamp.

    >>> token_name(7)
    'timestamps/seal-7.tst'
    """
    return f"{TIMESTAMPS}seal-{number}.tst"


def _decoded(container: Container, name: str, kind: type[_T]) -> _T:
    return msgspec.json.decode(_read(container, name, MOST_JSON_BYTES), type=kind)


def _read(container: Container, name: str, most_bytes: int) -> bytes:
    if name not in container.places:
        raise Unfit("bundle.part_missing", name=name)
    return container.read(name, most_bytes=most_bytes)


def _complete(container: Container, index: Index, record: Record) -> None:
    """Raises: Malformed over a bound; Unfit unless index, record and files speak about the same things."""
    if record.consignment != index.consignment:
        raise Unfit("bundle.of_another", name=FINDINGS, consignment=record.consignment[:80])
    listed = [entry.file for entry in (*index.receipts, *index.revocation)]
    there = [name for name in container.places if name.startswith((RECEIPTS, REVOCATION))]
    for name in sorted(set(listed) ^ set(there)):
        raise Unfit("bundle.part_missing" if name in listed else "bundle.part_unexpected", name=name)
    for folder, most_bytes in MOST_BYTES_IN.items():
        if sum(place.size_bytes for name, place in container.places.items() if name.startswith(folder)) > most_bytes:
            raise Malformed("too_large", folder)
    ids = {entry.id for entry in index.receipts}
    if len(set(listed)) != len(listed) or len(ids) != len(index.receipts):
        raise Unfit("bundle.part_unexpected", name=INDEX)
    if index.envelope.kept != (ENVELOPE in container.places):
        raise Unfit("bundle.part_missing" if index.envelope.kept else "bundle.part_unexpected", name=ENVELOPE)


def _receipt(container: Container, entry: ReceiptEntry, trust: Trust) -> ReceiptFile:
    text = _read(container, entry.file, MOST_RECEIPT_BYTES).decode("ascii", "replace")
    try:
        return ReceiptFile(entry, text, jws.verify_receipt(text, trusted=trust.hub))
    except ReceiptNotGenuine:
        return ReceiptFile(entry, text, None)
