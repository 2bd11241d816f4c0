"""The second way to the sums: what the database adds up of the counted rows equals counting them one by one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings

from hub.domain.counting import MARKS, Counted, Detail, Direction, Measure
from hub.store import counted, report_tables, set_sums
from hub.store.recount import Found
from hub.store.report_tables import EVERYBODY
from tests.support.counts import (
    CARRIERS,
    CELLS,
    DAY,
    NEVER_SHORTENED,
    bears,
    carried,
    days_of,
    emptied,
    end_of,
    histories,
)

STARTS = {
    "day": lambda day: day,
    "month": lambda day: day.replace(day=1),
    "quarter": lambda day: date(day.year, day.month - (day.month - 1) % 3, 1),
    "year": lambda day: date(day.year, 1, 1),
}


@pytest.fixture
def books(database):
    """A database in which the made-up rows may stand."""
    carried(database)
    return database


def written(database, many):
    emptied(database)
    with database.writing() as transaction:
        counted.add_rows(transaction, Found(counted={(one.subject_id, one.direction): one for one in many}))


def of_kinds(dialect):
    return set_sums.of_days(dialect, Detail.KIND)


def of_worth(dialect):
    return set_sums.of_days(dialect, Detail.WORTH)


def added_up(database, make):
    """(the key with the cell itself) → the measures that are not 0."""
    with database.reading() as connection:
        cells = {row.id: counted.as_cell(row) for row in connection.execute(sa.select(report_tables.cells))}
        rows = connection.execute(make(connection.dialect.name)).all()
    found = {(*row[:4], cells[row[4]]): {m: n for m, n in zip(Measure, row[5:], strict=True) if n} for row in rows}
    assert len(found) == len(rows)
    assert all(found.values()), "no row is all zero"
    assert all(type(n) is int for sums in found.values() for n in sums.values())
    return found


def one_by_one(many):
    """The tallies of every grain, as known now."""
    found = {}
    for one in many:
        sums = Counter(measure for measure in Measure if bears(one, measure))
        for grain, start in STARTS.items():
            for whose in (one.agency_key, EVERYBODY):
                key = (grain, start(one.day), one.direction.value, whose, one.cell)
                found.setdefault(key, Counter()).update(sums)
    return {key: dict(sums) for key, sums in found.items() if sums}


def late_one_by_one(many):
    """What each later day changed."""
    found = {}
    for one in many:
        for day in (day for day in days_of([one]) if day > one.day):
            for measure in Measure:
                step = bears(one, measure, day) - bears(one, measure, day - DAY)
                for whose in (one.agency_key, EVERYBODY):
                    key = (day, one.day, one.direction.value, whose, one.cell)
                    found.setdefault(key, Counter())[measure] += step
    without = {key: {m: n for m, n in sums.items() if n} for key, sums in found.items()}
    return {key: sums for key, sums in without.items() if sums}


def test_what_the_database_adds_up_is_what_counting_one_by_one_gives(books):
    @settings(NEVER_SHORTENED, max_examples=40)
    @given(histories())
    def check(many):
        written(books, many)
        assert added_up(books, of_kinds) == one_by_one(many)
        assert added_up(books, of_worth) == one_by_one([replace(one, cell=one.cell.worth) for one in many])
        assert added_up(books, set_sums.of_late) == late_one_by_one(many)

    check()


@pytest.mark.parametrize("month", range(1, 13))
def test_every_month_stands_in_its_quarter(books, month):
    day = date(2028, month, 1) if month % 2 else date(2028, month, 28)
    written(books, [made(day=day)])
    assert {key[:2] for key in added_up(books, of_kinds)} == {(g, start(day)) for g, start in STARTS.items()}


def test_a_vietnamese_day_ends_at_17_hours_utc_to_the_microsecond(books):
    day, moment = date(2028, 2, 29), timedelta(microseconds=1)
    for at, late in ((end_of(day) - moment, []), (end_of(day), [day + DAY]), (end_of(day + DAY) - moment, [day + DAY])):
        for facts in ({"known_at": at}, {"left_at": at}, *({"marks": {mark: at}} for mark in MARKS)):
            written(books, [made(day=day, **facts)])
            assert [key[0] for key in added_up(books, set_sums.of_late) if key[3]] == late, facts


def test_nothing_counted_gives_no_sums(books):
    assert added_up(books, of_kinds) == {}
    assert added_up(books, set_sums.of_late) == {}


def made(*, day, **facts):
    known_at = end_of(day) - timedelta(hours=9)
    return replace(Counted("s", CARRIERS[0], Direction.SENT, "G22", day, CELLS[0], known_at), **facts)
