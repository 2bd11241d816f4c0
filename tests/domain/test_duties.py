"""Duties: which word of the recipient ends which."""

from __future__ import annotations

import pytest

from hub.domain.duties import CHANGES, GIVING_UP, DutyKind, met_by
from hub.domain.statuses import StatusCode

FIRST = {DutyKind.AT_ONCE, DutyKind.RECEIPT}


@pytest.mark.parametrize(
    ("code", "ended"),
    [
        (StatusCode.ARRIVED, FIRST),
        (StatusCode.RECEIVED_BY_AGENCY, FIRST),
        (StatusCode.ASSIGNED, FIRST),
        (StatusCode.IN_PROGRESS, FIRST),
        (StatusCode.DECLINED, FIRST | {DutyKind.PROCESSING}),
        (StatusCode.COMPLETED, FIRST | {DutyKind.PROCESSING}),
        (StatusCode.CHANGE_ACCEPTED, FIRST),
        (StatusCode.CHANGE_DECLINED, FIRST),
        (StatusCode.RECALL_REQUESTED, set()),
    ],
)
def test_what_each_status_ends(code, ended):
    assert met_by(code) == ended


def test_every_code_is_in_the_table_above():
    assert len(StatusCode) == 9


@pytest.mark.parametrize("code", StatusCode)
def test_no_status_ends_a_change_or_a_sending_by_itself(code):
    assert not met_by(code) & (CHANGES | {DutyKind.SENDING})


def test_an_update_leaves_the_recipient_its_copy():
    assert {DutyKind.UPDATE} == CHANGES - GIVING_UP
