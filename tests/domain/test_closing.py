"""A closed period: what may be closed, the figures as they are kept, how today's differ, the note of a report."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain import closing
from hub.domain.closing import NOTHING, Amounts, Closing, Note, differences, may_close, period_of, read_figures, steps
from hub.domain.periods import period

NUMBERS = st.integers(0, 10**9)
AMOUNTS = st.builds(Amounts, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
FIGURES = st.dictionaries(st.sampled_from(["issued", "signed", "on_time"]), AMOUNTS)
CLOSED = Closing(
    first_day=date(2026, 7, 1),
    last_day=date(2026, 9, 30),
    closed_at=datetime(2026, 10, 5, 2, tzinfo=UTC),
    closed_by="cli:anh",
    rule_pack="qd28-2018",
    hub={"issued": Amounts(8, 1, 9, 2), "signed": NOTHING},
    agencies={
        "G22": {"issued": Amounts(5, 0, 5, 1)},
        "H41": {"issued": Amounts(3, 1, 4, 1), "signed": Amounts(1, 0, 2, 0)},
    },
    data_sha256="ab" * 32,
)


@pytest.mark.parametrize("written", ["2026-09", "2026-Q3", "2026-H1", "2026-9M", "2026"])
def test_what_has_ended_may_be_closed_from_the_next_vietnamese_day_on(written):
    days = period(written)
    last = datetime(days.last_day.year, days.last_day.month, days.last_day.day, 16, 59, 59, tzinfo=UTC)
    with pytest.raises(ValueError, match=r"chưa kết thúc / .* has not ended"):
        may_close(days, last)
    may_close(days, last.replace(hour=17, minute=0, second=0))


@pytest.mark.parametrize("written", ["2026-09-30", "2026-W40", "2026-01-05..2026-03-07"])
def test_other_periods_are_not_closed(written):
    with pytest.raises(ValueError, match=r"chỉ chốt .* / only a month"):
        may_close(period(written), datetime(2030, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    "written", ["2026-01", "2026-12", "2026-Q1", "2026-Q4", "2026-H1", "2026-H2", "2026-9M", "2026", "2024-02"]
)
def test_the_days_tell_the_period(written):
    days = period(written)
    assert period_of(days.first_day, days.last_day) == days


@given(hub=FIGURES, agencies=st.dictionaries(st.sampled_from(["G22", "H41"]), FIGURES))
def test_figures_are_kept_whole(hub, agencies):
    kept = json.loads(json.dumps(closing.kept_figures(hub, agencies)))
    assert read_figures(kept) == (hub, agencies)


def test_figures_of_a_scope_are_the_sums_of_its_agencies():
    assert CLOSED.of(None) == CLOSED.hub
    assert CLOSED.of({"G22", "H41", "H14"}) == {"issued": Amounts(8, 1, 9, 2), "signed": Amounts(1, 0, 2, 0)}
    assert CLOSED.of({"H14"}) == {}


def test_a_ratio_is_exact_and_of_seen_and_declared_together():
    assert Amounts(8, 1, 9, 2).ratio == Fraction(9, 11)
    assert NOTHING.ratio is None


@given(frozen=FIGURES, today=FIGURES)
def test_differences_are_all_of_them_and_add_up(frozen, today):
    found = {one.indicator_id: one for one in differences(frozen, today)}
    for indicator in {*frozen, *today}:
        before, after = frozen.get(indicator, NOTHING), today.get(indicator, NOTHING)
        assert (indicator in found) is (before != after)
        if indicator in found:
            assert before + found[indicator].change == after


def test_an_indicator_without_a_number_is_not_kept_and_no_difference():
    assert differences({}, {"issued": NOTHING}) == ()
    assert differences({"issued": NOTHING}, {}) == ()
    ((one),) = differences({"issued": Amounts(0, 0, 1, 0)}, {})
    assert one.today is None


@given(frozen=FIGURES, days=st.lists(FIGURES, max_size=6))
def test_the_steps_lead_from_the_frozen_figures_to_the_last(frozen, days):
    by_day = [(date(2026, 10, number + 1), figures) for number, figures in enumerate(days)]
    reached = dict(frozen)
    for _, changes in steps(frozen, by_day):
        assert changes
        for indicator, change in changes.items():
            reached[indicator] = reached.get(indicator, NOTHING) + change
    assert differences(reached, days[-1] if days else frozen) == ()


def test_a_change_that_is_taken_back_is_shown_twice():
    one, two = {"issued": Amounts(1, 0, 2, 0)}, {"issued": Amounts(2, 0, 2, 0)}
    found = steps(one, [(date(2026, 10, 6), two), (date(2026, 10, 7), two), (date(2026, 10, 9), one)])
    assert [(day, changes["issued"].numerator) for day, changes in found] == [
        (date(2026, 10, 6), 1),
        (date(2026, 10, 9), -1),
    ]


def test_the_note_says_when_it_was_closed_and_whether_it_still_stands():
    same = Note(CLOSED, CLOSED.hub, ())
    changed = Note(CLOSED, CLOSED.hub, differences(CLOSED.hub, {"issued": Amounts(8, 2, 9, 2)}))
    assert all("09:00 05/10/2026" in words and "ab" * 32 in words for words in (*same.words, *changed.words))
    assert "đúng như số liệu đã chốt" in same.words[0]
    assert "1 chỉ tiêu đã được điều chỉnh" in changed.words[0]
    assert "1 indicators were corrected" in changed.words[1]


def test_a_report_without_frozen_figures_still_says_that_it_is_closed():
    for words in CLOSED.words:
        assert "09:00 05/10/2026" in words
        assert "ab" * 32 in words
        assert "hub reports closed 2026-Q3" in words


def test_the_digest_covers_figures_days_and_rules_but_no_name():
    assert "anh" not in json.dumps(CLOSED.data)
    assert CLOSED.data["figures"]["agencies"]["H41"]["issued"] == [3, 1, 4, 1]
    assert (CLOSED.data["first_day"], CLOSED.data["rule_pack"]) == ("2026-07-01", "qd28-2018")
