"""Sums for reports: over any days and any scope, by kind of document or by agency, now or as known on a past day.

Owns: reading as few rows as the days allow (whole years, quarters and months before days).
Never: writes a tally (hub/store/counted.py); divides.
Source: Decision 28/2018/QĐ-TTg Art. 11, 15.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.counting import Cell, Direction, Measure, Sums
from hub.domain.periods import Grain, cover
from hub.domain.scopes import Scope
from hub.store.counted import as_cell
from hub.store.report_tables import cells, late_movements, tallies
from hub.store.scopes import within


@dataclass(frozen=True, slots=True)
class Slice:
    """Which counts: one direction, some agencies, the days from first to last inclusive.

    `known_on`: as the figures stood at the end of that Vietnamese day; None: as they stand.
    """

    direction: Direction
    scope: Scope
    first_day: date
    last_day: date
    known_on: date | None = None

    @property
    def last_known_day(self) -> date:
        """The last day of which anything was known."""
        return self.last_day if self.known_on is None else min(self.last_day, self.known_on)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One sum of a league table: a measure over some cells (None: over all)."""

    measure: Measure
    cells: frozenset[Cell] | None = None


def by_cell(connection: Connection, asked: Slice) -> dict[Cell, Sums]:
    """The sums of every measure, by kind of document."""
    found: dict[int, Sums] = {}
    for table, condition, sign in _sources(asked):
        sums = [sa.func.sum(table.c[measure.value]).label(measure.value) for measure in Measure]
        rows = connection.execute(sa.select(table.c.cell, *sums).where(condition).group_by(table.c.cell))
        for row in rows:
            found.setdefault(row.cell, Counter()).update(_signed(row, sign))
    if not found:
        return {}
    names = {row.id: as_cell(row) for row in connection.execute(sa.select(cells))}
    return {names[number]: sums for number, sums in found.items() if any(sums.values())}


def by_agency(connection: Connection, asked: Slice, wanted: Mapping[str, Wanted]) -> dict[str, Counter[str]]:
    """The named sums of each agency that has any."""
    numbers = {as_cell(row): row.id for row in connection.execute(sa.select(cells))}
    found: dict[str, Counter[str]] = {}
    for table, condition, sign in _sources(asked):
        sums = [_sum(table, one, numbers).label(name) for name, one in wanted.items()]
        rows = connection.execute(sa.select(table.c.agency_key, *sums).where(condition).group_by(table.c.agency_key))
        for row in rows:
            added = Counter({name: sign * (getattr(row, name) or 0) for name in wanted})
            found.setdefault(row.agency_key, Counter()).update(added)
    return found


def late_by_agency(connection: Connection, asked: Slice, wanted: Mapping[str, Wanted]) -> list[Any]:
    """What became known about the slice's days after `known_on`: rows of agency_key, known_on and the named sums."""
    numbers = {as_cell(row): row.id for row in connection.execute(sa.select(cells))}
    sums = [_sum(late_movements, one, numbers).label(name) for name, one in wanted.items()]
    where = sa.and_(*_late_conditions(asked))
    keys = (late_movements.c.agency_key, late_movements.c.known_on)
    return list(connection.execute(sa.select(*keys, *sums).where(where).group_by(*keys).order_by(*keys)))


def _sources(asked: Slice) -> Iterator[tuple[sa.Table, sa.ColumnElement[bool], int]]:
    """The tallies of the days, less what was not known yet."""
    if asked.first_day > asked.last_known_day:
        return
    days: dict[Grain, list[date]] = {}
    for grain, first in cover(asked.first_day, asked.last_known_day):
        days.setdefault(grain, []).append(first)
    pieces = [sa.and_(tallies.c.grain == grain.value, tallies.c.first_day.in_(some)) for grain, some in days.items()]
    yield tallies, sa.and_(sa.or_(*pieces), *_whose(tallies, asked)), 1
    if asked.known_on is not None:
        yield late_movements, sa.and_(*_late_conditions(asked)), -1


def _late_conditions(asked: Slice) -> Iterable[sa.ColumnElement[bool]]:
    yield late_movements.c.known_on > asked.known_on
    yield late_movements.c.day.between(asked.first_day, asked.last_known_day)
    yield from _whose(late_movements, asked)


def _whose(table: sa.Table, asked: Slice) -> tuple[sa.ColumnElement[bool], ...]:
    return (table.c.direction == asked.direction.value, within(table.c.agency_key, asked.scope))


def _sum(table: sa.Table, wanted: Wanted, numbers: Mapping[Cell, int]) -> sa.ColumnElement[int]:
    column = table.c[wanted.measure.value]
    if wanted.cells is None:
        return sa.func.sum(column)
    some = sorted(numbers[cell] for cell in wanted.cells if cell in numbers)
    return sa.func.sum(sa.case((table.c.cell.in_(some), column), else_=0)) if some else sa.func.sum(sa.literal(0))


def _signed(row: Any, sign: int) -> Sums:
    return Counter({measure: sign * int(getattr(row, measure.value) or 0) for measure in Measure})
