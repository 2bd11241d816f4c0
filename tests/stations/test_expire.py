"""EXPIRE: what outlived its time ends with a signed reason; nothing else does, and it happens once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import FINAL, DeliveryState
from hub.errors import HubError
from hub.signatures import jws
from hub.stations import acknowledge, expire, route
from hub.stations.acknowledge import Acknowledgement
from hub.store import deliveries, receipts
from tests.stations.conftest import Crash, at_once, snapshot

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # what no database does differently
ENDINGS = ("ContentHandover", "AcceptanceRejectionExpiry", "ContentConsignmentFailure")
NEVER = "00000000-0000-7000-8000-000000000000"


def run_out(scene, one, *, hours=25, **facts):
    """The time to live of a delivery is a day, and it has passed."""
    with scene.database.writing() as transaction:
        deliveries.change(transaction, one.id, expires_at=one.created_at + timedelta(hours=24), **facts)
    scene.clock.ahead += timedelta(hours=hours)


@pytest.fixture
def lying(scene):
    """A delivery in the inbox of H41, the only recipient."""
    return scene.placed(1, to=("H41",))[1]["H41"]


@pytest.fixture
def due(scene):
    """A delivery to H41 that was not handed over yet."""
    sent = scene.accepted(1, to=("H41",))
    route.run(sent.id, scene.hub)
    return scene.deliveries(sent.id)["H41"]


def last_receipt(scene, one):
    with scene.database.reading() as connection:
        return receipts.of_consignment(connection, one.consignment_id)[-1]


def test_an_unfetched_document_ends_with_a_negative_receipt(scene, lying):
    run_out(scene, lying)
    expire.run(lying.id, scene.hub)
    ended = scene.delivery(lying.id)
    assert (ended.state, ended.expires_at, ended.next_attempt_at) == (DeliveryState.EXPIRED, None, None)
    assert ended.ended_at is not None
    assert "25 giờ" in ended.reason
    assert "within 25 hours: it lies in the inbox of H41, unfetched" in ended.reason
    assert scene.timeline(lying.consignment_id)[-2:] == ["expired", "closed"]
    assert scene.consignment(lying.consignment_id).state is ConsignmentState.CLOSED
    receipt = last_receipt(scene, lying)
    assert (receipt.event, receipt.delivery_id) == ("AcceptanceRejectionExpiry", lying.id)
    claims = jws.verify_receipt(receipt.jws, trusted=scene.hub.key.certificates)
    assert (claims["event"], claims["reason"]) == ("AcceptanceRejectionExpiry", ended.reason)
    assert scene.inbox("H41") == []


@ON_SQLITE
def test_a_fetched_document_says_that_it_was_not_acknowledged(scene, lying):
    with scene.database.writing() as transaction:
        deliveries.fetched(transaction, lying.id, at=scene.hub.now())
    run_out(scene, lying)
    expire.run(lying.id, scene.hub)
    assert "never acknowledged" in scene.delivery(lying.id).reason
    assert last_receipt(scene, lying).event == "AcceptanceRejectionExpiry"


@ON_SQLITE
def test_what_could_not_be_handed_over_names_attempts_and_last_answer(scene, due):
    run_out(scene, due, attempts=7, reason="máy chủ không trả lời" + "!" * 5000)
    expire.run(due.id, scene.hub)
    reason = scene.delivery(due.id).reason
    assert "đã thử giao cho H41 7 lần" in reason
    assert "tried 7 times; the last answer: máy chủ không trả lời" in reason
    assert len(reason) < 1000
    assert last_receipt(scene, due).event == "ContentConsignmentFailure"


@ON_SQLITE
def test_what_was_never_tried_says_so(scene, due):
    run_out(scene, due)
    expire.run(due.id, scene.hub)
    assert "its turn to go to H41 never came" in scene.delivery(due.id).reason


@ON_SQLITE
def test_it_lives_until_its_time(scene, lying):
    run_out(scene, lying, hours=23)
    before = snapshot(scene.database)
    expire.run(lying.id, scene.hub)
    assert snapshot(scene.database) == before


@ON_SQLITE
def test_without_a_time_to_live_it_never_ends(scene, lying):
    with scene.database.writing() as transaction:
        deliveries.change(transaction, lying.id, expires_at=None)
    scene.clock.ahead += timedelta(days=4000)
    before = snapshot(scene.database)
    expire.run(lying.id, scene.hub)
    assert snapshot(scene.database) == before


@ON_SQLITE
def test_in_a_wrong_state_it_does_nothing(scene, lying):
    run_out(scene, lying)
    for state in FINAL:
        with scene.database.writing() as transaction:
            deliveries.change(transaction, lying.id, state=state.value)
        before = snapshot(scene.database)
        expire.run(lying.id, scene.hub)
        expire.run(NEVER, scene.hub)
        assert snapshot(scene.database) == before


def test_many_at_once_give_one_receipt(scene, lying):
    run_out(scene, lying)
    assert at_once(lambda: expire.run(lying.id, scene.hub), workers=4) == [None] * 4
    assert scene.receipts(lying.consignment_id).count("AcceptanceRejectionExpiry") == 1
    assert scene.timeline(lying.consignment_id).count("expired") == 1


def test_an_acknowledgement_at_the_same_moment_wins_or_loses_whole(scene, lying):
    run_out(scene, lying)
    work = [
        lambda: expire.run(lying.id, scene.hub),
        lambda: acknowledge.run(Acknowledgement(lying.id, "H41"), scene.hub),
    ]
    results = at_once(lambda: work.pop()())
    state = scene.delivery(lying.id).state
    refused = any(isinstance(one, HubError) for one in results)
    assert (state, refused) in ((DeliveryState.EXPIRED, True), (DeliveryState.HANDED_OVER, False))
    kinds = scene.timeline(lying.consignment_id)
    assert kinds.count("expired") + kinds.count("handed_over") == 1
    told = [event for event in scene.receipts(lying.consignment_id) if event in ENDINGS]
    assert len(told) == 1


@pytest.mark.parametrize("where", ["receipts.issue", "events.happened", "consignments.close_if_ended"])
def test_a_crash_in_the_middle_leaves_it_as_it_was(scene, lying, monkeypatch, where):
    run_out(scene, lying)
    before = snapshot(scene.database)

    def die(*_args, **_facts):
        raise Crash(where)

    with monkeypatch.context() as patched:
        patched.setattr(f"hub.store.{where}", die)
        with pytest.raises(Crash):
            expire.run(lying.id, scene.hub)
    assert snapshot(scene.database) == before
    expire.run(lying.id, scene.hub)
    assert scene.delivery(lying.id).state is DeliveryState.EXPIRED
