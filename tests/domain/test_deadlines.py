"""Deadlines of the rule pack on the Vietnamese calendar: never before their beginning, never on a free day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.services.holidays_vietnam import HolidaysVietnam
from hub.domain.deadlines import DeadlineRule, Until, due, rule_for
from hub.domain.duties import CHANGES, DutyKind
from hub.domain.envelopes import Urgency
from hub.domain.periods import VIETNAM, vietnam_day
from hub.domain.rules import pack_on, read_pack
from hub.domain.working_time import WorkingCalendar
from hub.errors import Misconfigured

CALENDAR = WorkingCalendar(HolidaysVietnam().of)
PACK = (files("schemas") / "rules" / "qd28-2018.toml").read_text("utf-8")
ROWS = pack_on(date(2026, 3, 2)).deadlines
moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 12, 1), timezones=st.just(UTC))  # noqa: DTZ001
swapped = st.frozensets(st.dates(date(2026, 1, 1), date(2026, 3, 31)), max_size=12)


def at(day: int, hour: int, minute: int = 0, *, month: int = 3) -> datetime:
    """A moment of 2026 on a Vietnamese clock."""
    return datetime(2026, month, day, hour, minute, tzinfo=VIETNAM)


def rule(until: Until, amount: int = 0) -> DeadlineRule:
    return DeadlineRule(DutyKind.RECEIPT, until, "Điều 1", amount)


def until(word: Until, begun: datetime, amount: int = 0, **facts: date) -> datetime | None:
    return due(rule(word, amount), begun=begun, calendar=CALENDAR, **facts)


class TestSameDay:
    @pytest.mark.parametrize(
        ("begun", "wanted"),
        [
            (at(2, 0, 0), at(2, 17)),  # a Monday that in UTC is still a Sunday
            (at(2, 6, 59), at(2, 17)),
            (at(2, 12), at(2, 17)),
            (at(2, 16, 59), at(2, 17)),
            (at(2, 17), at(3, 17)),
            (at(2, 23, 59), at(3, 17)),
            (at(6, 17, 1), at(9, 17)),  # Friday after hours
            (at(7, 9), at(9, 17)),  # Saturday
            (at(13, 18, month=2), at(23, 17, month=2)),  # the last evening before Tết
            (at(17, 9, month=2), at(23, 17, month=2)),  # the first day of the year
        ],
    )
    def test_by_the_clock_of_vietnam(self, begun, wanted):
        assert until(Until.SAME_DAY, begun) == wanted

    def test_a_worked_saturday_is_a_day_like_others(self):
        calendar = WorkingCalendar(HolidaysVietnam().of, worked=frozenset({date(2026, 3, 7)}))
        assert due(rule(Until.SAME_DAY), begun=at(6, 20), calendar=calendar) == at(7, 17)


def test_the_sending_counts_from_the_day_of_signing():
    assert until(Until.NEXT_WORKING_MORNING, at(20, 9), day=date(2026, 3, 2)) == at(3, 11, 30)
    assert until(Until.NEXT_WORKING_MORNING, at(20, 9), day=date(2026, 3, 6)) == at(9, 11, 30)
    assert until(Until.NEXT_WORKING_MORNING, at(2, 9)) == at(3, 11, 30)
    assert until(Until.NEXT_WORKING_MORNING, at(1, 9, month=3), day=date(2026, 2, 13)) == at(23, 11, 30, month=2)


def test_minutes_run_at_night_and_at_tet():
    assert until(Until.MINUTES, at(17, 0, 10, month=2), 30) == at(17, 0, 40, month=2)


def test_working_days_leave_out_tet():
    assert until(Until.WORKING_DAYS, at(13, 16, month=2), 1) == at(23, 17, month=2)
    assert until(Until.WORKING_DAYS, at(13, 16, month=2), 3) == at(25, 17, month=2)


class TestDueDate:
    def test_none_when_the_document_names_no_day(self):
        assert until(Until.DUE_DATE, at(2, 9)) is None

    def test_the_end_of_office_hours_of_the_day(self):
        assert until(Until.DUE_DATE, at(2, 9), due_on=date(2026, 3, 5)) == at(5, 17)

    def test_the_whole_of_a_free_day(self):
        wanted = datetime(2026, 3, 8, 23, 59, 59, tzinfo=VIETNAM)
        assert until(Until.DUE_DATE, at(2, 9), due_on=date(2026, 3, 8)) == wanted

    def test_a_day_that_was_over_stays_the_day_that_the_document_names(self):
        assert until(Until.DUE_DATE, at(2, 18), due_on=date(2026, 3, 2)) == at(2, 17)
        assert until(Until.DUE_DATE, at(2, 9), due_on=date(2026, 2, 27)) < at(2, 9)

    def test_the_first_day_that_a_document_can_write_is_no_fault(self):
        found = until(Until.DUE_DATE, at(2, 9), due_on=date.min)
        assert found is not None
        assert found.year == 1

    def test_the_last_day_that_a_document_can_write_is_no_fault(self):
        found = until(Until.DUE_DATE, at(2, 9), due_on=date.max)
        assert found is not None
        assert found.year == 9999


class TestProperties:
    @given(begun=moments, amount=st.integers(1, 20), word=st.sampled_from(Until), ahead=st.integers(-400, 400))
    def test_never_before_the_beginning_and_in_utc(self, begun, amount, word, ahead):
        found = until(word, begun, amount, due_on=vietnam_day(begun) + timedelta(days=ahead))
        assert found is not None
        assert found >= begun or (word is Until.DUE_DATE and ahead <= 0)
        assert found.utcoffset() == timedelta()

    @given(
        begun=moments,
        amount=st.integers(1, 20),
        word=st.sampled_from([Until.SAME_DAY, Until.NEXT_WORKING_MORNING, Until.WORKING_DAYS]),
    )
    def test_never_on_a_free_day(self, begun, amount, word):
        assert CALENDAR.works_on(vietnam_day(until(word, begun, amount)))

    @given(
        begun=st.datetimes(datetime(2026, 1, 1), datetime(2026, 3, 20), timezones=st.just(UTC)),  # noqa: DTZ001
        off=swapped,
        worked=swapped,
        word=st.sampled_from([Until.SAME_DAY, Until.NEXT_WORKING_MORNING, Until.WORKING_DAYS]),
    )
    def test_nor_on_a_day_that_was_swapped_free(self, begun, off, worked, word):
        calendar = WorkingCalendar(HolidaysVietnam().of, off=off - worked, worked=worked)
        found = due(rule(word, 2), begun=begun, calendar=calendar)
        assert found >= begun
        assert calendar.works_on(vietnam_day(found))
        assert vietnam_day(found) not in off - worked

    @given(begun=moments, later=st.timedeltas(timedelta(), timedelta(days=20)), word=st.sampled_from(Until))
    def test_what_begins_later_is_never_due_earlier(self, begun, later, word):
        named = {"due_on": date(2027, 5, 5)}
        assert until(word, begun, 3, **named) <= until(word, begun + later, 3, **named)


class TestRules:
    def test_urgent_levels_alone_are_due_at_once(self):
        assert rule_for(ROWS, DutyKind.AT_ONCE, Urgency.NORMAL) is None
        for urgency in set(Urgency) - {Urgency.NORMAL}:
            assert rule_for(ROWS, DutyKind.AT_ONCE, urgency).until is Until.MINUTES

    def test_every_kind_has_its_article(self):
        for kind in DutyKind:
            assert "Điều" in rule_for(ROWS, kind, Urgency.EXPRESS).article

    def test_the_first_that_holds_wins_and_none_is_none(self):
        urgent = DeadlineRule(DutyKind.RECALL, Until.MINUTES, "a", 5, frozenset({Urgency.EXPRESS}))
        other = DeadlineRule(DutyKind.RECALL, Until.WORKING_DAYS, "b", 1)
        assert rule_for([urgent, other], DutyKind.RECALL, Urgency.EXPRESS) is urgent
        assert rule_for([urgent, other], DutyKind.RECALL, Urgency.NORMAL) is other
        assert rule_for([urgent], DutyKind.RECALL, Urgency.NORMAL) is None

    @pytest.mark.parametrize(
        ("old", "new", "why"),
        [
            ("amount = 30", "amount = 0", "at_once"),
            ("amount = 30", "", "at_once"),
            ('until = "working_days"\namount = 1', 'until = "working_days"\namount = -1', "recall"),
            ('until = "working_days"\namount = 1', 'until = "due_date"', "recall"),
            ('until = "same_day"', 'until = "some_day"', "some_day"),
            ('urgencies = ["urgent"', 'urgencies = ["hurried"', "HURRIED"),
            ('duty = "take_back"', 'duty = "recall"', "take_back"),
        ],
    )
    def test_a_pack_that_leaves_a_deadline_open_stops_the_start(self, old, new, why):
        assert old in PACK
        with pytest.raises(Misconfigured, match=why):
            read_pack(PACK.replace(old, new, 1), name="broken.toml")

    def test_a_change_that_only_urgent_documents_have_is_no_rule(self):
        some = 'duty = "update"\nurgencies = ["urgent"]'
        with pytest.raises(Misconfigured, match="update"):
            read_pack(PACK.replace('duty = "update"', some), name="broken.toml")
        assert DutyKind.UPDATE in CHANGES
