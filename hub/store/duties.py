"""Duties: opened, ended, overdue; each about one delivery.

Owns: the rows of the table `duties`.
Never: computes a deadline; decides what ends a duty (hub/domain/duties.py).
Source: hub/domain/duties.py.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.duties import CHANGES, Duty, DutyKind, DutyOutcome
from hub.store.engine import Transaction
from hub.store.life_tables import duties

KEYS_PER_QUERY = 500


def open_all(transaction: Transaction, many: Sequence[Duty]) -> None:
    """Begin these duties."""
    rows = [{name: getattr(duty, name) for name in Duty.__slots__} for duty in many]
    if rows:
        transaction.execute(_INSERT, [row | {"kind": row["kind"].value} for row in rows])


def end(
    transaction: Transaction, delivery_id: str, kinds: Collection[DutyKind], outcome: DutyOutcome, *, at: datetime
) -> int:
    """End the open duties of these kinds about a delivery; returns how many there were."""
    asked = {"of": delivery_id, "kinds": [kind.value for kind in kinds], "how": outcome.value, "at": at}
    return transaction.execute(_ENDED, asked).rowcount if kinds else 0


def answer(transaction: Transaction, duty: Duty, outcome: DutyOutcome, *, at: datetime) -> None:
    """End one duty."""
    one = sa.update(duties).where(duties.c.id == duty.id, duties.c.ended_at.is_(None))
    transaction.execute(one.values(ended_at=at, outcome=outcome.value))


def open_changes(connection: Connection, delivery_ids: Collection[str]) -> list[Duty]:
    """The changes that are asked about these deliveries and not answered, newest first."""
    return [duty for duty in owed(connection, delivery_ids) if duty.kind in CHANGES]


def asked_about(connection: Connection, delivery_ids: Collection[str]) -> dict[str, Duty]:
    """The newest unanswered change about each of these deliveries."""
    found: dict[str, Duty] = {}
    for duty in open_changes(connection, delivery_ids):
        found.setdefault(duty.delivery_id, duty)
    return found


def owed(connection: Connection, delivery_ids: Collection[str]) -> list[Duty]:
    """Every open duty about these deliveries, newest first."""
    found: list[Duty] = []
    keys = sorted(delivery_ids)
    for start in range(0, len(keys), KEYS_PER_QUERY):
        rows = connection.execute(_OWED, {"of": keys[start : start + KEYS_PER_QUERY]})
        found += [read(row) for row in rows]
    return sorted(found, key=lambda duty: (duty.opened_at, duty.id), reverse=True)


def of_deliveries(connection: Connection, delivery_ids: Collection[str]) -> list[Duty]:
    """Every duty that there ever was about these deliveries, oldest first."""
    found: list[Duty] = []
    keys = sorted(delivery_ids)
    for start in range(0, len(keys), KEYS_PER_QUERY):
        rows = connection.execute(_ALL, {"of": keys[start : start + KEYS_PER_QUERY]})
        found += [read(row) for row in rows]
    return sorted(found, key=lambda duty: (duty.opened_at, duty.id))


def passed(connection: Connection, now: datetime, *, limit: int) -> list[Duty]:
    """Open duties whose deadline has passed and about which nothing was told yet, longest overdue first."""
    waiting = sa.and_(duties.c.ended_at.is_(None), duties.c.overdue_at.is_(None), duties.c.due_at <= now)
    rows = connection.execute(sa.select(duties).where(waiting).order_by(duties.c.due_at).limit(limit))
    return [read(row) for row in rows]


def mark_overdue(transaction: Transaction, duty_id: str, *, at: datetime) -> bool:
    """Note once that a deadline passed; False when the duty ended or was noted meanwhile."""
    waiting = sa.and_(duties.c.id == duty_id, duties.c.ended_at.is_(None), duties.c.overdue_at.is_(None))
    return transaction.execute(sa.update(duties).where(waiting).values(overdue_at=at)).rowcount == 1


def read(row: Any) -> Duty:
    """A row of the table `duties` as the domain knows it."""
    values = {name: getattr(row, name) for name in Duty.__slots__}
    values["kind"] = DutyKind(row.kind)
    values["outcome"] = DutyOutcome(row.outcome) if row.outcome else None
    return Duty(**values)


_INSERT = duties.insert().inline()
_ENDED = (
    sa.update(duties)
    .where(
        duties.c.delivery_id == sa.bindparam("of"),
        duties.c.kind.in_(sa.bindparam("kinds", expanding=True)),
        duties.c.ended_at.is_(None),
    )
    .values(ended_at=sa.bindparam("at"), outcome=sa.bindparam("how"))
)
_OF = duties.c.delivery_id.in_(sa.bindparam("of", expanding=True))
_OWED = sa.select(duties).where(_OF, duties.c.ended_at.is_(None))
_ALL = sa.select(duties).where(_OF)
