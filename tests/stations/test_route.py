"""ROUTE: one delivery per recipient, once, whatever happens in between."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from hub.domain.consignments import ConsignmentState, Lane
from hub.domain.deliveries import DeliveryState
from hub.domain.envelopes import BusinessType, Urgency
from hub.stations import RESCUE_AFTER, acknowledge, deliver, route
from hub.stations.acknowledge import Acknowledgement
from hub.store import consignments, deliveries, outbox, tables
from tests.stations.conftest import Crash, at_once, snapshot
from tests.support.scenes import document, signed, status_of, unsigned


def test_each_recipient_gets_one_delivery_and_its_station_is_woken(scene):
    sent = scene.accepted(1, to=("H41", "000.00.00.H14", "H41"))
    route.run(sent.id, scene.hub)
    made = scene.deliveries(sent.id)
    assert sorted(made) == ["H14", "H41"]
    assert {d.state for d in made.values()} == {DeliveryState.DUE}
    assert made["H14"].addressee == "000.00.00.H14"
    assert scene.consignment(sent.id).state is ConsignmentState.ROUTED
    woken = {row.work_id for row in scene.owed() if row.station == "deliver"}
    assert woken == {d.id for d in made.values()}


def test_a_delivery_that_nobody_takes_up_is_looked_at_by_the_clock(scene):
    sent = scene.accepted(1)
    route.run(sent.id, scene.hub)
    for delivery in scene.deliveries(sent.id).values():
        assert delivery.next_attempt_at - delivery.created_at == RESCUE_AFTER
    assert scene.consignment(sent.id).next_attempt_at is None


def test_a_second_call_does_nothing(scene):
    sent = scene.accepted(1)
    route.run(sent.id, scene.hub)
    before = snapshot(scene.database)
    route.run(sent.id, scene.hub)
    assert snapshot(scene.database) == before


@pytest.mark.parametrize("state", ["held", "rejected", "closed"])
def test_in_a_wrong_state_it_does_nothing(scene, state):
    sent = scene.accepted(1)
    with scene.database.writing() as transaction:
        transaction.execute(sa.update(tables.consignments).values(state=state))
    before = snapshot(scene.database)
    route.run(sent.id, scene.hub)
    assert snapshot(scene.database) == before


def test_an_unknown_id_does_nothing(scene):
    before = snapshot(scene.database)
    route.run("00000000-0000-7000-8000-000000000000", scene.hub)
    assert snapshot(scene.database) == before


def test_two_routers_at_once_have_the_effect_once(scene):
    sent = scene.accepted(1)
    assert at_once(lambda: route.run(sent.id, scene.hub), workers=4) == [None] * 4
    assert len(scene.deliveries(sent.id)) == 2
    assert scene.timeline(sent.id).count("routed") == 1
    assert len([row for row in scene.owed() if row.station == "deliver"]) == 2


@pytest.mark.parametrize(
    "where", ["deliveries.add", "consignments.move", "events.happened", "outbox.wake", "deliveries.held_copies"]
)
def test_a_crash_in_the_middle_leaves_nothing_half(scene, monkeypatch, where):
    sent = scene.accepted(1)
    before = snapshot(scene.database)
    with monkeypatch.context() as patched:
        patched.setattr(f"hub.store.{where}", _die)
        with pytest.raises(Crash):
            route.run(sent.id, scene.hub)
    assert snapshot(scene.database) == before
    route.run(sent.id, scene.hub)
    assert len(scene.deliveries(sent.id)) == 2


def test_a_crash_after_the_wakes_takes_the_wakes_back(scene, crash_after):
    sent = scene.accepted(1)
    before = snapshot(scene.database)
    crash_after(outbox, "wake")
    with pytest.raises(Crash):
        route.run(sent.id, scene.hub)
    assert snapshot(scene.database) == before


def test_no_port_is_called_at_all(scene, watch):
    sent = scene.accepted(1)
    route.run(sent.id, scene.hub)
    assert watch.calls == 0


def test_who_holds_the_same_attachments_is_not_given_them_again(scene):
    scene.placed(1, to=("H41",))
    again, made = scene.placed(1, to=("H41", "H14"))
    assert made["H41"].state is DeliveryState.ALREADY_HELD
    assert made["H14"].state is DeliveryState.IN_HAND
    assert made["H41"].same_as in {d.id for d in scene.inbox("H41")}
    assert again.state is ConsignmentState.ROUTED
    assert "duplicates.already_held" in {f.code for f in again.findings}


def test_when_everybody_holds_it_the_consignment_is_closed_and_the_timeline_says_so(scene):
    scene.placed(1, to=("H41",))
    third = scene.post(signed(document(1, to=("000.00.00.H41",)))).consignment
    scene.drain()
    assert scene.consignment(third.id).state is ConsignmentState.CLOSED
    assert scene.timeline(third.id)[-1] == "closed"


def test_who_declined_it_gets_it_again(scene):
    first, _ = scene.placed(1, to=("H41",))
    scene.post(unsigned(status_of(first, "02", said_by="H41")), caller="H41")
    scene.drain()
    answer = scene.post(signed(document(1, to=("H41", "H14"))))
    scene.drain()
    assert scene.deliveries(answer.consignment.id)["H41"].state is DeliveryState.IN_HAND


def test_changed_attachments_are_delivered(scene):
    scene.placed(1, to=("H41",))
    other = b"%PDF-1.7 other"
    answer = scene.post(signed(document(1, to=("H41",), pdf=other), pdf=other))
    scene.drain()
    assert "duplicates.changed_attachments" in {f.code for f in answer.consignment.findings}
    assert scene.deliveries(answer.consignment.id)["H41"].state is DeliveryState.IN_HAND


def test_two_sendings_of_one_document_routed_at_once_give_one_copy(scene):
    ids = [scene.accepted(1, to=to).id for to in (("H41",), ("H41", "H14"))]
    waiting = list(ids)
    at_once(lambda: route.run(waiting.pop(), scene.hub))
    scene.drain(only=("route",))
    states = [scene.deliveries(one)["H41"].state.value for one in ids]
    assert states == ["due", "already_held"]  # in the order in which they were accepted


def test_a_closed_recipient_is_followed_to_its_successor(scene):
    sent = scene.accepted(1, to=("000.00.00.H99",))
    assert "recipient.successor" in {f.code for f in sent.findings}
    route.run(sent.id, scene.hub)
    assert sorted(scene.deliveries(sent.id)) == ["H14"]


@pytest.mark.parametrize(("urgency", "lane"), [(Urgency.NORMAL, Lane.NORMAL), (Urgency.EXPRESS, Lane.URGENT)])
def test_the_lane_follows_the_urgency(scene, urgency, lane):
    sent = scene.accepted(1, urgency=urgency)
    route.run(sent.id, scene.hub)
    assert {d.lane for d in scene.deliveries(sent.id).values()} == {lane}
    assert {row.lane for row in scene.owed() if row.station != "tally"} == {lane.value}


def test_a_status_message_sets_the_status_and_goes_to_the_sender(scene):
    first, made = scene.placed(1, to=("H41",))
    answer = scene.post(unsigned(status_of(first, "03", said_by="H41")), caller="H41")
    assert answer.consignment.state is ConsignmentState.ACCEPTED
    scene.drain()
    assert scene.delivery(made["H41"].id).status_code == "03"
    assert [d.consignment_id for d in scene.inbox("G22")] == [answer.consignment.id]
    assert "BusinessStatus" in scene.receipts(first.id)


def test_a_crash_while_the_status_is_applied_routes_nothing(scene, monkeypatch):
    first, made = scene.placed(1, to=("H41",))
    answer = scene.post(unsigned(status_of(first, "03", said_by="H41")), caller="H41")
    before = snapshot(scene.database)
    with monkeypatch.context() as patched:
        patched.setattr("hub.store.receipts.issue", _die)
        with pytest.raises(Crash):
            route.run(answer.consignment.id, scene.hub)
    assert snapshot(scene.database) == before
    scene.drain()
    assert scene.delivery(made["H41"].id).status_code == "03"


def test_a_recall_request_is_said_by_the_sender(scene):
    first, made = scene.placed(1, to=("H41",))
    acknowledge.run(Acknowledgement(made["H41"].id, "H41"), scene.hub)
    asked = status_of(first, "13", said_by="G22", to="H41")
    answer = scene.post(unsigned(asked))
    scene.drain()
    assert answer.consignment.state is ConsignmentState.ACCEPTED
    assert [d.consignment_id for d in scene.inbox("H41")] == [answer.consignment.id]
    assert scene.delivery(made["H41"].id).status_code == "01"  # asking for it back says nothing of its handling


def test_a_recall_of_another_agencys_document_is_rejected(scene):
    first, _ = scene.placed(1, to=("H41",))
    asked = status_of(first, "13", said_by="H14", to="H41")
    answer = scene.post(unsigned(asked), caller="H14")
    assert answer.consignment.state is ConsignmentState.REJECTED
    assert "status.unknown_document" in {f.code for f in answer.consignment.findings}


def test_a_recall_consignment_is_delivered_beside_the_document(scene):
    _, made = scene.placed(1, to=("H41",))
    with scene.database.writing() as transaction:
        assert deliveries.fetched(transaction, made["H41"].id, at=scene.hub.now())
    recall = scene.post(signed(document(1, to=("H41",), business_type=BusinessType.RECALL)))
    scene.drain()
    assert scene.deliveries(recall.consignment.id)["H41"].state is DeliveryState.IN_HAND
    assert len(scene.inbox("H41")) == 2


def test_a_routed_row_is_never_woken_again(scene):
    sent = scene.accepted(1)
    scene.drain()
    with scene.database.reading() as connection:
        assert consignments.due(connection, scene.hub.now() + timedelta(days=9), limit=10) == []
    assert deliver.run(scene.inbox("H41")[0].id, scene.hub) is None
    assert len(scene.deliveries(sent.id)) == 2


def _die(*_: object, **__: object) -> None:
    raise Crash
