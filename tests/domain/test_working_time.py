"""Vietnamese working time: Tết, swapped days, office hours; and settings that cannot be what they say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.services.holidays_vietnam import HolidaysVietnam
from hub.domain.periods import vietnam_day
from hub.domain.working_time import MOST_FREE_DAYS, WorkingCalendar, working_calendar
from hub.errors import Misconfigured

HOURS = ("07:30-11:30", "13:30-17:00")
SWAPPED = '[[swapped]]\noff = 2026-01-02\nworked = 2026-01-10\nsource = "a notice of the Government"\n'
days = st.dates(date(2020, 1, 1), date(2035, 12, 31))
years = HolidaysVietnam().of


def none(_year: int) -> Mapping[date, str]:
    return {}


def configured(tmp_path: Path, text: str) -> WorkingCalendar:
    file = tmp_path / "calendar.toml"
    file.write_text(text, "utf-8")
    return working_calendar(none, hours=HOURS, swapped_file=file)


def test_tet_2026_is_free_and_the_days_around_it_are_not():
    calendar = WorkingCalendar(years)
    free = [day for day in range(9, 28) if not calendar.works_on(date(2026, 2, day))]
    assert free == [14, 15, 16, 17, 18, 19, 20, 21, 22]
    assert calendar.nth_working_day_after(date(2026, 2, 12), 3) == date(2026, 2, 24)


def test_a_swapped_day_wins_over_weekend_and_holiday(tmp_path):
    calendar = configured(tmp_path, SWAPPED)
    assert not calendar.works_on(date(2026, 1, 2))  # a Friday
    assert calendar.works_on(date(2026, 1, 10))  # a Saturday
    assert calendar.next_working_day(date(2026, 1, 1)) == date(2026, 1, 5)
    assert calendar.next_working_day(date(2026, 1, 9)) == date(2026, 1, 10)
    worked_holiday = WorkingCalendar(years, worked=frozenset({date(2026, 2, 20)}))
    assert worked_holiday.works_on(date(2026, 2, 20))


def test_the_hours_are_those_of_vietnam():
    calendar = working_calendar(none, hours=("08:00-12:00", "13:00-17:30"), swapped_file=None)
    assert calendar.end_of_morning(date(2026, 3, 2)) == datetime(2026, 3, 2, 5, 0, tzinfo=UTC)
    assert calendar.end_of_day(date(2026, 3, 2)) == datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
    assert calendar.end_of_day(date(2026, 3, 2)).tzinfo is UTC


def test_an_early_morning_is_the_day_before_in_utc():
    calendar = working_calendar(none, hours=("05:00-06:30",), swapped_file=None)
    end = calendar.end_of_morning(date(2026, 3, 2))
    assert end == datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    assert vietnam_day(end) == date(2026, 3, 2)


def test_blanks_around_a_span_do_no_harm():
    assert working_calendar(none, hours=(" 08:00-12:00 ",), swapped_file=None).hours == ((time(8), time(12)),)


def test_spans_may_touch():
    assert len(working_calendar(none, hours=("08:00-12:00", "12:00-16:00"), swapped_file=None).hours) == 2


@pytest.mark.parametrize(
    "hours",
    [
        (),
        ("",),
        ("8:00-12:00",),
        ("08:00",),
        ("08:00-25:00",),
        ("08:00-12:60",),
        ("12:00-08:00",),
        ("08:00-08:00",),
        ("08:00-12:00", "11:59-17:00"),
        ("13:00-17:00", "08:00-12:00"),
        ("08:00-12:00-13:00",),
        ("٠٨:٠٠-١٢:٠٠",),
    ],
)
def test_hours_that_cannot_be_are_named(hours):
    with pytest.raises(Misconfigured, match="office_hours") as told:
        working_calendar(none, hours=hours, swapped_file=None)
    assert told.value.setting == "office_hours"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[swapped", "Expected"),
        ("[[swaped]]\n", "swaped"),
        ("swapped = 3", "not iterable"),
        ("swapped = [3]", "not iterable"),
        (SWAPPED.replace("worked", "work"), "a row has"),
        (SWAPPED.replace("source", "from"), "a row has"),
        (SWAPPED.replace("a notice of the Government", " "), "no source"),
        (SWAPPED.replace('"a notice of the Government"', "7"), "no source"),
        (SWAPPED.replace("2026-01-02", '"2026-01-02"'), "not a day"),
        (SWAPPED.replace("2026-01-02", "2026-01-02T00:00:00"), "not a day"),
        (SWAPPED.replace("2026-01-02", "9999-12-31"), "not a day"),
        (SWAPPED.replace("2026-01-02", "2026-02-30"), "calendar.toml"),
        (SWAPPED.replace("2026-01-10", "2026-01-02"), "both off and worked"),
        (SWAPPED + SWAPPED.replace("2026-01-02", "2026-01-10").replace("worked = 2026-01-10", "worked = 2026-01-17"),
         "both off and worked"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_is_named(tmp_path, text, why):
    with pytest.raises(Misconfigured, match=why) as told:
        configured(tmp_path, text)
    assert told.value.setting == "calendar_file"
    assert "calendar.toml" in str(told.value)


def test_a_file_that_is_not_there_or_no_text_is_named(tmp_path):
    with pytest.raises(Misconfigured, match="calendar_file"):
        working_calendar(none, hours=HOURS, swapped_file=tmp_path / "absent.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Misconfigured, match="calendar_file"):
        working_calendar(none, hours=HOURS, swapped_file=tmp_path / "binary.toml")


def test_an_empty_file_swaps_nothing(tmp_path):
    assert configured(tmp_path, "").worked == frozenset()


def test_a_file_that_frees_two_months_stops_the_start(tmp_path):
    row = '[[swapped]]\noff = {}\nworked = {}\nsource = "s"\n'
    first = date(2026, 3, 1)
    free = [first + timedelta(days=ahead) for ahead in range(MOST_FREE_DAYS + 5)]
    text = "".join(row.format(day, day + timedelta(days=700)) for day in free)
    with pytest.raises(Misconfigured, match="no working day"):
        configured(tmp_path, text)


def test_a_calendar_without_any_working_day_ends_its_search():
    class Always(dict[date, str]):
        def __contains__(self, day: object) -> bool:
            return True

    with pytest.raises(Misconfigured, match="calendar_file"):
        WorkingCalendar(lambda _: Always()).next_working_day(date(2026, 3, 2))


@given(day=days, n=st.integers(1, 30))
def test_the_nth_working_day_has_n_working_days_up_to_it(day, n):
    calendar = WorkingCalendar(years)
    found = calendar.nth_working_day_after(day, n)
    between = [day + timedelta(days=ahead) for ahead in range(1, (found - day).days + 1)]
    assert sum(calendar.works_on(one) for one in between) == n
    assert calendar.works_on(found)


@given(day=days)
def test_the_ends_of_a_day_lie_on_that_day_in_vietnam(day):
    calendar = WorkingCalendar(years)
    assert vietnam_day(calendar.end_of_morning(day)) == vietnam_day(calendar.end_of_day(day)) == day
    assert calendar.end_of_morning(day) < calendar.end_of_day(day)
