"""Vietnamese working time: which days are worked, which hours, and the next moment of work.

Owns: WorkingCalendar over public holidays, swapped days and office hours.
Never: asks a library for holidays (adapters/services/holidays_vietnam.py is handed in).
Source: Labour Code 45/2019/QH14 Art. 111, 112; Decision 188/1999/QĐ-TTg (Saturday and Sunday are free); Decision
28/2018/QĐ-TTg Art. 14(4) (Vietnamese time).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from hub.domain.periods import VIETNAM
from hub.errors import Misconfigured

SATURDAY = 5
MOST_FREE_DAYS = 60  # in a row; no calendar of a working state has so many, a wrong file may
_SPAN = re.compile(r"([0-9]{2}:[0-9]{2})-([0-9]{2}:[0-9]{2})")
_SHAPE = "[[swapped]] with the days off and worked, and the source that says so"


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """`holidays` gives a year's public holidays; `off` and `worked` are days that the Government swapped.

    `hours` are the spans of a working day in Vietnamese time, the first is the morning.
    """

    holidays: Callable[[int], Mapping[date, str]]
    off: frozenset[date] = frozenset()
    worked: frozenset[date] = frozenset()
    hours: tuple[tuple[time, time], ...] = ((time(7, 30), time(11, 30)), (time(13, 30), time(17, 0)))

    def works_on(self, day: date) -> bool:
        """True when offices work on this day; a swapped day wins over the weekend and over a holiday.

        >>> calendar = WorkingCalendar(lambda year: {date(year, 1, 1): "Tết Dương lịch"})
        >>> [calendar.works_on(date(2026, 1, day)) for day in (1, 2, 3)]
        [False, True, False]
        """
        if day in self.worked or day in self.off:
            return day in self.worked
        return day.weekday() < SATURDAY and day not in self.holidays(day.year)

    def end_of_morning(self, day: date) -> datetime:
        """The end of the first span of this day's office hours, in UTC."""
        return _instant(day, self.hours[0][1])

    def end_of_day(self, day: date) -> datetime:
        """The end of this day's office hours, in UTC.

        >>> WorkingCalendar(lambda year: {}).end_of_day(date(2026, 3, 2)).isoformat()
        '2026-03-02T10:00:00+00:00'
        """
        return _instant(day, self.hours[-1][1])

    def next_working_day(self, day: date) -> date:
        """The first working day after this one. Raises Misconfigured when two months have none."""
        for ahead in range(1, MOST_FREE_DAYS + 1):
            later = day + timedelta(days=ahead)
            if self.works_on(later):
                return later
        raise Misconfigured("calendar_file", f"no working day in {MOST_FREE_DAYS} days after {day}", "Correct it.")

    def nth_working_day_after(self, day: date, n: int) -> date:
        """The n-th working day after this one, n at least 1. Raises Misconfigured as next_working_day does."""
        for _ in range(n):
            day = self.next_working_day(day)
        return day


def working_calendar(
    holidays: Callable[[int], Mapping[date, str]], *, hours: Sequence[str], swapped_file: Path | None
) -> WorkingCalendar:
    """The calendar as configured. Raises Misconfigured."""
    off, worked = _swapped(swapped_file) if swapped_file else (frozenset(), frozenset())
    calendar = WorkingCalendar(holidays, off=off, worked=worked, hours=_hours(hours))
    for day in sorted(off):
        calendar.next_working_day(day)  # a file that frees two months is found at the start, not by a document
    return calendar


def _instant(day: date, at: time) -> datetime:
    return datetime.combine(day, at, VIETNAM).astimezone(UTC)


def _hours(written: Sequence[str]) -> tuple[tuple[time, time], ...]:
    try:
        spans = tuple(_span(one) for one in written)
    except ValueError as wrong:
        raise _wrong_hours(written) from wrong
    ends = [at for span in spans for at in span]
    in_order = ends == sorted(ends) and all(begins < ends for begins, ends in spans)
    if not spans or not in_order:
        raise _wrong_hours(written)
    return spans


def _span(written: str) -> tuple[time, time]:
    found = _SPAN.fullmatch(written.strip())
    if found is None:
        raise ValueError(written)
    return time.fromisoformat(found[1]), time.fromisoformat(found[2])


def _wrong_hours(written: Sequence[str]) -> Misconfigured:
    shape = "HH:MM-HH:MM, at least one, in order, without overlap, split by ','"
    return Misconfigured("office_hours", shape, f"It says {','.join(written)!r}.")


def _swapped(file: Path) -> tuple[frozenset[date], frozenset[date]]:
    """The days off and the days worked in their place."""
    try:
        raw = tomllib.loads(file.read_text("utf-8"))
        if set(raw) - {"swapped"}:
            raise ValueError(f"{sorted(set(raw) - {'swapped'})} is not known")
        pairs = [_pair(row) for row in raw.get("swapped", [])]
        off, worked = frozenset(pair[0] for pair in pairs), frozenset(pair[1] for pair in pairs)
        if off & worked:
            raise ValueError(f"{min(off & worked)} is both off and worked")
    except OSError as away:
        raise Misconfigured("calendar_file", _SHAPE, f"{file} cannot be read: {away.strerror}.") from away
    except (ValueError, TypeError) as wrong:  # TOML and UTF-8 faults are ValueErrors
        raise Misconfigured("calendar_file", _SHAPE, f"{file}: {wrong}.") from wrong
    return off, worked


def _pair(row: Mapping[str, Any]) -> tuple[date, date]:
    if set(row) != {"off", "worked", "source"}:
        raise ValueError(f"a row has {sorted(row)}")
    for name in ("off", "worked"):
        if type(row[name]) is not date or row[name].year in (date.min.year, date.max.year):  # no time, no far ends
            raise ValueError(f"{name} = {row[name]!r} is not a day")
    if not isinstance(row["source"], str) or not row["source"].strip():
        raise ValueError(f"the row of {row['off']} has no source")
    return row["off"], row["worked"]
