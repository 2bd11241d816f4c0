"""Days and times as Vietnamese law counts them, and the periods of reports.

Owns: the Vietnamese day of an instant, the ISO 8601 form with +07:00, periods, their words and neighbours, grains.
Never: asks the machine for its time zone.
Source: Decision 28/2018/QĐ-TTg Art. 14(4): Vietnamese time zone, ISO 8601; domain notes §5.2 (the set of periods).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

VIETNAM = timezone(timedelta(hours=7), "+07:00")  # Asia/Ho_Chi_Minh has had no other offset since 1975
MOST_RANGE_DAYS = 366  # a report covers a year at most
_DAY = timedelta(days=1)
_ROMAN = ("I", "II", "III", "IV")
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def vietnam_day(instant: datetime) -> date:
    """The calendar day in Vietnam of an aware instant.

    >>> from datetime import UTC
    >>> vietnam_day(datetime(2026, 1, 1, 17, 0, tzinfo=UTC)).isoformat()
    '2026-01-02'
    """
    return instant.astimezone(VIETNAM).date()


def vietnam_time(instant: datetime) -> str:
    """ISO 8601 with +07:00 and milliseconds, as shown at every edge."""
    return instant.astimezone(VIETNAM).isoformat(timespec="milliseconds")


class PeriodKind(StrEnum):
    """How long a period is; a range is any run of days."""

    DAY = "day"
    WEEK = "week"  # ISO 8601: Monday to Sunday, week 1 holds 4 January
    MONTH = "month"
    QUARTER = "quarter"
    HALF = "half"
    NINE_MONTHS = "nine_months"  # January to September: the only one that a year has
    YEAR = "year"
    RANGE = "range"


_LENGTH_MONTHS = {
    PeriodKind.MONTH: 1,
    PeriodKind.QUARTER: 3,
    PeriodKind.HALF: 6,
    PeriodKind.NINE_MONTHS: 9,
    PeriodKind.YEAR: 12,
}


@dataclass(frozen=True, slots=True)
class Period:
    """A run of Vietnamese days, both inclusive; made by `period` and `period_holding`."""

    kind: PeriodKind
    first_day: date
    last_day: date

    def previous(self) -> Period:
        """The one just before: the same kind, a range as many days, nine months those of the year before."""
        if self.kind is PeriodKind.NINE_MONTHS:
            return self.year_before()
        before = self.first_day - _DAY
        if self.kind is PeriodKind.RANGE:
            return Period(self.kind, before - (self.last_day - self.first_day), before)
        return period_holding(self.kind, before)

    def year_before(self) -> Period:
        """The same one a year ago: 29 February is compared with the 28th, week 53 with the last week.

        A range that would become longer than a range may be (29 February falls into it) ends a day earlier.
        """
        if self.kind is PeriodKind.WEEK:
            year, week, _ = self.first_day.isocalendar()
            return _week(year - 1, min(week, _weeks(year - 1)))
        first, last = _last_year(self.first_day), _last_year(self.last_day)
        if self.kind is PeriodKind.RANGE:
            return Period(self.kind, first, min(last, first + (MOST_RANGE_DAYS - 1) * _DAY))
        return period_holding(self.kind, first)

    @property
    def words(self) -> tuple[str, str]:
        """What it is called, in Vietnamese and in English."""
        return _WORDS[self.kind](self)

    @property
    def written(self) -> str:
        """What `period` reads back."""
        return _WRITTEN[self.kind](self)


def period(written: str) -> Period:
    """The period that is written so. Raises: ValueError, its words Vietnamese and English.

    Year `2026`, quarter `2026-Q3`, half `2026-H1`, nine months `2026-9M`, month `2026-09`, ISO week `2026-W40`,
    day `2026-09-30`, range `2026-01-05..2026-03-07` (at most 366 days).

    >>> period("2026-Q3").words
    ('Quý III năm 2026', 'Quarter III of 2026')
    """
    asked = written.strip().upper()
    for form, read in _READ:
        if found := form.fullmatch(asked):
            try:
                return read(*found.groups())
            except _BadRange:
                raise
            except ValueError as wrong:
                raise _unread(written) from wrong
    raise _unread(written)


def period_holding(kind: PeriodKind, day: date) -> Period:
    """The period of this kind in which the day lies.

    Raises: ValueError for the nine months after September, and for a range, which has no set days.
    """
    if kind is PeriodKind.DAY:
        return Period(kind, day, day)
    if kind is PeriodKind.WEEK:
        return _week(*day.isocalendar()[:2])
    if kind is PeriodKind.RANGE:
        raise ValueError("khoảng thời gian tùy chọn cần hai ngày / a range needs two days")
    months = _LENGTH_MONTHS[kind]
    first_month = (day.month - 1) // months * months + 1
    if kind is PeriodKind.NINE_MONTHS and first_month != 1:
        raise ValueError(f"{day:%d/%m/%Y} không thuộc 9 tháng đầu năm / is not in the first nine months of a year")
    return Period(kind, date(day.year, first_month, 1), _month_end(day.year, first_month + months - 1))


class Grain(StrEnum):
    """The lengths of time for which sums are kept; each lies wholly in one of the next."""

    DAY = "day"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


_GRAIN_MONTHS = {Grain.YEAR: 12, Grain.QUARTER: 3, Grain.MONTH: 1}  # longest first


def grain_start(grain: Grain, day: date) -> date:
    """The first day of the grain in which the day lies."""
    if grain is Grain.DAY:
        return day
    months = _GRAIN_MONTHS[grain]
    return date(day.year, (day.month - 1) // months * months + 1, 1)


@lru_cache(maxsize=1024)
def cover(first_day: date, last_day: date) -> tuple[tuple[Grain, date, int], ...]:
    """The fewest whole grains that make up exactly these days, both inclusive: their first days, and 1 to add, -1 to
    take off again.

    >>> [f"{sign:+} {grain} {first}" for grain, first, sign in cover(date(2026, 1, 3), date(2026, 9, 30))]
    ['-1 day 2026-01-02', '-1 day 2026-01-01', '+1 year 2026-01-01', '-1 quarter 2026-10-01']
    """
    begin, end = first_day, last_day + _DAY
    if begin >= end:
        return ()
    came: dict[date, _Step] = {}
    shore = [begin]
    while end not in came:  # each round crosses one grain more: the first way to arrive is a shortest one
        new = {step.to: step for day in shore for step in _steps(day, begin.year, end.year) if step.to not in came}
        came |= new
        shore = list(new)
    found = []
    while end != begin:
        step = came[end]
        found.append((step.grain, step.first_day, step.sign))
        end = step.begun
    return tuple(reversed(found))


class _Step(NamedTuple):
    """Across one grain, from the beginning of a day to that of another."""

    begun: date
    to: date
    grain: Grain
    first_day: date
    sign: int


def _steps(day: date, first_year: int, last_year: int) -> Iterator[_Step]:
    """Where one grain leads, on or back, never before the one year or beyond the other."""
    for grain in Grain:
        before = grain_start(grain, day - _DAY)
        if _next_grain(grain, before) == day and before.year >= first_year:
            yield _Step(day, before, grain, before, -1)
    for grain in Grain:  # the last one stays: rather on than back
        if grain_start(grain, day) == day and day.year <= last_year:
            yield _Step(day, _next_grain(grain, day), grain, day, 1)


def _next_grain(grain: Grain, first: date) -> date:
    """The day after a grain that begins on this day."""
    return first + _DAY if grain is Grain.DAY else _month_end(first.year, first.month + _GRAIN_MONTHS[grain] - 1) + _DAY


class _BadRange(ValueError):
    """A range whose days are read and cannot be: it has words of its own."""


def _unread(written: str) -> ValueError:
    forms = "2026, 2026-Q3, 2026-H1, 2026-9M, 2026-09, 2026-W40, 2026-09-30, 2026-01-05..2026-03-07"
    return ValueError(
        f"không đọc được kỳ báo cáo {written[:40]!r}; viết như / the period is not understood; write it as: {forms}"
    )


def _read_range(first: str, last: str) -> Period:
    first_day, last_day = date.fromisoformat(first), date.fromisoformat(last)
    if not 1 <= (last_day - first_day).days + 1 <= MOST_RANGE_DAYS:
        raise _BadRange(
            f"khoảng {first}..{last} phải từ 1 đến {MOST_RANGE_DAYS} ngày, ngày đầu trước ngày cuối"
            f" / a range is 1 to {MOST_RANGE_DAYS} days, the first day first"
        )
    return Period(PeriodKind.RANGE, first_day, last_day)


def _reader(kind: PeriodKind, months: int) -> Callable[[str, str], Period]:
    return lambda year, part: period_holding(kind, date(int(year), (int(part) - 1) * months + 1, 1))


_Y, _D = r"([12]\d{3})", r"([12]\d{3}-\d\d-\d\d)"  # a year in which this hub can have stood
_READ: tuple[tuple[re.Pattern[str], Callable[..., Period]], ...] = (
    (re.compile(_Y, re.ASCII), lambda year: period_holding(PeriodKind.YEAR, date(int(year), 1, 1))),
    (re.compile(rf"{_Y}-Q([1-4])", re.ASCII), _reader(PeriodKind.QUARTER, 3)),
    (re.compile(rf"{_Y}-H([12])", re.ASCII), _reader(PeriodKind.HALF, 6)),
    (re.compile(rf"{_Y}-9M", re.ASCII), lambda year: period_holding(PeriodKind.NINE_MONTHS, date(int(year), 1, 1))),
    (re.compile(rf"{_Y}-(\d\d)", re.ASCII), _reader(PeriodKind.MONTH, 1)),
    (re.compile(rf"{_Y}-W(\d\d)", re.ASCII), lambda year, week: _week(int(year), int(week))),
    (re.compile(_D, re.ASCII), lambda day: period_holding(PeriodKind.DAY, date.fromisoformat(day))),
    (re.compile(rf"{_D}\.\.{_D}", re.ASCII), _read_range),
)


def _week(year: int, week: int) -> Period:
    first = date.fromisocalendar(year, week, 1)
    return Period(PeriodKind.WEEK, first, first + 6 * _DAY)


def _weeks(year: int) -> int:
    return date(year, 12, 28).isocalendar().week  # 28 December lies in the last ISO week of its year


def _month_end(year: int, month: int) -> date:
    after = date(year + month // 12, month % 12 + 1, 1)
    return after - _DAY


def _last_year(day: date) -> date:
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def _vi(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def _week_words(one: Period) -> tuple[str, str]:
    year, week, _ = one.first_day.isocalendar()
    same_year = one.first_day.year == one.last_day.year
    days = f"{one.first_day:%d/%m}" if same_year else _vi(one.first_day)
    days = f"{days}–{_vi(one.last_day)}"
    return f"Tuần {week} năm {year} ({days})", f"Week {week} of {year} ({days})"


def _quarter(one: Period) -> int:
    return (one.first_day.month + 2) // 3


def _half_words(one: Period) -> tuple[str, str]:
    vi, en = ("đầu", "First") if one.first_day.month == 1 else ("cuối", "Second")
    return f"6 tháng {vi} năm {one.first_day.year}", f"{en} half of {one.first_day.year}"


_WORDS: dict[PeriodKind, Callable[[Period], tuple[str, str]]] = {
    PeriodKind.DAY: lambda one: (f"Ngày {_vi(one.first_day)}", _vi(one.first_day)),
    PeriodKind.WEEK: _week_words,
    PeriodKind.MONTH: lambda one: (
        f"Tháng {one.first_day.month} năm {one.first_day.year}",
        f"{_MONTHS[one.first_day.month - 1]} {one.first_day.year}",
    ),
    PeriodKind.QUARTER: lambda one: (
        f"Quý {_ROMAN[_quarter(one) - 1]} năm {one.first_day.year}",
        f"Quarter {_ROMAN[_quarter(one) - 1]} of {one.first_day.year}",
    ),
    PeriodKind.HALF: _half_words,
    PeriodKind.NINE_MONTHS: lambda one: (
        f"9 tháng đầu năm {one.first_day.year}",
        f"First nine months of {one.first_day.year}",
    ),
    PeriodKind.YEAR: lambda one: (f"Năm {one.first_day.year}", f"Year {one.first_day.year}"),
    PeriodKind.RANGE: lambda one: (
        f"từ {_vi(one.first_day)} đến {_vi(one.last_day)}",
        f"from {_vi(one.first_day)} to {_vi(one.last_day)}",
    ),
}
_WRITTEN: dict[PeriodKind, Callable[[Period], str]] = {
    PeriodKind.DAY: lambda one: one.first_day.isoformat(),
    PeriodKind.WEEK: lambda one: "{}-W{:02}".format(*one.first_day.isocalendar()[:2]),
    PeriodKind.MONTH: lambda one: f"{one.first_day:%Y-%m}",
    PeriodKind.QUARTER: lambda one: f"{one.first_day.year}-Q{_quarter(one)}",
    PeriodKind.HALF: lambda one: f"{one.first_day.year}-H{1 if one.first_day.month == 1 else 2}",
    PeriodKind.NINE_MONTHS: lambda one: f"{one.first_day.year}-9M",
    PeriodKind.YEAR: lambda one: f"{one.first_day.year}",
    PeriodKind.RANGE: lambda one: f"{one.first_day.isoformat()}..{one.last_day.isoformat()}",
}
