"""The header of a document of the invented year, as JSON, in exactly the shape of an edXML envelope that was read.

Owns: one text with blanks per agency, leader and kind of signatures, made from a real Envelope, filled a million times.
Never: leaves out a part that pages and exports read.
Source: hub/stations/record.py header_of.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from hub.demo.year_country import Leader, Unit
from hub.domain.envelopes import (
    Attachment,
    Business,
    BusinessType,
    Envelope,
    Hop,
    Kind,
    ManifestEntry,
    Party,
    Signer,
)
from hub.store.bulk import escaped

PDF = "application/pdf"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_AT = datetime(1999, 1, 4, tzinfo=UTC)  # stands for the moment of sending
_NUMBERS = {"urgency": -901, "paper": -902, "size": -903, "length": -904}  # stand for numbers
_DIGESTS = ("@digest@", "@digest_of_annex@")


@dataclass(frozen=True, slots=True)
class Filling:
    """What differs from document to document; `due_on` and `paper` as JSON (null or a value)."""

    document_id: str
    number: str
    notation: str
    issued_on: str
    type_number: str
    type_name: str
    subject: str
    due_on: str
    urgency: int
    paper: str
    size: int
    digests: tuple[str, str]
    sent_at: str
    to: tuple[Unit, ...]


class Headers:
    """Blank headers by agency, leader and file names; each is made once."""

    def __init__(self) -> None:
        self._blank: dict[tuple[str, str, tuple[str, ...]], str] = {}
        self._parties: dict[str, str] = {}
        self._resolved: dict[str, str] = {}

    def document(self, unit: Unit, leader: Leader, names: tuple[str, ...], filling: Filling) -> str:
        """The header of a new document."""
        key = (unit.key, leader.name, names)
        if key not in self._blank:
            self._blank[key] = _blank(_envelope(unit, leader, names), {"targets": [], "added": [], "removed": []})
        return self._filled(self._blank[key], filling)

    def recall(self, unit: Unit, filling: Filling, ref: str) -> str:
        """The header of a recall of a document; it has no files."""
        targets = [{"ref": ref, "document_id": filling.document_id, "recipients": []}]
        envelope = _envelope(unit, unit.leaders[0], (), business_type=BusinessType.RECALL)
        return self._filled(_blank(envelope, {"targets": targets, "added": [], "removed": []}), filling)

    def _filled(self, blank: str, one: Filling) -> str:
        return blank % {
            "id": one.document_id,
            "number": one.number,
            "notation": one.notation,
            "issued_on": one.issued_on,
            "type": one.type_number,
            "type_name": one.type_name,
            "subject": one.subject,
            "due_on": one.due_on,
            "urgency": one.urgency,
            "paper": one.paper,
            "size": one.size,
            "length": (one.size + 2) // 3 * 4,
            "digest": one.digests[0],
            "digest_of_annex": one.digests[1],
            "sent_at": one.sent_at,
            "to": ",".join([self._parties.get(unit.key) or self._party(unit) for unit in one.to]),
            "resolved": ",".join([self._resolved[unit.key] for unit in one.to]),
        }

    def _party(self, unit: Unit) -> str:
        """How a recipient is written; and, made beside it, as whom it was resolved."""
        self._resolved[unit.key] = _json({"addressee": unit.key, "recipient": unit.key})
        return self._parties.setdefault(unit.key, _json(msgspec.to_builtins(Party(unit.key, unit.name))))


def _envelope(
    unit: Unit, leader: Leader, names: tuple[str, ...], *, business_type: BusinessType = BusinessType.NEW
) -> Envelope:
    files = tuple(_attachment(number, name) for number, name in enumerate(names))
    reason = "Gửi nhầm, thu hồi theo đề nghị của đơn vị soạn thảo." if business_type is BusinessType.RECALL else ""
    return Envelope(
        kind=Kind.DOCUMENT,
        dialect="qcvn102-2016",
        sender=Party(unit.key, unit.name),
        document_id="@id@",
        code_number="@number@",
        code_notation="@notation@",
        issued_at_place=unit.place,
        document_type="@type@",
        document_type_name="@type_name@",
        subject="@subject@",
        signer=Signer(leader.competence, leader.position, leader.name),
        trace=(Hop(unit.key, _AT),),
        business=Business(business_type=business_type, reason=reason),
        manifest=tuple(ManifestEntry(file.content_id, file.declared_type, file.name) for file in files),
        attachments=files,
        has_signature_element=unit.certified,
    )


def _attachment(number: int, name: str) -> Attachment:
    kind = PDF if name.endswith(".pdf") else WORD
    size, length = _NUMBERS["size"], _NUMBERS["length"]
    return Attachment(str(209 + number), name, kind, "", 6000, length, size, _DIGESTS[number], kind)


def _blank(envelope: Envelope, change: dict[str, Any]) -> str:
    """The JSON text with a blank for everything that differs."""
    header = msgspec.to_builtins(envelope)
    header |= {"addressees": ["@to@"], "issued_on": "@issued_on@", "due_on": "@due_on@", "urgency": _NUMBERS["urgency"]}
    header["business"] |= {"paper": _NUMBERS["paper"]}
    header |= {"resolved_recipients": ["@resolved@"], "change": change, "answers": None}
    text = _json(header).replace("%", "%%")
    for name in ("to", "resolved", "due_on"):  # whole JSON values
        text = text.replace(f'"@{name}@"', f"%({name})s")
    for name, number in _NUMBERS.items():
        text = text.replace(str(number), f"%({name})s")
    for name in (
        *("id", "number", "notation", "issued_on", "type", "type_name", "subject"),
        "digest",
        "digest_of_annex",
    ):
        text = text.replace(f"@{name}@", f"%({name})s")
    return text.replace(_AT.isoformat().replace("+00:00", "Z"), "%(sent_at)s")


def _json(value: Any) -> str:
    """As it stands in a line; made once for many."""
    return escaped(msgspec.json.encode(value).decode())
