"""The migrations give exactly the tables that the program expects, on both databases, however they are started."""

from __future__ import annotations

import threading
from datetime import datetime

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.exc import IntegrityError, StatementError

from hub.errors import Misconfigured
from hub.store import schema, tables
from hub.store.engine import Database
from hub.wiring import ready


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request, tmp_path):
    url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("make_fast_database")()
    database = Database(url)
    yield database
    database.close()


def test_the_migrations_equal_the_metadata(empty):
    schema.upgrade(empty)
    with empty.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": not empty.is_sqlite})
        assert compare_metadata(context, tables.metadata) == []


def test_the_constraints_and_partial_indexes_are_there(empty):
    schema.upgrade(empty)
    with empty.reading() as connection:
        look = sa.inspect(connection)
        for table in tables.metadata.sorted_tables:
            wanted = {c.name for c in table.constraints if isinstance(c, sa.CheckConstraint)}
            assert {c["name"] for c in look.get_check_constraints(table.name)} == wanted, table.name
            assert {c["name"] for c in look.get_indexes(table.name)} >= {i.name for i in table.indexes}, table.name


def test_an_upgrade_may_be_repeated(empty):
    assert schema.upgrade(empty) == (None, schema.newest())
    assert schema.upgrade(empty) == (schema.newest(), schema.newest())


def test_two_starts_at_once_migrate_once(empty):
    faults = []

    def start() -> None:
        try:
            schema.upgrade(empty)
        except Exception as error:
            faults.append(error)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert faults == []
    assert schema.version(empty) == schema.newest()


def test_a_migration_that_breaks_off_leaves_nothing(empty, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr("alembic.operations.base.Operations.create_index", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            schema.upgrade(empty)
    assert schema.version(empty) is None
    schema.upgrade(empty)
    assert schema.version(empty) == schema.newest()


def test_an_old_schema_stops_the_start(empty):
    with pytest.raises(Misconfigured, match="db upgrade"):
        ready(empty)


@pytest.mark.parametrize("table", ["agencies", "consignments", "deliveries", "counted"])
def test_state_words_are_constrained(scene, table):
    scene.placed(1)
    scene.drain()
    column = {"counted": "direction", "agencies": "status"}.get(table, "state")
    with pytest.raises(IntegrityError), scene.database.writing() as transaction:
        transaction.execute(sa.update(tables.metadata.tables[table]).values({column: "nonsense"}))


def test_times_are_utc_and_never_naive(database):
    with database.writing() as transaction, pytest.raises(StatementError, match="naive"):
        transaction.execute(sa.update(tables.agencies).values(changed_at=datetime(2026, 1, 1)))  # noqa: DTZ001
    with database.reading() as connection:
        (seen, *_) = connection.execute(sa.select(tables.agencies.c.changed_at)).scalars()
    assert seen.utcoffset().total_seconds() == 0
