"""The outgoing and the incoming register: each line with the sixteen items that the law wants shown.

Owns: the items under the law's letters, what is put into each, the warnings of duplicates, the columns of exports.
Never: shows staff data; decides who may read.
Source: Decision 28/2018/QĐ-TTg Art. 10(2)a-q; Decree 30/2020/NĐ-CP Art. 22, Annex VI (duplicates, outputs).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from hub.domain.changes import Copy, DocumentState
from hub.domain.deliveries import DeliveryState
from hub.domain.duties import DutyKind, DutyOutcome
from hub.domain.envelopes import BusinessType, Urgency
from hub.domain.rules import RulePack
from hub.domain.signatures import SignatureState
from hub.reports import ledger_words as words
from hub.reports.ledger_words import Word
from hub.store import ledgers
from hub.store.engine import Database
from hub.store.ledgers import Asked

EXPORT_PAGE = 500
LETTERS = ("a", "b", "c", "d", "đ", "e", "g", "h", "i", "k", "l", "m", "n", "o", "p", "q")


class Side(StrEnum):
    """Which of an agency's two registers."""

    OUTGOING = "outgoing"
    INCOMING = "incoming"


@dataclass(frozen=True, slots=True)
class Number:
    """Item b: agency, year of issue and running number, as the law composes an id, and the id as it was written."""

    composed: str
    written: str


@dataclass(frozen=True, slots=True)
class File:
    """Item g: one attached file."""

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Signer:
    """Item i."""

    position: str
    name: str


@dataclass(frozen=True, slots=True)
class Place:
    """Items l and m: an agency; for a receiver how its copy stands and when it took it."""

    code: str
    name: str
    status: Word | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """Item p: one thing that happened."""

    at: datetime
    what: Word


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Why a line looks like another: the same document again, or its number, symbol, issuer and year."""

    why: str  # same_document, same_number
    document_id: str


@dataclass(frozen=True, slots=True)
class Further:
    """Item q: what the law leaves open."""

    paper: Word
    signature: Word
    replaces_paper: bool
    document: Word
    newer_document_id: str
    arrival_year: int | None = None
    arrival_number: int | None = None
    duplicates: tuple[Duplicate, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One document in a register, the fields in the order of the law's letters; `receivers` may be only the first."""

    agency_id: str
    document_id: Number
    notation: str
    issued_on: date | None
    document_type: str
    subject: str
    attachments: tuple[File, ...]
    processing: tuple[tuple[Word, int], ...]
    signer: Signer
    urgency: Word
    sender: Place
    receivers: tuple[Place, ...]
    sent_at: datetime
    received_at: datetime | None
    due_on: date | None
    history: tuple[Step, ...]
    further: Further
    receivers_in_all: int
    row_id: str
    cursor: str


def page(connection: Any, side: Side, asked: Asked, rules: RulePack) -> list[Line]:
    """One page of a register, newest first. Raises BadRequest for a cursor that is none."""
    if side is Side.OUTGOING:
        return _outgoing(connection, asked, rules)
    return _incoming(connection, asked, rules)


def every(database: Database, side: Side, asked: Asked, rules: RulePack) -> Iterator[Line]:
    """All lines that were asked for; between pages no connection is held, so a slow reader hinders nobody."""
    asked = replace(asked, limit=EXPORT_PAGE)
    while True:
        with database.reading() as connection:
            lines = page(connection, side, asked, rules)
        yield from lines
        if len(lines) < EXPORT_PAGE:
            return
        asked = replace(asked, after=lines[-1].cursor)


def _outgoing(connection: Any, asked: Asked, rules: RulePack) -> list[Line]:
    rows = ledgers.outgoing(connection, asked)
    refs = [row.ref for row in rows]
    receivers: dict[str, list[Place]] = defaultdict(list)
    for one in ledgers.recipients(connection, refs):
        receivers[one.document_ref].append(_receiver(one, rules))
    tallies: dict[str, dict[Word, int]] = defaultdict(lambda: defaultdict(int))
    for one in ledgers.tallies(connection, refs):
        tallies[one.document_ref][words.held(_copy(one, fetched=bool(one.fetched)), rules)] += one.many
    history: dict[str, list[Step]] = defaultdict(list)
    for one in ledgers.sendings(connection, refs):
        history[one.of].append(Step(one.at, words.SENDINGS[BusinessType(one.business_type)]))
    duplicates = _same_numbers(connection, refs)
    return [
        _line(
            row,
            processing=tuple(sorted(tallies[row.ref].items(), key=lambda pair: (-pair[1], pair[0].code))),
            receivers=tuple(receivers[row.ref]),
            receivers_in_all=sum(tallies[row.ref].values()),
            sent_at=row.sent_at,
            received_at=None,
            history=tuple(history[row.ref]),
            further=_further(row, tuple(duplicates[row.ref])),
            row_id=row.ref,
            cursor=ledgers.cursor(row.sent_at, row.ref),
        )
        for row in rows
    ]


def _incoming(connection: Any, asked: Asked, rules: RulePack) -> list[Line]:
    rows = ledgers.incoming(connection, asked)
    refs = sorted({row.ref for row in rows})
    changes, history = _histories(connection, rows, rules)
    duplicates = _same_numbers(connection, refs, recipient_key=asked.agency_key)
    arrivals: dict[str, list[Any]] = defaultdict(list)
    for one in ledgers.earlier_arrivals(connection, refs, asked.agency_key):
        arrivals[one.ref].append(one)
    lines = []
    for row in rows:
        copy = _copy(row, fetched=row.fetched_at is not None, change=changes.get(row.id))
        own = (row.created_at, row.id)
        again = [Duplicate("same_document", row.document_id) for a in arrivals[row.ref] if (a.created_at, a.id) < own]
        further = _further(row, (*again[:1], *duplicates[row.ref]))
        received_at = row.ended_at if row.state == DeliveryState.HANDED_OVER else None
        status = words.held(copy, rules)
        lines.append(
            _line(
                row,
                processing=((status, 1),),
                receivers=(Place(row.recipient_key, row.addressee, status, received_at),),
                receivers_in_all=1,
                sent_at=row.received_at,
                received_at=received_at,
                history=tuple(history[row.id]),
                further=replace(further, arrival_year=row.arrival_year, arrival_number=row.arrival_number),
                row_id=row.id,
                cursor=ledgers.cursor(row.created_at, row.id),
            )
        )
    return lines


def _line(row: Any, **own: Any) -> Line:
    """The items that both registers take from the document itself."""
    signer = row.signer if any((row.signer or {}).values()) else row.first_signer or {}
    number = row.code_number or row.first_code_number or ""
    position = ", ".join(part for part in (signer.get("competence"), signer.get("position")) if part)
    name = row.agency_name or (row.sender or {}).get("organ_name", "")
    year = row.issued_on.year if row.issued_on else ""
    return Line(
        agency_id=row.sender_key,
        document_id=Number(f"{row.sender_key}.{year}.{number}" if year and number else "", row.document_id),
        notation=row.notation,
        issued_on=row.issued_on,
        document_type=row.document_type,
        subject=row.subject,
        attachments=tuple(File(one["name"], one["size_bytes"]) for one in row.attachments or ()),
        signer=Signer(position, signer.get("full_name", "")),
        urgency=words.URGENCIES[Urgency(row.urgency)],
        sender=Place(row.sender_key, name),
        due_on=row.due_on,
        **own,
    )


def _further(row: Any, duplicates: tuple[Duplicate, ...]) -> Further:
    return Further(
        paper=words.PAPER[row.paper],
        signature=words.SIGNATURES[SignatureState(row.signature_state).shown],
        replaces_paper=row.replaces_paper,
        document=words.DOCUMENTS[DocumentState(row.document_state)],
        newer_document_id=row.newer_document_id or "",
        duplicates=duplicates,
    )


def _copy(row: Any, *, fetched: bool, change: Any = None) -> Copy:
    """The copy of a row; the change about it stands in `change` or in the row itself."""
    asked = change.kind if change else getattr(row, "asked", None)
    outcome = change.outcome if change else getattr(row, "outcome", None)
    return Copy(
        delivery_id=getattr(row, "id", ""),
        consignment_id="",
        recipient_key="",
        state=DeliveryState(row.state),
        fetched=fetched,
        status_code=row.status_code,
        asked=DutyKind(asked) if asked else None,
        outcome=DutyOutcome(outcome) if outcome else None,
    )


def _receiver(row: Any, rules: RulePack) -> Place:
    status = words.held(_copy(row, fetched=row.fetched_at is not None), rules)
    received_at = row.ended_at if row.state == DeliveryState.HANDED_OVER else None
    return Place(row.recipient_key, row.recipient_name or row.addressee, status, received_at)


def _histories(
    connection: Any, rows: Sequence[Any], rules: RulePack
) -> tuple[Mapping[str, Any], Mapping[str, list[Step]]]:
    """Of each delivery the latest change that was asked about it, and all that happened, oldest first."""
    found: dict[str, list[Step]] = defaultdict(list)
    latest: dict[str, Any] = {}
    for row in rows:
        ended = words.ENDED.get(DeliveryState(row.state))
        happened = ((row.placed_at, words.PLACED), (row.fetched_at, words.FETCHED), (row.ended_at, ended))
        found[row.id] += [Step(at, what) for at, what in happened if at and what]
    for said in ledgers.statuses_said(connection, list(found)):
        found[said.of].append(Step(said.at, words.status(said.code, rules)))
    for change in ledgers.changes_asked(connection, list(found)):
        latest[change.of] = change
        found[change.of].append(Step(change.at, words.ASKED[DutyKind(change.kind)]))
        if change.ended_at:
            found[change.of].append(Step(change.ended_at, words.ANSWERED[DutyOutcome(change.outcome)]))
    return latest, defaultdict(list, {key: sorted(steps, key=lambda step: step.at) for key, steps in found.items()})


def _same_numbers(connection: Any, refs: Sequence[str], *, recipient_key: str = "") -> dict[str, list[Duplicate]]:
    found: dict[str, list[Duplicate]] = defaultdict(list)
    for one in ledgers.same_number(connection, refs, recipient_key=recipient_key):
        found[one.ref].append(Duplicate("same_number", one.document_id))
    return found
