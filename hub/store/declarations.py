"""Declarations: kept one after the other, never changed; what a report may take of them.

Owns: writing them under a lock of the agency, the list with what corrected what, the sums that count.
Never: updates or deletes a row; logs the name of who declared.
Source: Decision 28/2018/QĐ-TTg Art. 11; PostgreSQL documentation §13.3.5 (advisory locks).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain import rules
from hub.domain.declarations import MOST_DAYS, Declaration, DeclaredKind, Entry, Judged, judge
from hub.domain.periods import VIETNAM, vietnam_day
from hub.domain.scopes import Scope
from hub.errors import DeclarationsRefused, Fault
from hub.store import scopes
from hub.store.engine import Transaction, asked_once
from hub.store.report_tables import declarations

KEYS_PER_QUERY = 500  # well below the parameter limits of both databases
LOCKS_PER_AGENCY = 100  # a larger file takes the lock of all: PostgreSQL's table of locks is small
Key = tuple[str, DeclaredKind, str]


@dataclass(frozen=True, slots=True)
class Kept:
    """What became of one entry that was handed in; `repeated`: the same content had been kept before."""

    declaration: Declaration
    repeated: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of a list, with its place in it: its first day and its number."""

    place: tuple[date, int]
    entry: Entry


@dataclass(frozen=True, slots=True)
class Taken:
    """What counts in a period: sums by agency, kind and document type, and the entries that make them.

    `left_out` reach beyond the period and count nowhere in it. Of head counts the last one of the period counts.
    """

    sums: dict[Key, int]
    entries: list[Declaration]
    left_out: list[Declaration]


# -- writing -----------------------------------------------------------------------------------------------------


def add(transaction: Transaction, declaration: Declaration) -> Kept:
    """Keep one entry, or find the one that says the same. Raises DeclarationsRefused."""
    return add_all(transaction, [(1, declaration)])[0]


def add_all(
    transaction: Transaction, handed: Sequence[tuple[int, Declaration]], *, faults: Sequence[Fault] = ()
) -> list[Kept]:
    """Keep all entries, each with the row that it stands in, or none. Raises DeclarationsRefused with every fault.

    `faults` were found before; with any of them nothing is written, and all are told together.
    """
    judged = _judged(transaction, handed)
    if faults or judged.faults:
        raise DeclarationsRefused(sorted([*faults, *judged.faults], key=lambda fault: fault.row))
    if judged.new:
        transaction.execute(sa.insert(declarations), [_row(one) for _, one in judged.new])
    return [Kept(judged.repeated.get(row, one), repeated=row in judged.repeated) for row, one in handed]


def _judged(transaction: Transaction, handed: Sequence[tuple[int, Declaration]]) -> Judged:
    if not handed:
        return Judged((), {}, ())
    _lock(transaction, {one.agency_key for _, one in handed})
    known = _touched(transaction.connection, [one for _, one in handed])
    today = vietnam_day(max(one.declared_at for _, one in handed))
    return judge(handed, known, today=today, earliest=rules.first_day())


def _lock(transaction: Transaction, keys: Collection[str]) -> None:
    """Until the end of the transaction nobody else declares for these agencies (SQLite has one writer anyway)."""
    if transaction.connection.dialect.name != "postgresql":
        return
    if len(keys) > LOCKS_PER_AGENCY:
        transaction.execute(_LOCK_ALL)
        return
    transaction.execute(_LOCK_SHARED)
    for key in sorted(keys):  # in one order, so that nobody waits in a circle
        transaction.execute(_LOCK_ONE, {"key": key})


def _touched(connection: Connection, new: Sequence[Declaration]) -> Iterator[Entry]:
    """The kept entries that the new ones name or have a day in common with."""
    if not new:
        return
    days = {"first": min(one.first_day for one in new), "last": max(one.last_day for one in new)}
    days["earliest"] = _reach(days["first"])
    seen: set[str] = set()
    named = sorted({one.corrects for one in new if one.corrects})
    for keys in _pieces(sorted({one.agency_key for one in new})):
        yield from _fresh(connection.execute(_OF_AGENCIES, {"keys": keys, **days}), seen)
    for ids in _pieces(named):
        yield from _fresh(connection.execute(_BY_IDS, {"ids": ids}), seen)


def _pieces(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + KEYS_PER_QUERY] for start in range(0, len(values), KEYS_PER_QUERY))


def _fresh(rows: sa.CursorResult[Any], seen: set[str]) -> Iterator[Entry]:
    for row in rows:
        if row.id not in seen:
            seen.add(row.id)
            yield _entry(row)


def _reach(first_day: date) -> date:
    """The earliest first day of an entry that can have the day in it."""
    return first_day - timedelta(days=min(MOST_DAYS, (first_day - date.min).days))


# -- reading -----------------------------------------------------------------------------------------------------


def page(
    connection: Connection,
    *,
    scope: Scope,
    first_day: date | None = None,
    last_day: date | None = None,
    after: tuple[date, int] | None = None,
    limit: int,
) -> list[Listed]:
    """Entries with a day between the two, corrected ones too, the latest period first; `after` is a place in it."""
    statement = _of_scope(connection, _LISTED, scope)
    if first_day is not None:
        statement = statement.where(declarations.c.last_day >= first_day)
    if last_day is not None:
        statement = statement.where(declarations.c.first_day <= last_day)
    if after is not None:
        same_day = sa.and_(declarations.c.first_day == after[0], declarations.c.number < after[1])
        statement = statement.where(declarations.c.first_day <= after[0])  # a bound for the index
        statement = statement.where(sa.or_(declarations.c.first_day < after[0], same_day))
    rows = connection.execute(statement.order_by(*_LATEST_FIRST).limit(limit))
    return [Listed((row.first_day, row.number), _entry(row)) for row in rows]


def taken(
    connection: Connection, *, scope: Scope, first_day: date, last_day: date, known_on: date | None = None
) -> Taken:
    """What counts in the days from `first_day` to `last_day`, as it was known at the end of a day (None: now)."""
    standing = _standing(connection, scope, known_on)
    order = (declarations.c.agency_key, declarations.c.first_day, declarations.c.number)
    inside = connection.execute(standing.where(*_inside(first_day, last_day)).order_by(*order))
    reaching = standing.where(*_reaching(first_day, last_day))
    return Taken(
        sums(connection, scope=scope, first_day=first_day, last_day=last_day, known_on=known_on),
        _last_heads([_declaration(row) for row in inside]),
        [_declaration(row) for row in connection.execute(reaching.order_by(*order))],
    )


def left_out(
    connection: Connection, *, scope: Scope, first_day: date, last_day: date, known_on: date | None = None
) -> tuple[int, int]:
    """How many entries `taken` leaves out because they reach beyond the days, and what they add up to."""
    reaching = _standing(connection, scope, known_on).where(*_reaching(first_day, last_day)).subquery()
    row = connection.execute(sa.select(sa.func.count(), sa.func.sum(reaching.c.count)).select_from(reaching)).one()
    return int(row[0]), int(row[1] or 0)


def sums(
    connection: Connection, *, scope: Scope, first_day: date, last_day: date, known_on: date | None = None
) -> dict[Key, int]:
    """Only the sums of `taken`, added up by the database."""
    asked = ("declared", scope, first_day, last_day, known_on)
    return asked_once(connection, asked, lambda: _sums(connection, scope, (first_day, last_day), known_on))


def _sums(connection: Connection, scope: Scope, days: tuple[date, date], known_on: date | None) -> dict[Key, int]:
    first_day, last_day = days
    inside = _standing(connection, scope, known_on).where(*_inside(first_day, last_day)).subquery()
    key = (inside.c.agency_key, inside.c.kind, inside.c.document_type)
    from_the_end = sa.func.row_number().over(partition_by=key, order_by=inside.c.last_day.desc()).label("place")
    ranked = sa.select(*key, inside.c.count.label("many"), from_the_end).subquery()
    counts = sa.or_(ranked.c.kind != DeclaredKind.LEADERS.value, ranked.c.place == 1)
    groups = (ranked.c.agency_key, ranked.c.kind, ranked.c.document_type)
    statement = sa.select(*groups, sa.func.sum(ranked.c.many).label("many")).where(counts).group_by(*groups)
    return {
        (row.agency_key, DeclaredKind(row.kind), row.document_type): int(row.many)
        for row in connection.execute(statement)
    }


def sums_by_days(
    connection: Connection, *, scope: Scope, first_day: date, last_day: date, known_on: date | None = None
) -> dict[tuple[date, date, DeclaredKind, str], int]:
    """The sums of `taken` by the first and last day that the entries name; without head counts, which do not add up."""
    inside = _standing(connection, scope, known_on).where(*_inside(first_day, last_day)).subquery()
    key = (inside.c.first_day, inside.c.last_day, inside.c.kind, inside.c.document_type)
    documents = inside.c.kind != DeclaredKind.LEADERS.value
    statement = sa.select(*key, sa.func.sum(inside.c.count).label("many")).where(documents).group_by(*key)
    rows = connection.execute(statement)
    return {(row.first_day, row.last_day, DeclaredKind(row.kind), row.document_type): int(row.many) for row in rows}


def _standing(connection: Connection, scope: Scope, known_on: date | None) -> sa.Select[Any]:
    """Entries that nothing has taken the place of, as known at the end of a day."""
    later = declarations.alias("later")
    corrected = sa.exists(sa.select(later.c.number).where(later.c.corrects == declarations.c.id))
    statement = _of_scope(connection, sa.select(declarations), scope)
    if known_on is not None:
        end = datetime.combine(known_on + timedelta(days=1), time(), VIETNAM)
        corrected = corrected.where(later.c.declared_at < end)
        statement = statement.where(declarations.c.declared_at < end)
    withdraws = sa.and_(declarations.c.corrects.isnot(None), declarations.c.count == 0)
    return statement.where(sa.not_(corrected), sa.not_(withdraws))


def _of_scope(connection: Connection, statement: sa.Select[Any], scope: Scope) -> sa.Select[Any]:
    return statement.where(scopes.within(connection, declarations.c.agency_key, scope))


def _inside(first_day: date, last_day: date) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        declarations.c.first_day >= first_day,
        declarations.c.first_day <= last_day,  # follows from the next one: a bound for the index
        declarations.c.last_day <= last_day,
    )


def _reaching(first_day: date, last_day: date) -> tuple[sa.ColumnElement[bool], ...]:
    return (*_common(first_day, last_day), sa.not_(sa.and_(*_inside(first_day, last_day))))


def _common(first_day: date, last_day: date) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        declarations.c.first_day >= _reach(first_day),  # no entry is longer: a bound for the index
        declarations.c.first_day <= last_day,
        declarations.c.last_day >= first_day,
    )


def _last_heads(entries: list[Declaration]) -> list[Declaration]:
    """Without the head counts that a later one of the same agency follows."""
    last: dict[Key, date] = {}
    for one in entries:
        key = (one.agency_key, one.kind, one.document_type)
        last[key] = max(one.last_day, last.get(key, one.last_day))
    return [
        one
        for one in entries
        if one.kind is not DeclaredKind.LEADERS or one.last_day == last[one.agency_key, one.kind, one.document_type]
    ]


def _entry(row: Any) -> Entry:
    return Entry(_declaration(row), row.corrected_by or "")


def _declaration(row: Any) -> Declaration:
    return Declaration(
        id=row.id,
        agency_key=row.agency_key,
        first_day=row.first_day,
        last_day=row.last_day,
        kind=DeclaredKind(row.kind),
        document_type=row.document_type,
        count=row.count,
        declared_at=row.declared_at,
        declared_by=row.declared_by,
        caller_key=row.caller_key,
        note=row.note,
        corrects=row.corrects,
    )


def _row(one: Declaration) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Declaration.__slots__} | {"kind": one.kind.value}


_LATEST_FIRST = (declarations.c.first_day.desc(), declarations.c.number.desc())
_later = declarations.alias("corrections")
_LISTED = sa.select(declarations, _later.c.id.label("corrected_by")).select_from(
    declarations.outerjoin(_later, _later.c.corrects == declarations.c.id)
)
_OF_AGENCIES = _LISTED.where(
    declarations.c.agency_key.in_(sa.bindparam("keys", expanding=True)),
    declarations.c.first_day >= sa.bindparam("earliest", type_=sa.Date),
    declarations.c.first_day <= sa.bindparam("last", type_=sa.Date),
    declarations.c.last_day >= sa.bindparam("first", type_=sa.Date),
)
_BY_IDS = _LISTED.where(declarations.c.id.in_(sa.bindparam("ids", expanding=True)))
_EVERYBODY = sa.func.hashtextextended("hub.declarations", 0)
_LOCK_ALL = sa.select(sa.func.pg_advisory_xact_lock(_EVERYBODY))
_LOCK_SHARED = sa.select(sa.func.pg_advisory_xact_lock_shared(_EVERYBODY))
_LOCK_ONE = sa.select(
    sa.func.pg_advisory_xact_lock(
        sa.func.hashtextextended(sa.literal("hub.declarations.") + sa.bindparam("key", type_=sa.Text), 0)
    )
)
