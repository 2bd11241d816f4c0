"""CLOCK: nothing stays stuck, nothing is woken without need, one bad row stops nobody."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import DeliveryState
from hub.errors import StoreUnavailable
from hub.processes import clock, reporting
from hub.stations import deliver, judge_again, route
from hub.store import consignments, deliveries, events, heartbeats, outbox
from tests.stations.conftest import at_once
from tests.support.scenes import document, genuine, signed


def forget_all_wakes(scene):
    with scene.database.writing() as transaction:
        outbox.forget(transaction, [row.number for row in scene.owed()])


def later(scene, minutes=2):
    scene.clock.ahead += timedelta(minutes=minutes)


def test_what_lost_its_wakes_is_woken_again(scene):
    sent = scene.accepted(1, page=genuine("G22"))
    forget_all_wakes(scene)
    clock.tick(scene.hub)
    assert [row.station for row in scene.owed()] == ["tally"], "the tally has no wake but this one"
    later(scene)
    clock.tick(scene.hub)
    assert sorted(row.station for row in scene.owed()) == ["route", "tally"]
    scene.drain(only=("route", "tally"))
    forget_all_wakes(scene)
    later(scene)
    clock.tick(scene.hub)
    assert [row.station for row in scene.owed()] == ["deliver", "deliver"]
    scene.drain()
    assert {d.state for d in scene.deliveries(sent.id).values()} == {DeliveryState.IN_HAND}
    assert scene.counts() == {("G22", "sent"): (1, 1, 0)}


def test_what_is_done_is_never_woken(scene):
    scene.placed(1)
    for _ in range(3):
        later(scene, minutes=60)
        clock.tick(scene.hub)
    assert scene.owed() == []


def test_a_wake_that_still_waits_for_the_relay_is_not_doubled(scene):
    """The broker is away for a day: the outbox must not grow by a row a minute for each document."""
    scene.accepted(1)
    before = len(scene.owed())
    for _ in range(5):
        later(scene)
        clock.tick(scene.hub)
    assert len(scene.owed()) <= before + 1  # the tally's own wake
    scene.drain(only=("route",))
    for _ in range(5):
        later(scene)
        clock.tick(scene.hub)
    assert len([row for row in scene.owed() if row.station == "deliver"]) == 2


@pytest.mark.parametrize("station", ["route", "deliver"])
def test_what_waits_in_a_long_queue_is_woken_ever_more_seldom(scene, station):
    """The workers are behind for a day: their queue must not grow by a wake a minute for each document."""
    scene.accepted(1, to=("H41",))
    if station == "deliver":
        scene.drain(only=("route",))
    wakes = []
    for minutes in [1] * 16 + [20] * 72:
        wakes.append(sum(row.station == station for row in scene.owed()))
        forget_all_wakes(scene)  # the broker took them
        later(scene, minutes=minutes)
        clock.tick(scene.hub)
    assert sum(wakes[:16]) in (4, 5)  # its own, and at 1, 2, 4, 8 minutes
    assert 20 <= sum(wakes) <= 35  # then about every hour


def test_a_row_that_moved_while_the_clock_looked_is_left_alone(scene, monkeypatch):
    """Router and deliverer finish between the clock's look and its writing: no time is set on what has ended."""
    sent = scene.accepted(1, to=("H41",))
    later(scene)
    due = consignments.due

    def moves_then(connection, now, *, limit):
        found = due(connection, now, limit=limit)
        connection.rollback()
        scene.drain()
        return found

    monkeypatch.setattr(consignments, "due", moves_then)
    clock.tick(scene.hub)
    monkeypatch.setattr(consignments, "due", due)
    assert scene.consignment(sent.id).next_attempt_at is None
    assert scene.owed() == []


def test_a_delivery_that_moved_while_the_clock_looked_is_left_alone(scene, monkeypatch):
    sent = scene.accepted(1, to=("H41",))
    route.run(sent.id, scene.hub)
    forget_all_wakes(scene)
    one = scene.deliveries(sent.id)["H41"]
    later(scene)
    due = deliveries.due

    def moves_then(connection, now, *, limit):
        found = due(connection, now, limit=limit)
        connection.rollback()
        deliver.run(one.id, scene.hub)
        return found

    monkeypatch.setattr(deliveries, "due", moves_then)
    clock.tick(scene.hub)
    assert scene.delivery(one.id).next_attempt_at is None
    assert [row.station for row in scene.owed()] in ([], ["tally"])


def test_a_delivery_that_was_deferred_while_the_clock_looked_keeps_its_time(scene, monkeypatch):
    sent = scene.accepted(1, to=("H41",))
    route.run(sent.id, scene.hub)
    forget_all_wakes(scene)
    one = scene.deliveries(sent.id)["H41"]
    later(scene)
    due, wish = deliveries.due, scene.hub.now() + timedelta(hours=5)

    def deferred_then(connection, now, *, limit):
        found = due(connection, now, limit=limit)
        connection.rollback()
        with scene.database.writing() as transaction:
            deliveries.change(transaction, one.id, next_attempt_at=wish, attempts=1)
        return found

    monkeypatch.setattr(deliveries, "due", deferred_then)
    clock.tick(scene.hub)
    assert scene.delivery(one.id).next_attempt_at == wish
    assert "deliver" not in {row.station for row in scene.owed()}


def test_two_clocks_wake_once(scene):
    scene.accepted(1)
    forget_all_wakes(scene)
    later(scene)
    at_once(lambda: clock._wake_consignments(scene.hub), workers=3)
    assert len([row for row in scene.owed() if row.station == "route"]) == 1


def test_a_held_document_is_judged_when_its_time_comes(scene, monkeypatch):
    held, arrive = scene.held(monkeypatch)
    arrive()
    clock.tick(scene.hub)
    assert scene.consignment(held.id).state is ConsignmentState.HELD
    later(scene, minutes=6)
    clock.tick(scene.hub)
    assert scene.consignment(held.id).state is ConsignmentState.ACCEPTED


def test_a_held_document_without_evidence_ends(scene, monkeypatch):
    held, _ = scene.held(monkeypatch)
    for _ in range(80):
        later(scene, minutes=60)
        clock.tick(scene.hub)
    assert scene.consignment(held.id).state is ConsignmentState.REJECTED


@pytest.mark.parametrize("trouble", ["lost body", "defect"])
def test_one_held_document_in_trouble_stops_nobody_else(scene, monkeypatch, trouble):
    held, arrive = scene.held(monkeypatch)
    arrive()
    sent = scene.accepted(2)
    forget_all_wakes(scene)
    if trouble == "lost body":
        next(scene.folder.glob(f"payloads/**/{held.sha256}")).unlink()
    else:
        monkeypatch.setattr(judge_again, "run", lambda *_: 1 / 0)
    later(scene, minutes=6)
    clock.tick(scene.hub)
    assert sent.id in {row.work_id for row in scene.owed()}
    assert scene.consignment(held.id).state is ConsignmentState.HELD
    assert scene.consignment(held.id).next_attempt_at > scene.hub.now()


def test_a_lost_database_is_not_taken_for_a_bad_document(scene, monkeypatch):
    scene.held(monkeypatch)
    later(scene, minutes=6)

    def away(*_):
        raise StoreUnavailable("away")

    monkeypatch.setattr(judge_again, "run", away)
    with pytest.raises(StoreUnavailable):
        clock.tick(scene.hub)


@pytest.mark.parametrize("error", [StoreUnavailable("away"), ZeroDivisionError()])
def test_the_clock_outlives_trouble(scene, monkeypatch, error):
    stop, rounds = threading.Event(), []

    def tick(_hub):
        rounds.append(1)
        if len(rounds) == 3:
            stop.set()
        raise error

    monkeypatch.setattr(clock, "tick", tick)
    monkeypatch.setattr(clock, "EVERY_SECONDS", 0.01)
    clock.run(scene.hub, stop)
    assert len(rounds) == 3


def test_reports_are_made_beside_the_clock(scene, monkeypatch):
    """A report that takes long holds no duty up; the clock ends with its thread."""
    stop, rounds, making = threading.Event(), [], threading.Event()

    def takes_long(_hub, stopped):
        making.set()
        stopped.wait(20)

    def tick(_hub):
        rounds.append(making.wait(20))
        if len(rounds) == 3:
            stop.set()

    monkeypatch.setattr(reporting, "run", takes_long)
    monkeypatch.setattr(clock, "tick", tick)
    monkeypatch.setattr(clock, "EVERY_SECONDS", 0.01)
    clock.run(scene.hub, stop)
    assert rounds == [True] * 3
    assert not any(thread.name == "reports" for thread in threading.enumerate())


def test_old_heartbeats_are_forgotten(scene):
    with scene.database.writing() as transaction:
        heartbeats.beat(transaction, "old", at=scene.hub.now() - timedelta(hours=2), facts={})
        heartbeats.beat(transaction, "new", at=scene.hub.now(), facts={})
    clock.tick(scene.hub)
    with scene.database.reading() as connection:
        assert set(heartbeats.last(connection)) == {"new"}


def test_the_tally_is_woken_when_events_wait(scene):
    scene.post(signed(document(1)))
    forget_all_wakes(scene)
    with scene.database.reading() as connection:
        assert events.wait_to_be_tallied(connection)
    later(scene)
    clock._wake_the_tally(scene.hub)
    assert [row.station for row in scene.owed()] == ["tally"]
