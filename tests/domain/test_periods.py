"""Periods of reports: written, named, compared; and days covered by the fewest whole grains."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.periods import (
    MOST_RANGE_DAYS,
    Grain,
    Period,
    PeriodKind,
    cover,
    grain_start,
    period,
    period_holding,
)

DAY = timedelta(days=1)
DAYS = st.dates(date(1990, 1, 1), date(2100, 12, 31))
WHOLE = [kind for kind in PeriodKind if kind is not PeriodKind.RANGE]


@st.composite
def periods(draw):
    kind, day = draw(st.sampled_from(PeriodKind)), draw(DAYS)
    if kind is PeriodKind.RANGE:
        return Period(kind, day, day + draw(st.integers(0, MOST_RANGE_DAYS - 1)) * DAY)
    if kind is PeriodKind.NINE_MONTHS:
        day = day.replace(month=1 + day.month % 9, day=1)
    return period_holding(kind, day)


def days_of(one: Period) -> int:
    return (one.last_day - one.first_day).days + 1


@pytest.mark.parametrize(
    ("written", "first", "last", "vi", "en"),
    [
        ("2026", "2026-01-01", "2026-12-31", "Năm 2026", "Year 2026"),
        ("2026-Q3", "2026-07-01", "2026-09-30", "Quý III năm 2026", "Quarter III of 2026"),
        ("2026-Q4", "2026-10-01", "2026-12-31", "Quý IV năm 2026", "Quarter IV of 2026"),
        ("2026-H1", "2026-01-01", "2026-06-30", "6 tháng đầu năm 2026", "First half of 2026"),
        ("2026-H2", "2026-07-01", "2026-12-31", "6 tháng cuối năm 2026", "Second half of 2026"),
        ("2026-9M", "2026-01-01", "2026-09-30", "9 tháng đầu năm 2026", "First nine months of 2026"),
        ("2024-02", "2024-02-01", "2024-02-29", "Tháng 2 năm 2024", "February 2024"),
        ("2026-W40", "2026-09-28", "2026-10-04", "Tuần 40 năm 2026 (28/09–04/10/2026)", None),
        ("2026-W01", "2025-12-29", "2026-01-04", "Tuần 1 năm 2026 (29/12/2025–04/01/2026)", None),
        ("2026-W53", "2026-12-28", "2027-01-03", "Tuần 53 năm 2026 (28/12/2026–03/01/2027)", None),
        ("2026-09-30", "2026-09-30", "2026-09-30", "Ngày 30/09/2026", "30/09/2026"),
        (
            "2026-01-05..2026-03-07", "2026-01-05", "2026-03-07",
            "từ 05/01/2026 đến 07/03/2026", "from 05/01/2026 to 07/03/2026",
        ),
    ],
)  # fmt: skip
def test_a_period_as_it_is_written_and_named(written, first, last, vi, en):
    one = period(written)
    assert (one.first_day.isoformat(), one.last_day.isoformat(), one.written) == (first, last, written)
    assert one.words[0] == vi
    assert one.words[1] == (en or vi.replace("Tuần", "Week").replace("năm", "of"))


def test_case_and_spaces_around_do_not_matter():
    assert period(" 2026-q3\n") == period("2026-Q3")
    assert period("2026-w40") == period("2026-W40")


@given(periods())
def test_what_is_written_is_read_back(one):
    assert period(one.written) == one


@pytest.mark.parametrize(
    "written",
    [
        "", "Q3", "2026-Q0", "2026-Q5", "2026-H3", "2026-6M", "2026-13", "2026-00", "2026-9", "2026-02-29", "2026-W00",
        "2025-W53", "2026-W54", "26-Q3", "0000", "9999", "2026-Q3-Q4", "２０２６", "2026-01-05...2026-03-07",
        "2026-01-05..2026-02-30", "2026-Q1..2026-Q2", "x" * 10_000,
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_how_to_write_it(written):
    with pytest.raises(ValueError, match=r"2026-Q3") as refused:
        period(written)
    assert "kỳ báo cáo" in str(refused.value)
    assert "the period" in str(refused.value)
    assert len(str(refused.value)) < 250


def test_a_range_is_a_year_at_most_and_runs_forward():
    assert days_of(period("2024-01-01..2024-12-31")) == 366
    for written in ("2025-01-01..2026-01-02", "2026-03-07..2026-03-06"):
        with pytest.raises(ValueError, match=r"366 ngày.*366 days"):
            period(written)


@given(periods())
def test_the_previous_period_ends_where_this_one_begins(one):
    before = one.previous()
    assert before.kind is one.kind
    if one.kind is PeriodKind.NINE_MONTHS:
        assert before == one.year_before()
        assert before.first_day == date(one.first_day.year - 1, 1, 1)
        return
    assert before.last_day + DAY == one.first_day
    if one.kind in (PeriodKind.DAY, PeriodKind.WEEK, PeriodKind.RANGE):
        assert days_of(before) == days_of(one)
    else:
        assert before == period_holding(one.kind, before.first_day)


@given(periods())
def test_the_same_period_a_year_before(one):
    before = one.year_before()
    assert before.kind is one.kind
    assert period(before.written) == before
    if one.kind is PeriodKind.WEEK:
        assert before.first_day.isocalendar().year == one.first_day.isocalendar().year - 1
        assert one.first_day.isocalendar().week - before.first_day.isocalendar().week in (0, 1)
    else:
        assert before.first_day.year == one.first_day.year - 1
        assert before.first_day.month == one.first_day.month
        assert abs(days_of(one) - days_of(before)) <= 1


@pytest.mark.parametrize(
    ("written", "before"),
    [
        ("2024-02-29", "2023-02-28"),
        ("2024-02", "2023-02"),
        ("2026-W53", "2025-W52"),
        ("2021-W53", None),
        ("2027-W52", "2026-W52"),
        ("2024-02-29..2024-03-31", "2023-02-28..2023-03-31"),
        ("2024-03-01..2025-03-01", "2023-03-01..2024-02-29"),  # 367 days would be more than a range may have
        ("2026-9M", "2025-9M"),
        ("2026-H2", "2025-H2"),
    ],
)
def test_odd_days_of_the_year_before(written, before):
    if before is None:
        with pytest.raises(ValueError, match="2021-W53"):
            period(written)
    else:
        assert period(written).year_before().written == before


@given(st.sampled_from(WHOLE), DAYS)
def test_a_period_holds_its_days(kind, day):
    if kind is PeriodKind.NINE_MONTHS and day.month > 9:
        with pytest.raises(ValueError, match=r"9 tháng đầu năm.*nine months"):
            period_holding(kind, day)
        return
    one = period_holding(kind, day)
    assert one.first_day <= day <= one.last_day
    assert period_holding(kind, one.first_day) == period_holding(kind, one.last_day) == one


def test_a_range_has_no_set_days():
    with pytest.raises(ValueError, match="two days"):
        period_holding(PeriodKind.RANGE, date(2026, 1, 1))


@given(DAYS)
def test_weeks_follow_one_another_across_years(day):
    one = period_holding(PeriodKind.WEEK, day)
    assert one.first_day.weekday() == 0
    assert days_of(one) == 7
    following = period_holding(PeriodKind.WEEK, one.last_day + DAY)
    assert following.previous() == one
    assert following.first_day == one.last_day + DAY


def grain_days(grain: Grain, first: date) -> list[date]:
    """Counted out day by day: an oracle that shares nothing with the code."""
    days = [first]
    while grain_start(grain, days[-1] + DAY) == first:
        days.append(days[-1] + DAY)
    return days


def in_order(first, last):
    """How many whole grains it takes one after the other, with nothing taken off again."""
    many, day = 0, first
    while day <= last:
        ends = [grain_days(grain, day)[-1] for grain in Grain if grain_start(grain, day) == day]
        day, many = max(end for end in ends if end <= last) + DAY, many + 1
    return many


@given(DAYS, st.integers(0, 366))
def test_the_grains_make_up_exactly_these_days(first, more):
    last = first + more * DAY
    grains = cover(first, last)
    held = Counter()
    for grain, start, sign in grains:
        assert grain_start(grain, start) == start
        held.update(dict.fromkeys(grain_days(grain, start), sign))
    wanted = {first + n * DAY for n in range(more + 1)}
    assert {day for day, times in held.items() if times} == wanted
    assert {held[day] for day in wanted} == {1}
    assert len(grains) <= min(in_order(first, last), 40)


@pytest.mark.parametrize(
    ("written", "pieces"),
    [("2026", 1), ("2026-Q3", 1), ("2026-H1", 2), ("2026-9M", 2), ("2026-09", 1), ("2026-W40", 7)],
)
def test_the_usual_periods_are_few_grains(written, pieces):
    one = period(written)
    assert len(cover(one.first_day, one.last_day)) == pieces


def test_no_days_are_no_grains():
    assert cover(date(2026, 1, 2), date(2026, 1, 1)) == ()


@given(DAYS)
def test_grains_lie_in_one_another(day):
    starts = [grain_start(grain, day) for grain in Grain]
    assert all(later <= earlier for earlier, later in pairwise(starts))
    assert starts[0] == day
    assert all(grain_start(longer, start) == last for start in starts for longer, last in [(Grain.YEAR, starts[-1])])
