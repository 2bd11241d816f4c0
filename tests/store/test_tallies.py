"""The sums of reports: over any days, any scope, now or as known on a past day, equal to counting one by one."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings

from hub.domain.counting import Counted, Detail, Direction, Measure, Paper, Validity
from hub.store import report_tables, tallies
from hub.store.tallies import Slice, Wanted
from tests.support.counts import (
    AGENCIES,
    CARRIERS,
    CELLS,
    DAY,
    FIRST,
    LAST,
    NEVER_SHORTENED,
    as_of,
    bears,
    by_cell,
    carried,
    days_of,
    emptied,
    end_of,
    fold,
    histories,
    without_zeros,
)
from tests.support.slices import HUB, about, asked_of

YEARS = (date(2027, 1, 1), date(2028, 12, 31))
WANTED = {
    "all": Wanted(Measure.DOCUMENTS),
    "some": Wanted(Measure.DOCUMENTS, lambda cell: cell.paper is Paper.PAPER_FREE),
    "taken": Wanted(Measure.TAKEN, lambda cell: cell.validity is not Validity.VALID),
    "gone": Wanted(Measure.LEFT),
    "none": Wanted(Measure.DOCUMENTS, lambda _: False),
}
OF_KIND = {"reports": Wanted(Measure.DOCUMENTS, lambda cell: (cell.document_type, cell.urgency) == ("bao_cao", 0))}


@pytest.fixture
def books(database):
    """A database in which the made-up rows may stand."""
    carried(database)
    return database


def kept(database, many, subjects=()):
    with database.writing() as transaction:
        fold(transaction, many, subjects)


def cells_of(connection, asked):
    found = {cell: without_zeros(sums) for cell, sums in tallies.by_cell(connection, asked).items()}
    return {cell: sums for cell, sums in found.items() if sums}


def takes(wanted, one):
    return wanted.takes is None or wanted.takes(one.cell)


def in_detail(many, detail):
    return [replace(one, cell=one.cell.worth) for one in many] if detail is Detail.WORTH else many


def agencies_of(many, known_on, named):
    """(agency, name) → how many, one by one."""
    return Counter(
        (one.agency_key, name)
        for one in many
        for name, wanted in named.items()
        if takes(wanted, one) and bears(one, wanted.measure, known_on)
    )


def late_of(many, asked):
    """(agency, day, name) → what the day added: what counted at its end less what counted the day before."""
    found = Counter()
    for day in (day for day in days_of(many) if day > asked.known_on):
        for one in (one for one in many if one.day <= asked.last_known_day):
            for name, wanted in WANTED.items():
                if takes(wanted, one):
                    step = bears(one, wanted.measure, day) - bears(one, wanted.measure, day - DAY)
                    found[one.agency_key, day, name] += step
    return +found, -found


def test_any_question_is_answered_as_counting_one_by_one(books):
    @settings(NEVER_SHORTENED, max_examples=30)
    @given(asked_of(histories()))
    def check(made):
        many, questions = made
        emptied(books)
        kept(books, many)
        for asked in questions:
            mine = about(many, asked)
            with books.reading() as connection:
                assert cells_of(connection, asked) == by_cell(in_detail(mine, asked.detail), asked.known_on)
                names = WANTED | (OF_KIND if asked.detail is Detail.KIND else {})
                found = tallies.by_agency(connection, asked, names)
            named = Counter({(key, name): n for key, sums in found.items() for name, n in sums.items() if n})
            assert named == agencies_of(mine, asked.known_on, names)

    check()


def test_what_became_known_later_stands_under_its_day(books):
    @settings(NEVER_SHORTENED, max_examples=20)
    @given(asked_of(histories()))
    def check(made):
        many, questions = made
        emptied(books)
        kept(books, many)
        for asked in (one for one in questions if one.known_on is not None):
            with books.reading() as connection:
                rows = tallies.late_by_agency(connection, asked, WANTED)
            found = Counter()
            for row in rows:
                found.update({(row.agency_key, row.known_on, name): int(getattr(row, name) or 0) for name in WANTED})
            assert (+found, -found) == late_of(about(many, asked), asked)

    check()


def test_as_known_on_a_past_day_gives_the_figures_of_that_day_again(books):
    """The history is folded day by day; what was worked out each evening is worked out again at the end."""

    @settings(NEVER_SHORTENED, max_examples=10)
    @given(histories(most=8))
    def check(many):
        emptied(books)
        evenings, subjects = {}, [one.subject_id for one in many]
        days = days_of(many)
        for day in days[:: len(days) // 6 + 1]:
            kept(books, [as_of(one, day) for one in many], subjects)
            for direction in Direction:
                with books.reading() as connection:
                    evenings[day, direction] = cells_of(connection, Slice(direction, HUB, *YEARS))
        kept(books, many)
        for (day, direction), then in evenings.items():
            with books.reading() as connection:
                assert cells_of(connection, Slice(direction, HUB, *YEARS, day)) == then

    check()


def test_parts_add_up_to_the_whole(books):
    """Agencies to the hub, days to the run of days; directions are never mixed."""

    @settings(NEVER_SHORTENED, max_examples=10)
    @given(histories())
    def check(many):
        emptied(books)
        kept(books, many)
        with books.reading() as connection:
            for direction in Direction:
                whole = tallies.by_agency(connection, Slice(direction, HUB, FIRST, LAST), WANTED)
                assert whole.keys() <= set(AGENCIES)
                days, parts = FIRST, Counter()
                while days <= LAST:
                    last = min(LAST, days + 9 * DAY)
                    for sums in tallies.by_agency(connection, Slice(direction, HUB, days, last), WANTED).values():
                        parts.update(sums)
                    days = last + DAY
                together = Counter()
                for sums in whole.values():
                    together.update(sums)
                assert +parts == +together
                mine = [one for one in many if one.direction is direction]
                assert together["all"] == sum(bears(one, Measure.DOCUMENTS) for one in mine)

    check()


def test_nothing_is_known_of_days_that_had_not_come(books):
    with books.reading() as connection:
        asked = Slice(Direction.SENT, HUB, date(2028, 2, 1), date(2028, 2, 29), date(2028, 1, 31))
        assert tallies.by_cell(connection, asked) == {}
        assert tallies.by_agency(connection, asked, WANTED) == {}


@pytest.mark.parametrize("detail", Detail)
def test_a_year_is_read_from_few_rows(books, detail):
    """The sums of the days are made wrong: whole years, quarters and months do not read them."""
    at = end_of(date(2028, 2, 29)) - timedelta(hours=9)
    kept(books, [Counted("s", CARRIERS[0], Direction.SENT, "G22", date(2028, 2, 29), CELLS[0], at)])
    table = report_tables.SUMS_OF[detail]
    with books.writing() as transaction:
        transaction.execute(sa.update(table).where(table.c.grain == "day").values(documents=5))
    with books.reading() as connection:
        for first, last, wanted in (
            (date(2028, 1, 1), date(2028, 12, 31), 1),
            (date(2028, 1, 1), date(2028, 3, 31), 1),
            (date(2028, 2, 1), date(2028, 2, 29), 1),
            (date(2028, 2, 1), date(2028, 6, 30), 1),
            (date(2028, 2, 2), date(2028, 2, 29), 1),
            (date(2028, 2, 20), date(2028, 2, 29), 5),
        ):
            asked = Slice(Direction.SENT, HUB, first, last, detail=detail)
            (sums,) = tallies.by_cell(connection, asked).values()
            assert sums[Measure.DOCUMENTS] == wanted, (first, last)
