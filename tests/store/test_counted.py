"""The counted rows and their sums: brought up to date by differences, whatever was there before and however often."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.counting import MARKS, Counted, Direction, Measure
from hub.domain.periods import Grain
from hub.store import counted, rebuild, report_tables
from hub.store.recount import Found
from hub.store.report_tables import EVERYBODY
from tests.stations.conftest import at_once, snapshot
from tests.support.counts import (
    CARRIERS,
    CELLS,
    DAY,
    NEVER_SHORTENED,
    PEOPLE,
    as_of,
    bears,
    carried,
    days_of,
    emptied,
    end_of,
    fold,
    histories,
)

LEAP = date(2028, 2, 29)


@pytest.fixture
def books(database):
    """A database in which the made-up rows may stand."""
    carried(database)
    return database


def folded(database, many, subjects=()):
    with database.writing() as transaction:
        return fold(transaction, many, subjects)


def by_worth(each):
    """The sums with all types and urgencies together."""
    found = {}
    for (*key, cell), many in each.items():
        found.setdefault((*key, cell.worth), Counter()).update(many)
    without = {key: {m: n for m, n in many.items() if n} for key, many in found.items()}
    return {key: many for key, many in without.items() if many}


def sums(database, table=report_tables.tallies):
    """The sums of each agency; those of all agencies, and of all types together, are what they add up to."""
    with database.reading() as connection:
        cells = {row.id: counted.as_cell(row) for row in connection.execute(sa.select(report_tables.cells))}
        found = {
            (*row[:4], cells[row.cell]): {m: row._mapping[m.value] for m in Measure if row._mapping[m.value]}
            for row in connection.execute(sa.select(table))
            if any(row[5:])
        }
    together = {key: many for key, many in found.items() if key[3] == EVERYBODY}
    each = {key: many for key, many in found.items() if key[3] != EVERYBODY}
    added = {}
    for key, many in each.items():
        added.setdefault((*key[:3], EVERYBODY, key[4]), Counter()).update(many)
    assert together == {key: dict(many) for key, many in added.items() if any(many.values())}
    if table is report_tables.tallies:
        assert sums(database, report_tables.totals) == by_worth(each)
    return each


def one(number=1, **facts):
    at = end_of(LEAP) - timedelta(hours=9)
    made = Counted(
        f"subject-{number:04}", CARRIERS[0], Direction.SENT, "G22", LEAP, CELLS[0], at, marks={Measure.TIMED: at}
    )
    return replace(made, **facts)


def differences(database):
    with database.reading() as connection:
        return list(rebuild.differing_sums(connection))


def test_a_document_stands_under_its_day_month_quarter_and_year(books):
    assert folded(books, [one()]) == 1
    starts = [(Grain.DAY, LEAP), (Grain.MONTH, date(2028, 2, 1)), (Grain.QUARTER, date(2028, 1, 1))]
    starts.append((Grain.YEAR, date(2028, 1, 1)))
    wanted = {Measure.DOCUMENTS: 1, Measure.TIMED: 1}
    assert sums(books) == {(g.value, first, "sent", "G22", CELLS[0]): wanted for g, first in starts}
    assert sums(books, report_tables.late_movements) == {}


def test_what_is_known_later_stands_under_the_day_and_beside_it(books):
    folded(books, [one(known_at=end_of(LEAP) + 3 * DAY, marks={})])
    day = sums(books)["day", LEAP, "sent", "G22", CELLS[0]]
    assert day == {Measure.DOCUMENTS: 1}
    late = sums(books, report_tables.late_movements)
    assert late == {(LEAP + 4 * DAY, LEAP, "sent", "G22", CELLS[0]): {Measure.DOCUMENTS: 1}}


def test_the_same_again_changes_nothing_at_all(books):
    folded(books, [one(1), one(2, left_at=end_of(LEAP) + DAY)])
    before = snapshot(books)
    assert folded(books, [one(1), one(2, left_at=end_of(LEAP) + DAY)]) == 0
    assert snapshot(books) == before


def test_a_document_that_counts_no_longer_is_taken_off_everywhere(books):
    folded(books, [one(1), one(2)])
    assert folded(books, [], subjects=["subject-0001", "nobody"]) == 1
    assert sums(books)["year", date(2028, 1, 1), "sent", "G22", CELLS[0]] == {Measure.DOCUMENTS: 1, Measure.TIMED: 1}
    assert differences(books) == []


@pytest.mark.parametrize(
    "moved",
    [{"agency_key": "H41"}, {"day": LEAP + DAY}, {"cell": CELLS[3]}, {"direction": Direction.REJECTED}],
    ids=lambda facts: next(iter(facts)),
)
def test_a_document_that_moves_leaves_nothing_at_its_old_place(books, moved):
    """No station moves one; a new rule pack or a mended row may."""
    folded(books, [one()])
    assert folded(books, [one(**moved)]) == (2 if "direction" in moved else 1)
    new = one(**moved)
    assert sums(books)["day", new.day, new.direction.value, new.agency_key, new.cell]
    assert len([key for key in sums(books) if key[0] == "day"]) == 1
    assert differences(books) == []


def test_one_subject_may_have_failed_and_arrived(books):
    failed = one(direction=Direction.UNDELIVERED, left_at=end_of(LEAP), marks={})
    folded(books, [failed])
    folded(books, [failed, one(direction=Direction.RECEIVED)])
    with books.reading() as connection:
        assert len(counted.read(connection, ["subject-0001"])) == 2
    assert differences(books) == []


def test_what_is_read_is_what_was_written_to_the_microsecond(books):
    at = end_of(LEAP) - timedelta(microseconds=1)
    whole = one(
        known_at=at, left_at=at + DAY, marks={mark: at + timedelta(microseconds=n) for n, mark in enumerate(MARKS)}
    )
    whole = replace(whole, people=frozenset(PEOPLE))
    folded(books, [whole, one(2, marks={})])
    with books.reading() as connection:
        found = counted.read(connection, ["subject-0001", "subject-0002", "none"])
    assert found == {("subject-0001", Direction.SENT): whole, ("subject-0002", Direction.SENT): one(2, marks={})}


def test_rows_may_be_added_without_their_sums(books):
    many = [one(1, people=frozenset(PEOPLE[:2]))]
    many.append(one(2, left_at=end_of(LEAP), marks={mark: end_of(LEAP) for mark in MARKS}))
    with books.writing() as transaction:
        found = Found(counted={(it.subject_id, it.direction): it for it in many})
        assert counted.add_rows(transaction, found) == 2
    with books.reading() as connection:
        kept = counted.read(connection, ["subject-0001", "subject-0002"])
    assert kept == {(it.subject_id, it.direction): it for it in many}
    assert sums(books) == {}
    with books.writing() as transaction:
        rebuild.mend_sums(transaction)
    assert sums(books)["day", LEAP, "sent", "G22", CELLS[0]] == {
        Measure.DOCUMENTS: 1,
        Measure.TIMED: 1,
        Measure.LEFT: 1,
    }


def test_more_subjects_than_one_query_takes(books):
    many = [one(number) for number in range(1, 1203)]
    assert folded(books, many) == 1202
    assert sums(books)["day", LEAP, "sent", "G22", CELLS[0]][Measure.DOCUMENTS] == 1202
    assert folded(books, many[:-1], subjects=[it.subject_id for it in many]) == 1
    assert differences(books) == []


def test_a_transaction_that_breaks_off_leaves_nothing(books):
    folded(books, [one(1)])
    before = snapshot(books)

    def break_off():
        with books.writing() as transaction:
            fold(transaction, [one(1, left_at=end_of(LEAP)), one(2)])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        break_off()
    assert snapshot(books) == before


def test_many_at_once_take_turns(books):
    """Each brings its own documents into the same sums; none is lost, none waits for another in a circle."""
    waiting = [[one(100 * part + n, cell=CELLS[n % 3]) for n in range(20)] for part in range(1, 5)]

    def work():
        many = waiting.pop()
        with books.writing() as transaction:
            counted.one_at_a_time(transaction)
            return fold(transaction, many)

    assert at_once(work, workers=4) == [20] * 4
    assert sum(found[Measure.DOCUMENTS] for key, found in sums(books).items() if key[0] == "day") == 80
    assert differences(books) == []


@st.composite
def changes(draw):
    """Documents, and the subjects as they were known at some moments, in the order in which the tally saw them."""
    many = draw(histories())
    subjects = st.sampled_from([it.subject_id for it in many])
    return many, draw(st.lists(st.tuples(subjects, st.sampled_from(days_of(many))), max_size=20))


def test_however_often_and_in_whatever_order_it_is_told_the_sums_are_those_of_the_last_rows(books):
    """Late, early, twice, back to what it was before: the sums only follow the rows."""

    @settings(NEVER_SHORTENED, max_examples=20)
    @given(changes())
    def check(made):
        many, seen = made
        emptied(books)
        for subject, day in seen:
            folded(books, [as_of(it, day) for it in many if it.subject_id == subject], subjects=[subject])
        folded(books, many)
        assert folded(books, reversed(many)) == 0
        expected = Counter(
            (it.day, it.direction.value, it.agency_key, it.cell, measure)
            for it in many
            for measure in Measure
            if bears(it, measure)
        )
        days = {key[1:]: found for key, found in sums(books).items() if key[0] == "day"}
        assert {(*key, measure): n for key, found in days.items() for measure, n in found.items()} == expected
        assert differences(books) == []

    check()
