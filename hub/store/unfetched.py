"""Copies that lie in an inbox longer than the rule pack lets them, and were not told of yet.

Owns: the question of the clock, answered by an index over what still lies there.
Never: marks them (the tally station does, after the event).
Source: domain notes §5.2 (documents not fetched after N hours); Decision 28/2018/QĐ-TTg Art. 8(2).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.counting import Direction
from hub.store.report_tables import counted
from hub.store.tables import Instant, consignments, deliveries, events


def lying(connection: Connection, *, arrived_before: datetime, limit: int) -> list[Any]:
    """Rows of delivery_id, consignment_id, recipient_key, arrived_at, received_at, longest lying first."""
    return list(connection.execute(_LYING, {"before": arrived_before, "most": limit}))


_told = (
    sa.select(sa.literal(1))
    .where(
        events.c.consignment_id == counted.c.consignment_id,
        events.c.delivery_id == counted.c.subject_id,
        events.c.kind == "unfetched",
    )
    .exists()
)
_LYING = (
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
        counted.c.known_at <= sa.bindparam("before", type_=Instant),
        deliveries.c.fetched_at.is_(None),
        ~_told,
    )
    .order_by(counted.c.known_at)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
