"""RELAY: a row leaves the outbox only when the broker has it, and the relay lives on whatever happens."""

from __future__ import annotations

import threading
import time

import pytest

from hub.errors import BrokerUnavailable
from hub.processes import relay
from tests.support.scenes import document, signed


class Broker:
    """Takes what `takes` says of a batch."""

    def __init__(self, takes=lambda wakes: wakes) -> None:
        self.takes, self.batches = takes, []
        self.connected = True

    def publish(self, wakes, *, timeout_seconds):
        self.batches.append([wake.outbox_id for wake in wakes])
        return {wake.outbox_id for wake in self.takes(wakes)}


def test_what_was_taken_is_forgotten_and_only_that(scene):
    scene.accepted(1)
    scene.accepted(2)
    first, second = scene.owed()
    assert relay.carry(scene.hub, Broker(lambda wakes: wakes[1:])) == 1
    assert [row.number for row in scene.owed()] == [first.number]
    assert relay.carry(scene.hub, Broker()) == 1
    assert relay.carry(scene.hub, Broker()) == 0
    assert second.number > first.number


def test_a_lost_broker_leaves_everything(scene):
    scene.accepted(1)
    scene.accepted(2)
    owed = scene.owed()

    def away(_wakes):
        raise BrokerUnavailable("away")

    with pytest.raises(BrokerUnavailable):
        relay.carry(scene.hub, Broker(away))
    assert len(owed) == 2
    assert scene.owed() == owed


def test_a_crash_between_publishing_and_forgetting_publishes_again(scene, monkeypatch):
    scene.accepted(1)
    broker = Broker()
    with monkeypatch.context() as patched:
        patched.setattr("hub.store.outbox.forget", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            relay.carry(scene.hub, broker)
    relay.carry(scene.hub, broker)
    assert broker.batches[0] == broker.batches[1]
    assert scene.owed() == []


def test_numbers_of_the_outbox_are_never_used_twice(scene):
    scene.accepted(1)
    last = scene.owed()[-1].number
    relay.carry(scene.hub, Broker())
    scene.accepted(2)
    assert scene.owed()[0].number > last


@pytest.mark.parametrize("error", [BrokerUnavailable("away"), ZeroDivisionError()])
def test_the_relay_outlives_trouble_and_is_woken_by_the_bell(scene, monkeypatch, error):
    monkeypatch.setattr("hub.processes.loop.REST_SECONDS", 0.01)
    troubles = [error, error]

    def takes(wakes):
        if troubles:
            raise troubles.pop()
        return wakes

    stop, broker = threading.Event(), Broker(takes)
    thread = threading.Thread(target=relay.run, args=(scene.hub, broker, stop))
    thread.start()
    scene.post(signed(document(1)))
    until = time.monotonic() + 60
    while scene.owed() and time.monotonic() < until:
        time.sleep(0.02)
    stop.set()
    scene.database.bell.close()
    thread.join(15)
    assert not thread.is_alive()
    assert scene.owed() == []
