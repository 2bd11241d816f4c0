"""Deliveries: each recipient's copy, its inbox position, its acknowledgement and its statuses.

Owns: creating them once per recipient, placing them in the inbox in an order that never skips, ending them.
Never: talks to an agency.
Source: design §5; field notes (cursor feeds must not lose items that commit late).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.consignments import Lane
from hub.domain.deliveries import FINAL, STEPS, Cause, DeliveryState
from hub.domain.envelopes import BusinessType
from hub.errors import IllegalTransition
from hub.store.engine import Transaction
from hub.store.tables import agencies, consignments, deliveries, statuses


@dataclass(frozen=True, slots=True)
class Delivery:
    """One recipient's copy; `position` is its place in the recipient's inbox.

    `same_as` is the delivery that stands for it: an earlier one, or the successor's; `replaced_by` the consignment
    of the document that took its place; `arrival_number` the recipient's number of the year. `arrived_at` is when it
    first came into the recipient's hands, `expired_at` when its time first ended, `expired_in_hand_at` when that first
    happened after it had arrived: delivered again, all three stay.
    """

    id: str
    consignment_id: str
    recipient_key: str
    addressee: str
    state: DeliveryState
    lane: Lane
    created_at: datetime
    position: int | None = None
    attempts: int = 0
    next_attempt_at: datetime | None = None
    reason: str = ""
    cause: Cause = Cause.NONE
    status_code: str | None = None
    same_as: str | None = None
    replaced_by: str | None = None
    expires_at: datetime | None = None
    arrival_year: int | None = None
    arrival_number: int | None = None
    arrived_at: datetime | None = None
    placed_at: datetime | None = None
    fetched_at: datetime | None = None
    expired_at: datetime | None = None
    expired_in_hand_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """One status as said by a party; `said_at` is the time that it claims, `receipt_id` the hub's answer.

    `by_hub`: the hub saw it and said it for the recipient; `to_inform`: the owner has no message about it yet.
    """

    id: str
    delivery_id: str
    code: str
    said_by: str
    description: str
    said_at: datetime
    recorded_at: datetime
    receipt_id: str
    consignment_id: str | None = None
    by_hub: bool = False
    to_inform: bool = False


def read_delivery(row: Any) -> Delivery:
    """A row of the table `deliveries` as a value."""
    values = {name: getattr(row, name) for name in Delivery.__slots__}
    values |= {"state": DeliveryState(row.state), "lane": Lane(row.lane), "cause": Cause(row.cause)}
    return Delivery(**values)


def add(transaction: Transaction, many: Sequence[Delivery]) -> None:
    """Create the deliveries of one consignment."""
    rows = []
    for delivery in many:
        values = {name: getattr(delivery, name) for name in Delivery.__slots__}
        rows.append(
            values | {"state": delivery.state.value, "lane": delivery.lane.value, "cause": delivery.cause.value}
        )
    if rows:
        transaction.execute(_INSERT, rows)


def of_consignment(connection: Connection, consignment_id: str) -> list[Delivery]:
    """All deliveries of a consignment, in the order of their recipients."""
    rows = connection.execute(
        sa.select(deliveries).where(deliveries.c.consignment_id == consignment_id).order_by(deliveries.c.recipient_key)
    )
    return [read_delivery(row) for row in rows]


def get(connection: Connection, delivery_id: str) -> Delivery | None:
    """The delivery with this id, or None."""
    row = connection.execute(_BY_ID, {"id": delivery_id}).one_or_none()
    return read_delivery(row) if row is not None else None


def lock(transaction: Transaction, delivery_id: str) -> Delivery | None:
    """The delivery, locked until the transaction ends; None when it does not exist."""
    row = transaction.execute(_LOCKED, {"id": delivery_id}).one_or_none()
    return read_delivery(row) if row is not None else None


def move(transaction: Transaction, delivery: Delivery, to: DeliveryState, **facts: Any) -> None:
    """Take one allowed step and write the facts that go with it. Raises IllegalTransition for any other step."""
    if (delivery.state, to) not in STEPS:
        raise IllegalTransition(f"{delivery.id}: {delivery.state} → {to}", thing="delivery", state=delivery.state.value)
    if to in FINAL:
        facts["expires_at"] = None
    change(transaction, delivery.id, state=to.value, **({"next_attempt_at": None} | facts))


def change(transaction: Transaction, delivery_id: str, **facts: Any) -> None:
    """Write facts of a locked delivery without a step."""
    transaction.execute(_CHANGED, {"of": delivery_id, **facts})


def fetched(transaction: Transaction, delivery_id: str, *, at: datetime) -> bool:
    """Note when the recipient first takes the bytes; False when that was noted before, or it may not any more."""
    readable = deliveries.c.state.in_([DeliveryState.IN_HAND.value, DeliveryState.HANDED_OVER.value])
    first = sa.update(deliveries).where(deliveries.c.id == delivery_id, deliveries.c.fetched_at.is_(None), readable)
    return transaction.execute(first.values(fetched_at=at)).rowcount == 1


def next_position(transaction: Transaction, recipient_key: str) -> int:
    """The next place in the recipient's inbox; its row stays locked, so places appear in their order."""
    return transaction.execute(_NEXT_POSITION, {"recipient": recipient_key}).scalar_one()


def inbox_is_full(connection: Connection, recipient_key: str, quota: int) -> bool:
    """True when `quota` documents wait in the recipient's inbox; counted only when that may be so."""
    asked = {"recipient": recipient_key}
    oldest = connection.execute(_OLDEST_PLACE, asked).scalar_one()
    if oldest is None:
        return False
    last = connection.execute(_LAST_PLACE, asked).scalar_one()
    return last - oldest + 1 >= quota and connection.execute(_WAITING, asked).scalar_one() >= quota


def claim(transaction: Transaction, delivery: Delivery, until: datetime) -> bool:
    """Put a due row off until `until`; False when it moved since it was read, so that nobody needs to wake it."""
    unmoved = sa.and_(
        deliveries.c.id == delivery.id,
        deliveries.c.state == delivery.state.value,
        deliveries.c.next_attempt_at == delivery.next_attempt_at,
    )
    return transaction.execute(sa.update(deliveries).where(unmoved).values(next_attempt_at=until)).rowcount == 1


def due(connection: Connection, now: datetime, *, limit: int) -> list[Delivery]:
    """Deliveries whose next attempt has come, longest waiting first."""
    rows = connection.execute(
        sa.select(deliveries)
        .where(deliveries.c.next_attempt_at.isnot(None), deliveries.c.next_attempt_at <= now)
        .order_by(deliveries.c.next_attempt_at)
        .limit(limit)
    )
    return [read_delivery(row) for row in rows]


def inbox(connection: Connection, recipient_key: str, *, after: int, limit: int) -> list[tuple[Delivery, Any]]:
    """Deliveries waiting to be acknowledged, by position after `after`, each with its consignment's row."""
    rows = connection.execute(_INBOX, {"recipient": recipient_key, "after": after, "most": limit})
    return [(read_delivery(row), row) for row in rows]


def held_copies(
    connection: Connection, *, sender_key: str, document_id: str, attachments_sha256: str
) -> dict[str, str]:
    """Recipient key → delivery id of those who have these attachments of this document, or will get them."""
    asked = {"sender": sender_key, "document": document_id, "attachments": attachments_sha256}
    rows = connection.execute(_HELD_COPIES, asked)
    return {row.recipient_key: row.id for row in rows}


def of_document(connection: Connection, *, sender_key: str, document_id: str, recipient_key: str) -> list[Delivery]:
    """The deliveries that carried one document to one recipient, newest first; not the notices about it."""
    rows = connection.execute(
        sa.select(deliveries)
        .join(consignments, consignments.c.id == deliveries.c.consignment_id)
        .where(
            consignments.c.sender_key == sender_key,
            consignments.c.document_id == document_id,
            consignments.c.kind == "document",
            consignments.c.business_type.in_([BusinessType.NEW.value, BusinessType.REPLACE.value]),
            deliveries.c.recipient_key == recipient_key,
            deliveries.c.state != DeliveryState.ALREADY_HELD.value,
        )
        .order_by(deliveries.c.created_at.desc(), deliveries.c.id.desc())
    )
    return [read_delivery(row) for row in rows]


def add_status(transaction: Transaction, entry: StatusEntry) -> None:
    """Keep a status in the history."""
    transaction.execute(_STATUS, {name: getattr(entry, name) for name in StatusEntry.__slots__})


def said_by(connection: Connection, delivery_id: str, party_key: str) -> list[StatusEntry]:
    """What one party has said about a delivery, in the order in which it was recorded."""
    mine = sa.and_(statuses.c.delivery_id == delivery_id, statuses.c.said_by == party_key)
    rows = connection.execute(sa.select(statuses).where(mine).order_by(statuses.c.recorded_at, statuses.c.id))
    return [_read_status(row) for row in rows]


def statuses_of(connection: Connection, consignment_id: str) -> list[StatusEntry]:
    """Every status said about a consignment's deliveries, in the order in which they were recorded."""
    rows = connection.execute(
        sa.select(statuses)
        .join(deliveries, deliveries.c.id == statuses.c.delivery_id)
        .where(deliveries.c.consignment_id == consignment_id)
        .order_by(statuses.c.recorded_at, statuses.c.id)
    )
    return [_read_status(row) for row in rows]


def _read_status(row: Any) -> StatusEntry:
    return StatusEntry(**{name: getattr(row, name) for name in StatusEntry.__slots__})


# Statements of the hot path are made once: SQLAlchemy keeps what it derived from them.
_HOLDING = [state.value for state in (DeliveryState.DUE, DeliveryState.IN_HAND, DeliveryState.HANDED_OVER)]
_SHOWN = (
    *("sender_key", "kind", "document_id", "notation", "issued_on", "sha256", "size_bytes", "header"),
    *("signature_state", "replaces_paper"),
)
_shown = tuple(consignments.c[name].label(f"consignment_{name}") for name in _SHOWN)
_HELD_COPIES = (
    sa.select(deliveries.c.recipient_key, deliveries.c.id)
    .join(consignments, consignments.c.id == deliveries.c.consignment_id)
    .where(
        consignments.c.sender_key == sa.bindparam("sender"),
        consignments.c.document_id == sa.bindparam("document"),
        consignments.c.attachments_sha256 == sa.bindparam("attachments"),
        consignments.c.kind == "document",
        deliveries.c.state.in_(_HOLDING),
        sa.or_(deliveries.c.status_code.is_(None), deliveries.c.status_code != "02"),
    )
    .order_by(deliveries.c.created_at.desc())
)
_INBOX = (
    sa.select(deliveries, *_shown)
    .join(consignments, consignments.c.id == deliveries.c.consignment_id)
    .where(
        deliveries.c.recipient_key == sa.bindparam("recipient"),
        deliveries.c.state == DeliveryState.IN_HAND.value,
        deliveries.c.position > sa.bindparam("after"),
    )
    .order_by(deliveries.c.position)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_in_inbox = sa.and_(
    deliveries.c.recipient_key == sa.bindparam("recipient"), deliveries.c.state == DeliveryState.IN_HAND.value
)
_OLDEST_PLACE = sa.select(sa.func.min(deliveries.c.position)).where(_in_inbox)
_LAST_PLACE = sa.select(agencies.c.inbox_position).where(agencies.c.code_key == sa.bindparam("recipient"))
_WAITING = sa.select(sa.func.count()).select_from(deliveries).where(_in_inbox)
_NEXT_POSITION = (
    sa.update(agencies)
    .where(agencies.c.code_key == sa.bindparam("recipient"))
    .values(inbox_position=agencies.c.inbox_position + 1)
    .returning(agencies.c.inbox_position)
)
_BY_ID = sa.select(deliveries).where(deliveries.c.id == sa.bindparam("id"))
_LOCKED = _BY_ID.with_for_update(key_share=True)
_INSERT = deliveries.insert().inline()
_STATUS = statuses.insert().inline()
_CHANGED = sa.update(deliveries).where(deliveries.c.id == sa.bindparam("of"))  # sets what the parameters name
