"""REGISTRATION: the register of a sender, frozen in the transaction of the verdict; held documents and two at once."""

from __future__ import annotations

import pytest

from hub import checks
from hub.domain.changes import DocumentState
from hub.domain.consignments import ConsignmentState
from hub.domain.envelopes import BusinessType
from hub.domain.findings import Finding, Severity
from hub.domain.groups import Group, GroupKind
from hub.stations import judge_again, route
from hub.store import documents, groups
from tests.stations.conftest import Crash, at_once, snapshot
from tests.support import changes
from tests.support.scenes import document, signed, unsigned

ALL = ("H41", "H14")
ROUNDS = 3
LEFT_OUT = {
    DocumentState.RECALLED: "change.others_hold",
    DocumentState.REPLACED: "change.replacer_not_addressed",
}


class Waiting:
    """A check that cannot tell about new documents until it was told what to say; changes it lets through."""

    def __init__(self) -> None:
        self.severity: Severity | None = Severity.TRY_LATER

    def judge(self, candidate) -> list[Finding]:
        is_new = candidate.reading.envelope.business.business_type is BusinessType.NEW
        found = Finding("signature", "signature.absent", self.severity, "", {"agency": "?"}) if self.severity else None
        return [found] if found and is_new else []


@pytest.fixture
def waiting(monkeypatch) -> Waiting:
    check = Waiting()
    monkeypatch.setattr("hub.checks.ORDER", (*checks.ORDER, check))
    return check


def codes(consignment) -> set[str]:
    return {finding.code for finding in consignment.findings if finding.severity in ("error", "try_later")}


def registered(scene, consignment) -> documents.Document:
    with scene.database.reading() as connection:
        found = documents.get(connection, consignment.document_ref)
    assert found is not None
    return found


def test_the_first_sending_enters_the_document_and_the_next_refers_to_it(scene):
    first, _ = scene.placed(1, to=("H41",))
    again = scene.accepted(1, to=("H14",))
    assert first.document_ref == again.document_ref == first.id
    row = registered(scene, first)
    assert (row.sender_key, row.document_id, row.state) == ("G22", first.document_id, DocumentState.LIVE)
    assert (row.notation, row.subject) == ("1/CV", "V/v thử nghiệm")


def test_a_recall_freezes_at_once_and_not_when_it_is_routed(scene):
    original, _ = scene.placed(1, to=ALL)
    recall = scene.post(changes.recall(original, to=ALL)).consignment
    assert registered(scene, recall).state is DocumentState.RECALLED
    assert scene.consignment(recall.id).state is ConsignmentState.ACCEPTED
    assert codes(scene.post(signed(document(1, to=("H41.1.2",)))).consignment) == {"change.already_recalled"}


@pytest.mark.parametrize("everywhere", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        (changes.recall, DocumentState.RECALLED),
        (lambda original, *, to: changes.replacement(original, 2, to=to), DocumentState.REPLACED),
    ],
    ids=["recall", "replacement"],
)
def test_a_change_that_names_a_group_freezes_only_when_the_group_holds_every_holder(scene, everywhere, change):
    original, _ = scene.placed(1, to=ALL)
    members = ALL if everywhere else ("H41", "H41.1.2")
    with scene.database.writing() as transaction:
        groups.keep(transaction, Group("NHOM", "Nhóm", GroupKind.MEMBERS), members=members, now=scene.hub.now())
    make, frozen = change
    answer = scene.post(make(original, to=("NHOM",)))
    assert answer.consignment.state is ConsignmentState.ACCEPTED
    assert registered(scene, original).state is (frozen if everywhere else DocumentState.LIVE)
    warned = changes.codes(answer) & set(LEFT_OUT.values())
    assert warned == (set() if everywhere else {LEFT_OUT[frozen]})
    scene.drain()
    expected = {"H41": "withdrawn", "H14": "withdrawn" if everywhere else "waiting"}
    assert changes.holdings(scene, original) == expected


def test_an_update_describes_the_document_anew(scene):
    original, _ = scene.placed(1, to=ALL)
    update = scene.post(changes.update(original, to=ALL, subject="V/v đính chính")).consignment
    row = registered(scene, original)
    assert (row.subject, row.described_by, row.state) == ("V/v đính chính", update.id, DocumentState.LIVE)
    assert row.sent_at == original.received_at


def test_an_update_of_recipients_alone_leaves_the_description(scene):
    original, _ = scene.placed(1, to=("H41",))
    scene.post(changes.update(original, to=("H41",), added=("H14",)))
    assert registered(scene, original).described_by == original.id


def test_another_agencys_recall_touches_nothing(scene):
    """T2: a recall of G22's document by H14 is refused as if the document did not exist."""
    original, made = scene.placed(1, to=ALL)
    envelope = document(1, sender="H14", to=("H41",), business_type=BusinessType.RECALL)
    body = signed(changes.replace(envelope, document_id=original.document_id))
    refused = scene.post(body, caller="H14").consignment
    scene.drain()
    assert codes(refused) == {"change.unknown_document"}
    assert registered(scene, original).state is DocumentState.LIVE
    assert [one.id for one in scene.inbox("H41")] == [made["H41"].id]


@pytest.mark.parametrize("verdict", ["accepted", "rejected"])
def test_a_recall_of_a_held_document_is_held_and_shares_its_fate(scene, waiting, verdict):
    original = scene.post(unsigned(document(1, to=ALL))).consignment
    assert original.state is ConsignmentState.HELD
    recall = scene.post(changes.recall(original, to=ALL)).consignment
    assert (recall.state, codes(recall)) == (ConsignmentState.HELD, {"change.document_held"})
    judge_again.run(recall.id, scene.hub)
    assert scene.consignment(recall.id).state is ConsignmentState.HELD
    waiting.severity = None if verdict == "accepted" else Severity.ERROR
    judge_again.run(original.id, scene.hub)
    judge_again.run(recall.id, scene.hub)
    scene.drain()
    assert scene.inbox("H41") == scene.inbox("H14") == []
    ended = scene.consignment(recall.id)
    if verdict == "accepted":
        assert registered(scene, ended).state is DocumentState.RECALLED
        assert scene.consignment(original.id).state is ConsignmentState.CLOSED
    else:
        assert (ended.state, codes(ended)) == (ConsignmentState.REJECTED, {"change.unknown_document"})


def test_two_recalls_at_once_are_one_recall_and_one_refusal(scene):
    for number in range(1, ROUNDS + 1):
        original, _ = scene.placed(number, to=ALL)
        bodies = [changes.recall(original, to=ALL, subject=text, seal=unsigned) for text in ("V/v một", "V/v hai")]
        waiting = list(bodies)
        answers = at_once(lambda waiting=waiting: scene.post(waiting.pop()).consignment)
        verdicts = sorted((answer.state.value, tuple(codes(answer))) for answer in answers)
        assert verdicts == [("accepted", ()), ("rejected", ("change.already_recalled",))]
        scene.drain()


def test_a_recall_and_a_sending_to_more_recipients_at_once(scene):
    """Whoever is first: nobody gets a document that is recalled, and no copy is left that nobody asked for."""
    for number in range(1, ROUNDS + 1):
        original, _ = scene.placed(number, to=("H41",))
        bodies = [changes.recall(original, to=("H41", "H14"), seal=unsigned), unsigned(document(number, to=("H14",)))]
        waiting = list(bodies)
        at_once(lambda waiting=waiting: scene.post(waiting.pop()))
        scene.drain()
        assert registered(scene, original).state is DocumentState.RECALLED
        assert scene.inbox("H41") == scene.inbox("H14") == []


@pytest.mark.parametrize("where", ["documents.move", "conversations.take_turn", "outbox.wake"])
def test_a_crash_while_it_is_entered_leaves_nothing_half(scene, monkeypatch, where):
    original, _ = scene.placed(1, to=ALL)
    body = changes.recall(original, to=ALL)
    before = snapshot(scene.database)

    def die(*_: object, **__: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(f"hub.store.{where}", die)
        with pytest.raises(Crash):
            scene.post(body)
    assert snapshot(scene.database) == before
    assert scene.post(body).consignment.state is ConsignmentState.ACCEPTED


def test_later_turns_wait_however_they_are_woken(scene):
    original = scene.accepted(1, to=("H41",))
    update = scene.post(changes.update(original, to=("H41",), subject="V/v khác")).consignment
    recall = scene.post(changes.recall(original, to=("H41",))).consignment
    for one in (recall, update, recall):
        route.run(one.id, scene.hub)
    assert {scene.consignment(one.id).state for one in (update, recall)} == {ConsignmentState.ACCEPTED}
    route.run(original.id, scene.hub)
    for one in (recall, update, recall):
        route.run(one.id, scene.hub)
    assert [scene.consignment(one.id).state is ConsignmentState.ACCEPTED for one in (update, recall)] == [False, False]
