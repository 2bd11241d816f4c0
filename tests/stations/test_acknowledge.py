"""ACKNOWLEDGE: taken, refused; said twice, at once or by the wrong party."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import DeliveryState
from hub.errors import DigestDiffers, IllegalTransition, NoSuchThing
from hub.stations import acknowledge, route
from hub.stations.acknowledge import Acknowledgement
from tests.stations.conftest import Crash, at_once, snapshot
from tests.support.scenes import genuine

SAID_AT = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)


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
    assert scene.timeline(lying.consignment_id)[-3:] == ["handed_over", "closed", "status"]
    assert scene.delivery(lying.id).status_code == "01"  # said by the hub
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
    said_by_hub = ["BusinessStatus"] if taken else []  # 01, when it was taken
    ended = "ContentHandover" if taken else "ContentHandoverFailure"
    assert scene.receipts(lying.consignment_id) == ["SubmissionAcceptance", ended, *said_by_hub]


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


def _die(*_: object, **__: object) -> None:
    raise Crash
