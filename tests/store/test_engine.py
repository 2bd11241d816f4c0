"""Transactions: all or nothing, rung after the commit only, one error for 'not now'."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from hub.errors import StoreUnavailable
from hub.store import bells, tables
from hub.store.bells import LocalBell
from hub.store.engine import Database, asked_once
from tests.support.fixtures import unavailable
from tests.support.servers import PrivatePostgres


def names(database):
    with database.reading() as connection:
        return set(connection.execute(sa.select(tables.agencies.c.name)).scalars())


def rename(transaction, name):
    transaction.execute(sa.update(tables.agencies).where(tables.agencies.c.code_key == "G22").values(name=name))


def test_moments_are_utc_whatever_zone_the_server_or_the_url_names(database):
    at = datetime(2026, 3, 2, 8, 30, 15, 250_001, UTC)
    url = database.url if database.is_sqlite else database.url.set(query={"options": "-c TimeZone=Asia/Ho_Chi_Minh"})
    other = Database(url.render_as_string(hide_password=False))
    with other.writing() as transaction:
        transaction.execute(sa.update(tables.agencies).values(changed_at=at))
    with other.reading() as connection:
        found = set(connection.execute(sa.select(tables.agencies.c.changed_at)).scalars())
    other.close()
    assert found == {at}
    assert {one.tzinfo for one in found} == {UTC}


def rename_ring_and_fail(database):
    with database.writing() as transaction:
        rename(transaction, "khác")
        transaction.ring("topic")
        raise ZeroDivisionError


def lose_in_the_middle(database, server):
    with database.writing() as transaction:
        server.kill()
        transaction.execute(sa.select(1))


def test_an_error_takes_everything_back_and_does_not_ring(database):
    listening(database)
    token = database.bell.token("topic")
    with pytest.raises(ZeroDivisionError):
        rename_ring_and_fail(database)
    assert "khác" not in names(database)
    assert not database.bell.wait("topic", token, timeout_seconds=0.3)


def test_a_commit_is_there_before_the_bell_rings(database):
    listening(database)
    token = database.bell.token("topic")
    seen = []

    def wait() -> None:
        database.bell.wait("topic", token, timeout_seconds=60)
        seen.append("khác" in names(database))

    waiter = threading.Thread(target=wait)
    waiter.start()
    with database.writing() as transaction:
        rename(transaction, "khác")
        transaction.ring("topic")
        time.sleep(0.1)
    waiter.join(60)
    assert seen == [True]


def test_a_ring_in_another_process_is_heard(postgres_database):
    other = Database(postgres_database.url.render_as_string(hide_password=False))
    listening(postgres_database)
    token = postgres_database.bell.token("topic")
    with other.writing() as transaction:
        transaction.ring("topic")
    assert postgres_database.bell.wait("topic", token, timeout_seconds=60)
    other.close()


def test_a_ring_between_the_token_and_the_wait_is_not_missed(database):
    token = database.bell.token("topic")
    with database.writing() as transaction:
        transaction.ring("topic")
    assert database.bell.wait("topic", token, timeout_seconds=60)


def test_bells_do_not_grow_with_their_topics():
    bell = LocalBell()
    for number in range(3 * bells.COUNTERS):
        bell.ring(f"consignment:{number}")
    assert len(bell._rings) == bells.COUNTERS
    token = bell.token("one")
    bell.close()
    assert bell.wait("one", token, timeout_seconds=0)


def test_a_reading_sees_one_moment(database):
    with database.reading() as connection:
        before = connection.execute(sa.select(tables.agencies.c.name)).scalars().all()
        with database.writing() as transaction:
            rename(transaction, "khác")
        assert connection.execute(sa.select(tables.agencies.c.name)).scalars().all() == before
    assert "khác" in names(database)


def test_what_is_asked_again_in_one_look_is_asked_once_and_nowhere_else(database):
    answers = iter(range(10))

    def ask(connection, question="how many?"):
        return asked_once(connection, question, lambda: next(answers))

    with database.reading() as one:
        assert [ask(one), ask(one), ask(one, "and how many there?"), ask(one)] == [0, 0, 1, 0]
    with database.reading() as another:
        assert ask(another) == 2
    with database.writing() as transaction:  # what it changes may change the answer
        assert [ask(transaction.connection), ask(transaction.connection)] == [3, 4]


def test_a_reading_cannot_write(postgres_database):
    with pytest.raises(sa.exc.InternalError, match="read-only"), postgres_database.reading() as connection:
        connection.execute(sa.update(tables.agencies).values(name="khác"))
    with postgres_database.writing() as transaction:
        rename(transaction, "khác")
    assert "khác" in names(postgres_database)


def test_the_connection_is_fit_for_use_after_an_error(database):
    for _ in range(30):
        with pytest.raises(ZeroDivisionError), database.writing():
            raise ZeroDivisionError
    with database.writing() as transaction:
        rename(transaction, "khác")
    assert "khác" in names(database)


def test_what_an_operator_sets_in_the_address_stays(make_postgres_database):
    """A role that is set there keeps a process from more than it may."""
    url = sa.make_url(make_postgres_database()).update_query_dict({"options": "-c work_mem=7MB"})
    database = Database(url.render_as_string(hide_password=False))
    for _ in range(2):
        with database.reading() as connection:
            assert connection.execute(sa.text("SHOW work_mem")).scalar_one() == "7MB"
            assert connection.execute(sa.text("SHOW jit")).scalar_one() == "off"
    database.close()


def test_one_leader_at_a_time(postgres_database):
    with postgres_database.leading("clock") as first, postgres_database.leading("clock") as second:
        assert (first, second) == (True, False)
    with postgres_database.leading("clock") as again, postgres_database.leading("other") as other:
        assert (again, other) == (True, True)


def test_a_lost_postgres_is_not_now_and_its_return_is_enough():
    found = PrivatePostgres.available()
    if not found.ok:
        unavailable(found.advice)
    with PrivatePostgres() as server:
        database = Database(server.url)
        with database.reading() as connection:
            connection.execute(sa.select(1))
        with pytest.raises(StoreUnavailable):
            lose_in_the_middle(database, server)
        with pytest.raises(StoreUnavailable), database.reading() as connection:
            connection.execute(sa.select(1))
        server.start()
        with database.writing() as transaction:
            assert transaction.execute(sa.select(1)).scalar_one() == 1
        database.close()


def test_a_busy_pool_is_not_now(tmp_path, monkeypatch):
    monkeypatch.setattr("hub.store.engine.BUSY_TIMEOUT_SECONDS", 0.2)
    database = Database(f"sqlite:///{tmp_path / 'x.sqlite3'}", pool_size=4)
    with database.writing(), pytest.raises(StoreUnavailable), database.writing():
        pass
    database.close()


def listening(database: Database) -> None:
    """Waits until the LISTEN connection of PostgreSQL stands (its first ring is for all topics)."""
    if not database.is_sqlite:
        assert database.bell.wait("warm up", database.bell.token("warm up"), timeout_seconds=10)


def test_only_what_will_be_done_again_does_not_wait_for_the_disk(database):
    ask, waits, does_not = "PRAGMA synchronous", 2, 1
    if not database.is_sqlite:
        ask, waits, does_not = "SHOW synchronous_commit", "on", "off"
        sa.event.listen(database.engine, "connect", as_in_production)
        database.engine.dispose()
    for repeatable, expected in ((True, does_not), (False, waits), (True, does_not), (False, waits)):
        with database.writing(repeatable=repeatable) as transaction:
            assert transaction.connection.exec_driver_sql(ask).scalar_one() == expected


def as_in_production(connection, _entry):
    """The test server waits for no disk; this connection does."""
    connection.execute("SET synchronous_commit = on")
    connection.commit()
