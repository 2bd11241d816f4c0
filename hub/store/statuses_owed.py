"""Statuses that the other party has no message about yet.

Owns: finding them, in the order in which they were said; noting which message told of them.
Never: adds a status to the history (hub/store/deliveries.py).
Source: domain notes §2.5 (status messages); Decision 28/2018/QĐ-TTg Art. 8(2), 9(2).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.deliveries import StatusEntry
from hub.store.engine import Transaction
from hub.store.tables import statuses


def get(connection: Connection, status_id: str) -> StatusEntry | None:
    """The status with this id, or None."""
    row = connection.execute(_BY_ID, {"id": status_id}).one_or_none()
    return _read(row) if row is not None else None


def up_to(connection: Connection, entry: StatusEntry) -> list[StatusEntry]:
    """This status and those said before it about the same delivery that wait as well, in their order."""
    rows = connection.execute(_UP_TO, {"delivery": entry.delivery_id, "at": entry.recorded_at})
    return [_read(row) for row in rows]


def about(connection: Connection, delivery_id: str) -> list[StatusEntry]:
    """All that wait about one delivery, in the order in which they were said."""
    return [_read(row) for row in connection.execute(_ABOUT, {"delivery": delivery_id})]


def waiting(connection: Connection, before: datetime, limit: int) -> list[StatusEntry]:
    """Those recorded before this moment that still wait, longest waiting first."""
    return [_read(row) for row in connection.execute(_WAITING, {"before": before, "most": limit})]


def informed(transaction: Transaction, status_id: str, consignment_id: str | None) -> None:
    """The other party gets it with this consignment, or (None) needs no message any more."""
    transaction.execute(_INFORMED, {"of": status_id, "by": consignment_id})


def _read(row: Any) -> StatusEntry:
    return StatusEntry(**{name: getattr(row, name) for name in StatusEntry.__slots__})


_owed = statuses.c.to_inform.is_(sa.true())
_BY_ID = sa.select(statuses).where(statuses.c.id == sa.bindparam("id"))
_ABOUT = (
    sa.select(statuses)
    .where(statuses.c.delivery_id == sa.bindparam("delivery"), _owed)
    .order_by(statuses.c.recorded_at, statuses.c.id)
)
_UP_TO = (
    sa.select(statuses)
    .where(statuses.c.delivery_id == sa.bindparam("delivery"), statuses.c.recorded_at <= sa.bindparam("at"), _owed)
    .order_by(statuses.c.recorded_at, statuses.c.id)
)
_WAITING = (
    sa.select(statuses)
    .where(_owed, statuses.c.recorded_at < sa.bindparam("before"))
    .order_by(statuses.c.recorded_at)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_INFORMED = (
    sa.update(statuses)
    .where(statuses.c.id == sa.bindparam("of"))
    .values(to_inform=sa.false(), consignment_id=sa.bindparam("by"))
)
