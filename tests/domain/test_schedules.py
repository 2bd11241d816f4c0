"""Schedules: every period once, as known on a day of its own, never before it is over; the words of the mail."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import schedules
from hub.domain.periods import VIETNAM, PeriodKind, period, vietnam_day
from hub.domain.schedules import EVERY, MOST_GRACE_DAYS, FileSaid, MainFigure, Schedule, Told, Wish, wish_from
from hub.domain.scopes import Scope, ScopeKind

DAY = timedelta(days=1)
HUB = Scope(ScopeKind.HUB)


def scheduled(every: PeriodKind, day: date, *, grace_days: int = 0) -> Schedule:
    """A schedule that begins with the period of a day."""
    made_at = datetime.combine(day, datetime.min.time(), tzinfo=VIETNAM)
    wish = Wish(HUB, ("pdf",), grace_days=grace_days)
    return Schedule("s", "paper_free", wish, every, ("a@b.vn",), made_at, schedules.first_due(every, day))


@pytest.mark.parametrize(
    ("every", "period_written", "due", "following"),
    [
        (PeriodKind.DAY, "2026-08-14", "2026-08-15T07:00+07:00", "2026-08-16"),
        (PeriodKind.WEEK, "2026-W33", "2026-08-17T07:00+07:00", "2026-08-24"),
        (PeriodKind.MONTH, "2026-08", "2026-09-01T07:00+07:00", "2026-10-01"),
        (PeriodKind.QUARTER, "2026-Q3", "2026-10-01T07:00+07:00", "2027-01-01"),
        (PeriodKind.HALF, "2026-H2", "2027-01-01T07:00+07:00", "2027-07-01"),
        (PeriodKind.YEAR, "2026", "2027-01-01T07:00+07:00", "2028-01-01"),
    ],
)
def test_it_is_due_at_seven_on_the_day_after_the_period(every, period_written, due, following):
    one = scheduled(every, date(2026, 8, 14))
    assert one.period.written == period_written
    assert one.due_at == datetime.fromisoformat(due)
    assert one.known_on == period(period_written).last_day
    assert one.following_day.isoformat() == following


def test_days_of_grace_are_waited_for_and_known():
    one = scheduled(PeriodKind.QUARTER, date(2026, 8, 14), grace_days=5)
    assert one.due_at == datetime.fromisoformat("2026-10-06T07:00+07:00")
    assert one.known_on == date(2026, 10, 5)
    assert one.period.written == "2026-Q3"


@given(
    every=st.sampled_from(EVERY),
    begun=st.dates(date(2024, 1, 1), date(2027, 12, 31)),
    grace=st.integers(0, 60),
    pauses=st.lists(st.integers(1, 400 * 24), min_size=1, max_size=120),
)
def test_over_a_year_of_any_clock_every_period_is_made_once_and_none_too_soon(every, begun, grace, pauses):
    """The clock looks at odd hours, with gaps of up to more than a year; late, it catches every period up."""
    one = scheduled(every, begun, grace_days=min(grace, MOST_GRACE_DAYS[every]))
    now, made = one.made_at, []
    for hours in pauses:
        now += timedelta(hours=hours)
        while one.due_at <= now:
            made.append(one)
            one = replace(one, next_day=one.following_day)
        if (now - one.made_at).days > 500:
            break
    periods = [each.period for each in made]
    assert periods[:1] in ([], [scheduled(every, begun).period])
    assert all(after.first_day == before.last_day + DAY for before, after in pairwise(periods))
    assert len({each.known_on for each in made}) == len(made), "a kept report is told by the day it is known on"
    assert all(each.known_on < vietnam_day(each.due_at) for each in made), "that day is over"
    assert one.period.last_day + DAY + one.wish.grace_days * DAY >= vietnam_day(now), "nothing is left out"


@given(every=st.sampled_from(EVERY), day=st.dates(date(2024, 1, 1), date(2027, 12, 31)))
def test_the_last_ended_period_is_the_one_before_that_of_the_day(every, day):
    ended, begun = schedules.last_ended(every, day), scheduled(every, day).period
    assert ended.last_day < day
    assert ended == begun.previous()


@given(every=st.sampled_from(EVERY), day=st.dates(date(2024, 1, 1), date(2027, 12, 31)), grace=st.integers(0, 60))
def test_a_report_made_by_hand_never_takes_the_day_of_another_period(every, day, grace):
    """By hand: the last period as known yesterday. By the clock: the one whose turn that day is. The same period."""
    one = scheduled(every, day, grace_days=min(grace, MOST_GRACE_DAYS[every]))
    assert schedules.last_ended(every, one.known_on + DAY) == one.period


def test_a_wish_is_kept_whole():
    for scope in (HUB, Scope(ScopeKind.BELOW, "H41"), Scope(ScopeKind.LEVEL, level=2)):
        wish = Wish(scope, ("pdf", "csv"), "giay_moi", compare=True, grace_days=5)
        assert wish_from(wish.as_json()) == wish


def test_a_mail_that_fails_is_tried_again_for_days_and_then_given_up():
    now = at = datetime(2026, 10, 1, tzinfo=UTC)
    tries = 1
    while (again := schedules.next_attempt(tries, at)) is not None:
        assert again > at
        at, tries = again, tries + 1
    assert tries == len(schedules.PAUSES) + 1 == 9
    assert timedelta(days=2.5) < at - now < timedelta(days=4)


TOLD = Told(
    report_id="0198c9f0-0000-7000-8000-000000000001",
    report="paper_free",
    hub="Trục thử",
    title=("Báo cáo không giấy", "Paper-free report"),
    period="2026-Q3",
    period_words=period("2026-Q3").words,
    lines=[("Phạm vi: cả trục", "Scope: the whole hub")],
    figures=[MainFigure("Ký số – Tỷ lệ: 99,8 % (18.274/18.302)", "Signed – Ratio: 99,8 % (18.274/18.302)")],
    known_on=date(2026, 9, 30),
    data_sha256="ab" * 32,
    rule_pack="qd28-2018",
    files=[FileSaid("paper_free-2026-Q3-2026-09-30.pdf", "cd" * 32, 300_000)],
)


def test_the_mail_says_all_of_it_in_two_languages():
    said = schedules.letter(TOLD)
    assert said.subject == ("Trục thử: Báo cáo không giấy – Quý III năm 2026 / Paper-free report – Quarter III of 2026")
    vietnamese, english = said.text.split("-" * 60)
    for part, words in ((vietnamese, "Số liệu chính"), (english, "Main figures")):
        assert words in part
        for fact in ("99,8 % (18.274/18.302)", "30/09/2026", "ab" * 32, "qd28-2018", "cd" * 32, "0,3 MiB"):
            assert fact in part
    assert "Quý III năm 2026" in vietnamese
    assert "Quarter III of 2026" in english
    assert said.body["files"] == [
        {"name": "paper_free-2026-Q3-2026-09-30.pdf", "sha256": "cd" * 32, "size_bytes": 300_000}
    ]
    assert said.body["known_on"] == "2026-09-30"


def test_what_is_too_large_is_told_how_to_get():
    most = schedules.ATTACHED_BYTES
    fits = replace(TOLD, files=[FileSaid("a.pdf", "", most - 1), FileSaid("b.xlsx", "", 1)])
    large = replace(TOLD, files=[FileSaid("a.pdf", "", most), FileSaid("b.xlsx", "", 1)])
    assert fits.attached
    assert not large.attached
    text = schedules.letter(large).text
    assert f"hub reports kept {TOLD.report_id} --out" in text
    assert "10,1 MiB" in text
    assert "Tệp kèm theo" not in text
    assert "Tệp kèm theo" in schedules.letter(fits).text


def test_a_form_that_could_not_be_made_is_named():
    assert "Không lập được tệp" not in schedules.letter(TOLD).text
    text = schedules.letter(replace(TOLD, missing=["pdf"])).text
    assert "Không lập được tệp: pdf." in text
    assert "Could not be made: pdf." in text
