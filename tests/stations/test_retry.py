"""RETRY: the plan says what would be done and changes nothing; doing it does exactly that, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.domain.agencies import AgencyStatus
from hub.domain.changes import DocumentState
from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import Cause, DeliveryState
from hub.domain.envelopes import Urgency
from hub.processes import clock
from hub.stations import acknowledge, expire, retry, route
from hub.stations.acknowledge import Acknowledgement
from hub.stations.retry import Action
from hub.store import agencies, deliveries, documents, outbox
from hub.store.standing import Scope, ScopeKind
from tests.stations.conftest import Crash, at_once, snapshot
from tests.support.scenes import document, signed

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # what no database does differently
ALL = Scope(ScopeKind.ALL)


def planned(scene, scope=ALL):
    with scene.database.reading() as connection:
        return retry.plan(connection, scope, scene.hub)


def actions(scene, scope=ALL):
    return [(step.action.value, step.item) for step in planned(scene, scope)]


def routed(scene, number=1, *, to=("H41",)):
    """Deliveries that are due; their first wakes were lost."""
    sent = scene.accepted(number, to=to)
    route.run(sent.id, scene.hub)
    with scene.database.writing() as transaction:
        outbox.forget(transaction, [row.number for row in scene.owed()])
    return scene.deliveries(sent.id)


def expired(scene, number=1, *, to=("H41",), **facts):
    """Deliveries that lay in inboxes until their time was over."""
    _, made = scene.placed(number, to=to)
    for one in made.values():
        with scene.database.writing() as transaction:
            deliveries.change(transaction, one.id, expires_at=scene.hub.now(), **facts)
        expire.run(one.id, scene.hub)
    return {key: scene.delivery(one.id) for key, one in made.items()}


def change_agency(scene, code, **facts):
    with scene.database.writing() as transaction:
        agencies.keep(transaction, replace(scene.agency(code), **facts), now=scene.hub.now())


def test_the_plan_names_each_thing_once_and_changes_nothing(scene):
    due = routed(scene, 1)["H41"]
    gone = expired(scene, 2)["H41"]
    before = snapshot(scene.database)
    steps = planned(scene)
    assert snapshot(scene.database) == before
    assert [(s.action, s.item, s.consignment_id, s.recipient_key) for s in steps] == [
        (Action.ATTEMPT_NOW, due.id, due.consignment_id, "H41"),
        (Action.DELIVER_AGAIN, gone.id, gone.consignment_id, "H41"),
    ]
    assert all(step.why_vi and step.why_en and step.why_vi != step.why_en for step in steps)


@ON_SQLITE
def test_each_scope_chooses_its_own(scene):
    due = routed(scene, 1, to=("H41", "H14"))
    gone = expired(scene, 2, to=("H41",))["H41"]
    items = {
        kind: {item for _, item in actions(scene, Scope(*kind))}
        for kind in (
            (ScopeKind.CONSIGNMENT, gone.consignment_id),
            (ScopeKind.DELIVERY, due["H14"].id),
            (ScopeKind.RECIPIENT, "H41"),
            (ScopeKind.SENDER, "G22"),
            (ScopeKind.SENDER, "G30"),
            (ScopeKind.ALL, ""),
        )
    }
    every = {due["H41"].id, due["H14"].id, gone.id}
    wanted = [{gone.id}, {due["H14"].id}, {due["H41"].id, gone.id}, every, set(), every]
    assert list(items.values()) == wanted


def test_attempt_now_wakes_the_deliverer_once(scene):
    one = routed(scene)["H41"]
    with scene.database.writing() as transaction:
        facts = {"attempts": 4, "reason": "bận", "next_attempt_at": scene.hub.now() + timedelta(hours=2)}
        deliveries.change(transaction, one.id, **facts)
    (step,) = planned(scene)
    assert "4" in step.why_en
    assert "bận" in step.why_vi
    assert retry.run(step, scene.hub) is True
    assert retry.run(step, scene.hub) is False
    assert [(row.station, row.work_id) for row in scene.owed()] == [("deliver", one.id)]
    assert scene.delivery(one.id).next_attempt_at <= scene.hub.now()
    assert planned(scene) == []
    scene.drain()
    assert scene.delivery(one.id).state is DeliveryState.IN_HAND


@ON_SQLITE
def test_judge_now_has_the_clock_judge_it_in_its_next_round(scene, monkeypatch):
    held, arrive = scene.held(monkeypatch)
    arrive()
    clock.tick(scene.hub)
    assert scene.consignment(held.id).state is ConsignmentState.HELD
    for scope in (ALL, Scope(ScopeKind.CONSIGNMENT, held.id), Scope(ScopeKind.SENDER, "G22")):
        assert actions(scene, scope) == [("judge_now", held.id)]
    assert actions(scene, Scope(ScopeKind.RECIPIENT, "H41")) == []
    (step,) = planned(scene)
    assert (retry.run(step, scene.hub), retry.run(step, scene.hub)) == (True, False)
    clock.tick(scene.hub)
    assert scene.consignment(held.id).state is ConsignmentState.ACCEPTED


def test_an_expired_delivery_comes_again_with_a_fresh_life(scene):
    one = expired(scene, attempts=5, cause=Cause.UNREACHABLE.value)["H41"]
    assert scene.consignment(one.consignment_id).state is ConsignmentState.CLOSED
    (step,) = planned(scene)
    assert retry.run(step, scene.hub) is True
    again, now = scene.delivery(one.id), scene.hub.now()
    assert (again.state, again.attempts, again.reason, again.cause) == (DeliveryState.DUE, 0, "", Cause.NONE)
    assert (again.ended_at, again.position) == (None, None)
    lives = scene.hub.rules_on(now).time_to_live[Urgency.NORMAL]
    assert abs(again.expires_at - (now + lives)) < timedelta(minutes=1)
    assert scene.consignment(one.consignment_id).state is ConsignmentState.ROUTED
    assert scene.timeline(one.consignment_id)[-1] == "delivered_again"
    assert retry.run(step, scene.hub) is False
    scene.drain()
    assert [found.id for found in scene.inbox("H41")] == [one.id]
    acknowledge.run(Acknowledgement(one.id, "H41"), scene.hub)
    events = [event for event in scene.receipts(one.consignment_id) if event != "BusinessStatus"]
    assert events == ["SubmissionAcceptance", "AcceptanceRejectionExpiry", "ContentHandover"]
    assert scene.timeline(one.consignment_id).count("closed") == 2


@ON_SQLITE
def test_it_may_expire_again_with_a_receipt_of_its_own(scene):
    one = expired(scene)["H41"]
    (step,) = planned(scene)
    retry.run(step, scene.hub)
    scene.drain()
    scene.clock.ahead += timedelta(days=31)
    expire.run(one.id, scene.hub)
    assert scene.receipts(one.consignment_id).count("AcceptanceRejectionExpiry") == 2
    assert scene.consignment(one.consignment_id).state is ConsignmentState.CLOSED


@ON_SQLITE
def test_one_expired_copy_does_not_touch_the_others(scene):
    sent, made = scene.placed(1, to=("H41", "H14"))
    with scene.database.writing() as transaction:
        deliveries.change(transaction, made["H41"].id, expires_at=scene.hub.now())
    expire.run(made["H41"].id, scene.hub)
    (step,) = planned(scene)
    assert retry.run(step, scene.hub) is True
    assert scene.delivery(made["H14"].id) == made["H14"]
    assert scene.consignment(sent.id).state is ConsignmentState.ROUTED


@ON_SQLITE
@pytest.mark.parametrize("state", [DocumentState.RECALLED, DocumentState.REPLACED])
def test_what_was_recalled_or_replaced_does_not_come_again(scene, state):
    one = expired(scene)["H41"]
    (step,) = planned(scene)
    ref = scene.consignment(one.consignment_id).document_ref
    with scene.database.writing() as transaction:
        documents.move(transaction, ref, state, at=scene.hub.now())
    before = snapshot(scene.database)
    assert planned(scene) == []
    assert retry.run(step, scene.hub) is False
    assert snapshot(scene.database) == before


@ON_SQLITE
def test_a_closed_agency_gets_nothing_again_and_a_suspended_one_does(scene):
    one = expired(scene)["H41"]
    (step,) = planned(scene)
    change_agency(scene, "H41", status=AgencyStatus.CLOSED)
    assert planned(scene) == []
    assert retry.run(step, scene.hub) is False
    change_agency(scene, "H41", status=AgencyStatus.SUSPENDED)
    assert actions(scene) == [("deliver_again", one.id)]
    assert retry.run(step, scene.hub) is True


@ON_SQLITE
def test_who_has_the_document_by_another_sending_gets_no_second_copy(scene):
    """Decree 30/2020 Annex VI: its sender has sent it again meanwhile."""
    one = expired(scene)["H41"]
    (step,) = planned(scene)
    second = scene.post(signed(document(1, to=("H41",))), key="again").consignment
    scene.drain()
    assert second.id != one.consignment_id
    assert scene.deliveries(second.id)["H41"].state is DeliveryState.IN_HAND
    assert planned(scene) == []
    assert retry.run(step, scene.hub) is False


def test_many_at_once_do_it_once(scene):
    one = expired(scene)["H41"]
    (step,) = planned(scene)
    assert sorted(at_once(lambda: retry.run(step, scene.hub), workers=4)) == [False, False, False, True]
    assert scene.timeline(one.consignment_id).count("delivered_again") == 1
    assert [row.work_id for row in scene.owed() if row.station == "deliver"] == [one.id]


@ON_SQLITE
def test_what_moved_between_plan_and_run_is_left_alone(scene):
    due = routed(scene, 1)["H41"]
    steps = planned(scene)
    with scene.database.writing() as transaction:
        deliveries.change(transaction, due.id, state="in_hand", next_attempt_at=None)
    before = snapshot(scene.database)
    ghost = replace(steps[0], item="00000000-0000-7000-8000-000000000000")
    for step in (steps[0], ghost, *(replace(ghost, action=action) for action in Action)):
        assert retry.run(step, scene.hub) is False
    assert snapshot(scene.database) == before


@pytest.mark.parametrize("where", ["events.happened", "outbox.wake", "consignments.move"])
def test_a_crash_in_the_middle_leaves_it_expired(scene, monkeypatch, where):
    expired(scene)
    (step,) = planned(scene)
    before = snapshot(scene.database)

    def die(*_args, **_facts):
        raise Crash(where)

    with monkeypatch.context() as patched:
        patched.setattr(f"hub.store.{where}", die)
        with pytest.raises(Crash):
            retry.run(step, scene.hub)
    assert snapshot(scene.database) == before
    assert retry.run(step, scene.hub) is True
