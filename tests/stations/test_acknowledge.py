"""ACKNOWLEDGE: taken, refused, handled; said late, twice or by the wrong party."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import DeliveryState
from hub.domain.statuses import StatusCode
from hub.errors import DigestDiffers, IllegalTransition, NoSuchThing
from hub.stations import acknowledge, route
from hub.stations.acknowledge import Acknowledgement, StatusSaid
from hub.store import deliveries
from tests.stations.conftest import Crash, at_once, snapshot
from tests.support.scenes import genuine

SAID_AT = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)


def said(delivery, code, *, by="H41", at=SAID_AT):
    return StatusSaid(delivery.id, by, StatusCode(code), "ghi chú", at)


@pytest.fixture
def lying(scene):
    """A delivery in the inbox of H41, the only recipient."""
    _, made = scene.placed(1, to=("H41",), page=genuine("G22"))
    return made["H41"]


def test_taken_closes_the_consignment_and_counts(scene, lying):
    receipt = acknowledge.run(Acknowledgement(lying.id, "H41"), scene.hub)
    assert (receipt.event, receipt.delivery_id) == ("ContentHandover", lying.id)
    assert scene.delivery(lying.id).state is DeliveryState.HANDED_OVER
    assert scene.consignment(lying.consignment_id).state is ConsignmentState.CLOSED
    assert scene.timeline(lying.consignment_id)[-2:] == ["handed_over", "closed"]
    assert scene.inbox("H41") == []
    scene.drain()
    assert scene.counts()["H41", "received"] == (1, 1, 0)


def test_the_consignment_stays_open_until_the_last_has_taken_it(scene):
    sent, made = scene.placed(1, to=("H41", "H14"))
    acknowledge.run(Acknowledgement(made["H41"].id, "H41"), scene.hub)
    assert scene.consignment(sent.id).state is ConsignmentState.ROUTED
    acknowledge.run(Acknowledgement(made["H14"].id, "H14", taken=False, reason="nhầm"), scene.hub)
    assert scene.consignment(sent.id).state is ConsignmentState.CLOSED


@pytest.mark.parametrize("taken", [True, False])
def test_said_again_it_gives_the_same_receipt(scene, lying, taken):
    words = Acknowledgement(lying.id, "H41", taken=taken, reason="" if taken else "sai nơi nhận")
    first = acknowledge.run(words, scene.hub)
    before = snapshot(scene.database)
    assert acknowledge.run(words, scene.hub) == first
    assert snapshot(scene.database) == before


@pytest.mark.parametrize("taken", [True, False])
def test_said_by_many_at_once_it_is_one_receipt(scene, lying, taken):
    words = Acknowledgement(lying.id, "H41", taken=taken, reason="-")
    results = at_once(lambda: acknowledge.run(words, scene.hub), workers=6)
    assert len({receipt.jws for receipt in results}) == 1
    assert len(scene.receipts(lying.consignment_id)) == 2


def test_two_recipients_at_once_close_it_once(scene):
    sent, made = scene.placed(1, to=("H41", "H14"))
    waiting = [Acknowledgement(made[code].id, code) for code in ("H41", "H14")]
    at_once(lambda: acknowledge.run(waiting.pop(), scene.hub))
    assert scene.consignment(sent.id).state is ConsignmentState.CLOSED
    assert scene.timeline(sent.id).count("closed") == 1


def test_taken_then_refused_is_no_way(scene, lying):
    acknowledge.run(Acknowledgement(lying.id, "H41"), scene.hub)
    before = snapshot(scene.database)
    with pytest.raises(IllegalTransition):
        acknowledge.run(Acknowledgement(lying.id, "H41", taken=False, reason="-"), scene.hub)
    assert snapshot(scene.database) == before


def test_what_is_not_in_the_inbox_yet_cannot_be_taken(scene):
    sent = scene.accepted(1, to=("H41",))
    route.run(sent.id, scene.hub)
    with pytest.raises(IllegalTransition):
        acknowledge.run(Acknowledgement(scene.deliveries(sent.id)["H41"].id, "H41"), scene.hub)


def test_the_right_digest_is_welcome_and_a_wrong_one_refused(scene, lying):
    kept = scene.consignment(lying.consignment_id).sha256
    with pytest.raises(DigestDiffers):
        acknowledge.run(Acknowledgement(lying.id, "H41", sha256="0" * 64), scene.hub)
    assert scene.delivery(lying.id).state is DeliveryState.IN_HAND
    acknowledge.run(Acknowledgement(lying.id, "H41", sha256=kept.upper()), scene.hub)


@pytest.mark.parametrize("who", ["H14", "G22", "NOBODY"])
def test_nobody_else_may_say_it(scene, lying, who):
    before = snapshot(scene.database)
    with pytest.raises(NoSuchThing):
        acknowledge.run(Acknowledgement(lying.id, who), scene.hub)
    with pytest.raises(NoSuchThing):
        acknowledge.status(said(lying, "01", by=who), scene.hub)
    assert snapshot(scene.database) == before


def test_an_unknown_delivery_is_no_thing(scene):
    with pytest.raises(NoSuchThing):
        acknowledge.run(Acknowledgement("00000000-0000-7000-8000-000000000000", "H41"), scene.hub)


@pytest.mark.parametrize("where", ["receipts.issue", "events.happened", "outbox.wake", "consignments.close_if_ended"])
def test_a_crash_in_the_middle_leaves_it_in_the_inbox(scene, lying, monkeypatch, where):
    before = snapshot(scene.database)
    with monkeypatch.context() as patched:
        patched.setattr(f"hub.store.{where}", _die)
        with pytest.raises(Crash):
            acknowledge.run(Acknowledgement(lying.id, "H41"), scene.hub)
    assert snapshot(scene.database) == before
    acknowledge.run(Acknowledgement(lying.id, "H41"), scene.hub)


@pytest.mark.parametrize("where", ["receipts.issue", "events.happened", "deliveries.change", "deliveries.add_status"])
def test_a_crash_while_a_status_is_kept_leaves_nothing(scene, lying, monkeypatch, where):
    before = snapshot(scene.database)
    with monkeypatch.context() as patched:
        patched.setattr(f"hub.store.{where}", _die)
        with pytest.raises(Crash):
            acknowledge.status(said(lying, "03"), scene.hub)
    assert snapshot(scene.database) == before
    assert acknowledge.status(said(lying, "03"), scene.hub).receipt.event == "BusinessStatus"


@pytest.mark.parametrize("at", [SAID_AT, None])
def test_a_status_said_twice_is_kept_once_with_one_receipt(scene, lying, at):
    first = acknowledge.status(said(lying, "01", at=at), scene.hub)
    before = snapshot(scene.database)
    again = acknowledge.status(said(lying, "01", at=at), scene.hub)
    assert (first.new, again.new) == (True, False)
    assert (again.entry, again.receipt) == (first.entry, first.receipt)
    assert snapshot(scene.database) == before


def test_without_a_time_only_the_last_word_is_a_repetition(scene, lying):
    words = [acknowledge.status(said(lying, code, at=None), scene.hub).new for code in ("05", "06", "06", "05")]
    assert words == [True, True, False, True]
    other = StatusSaid(lying.id, "H41", StatusCode("05"), "lý do khác", None)
    assert acknowledge.status(other, scene.hub).new


def test_a_status_said_by_many_at_once_is_kept_once(scene, lying):
    results = at_once(lambda: acknowledge.status(said(lying, "01"), scene.hub), workers=6)
    assert sum(recorded.new for recorded in results) == 1
    assert len({recorded.receipt.jws for recorded in results}) == 1
    assert scene.receipts(lying.consignment_id).count("BusinessStatus") == 1


@pytest.mark.parametrize("order", list(itertools.permutations(["01", "03", "06"])))
def test_statuses_in_every_order_end_at_the_furthest(postgres_scene, order):
    _, made = postgres_scene.placed(1, to=("H41",))
    for minute, code in enumerate(order):
        acknowledge.status(said(made["H41"], code, at=SAID_AT + timedelta(minutes=minute)), postgres_scene.hub)
    assert postgres_scene.delivery(made["H41"].id).status_code == "06"
    with postgres_scene.database.reading() as connection:
        history = deliveries.statuses_of(connection, made["H41"].consignment_id)
    assert [entry.code for entry in history] == list(order)


def test_racing_statuses_end_at_the_furthest(scene, lying):
    waiting = ["01", "03", "04", "05", "06"]
    at_once(lambda: acknowledge.status(said(lying, waiting.pop()), scene.hub), workers=5)
    assert scene.delivery(lying.id).status_code == "06"


def test_a_status_may_come_after_the_closing_and_does_not_open_it(scene, lying):
    acknowledge.run(Acknowledgement(lying.id, "H41"), scene.hub)
    acknowledge.status(said(lying, "06"), scene.hub)
    assert scene.consignment(lying.consignment_id).state is ConsignmentState.CLOSED
    assert scene.delivery(lying.id).status_code == "06"


def test_answers_to_a_recall_are_history_and_not_the_current_status(scene, lying):
    acknowledge.status(said(lying, "03"), scene.hub)
    acknowledge.status(said(lying, "15"), scene.hub)
    assert scene.delivery(lying.id).status_code == "03"


def test_the_recall_is_asked_by_the_sender_only(scene, lying):
    with pytest.raises(NoSuchThing):
        acknowledge.status(said(lying, "13", by="H41"), scene.hub)
    assert acknowledge.status(said(lying, "13", by="G22"), scene.hub).new


def test_a_ring_follows_each_word(scene, lying):
    topic = f"consignment:{lying.consignment_id}"
    before = scene.database.bell.token(topic)
    acknowledge.status(said(lying, "01"), scene.hub)
    if scene.database.is_sqlite:
        assert scene.database.bell.token(topic) != before


def _die(*_: object, **__: object) -> None:
    raise Crash
