"""PASS ON: the successor of a closed recipient gets what nobody took; without one, the sender is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.domain.agencies import AgencyStatus
from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import FINAL, DeliveryState
from hub.domain.periods import vietnam_day
from hub.stations import acknowledge, expire, pass_on, route
from hub.stations.acknowledge import Acknowledgement
from hub.store import agencies, deliveries
from tests.stations.conftest import Crash, at_once, snapshot

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # what no database does differently


def close(scene, code="H41", *, successor=None, status=AgencyStatus.CLOSED, **facts):
    with scene.database.writing() as transaction:
        agency = replace(scene.agency(code), status=status, successor=successor, **facts)
        agencies.keep(transaction, agency, now=scene.hub.now())


@pytest.fixture
def lying(scene):
    """A delivery in the inbox of H41, the only recipient."""
    return scene.placed(1, to=("H41",))[1]["H41"]


def test_the_successor_gets_it_and_the_sender_is_told(scene, lying):
    until = scene.hub.now() + timedelta(days=3)
    with scene.database.writing() as transaction:
        deliveries.change(transaction, lying.id, expires_at=until)
    close(scene, successor="H14")
    pass_on.run(lying.id, scene.hub)
    old, made = scene.delivery(lying.id), scene.deliveries(lying.consignment_id)
    new = made["H14"]
    assert (old.state, old.same_as) == (DeliveryState.PASSED_ON, new.id)
    assert (new.state, new.addressee, new.expires_at) == (DeliveryState.DUE, lying.addressee, until)
    assert new.next_attempt_at is not None
    assert (new.attempts, new.position, new.fetched_at) == (0, None, None)
    assert "H14" in old.reason
    assert scene.consignment(lying.consignment_id).state is ConsignmentState.ROUTED
    assert scene.receipts(lying.consignment_id)[-1] == "ContentConsignmentFailure"
    assert scene.timeline(lying.consignment_id)[-1] == "passed_on"
    assert scene.inbox("H41") == []
    scene.drain()
    assert [one.id for one in scene.inbox("H14")] == [new.id]
    acknowledge.run(Acknowledgement(new.id, "H14"), scene.hub)
    assert scene.consignment(lying.consignment_id).state is ConsignmentState.CLOSED
    assert scene.timeline(lying.consignment_id).count("closed") == 1


@ON_SQLITE
def test_what_is_still_due_is_passed_on_too(scene):
    sent = scene.accepted(1, to=("H41",))
    route.run(sent.id, scene.hub)
    close(scene, successor="H14")
    pass_on.run(scene.deliveries(sent.id)["H41"].id, scene.hub)
    states = {key: one.state for key, one in scene.deliveries(sent.id).items()}
    assert states == {"H41": DeliveryState.PASSED_ON, "H14": DeliveryState.DUE}


@ON_SQLITE
def test_a_chain_of_successors_is_followed_to_the_open_one(scene, lying):
    close(scene, successor="H99")  # H99 is closed; its successor is H14
    pass_on.run(lying.id, scene.hub)
    assert scene.delivery(lying.id).same_as == scene.deliveries(lying.consignment_id)["H14"].id


def test_a_successor_with_its_own_copy_gets_no_second_one(scene):
    sent, made = scene.placed(1, to=("H41", "H14"))
    close(scene, successor="H14")
    pass_on.run(made["H41"].id, scene.hub)
    old = scene.delivery(made["H41"].id)
    assert (old.state, old.same_as) == (DeliveryState.PASSED_ON, made["H14"].id)
    assert set(scene.deliveries(sent.id)) == {"H41", "H14"}
    assert "of its own" in old.reason
    assert len(scene.inbox("H14")) == 1


@ON_SQLITE
@pytest.mark.parametrize("successor", [None, "H98", "NOBODY", "H41"])
def test_without_an_open_successor_it_expires_with_that_reason(scene, lying, successor):
    close(scene, successor=successor)
    pass_on.run(lying.id, scene.hub)
    ended = scene.delivery(lying.id)
    assert (ended.state, ended.same_as) == (DeliveryState.EXPIRED, None)
    assert "names no successor" in ended.reason
    assert scene.receipts(lying.consignment_id)[-1] == "ContentConsignmentFailure"
    assert scene.timeline(lying.consignment_id)[-2:] == ["expired", "closed"]


@ON_SQLITE
def test_the_day_after_its_last_day_counts_as_closed(scene, lying):
    today = vietnam_day(scene.hub.now())
    close(scene, status=AgencyStatus.OPEN, successor="H14", valid_until=today)
    pass_on.run(lying.id, scene.hub)
    assert scene.delivery(lying.id).state is DeliveryState.IN_HAND
    scene.clock.ahead += timedelta(days=1)
    pass_on.run(lying.id, scene.hub)
    assert scene.delivery(lying.id).state is DeliveryState.PASSED_ON


@ON_SQLITE
@pytest.mark.parametrize("status", [AgencyStatus.SUSPENDED, AgencyStatus.OPEN])
def test_a_suspended_or_open_agency_keeps_what_waits_for_it(scene, lying, status):
    close(scene, status=status, successor="H14")
    before = snapshot(scene.database)
    pass_on.run(lying.id, scene.hub)
    assert snapshot(scene.database) == before


@ON_SQLITE
def test_what_has_ended_stays(scene, lying):
    close(scene, successor="H14")
    for state in FINAL:
        with scene.database.writing() as transaction:
            deliveries.change(transaction, lying.id, state=state.value)
        before = snapshot(scene.database)
        pass_on.run(lying.id, scene.hub)
        pass_on.run("00000000-0000-7000-8000-000000000000", scene.hub)
        assert snapshot(scene.database) == before


@ON_SQLITE
def test_what_was_fetched_stays(scene, lying):
    close(scene, successor="H14")
    with scene.database.writing() as transaction:
        deliveries.fetched(transaction, lying.id, at=scene.hub.now())
    before = snapshot(scene.database)
    pass_on.run(lying.id, scene.hub)
    assert snapshot(scene.database) == before


def test_many_at_once_make_one_delivery(scene, lying):
    close(scene, successor="H14")
    assert at_once(lambda: pass_on.run(lying.id, scene.hub), workers=4) == [None] * 4
    assert set(scene.deliveries(lying.consignment_id)) == {"H41", "H14"}
    assert scene.timeline(lying.consignment_id).count("passed_on") == 1


def test_expiry_at_the_same_moment_ends_it_once(scene, lying):
    with scene.database.writing() as transaction:
        deliveries.change(transaction, lying.id, expires_at=scene.hub.now())
    close(scene, successor="H14")
    work = [lambda: expire.run(lying.id, scene.hub), lambda: pass_on.run(lying.id, scene.hub)]
    assert at_once(lambda: work.pop()()) == [None, None]
    kinds = scene.timeline(lying.consignment_id)
    assert kinds.count("expired") + kinds.count("passed_on") == 1
    passed = "passed_on" in kinds
    assert ("H14" in scene.deliveries(lying.consignment_id)) is passed


@pytest.mark.parametrize("where", ["deliveries.add", "outbox.wake", "receipts.issue", "events.happened"])
def test_a_crash_in_the_middle_leaves_it_as_it_was(scene, lying, monkeypatch, where):
    close(scene, successor="H14")
    before = snapshot(scene.database)

    def die(*_args, **_facts):
        raise Crash(where)

    with monkeypatch.context() as patched:
        patched.setattr(f"hub.store.{where}", die)
        with pytest.raises(Crash):
            pass_on.run(lying.id, scene.hub)
    assert snapshot(scene.database) == before
    pass_on.run(lying.id, scene.hub)
    assert scene.delivery(lying.id).state is DeliveryState.PASSED_ON
