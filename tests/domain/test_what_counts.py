"""Which sendings and copies count, where, since when and with which marks; and that the past stays as it was."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.consignments import ConsignmentState
from hub.domain.counting import Direction, Measure, as_known_on
from hub.domain.deliveries import DeliveryState
from hub.domain.envelopes import BusinessType, Kind
from hub.domain.rules import pack_on
from hub.domain.signatures import Judgement, Role
from hub.domain.what_counts import (
    CopySent,
    FoundSignature,
    Sending,
    cell_of,
    is_counted,
    of_recipient,
    of_sender,
    unfetched_at,
)
from tests.support.counts import DAY, NEVER_SHORTENED, end_of, without_zeros

HOUR = timedelta(hours=1)
SENT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
JUDGED, ARRIVED, LATER = SENT + timedelta(minutes=1), SENT + HOUR, SENT + 90 * DAY
RULES = pack_on(date(2026, 3, 2))
PERSON = FoundSignature(0, Role.PERSONAL_SIGNATURE, Judgement.VALID, "CN=Lê Thị Mẫu")
SEAL = FoundSignature(0, Role.AGENCY_SEAL, Judgement.VALID, "CN=Văn phòng Mẫu")
SENDING = Sending(
    consignment_id="c1",
    document_ref="c1",
    sender_key="G22",
    kind=Kind.DOCUMENT.value,
    business_type=BusinessType.NEW.value,
    state=ConsignmentState.CLOSED,
    secret=False,
    received_at=SENT,
    judged_at=JUDGED,
    issued_on=date(2026, 3, 2),
    notation="1/BC-VP",
    type_name="Báo cáo",
    urgency=0,
    paper=0,
    replaces_paper=True,
    signatures=(PERSON, SEAL),
)
COPY = CopySent("d1", "H41", DeliveryState.IN_HAND, ARRIVED, None, None, None)
TAKEN = replace(COPY, state=DeliveryState.HANDED_OVER, fetched_at=ARRIVED + HOUR, ended_at=ARRIVED + 2 * HOUR)


def received(copy, *, sending=SENDING, now=LATER):
    found = [one for one in of_recipient(copy, sending, RULES, now=now) if one.direction is Direction.RECEIVED]
    return found[0] if found else None


def undelivered(copy, *, now=LATER):
    found = [one for one in of_recipient(copy, SENDING, RULES, now=now) if one.direction is Direction.UNDELIVERED]
    return found[0] if found else None


# At its sender


def test_a_document_counts_at_its_sender_on_the_day_it_came_since_it_was_judged():
    one = of_sender(SENDING, RULES)
    assert (one.subject_id, one.consignment_id, one.agency_key, one.direction) == ("c1", "c1", "G22", Direction.SENT)
    assert (one.day, one.known_at, one.left_at) == (date(2026, 3, 2), JUDGED, None)
    assert one.marks == {Measure.TIMED: JUDGED, Measure.ON_TIME: JUDGED}


def test_the_day_is_the_vietnamese_one_of_its_coming_however_long_it_was_held():
    held = replace(SENDING, received_at=datetime(2026, 3, 2, 17, tzinfo=UTC), judged_at=SENT + 9 * DAY)
    one = of_sender(held, RULES)
    assert (one.day, one.known_at) == (date(2026, 3, 3), SENT + 9 * DAY)
    assert set(one.marks.values()) == {held.judged_at}


@pytest.mark.parametrize(("late", "marks"), [(False, {Measure.TIMED, Measure.ON_TIME}), (True, {Measure.TIMED})])
def test_it_is_on_time_unless_its_sender_was_told_otherwise(late, marks):
    assert set(of_sender(replace(SENDING, late=late), RULES).marks) == marks


def test_without_a_day_of_signing_no_time_is_told():
    assert of_sender(replace(SENDING, issued_on=None), RULES).marks == {}


@pytest.mark.parametrize("state", ConsignmentState)
def test_it_counts_when_it_was_accepted_and_apart_when_it_was_rejected(state):
    one = of_sender(replace(SENDING, state=state), RULES)
    wanted = {
        ConsignmentState.ACCEPTED: Direction.SENT,
        ConsignmentState.ROUTED: Direction.SENT,
        ConsignmentState.CLOSED: Direction.SENT,
        ConsignmentState.REJECTED: Direction.REJECTED,
    }
    assert (one.direction if one else None) == wanted.get(state)


def test_a_rejected_one_bears_no_marks_and_does_not_leave():
    rejected = replace(SENDING, state=ConsignmentState.REJECTED, document_ref=None, recalled_at=LATER)
    one = of_sender(rejected, RULES)
    assert (one.marks, one.left_at, one.agency_key) == ({}, None, "G22")
    assert of_recipient(COPY, replace(rejected, business_type=BusinessType.RECALL.value), RULES, now=LATER) == ()


def test_sent_again_it_counts_no_second_time():
    assert of_sender(replace(SENDING, consignment_id="c2"), RULES) is None


def test_recalled_it_leaves_then():
    assert of_sender(replace(SENDING, recalled_at=LATER), RULES).left_at == LATER


@pytest.mark.parametrize("business_type", BusinessType)
def test_what_has_a_number_of_its_own_is_counted(business_type):
    counts = business_type in (BusinessType.NEW, BusinessType.REPLACE)
    one = replace(SENDING, business_type=business_type.value)
    assert is_counted(one, RULES) is counts
    assert (of_sender(one, RULES) is not None) is counts
    assert bool(of_recipient(TAKEN, one, RULES, now=LATER)) is counts


@pytest.mark.parametrize("state", [ConsignmentState.REJECTED, ConsignmentState.CLOSED])
def test_a_secret_document_counts_nowhere(state):
    secret = replace(SENDING, secret=True, state=state)
    assert not is_counted(secret, RULES)
    assert of_sender(secret, RULES) is None
    assert of_recipient(TAKEN, secret, RULES, now=LATER) == ()


def test_a_status_is_no_document():
    assert not is_counted(replace(SENDING, kind=Kind.STATUS.value), RULES)


# At its recipient


def test_a_copy_counts_at_its_recipient_since_and_on_the_day_it_arrived():
    one = received(replace(COPY, arrived_at=datetime(2026, 3, 5, 17, tzinfo=UTC)), now=SENT)
    assert (one.subject_id, one.consignment_id, one.agency_key) == ("d1", "c1", "H41")
    assert (one.day, one.known_at) == (date(2026, 3, 6), datetime(2026, 3, 5, 17, tzinfo=UTC))
    assert (one.marks, one.left_at, one.cell) == ({}, None, cell_of(SENDING, RULES))


@pytest.mark.parametrize("state", DeliveryState)
def test_what_never_arrived_was_not_received(state):
    assert received(replace(COPY, state=state, arrived_at=None, ended_at=LATER)) is None


@pytest.mark.parametrize("state", DeliveryState)
def test_a_copy_leaves_when_it_is_withdrawn_or_passed_on(state):
    gone = state in (DeliveryState.WITHDRAWN, DeliveryState.PASSED_ON)
    one = received(replace(COPY, state=state, ended_at=LATER))
    assert one.left_at == (LATER if gone else None)


def test_a_copy_leaves_when_its_recipient_cancelled_it_or_earlier():
    assert received(replace(TAKEN, given_up_at=LATER)).left_at == LATER
    both = replace(COPY, state=DeliveryState.WITHDRAWN, ended_at=LATER, given_up_at=LATER - HOUR)
    assert received(both).left_at == LATER - HOUR


def test_the_marks_of_a_copy_that_was_taken_and_handled():
    said = (("01", ARRIVED), ("05", ARRIVED + 3 * HOUR), ("03", ARRIVED + 4 * HOUR), ("06", LATER), ("06", LATER + DAY))
    one = received(replace(TAKEN, statuses=said, receipt_in_time_at=ARRIVED + HOUR))
    assert one.marks == {
        Measure.TAKEN: ARRIVED + 2 * HOUR,
        Measure.SAME_DAY: ARRIVED + HOUR,
        Measure.FED_BACK: ARRIVED + 3 * HOUR,  # 05 came before 03
        Measure.ACCEPTED: ARRIVED + 3 * HOUR,
        Measure.COMPLETED: LATER,  # the first of them
    }


def test_declined_is_feedback_and_no_acceptance():
    marks = received(replace(TAKEN, statuses=(("02", LATER),))).marks
    assert {mark for mark in marks if marks[mark] == LATER} == {Measure.FED_BACK, Measure.DECLINED}


@pytest.mark.parametrize("code", ["01", "13", "15", "16"])
def test_a_word_that_says_nothing_of_handling_is_no_feedback(code):
    assert set(received(replace(TAKEN, statuses=((code, LATER),))).marks) == {Measure.TAKEN}


def test_refused_and_expired_after_it_arrived_it_is_marked_so():
    refused = replace(COPY, state=DeliveryState.REFUSED, ended_at=ARRIVED + HOUR)
    expired = replace(TAKEN, state=DeliveryState.EXPIRED, ended_at=LATER, expired_at=LATER, expired_in_hand_at=LATER)
    assert received(refused).marks == {Measure.REFUSED: ARRIVED + HOUR}
    assert received(expired).marks == {Measure.EXPIRED: LATER}
    assert (undelivered(refused), undelivered(expired)) == (None, None)


def test_expired_and_delivered_again_both_stay_known():
    month = ARRIVED + 30 * DAY
    back = replace(TAKEN, expired_at=month, expired_in_hand_at=month, ended_at=ARRIVED + 31 * DAY)
    assert received(back).marks == {Measure.EXPIRED: ARRIVED + 30 * DAY, Measure.TAKEN: ARRIVED + 31 * DAY}
    assert received(back).known_at == ARRIVED


def test_refused_before_it_arrived_it_was_not_delivered():
    refused = replace(COPY, state=DeliveryState.REFUSED, arrived_at=None, ended_at=LATER)
    one = undelivered(refused)
    assert (one.subject_id, one.agency_key, one.known_at, one.left_at) == ("d1", "H41", LATER, None)
    assert (one.day, one.marks) == (date(2026, 5, 31), {Measure.REFUSED: LATER})
    assert received(refused) is None


def test_expired_before_it_arrived_and_delivered_again_it_left_the_failures():
    failed = replace(COPY, state=DeliveryState.EXPIRED, arrived_at=None, expired_at=LATER, ended_at=LATER)
    assert undelivered(failed).marks == {Measure.EXPIRED: LATER}
    again = replace(TAKEN, arrived_at=LATER + DAY, expired_at=LATER, fetched_at=LATER + DAY, ended_at=LATER + DAY)
    assert (undelivered(again).known_at, undelivered(again).left_at) == (LATER, LATER + DAY)
    assert set(received(again).marks) == {Measure.TAKEN}
    refused = replace(failed, state=DeliveryState.REFUSED, ended_at=LATER + DAY)
    assert undelivered(refused).marks == {Measure.EXPIRED: LATER}  # its first failure is the one that counts


def test_delivered_again_and_expired_again_in_the_inbox_it_is_marked_so():
    """First it failed before it arrived; now its time ended in the inbox, which is another failure."""
    end = LATER + 9 * DAY
    again = replace(COPY, arrived_at=LATER + DAY, state=DeliveryState.EXPIRED, expired_at=LATER, ended_at=end)
    again = replace(again, expired_in_hand_at=end)
    assert undelivered(again).left_at == LATER + DAY
    assert received(again, now=end).marks.get(Measure.EXPIRED) == end
    third = replace(again, state=DeliveryState.DUE, ended_at=None)
    assert received(third, now=end + DAY) == received(again, now=end + DAY), "delivered a third time it stays marked"


# Not fetched in time


@pytest.mark.parametrize(
    ("facts", "late"),
    [
        ({}, True),
        ({"fetched_at": ARRIVED + 24 * HOUR}, True),  # too late by nothing
        ({"fetched_at": ARRIVED + 24 * HOUR - timedelta(microseconds=1)}, False),
        ({"state": DeliveryState.HANDED_OVER, "ended_at": ARRIVED + HOUR}, False),
        ({"state": DeliveryState.REFUSED, "ended_at": ARRIVED + HOUR}, False),
        ({"state": DeliveryState.HANDED_OVER, "ended_at": ARRIVED + 25 * HOUR}, True),
        ({"state": DeliveryState.EXPIRED, "ended_at": ARRIVED + HOUR, "expired_at": ARRIVED + HOUR}, True),
    ],
)
def test_it_is_unfetched_when_nobody_looked_within_the_hours_of_the_rule_pack(facts, late):
    assert timedelta(hours=24) == RULES.unfetched_after
    copy = replace(COPY, **facts)
    assert (unfetched_at(copy, RULES.unfetched_after) is not None) is late
    assert (received(copy).marks.get(Measure.UNFETCHED) == ARRIVED + 24 * HOUR) is late


def test_it_is_not_unfetched_before_the_time_has_come():
    limit = ARRIVED + 24 * HOUR
    assert Measure.UNFETCHED not in received(COPY, now=limit - timedelta(microseconds=1)).marks
    assert received(COPY, now=limit).marks == {Measure.UNFETCHED: limit}
    assert unfetched_at(replace(COPY, arrived_at=None), RULES.unfetched_after) is None


@pytest.mark.parametrize("how", ["withdrawn", "passed_on", "given_up"])
def test_a_copy_that_has_left_is_not_found_unfetched_afterwards(how):
    """Nothing tells the tally of it any more: a recount at a later time must find the same row."""
    ended = {"state": DeliveryState.IN_HAND, "given_up_at": ARRIVED + HOUR, "fetched_at": None}
    if how != "given_up":
        ended = {"state": DeliveryState(how), "ended_at": ARRIVED + HOUR}
    gone = replace(COPY, **ended)
    assert received(gone, now=ARRIVED + 2 * HOUR) == received(gone, now=LATER)


# What was known stays known


class Life:
    """A copy to which things happen as the stations do them, one after the other."""

    def __init__(self) -> None:
        self.copy = replace(COPY, state=DeliveryState.DUE, arrived_at=None)

    def happen(self, what: str, at: datetime) -> None:
        getattr(self, what)(at)

    def place(self, at: datetime) -> None:
        if self.copy.state is DeliveryState.DUE:
            self._is(DeliveryState.IN_HAND, arrived_at=self.copy.arrived_at or at)

    def fetch(self, at: datetime) -> None:
        if self.copy.state in (DeliveryState.IN_HAND, DeliveryState.HANDED_OVER):
            self.copy = replace(self.copy, fetched_at=self.copy.fetched_at or at)

    def take(self, at: datetime) -> None:
        self._end(DeliveryState.HANDED_OVER, at, arrived_at=self.copy.arrived_at or at)

    def refuse(self, at: datetime) -> None:
        self._end(DeliveryState.REFUSED, at)

    def withdraw(self, at: datetime) -> None:
        self._end(DeliveryState.WITHDRAWN, at)

    def pass_on(self, at: datetime) -> None:
        self._end(DeliveryState.PASSED_ON, at)

    def expire(self, at: datetime) -> None:
        first = {"expired_at": self.copy.expired_at or at}
        if self.copy.arrived_at is not None:
            first["expired_in_hand_at"] = self.copy.expired_in_hand_at or at
        self._end(DeliveryState.EXPIRED, at, **first)

    def again(self, _at: datetime) -> None:
        if self.copy.state is DeliveryState.EXPIRED:
            self._is(DeliveryState.DUE, ended_at=None)

    def say(self, at: datetime) -> None:
        code = ("01", "03", "02", "06")[len(self.copy.statuses) % 4]
        first = {"receipt_in_time_at": self.copy.receipt_in_time_at or at} if self.copy.arrived_at else {}
        self.copy = replace(self.copy, statuses=(*self.copy.statuses, (code, at)), **first)

    def cancel(self, at: datetime) -> None:
        if self.copy.fetched_at or self.copy.state is DeliveryState.HANDED_OVER:
            self.copy = replace(self.copy, given_up_at=self.copy.given_up_at or at)

    def _end(self, state: DeliveryState, at: datetime, **facts) -> None:
        if self.copy.state in (DeliveryState.DUE, DeliveryState.IN_HAND):
            self._is(state, ended_at=at, **facts)

    def _is(self, state: DeliveryState, **facts) -> None:
        self.copy = replace(self.copy, state=state, **facts)


HAPPENINGS = ("place", "fetch", "take", "refuse", "withdraw", "pass_on", "expire", "again", "say", "cancel")
LIVES = st.lists(st.tuples(st.sampled_from(HAPPENINGS), st.integers(1, 40)), min_size=1, max_size=12)


def stood(copy, day, *, now):
    """What a copy counts for in all its places, as known at the end of a day."""
    rows = of_recipient(copy, SENDING, RULES, now=now)
    return {(row.direction, row.day): without_zeros(as_known_on(row, day)) for row in rows if as_known_on(row, day)}


@settings(NEVER_SHORTENED, max_examples=150)
@given(LIVES)
def test_whatever_happens_later_the_figures_of_a_past_day_stay(steps):
    life, at, noted = Life(), SENT, {}
    for what, hours in steps:
        until = at + hours * HOUR
        day = at.date()
        while end_of(day) <= until:  # the days that end meanwhile are noted at their ends
            noted.setdefault(day, stood(life.copy, day, now=end_of(day)))
            day += DAY
        at = until
        life.happen(what, at)
    for day, figures in noted.items():
        assert stood(life.copy, day, now=at + 365 * DAY) == figures, (day, steps)


@settings(NEVER_SHORTENED, max_examples=150)
@given(LIVES)
def test_a_copy_is_received_at_most_once_and_failed_at_most_once(steps):
    life, at = Life(), SENT
    for what, hours in steps:
        at += hours * HOUR
        life.happen(what, at)
    rows = of_recipient(life.copy, SENDING, RULES, now=at)
    assert all(count == 1 for count in Counter(row.direction for row in rows).values())
    standing = [row for row in rows if as_known_on(row, at.date() + DAY)[Measure.DOCUMENTS]]
    assert len(standing) <= 1, "a copy is either received or undelivered"
