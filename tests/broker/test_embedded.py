"""The in-process broker keeps the promises that RabbitMQ keeps for the stations."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from hub.broker.embedded import DEAD_KEPT, EmbeddedBroker
from hub.broker.messages import MalformedWake, Wake
from hub.errors import AgencyUnreachable, BrokerUnavailable, NoSuchThing
from tests.broker.conftest import eventually, wake


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    made = EmbeddedBroker(workers=1, capacity=5)
    yield made
    made.stop()


class Gate:
    """A handler that holds its first wake until the gate opens, and notes all."""

    def __init__(self) -> None:
        self.seen: list[int] = []
        self.open = threading.Event()
        self.entered = threading.Event()

    def __call__(self, wake: Wake) -> None:
        self.entered.set()
        assert self.open.wait(10)
        self.seen.append(wake.outbox_id)


def publish(broker: EmbeddedBroker, *wakes: Wake) -> set[int]:
    return broker.publish(wakes, timeout_seconds=1)


def test_every_wake_is_handled_once(broker):
    seen = []
    broker.start(lambda wake: seen.append(wake.outbox_id))
    assert publish(broker, wake(1), wake(2, station="deliver"), wake(3, station="tally")) == {1, 2, 3}
    assert eventually(lambda: len(seen) == 3)
    assert sorted(seen) == [1, 2, 3]


def test_urgent_before_normal_before_bulk(broker):
    gate = Gate()
    broker.start(gate)
    publish(broker, wake(0))
    assert gate.entered.wait(5)
    publish(
        broker,
        wake(1, lane="bulk"),
        wake(2),
        wake(3, lane="urgent"),
        wake(4, lane="bulk"),
        wake(5, lane="urgent"),
    )
    gate.open.set()
    assert eventually(lambda: len(gate.seen) == 6)
    assert gate.seen == [0, 3, 5, 2, 1, 4]


def test_a_full_lane_leaves_the_rest_in_the_outbox_and_other_lanes_have_room(broker):
    gate = Gate()
    broker.start(gate)
    publish(broker, wake(0))
    assert gate.entered.wait(5)
    assert publish(broker, *(wake(number) for number in range(1, 9))) == {1, 2, 3, 4, 5}
    assert publish(broker, wake(9), wake(10, lane="urgent")) == {10}
    gate.open.set()
    assert eventually(lambda: len(gate.seen) == 7)
    assert publish(broker, wake(9)) == {9}


def test_a_failure_is_kept_and_counted_and_the_worker_lives_on(broker):
    seen = []

    def handle(wake: Wake) -> None:
        seen.append(wake.outbox_id)
        if wake.outbox_id == 1:
            raise ZeroDivisionError("a defect")
        if wake.outbox_id == 2:
            raise NoSuchThing("gone")
        if wake.outbox_id == 3:
            raise SystemExit(3)

    broker.start(handle)
    publish(broker, wake(1), wake(2), wake(3), wake(4))
    assert eventually(lambda: len(seen) == 4)
    assert broker.dead_count == 3
    assert [dead.wake.outbox_id for dead in broker.dead] == [1, 2, 3]
    assert "a defect" in broker.dead[0].trace


def test_a_deferral_is_no_failure(broker):
    seen = []

    def handle(wake: Wake) -> None:
        seen.append(wake.outbox_id)
        raise AgencyUnreachable("down")

    broker.start(handle)
    publish(broker, wake(1), wake(2))
    assert eventually(lambda: len(seen) == 2)
    assert broker.dead_count == 0


def test_the_dead_are_bounded_but_all_counted():
    broker = EmbeddedBroker(workers=1)

    def handle(_: Wake) -> None:
        raise ZeroDivisionError

    broker.start(handle)
    publish(broker, *(wake(number) for number in range(DEAD_KEPT + 20)))
    assert eventually(lambda: broker.dead_count == DEAD_KEPT + 20)
    assert len(broker.dead) == DEAD_KEPT
    assert broker.dead[-1].wake.outbox_id == DEAD_KEPT + 19
    broker.stop()


def test_stop_finishes_the_work_in_hand_and_forgets_the_rest(broker):
    seen = []

    def handle(wake: Wake) -> None:
        time.sleep(0.3)
        seen.append(wake.outbox_id)

    broker.start(handle)
    publish(broker, wake(1), wake(2), wake(3))
    time.sleep(0.1)
    broker.stop()
    assert seen == [1]
    assert not broker.connected
    with pytest.raises(BrokerUnavailable):
        publish(broker, wake(4))


def test_it_can_be_started_again(broker):
    seen = []
    for number in (1, 2):
        broker.start(lambda wake: seen.append(wake.outbox_id))
        assert broker.connected
        publish(broker, wake(number))
        assert eventually(lambda: len(seen) == number)  # noqa: B023 (called at once)
        broker.stop()
    assert seen == [1, 2]


def test_before_the_start_it_is_unavailable(broker):
    assert not broker.connected
    with pytest.raises(BrokerUnavailable):
        publish(broker, wake(1))


def test_what_rabbitmq_would_refuse_is_refused_here_and_nothing_is_taken(broker):
    seen = []
    broker.start(lambda wake: seen.append(wake.outbox_id))
    with pytest.raises(MalformedWake):
        publish(broker, wake(1), Wake(outbox_id=2, station="route", work_id="", lane="normal"))
    publish(broker, wake(3))
    assert eventually(lambda: seen == [3])


def test_many_workers_share_the_work():
    broker = EmbeddedBroker(workers=4)
    together = threading.Barrier(4, timeout=60)
    broker.start(lambda _: together.wait())
    publish(broker, *(wake(number) for number in range(4)))
    assert eventually(lambda: not any(broker._lanes.values()))
    broker.stop()
    assert broker.dead_count == 0
