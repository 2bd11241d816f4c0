"""What all parts of the invented year share: the calendar, the rules, chance, ids, the rows made so far, and its end.

Owns: deadlines in seconds, remembered, because a million documents ask for the same few.
Never: reads the clock of the machine.
Source: hub/domain/deadlines.py computes every deadline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cache
from random import Random

from hub.demo.year_days import MINUTE, Office, day_of, end_of, moment, second_of
from hub.demo.year_rows import Ids, Piece
from hub.domain import deadlines
from hub.domain.deadlines import DeadlineRule, Until
from hub.domain.duties import DutyKind
from hub.domain.envelopes import Urgency
from hub.domain.rules import pack_on
from hub.domain.working_time import WorkingCalendar
from hub.stations.duties import ON_ARRIVAL


@dataclass(slots=True)
class World:
    """One run; nothing happens after `end`, the last second of the Vietnamese year."""

    year: int
    run: str  # what was wished for, as one text
    calendar: WorkingCalendar
    dice: Random
    ids: Ids
    piece: Piece = field(default_factory=Piece)
    office: Office = field(init=False)
    end: int = field(init=False)
    _due: dict[tuple[object, ...], int] = field(default_factory=dict)
    _closing: dict[date, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.office = Office(self.calendar)
        self.end = end_of(self.year)

    def due(self, rule: DeadlineRule, begun: int, *, due_on: date | None = None, day: date | None = None) -> int | None:
        """Until when, as hub/domain/deadlines.py says; None when nobody named the day on which it depends."""
        if rule.until is Until.MINUTES:
            return begun + rule.amount * MINUTE
        if rule.until is Until.DUE_DATE and due_on is None:
            return None
        today = day_of(begun)
        asked = (rule.kind, rule.until, rule.amount, today, begun < self._end_of_office(today), due_on, day)
        if asked not in self._due:
            at = deadlines.due(rule, begun=moment(begun), calendar=self.calendar, due_on=due_on, day=day)
            if at is None:
                return None
            self._due[asked] = second_of(at)
        return self._due[asked]

    def _end_of_office(self, day: date) -> int:
        """When the offices close; a deadline of a day depends on whether it began before that."""
        if day not in self._closing:
            self._closing[day] = second_of(self.calendar.end_of_day(day))
        return self._closing[day]


rules_of = cache(pack_on)  # the rule pack in force on a day


@cache
def rule(day: date, kind: DutyKind, urgency: int) -> DeadlineRule | None:
    """The rule for what was received on a day."""
    return deadlines.rule_for(rules_of(day).deadlines, kind, Urgency(urgency))


@cache
def on_arrival(day: date, urgency: int) -> tuple[DeadlineRule, ...]:
    """What begins when a copy of it is placed."""
    found = (rule(day, kind, urgency) for kind in ON_ARRIVAL)
    return tuple(one for one in found if one is not None)


@cache
def time_to_live(day: date, urgency: int) -> int:
    """Seconds after which a copy that nobody took expires."""
    return int(rules_of(day).time_to_live[Urgency(urgency)].total_seconds())
