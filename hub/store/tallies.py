"""Sums for reports: over any days and any scope, by kind of document, agency or part, now or as known on a past day.

Owns: reading as few rows as the days allow (whole years, quarters and months with what is too much taken off again).
Never: writes a tally (hub/store/counted.py); divides.
Source: Decision 28/2018/QĐ-TTg Art. 11, 15.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.counting import Cell, Detail, Direction, Measure, Sums
from hub.domain.periods import Grain, cover
from hub.domain.scopes import Scope, ScopeKind
from hub.store import scopes
from hub.store.counted import as_cell
from hub.store.engine import asked_once
from hub.store.report_tables import EVERYBODY, SUMS_OF, cells, late_movements


@dataclass(frozen=True, slots=True)
class Slice:
    """Which counts: one direction, some agencies, the days from first to last inclusive.

    `known_on`: as the figures stood at the end of that Vietnamese day; None: as they stand. `detail`: how finely the
    kinds of document are told apart; what asks for less is read from far fewer rows.
    """

    direction: Direction
    scope: Scope
    first_day: date
    last_day: date
    known_on: date | None = None
    detail: Detail = Detail.KIND

    @property
    def last_known_day(self) -> date:
        """The last day of which anything was known."""
        return self.last_day if self.known_on is None else min(self.last_day, self.known_on)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A named sum: a measure over the kinds of document that `takes` says yes to (None: over all).

    It is asked about cells of the slice's detail: those of WORTH have no type and no urgency to ask for.
    """

    measure: Measure
    takes: Callable[[Cell], bool] | None = None


def by_cell(connection: Connection, asked: Slice, measures: Collection[Measure] = tuple(Measure)) -> dict[Cell, Sums]:
    """The sums of these measures, by kind of document in the slice's detail."""
    wanted = {measure.value: Wanted(measure) for measure in Measure if measure in measures}
    found: dict[int, Sums] = {}
    for source in _sources(connection, asked):
        for row in source.rows("cell", wanted=wanted):
            into = found.setdefault(row.cell, Counter())
            for name, one in wanted.items():
                into[one.measure] += int(getattr(row, name))
    if not found:
        return {}
    names, sums = _kinds(connection), dict[Cell, Sums]()
    for number, some in found.items():
        sums.setdefault(_in_detail(names[number], asked.detail), Counter()).update(some)
    return {cell: some for cell, some in sums.items() if any(some.values())}


def by_agency(connection: Connection, asked: Slice, wanted: Mapping[str, Wanted]) -> dict[str, Counter[str]]:
    """The named sums of each agency that has any."""
    found: dict[str, Counter[str]] = {}
    for source in _sources(connection, asked, one_by_one=True):
        for row in source.rows("agency_key", wanted=wanted):
            _add(found.setdefault(row.agency_key, Counter()), row, wanted)
    return found


def by_part(
    connection: Connection, asked: Slice, parts: Sequence[tuple[date, date]], wanted: Mapping[str, Wanted]
) -> list[Counter[str]]:
    """The named sums of each of these parts of the slice's days, first and last day of each; they do not overlap.

    Raises ValueError for parts that would be worked out from the same whole month, quarter or year.
    """
    found: list[Counter[str]] = [Counter() for _ in parts]
    known = [(first, min(last, asked.last_known_day)) for first, last in parts]
    places = {(grain.value, day): place for place, part in enumerate(known) for grain, day, _ in cover(*part)}
    if sum(len(cover(*part)) for part in known) != len(places):
        raise ValueError("parts that share a grain")
    ends = [last for _, last in parts]
    for source in _sources(connection, asked, parts=known):
        keys = ("day",) if source.table is late_movements else ("grain", "first_day")
        for row in source.rows(*keys, wanted=wanted):
            place = bisect_left(ends, row.day) if source.table is late_movements else places[row.grain, row.first_day]
            _add(found[place], row, wanted)
    return found


def late_by_agency(connection: Connection, asked: Slice, wanted: Mapping[str, Wanted]) -> list[Any]:
    """What became known about the slice's days after `known_on`: rows of agency_key, known_on and the named sums."""
    late = replace(_late(connection, asked, one_by_one=True), sign=1)
    return list(late.rows("agency_key", "known_on", wanted=wanted))


@dataclass(frozen=True, slots=True)
class _Source:
    """Rows of one table: sums of some lengths of time, each to be added (1) or taken off (-1), or what became known
    late (no `grains`; all of one `sign`).
    """

    connection: Connection
    asked: Slice
    table: sa.Table
    where: Sequence[sa.ColumnElement[bool]]
    grains: Sequence[tuple[Grain, Sequence[date], int]] = ()
    sign: int = 1

    def rows(self, *keys: str, wanted: Mapping[str, Wanted]) -> Iterable[Any]:
        """The named sums for each of the keys, in their order."""
        numbers = _kinds(self.connection) if any(one.takes for one in wanted.values()) else {}
        columns = [self.table.c[name] for name in keys]
        counts = {name: self._count(one, numbers) for name, one in wanted.items()}
        pieces = [
            sa.select(*columns, *(self._signed(one, sign).label(name) for name, one in counts.items())).where(*where)
            for where, sign in self._pieces()
        ]
        some = (pieces[0] if len(pieces) == 1 else sa.union_all(*pieces)).subquery("some")
        sums = [sa.func.sum(some.c[name]).label(name) for name in wanted]
        by = [some.c[name] for name in keys]
        return self.connection.execute(sa.select(*by, *sums).group_by(*by).order_by(*by))

    def _pieces(self) -> Iterator[tuple[Sequence[sa.ColumnElement[bool]], int]]:
        """One for each length of time, so that the database reads each by its key."""
        if not self.grains:
            yield self.where, self.sign
        for grain, days, sign in self.grains:
            yield (self.table.c.grain == grain.value, self.table.c.first_day.in_(days), *self.where), sign

    def _count(self, wanted: Wanted, numbers: Mapping[int, Cell]) -> sa.ColumnElement[int]:
        column: sa.ColumnElement[int] = self.table.c[wanted.measure.value]
        if wanted.takes is None:
            return column
        some = [number for number, cell in sorted(numbers.items()) if self._takes(wanted, cell)]
        if not some:
            return sa.literal(0)
        # Numbers of our own rows, written out: there may be more of them than a statement takes parameters.
        among: sa.ColumnElement[bool] = sa.literal_column(f"{self.table.name}.cell IN ({', '.join(map(str, some))})")
        return sa.case((among, column), else_=0)

    def _takes(self, wanted: Wanted, cell: Cell) -> bool:
        """Whether a cell that stands in the table is wanted; what became known late is kept in full detail only."""
        own = Detail.KIND if self.table is late_movements else self.asked.detail
        return cell.detail is own and wanted.takes is not None and wanted.takes(_in_detail(cell, self.asked.detail))

    @staticmethod
    def _signed(count: sa.ColumnElement[int], sign: int) -> sa.ColumnElement[int]:
        return count if sign > 0 else -count


def _sources(
    connection: Connection,
    asked: Slice,
    *,
    one_by_one: bool = False,
    parts: Sequence[tuple[date, date]] = (),
) -> Iterator[_Source]:
    """The tallies of the days, less what was not known yet."""
    last = asked.last_known_day
    days: dict[tuple[Grain, int], list[date]] = {}
    for part in parts or [(asked.first_day, last)]:
        for grain, first_day, sign in cover(*part):
            days.setdefault((grain, sign), []).append(first_day)
    if not days:
        return
    asked_once(connection, "costs", lambda: _solid_disk(connection))
    table = SUMS_OF[asked.detail]
    grains = [(grain, some, sign) for (grain, sign), some in days.items()]
    yield _Source(connection, asked, table, _whose(connection, table, asked, one_by_one=one_by_one), grains)
    if asked.known_on is not None:
        yield _late(connection, asked, one_by_one=one_by_one)


def _solid_disk(connection: Connection) -> None:
    """For the rest of this transaction; with PostgreSQL's default, of turning disks, it reads all days instead of some.

    The rows of one day lie side by side, which the planner cannot know.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SET LOCAL random_page_cost = 1.1"))


def _late(connection: Connection, asked: Slice, *, one_by_one: bool = False) -> _Source:
    """What became known of the days after `known_on`, to be taken off."""
    where = (
        late_movements.c.known_on > asked.known_on,
        late_movements.c.day.between(asked.first_day, asked.last_known_day),
        *_whose(connection, late_movements, asked, one_by_one=one_by_one),
    )
    return _Source(connection, asked, late_movements, where, sign=-1)


def _whose(
    connection: Connection, table: sa.Table, asked: Slice, *, one_by_one: bool
) -> tuple[sa.ColumnElement[bool], ...]:
    """The rows of the scope's agencies; of the whole hub those that were added up for all, unless one by one."""
    agency_key = table.c.agency_key
    if asked.scope.kind is ScopeKind.HUB:
        whose = agency_key != EVERYBODY if one_by_one else agency_key == EVERYBODY
    else:
        whose = scopes.within(connection, agency_key, asked.scope)
    return (table.c.direction == asked.direction.value, whose)


def _kinds(connection: Connection) -> dict[int, Cell]:
    """Every kind of document that ever occurred, in every detail, by its number."""
    return asked_once(
        connection, "kinds", lambda: {row.id: as_cell(row) for row in connection.execute(sa.select(cells))}
    )


def _in_detail(cell: Cell, detail: Detail) -> Cell:
    return cell.worth if detail is Detail.WORTH else cell


def _add(to: Counter[str], row: Any, wanted: Iterable[str]) -> None:
    to.update({name: int(getattr(row, name)) for name in wanted})
