"""DELIVER: one hand-over, through the recipient's adapter, and what each of its outcomes means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import DeliveryState, wait_before
from hub.errors import Misconfigured
from hub.ports import Delivered, HandOver, Outcome, Placed, Refused, TryLater
from hub.stations import Hub, deliver, route
from hub.store import deliveries
from tests.stations.conftest import Crash, WatchedPort, at_once, snapshot
from tests.support.scenes import genuine


class Adapter:
    """An agency's system that answers as it is told."""

    def __init__(self, answer: Callable[[], Outcome]) -> None:
        self.answer = answer
        self.asked: list[HandOver] = []

    def hand_over(self, work: HandOver) -> Outcome:
        self.asked.append(work)
        return self.answer()


def hub_with(scene, outcome: Outcome) -> tuple[Hub, Adapter]:
    adapter = Adapter(lambda: outcome)
    return replace(scene.hub, agencies={"mailbox": adapter}), adapter


def due(scene, *, to: str = "H41", **facts):
    sent = scene.accepted(1, to=(to,), **facts)
    route.run(sent.id, scene.hub)
    return scene.deliveries(sent.id)[to]


def test_the_mailbox_places_it_in_the_inbox_and_rings(scene):
    token = scene.database.bell.token("inbox:H41")
    one = due(scene)
    deliver.run(one.id, scene.hub)
    assert [d.id for d in scene.inbox("H41")] == [one.id]
    placed = scene.delivery(one.id)
    assert (placed.state, placed.position, placed.attempts) == (DeliveryState.IN_HAND, 1, 1)
    assert placed.next_attempt_at is None
    if scene.database.is_sqlite:
        assert scene.database.bell.wait("inbox:H41", token, timeout_seconds=1)


def test_the_adapter_is_told_what_it_needs(scene):
    hub, adapter = hub_with(scene, Placed())
    one = due(scene)
    deliver.run(one.id, hub)
    (work,) = adapter.asked
    assert (work.delivery_id, work.recipient, work.sender, work.attempt) == (one.id, "H41", "G22", 1)
    assert scene.hub.payloads.holds(work.sha256)


@pytest.mark.parametrize("outcome", [Placed(), Delivered("OK"), Refused("không nhận"), TryLater("bận")])
def test_a_second_call_does_nothing_more(scene, outcome):
    hub, _ = hub_with(scene, outcome)
    one = due(scene)
    deliver.run(one.id, hub)
    before = snapshot(scene.database)
    if not isinstance(outcome, TryLater):
        deliver.run(one.id, hub)
        assert snapshot(scene.database) == before
    assert scene.timeline(one.consignment_id).count("deferred") == int(isinstance(outcome, TryLater))


@pytest.mark.parametrize("state", ["in_hand", "handed_over", "refused", "already_held"])
def test_in_a_wrong_state_the_adapter_is_not_asked(scene, state):
    hub, adapter = hub_with(scene, Placed())
    one = due(scene)
    with scene.database.writing() as transaction:
        deliveries.change(transaction, one.id, state=state)
    before = snapshot(scene.database)
    deliver.run(one.id, hub)
    assert (snapshot(scene.database), adapter.asked) == (before, [])


def test_an_unknown_id_does_nothing(scene):
    before = snapshot(scene.database)
    deliver.run("00000000-0000-7000-8000-000000000000", scene.hub)
    assert snapshot(scene.database) == before


@pytest.mark.parametrize("outcome", [Placed(), Delivered("OK"), Refused("không nhận"), TryLater("bận")])
def test_two_deliverers_at_once_have_the_effect_once(scene, outcome):
    hub, _ = hub_with(scene, outcome)
    one = due(scene)
    assert at_once(lambda: deliver.run(one.id, hub), workers=3) == [None] * 3
    ended = scene.timeline(one.consignment_id)
    kinds = {"Placed": "placed", "Delivered": "handed_over", "Refused": "refused", "TryLater": "deferred"}
    happened = ended.count(kinds[type(outcome).__name__])
    assert happened == scene.delivery(one.id).attempts or happened == 1


def test_a_late_wish_to_try_later_counts_one_attempt(scene):
    """Two deliverers asked at once and both were told to come later: that was one attempt, not two."""
    one = due(scene)
    inner = Adapter(lambda: TryLater("bận"))
    hub = replace(scene.hub, agencies={"mailbox": inner})
    outer = Adapter(lambda: (deliver.run(one.id, hub), TryLater("bận"))[1])
    deliver.run(one.id, replace(scene.hub, agencies={"mailbox": outer}))
    assert scene.delivery(one.id).attempts == 1
    assert scene.timeline(one.consignment_id).count("deferred") == 1


def test_delivered_after_another_was_told_to_wait_still_counts(scene):
    one = due(scene)
    late = replace(scene.hub, agencies={"mailbox": Adapter(lambda: TryLater("bận"))})
    taken = Adapter(lambda: (deliver.run(one.id, late), Delivered("OK"))[1])
    deliver.run(one.id, replace(scene.hub, agencies={"mailbox": taken}))
    assert scene.delivery(one.id).state is DeliveryState.HANDED_OVER


def test_delivered_gives_receipt_count_and_closes(scene):
    hub, _ = hub_with(scene, Delivered("đã nhận"))
    one = due(scene, page=genuine("G22"))
    deliver.run(one.id, hub)
    assert scene.delivery(one.id).state is DeliveryState.HANDED_OVER
    assert scene.receipts(one.consignment_id)[-2:] == ["ContentHandover", "BusinessStatus"]
    assert scene.consignment(one.consignment_id).state is ConsignmentState.CLOSED
    scene.drain()
    assert scene.counts()["H41", "received"] == (1, 1, 0)


def test_refused_gives_a_receipt_with_the_reason_and_no_count(scene):
    hub, _ = hub_with(scene, Refused("sai thẩm quyền"))
    one = due(scene)
    deliver.run(one.id, hub)
    ended = scene.delivery(one.id)
    assert (ended.state, ended.reason) == (DeliveryState.REFUSED, "sai thẩm quyền")
    assert scene.receipts(one.consignment_id)[-1] == "ContentHandoverFailure"
    scene.drain()
    assert ("H41", "received") not in scene.counts()


def test_the_schedule_of_attempts_and_the_agencys_own_wish(scene):
    one = due(scene)
    hub, _ = hub_with(scene, TryLater("bận"))
    for attempt in (1, 2):
        deliver.run(one.id, hub)
        waits = scene.delivery(one.id)
        assert waits.attempts == attempt
        left = waits.next_attempt_at - scene.hub.now()
        assert wait_before(attempt) - timedelta(seconds=5) < left <= wait_before(attempt)
    wished, _ = hub_with(scene, TryLater("bận", after=timedelta(hours=5)))
    deliver.run(one.id, wished)
    assert scene.delivery(one.id).next_attempt_at - scene.hub.now() > timedelta(hours=4)


@pytest.mark.parametrize("where", ["deliveries.move", "deliveries.next_position", "events.happened"])
def test_a_crash_in_the_middle_leaves_it_due(scene, monkeypatch, where):
    one = due(scene)
    before = snapshot(scene.database)
    with monkeypatch.context() as patched:
        patched.setattr(f"hub.store.{where}", _die)
        with pytest.raises(Crash):
            deliver.run(one.id, scene.hub)
    assert snapshot(scene.database) == before
    deliver.run(one.id, scene.hub)
    assert scene.delivery(one.id).position == 1


@pytest.mark.parametrize("where", ["receipts.issue", "events.happened", "outbox.wake", "consignments.close_if_ended"])
def test_a_crash_while_handing_over_leaves_it_due(scene, monkeypatch, where):
    hub, _ = hub_with(scene, Delivered())
    one = due(scene)
    before = snapshot(scene.database)
    monkeypatch.setattr(f"hub.store.{where}", _die)
    with pytest.raises(Crash):
        deliver.run(one.id, hub)
    assert snapshot(scene.database) == before


def test_no_port_is_called_inside_a_transaction(scene, watch):
    hub, adapter = hub_with(scene, Placed())
    one = due(scene)
    deliver.run(one.id, replace(hub, agencies={"mailbox": WatchedPort(adapter, watch)}))
    assert watch.calls == 1


def test_a_missing_adapter_is_named_and_the_row_stays(scene):
    one = due(scene)
    before = snapshot(scene.database)
    with pytest.raises(Misconfigured, match="mailbox"):
        deliver.run(one.id, replace(scene.hub, agencies={}))
    assert snapshot(scene.database) == before


def _die(*_: object, **__: object) -> None:
    raise Crash
