"""The current status follows the law's order, whatever order the words come in."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.statuses import SAID_BY_RECIPIENT, Said, StatusCode, advances, current, listener, speaker

NOW = datetime(2026, 3, 2, tzinfo=UTC)
CODES = st.lists(st.sampled_from(list(StatusCode)), max_size=12)
RECALL = {StatusCode.RECALL_REQUESTED, StatusCode.CHANGE_ACCEPTED, StatusCode.CHANGE_DECLINED}


def said(codes):
    return [Said(code, NOW) for code in codes]


@given(CODES, st.randoms())
def test_the_order_of_arrival_does_not_matter(codes, random):
    shuffled = list(codes)
    random.shuffle(shuffled)
    assert current(said(codes)) == current(said(shuffled))


@given(CODES)
def test_step_by_step_and_as_a_whole_give_the_same(codes):
    now = None
    for code in codes:
        if advances(now, code):
            now = code.value
    assert now == current(said(codes))


@given(CODES)
def test_repeats_and_answers_to_recalls_change_nothing(codes):
    assert current(said(codes * 2)) == current(said(codes))
    assert current(said([code for code in codes if code not in RECALL])) == current(said(codes))


def test_nothing_said_is_nothing():
    assert current([]) is None


def test_the_recipient_says_all_but_the_recall():
    assert set(StatusCode) - SAID_BY_RECIPIENT == {StatusCode.RECALL_REQUESTED}


@pytest.mark.parametrize("code", list(StatusCode))
def test_one_of_the_two_speaks_and_the_other_listens(code):
    parties = {"owner": "G22", "recipient": "H41"}
    asks = code is StatusCode.RECALL_REQUESTED
    expected = ("G22", "H41") if asks else ("H41", "G22")
    assert (speaker(code, **parties), listener(code, **parties)) == expected
