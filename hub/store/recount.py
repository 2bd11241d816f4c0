"""What counts, read from the rows of what happened: consignments, deliveries, statuses, duties, late sendings.

Owns: turning rows into the facts of hub/domain/what_counts.py, a few at a time or all of them, in bounded memory.
Never: reads a tally; writes.
Source: Decision 28/2018/QĐ-TTg Art. 11 (statistics come automatically from the systems).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain import what_counts
from hub.domain.changes import DocumentState
from hub.domain.consignments import ConsignmentState
from hub.domain.counting import Cell, Counted, Direction
from hub.domain.deliveries import DeliveryState
from hub.domain.duties import DutyKind, DutyOutcome
from hub.domain.envelopes import Kind
from hub.domain.periods import vietnam_day
from hub.domain.rules import RulePack, pack_on
from hub.domain.signatures import Judgement, Role
from hub.domain.statuses import StatusCode
from hub.domain.what_counts import CopySent, FoundSignature, Sending
from hub.store import bulk
from hub.store.life_tables import documents, duties
from hub.store.tables import consignments, deliveries, events, statuses

KEYS_PER_QUERY = 500
CONSIGNMENTS_AT_ONCE = 1000
Key = tuple[str, Direction]
_Told = tuple[str, datetime]  # a status code, and when


@dataclass(slots=True)
class Found:
    """What counts by now."""

    counted: dict[Key, Counted] = field(default_factory=dict)


def some(
    connection: Connection, *, consignment_ids: Collection[str], delivery_ids: Collection[str], now: datetime
) -> Found:
    """What these consignments count for at their senders and these deliveries at their recipients."""
    found = _found({one.sending.consignment_id: one for one in _kept(connection, consignment_ids)}, (), now=now)
    copies = [one for piece in _pieces(delivery_ids) for one in _copies(connection, _BY_ID, {"ids": piece})]
    of = {one.sending.consignment_id: one for one in _kept(connection, {owner for owner, _ in copies})}
    for owner, copy in copies:
        if owner in of:
            _take_copy(found, copy, of[owner], now=now)
    return found


def every(connection: Connection, *, now: datetime) -> Generator[tuple[Found, int], None, None]:
    """All that counts, by consignments in the order of their ids, each piece with how many of them it is about."""
    after = ""
    with bulk.seldom_collecting():
        while of := _after(connection, after):
            first, after = next(iter(of)), next(reversed(of))
            asked = {"first": first, "last": after}
            yield _found(of, _copies(connection, _BETWEEN, asked), now=now), len(of)


def how_many(connection: Connection) -> int:
    """How many consignments there are, for showing progress."""
    return connection.execute(sa.select(sa.func.count()).select_from(consignments).where(_IS_DOCUMENT)).scalar_one()


@dataclass(frozen=True, slots=True)
class _Kept:
    """A sending with what all its copies share."""

    sending: Sending
    rules: RulePack
    cell: Cell


def _after(connection: Connection, after: str) -> dict[str, _Kept]:
    ids = connection.execute(_NEXT, {"after": after, "most": CONSIGNMENTS_AT_ONCE}).scalars().all()
    if not ids:
        return {}
    asked = {"first": ids[0], "last": ids[-1]}
    return {row.id: _kept_of(row) for row in connection.execute(_SENDINGS_BETWEEN, asked).all()}


def _found(of: Mapping[str, _Kept], copies: Iterable[tuple[str, CopySent]], *, now: datetime) -> Found:
    """What these sendings count for, and these copies as far as they are copies of one of them."""
    found = Found()
    for kept in of.values():
        _take_sending(found, kept)
    for owner, copy in copies:
        if owner in of:
            _take_copy(found, copy, of[owner], now=now)
    return found


def _take_sending(found: Found, kept: _Kept) -> None:
    counted = what_counts.of_sender(kept.sending, kept.rules, cell=kept.cell)
    if counted is not None:
        found.counted[counted.subject_id, counted.direction] = counted


def _take_copy(found: Found, copy: CopySent, of: _Kept, *, now: datetime) -> None:
    for counted in what_counts.of_recipient(copy, of.sending, of.rules, now=now, cell=of.cell):
        found.counted[counted.subject_id, counted.direction] = counted


def _pieces(keys: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(keys)
    for start in range(0, len(ordered), KEYS_PER_QUERY):
        yield ordered[start : start + KEYS_PER_QUERY]


def _kept(connection: Connection, ids: Collection[str]) -> Iterator[_Kept]:
    for piece in _pieces(ids):
        for row in connection.execute(_SENDINGS, {"ids": piece}):
            yield _kept_of(row)


def _kept_of(row: Any) -> _Kept:
    sending = _sending(row)
    rules = pack_on(vietnam_day(sending.received_at))
    return _Kept(sending, rules, what_counts.cell_of(sending, rules))


def _sending(row: Any) -> Sending:
    signatures = _signatures(_read_files(row.files))
    return Sending(
        consignment_id=row.id,
        document_ref=row.document_ref,
        sender_key=row.sender_key,
        kind=row.kind,
        business_type=row.business_type,
        state=_SENDING_STATES[row.state],
        secret=not row.body_kept,
        received_at=row.received_at,
        judged_at=row.judged_at,
        issued_on=row.issued_on,
        notation=row.notation,
        type_name=row.type_name or "",
        urgency=row.urgency or 0,
        paper=row.paper,
        replaces_paper=row.replaces_paper,
        signatures=tuple(signatures),
        late=row.late,
        recalled_at=row.recalled_at,
    )


class _Certificate(msgspec.Struct):
    """Of a certificate, all that counts."""

    subject: str = ""


class _Signature(msgspec.Struct):
    """Of a signature in a file, all that counts."""

    role: Role
    judgement: Judgement
    certificate: _Certificate | None = None


class _File(msgspec.Struct):
    """Of an entry of the column `files`, all that counts: the rest is passed over, not read."""

    signatures: list[_Signature]


_read_files = msgspec.json.Decoder(list[_File]).decode


def _signatures(files: Iterable[_File]) -> Iterator[FoundSignature]:
    for number, file in enumerate(files):
        for one in file.signatures:
            yield FoundSignature(number, one.role, one.judgement, one.certificate.subject if one.certificate else "")


def _copies(connection: Connection, of: _Statements, asked: dict[str, Any]) -> Iterator[tuple[str, CopySent]]:
    """Each delivery that is asked for with the id of its consignment."""
    said: dict[str, list[_Told]] = defaultdict(list)
    for delivery_id, code, at in connection.execute(of.said, asked).all():
        said[delivery_id].append((code, at))
    in_time: dict[str, datetime] = {}
    given_up: dict[str, datetime] = {}
    for delivery_id, kind, at in connection.execute(of.owed, asked).all():
        first = in_time if kind == _RECEIPT else given_up
        if delivery_id not in first or at < first[delivery_id]:
            first[delivery_id] = at
    for row in connection.execute(of.copies, asked).all():
        key, consignment_id, recipient_key, state, *moments = row
        arrived_at, fetched_at, expired_at, expired_in_hand_at, ended_at = moments
        yield (
            consignment_id,
            CopySent(
                delivery_id=key,
                recipient_key=recipient_key,
                state=_DELIVERY_STATES[state],
                arrived_at=arrived_at,
                fetched_at=fetched_at,
                expired_at=expired_at,
                ended_at=ended_at,
                statuses=tuple(said.get(key, ())),
                receipt_in_time_at=in_time.get(key),
                given_up_at=given_up.get(key),
                expired_in_hand_at=expired_in_hand_at,
            ),
        )


_RECEIPT = DutyKind.RECEIPT.value
_SENDING_STATES = {state.value: state for state in ConsignmentState}  # looked up, not constructed, a million times
_DELIVERY_STATES = {state.value: state for state in DeliveryState}
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


def _some(column: sa.Column[str]) -> sa.ColumnElement[bool]:
    return column.in_(sa.bindparam("ids", expanding=True))


def _between(column: sa.Column[str]) -> sa.ColumnElement[bool]:
    return column.between(sa.bindparam("first"), sa.bindparam("last"))


_IS_DOCUMENT = consignments.c.kind == Kind.DOCUMENT.value
_sending_columns = (
    *(consignments.c[name] for name in ("id", "document_ref", "sender_key", "kind", "business_type", "state")),
    *(consignments.c[name] for name in ("body_kept", "received_at", "judged_at", "issued_on", "notation")),
    *(consignments.c[name] for name in ("paper", "replaces_paper")),
    sa.cast(consignments.c.files, sa.Text).label("files"),
    consignments.c.header["document_type_name"].as_string().label("type_name"),
    consignments.c.header["urgency"].as_integer().label("urgency"),
    sa.case((documents.c.state == DocumentState.RECALLED.value, documents.c.changed_at)).label("recalled_at"),
)


def _sendings(which: Callable[[sa.Column[str]], sa.ColumnElement[bool]]) -> sa.Select[Any]:
    """Said of each table by itself: else a piece in the middle is looked for from the beginning of the others."""
    told = sa.and_(events.c.consignment_id == consignments.c.id, which(events.c.consignment_id))
    late = sa.select(sa.literal(1)).where(told, events.c.kind == "overdue", events.c.delivery_id.is_(None)).exists()
    return (
        sa.select(*_sending_columns, late.label("late"))
        .outerjoin(documents, sa.and_(documents.c.id == consignments.c.id, which(documents.c.id)))
        .where(_IS_DOCUMENT, which(consignments.c.id))
        .order_by(consignments.c.id)
    )


_SENDINGS, _SENDINGS_BETWEEN = _sendings(_some), _sendings(_between)
_NEXT = (
    sa.select(consignments.c.id)
    .where(_IS_DOCUMENT, consignments.c.id > sa.bindparam("after"))
    .order_by(consignments.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)


@dataclass(frozen=True, slots=True)
class _Statements:
    """Copies, what their recipients said and what they owed; all three take the same parameters."""

    copies: sa.Select[Any]
    said: sa.Select[Any]
    owed: sa.Select[Any]


_copy_columns = tuple(
    deliveries.c[name]
    for name in (
        *("id", "consignment_id", "recipient_key", "state"),
        *("arrived_at", "fetched_at", "expired_at", "expired_in_hand_at", "ended_at"),
    )
)
_said = sa.select(statuses.c.delivery_id, statuses.c.code, statuses.c.recorded_at)
_owed = sa.select(duties.c.delivery_id, duties.c.kind, duties.c.ended_at)
_counts = sa.or_(
    sa.and_(
        duties.c.kind == DutyKind.RECEIPT.value,
        duties.c.outcome == DutyOutcome.MET.value,
        duties.c.ended_at <= duties.c.due_at,
    ),
    sa.and_(duties.c.kind.in_(_CANCELLED_BY), duties.c.outcome == DutyOutcome.ACCEPTED.value),
)


def _statements(which: sa.ColumnElement[bool]) -> _Statements:
    of_statuses = _said.join(deliveries, deliveries.c.id == statuses.c.delivery_id)
    of_duties = _owed.join(deliveries, deliveries.c.id == duties.c.delivery_id)
    return _Statements(
        copies=sa.select(*_copy_columns).where(which),
        said=of_statuses.where(which, statuses.c.code.in_(_HANDLED)),
        owed=of_duties.where(which, _counts),
    )


_BY_ID, _BETWEEN = _statements(_some(deliveries.c.id)), _statements(_between(deliveries.c.consignment_id))
