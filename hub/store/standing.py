"""What stands still: deliveries whose time to live has ended, that wait at closed agencies, or that may be tried again.

Owns: the questions of the clock's endings and of `hub retry`; each is answered by an index.
Never: ends or moves anything.
Source: design §5; Decision 09/2025/QĐ-TTg Art. 2 (closed codes).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.agencies import AgencyStatus
from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import FINAL, DeliveryState
from hub.store.deliveries import Delivery, read_delivery
from hub.store.tables import agencies, consignments, deliveries


class ScopeKind(StrEnum):
    """By what the things to try again are chosen."""

    CONSIGNMENT = "consignment"
    DELIVERY = "delivery"
    RECIPIENT = "recipient"
    SENDER = "sender"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which things: `value` is the id of the consignment or delivery, or the code key of the agency."""

    kind: ScopeKind
    value: str = ""


@dataclass(frozen=True, slots=True)
class HeldOne:
    """A held consignment and when it is judged again."""

    id: str
    next_attempt_at: datetime


def expired(connection: Connection, now: datetime, *, limit: int) -> list[str]:
    """Deliveries under way whose time to live has ended, longest ended first."""
    return list(connection.execute(_EXPIRED, {"now": now, "most": limit}).scalars())


def at_closed(connection: Connection, day: date, *, limit: int) -> list[str]:
    """Deliveries that nobody fetched and whose recipient does not exchange on this day, oldest first.

    The oldest first, so that at the successor no change comes before the document that it is about.
    """
    return list(connection.execute(_AT_CLOSED, {"day": day, "most": limit}).scalars())


def copy_of(connection: Connection, consignment_id: str, recipient_key: str) -> str | None:
    """The delivery of this consignment to this recipient, or None."""
    asked = {"consignment": consignment_id, "recipient": recipient_key}
    return connection.execute(_COPY_OF, asked).scalar_one_or_none()


def waiting(connection: Connection, scope: Scope, now: datetime, *, limit: int) -> list[Delivery]:
    """Deliveries in scope that are to be handed over at a later time, the next to be tried first."""
    later = sa.and_(
        deliveries.c.state == DeliveryState.DUE.value,
        deliveries.c.next_attempt_at.isnot(None),
        deliveries.c.next_attempt_at > now,
    )
    rows = connection.execute(_chosen(scope, later).order_by(deliveries.c.next_attempt_at).limit(limit))
    return [read_delivery(row) for row in rows]


def run_out(connection: Connection, scope: Scope, *, limit: int) -> list[Delivery]:
    """Deliveries in scope that have expired, the latest ones first."""
    ended = deliveries.c.state == sa.literal_column(f"'{DeliveryState.EXPIRED.value}'")  # as its index is written
    rows = connection.execute(_chosen(scope, ended).order_by(deliveries.c.ended_at.desc()).limit(limit))
    return [read_delivery(row) for row in rows]


def held(connection: Connection, scope: Scope, now: datetime, *, limit: int) -> list[HeldOne]:
    """Held consignments in scope that are judged again at a later time; they have no recipients yet."""
    mine = {ScopeKind.CONSIGNMENT: consignments.c.id, ScopeKind.SENDER: consignments.c.sender_key}
    if scope.kind not in mine and scope.kind is not ScopeKind.ALL:
        return []
    statement = sa.select(consignments.c.id, consignments.c.next_attempt_at).where(
        consignments.c.next_attempt_at.isnot(None),
        consignments.c.next_attempt_at > now,
        consignments.c.state == ConsignmentState.HELD.value,
    )
    if scope.kind in mine:
        statement = statement.where(mine[scope.kind] == scope.value)
    rows = connection.execute(statement.order_by(consignments.c.next_attempt_at).limit(limit))
    return [HeldOne(row.id, row.next_attempt_at) for row in rows]


def _chosen(scope: Scope, state: sa.ColumnElement[bool]) -> sa.Select[tuple[object, ...]]:
    statement = sa.select(deliveries).where(state)
    match scope.kind:
        case ScopeKind.CONSIGNMENT:
            return statement.where(deliveries.c.consignment_id == scope.value)
        case ScopeKind.DELIVERY:
            return statement.where(deliveries.c.id == scope.value)
        case ScopeKind.RECIPIENT:
            return statement.where(deliveries.c.recipient_key == scope.value)
        case ScopeKind.SENDER:
            sent = consignments.c.id == deliveries.c.consignment_id
            return statement.join(consignments, sent).where(consignments.c.sender_key == scope.value)
        case ScopeKind.ALL:
            return statement


_UNDER_WAY = [state.value for state in DeliveryState if state not in FINAL]
_MOST = sa.bindparam("most", type_=sa.Integer)
_EXPIRED = (
    sa.select(deliveries.c.id)
    .where(
        deliveries.c.expires_at.isnot(None),
        deliveries.c.expires_at <= sa.bindparam("now"),
        deliveries.c.state.in_(_UNDER_WAY),
    )
    .order_by(deliveries.c.expires_at)
    .limit(_MOST)
)
_closed = agencies.c.status == sa.literal_column(f"'{AgencyStatus.CLOSED.value}'")
_bounded = sa.or_(_closed, agencies.c.valid_until.isnot(None), agencies.c.valid_from.isnot(None))  # as its index
_day = sa.bindparam("day", type_=sa.Date)
_does_not_exchange = sa.select(agencies.c.code_key).where(
    _bounded, sa.or_(_closed, agencies.c.valid_until < _day, agencies.c.valid_from > _day)
)
_AT_CLOSED = (  # one state each and no join: SQLite then seeks the few that wait, not a closed agency's past
    sa.union_all(
        *(
            sa.select(deliveries.c.id, deliveries.c.created_at).where(
                deliveries.c.recipient_key.in_(_does_not_exchange),
                deliveries.c.state == state,
                deliveries.c.fetched_at.is_(None),
            )
            for state in _UNDER_WAY
        )
    )
    .order_by("created_at", "id")
    .limit(_MOST)
)
_COPY_OF = sa.select(deliveries.c.id).where(
    deliveries.c.consignment_id == sa.bindparam("consignment"), deliveries.c.recipient_key == sa.bindparam("recipient")
)
