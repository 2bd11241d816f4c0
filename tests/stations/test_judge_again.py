"""JUDGE AGAIN: a held document is judged when its evidence comes, and does not wait for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.domain.consignments import ConsignmentState
from hub.errors import PayloadsUnavailable
from hub.stations import judge_again
from hub.stations.record import JUDGE_AGAIN_AFTER
from tests.stations.conftest import Crash, WatchedPort, at_once, snapshot
from tests.support.scenes import document, genuine_document, signed


def test_held_means_no_receipt_no_wake_and_a_look_later(scene, monkeypatch):
    held, _ = scene.held(monkeypatch)
    assert scene.receipts(held.id) == []
    assert scene.owed() == []
    assert scene.consignment(held.id).next_attempt_at == held.judged_at + JUDGE_AGAIN_AFTER


def test_a_replay_of_a_held_document_gives_no_receipt_yet(scene, monkeypatch):
    scene.held(monkeypatch)
    again = scene.post(genuine_document(1))
    assert (again.replayed, again.receipt) == (True, None)


def test_without_evidence_it_is_only_put_off(scene, monkeypatch):
    held, _ = scene.held(monkeypatch)
    scene.clock.ahead = timedelta(minutes=6)
    judge_again.run(held.id, scene.hub)
    later = scene.consignment(held.id)
    assert later.state is ConsignmentState.HELD
    assert later.next_attempt_at > held.next_attempt_at
    assert scene.timeline(held.id) == ["held"]


def test_with_evidence_it_is_accepted_counted_and_routed_once(scene, monkeypatch):
    held, arrive = scene.held(monkeypatch)
    arrive()
    at_once(lambda: judge_again.run(held.id, scene.hub), workers=3)
    scene.drain()
    assert scene.consignment(held.id).state is ConsignmentState.ROUTED
    assert scene.receipts(held.id) == ["SubmissionAcceptance"]
    assert scene.counts()["G22", "sent"] == (1, 1, 0)
    assert len(scene.deliveries(held.id)) == 2


def test_a_replay_after_the_verdict_gives_that_receipt(scene, monkeypatch):
    held, arrive = scene.held(monkeypatch)
    arrive()
    judge_again.run(held.id, scene.hub)
    again = scene.post(genuine_document(1))
    assert (again.consignment.id, again.receipt.event) == (held.id, "SubmissionAcceptance")


def test_after_the_time_of_the_rule_pack_it_is_rejected_with_the_reason(scene, monkeypatch):
    held, _ = scene.held(monkeypatch)
    scene.clock.ahead = scene.hub.rules_on(held.received_at).held_expires_after + timedelta(minutes=1)
    judge_again.run(held.id, scene.hub)
    ended = scene.consignment(held.id)
    assert ended.state is ConsignmentState.REJECTED
    assert "held.expired" in {f.code for f in ended.findings}
    assert scene.receipts(held.id) == ["SubmissionRejection"]
    assert ended.next_attempt_at is None


@pytest.mark.parametrize("state", ["accepted", "rejected", "routed"])
def test_in_a_wrong_state_it_does_nothing(scene, monkeypatch, state):
    sent = scene.accepted(1)
    if state == "routed":
        scene.drain()
    if state == "rejected":
        sent = scene.post(signed(document(2, to=("NOBODY",)))).consignment
    before = snapshot(scene.database)
    judge_again.run(sent.id, scene.hub)
    judge_again.run("00000000-0000-7000-8000-000000000000", scene.hub)
    assert snapshot(scene.database) == before


@pytest.mark.parametrize("where", ["receipts.issue", "events.happened", "outbox.wake", "consignments.judged_again"])
def test_a_crash_in_the_middle_leaves_it_held(scene, monkeypatch, where):
    held, arrive = scene.held(monkeypatch)
    arrive()
    before = snapshot(scene.database)

    def die(*_: object, **__: object) -> None:
        raise Crash

    with monkeypatch.context() as patched:
        patched.setattr(f"hub.store.{where}", die)
        with pytest.raises(Crash):
            judge_again.run(held.id, scene.hub)
    assert snapshot(scene.database) == before
    judge_again.run(held.id, scene.hub)
    assert scene.consignment(held.id).state is ConsignmentState.ACCEPTED


def test_a_lost_body_is_not_now_and_the_row_stays(scene, monkeypatch):
    held, _ = scene.held(monkeypatch)
    place = next(scene.folder.glob(f"payloads/**/{held.sha256}"))
    place.rename(place.with_suffix(".lost"))
    before = snapshot(scene.database)
    with pytest.raises(PayloadsUnavailable):
        judge_again.run(held.id, scene.hub)
    assert snapshot(scene.database) == before


def test_no_port_is_called_inside_a_transaction(scene, monkeypatch, watch):
    held, arrive = scene.held(monkeypatch)
    arrive()
    judge_again.run(held.id, replace(scene.hub, payloads=WatchedPort(scene.hub.payloads, watch)))
    assert watch.calls >= 1
    assert scene.consignment(held.id).state is ConsignmentState.ACCEPTED
