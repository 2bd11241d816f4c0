"""CHANGE: take-back, and the order of what is sent about one document when workers are many, die or race."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from hub.domain.changes import DocumentState
from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import DeliveryState
from hub.domain.duties import DutyKind
from hub.domain.envelopes import BusinessType
from hub.domain.statuses import StatusCode
from hub.errors import CopyGone, HubError
from hub.processes import clock
from hub.stations import deliver, route, status
from hub.stations.status import StatusSaid
from tests.stations.conftest import Crash, at_once, snapshot
from tests.support import changes
from tests.support.changes import (
    away,
    codes,
    drained,
    fetch,
    holdings,
    owed,
    said,
    sent,
    state_of,
    taken,
    together,
)
from tests.support.scenes import document, unsigned

ALL = ("H41", "H14")
RACES = 5
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the machine runs on both


# Take-back


@ON_SQLITE
@pytest.mark.parametrize(("code", "holding"), [("15", "cancelled"), ("16", "keeps")])
def test_a_take_back_is_answered(scene, code, holding):
    original, made = scene.placed(1, to=ALL)
    taken(scene, made["H41"])
    sent(scene, changes.take_back(original, "H41"))
    assert owed(scene, made["H41"]) == [DutyKind.TAKE_BACK]
    assert holdings(scene, original) == {"H41": "giving_up_asked", "H14": "waiting"}
    assert state_of(scene, original) is DocumentState.LIVE
    said(scene, made["H41"], code)
    assert holdings(scene, original)["H41"] == holding


@ON_SQLITE
def test_a_take_back_of_what_was_not_taken_withdraws_it_and_needs_no_message(scene):
    original, made = scene.placed(1, to=("H41",))
    asked = sent(scene, changes.take_back(original, "H41"))
    assert scene.delivery(made["H41"].id).state is DeliveryState.WITHDRAWN
    assert scene.deliveries(asked.id)["H41"].state is DeliveryState.NEEDLESS
    assert asked.state is ConsignmentState.CLOSED
    assert scene.inbox("H41") == []


@ON_SQLITE
def test_the_same_take_back_after_its_answer_asks_nothing_new(scene):
    original, made = scene.placed(1, to=("H41",))
    taken(scene, made["H41"])
    sent(scene, changes.take_back(original, "H41"))
    said(scene, made["H41"], "16")
    sent(scene, changes.take_back(original, "H41", seal=unsigned))  # the same word and time in another message
    assert owed(scene, made["H41"]) == []


@ON_SQLITE
def test_a_take_back_before_the_original_is_routed_is_not_lost(scene):
    original = scene.accepted(1, to=("H41",))
    answer = scene.post(changes.take_back(original, "H41"))
    assert codes(answer) == {"status.document_not_routed"} | codes(answer) & {"signature.absent"}
    assert answer.consignment.state is ConsignmentState.HELD
    scene.drain()
    scene.clock.ahead = timedelta(minutes=6)
    clock.tick(scene.hub)
    scene.drain()
    assert scene.deliveries(original.id)["H41"].state is DeliveryState.WITHDRAWN
    assert scene.inbox("H41") == []


# Order


def test_a_recall_racing_a_fetch_ends_one_way_or_the_other(scene):
    """Either the recipient has the bytes and owes an answer, or it has nothing and the copy is gone."""
    for number in range(1, RACES + 1):
        original, made = scene.placed(number, to=("H41",))
        recall = scene.post(changes.recall(original, to=("H41",), seal=unsigned)).consignment
        works = [lambda d=made["H41"]: fetch(scene, d), lambda r=recall.id: route.run(r, scene.hub)]
        got = next(one for one in together(works) if one is not None)
        asked = owed(scene, made["H41"]) == [DutyKind.RECALL]
        withdrawn = scene.delivery(made["H41"].id).state is DeliveryState.WITHDRAWN
        assert (got, asked, withdrawn) in [(True, True, False), (False, False, True)]
        scene.drain()


def test_a_recall_racing_an_acknowledgement_ends_one_way_or_the_other(scene):
    for number in range(1, RACES + 1):
        original, made = scene.placed(number, to=("H41",))
        recall = scene.post(changes.recall(original, to=("H41",), seal=unsigned)).consignment

        def acknowledged(delivery=made["H41"]):
            try:
                return taken(scene, delivery) or "taken"
            except CopyGone:
                return "gone"

        works = [acknowledged, lambda r=recall.id: route.run(r, scene.hub)]
        (answer,) = [one for one in together(works) if one]
        now = scene.delivery(made["H41"].id).state
        assert (answer, now) in [("taken", DeliveryState.HANDED_OVER), ("gone", DeliveryState.WITHDRAWN)]
        assert owed(scene, made["H41"]) == ([DutyKind.RECALL] if answer == "taken" else [])
        scene.drain()


def test_a_notice_waits_behind_the_document_that_cannot_be_handed_over_yet(scene):
    original = scene.accepted(1, to=("H41",))
    drained(scene, away(scene, "H41"))
    update = scene.post(changes.update(original, to=("H41",), subject="V/v khác")).consignment
    scene.drain()
    notice, copy = scene.deliveries(update.id)["H41"], scene.deliveries(original.id)["H41"]
    assert at_once(lambda: deliver.run(notice.id, scene.hub), workers=3) == [None] * 3
    assert (scene.inbox("H41"), scene.delivery(notice.id).attempts) == ([], 0)
    deliver.run(copy.id, scene.hub)
    assert [one.id for one in scene.inbox("H41")] == [copy.id]
    scene.drain()
    assert [one.id for one in scene.inbox("H41")] == [copy.id, notice.id]


@ON_SQLITE
def test_a_worker_that_dies_before_it_wrote_leaves_the_order_as_it_was(scene, monkeypatch):
    original = scene.accepted(1, to=("H41",))
    update = scene.post(changes.update(original, to=("H41",), subject="V/v khác")).consignment
    scene.drain(only=("route",))
    copy, notice = scene.deliveries(original.id)["H41"], scene.deliveries(update.id)["H41"]
    before = snapshot(scene.database)
    with monkeypatch.context() as patched:
        patched.setattr("hub.stations.deliver.place", _die)
        with pytest.raises(Crash):
            deliver.run(copy.id, scene.hub)
    deliver.run(notice.id, scene.hub)
    assert snapshot(scene.database) == before
    scene.drain()
    assert [one.id for one in scene.inbox("H41")] == [copy.id, notice.id]


@pytest.mark.parametrize("where", ["duties.open_all", "deliveries.move", "receipts.issue", "outbox.wake"])
def test_a_crash_in_the_middle_of_a_recall_leaves_nothing_half(scene, monkeypatch, where):
    original, made = scene.placed(1, to=ALL)
    taken(scene, made["H14"])
    recall = scene.post(changes.recall(original, to=ALL)).consignment
    before = snapshot(scene.database)
    with monkeypatch.context() as patched:
        patched.setattr(f"hub.store.{where}", _die)
        with pytest.raises(Crash):
            route.run(recall.id, scene.hub)
    assert snapshot(scene.database) == before
    scene.drain()
    assert holdings(scene, original) == {"H41": "withdrawn", "H14": "giving_up_asked"}


def _die(*_: object, **__: object) -> None:
    raise Crash


def test_two_routers_of_one_recall_have_its_effect_once(scene):
    original, made = scene.placed(1, to=ALL)
    taken(scene, made["H14"])
    recall = scene.post(changes.recall(original, to=ALL)).consignment
    assert at_once(lambda: route.run(recall.id, scene.hub), workers=3) == [None] * 3
    assert owed(scene, made["H14"]) == [DutyKind.RECALL]
    assert scene.receipts(original.id).count("ContentWithdrawal") == 1


@ON_SQLITE
def test_different_documents_do_not_wait_for_each_other(scene):
    first = scene.accepted(1, to=("H41",))
    drained(scene, away(scene, "H41"))
    scene.post(changes.update(first, to=("H41",), subject="V/v khác"))
    second = scene.accepted(2, to=("H41",))
    change = scene.post(changes.update(second, to=("H41",), subject="V/v khác nữa")).consignment
    scene.drain()
    assert [one.consignment_id for one in scene.inbox("H41")] == [second.id, change.id]


def test_all_stations_on_one_document_at_once_never_wait_in_a_circle(postgres_scene):
    scene = postgres_scene
    for number in range(1, 4):
        original, made = scene.placed(number, to=("H41", "H14", "H41.1.2"))
        for one in made.values():
            fetch(scene, one)
        asked = scene.post(changes.update(original, to=("H41", "H14"), subject="V/v khác", seal=unsigned)).consignment
        scene.drain()
        notice = scene.deliveries(asked.id)["H14"]
        recall = scene.post(changes.recall(original, to=tuple(made), seal=unsigned)).consignment
        works = [
            lambda r=recall.id: route.run(r, scene.hub),
            lambda d=made["H41"]: taken(scene, d),
            lambda d=made["H14"]: said(scene, d, "03"),
            lambda d=notice: said(scene, d, "15"),
            lambda d=notice: taken(scene, d),
            lambda d=made["H41.1.2"]: said(scene, d, "06"),
        ]
        together(works)
        assert scene.consignment(recall.id).state is ConsignmentState.ROUTED
        scene.drain()


def test_a_second_replacement_and_an_answer_to_the_first_never_wait_in_a_circle(postgres_scene):
    """The answer about the first replacement locks that and then the old copy; so must the second replacement."""
    scene = postgres_scene
    for number in range(10, 40, 10):
        original, made = scene.placed(number, to=ALL)
        for one in made.values():
            taken(scene, one)
        first = sent(scene, changes.replacement(original, number + 1, to=ALL, organs=("H41",), seal=unsigned))
        newer = scene.deliveries(first.id)["H41"]
        taken(scene, newer)
        second = scene.post(both_replaced(original, first, number + 2)).consignment
        assert second.state is ConsignmentState.ACCEPTED
        together([lambda r=second.id: route.run(r, scene.hub), lambda d=newer: said(scene, d, "15")])
        scene.drain()


def both_replaced(old, new, number: int) -> bytes:
    envelope = document(number, to=ALL, business_type=BusinessType.REPLACE)
    replaced = tuple(changes.Replacement(one.document_id, ()) for one in (old, new))
    return unsigned(replace(envelope, business=replace(envelope.business, reason="Gộp", replacements=replaced)))


@ON_SQLITE
def test_a_status_of_long_ago_does_not_move_the_copy_backwards(scene):
    original, made = scene.placed(1, to=("H41",))
    said(scene, made["H41"], "06")
    early = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
    word = StatusSaid(made["H41"].id, "H41", StatusCode.RECEIVED_BY_AGENCY, "", early)
    status.run(word, scene.hub)
    assert scene.delivery(made["H41"].id).status_code == "06"
    assert state_of(scene, original) is DocumentState.LIVE


@ON_SQLITE
def test_nobody_else_answers_a_recall(scene):
    """T2: the answer of another recipient, or of the owner itself, is as if the copy did not exist."""
    original, made = scene.placed(1, to=ALL)
    taken(scene, made["H41"])
    sent(scene, changes.recall(original, to=ALL))
    for who in ("H14", "G22"):
        with pytest.raises(HubError):
            status.run(StatusSaid(made["H41"].id, who, StatusCode.CHANGE_ACCEPTED, "", None), scene.hub)
    assert owed(scene, made["H41"]) == [DutyKind.RECALL]
