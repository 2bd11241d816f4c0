"""The closed periods: their frozen figures, and what became known of such a period afterwards.

Owns: the rows of closed_periods; reading what moved after a closing.
Never: changes or deletes a closed period.
Source: issue 5 point 8.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.closing import Closing, Figures, Note, differences, kept_figures, read_figures
from hub.domain.counting import Direction, Measure, Sums
from hub.domain.periods import Period, vietnam_day
from hub.store import unfetched
from hub.store.engine import Transaction
from hub.store.report_tables import closed_periods, connection_plans, declarations, late_movements
from hub.store.tables import events

FEW = 100  # copies that lie in inboxes; of the longest lying some have ended their hours if any has
_SUMS = tuple(sa.func.sum(late_movements.c[one.value]).label(one.value) for one in Measure)


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed period without its figures."""

    first_day: date
    last_day: date
    closed_at: datetime
    closed_by: str
    rule_pack: str
    data_sha256: str


@dataclass(slots=True)
class Movement:
    """What became known on one day of a period that was closed before, over all agencies.

    `sums`: by direction, what moved in the counts; `declared` and `corrected` are new declarations and corrections
    of old ones, `planned` changes of the connection plan (it has no period, and changes the figures of agencies).
    """

    sums: dict[Direction, Sums] = field(default_factory=dict)
    declared: int = 0
    corrected: int = 0
    planned: int = 0


def add(transaction: Transaction, closing: Closing) -> bool:
    """Freeze the figures; False when these days are closed already."""
    row = {
        "first_day": closing.first_day,
        "last_day": closing.last_day,
        "closed_at": closing.closed_at,
        "closed_by": closing.closed_by,
        "rule_pack": closing.rule_pack,
        "figures": kept_figures(closing.hub, closing.agencies),
        "data_sha256": closing.data_sha256,
        "jws": closing.jws,
    }
    return transaction.insert_new(closed_periods, row)


def frozen(connection: Connection, period: Period) -> Closing | None:
    """The closing of exactly these days."""
    same = sa.and_(closed_periods.c.first_day == period.first_day, closed_periods.c.last_day == period.last_day)
    row = connection.execute(sa.select(closed_periods).where(same)).one_or_none()
    return _closing(row) if row is not None else None


def is_closed(connection: Connection, period: Period) -> bool:
    """Whether exactly these days are closed."""
    same = sa.and_(closed_periods.c.first_day == period.first_day, closed_periods.c.last_day == period.last_day)
    return connection.execute(sa.select(closed_periods.c.first_day).where(same)).first() is not None


def all_closings(connection: Connection) -> list[Closed]:
    """Every closed period, newest first, a longer one before those that it holds."""
    columns = [closed_periods.c[one.name] for one in fields(Closed)]
    asked = sa.select(*columns).order_by(closed_periods.c.last_day.desc(), closed_periods.c.first_day)
    return [Closed(*row) for row in connection.execute(asked)]


def note(
    connection: Connection, period: Period, today: Figures, *, agency_keys: Collection[str] | None = None
) -> Note | None:
    """What a report over exactly this period must say beside `today`'s figures; None when it is not closed.

    `agency_keys` are the agencies of the report's scope, None the whole hub.
    """
    closing = frozen(connection, period)
    if closing is None:
        return None
    of_scope = closing.of(agency_keys)
    named = {indicator: amounts for indicator, amounts in of_scope.items() if indicator in today}
    return Note(closing, of_scope, differences(named, today))


def uncounted(connection: Connection, *, before: datetime, now: datetime) -> bool:
    """True when something that happened before this moment is not in the tallies yet, or nobody has told of it."""
    waiting = sa.select(events.c.number).where(events.c.to_tally.is_(sa.true()), events.c.at < before)
    if connection.execute(waiting.limit(1)).first() is not None:
        return True
    return bool(unfetched.lying(connection, by=min(before, now), limit=FEW))


def movements_since(connection: Connection, closing: Closing, *, agency_key: str = "") -> dict[date, Movement]:
    """What became known of the period on the day of its closing and later, by the Vietnamese day; of one agency, or
    of all."""
    found: dict[date, Movement] = defaultdict(Movement)
    for row in connection.execute(_late(closing, agency_key)):
        found[row.known_on].sums[Direction(row.direction)] = Counter(_measures(row))
    for row in connection.execute(_declared(closing, agency_key)):
        movement = found[vietnam_day(row.declared_at)]
        movement.corrected += row.corrects is not None
        movement.declared += row.corrects is None
    for row in connection.execute(_planned(closing, agency_key)):
        found[vietnam_day(row.set_at)].planned += 1
    return dict(sorted(found.items()))


def _late(closing: Closing, agency_key: str) -> sa.Select[Any]:
    """No agency is all of them together, as the sums call them (report_tables.EVERYBODY)."""
    moved = late_movements.c
    since = (moved.known_on >= vietnam_day(closing.closed_at), moved.day.between(closing.first_day, closing.last_day))
    asked = sa.select(moved.known_on, moved.direction, *_SUMS).where(*since, moved.agency_key == agency_key)
    return asked.group_by(moved.known_on, moved.direction)


def _declared(closing: Closing, agency_key: str) -> sa.Select[Any]:
    entry = declarations.c
    inside = (entry.first_day >= closing.first_day, entry.last_day <= closing.last_day)
    asked = sa.select(entry.declared_at, entry.corrects).where(entry.declared_at >= closing.closed_at, *inside)
    return asked.where(*_of(entry.agency_key, agency_key))


def _planned(closing: Closing, agency_key: str) -> sa.Select[Any]:
    plan = connection_plans.c
    asked = sa.select(plan.set_at).where(plan.set_at >= closing.closed_at)
    return asked.where(*_of(plan.agency_key, agency_key))


def _of(column: sa.ColumnElement[str], agency_key: str) -> tuple[sa.ColumnElement[bool], ...]:
    return (column == agency_key,) if agency_key else ()


def _measures(row: Any) -> dict[Measure, int]:
    return {one: number for one in Measure if (number := row._mapping[one.value])}


def _closing(row: Any) -> Closing:
    hub, agencies = read_figures(row.figures)
    return Closing(
        first_day=row.first_day,
        last_day=row.last_day,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
        rule_pack=row.rule_pack,
        hub=hub,
        agencies=agencies,
        data_sha256=row.data_sha256,
        jws=row.jws,
    )
