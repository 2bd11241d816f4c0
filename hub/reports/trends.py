"""The parts of a period, for lines over time: its days, or its months when there are more than a month of them.

Owns: which parts, and how they are called under a line.
Never: counts.
Source: issue "Paper-free percentages that can be audited" point 5 (periods on Vietnamese time).
"""

from __future__ import annotations

from datetime import date, timedelta

from hub.domain.periods import Period, PeriodKind, period_holding

MOST_DAYS = 31


def parts(period: Period) -> list[Period]:
    """The parts in their order; together exactly the days of the period. A single day has none but itself.

    >>> from hub.domain.periods import period
    >>> [one.written for one in parts(period("2026-Q3"))]
    ['2026-07', '2026-08', '2026-09']
    >>> [one.written for one in parts(period("2026-01-20..2026-03-05"))]
    ['2026-01-20..2026-01-31', '2026-02', '2026-03-01..2026-03-05']
    """
    kind = PeriodKind.DAY if (period.last_day - period.first_day).days < MOST_DAYS else PeriodKind.MONTH
    found, day = [], period.first_day
    while day <= period.last_day:
        part = _clipped(period_holding(kind, day), period)
        found.append(part)
        day = part.last_day + timedelta(days=1)
    return found


def label(part: Period) -> str:
    """What stands under the line: 05/03 for a day, 03/2026 for a month or a piece of one."""
    return f"{part.first_day:%d/%m}" if part.kind is PeriodKind.DAY else f"{part.first_day:%m/%Y}"


def begun(many: list[Period], known_on: date) -> list[Period]:
    """Those of which anything can be known by then; the days to come have no figures."""
    return [one for one in many if one.first_day <= known_on]


def _clipped(whole: Period, period: Period) -> Period:
    first, last = max(whole.first_day, period.first_day), min(whole.last_day, period.last_day)
    same = (first, last) == (whole.first_day, whole.last_day)
    return whole if same else Period(PeriodKind.RANGE, first, last)
