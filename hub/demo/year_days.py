"""When things happen in the invented year: how much on which day, at which second, and how a moment is written.

Owns: the shape of the year (office hours, weekends, Tết, the rush before it ends), its end, written moments, chance.
Never: knows a holiday by itself (hub/domain/working_time.py is handed in).
Source: Decision 28/2018/QĐ-TTg Art. 14(4) (Vietnamese time); the shape is invented [confirm].
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random

from hub.domain.periods import VIETNAM
from hub.domain.working_time import WorkingCalendar

DAY, HOUR, MINUTE = 86_400, 3_600, 60
_OFFSET = int(VIETNAM.utcoffset(None).total_seconds())
_EPOCH = date(1970, 1, 1)
_MONTHS = (0.95, 0.75, 1.05, 1.0, 1.0, 1.02, 1.0, 1.0, 1.02, 1.05, 1.1, 1.35)
_WEEKDAYS = (1.1, 1.05, 1.0, 1.0, 0.95, 0.03, 0.015)
_FREE = 0.012  # of a usual day, on a holiday: urgent telegrams
_RUSH = ((8, 14), (9, 18), (10, 16), (11, 6), (14, 14), (15, 15), (16, 11), (17, 3), (18, 1), (20, 1), (7, 1))


def chance(run: str) -> Random:
    """The dice of one part of a run: the same text, the same throws."""
    return Random(run)  # noqa: S311 - reproducible, not secret


def spread(documents: int, year: int, calendar: WorkingCalendar) -> list[tuple[date, int]]:
    """How many documents are sent on which Vietnamese day; all of them, by largest remainders."""
    days = [date(year, 1, 1) + timedelta(days=ahead) for ahead in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)]
    weights = [_weight(day, calendar) for day in days]
    exact = [documents * weight / sum(weights) for weight in weights]
    counts = [int(share) for share in exact]
    by_remainder = sorted(range(len(days)), key=lambda place: (counts[place] - exact[place], place))
    for place in by_remainder[: documents - sum(counts)]:
        counts[place] += 1
    return list(zip(days, counts, strict=True))


def seconds_of_day(count: int, dice: Random) -> list[int]:
    """So many moments of a Vietnamese day, early first."""
    hours = [hour for hour, share in _RUSH for _ in range(share)]
    roll = dice.random
    return sorted(hours[int(roll() * len(hours))] * HOUR + int(roll() * HOUR) for _ in range(count))


def midnight(day: date) -> int:
    """The first second of a Vietnamese day, since 1970 in UTC."""
    return (day - _EPOCH).days * DAY - _OFFSET


def end_of(year: int) -> int:
    """The last second of a Vietnamese year: what would come later has not happened."""
    return midnight(date(year + 1, 1, 1)) - 1


def day_of(second: int) -> date:
    """The Vietnamese day of a moment."""
    return _day((second + _OFFSET) // DAY)


def moment(second: int) -> datetime:
    """The moment as the domain knows it."""
    return datetime.fromtimestamp(second, UTC)


def second_of(at: datetime) -> int:
    """The other way round."""
    return int(at.timestamp())


def written(second: int) -> str:
    """As hub/store/bulk.py takes it.

    >>> written(0)
    '1970-01-01 00:00:00.000000'
    """
    return _DATE[second // DAY] + _TIME[second % DAY]


def zulu(second: int) -> str:
    """As JSON in the store has it.

    >>> zulu(3661)
    '1970-01-01T01:01:01Z'
    """
    return f"{_DATE[second // DAY]}T{_CLOCK[second % DAY]}Z"


class Office:
    """A working calendar in seconds, remembered by day."""

    def __init__(self, calendar: WorkingCalendar) -> None:
        self.calendar = calendar
        self.works_on = cache(calendar.works_on)
        self.next_day = cache(calendar.next_working_day)

    def day_before(self, day: date, count: int) -> date:
        """The working day so many working days before."""
        for _ in range(count):
            day -= timedelta(days=1)
            while not self.works_on(day):
                day -= timedelta(days=1)
        return day

    def at_work(self, second: int) -> int:
        """This moment when offices work, else the next morning that they do."""
        day, of_day = day_of(second), (second + _OFFSET) % DAY
        if not self.works_on(day) or of_day > 17 * HOUR:
            return midnight(self.next_day(day)) + 8 * HOUR + of_day % HOUR
        return second if of_day >= 7 * HOUR + 30 * MINUTE else midnight(day) + 8 * HOUR + of_day % HOUR


class _Remembered(dict[int, str]):
    """Words for numbers: each is worked out once and then looked up, some forty times per document."""

    def __init__(self, words: Callable[[int], str]) -> None:
        super().__init__()
        self._words = words

    def __missing__(self, number: int) -> str:
        return self.setdefault(number, self._words(number))


_DATE = _Remembered(lambda day: (_EPOCH + timedelta(days=day)).isoformat())
_CLOCK = _Remembered(lambda s: f"{s // HOUR:02d}:{s // MINUTE % 60:02d}:{s % 60:02d}")
_TIME = _Remembered(lambda s: f" {_CLOCK[s]}.000000")


@cache
def _day(number: int) -> date:
    return _EPOCH + timedelta(days=number)


def _weight(day: date, calendar: WorkingCalendar) -> float:
    if calendar.works_on(day):
        return _MONTHS[day.month - 1] * _WEEKDAYS[min(day.weekday(), 4)]
    holiday = day in calendar.holidays(day.year) or day in calendar.off
    return _FREE if holiday else _WEEKDAYS[max(day.weekday(), 5)]
