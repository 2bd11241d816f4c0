"""The words of the radar: every cause names exactly one who must act."""

from __future__ import annotations

from hub.domain.causes import CERTIFICATE_CODES, FOR_THE_HUB, FOR_THE_SENDER, StuckCause
from hub.domain.deliveries import Cause
from hub.domain.findings import catalogue

LONGEST = 24  # characters of radar_marks.cause


def test_nobody_shares_a_cause() -> None:
    assert FOR_THE_HUB.isdisjoint(FOR_THE_SENDER)


def test_the_cause_of_an_attempt_is_a_cause_of_the_radar() -> None:
    assert {cause.value for cause in Cause} - {""} <= {cause.value for cause in StuckCause}


def test_a_cause_fits_into_the_memory_of_the_radar() -> None:
    assert max(len(cause.value) for cause in StuckCause) <= LONGEST


def test_every_cause_has_its_sentences_and_every_sentence_its_cause() -> None:
    told = {code.removeprefix("radar.") for code in catalogue() if code.startswith("radar.")}
    assert told == {cause.value for cause in StuckCause}


def test_the_findings_that_a_new_certificate_ends_are_findings() -> None:
    assert set(CERTIFICATE_CODES) <= set(catalogue())
