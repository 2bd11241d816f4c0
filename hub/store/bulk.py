"""Many rows at once: PostgreSQL's COPY, SQLite's executemany, inside the caller's own transaction.

Owns: the written form of values that both databases take; what a bulk load must know and keep beside its rows.
Never: makes rows; drops a constraint: a database keeps its promises while it is filled.
Source: PostgreSQL documentation (COPY, text format); SQLite documentation (type affinity).
"""

from __future__ import annotations

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

from hub.errors import IllegalTransition, StoreUnavailable
from hub.store.engine import Transaction
from hub.store.life_tables import arrival_counters
from hub.store.report_tables import metadata
from hub.store.tables import agencies, consignments

Value = str | int | bool | None  # days, times and JSON in their written form: `day`, `instant`, a JSON text
CACHE_KIB = 512 * 1024  # of SQLite, while it is filled


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
    return at.astimezone(UTC).isoformat(" ", "microseconds")[:26]


def load(transaction: Transaction, table: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]) -> int:
    """Add rows to a table; two columns at least; those not named get their defaults. Returns how many rows.

    Raises: IllegalTransition when a row breaks a constraint (nothing of the transaction may be kept then),
    StoreUnavailable, KeyError for a table or column that there is not.
    """
    known = [metadata.tables[table].c[name].name for name in columns]
    if rows:
        with _translated(table):
            if transaction.connection.dialect.name == "postgresql":
                _copy(transaction, table, known, rows)
            else:
                _insert_many(transaction, table, known, rows)
    return len(rows)


@contextmanager
def roomy(transaction: Transaction) -> Iterator[None]:
    """While SQLite is filled it keeps its indexes in memory: else it writes each of their pages again and again."""
    if transaction.connection.dialect.name == "postgresql":
        yield
        return
    usual = transaction.connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
    transaction.connection.exec_driver_sql(f"PRAGMA cache_size = -{CACHE_KIB}")
    try:
        yield
    finally:
        transaction.connection.exec_driver_sql(f"PRAGMA cache_size = {int(usual)}")


@contextmanager
def unindexed(transaction: Transaction, tables: Collection[str]) -> Iterator[None]:
    """Indexes of tables that are filled from nothing are made once, at the end; those of promises that rows keep stay.

    In the caller's transaction: on SQLite nobody else sees it; on PostgreSQL only the owner may, and readers wait.
    """
    indexes = [index for table in sorted(tables) for index in _indexes(transaction.connection, table)]
    for index in indexes:
        index.drop(transaction.connection)
    yield
    for index in indexes:
        with _translated(index.name):
            index.create(transaction.connection)


def _indexes(connection: Connection, table: str) -> list[sa.Index]:
    """Those that may be taken off."""
    if connection.dialect.name == "postgresql":
        mine = sa.text("SELECT pg_has_role(tableowner, 'USAGE') FROM pg_tables WHERE tablename = :table")
        if not connection.execute(mine, {"table": table}).scalar_one():
            return []
    return sorted(metadata.tables[table].indexes, key=lambda one: one.name)


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


def _copy(transaction: Transaction, table: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]) -> None:
    """Times without a zone are UTC for this transaction."""
    transaction.execute(sa.text("SET LOCAL TIME ZONE 'UTC'"))
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), names)
    driver = transaction.connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        write = copy.write_row
        for row in rows:
            write(row)


def _insert_many(transaction: Transaction, table: str, columns: Sequence[str], rows: Sequence[Sequence[Value]]) -> None:
    """SQLAlchemy writes the statement; the driver takes the values, which are in their written form already."""
    statement = sa.insert(metadata.tables[table]).compile(dialect=transaction.connection.dialect, column_keys=columns)
    in_its_order = itemgetter(*map(columns.index, statement.positiontup))
    cursor = transaction.connection.connection.driver_connection.cursor()
    try:
        cursor.executemany(str(statement), map(in_its_order, rows))
    finally:
        cursor.close()


@contextmanager
def _translated(table: str) -> Iterator[None]:
    """The drivers' own errors as those of the hub."""
    try:
        yield
    except (psycopg.IntegrityError, sqlite3.IntegrityError) as broken:
        raise IllegalTransition(f"{table}: {broken}", thing=table, state="rows that are there already") from broken
    except (psycopg.OperationalError, sqlite3.OperationalError) as away:
        raise StoreUnavailable(str(away)) from away
