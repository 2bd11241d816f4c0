"""The database as the rooms see it: short transactions, bells after commit, one error for 'not now'.

Owns: the SQLAlchemy engine, SQLite's write discipline, PostgreSQL's NOTIFY.
Never: SQL of a room.
Source: SQLite WAL documentation (BEGIN IMMEDIATE, synchronous=FULL); PostgreSQL LISTEN/NOTIFY.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from hub.errors import StoreUnavailable
from hub.store.bells import Bell, LocalBell, PostgresBell
from hub.store.turns import Turns

BUSY_TIMEOUT_SECONDS = 30


_ASKED: WeakKeyDictionary[Connection, dict[object, Any]] = WeakKeyDictionary()  # of each look at one moment
T = TypeVar("T")


def asked_once(connection: Connection, question: object, ask: Callable[[], T]) -> T:
    """The answer to a question that is put again and again in one look at one moment; elsewhere it is asked anew."""
    known = _ASKED.get(connection)
    if known is None:
        return ask()
    if question not in known:
        known[question] = ask()
    return known[question]


@dataclass(slots=True)
class Transaction:
    """One write transaction; `ring` wakes waiters once it is committed."""

    connection: Connection
    topics: set[str] = field(default_factory=set)

    def execute(self, statement: sa.Executable, parameters: Any = None) -> sa.CursorResult[Any]:
        """Run one statement in this transaction."""
        return self.connection.execute(statement, parameters)

    def insert_new(self, table: sa.Table, row: dict[str, Any]) -> bool:
        """Insert the row; False when one of the table's unique constraints has it already."""
        return self.connection.execute(_insert_new(self.connection.dialect.name, table), row).rowcount == 1

    def ring(self, topic: str) -> None:
        """Wake those who wait for `topic`, after the commit and only if it succeeds."""
        self.topics.add(topic)


class Database:
    """Opens reading and writing transactions. Raises StoreUnavailable when the database is away or busy."""

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        self.url = sa.make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _engine(self.url, pool_size=pool_size)
        self._turns = Turns()
        self.bell: Bell = LocalBell() if self.is_sqlite else PostgresBell(self.url)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A read-only look at one moment of the database."""
        with _translated(), self.engine.connect() as connection:
            if self.is_sqlite:
                connection.exec_driver_sql("BEGIN")
            else:  # PostgreSQL's default would show every statement another moment
                connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            _ASKED[connection] = {}
            yield connection
            connection.rollback()

    @contextmanager
    def writing(self, *, repeatable: bool = False, gives_way: bool = False) -> Iterator[Transaction]:
        """All or nothing, durable when the block ends; then the bells ring.

        `repeatable`: a power failure may undo it, because all of it will be done again (the disk is not awaited).
        `gives_way`: on SQLite, with its one writer, all others of this process come first.
        """
        with _translated(), self.engine.connect() as connection, self._turn(gives_way=gives_way):
            if self.is_sqlite:
                connection.exec_driver_sql(f"PRAGMA synchronous={'NORMAL' if repeatable else 'FULL'}")
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            elif repeatable:
                connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
            transaction = Transaction(connection)
            yield transaction
            if not self.is_sqlite:
                for topic in sorted(transaction.topics):
                    connection.execute(sa.select(sa.func.pg_notify(PostgresBell.CHANNEL, topic)))
            connection.commit()
        if self.is_sqlite:
            for topic in transaction.topics:
                self.bell.ring(topic)

    def _turn(self, *, gives_way: bool) -> AbstractContextManager[None]:
        if not self.is_sqlite:
            return nullcontext()
        return self._turns.turn(gives_way=gives_way, timeout_seconds=BUSY_TIMEOUT_SECONDS)

    @contextmanager
    def leading(self, duty: str) -> Iterator[bool]:
        """True for at most one process at a time (advisory lock; SQLite has one process anyway)."""
        if self.is_sqlite:
            yield True
            return
        number = sa.func.hashtextextended(f"hub.{duty}", 0)
        with _translated(), self.engine.connect() as connection:
            mine = connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(number))).scalar_one()
            yield bool(mine)
            connection.rollback()

    def close(self) -> None:
        """Give all connections back."""
        self.bell.close()
        self.engine.dispose()


@cache  # SQLAlchemy keeps with a statement what it derived from it
def _insert_new(dialect: str, table: sa.Table) -> sa.Executable:
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    return insert.on_conflict_do_nothing().execution_options(preserve_rowcount=True)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as away:
        raise StoreUnavailable(str(away)) from away


def _engine(url: sa.URL, *, pool_size: int) -> Engine:
    if url.get_backend_name() != "sqlite":
        engine = sa.create_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            pool_timeout=BUSY_TIMEOUT_SECONDS,
            hide_parameters=True,  # errors go to the log, and headers name people
            json_deserializer=msgspec.json.decode,  # a header with a thousand recipients is read often
        )
        sa.event.listen(engine, "connect", _prepare_postgres)
        return engine
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size * 2,
        connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": None},
        hide_parameters=True,
        json_deserializer=msgspec.json.decode,
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_postgres(connection: Any, _entry: ConnectionPoolEntry) -> None:
    # Compiling a report's sums takes longer than adding them up. Not as `options` of the connection: those would
    # silently replace the URL's own, and with them the role that an operator set there.
    connection.execute("SET jit = off").close()
    connection.execute("SET TIME ZONE 'UTC'").close()  # moments come as the hub keeps them (tables.py, Instant)
    connection.commit()


def _prepare_sqlite(connection: Any, _entry: ConnectionPoolEntry) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()
    connection.create_function("lower", 1, _lower, deterministic=True)  # SQLite's own knows ASCII letters only


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()
