"""The outbox: work that a committed transaction owes to a station.

Owns: writing wakes with the decision that caused them, reading them for the relay, forgetting them.
Never: holds more than ids.
Source: design §1 (promise 2) and dependencies §6 (publish with confirms in windows).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.consignments import Lane
from hub.store.engine import Transaction
from hub.store.tables import outbox

TOPIC = "outbox"


def wake(transaction: Transaction, station: str, work_ids: Sequence[str], *, lane: Lane, trace_id: str) -> None:
    """Owe `station` one piece of work per id; the relay is rung after the commit."""
    if not work_ids:
        return
    rows = [{"station": station, "work_id": i, "lane": lane.value, "trace_id": trace_id} for i in work_ids]
    transaction.execute(_INSERT, rows)
    transaction.ring(TOPIC)


_OWED = (
    sa.select(outbox)
    .where(outbox.c.number > sa.bindparam("after"))
    .order_by(outbox.c.number)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_INSERT = outbox.insert().inline()
_FORGOTTEN = sa.delete(outbox).where(outbox.c.number.in_(sa.bindparam("numbers", expanding=True)))


def owed(connection: Connection, *, after: int, limit: int) -> Sequence[Any]:
    """The oldest rows after `after`: number, station, work_id, lane, trace_id."""
    return connection.execute(_OWED, {"after": after, "most": limit}).all()


def owing(connection: Connection, work_ids: Collection[str]) -> set[str]:
    """Which of these (at most some hundreds) still wait for the relay."""
    return set(connection.execute(sa.select(outbox.c.work_id).where(outbox.c.work_id.in_(work_ids))).scalars())


def forget(transaction: Transaction, numbers: Collection[int]) -> None:
    """The broker has taken these over."""
    transaction.execute(_FORGOTTEN, {"numbers": sorted(numbers)})


def waiting(connection: Connection) -> int:
    """How many rows the relay still owes."""
    return connection.execute(sa.select(sa.func.count()).select_from(outbox)).scalar_one()
