"""Copies that lay in an inbox longer than the rule pack lets them, and were not told of yet.

Owns: since when that is so; the question of the clock, answered by an index over what still lies there.
Never: marks them (the tally station does, after the event).
Source: domain notes §5.2 (documents not fetched after N hours); Decision 28/2018/QĐ-TTg Art. 8(2).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.counting import Direction
from hub.domain.periods import vietnam_day
from hub.domain.rules import pack_on, packs
from hub.store.report_tables import counted
from hub.store.tables import Instant, consignments, deliveries, events


@dataclass(frozen=True, slots=True)
class Unfetched:
    """A copy that nobody fetched within its hours; `over_at` is when they ended, whenever somebody looks."""

    delivery_id: str
    consignment_id: str
    recipient_key: str
    over_at: datetime


def lying(connection: Connection, *, by: datetime, limit: int) -> list[Unfetched]:
    """Copies that nobody has fetched although their hours ended by this moment, untold, longest lying first."""
    arrived_before = by - min(pack.unfetched_after for pack in packs())
    return _over(connection.execute(_LYING, {"before": arrived_before, "most": limit}), by=by)


def of_delivery(connection: Connection, delivery_id: str, *, by: datetime) -> Unfetched | None:
    """This copy, if its hours ended by this moment before anybody had fetched it and nothing tells of it yet."""
    found = _over(connection.execute(_ONE, {"id": delivery_id}), by=by)
    return found[0] if found else None


def _over(rows: Iterable[Any], *, by: datetime) -> list[Unfetched]:
    """Those whose own hours, by the rule pack of their document, are over."""
    found = []
    for row in rows:
        over_at = row.arrived_at + pack_on(vietnam_day(row.received_at)).unfetched_after
        if over_at <= by:
            found.append(Unfetched(row.delivery_id, row.consignment_id, row.recipient_key, over_at))
    return found


_told = (
    sa.select(sa.literal(1))
    .where(
        events.c.consignment_id == counted.c.consignment_id,
        events.c.delivery_id == counted.c.subject_id,
        events.c.kind == "unfetched",
    )
    .exists()
)
_UNTOLD = (
    sa.select(
        deliveries.c.id.label("delivery_id"),
        deliveries.c.consignment_id,
        deliveries.c.recipient_key,
        deliveries.c.arrived_at,
        consignments.c.received_at,
    )
    .select_from(counted)
    .join(deliveries, deliveries.c.id == counted.c.subject_id)
    .join(consignments, consignments.c.id == deliveries.c.consignment_id)
    .where(
        counted.c.direction == sa.literal_column(f"'{Direction.RECEIVED.value}'"),  # as the index has it
        counted.c.unfetched_at.is_(None),
        counted.c.taken_at.is_(None),
        counted.c.refused_at.is_(None),
        counted.c.left_at.is_(None),
        ~_told,
    )
)
_LYING = (
    _UNTOLD.where(counted.c.known_at <= sa.bindparam("before", type_=Instant), deliveries.c.fetched_at.is_(None))
    .order_by(counted.c.known_at)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_ONE = _UNTOLD.where(counted.c.subject_id == sa.bindparam("id"))
