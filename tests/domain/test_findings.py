"""The worst finding decides; sentences are safe to show."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.deliveries import FINAL, FIRST, RETRY_SCHEDULE, DeliveryState, wait_before
from hub.domain.deliveries import STEPS as DELIVERY_STEPS
from hub.domain.findings import Finding, Severity, Verdict, catalogue, describe, describe_error, verdict_of

SEVERITIES = st.lists(st.sampled_from(list(Severity)), max_size=6)


@given(SEVERITIES)
def test_the_worst_decides(severities):
    verdict = verdict_of([Finding("c", "x", severity) for severity in severities])
    if Severity.ERROR in severities:
        assert verdict is Verdict.REJECTED
    elif Severity.TRY_LATER in severities:
        assert verdict is Verdict.HELD
    else:
        assert verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("code", sorted(catalogue()))
def test_every_sentence_can_be_said_with_and_without_evidence(code):
    words = describe(Finding("c", code, Severity.NOTE))
    assert words.vi
    assert words.en
    assert words.fix_vi or words.fix_en == ""
    assert words.source


@given(st.text(max_size=400))
def test_what_comes_from_outside_is_made_safe(text):
    shown = describe(Finding("c", "recipient.unknown", Severity.ERROR, "", {"agency": text})).vi
    assert shown.isprintable()
    assert len(shown) < 600


def test_braces_in_evidence_are_only_text():
    shown = describe(Finding("c", "recipient.unknown", Severity.ERROR, "", {"agency": "{agency.__class__}"}))
    assert "{agency.__class__}" in shown.vi


def test_an_error_without_facts_can_be_told():
    assert describe_error("store.unavailable", {}).vi


def test_the_retry_schedule_grows_and_its_last_step_repeats():
    waits = [wait_before(attempt) for attempt in range(1, 20)]
    assert waits == sorted(waits)
    assert waits[-1] == RETRY_SCHEDULE[-1]


def test_only_a_retry_leads_out_of_an_end():
    leaving = {step for step in DELIVERY_STEPS if step[0] in FINAL}
    assert leaving == {(DeliveryState.EXPIRED, DeliveryState.DUE)}
    assert {step[1] for step in DELIVERY_STEPS} | FIRST == set(DeliveryState)
