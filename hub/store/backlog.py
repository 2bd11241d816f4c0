"""How much waits, and since when: the figures behind `hub doctor`.

Owns: counts over rows that have not ended.
Never: moves anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import DeliveryState
from hub.store.tables import consignments, deliveries


@dataclass(frozen=True, slots=True)
class Backlog:
    """Numbers of rows; `oldest` is when the longest waiting inbox entry was placed."""

    unrouted: int
    overdue: int
    held: int
    in_inboxes: int
    oldest: datetime | None


def look(connection: Connection, *, before: datetime) -> Backlog:
    """What has waited since before the given time (held and inbox entries: all)."""
    late = sa.and_(consignments.c.state == ConsignmentState.ACCEPTED.value, consignments.c.judged_at < before)
    overdue = sa.and_(deliveries.c.state == DeliveryState.DUE.value, deliveries.c.next_attempt_at < before)
    waiting = deliveries.c.state == DeliveryState.IN_HAND.value
    oldest = sa.select(sa.func.min(deliveries.c.placed_at)).where(waiting)
    return Backlog(
        unrouted=_count(connection, consignments, late),
        overdue=_count(connection, deliveries, overdue),
        held=_count(connection, consignments, consignments.c.state == ConsignmentState.HELD.value),
        in_inboxes=_count(connection, deliveries, waiting),
        oldest=connection.execute(oldest).scalar_one(),
    )


def _count(connection: Connection, table: sa.Table, where: sa.ColumnElement[bool]) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(table).where(where)).scalar_one()
