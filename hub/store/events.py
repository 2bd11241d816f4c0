"""What happened, in order: the timeline of a consignment and the source of every count.

Owns: writing events, reading timelines, folding untallied events into daily counts exactly once.
Never: changes or deletes an event.
Source: Decision 28/2018/QĐ-TTg Art. 10(2)o (send-receive history), Art. 11 (automatic statistics).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from hub.domain.ratios import DailyCount, Direction
from hub.store.engine import Transaction
from hub.store.tables import daily_counts, events


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `facts` are small and free of personal data. `to_tally` events hold what `countable` gives."""

    kind: str
    at: datetime
    consignment_id: str
    delivery_id: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    to_tally: bool = False


def happened(transaction: Transaction, *happenings: Event) -> None:
    """Add events to the history."""
    rows = [
        {
            "kind": event.kind,
            "at": event.at,
            "consignment_id": event.consignment_id,
            "delivery_id": event.delivery_id,
            "facts": event.facts,
            "to_tally": event.to_tally,
        }
        for event in happenings
    ]
    if rows:
        transaction.execute(_INSERT, rows)


_INSERT = events.insert().inline()


def timeline(connection: Connection, consignment_id: str) -> list[Event]:
    """All events of a consignment in the order in which they were recorded."""
    rows = connection.execute(
        sa.select(events).where(events.c.consignment_id == consignment_id).order_by(events.c.number)
    )
    return [Event(r.kind, r.at, r.consignment_id, r.delivery_id, r.facts, r.to_tally) for r in rows]


def countable(
    *, day: date, agency_key: str, direction: Direction, paper: int | None, replaces_paper: bool
) -> dict[str, Any]:
    """The facts of an event that counts: one document for one agency on one Vietnamese day."""
    facts = {"day": day.isoformat(), "agency": agency_key, "direction": direction.value, "paper": paper}
    return {**facts, "replaces_paper": replaces_paper}


def fold(transaction: Transaction, *, limit: int) -> int:
    """Add up to `limit` uncounted events to the daily counts and mark them; returns how many."""
    rows = transaction.execute(_TO_TALLY, {"most": limit}).all()
    if not rows:
        return 0
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in rows:
        total = sums[(row.facts["day"], row.facts["agency"], row.facts["direction"])]
        without, replaces = row.facts["paper"] == 0, row.facts.get("replaces_paper", False)
        total[0] += 1
        total[1] += without and replaces
        total[2] += row.facts["paper"] == 1
        total[3] += without and not replaces
    for (day, agency, direction), counted in sorted(sums.items()):  # one order for all workers: no deadlock
        _add(transaction, (day, agency, direction), counted)
    transaction.execute(_TALLIED, {"numbers": [row.number for row in rows]})
    return len(rows)


def uncounted_since(connection: Connection, before: datetime) -> bool:
    """True when an event older than `before` still waits to be counted."""
    waiting = sa.select(events.c.number).where(events.c.to_tally.is_(sa.true()), events.c.at < before).limit(1)
    return connection.execute(waiting).first() is not None


def counts(
    connection: Connection, *, first_day: date, last_day: date, agency_keys: Sequence[str] = ()
) -> list[DailyCount]:
    """Daily counts of the days from first to last inclusive, of some agencies or of all."""
    statement = sa.select(daily_counts).where(daily_counts.c.day.between(first_day, last_day))
    if agency_keys:
        statement = statement.where(daily_counts.c.agency_key.in_(agency_keys))
    rows = connection.execute(
        statement.order_by(daily_counts.c.day, daily_counts.c.agency_key, daily_counts.c.direction)
    )
    return [
        DailyCount(
            r.day, r.agency_key, Direction(r.direction), r.documents, r.paper_free, r.with_paper, r.not_replacing
        )
        for r in rows
    ]


def _add(transaction: Transaction, key: tuple[str, str, str], counted: list[int]) -> None:
    row = {"day": date.fromisoformat(key[0]), "agency_key": key[1], "direction": key[2]}
    row |= zip(_NUMBERS, counted, strict=True)
    transaction.execute(_adding(transaction.connection.dialect.name), row)


# Statements of the hot path are made once: SQLAlchemy keeps what it derived from them.
_NUMBERS = ("documents", "paper_free", "with_paper", "not_replacing")
_TO_TALLY = (
    sa.select(events.c.number, events.c.facts)
    .where(events.c.to_tally.is_(sa.true()))
    .order_by(events.c.number)
    .limit(sa.bindparam("most", type_=sa.Integer))
    .with_for_update(skip_locked=True)
)
_TALLIED = (
    sa.update(events).where(events.c.number.in_(sa.bindparam("numbers", expanding=True))).values(to_tally=sa.false())
)


@cache
def _adding(dialect: str) -> sa.Executable:
    insert = postgresql.insert(daily_counts) if dialect == "postgresql" else sqlite.insert(daily_counts)
    return insert.on_conflict_do_update(
        index_elements=["day", "agency_key", "direction"],
        set_={name: daily_counts.c[name] + insert.excluded[name] for name in _NUMBERS},
    )
