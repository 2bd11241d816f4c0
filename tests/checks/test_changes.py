"""May this change be made: every code of the check `changes`, and what is no fault."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from hub.domain.changes import MOST_TARGETS
from hub.domain.envelopes import BusinessType, Replacement
from hub.domain.findings import Verdict
from tests.checks.conftest import said
from tests.support import changes
from tests.support.scenes import document, unsigned

NUMBERS = itertools.count(5000)
ALL = ("H41", "H14")
NONE_SUCH = 900_000  # the numbers from here are nobody's


@pytest.fixture
def original(desk):
    """A document in two inboxes."""
    kept, _ = desk.placed(next(NUMBERS), to=ALL)
    return kept


def words(judge, body: bytes, **how) -> dict[str, str]:
    return said(judge(body, **how), "change")


def done(desk, body: bytes):
    kept = desk.post(body).consignment
    assert kept.state == "accepted", kept.findings
    desk.drain()
    return kept


@pytest.mark.parametrize("make", [changes.recall, changes.update])
def test_a_change_of_a_known_document_is_no_fault(judge, original, make):
    facts = {"subject": "V/v khác"} if make is changes.update else {}
    assert words(judge, make(original, to=ALL, **facts)) == {}


def test_a_replacement_of_a_known_document_is_no_fault(judge, original):
    assert words(judge, changes.replacement(original, next(NUMBERS), to=ALL)) == {}


@pytest.mark.parametrize("kind", [BusinessType.RECALL, BusinessType.UPDATE])
def test_an_unknown_document_cannot_be_changed(judge, kind):
    body = unsigned(document(next(NUMBERS), business_type=kind))
    assert words(judge, body)["change.unknown_document"] == "error"


def test_another_agencys_document_is_like_an_unknown_one(judge, original):
    """T2: H41 recalls what G22 sent, under its own name and seal."""
    envelope = document(1, sender="H41", to=("H14",), business_type=BusinessType.RECALL)
    body = unsigned(changes.replace(envelope, document_id=original.document_id))
    found = words(judge, body, caller="H41")
    assert found["change.unknown_document"] == "error"
    assert set(found) <= {"change.unknown_document", "change.no_reason"}


def test_a_replacement_that_names_nothing(judge):
    body = unsigned(document(next(NUMBERS), business_type=BusinessType.REPLACE))
    assert words(judge, body)["change.nothing_named"] == "error"


def replacing_unknown(count: int) -> bytes:
    envelope = document(next(NUMBERS), business_type=BusinessType.REPLACE)
    named = tuple(Replacement(f"G22,2026/03/02,{NONE_SUCH + one}/CV", ()) for one in range(count))
    return unsigned(replace(envelope, business=replace(envelope.business, reason="Gộp", replacements=named)))


@pytest.mark.parametrize("over", [0, 1])
def test_a_replacement_names_no_more_than_can_be_looked_at(judge, over):
    """An abuse bound: beyond it nothing is looked up, and nothing else is said about the targets."""
    judged = judge(replacing_unknown(MOST_TARGETS + over))
    assert said(judged, "change") == {"change.too_many" if over else "change.unknown_document": "error"}
    assert len(judged.candidate.targets) == (0 if over else MOST_TARGETS)
    assert judged.verdict is Verdict.REJECTED
    if over:
        (fault,) = [one for one in judged.findings if one.code == "change.too_many"]
        assert fault.evidence == {"limit": str(MOST_TARGETS)}


def test_one_document_named_often_is_one_target(judge, original):
    envelope = document(next(NUMBERS), to=ALL, business_type=BusinessType.REPLACE)
    named = (Replacement(original.document_id, ()),) * (MOST_TARGETS + 1)
    body = unsigned(replace(envelope, business=replace(envelope.business, reason="Gộp", replacements=named)))
    assert words(judge, body) == {}


def test_a_document_cannot_replace_itself(judge, original):
    number = int(original.notation.partition("/")[0])
    assert words(judge, changes.replacement(original, number, to=ALL))["change.replaces_itself"] == "error"


def test_a_change_without_a_reason_is_warned_about(judge, original):
    number = int(original.notation.partition("/")[0])
    body = unsigned(document(number, to=ALL, business_type=BusinessType.RECALL))
    assert words(judge, body) == {"change.no_reason": "warning"}


@pytest.mark.parametrize("make", [changes.recall, changes.update])
def test_a_recalled_document_is_frozen(desk, judge, original, make):
    done(desk, changes.recall(original, to=ALL))
    facts = {"subject": "V/v khác"}
    assert words(judge, make(original, to=ALL, **facts)) == {"change.already_recalled": "error"}


def test_a_recalled_document_is_neither_sent_again_nor_replaced(desk, judge, original):
    done(desk, changes.recall(original, to=ALL))
    number = int(original.notation.partition("/")[0])
    assert words(judge, unsigned(document(number, to=("H41.1.2",)))) == {"change.already_recalled": "error"}
    replacing = changes.replacement(original, next(NUMBERS), to=ALL)
    assert words(judge, replacing) == {"change.already_recalled": "error"}


def test_a_replaced_document_is_frozen_and_its_successor_named(desk, judge, original):
    new = done(desk, changes.replacement(original, next(NUMBERS), to=ALL))
    judged = judge(changes.recall(original, to=ALL))
    (fault,) = [one for one in judged.findings if one.code == "change.already_replaced"]
    assert fault.evidence["replaced_by"] == new.document_id
    other = changes.replacement(original, next(NUMBERS), to=ALL)
    assert words(judge, other) == {"change.already_replaced": "error"}


def test_a_replacement_sent_to_more_recipients_is_no_second_replacement(desk, judge, original):
    number = next(NUMBERS)
    done(desk, changes.replacement(original, number, to=ALL))
    assert words(judge, changes.replacement(original, number, to=("H41.1.2",))) == {}


def test_a_recall_names_those_that_keep_their_copy(judge, original):
    judged = judge(changes.recall(original, to=("H41",)))
    (warned,) = [one for one in judged.findings if one.code == "change.others_hold"]
    assert (warned.evidence["agencies"], warned.evidence["count"]) == ("H14", "1")


def test_a_recall_from_who_never_had_it(judge, original):
    assert words(judge, changes.recall(original, to=("H41.1.2",))) == {"change.nobody_holds": "error"}


def test_a_second_recall_from_the_same_agency(desk, judge, original):
    done(desk, changes.recall(original, to=("H41",)))
    again = changes.recall(original, to=("H41",), subject="V/v nhắc lại")
    assert words(judge, again) == {"change.already_recalled": "error"}


def test_an_update_that_changes_nothing(judge, original):
    assert words(judge, changes.update(original, to=ALL)) == {"change.nothing_changes": "warning"}


@pytest.mark.parametrize(
    ("added", "removed", "expected"),
    [
        (("H41.1.2",), (), {}),
        (("H41",), (), {"change.had_a_copy": "error"}),
        ((), ("H41",), {}),
        ((), ("H41.1.2",), {"change.not_a_holder": "note"}),
        (("X00.99",), (), {"change.receiver_unknown": "error"}),
    ],
)
def test_the_receivers_of_an_update(judge, original, added, removed, expected):
    assert words(judge, changes.update(original, to=ALL, added=added, removed=removed)) == expected


def test_a_receiver_type_that_nobody_knows(judge, original):
    body = changes.update(original, to=ALL, added=("H41.1.2",), seal=unsigned)
    odd = body.replace(b"ReceiverType>0<", b"ReceiverType>7<")
    assert odd != body
    assert words(judge, odd) == {"change.receiver_type": "error"}


@pytest.mark.parametrize(("organs", "severity"), [(("H14",), "error"), ((), "warning")])
def test_a_replacement_must_go_to_those_who_replace(judge, original, organs, severity):
    body = changes.replacement(original, next(NUMBERS), to=("H41",), organs=organs)
    assert words(judge, body) == {"change.replacer_not_addressed": severity}
