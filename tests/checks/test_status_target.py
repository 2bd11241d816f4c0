"""status_target: each code has one party that may say it; everybody else gets the same answer (T2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.domain.statuses import ANSWERS, SAID_BY_RECIPIENT
from tests.checks.conftest import said
from tests.support.scenes import document, signed, status_of, unsigned

BY_RECIPIENT = sorted(code.value for code in SAID_BY_RECIPIENT)
NOT_A_PARTY = {"status.unknown_document": "error"}


@pytest.fixture(scope="module")
def sent(desk):
    """A document of G22 that H41 has received."""
    sent = desk.post(signed(document(70, to=("H41",)))).consignment
    desk.drain()
    return sent


@pytest.mark.parametrize("code", BY_RECIPIENT)
def test_the_recipient_says_all_but_13(judge, sent, code):
    warned = {"status.nothing_to_answer": "warning"} if code in ANSWERS else {}  # nobody has asked for a change
    assert said(judge(unsigned(status_of(sent, code, said_by="H41")), caller="H41"), "status") == warned


def test_the_owner_says_13(judge, sent):
    assert said(judge(unsigned(status_of(sent, "13", said_by="G22", to="H41"))), "status") == {}


@pytest.mark.parametrize("code", BY_RECIPIENT)
def test_the_owner_does_not_answer_for_the_recipient(judge, sent, code):
    for to in ("H41", "G22"):
        assert said(judge(unsigned(status_of(sent, code, said_by="G22", to=to))), "status") == NOT_A_PARTY


def test_the_recipient_does_not_ask_for_it_back(judge, sent):
    for to in ("H41", "G22"):
        judged = judge(unsigned(status_of(sent, "13", said_by="H41", to=to)), caller="H41")
        assert said(judged, "status") == NOT_A_PARTY


@pytest.mark.parametrize("code", ["01", "13", "15"])
def test_a_stranger_learns_nothing(judge, sent, code):
    """T2: the answer is the same for a document that exists and for one that does not."""
    unknown = replace(sent, document_id="G22,2026/03/02,71/CV")
    real = judge(unsigned(status_of(sent, code, said_by="H14", to="G22")), caller="H14")
    invented = judge(unsigned(status_of(unknown, code, said_by="H14", to="G22")), caller="H14")
    assert said(real, "status") == said(invented, "status") == NOT_A_PARTY


@pytest.mark.parametrize("code", ["07", "14", "00", "1", "", "15 "])
def test_a_code_that_does_not_exist(judge, sent, code):
    found = said(judge(unsigned(status_of(sent, code, said_by="H41")), caller="H41"), "status")
    assert ("status.unknown_code" in found) is (code != "15 ")  # blanks are trimmed by the reader
