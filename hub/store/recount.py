"""What counts, read from the rows of what happened: consignments, deliveries, statuses, duties, late sendings.

Owns: turning rows into the facts of hub/domain/what_counts.py, a few at a time or all of them, in bounded memory.
Never: reads a tally; writes.
Source: Decision 28/2018/QĐ-TTg Art. 11 (statistics come automatically from the systems).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain import what_counts
from hub.domain.changes import DocumentState
from hub.domain.consignments import ConsignmentState
from hub.domain.counting import Counted, Direction
from hub.domain.deliveries import DeliveryState
from hub.domain.duties import DutyKind, DutyOutcome
from hub.domain.envelopes import Kind
from hub.domain.periods import vietnam_day
from hub.domain.rules import pack_on
from hub.domain.signatures import Judgement, Role
from hub.domain.statuses import StatusCode
from hub.domain.what_counts import CopySent, FoundSignature, Sending
from hub.store.life_tables import documents, duties
from hub.store.tables import consignments, deliveries, events, statuses

KEYS_PER_QUERY = 500
CONSIGNMENTS_AT_ONCE = 1000
Key = tuple[str, Direction]


@dataclass(slots=True)
class Found:
    """What counts by now; `signers` are (agency, Vietnamese day, digest of a person)."""

    counted: dict[Key, Counted] = field(default_factory=dict)
    signers: set[tuple[str, date, str]] = field(default_factory=set)


def some(
    connection: Connection, *, consignment_ids: Collection[str], delivery_ids: Collection[str], now: datetime
) -> Found:
    """What these consignments count for at their senders and these deliveries at their recipients."""
    found = Found()
    for sending in _sendings(connection, _BY_ID, consignment_ids):
        _take_sending(found, sending)
    copies = list(_copies(connection, _COPIES, delivery_ids))
    of = {one.consignment_id: one for one in _sendings(connection, _BY_ID, {owner for owner, _ in copies})}
    for owner, copy in copies:
        if owner in of:
            _take_copy(found, copy, of[owner], now=now)
    return found


def every(connection: Connection, *, now: datetime) -> Iterator[tuple[Found, int]]:
    """All that counts, by consignments in the order of their ids, each piece with how many of them it is about."""
    after = ""
    while True:
        asked = {"after": after, "most": CONSIGNMENTS_AT_ONCE}
        ids = list(connection.execute(_NEXT_IDS, asked).scalars())
        if not ids:
            return
        after, found = ids[-1], Found()
        of = {one.consignment_id: one for one in _sendings(connection, _BY_ID, ids)}
        for sending in of.values():
            _take_sending(found, sending)
        for owner, copy in _copies(connection, _COPIES_OF, of):
            _take_copy(found, copy, of[owner], now=now)
        yield found, len(ids)


def how_many(connection: Connection) -> int:
    """How many consignments there are, for showing progress."""
    documents_only = consignments.c.kind == Kind.DOCUMENT.value
    return connection.execute(sa.select(sa.func.count()).select_from(consignments).where(documents_only)).scalar_one()


def _take_sending(found: Found, sending: Sending) -> None:
    rules = pack_on(vietnam_day(sending.received_at))
    counted = what_counts.of_sender(sending, rules)
    if counted is None:
        return
    found.counted[counted.subject_id, counted.direction] = counted
    if counted.direction is Direction.SENT:
        found.signers |= {(counted.agency_key, counted.day, person) for person in what_counts.people(sending)}


def _take_copy(found: Found, copy: CopySent, sending: Sending, *, now: datetime) -> None:
    rules = pack_on(vietnam_day(sending.received_at))
    for counted in what_counts.of_recipient(copy, sending, rules, now=now):
        found.counted[counted.subject_id, counted.direction] = counted


def _pieces(keys: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(keys)
    for start in range(0, len(ordered), KEYS_PER_QUERY):
        yield ordered[start : start + KEYS_PER_QUERY]


def _sendings(connection: Connection, statement: sa.Select[Any], ids: Collection[str]) -> Iterator[Sending]:
    for piece in _pieces(ids):
        for row in connection.execute(statement, {"ids": piece}):
            yield _sending(row)


def _sending(row: Any) -> Sending:
    return Sending(
        consignment_id=row.id,
        document_ref=row.document_ref,
        sender_key=row.sender_key,
        kind=row.kind,
        business_type=row.business_type,
        state=ConsignmentState(row.state),
        secret=not row.body_kept,
        received_at=row.received_at,
        judged_at=row.judged_at,
        issued_on=row.issued_on,
        notation=row.notation,
        type_name=row.type_name or "",
        urgency=row.urgency or 0,
        paper=row.paper,
        replaces_paper=row.replaces_paper,
        signatures=tuple(_signatures(row.files)),
        late=row.late,
        recalled_at=row.recalled_at,
    )


def _signatures(files: list[Mapping[str, Any]]) -> Iterator[FoundSignature]:
    for number, file in enumerate(files):
        for one in file["signatures"]:
            subject = (one["certificate"] or {}).get("subject", "")
            yield FoundSignature(number, Role(one["role"]), Judgement(one["judgement"]), subject)


def _copies(connection: Connection, statement: sa.Select[Any], ids: Collection[str]) -> Iterator[tuple[str, CopySent]]:
    """Each delivery with the id of its consignment; `ids` are of deliveries or of consignments, as asked."""
    for piece in _pieces(ids):
        rows = connection.execute(statement, {"ids": piece}).all()
        said, owed = _said(connection, [row.id for row in rows]), _owed(connection, [row.id for row in rows])
        for row in rows:
            yield row.consignment_id, _copy(row, said[row.id], owed[row.id])


def _copy(row: Any, said: list[tuple[str, datetime]], owed: list[Any]) -> CopySent:
    in_time = [duty.ended_at for duty in owed if duty.kind == DutyKind.RECEIPT]
    given_up = [duty.ended_at for duty in owed if duty.kind != DutyKind.RECEIPT]
    return CopySent(
        delivery_id=row.id,
        recipient_key=row.recipient_key,
        state=DeliveryState(row.state),
        arrived_at=row.arrived_at,
        fetched_at=row.fetched_at,
        expired_at=row.expired_at,
        ended_at=row.ended_at,
        statuses=tuple(said),
        receipt_in_time_at=min(in_time, default=None),
        given_up_at=min(given_up, default=None),
    )


def _said(connection: Connection, delivery_ids: Collection[str]) -> dict[str, list[tuple[str, datetime]]]:
    found: dict[str, list[tuple[str, datetime]]] = defaultdict(list)
    for piece in _pieces(delivery_ids):
        for row in connection.execute(_SAID, {"ids": piece}):
            found[row.delivery_id].append((row.code, row.recorded_at))
    return found


def _owed(connection: Connection, delivery_ids: Collection[str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for piece in _pieces(delivery_ids):
        for row in connection.execute(_OWED, {"ids": piece}):
            found[row.delivery_id].append(row)
    return found


_CANCELLED_BY = [kind.value for kind in (DutyKind.RECALL, DutyKind.REMOVE, DutyKind.TAKE_BACK)]
_HANDLED = [
    code.value
    for code in (
        StatusCode.DECLINED,
        StatusCode.RECEIVED_BY_AGENCY,
        StatusCode.ASSIGNED,
        StatusCode.IN_PROGRESS,
        StatusCode.COMPLETED,
    )
]
_late = (
    sa.select(sa.literal(1))
    .where(events.c.consignment_id == consignments.c.id, events.c.kind == "overdue", events.c.delivery_id.is_(None))
    .exists()
)
_BY_ID = (
    sa.select(
        *(consignments.c[name] for name in ("id", "document_ref", "sender_key", "kind", "business_type", "state")),
        *(consignments.c[name] for name in ("body_kept", "received_at", "judged_at", "issued_on", "notation")),
        *(consignments.c[name] for name in ("paper", "replaces_paper", "files")),
        consignments.c.header["document_type_name"].as_string().label("type_name"),
        consignments.c.header["urgency"].as_integer().label("urgency"),
        _late.label("late"),
        sa.case((documents.c.state == DocumentState.RECALLED.value, documents.c.changed_at)).label("recalled_at"),
    )
    .outerjoin(documents, documents.c.id == consignments.c.id)
    .where(consignments.c.id.in_(sa.bindparam("ids", expanding=True)), consignments.c.kind == Kind.DOCUMENT.value)
    .order_by(consignments.c.id)
)
_NEXT_IDS = (
    sa.select(consignments.c.id)
    .where(consignments.c.id > sa.bindparam("after"), consignments.c.kind == Kind.DOCUMENT.value)
    .order_by(consignments.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_copy_columns = tuple(
    deliveries.c[name]
    for name in (
        *("id", "consignment_id", "recipient_key", "state"),
        *("arrived_at", "fetched_at", "expired_at", "ended_at"),
    )
)
_COPIES = sa.select(*_copy_columns).where(deliveries.c.id.in_(sa.bindparam("ids", expanding=True)))
_COPIES_OF = sa.select(*_copy_columns).where(deliveries.c.consignment_id.in_(sa.bindparam("ids", expanding=True)))
_SAID = sa.select(statuses.c.delivery_id, statuses.c.code, statuses.c.recorded_at).where(
    statuses.c.delivery_id.in_(sa.bindparam("ids", expanding=True)), statuses.c.code.in_(_HANDLED)
)
_OWED = sa.select(duties.c.delivery_id, duties.c.kind, duties.c.ended_at).where(
    duties.c.delivery_id.in_(sa.bindparam("ids", expanding=True)),
    sa.or_(
        sa.and_(
            duties.c.kind == DutyKind.RECEIPT.value,
            duties.c.outcome == DutyOutcome.MET.value,
            duties.c.ended_at <= duties.c.due_at,
        ),
        sa.and_(duties.c.kind.in_(_CANCELLED_BY), duties.c.outcome == DutyOutcome.ACCEPTED.value),
    ),
)
