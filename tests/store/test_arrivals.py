"""Arrival numbers run on without a gap or a repetition, whatever fails and however many count at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from hub.store import arrivals
from hub.store.engine import Database
from hub.store.life_tables import arrival_counters

WORKERS, EACH = 6, 12


class Undone(Exception):
    """What a transaction fails with in these tests."""


def number(database: Database, agency: str = "H41", *, year: int = 2026, fail: bool = False) -> int:
    with database.writing() as transaction:
        found = arrivals.next_number(transaction, agency, year)
        if fail:
            raise Undone
    return found


def test_each_agency_and_each_year_begins_with_one(database: Database) -> None:
    assert [number(database) for _ in range(3)] == [1, 2, 3]
    assert number(database, "H14") == 1
    assert number(database, year=2027) == 1
    assert number(database) == 4


def test_what_is_undone_leaves_no_gap(database: Database) -> None:
    assert number(database) == 1
    for _ in range(2):
        with pytest.raises(Undone):
            number(database, fail=True)
    assert number(database) == 2


def test_the_first_number_of_a_year_may_be_undone_too(database: Database) -> None:
    with pytest.raises(Undone):
        number(database, fail=True)
    with database.reading() as connection:
        assert connection.execute(sa.select(arrival_counters)).all() == []
    assert number(database) == 1


def test_many_workers_get_every_number_once_although_some_fail(database: Database) -> None:
    def work(worker: int) -> list[int]:
        found = []
        for turn in range(EACH):
            try:
                found.append(number(database, fail=(worker + turn) % 3 == 0))
            except Undone:
                continue
        return found

    with ThreadPoolExecutor(WORKERS) as pool:
        found = [one for numbers in pool.map(work, range(WORKERS)) for one in numbers]
    assert sorted(found) == list(range(1, WORKERS * EACH * 2 // 3 + 1))
    assert number(database) == len(found) + 1
