"""Many rows at once: PostgreSQL's COPY, SQLite's executemany, inside the caller's own transaction.

Owns: the written form of rows that both databases take; what a bulk load must know and keep beside its rows.
Never: makes rows; lets a transaction end with a promise unproved: what is off while tables are filled is back before.
Source: PostgreSQL documentation (COPY, text format; populating a database); SQLite documentation (type affinity).
"""

from __future__ import annotations

import gc
import re
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import AddConstraint, CreateIndex, DropConstraint, DropIndex

from hub.errors import IllegalTransition, StoreUnavailable
from hub.store.engine import Transaction
from hub.store.life_tables import arrival_counters
from hub.store.report_tables import metadata
from hub.store.tables import agencies, consignments

Value = str | int | bool | None  # days, times and JSON in their written form: `day`, `instant`, a JSON text
CACHE_KIB = 512 * 1024  # of SQLite, while it is filled
MEMORY_KIB = {"maintenance_work_mem": 256 * 1024, "work_mem": 64 * 1024}  # of PostgreSQL, at least
NOTHING = r"\N"  # NULL, as a line has it
_LINES_AT_ONCE = 500
_BETWEEN_COLLECTIONS = 200_000  # objects
_ESCAPES = {"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"}
_SPECIAL = re.compile(r"[\\\t\n\r]")
_ESCAPED = re.compile(r"\\(.)")
_PLAIN = {short[1]: char for char, short in _ESCAPES.items()}


@dataclass(frozen=True, slots=True)
class Numbers:
    """Where an agency's numbering stands: the last place in its inbox, its last arrival number of the year."""

    position: int = 0
    arrival: int = 0


def instant(at: datetime) -> str:
    """The written form of a moment. Raises ValueError for a naive one: that is a bug in the caller.

    >>> from hub.domain.periods import VIETNAM
    >>> instant(datetime(2026, 3, 2, 8, 30, tzinfo=VIETNAM))
    '2026-03-02 01:30:00.000000'
    """
    if at.tzinfo is None:
        raise ValueError(f"naive datetime {at!r}")
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return utc.isoformat(" ", "microseconds")[:26]


def line(values: Sequence[Value]) -> str:
    r"""A row as `load_lines` takes it: the text format of COPY, without the end of the line.

    >>> line(("a\tb", None, True, 7, ""))
    'a\\tb\t\\N\t1\t7\t'
    """
    return "\t".join([NOTHING if value is None else _field(value) for value in values])


def escaped(text: str) -> str:
    """A text as it stands in a line."""
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], text)


def load(transaction: Transaction, table: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]) -> int:
    """Add rows to a table; two columns at least; those not named get their defaults. Returns how many rows.

    Raises: IllegalTransition when a row breaks a constraint (nothing of the transaction may be kept then),
    StoreUnavailable, KeyError for a table or column that there is not.
    """
    return load_lines(transaction, table, columns, [line(row) for row in rows])


def load_lines(
    transaction: Transaction, table: str, columns: Sequence[str], lines: Sequence[str], *, to: str = ""
) -> int:
    """As `load`, for rows that are written already: a million of them are written faster than they are adapted.

    `to`: PostgreSQL only, the table that takes them, like this one.
    """
    known = [metadata.tables[table].c[name].name for name in columns]
    if lines:
        with _translated(table):
            if transaction.connection.dialect.name == "postgresql":
                _copy(transaction, to or table, known, lines)
            else:
                _insert_many(transaction, table, known, lines)
    return len(lines)


@contextmanager
def roomy(transaction: Transaction) -> Iterator[None]:
    """While it is filled a database has memory: else SQLite writes each page of its indexes again and again.

    PostgreSQL sorts in memory until the transaction ends, and packs large values in the quicker way that it has.
    """
    if transaction.connection.dialect.name == "postgresql":
        transaction.execute(_MEMORY, [{"name": name, "kib": kib} for name, kib in MEMORY_KIB.items()])
        transaction.execute(_QUICK_PACKING)
        yield
        return
    usual = transaction.connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    transaction.connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KIB}")
    try:
        yield
    finally:
        transaction.connection.exec_driver_sql(f"PRAGMA cache_size = {int(usual)}")


@contextmanager
def bare(transaction: Transaction, tables: Collection[str]) -> Iterator[None]:
    """Tables that are filled from nothing: their indexes are made at the end, on PostgreSQL their promises proved then.

    In the caller's transaction: on SQLite nobody else sees it; on PostgreSQL only the owner may, and readers wait,
    those of the tables to which these refer too. Raises IllegalTransition when rows break a promise (nothing of the
    transaction may be kept then).
    """
    parts = [part for table in tables for part in _parts(transaction.connection, metadata.tables[table])]
    parts.sort(key=lambda part: (_MADE_IN_ORDER.index(type(part)), part.table.name, str(part.name)))
    for part in reversed(parts):
        transaction.execute(_taken_off(part))
    yield
    for part in parts:
        with _translated(part.table.name):
            transaction.execute(_put_on(part))


def _parts(connection: Connection, table: sa.Table) -> list[_Part]:
    """What may be taken off; primary keys to which others refer stay, they carry the others' promises."""
    if connection.dialect.name != "postgresql":
        return list(table.indexes)
    if not connection.execute(_MINE, {"table": table.name}).scalar_one():
        return []
    referred = {key.column.table for one in metadata.tables.values() for key in one.foreign_keys}
    kinds = (sa.UniqueConstraint, sa.ForeignKeyConstraint, *(() if table in referred else (sa.PrimaryKeyConstraint,)))
    return [*table.indexes, *(one for one in table.constraints if isinstance(one, kinds))]


def _taken_off(part: _Part) -> sa.Executable:
    return DropIndex(part) if isinstance(part, sa.Index) else DropConstraint(part)


def _put_on(part: _Part) -> sa.Executable:
    return CreateIndex(part) if isinstance(part, sa.Index) else AddConstraint(part, isolate_from_table=False)


_Part = sa.Index | sa.UniqueConstraint | sa.PrimaryKeyConstraint | sa.ForeignKeyConstraint
_MADE_IN_ORDER = (sa.PrimaryKeyConstraint, sa.UniqueConstraint, sa.Index, sa.ForeignKeyConstraint)
_MINE = sa.text("SELECT pg_has_role(tableowner, 'USAGE') FROM pg_tables WHERE tablename = :table")
_MEMORY = sa.text(
    "SELECT set_config(name, :kib || 'kB', true) FROM pg_settings WHERE name = :name AND setting::bigint < :kib"
)
_QUICK_PACKING = sa.text(
    "SELECT set_config(name, 'lz4', true) FROM pg_settings"
    " WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)"
)


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Millions of small facts refer to nothing that refers to them: looking for cycles was a quarter of the work."""
    usual = gc.get_threshold()
    gc.set_threshold(_BETWEEN_COLLECTIONS)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def settled(transaction: Transaction, tables: Collection[str]) -> None:
    """Let the planner know what the tables hold now."""
    for table in sorted(tables):
        transaction.execute(sa.text(f"ANALYZE {metadata.tables[table].name}"))


def has_consignments(connection: Connection) -> bool:
    """True when anything was ever sent through this hub."""
    return connection.execute(sa.select(consignments.c.id).limit(1)).first() is not None


def known_agencies(connection: Connection) -> set[str]:
    """The code keys that the directory has."""
    return set(connection.execute(sa.select(agencies.c.code_key)).scalars())


def keep_numbers(transaction: Transaction, year: int, found: Mapping[str, Numbers]) -> None:
    """The numbering of these agencies, which the directory has and to which nothing ever came, goes on from here."""
    for key, one in sorted(found.items()):
        place = sa.update(agencies).where(agencies.c.code_key == key)
        transaction.execute(place.values(inbox_position=one.position))
    rows = [(key, year, one.arrival) for key, one in sorted(found.items())]
    load(transaction, arrival_counters.name, ("agency_key", "year", "last"), rows)


def _copy(transaction: Transaction, table: str, columns: Sequence[str], lines: Sequence[str]) -> None:
    """Times without a zone are UTC for this transaction."""
    transaction.execute(sa.text("SET LOCAL TIME ZONE 'UTC'"))
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
    driver = transaction.connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for start in range(0, len(lines), _LINES_AT_ONCE):
            copy.write("\n".join([*lines[start : start + _LINES_AT_ONCE], ""]))


def _insert_many(transaction: Transaction, table: str, columns: Sequence[str], lines: Sequence[str]) -> None:
    """SQLAlchemy writes the statement; SQLite makes of each text what its column's affinity wants."""
    statement = sa.insert(metadata.tables[table]).compile(dialect=transaction.connection.dialect, column_keys=columns)
    in_its_order = itemgetter(*map(columns.index, statement.positiontup))
    cursor = transaction.connection.connection.driver_connection.cursor()
    try:
        cursor.executemany(str(statement), (in_its_order(_values(one)) for one in lines))
    finally:
        cursor.close()


def _field(value: str | int) -> str:
    return escaped(value) if isinstance(value, str) else str(int(value))


def _values(written: str) -> list[str | None]:
    """What stands in a line; all as texts."""
    fields = written.split("\t")
    if "\\" not in written:
        return fields
    return [None if one == NOTHING else _ESCAPED.sub(_unescaped, one) for one in fields]


def _unescaped(found: re.Match[str]) -> str:
    return _PLAIN.get(found[1], found[1])


@contextmanager
def _translated(table: str) -> Iterator[None]:
    """The drivers' own errors as those of the hub."""
    try:
        yield
    except (psycopg.IntegrityError, sqlite3.IntegrityError, IntegrityError) as broken:
        raise IllegalTransition(f"{table}: {broken}", thing=table, state="rows that are there already") from broken
    except (psycopg.OperationalError, sqlite3.OperationalError) as away:
        raise StoreUnavailable(str(away)) from away
