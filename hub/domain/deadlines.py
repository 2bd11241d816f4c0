"""Until when something must be done: the rules of the rule pack, computed on the Vietnamese working calendar.

Owns: the shapes of deadline rules and what each means for a beginning.
Never: knows a holiday (hub/domain/working_time.py is handed in); writes.
Source: Decision 28/2018/QĐ-TTg Art. 6(2), 9(2); Decree 30/2020/NĐ-CP Art. 4(2), 18, 21(2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from hub.domain.duties import CHANGES, DutyKind
from hub.domain.envelopes import Urgency
from hub.domain.periods import VIETNAM, vietnam_day
from hub.domain.working_time import WorkingCalendar


class Until(StrEnum):
    """How a deadline follows from a beginning."""

    NEXT_WORKING_MORNING = "next_working_morning"  # the end of the morning of the next working day
    SAME_DAY = "same_day"  # the end of that working day; of the next one for what comes after hours
    MINUTES = "minutes"  # by the clock, also at night
    WORKING_DAYS = "working_days"  # the end of the n-th working day after
    DUE_DATE = "due_date"  # the end of the day that the document itself names


@dataclass(frozen=True, slots=True)
class DeadlineRule:
    """One row of the pack; `urgencies` are those for which it holds (empty: all), `amount` minutes or working days."""

    kind: DutyKind
    until: Until
    article: str
    amount: int = 0
    urgencies: frozenset[Urgency] = frozenset()

    def holds_for(self, urgency: Urgency) -> bool:
        """True when documents of this urgency have this deadline."""
        return not self.urgencies or urgency in self.urgencies


def read_deadlines(rows: Sequence[Mapping[str, Any]]) -> tuple[DeadlineRule, ...]:
    """The rules of one pack. Raises KeyError, ValueError for what they cannot be."""
    rules = tuple(
        DeadlineRule(
            kind=DutyKind(row["duty"]),
            until=Until(row["until"]),
            article=row["article"],
            amount=int(row.get("amount", 0)),
            urgencies=frozenset(Urgency[name.upper()] for name in row.get("urgencies", ())),
        )
        for row in rows
    )
    for rule in rules:
        if rule.until in (Until.MINUTES, Until.WORKING_DAYS) and rule.amount < 1:
            raise ValueError(f"{rule.kind.value}: {rule.until.value} without an amount")
        if rule.kind in CHANGES and rule.until is Until.DUE_DATE:  # no answer would ever be owed
            raise ValueError(f"{rule.kind.value}: a change names no day of its own")
    unruled = {kind.value for kind in CHANGES for urgency in Urgency if rule_for(rules, kind, urgency) is None}
    if unruled:  # a change that is asked and never due would wait for ever
        raise ValueError(f"no deadline for {sorted(unruled)}")
    return rules


def rule_for(rules: Sequence[DeadlineRule], kind: DutyKind, urgency: Urgency) -> DeadlineRule | None:
    """The first rule of this kind that holds for the urgency; None when the pack has none."""
    return next((rule for rule in rules if rule.kind is kind and rule.holds_for(urgency)), None)


def due(
    rule: DeadlineRule,
    *,
    begun: datetime,
    calendar: WorkingCalendar,
    due_on: date | None = None,
    day: date | None = None,
) -> datetime | None:
    """Until when, in UTC; None when it depends on a day (`due_on`) that nobody named.

    Never before `begun`, unless the document itself names an earlier day, or working days are counted from another
    Vietnamese `day` than that of `begun`.

    >>> calendar = WorkingCalendar(lambda year: {})
    >>> friday_evening = datetime(2026, 3, 6, 20, 0, tzinfo=VIETNAM)
    >>> def told(until: Until, amount: int = 0, **facts: date) -> str:
    ...     rule = DeadlineRule(DutyKind.RECEIPT, until, "", amount)
    ...     found = due(rule, begun=friday_evening, calendar=calendar, **facts)
    ...     return f"{found.astimezone(VIETNAM):%d/%m %H:%M}" if found else "never"
    >>> told(Until.NEXT_WORKING_MORNING), told(Until.SAME_DAY)
    ('09/03 11:30', '09/03 17:00')
    >>> told(Until.MINUTES, 30), told(Until.WORKING_DAYS, 2)
    ('06/03 20:30', '10/03 17:00')
    >>> told(Until.DUE_DATE), told(Until.DUE_DATE, due_on=date(2026, 3, 7))
    ('never', '07/03 23:59')
    """
    today = vietnam_day(begun)
    match rule.until:
        case Until.NEXT_WORKING_MORNING:
            return calendar.end_of_morning(calendar.next_working_day(day or today))
        case Until.SAME_DAY:
            in_time = calendar.works_on(today) and begun < calendar.end_of_day(today)
            return calendar.end_of_day(today if in_time else calendar.next_working_day(today))
        case Until.MINUTES:
            return begun.astimezone(UTC) + timedelta(minutes=rule.amount)
        case Until.WORKING_DAYS:
            return calendar.end_of_day(calendar.nth_working_day_after(day or today, rule.amount))
        case Until.DUE_DATE:
            return _end_of_due_date(due_on, calendar) if due_on else None


def _end_of_due_date(due_on: date, calendar: WorkingCalendar) -> datetime:
    """The day that the document names, also when it was over before the document came: it is overdue at once."""
    if calendar.works_on(due_on):
        return calendar.end_of_day(due_on)
    return datetime.combine(due_on, time(23, 59, 59), VIETNAM).astimezone(UTC)
