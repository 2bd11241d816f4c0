"""The history: what is written stays in order, and what may count waits until it is folded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.store import events
from hub.store.events import COUNTS, Event
from tests.support.counts import CARRIERS, carried

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)


@pytest.fixture
def books(database):
    """A database with consignments to which something may happen."""
    carried(database)
    return database


def written(database, *happenings):
    with database.writing() as transaction:
        events.happened(transaction, *happenings)


def waiting(database, *, limit=100):
    with database.writing() as transaction:
        return [(one.consignment_id, one.delivery_id) for one in events.to_tally(transaction, limit=limit)]


def test_a_timeline_is_in_the_order_of_writing_whatever_the_times_say(books):
    first, second = Event("b", AT + timedelta(days=1), CARRIERS[0], facts={"x": 1}), Event("a", AT, CARRIERS[0], "d1")
    written(books, first, Event("c", AT, CARRIERS[1]))
    written(books, second)
    with books.reading() as connection:
        assert events.timeline(connection, CARRIERS[0]) == [first, second]


def test_only_what_may_count_waits_for_the_tally(books):
    kinds = sorted({*COUNTS, "received", "routed", "deferred", "overdue", "evidence"})
    for number, kind in enumerate(kinds):
        written(books, Event(kind, AT, CARRIERS[0], f"d{number}"))
    assert [kinds[int(delivery[1:])] for _, delivery in waiting(books)] == sorted(COUNTS)
    with books.reading() as connection:
        assert events.how_many_to_tally(connection) == len(COUNTS)


def test_the_oldest_wait_first_until_they_are_folded(books):
    written(books, *(Event("placed", AT - timedelta(days=n), CARRIERS[0], f"d{n}") for n in range(5)))
    assert waiting(books, limit=2) == [(CARRIERS[0], "d0"), (CARRIERS[0], "d1")]
    with books.writing() as transaction:
        events.tallied(transaction, [one.number for one in events.to_tally(transaction, limit=3)])
    assert waiting(books) == [(CARRIERS[0], "d3"), (CARRIERS[0], "d4")]
    with books.reading() as connection:
        assert (events.how_many_to_tally(connection), events.wait_to_be_tallied(connection)) == (2, True)
        assert len(events.timeline(connection, CARRIERS[0])) == 5, "what is folded stays in the history"


def test_nothing_waits_in_an_empty_history(books):
    written(books)
    assert waiting(books) == []
    with books.reading() as connection:
        assert (events.how_many_to_tally(connection), events.wait_to_be_tallied(connection)) == (0, False)
