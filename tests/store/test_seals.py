"""The chain of seals on SQLite and PostgreSQL: one chain, no receipt twice or never, timestamps that come later."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from hub.domain import merkle
from hub.domain.seals import leaf_of
from hub.store import seals, tables
from tests.support.sealed import AT, give, plausible, receipt_id, run, seal_all


@pytest.fixture
def sealed(database):
    """Ten receipts in seals of four, four and two."""
    give(database, range(1, 11))
    assert seal_all(database, most=4) == 3
    return database


def chain_of(database):
    with database.reading() as connection:
        return list(seals.walk(connection))


def test_seals_are_linked_and_hold_all_receipts_in_order(sealed):
    chain = chain_of(sealed)
    assert [link.statement.size for link in chain] == [4, 4, 2]
    assert [link.statement.previous for link in chain] == ["", chain[0].head, chain[1].head]
    numbers = iter(range(1, 11))
    with sealed.reading() as connection:
        assert seals.last(connection) == (3, chain[2].head, AT + timedelta(minutes=2))
        for link in chain:
            rows = list(seals.receipts_of(connection, link.statement.number))
            assert [row.receipt_id for row in rows] == [receipt_id(next(numbers)) for _ in rows]
            assert [row.leaf for row in rows] == list(range(link.statement.size))
            assert link.leaves == b"".join(leaf_of(row.jws) for row in rows)
            assert link.statement.root == merkle.root_of(leaf_of(row.jws) for row in rows).hex()
            assert link.statement.head == link.head


def test_nothing_waits_nothing_is_sealed(database):
    assert seal_all(database, most=4) == 0
    with database.reading() as connection:
        assert seals.last(connection) is None
        assert seals.waiting(connection, most=9) == 0


def test_every_receipt_is_proved_and_an_unsealed_one_is_not(sealed):
    give(sealed, range(11, 12))
    with sealed.reading() as connection:
        for number in range(1, 11):
            proof = seals.proof_of(connection, receipt_id(number))
            assert proof.proves(plausible(number))
            assert not proof.proves(plausible(number + 1))
        assert seals.proof_of(connection, receipt_id(11)) is None
        assert seals.proof_of(connection, "nobody") is None
        assert seals.place_of(connection, receipt_id(6)) == (2, 1)
        assert seals.place_of(connection, receipt_id(11)) == (None, None)
        assert seals.place_of(connection, "nobody") is None
        assert [row.receipt_id for row in seals.receipts_of(connection, None)] == [receipt_id(11)]


def test_a_receipt_committed_late_with_a_low_number_is_sealed_too(sealed):
    """PostgreSQL gives numbers before the commit: what is unsealed is asked of the row, never of its number."""
    late = tables.receipts.update().where(tables.receipts.c.id == receipt_id(3))
    run(sealed, late.values(seal=None, leaf=None))  # as if it had not been visible then
    assert seal_all(sealed, most=4, now=AT + timedelta(hours=1)) == 1
    with sealed.reading() as connection:
        assert seals.place_of(connection, receipt_id(3)) == (4, 0)


def test_two_sealers_make_one_chain(database):
    give(database, range(1, 61))
    made, faults = [], []

    def work():
        try:
            made.append(seal_all(database, most=7))
        except Exception as fault:
            faults.append(fault)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    chain = chain_of(database)
    assert [link.statement.number for link in chain] == list(range(1, sum(made) + 1))
    assert [link.statement.previous for link in chain] == ["", *(link.head for link in chain[:-1])]
    assert sum(link.statement.size for link in chain) == 60


def test_a_seal_is_all_or_nothing(database):
    give(database, range(1, 4))
    with pytest.raises(RuntimeError, match="power"):
        _sealed_until_the_power_fails(database)
    with database.reading() as connection:
        assert seals.last(connection) is None
        assert seals.waiting(connection, most=9) == 3
        assert seals.waiting(connection, most=2) == 2


def _sealed_until_the_power_fails(database):
    with database.writing() as transaction:
        seals.seal_next(transaction, now=AT, stamp=False)
        raise RuntimeError("the power fails")


def test_timestamps_are_owed_claimed_by_one_and_kept(database):
    give(database, range(1, 5))
    assert seal_all(database, most=2, stamp=True) == 2
    later = AT + timedelta(hours=1)
    with database.reading() as connection:
        first, second = seals.unstamped(connection, later, limit=9)
        assert seals.unstamped(connection, AT - timedelta(seconds=1), limit=9) == []
    assert (first.number, first.failures, first.due) == (1, 0, AT)
    with database.writing() as transaction:
        assert seals.claim(transaction, first, later + timedelta(minutes=15))
        assert not seals.claim(transaction, first, later + timedelta(minutes=16))
        seals.stamped(transaction, first.number, b"token", at=later)
        seals.stamp_failed(transaction, second, error="away", next_at=later + timedelta(minutes=1))
    one, two = chain_of(database)
    assert (one.token, one.stamped_at, one.next_stamp_at) == (b"token", later, None)
    assert (two.token, two.stamp_failures, two.last_error) == (None, 1, "away")
    with database.reading() as connection:
        assert seals.unstamped(connection, later, limit=9) == []
        (again,) = seals.unstamped(connection, later + timedelta(minutes=1), limit=9)
        assert (again.number, again.failures) == (2, 1)
        assert seals.proof_of(connection, receipt_id(1)).token == b"token"


def test_how_the_sealing_stands(database):
    with database.reading() as connection:
        assert seals.standing(connection) == seals.Standing(0, None, 0, 0, "")
    give(database, range(1, 6))
    with database.reading() as connection:
        assert seals.standing(connection) == seals.Standing(5, AT, 0, 0, "")
    seal_all(database, most=3, stamp=True)
    with database.reading() as connection:
        _, second = seals.unstamped(connection, AT + timedelta(hours=1), limit=9)
    with database.writing() as transaction:
        seals.stamp_failed(transaction, second, error="away", next_at=AT + timedelta(hours=2))
    with database.reading() as connection:
        assert seals.standing(connection) == seals.Standing(0, None, 2, 1, "away")


def test_a_kept_timestamp_is_never_replaced(database):
    give(database, range(1, 2))
    seal_all(database, most=2, stamp=True)
    with database.reading() as connection:
        (owed,) = seals.unstamped(connection, AT, limit=1)
    with database.writing() as transaction:
        seals.stamped(transaction, 1, b"first", at=AT)
        seals.stamped(transaction, 1, b"second", at=AT)
        seals.stamp_failed(transaction, owed, error="late", next_at=AT)
    (link,) = chain_of(database)
    assert (link.token, link.next_stamp_at, link.last_error) == (b"first", None, "")


def test_without_an_authority_no_timestamp_is_owed(sealed):
    with sealed.reading() as connection:
        assert seals.unstamped(connection, AT + timedelta(days=900), limit=9) == []
    assert {(link.token, link.next_stamp_at) for link in chain_of(sealed)} == {(None, None)}


def test_receipts_that_name_a_seal_that_is_not_there(sealed):
    with sealed.reading() as connection:
        assert seals.beyond(connection, 3) is None
        assert seals.beyond(connection, 2) == (receipt_id(9), 3)


def test_the_next_batch_is_read_in_the_order_of_an_index(database):
    """However long the history and however much waits: nothing is sorted, nothing is walked through."""
    give(database, range(1, 2001))
    seal_all(database, most=500)
    give(database, range(2001, 2003))
    seen = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *call: seen.append(call[2:4]))
    with database.reading() as connection:
        assert seals.waiting(connection, most=4096) == 2
    with database.writing() as transaction:
        seals.seal_next(transaction, now=AT, stamp=False)
    asked = [(text, given) for text, given in seen if "seal IS NULL" in text and text.startswith("SELECT")]
    assert len(asked) == 2
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    with database.writing() as transaction:
        if not database.is_sqlite:
            transaction.connection.exec_driver_sql("ANALYZE receipts")
        for text, given in asked:
            plan = "\n".join(str(row) for row in transaction.connection.exec_driver_sql(explain + text, given))
            assert "ix_receipts_" in plan
            assert "TEMP B-TREE" not in plan
            assert "Sort" not in plan
