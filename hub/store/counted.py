"""The counted rows, the cells and the tallies that they add up to: kept in step in one transaction.

Owns: writing what changed of a subject as a difference, so that the same event folded twice adds nothing.
Never: decides what counts (hub/domain/what_counts.py); reads figures for a report (hub/store/tallies.py).
Source: Decision 28/2018/QĐ-TTg Art. 11.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, lru_cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from hub.domain.counting import (
    MARKS,
    Cell,
    Counted,
    Detail,
    Direction,
    Measure,
    Paper,
    Signed,
    Sums,
    Validity,
    movements,
)
from hub.domain.periods import Grain, grain_start
from hub.store import bulk, signers
from hub.store.engine import Transaction
from hub.store.recount import KEYS_PER_QUERY, Found, Key
from hub.store.report_tables import EVERYBODY, SUMS_OF, cells, counted, late_movements

_TALLY_KEY = ("grain", "first_day", "direction", "agency_key", "cell")
_LATE_KEY = ("known_on", "day", "direction", "agency_key", "cell")
_CELL = ("document_type", "urgency", "paper", "signed", "validity")
_MEASURES = tuple(measure.value for measure in Measure)
_MARKS = tuple(f"{mark.value}_at" for mark in MARKS)
_NAMED_MARKS = tuple(zip(MARKS, _MARKS, strict=True))


def one_at_a_time(transaction: Transaction) -> None:
    """Only one transaction of all processes writes tallies at a time (SQLite has one writer anyway)."""
    if transaction.connection.dialect.name == "postgresql":
        transaction.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended("hub.tally", 0))))


def bring_up_to_date(transaction: Transaction, subjects: Iterable[str], found: Found) -> int:
    """Make the rows of these subjects what they are now, and the tallies with them; returns how many changed."""
    ids = set(subjects) | {subject for subject, _ in found.counted}
    cell_ids = _cell_ids(transaction, {one.cell for one in found.counted.values()})
    known = read(transaction.connection, ids)
    changed = [key for key in sorted({*known, *found.counted}) if known.get(key) != found.counted.get(key)]
    moved, people = _Moved(), signers.Moved()
    for key in changed:
        for one, sign in ((known.get(key), -1), (found.counted.get(key), 1)):
            if one is not None:
                moved.take(one, sign)
                people.take(one, sign)
    _write_rows(transaction, [found.counted[key] for key in changed if key in found.counted], cell_ids)
    _forget_rows(transaction, [key for key in changed if key not in found.counted])
    every_cell = cell_ids | _cell_ids(transaction, {one.cell for one in known.values()} - set(cell_ids))
    for detail, table in SUMS_OF.items():
        _add(transaction, table, moved.tally_rows(every_cell, detail), _TALLY_KEY)
    _add(transaction, late_movements, moved.late_rows(every_cell), _LATE_KEY)
    signers.add(transaction, people)
    return len(changed)


def add_rows(transaction: Transaction, found: Found, *, to: str = counted.name) -> int:
    """Write these rows where none of their subjects is counted yet, without their sums; returns how many.

    `to`: `counted`, or a table like it.
    """
    many = [found.counted[key] for key in sorted(found.counted)]
    cell_ids = _cell_ids(transaction, {one.cell for one in many})
    names = ("subject_id", "consignment_id", "direction", "agency_key", "day", "cell", "known_at", "left_at", *_MARKS)
    lines = [_line(one, cell_ids[one.cell]) for one in many]
    bulk.load_lines(transaction, counted.name, (*names, "people"), lines, to=to)
    return len(many)


def read(connection: Connection, subject_ids: Iterable[str]) -> dict[Key, Counted]:
    """The rows of these subjects as they stand."""
    ordered, found = sorted(subject_ids), {}
    for start in range(0, len(ordered), KEYS_PER_QUERY):
        for row in connection.execute(_ROWS, {"ids": ordered[start : start + KEYS_PER_QUERY]}):
            one = as_counted(row)
            found[one.subject_id, one.direction] = one
    return found


def as_counted(row: Any) -> Counted:
    """A row of `counted` joined with its cell as a value."""
    marks = {mark: at for mark, name in _NAMED_MARKS if (at := getattr(row, name)) is not None}
    return Counted(
        subject_id=row.subject_id,
        consignment_id=row.consignment_id,
        direction=Direction(row.direction),
        agency_key=row.agency_key,
        day=row.day,
        cell=as_cell(row),
        known_at=row.known_at,
        left_at=row.left_at,
        marks=marks,
        people=frozenset(row.people or ()),
    )


def as_cell(row: Any) -> Cell:
    """The columns of a cell as a value."""
    return _cell(row.document_type, row.urgency, row.paper, row.signed, row.validity)


@lru_cache(maxsize=4096)  # there are few kinds of documents, and every report reads them all
def _cell(document_type: str, urgency: int, paper: str, signed: str, validity: str) -> Cell:
    return Cell(document_type, urgency, Paper(paper), Signed(signed), Validity(validity))


def row_of(one: Counted, cell: int) -> dict[str, Any]:
    """The value as a row of `counted`."""
    row = {name: getattr(one, name) for name in ("subject_id", "consignment_id", "agency_key", "day", "known_at")}
    row |= {name: one.marks.get(mark) for mark, name in _NAMED_MARKS}
    people = sorted(one.people) or None
    return row | {"direction": one.direction.value, "cell": cell, "left_at": one.left_at, "people": people}


class _Moved:
    """What is added to which sums, signed."""

    def __init__(self) -> None:
        self._days: dict[tuple[Any, ...], Sums] = {}
        self._late: dict[tuple[Any, ...], Sums] = {}

    def take(self, one: Counted, sign: int) -> None:
        """Add (or take off) all that one document adds to its place."""
        places = [(one.direction.value, whose, one.cell) for whose in (one.agency_key, EVERYBODY)]
        for known_on, sums in movements(one).items():
            signed = Counter({measure: sign * count for measure, count in sums.items()})
            for where in places:
                self._days.setdefault((one.day, *where), Counter()).update(signed)
                if known_on > one.day:
                    self._late.setdefault((known_on, one.day, *where), Counter()).update(signed)

    def tally_rows(self, cell_ids: Mapping[Cell, int], detail: Detail) -> list[dict[str, Any]]:
        """The rows of the tallies: of the day, and of the month, quarter and year that hold it."""
        found: dict[tuple[Any, ...], Sums] = {}
        for (day, direction, agency_key, cell), sums in self._days.items():
            number = cell_ids[cell.worth if detail is Detail.WORTH else cell]
            for grain in Grain:
                key = (grain.value, grain_start(grain, day), direction, agency_key, number)
                found.setdefault(key, Counter()).update(sums)
        return list(_rows(found, _TALLY_KEY))

    def late_rows(self, cell_ids: Mapping[Cell, int]) -> list[dict[str, Any]]:
        """The rows of what became known after its day."""
        found = {(*key, cell_ids[cell]): sums for (*key, cell), sums in self._late.items()}
        return list(_rows(found, _LATE_KEY))


def _rows(found: Mapping[tuple[Any, ...], Sums], names: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for key in sorted(found):
        if any(found[key].values()):
            yield dict(zip(names, key, strict=True)) | {measure.value: found[key][measure] for measure in Measure}


def _cell_ids(transaction: Transaction, found: set[Cell]) -> dict[Cell, int]:
    """The number of each cell and of the one for all of its worth; new ones get one."""
    wanted = found | {cell.worth for cell in found}
    if not wanted:
        return {}
    known = _known_cells(transaction.connection, wanted)
    for cell in sorted(wanted - set(known), key=lambda one: tuple(getattr(one, name) for name in _CELL)):
        transaction.insert_new(cells, {name: getattr(cell, name) for name in _CELL})
    return known if wanted <= set(known) else _known_cells(transaction.connection, wanted)


def _known_cells(connection: Connection, wanted: set[Cell]) -> dict[Cell, int]:
    rows = connection.execute(_CELLS, {"types": sorted({cell.document_type for cell in wanted})})
    found = {as_cell(row): row.id for row in rows}
    return {cell: number for cell, number in found.items() if cell in wanted}


def _write_rows(transaction: Transaction, many: list[Counted], cell_ids: Mapping[Cell, int]) -> None:
    if many:
        rows = [row_of(one, cell_ids[one.cell]) for one in many]
        transaction.execute(_putting(transaction.connection.dialect.name), rows)


def _line(one: Counted, cell: int) -> str:
    """The row as `load_lines` takes it; no id, word, key or digest in it needs an escape."""
    subject = f"{one.subject_id}\t{one.consignment_id}\t{one.direction.value}\t{one.agency_key}\t{one.day}\t{cell}"
    moments = (one.known_at, one.left_at, *map(one.marks.get, MARKS))
    people = json.dumps(sorted(one.people)) if one.people else bulk.NOTHING
    return "\t".join([subject, *[bulk.instant(at) if at else bulk.NOTHING for at in moments], people])


def _forget_rows(transaction: Transaction, keys: list[Key]) -> None:
    for subject_id, direction in keys:
        one = sa.and_(counted.c.subject_id == subject_id, counted.c.direction == direction.value)
        transaction.execute(sa.delete(counted).where(one))


def _add(transaction: Transaction, table: sa.Table, rows: list[dict[str, Any]], key: tuple[str, ...]) -> None:
    if rows:
        transaction.execute(_adding(transaction.connection.dialect.name, table, key), rows)


def _insert(dialect: str, table: sa.Table) -> Any:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


@cache  # SQLAlchemy keeps with a statement what it derived from it
def _adding(dialect: str, table: sa.Table, key: tuple[str, ...]) -> sa.Executable:
    insert = _insert(dialect, table)
    return insert.on_conflict_do_update(
        index_elements=list(key), set_={name: table.c[name] + insert.excluded[name] for name in _MEASURES}
    )


@cache
def _putting(dialect: str) -> sa.Executable:
    insert = _insert(dialect, counted)
    names = [column.name for column in counted.c if column.name not in ("subject_id", "direction")]
    return insert.on_conflict_do_update(
        index_elements=["subject_id", "direction"], set_={name: insert.excluded[name] for name in names}
    )


_cell_columns = tuple(cells.c[name] for name in _CELL)
_CELLS = sa.select(cells).where(cells.c.document_type.in_(sa.bindparam("types", expanding=True)))
_ROWS = (
    sa.select(counted, *_cell_columns)
    .join(cells, cells.c.id == counted.c.cell)
    .where(counted.c.subject_id.in_(sa.bindparam("ids", expanding=True)))
)
