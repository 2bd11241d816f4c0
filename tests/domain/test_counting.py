"""What one document adds, day by day: the sums of all days are what stands, those of some days are what stood then."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.counting import (
    MARKS,
    Cell,
    Counted,
    Direction,
    Measure,
    Paper,
    Place,
    Signed,
    Validity,
    as_known_on,
    movements,
    place,
    total,
)
from tests.support.counts import (
    DAY,
    FIRST,
    LAST,
    NEVER_SHORTENED,
    bears,
    days_of,
    documents,
    histories,
    plainly,
    without_zeros,
)

CELL = Cell("bao_cao", 0, Paper.PAPER_FREE, Signed.BOTH, Validity.VALID)
NOON = datetime(2028, 2, 29, 5, 0, tzinfo=UTC)
OFTEN = settings(NEVER_SHORTENED, max_examples=60)
ONE = Counted("s", "c", Direction.RECEIVED, "H41", date(2028, 2, 29), CELL, known_at=NOON)


@OFTEN
@given(documents())
def test_the_sum_over_all_days_is_what_stands_now(one):
    assert without_zeros(total(movements(one).values())) == plainly([one])


@OFTEN
@given(documents(), st.integers(-2, 200))
def test_the_days_up_to_one_are_what_stood_at_its_end(one, days):
    day = FIRST + days * DAY
    assert without_zeros(as_known_on(one, day)) == plainly([one], day)


@OFTEN
@given(documents())
def test_on_every_day_on_which_something_happened_the_figures_stand(one):
    for day in days_of([one]):
        assert without_zeros(as_known_on(one, day)) == plainly([one], day), day


@OFTEN
@given(documents())
def test_nothing_counts_after_it_has_left(one):
    if one.left_at is not None:
        assert without_zeros(total(movements(one).values())) == {Measure.LEFT: 1}
        standing = {mark: at for mark, at in one.marks.items() if at < one.left_at}
        later = replace(one, marks=dict.fromkeys(MARKS, one.left_at) | standing)
        assert movements(later) == movements(replace(one, marks=standing))


@OFTEN
@given(documents())
def test_no_day_comes_before_the_documents_own_and_none_is_empty(one):
    for known_on, sums in movements(one).items():
        assert known_on >= one.day
        assert any(sums.values())


@OFTEN
@given(documents())
def test_at_no_time_is_anything_counted_twice_or_less_than_nothing(one):
    stood = Counter()
    for _, sums in sorted(movements(one).items()):
        stood.update(sums)
        assert set(stood.values()) <= {0, 1}, stood
        assert all(stood[mark] <= stood[Measure.DOCUMENTS] for mark in MARKS)


@OFTEN
@given(histories())
def test_what_many_add_is_the_sum_of_what_each_adds(many):
    for day in (FIRST, date(2028, 2, 29), LAST):
        assert without_zeros(total(as_known_on(one, day) for one in many)) == plainly(many, day)


def test_a_total_keeps_what_is_below_nothing():
    assert total([Counter({Measure.DOCUMENTS: 1}), Counter({Measure.DOCUMENTS: -3})]) == {Measure.DOCUMENTS: -2}
    assert total([]) == {}


def test_the_day_of_a_movement_is_the_vietnamese_one():
    """17:00 UTC is midnight in Vietnam: a microsecond decides between two days."""
    midnight = datetime(2028, 2, 29, 17, 0, tzinfo=UTC)
    before = replace(ONE, marks={Measure.TAKEN: midnight - timedelta(microseconds=1)})
    after = replace(ONE, marks={Measure.TAKEN: midnight})
    assert movements(before) == {date(2028, 2, 29): {Measure.DOCUMENTS: 1, Measure.TAKEN: 1}}
    assert movements(after) == {date(2028, 2, 29): {Measure.DOCUMENTS: 1}, date(2028, 3, 1): {Measure.TAKEN: 1}}


def test_what_was_known_before_the_day_stands_under_the_day():
    early = replace(ONE, known_at=NOON - 3 * DAY, marks={Measure.TAKEN: NOON - 2 * DAY})
    assert movements(early) == {ONE.day: {Measure.DOCUMENTS: 1, Measure.TAKEN: 1}}


def test_a_mark_that_came_before_the_document_is_known_with_it():
    """A status may overtake the copy that it is about."""
    late = replace(ONE, known_at=NOON + 2 * DAY, marks={Measure.FED_BACK: NOON})
    assert movements(late) == {ONE.day + 2 * DAY: {Measure.DOCUMENTS: 1, Measure.FED_BACK: 1}}


def test_a_recall_after_days_takes_everything_with_it_on_its_own_day():
    marks = {Measure.TIMED: NOON, Measure.ON_TIME: NOON, Measure.COMPLETED: NOON + 9 * DAY}
    recalled = replace(ONE, left_at=NOON + 5 * DAY, marks=marks)
    taken = {Measure.LEFT: 1, Measure.DOCUMENTS: -1, Measure.TIMED: -1, Measure.ON_TIME: -1}
    assert movements(recalled) == {
        ONE.day: {Measure.DOCUMENTS: 1, Measure.TIMED: 1, Measure.ON_TIME: 1},
        ONE.day + 5 * DAY: taken,
    }


def test_what_came_and_left_on_one_day_shows_only_that_it_left():
    assert without_zeros(movements(replace(ONE, left_at=NOON + timedelta(hours=1)))[ONE.day]) == {Measure.LEFT: 1}


def test_a_mark_of_the_very_moment_of_leaving_does_not_count():
    gone = replace(ONE, left_at=NOON + DAY, marks={Measure.TAKEN: NOON + DAY})
    assert not bears(gone, Measure.TAKEN)
    assert all(Measure.TAKEN not in sums for sums in movements(gone).values())


def test_the_place_is_whose_which_way_of_which_day_and_kind():
    assert place(ONE) == Place("H41", Direction.RECEIVED, ONE.day, CELL)


@pytest.mark.parametrize("measure", Measure)
def test_every_measure_but_two_is_a_mark(measure):
    assert (measure in MARKS) is (measure not in (Measure.DOCUMENTS, Measure.LEFT))
