"""Sums for reports: over any days and any scope, by kind of document or by agency, now or as known on a past day.

Owns: reading as few rows as the days allow (whole years, quarters and months before days), in one statement each.
Never: writes a tally (hub/store/counted.py); divides.
Source: Decision 28/2018/QĐ-TTg Art. 11, 15.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.counting import Cell, Direction, Measure, Sums
from hub.domain.periods import Grain, cover
from hub.domain.scopes import Scope, ScopeKind
from hub.store.counted import as_cell
from hub.store.report_tables import EVERYBODY, cells, late_movements, tallies
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


def kinds(connection: Connection) -> dict[Cell, int]:
    """Every kind of document that ever occurred, with its number."""
    return {as_cell(row): row.id for row in connection.execute(sa.select(cells))}


def by_cell(connection: Connection, asked: Slice) -> dict[Cell, Sums]:
    """The sums of every measure, by kind of document."""
    found: dict[int, Sums] = {}
    for table, condition, sign in _sources(asked):
        sums = [sa.func.sum(table.c[measure.value]).label(measure.value) for measure in Measure]
        rows = connection.execute(sa.select(table.c.cell, *sums).where(condition).group_by(table.c.cell))
        for cell, *numbers in rows:
            into = found.setdefault(cell, Counter())
            for measure, number in zip(Measure, numbers, strict=True):
                into[measure] += sign * int(number)
    if not found:
        return {}
    names = {number: cell for cell, number in kinds(connection).items()}
    return {names[number]: sums for number, sums in found.items() if any(sums.values())}


def by_agency(connection: Connection, asked: Slice, wanted: Mapping[str, Wanted]) -> dict[str, Counter[str]]:
    """The named sums of each agency that has any."""
    numbers = kinds(connection)
    found: dict[str, Counter[str]] = {}
    for table, condition, sign in _sources(asked, one_by_one=True):
        sums = [_sum(table, one, numbers).label(name) for name, one in wanted.items()]
        rows = connection.execute(sa.select(table.c.agency_key, *sums).where(condition).group_by(table.c.agency_key))
        for row in rows:
            _add(found.setdefault(row.agency_key, Counter()), row, wanted, sign)
    return found


def by_part(
    connection: Connection, asked: Slice, parts: Sequence[tuple[date, date]], wanted: Mapping[str, Wanted]
) -> list[Counter[str]]:
    """The named sums of each of these parts of the slice's days, first and last day of each; they do not overlap."""
    numbers = kinds(connection)
    found: list[Counter[str]] = [Counter() for _ in parts]
    places = {
        whole: place
        for place, (first, last) in enumerate(parts)
        for whole in cover(first, min(last, asked.last_known_day))
    }
    if not places:
        return found
    sums = [_sum(tallies, one, numbers).label(name) for name, one in wanted.items()]
    keys = (tallies.c.grain, tallies.c.first_day)
    where = sa.and_(_of_days(places), *_whose(tallies, asked))
    for row in connection.execute(sa.select(*keys, *sums).where(where).group_by(*keys)):
        _add(found[places[Grain(row.grain), row.first_day]], row, wanted, 1)
    if asked.known_on is not None:
        sums = [_sum(late_movements, one, numbers).label(name) for name, one in wanted.items()]
        day, late = late_movements.c.day, sa.and_(*_late_conditions(asked))
        ends = [last for _, last in parts]
        for row in connection.execute(sa.select(day, *sums).where(late).group_by(day)):
            _add(found[bisect_left(ends, row.day)], row, wanted, -1)
    return found


def late_by_agency(connection: Connection, asked: Slice, wanted: Mapping[str, Wanted]) -> list[Any]:
    """What became known about the slice's days after `known_on`: rows of agency_key, known_on and the named sums."""
    numbers = kinds(connection)
    sums = [_sum(late_movements, one, numbers).label(name) for name, one in wanted.items()]
    where = sa.and_(*_late_conditions(asked, one_by_one=True))
    keys = (late_movements.c.agency_key, late_movements.c.known_on)
    return list(connection.execute(sa.select(*keys, *sums).where(where).group_by(*keys).order_by(*keys)))


def _sources(asked: Slice, *, one_by_one: bool = False) -> Iterator[tuple[sa.Table, sa.ColumnElement[bool], int]]:
    """The tallies of the days, less what was not known yet."""
    if asked.first_day > asked.last_known_day:
        return
    days = _of_days(cover(asked.first_day, asked.last_known_day))
    yield tallies, sa.and_(days, *_whose(tallies, asked, one_by_one=one_by_one)), 1
    if asked.known_on is not None:
        yield late_movements, sa.and_(*_late_conditions(asked, one_by_one=one_by_one)), -1


def _of_days(wholes: Iterable[tuple[Grain, date]]) -> sa.ColumnElement[bool]:
    days: dict[Grain, list[date]] = {}
    for grain, first in wholes:
        days.setdefault(grain, []).append(first)
    pieces = [sa.and_(tallies.c.grain == grain.value, tallies.c.first_day.in_(some)) for grain, some in days.items()]
    return sa.or_(*pieces)


def _late_conditions(asked: Slice, *, one_by_one: bool = False) -> Iterable[sa.ColumnElement[bool]]:
    yield late_movements.c.known_on > asked.known_on
    yield late_movements.c.day.between(asked.first_day, asked.last_known_day)
    yield from _whose(late_movements, asked, one_by_one=one_by_one)


def _whose(table: sa.Table, asked: Slice, *, one_by_one: bool = False) -> tuple[sa.ColumnElement[bool], ...]:
    """The rows of the scope's agencies; of the whole hub those that were added up for all, unless one by one."""
    agency_key = table.c.agency_key
    if asked.scope.kind is ScopeKind.HUB:
        whose = agency_key != EVERYBODY if one_by_one else agency_key == EVERYBODY
    else:
        whose = within(agency_key, asked.scope)
    return (table.c.direction == asked.direction.value, whose)


def _sum(table: sa.Table, wanted: Wanted, numbers: Mapping[Cell, int]) -> sa.ColumnElement[int]:
    column = table.c[wanted.measure.value]
    if wanted.cells is None:
        return sa.func.sum(column)
    some = sorted(numbers[cell] for cell in wanted.cells if cell in numbers)
    if not some:
        return sa.func.sum(sa.literal(0))
    # Numbers of our own rows, written out: there may be more of them than a statement takes parameters.
    among: sa.ColumnElement[bool] = sa.literal_column(f"{table.name}.cell IN ({', '.join(map(str, some))})")
    return sa.func.sum(sa.case((among, column), else_=0))


def _add(to: Counter[str], row: Any, wanted: Iterable[str], sign: int) -> None:
    to.update({name: sign * int(getattr(row, name) or 0) for name in wanted})
