"""What every publisher of wakes promises (hub.ports.WakePublisher); a broker's test inherits the suite.

A test class gives a fixture `line` with `publisher` (connected), `arrived()` (the wakes that reached the workers so
far) and `stop()` (the publisher ends).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from hub.broker.messages import Wake
from hub.errors import BrokerUnavailable, HubError
from hub.ports import WakePublisher


@dataclass(frozen=True, slots=True)
class Line:
    """A publisher and what stands at the other end."""

    publisher: WakePublisher
    arrived: Callable[[], list[Wake]]
    stop: Callable[[], None]


def wake(number: int, *, station: str = "route", lane: str = "normal") -> Wake:
    return Wake(outbox_id=number, station=station, work_id=f"work-{number}", lane=lane, trace_id="")


def eventually(ask: Callable[[], object], *, seconds: float = 90) -> bool:
    until = time.monotonic() + seconds
    while not ask() and time.monotonic() < until:
        time.sleep(0.02)
    return bool(ask())


class WakePublisherConformance:
    """Inherit it and write the fixture `line`."""

    def test_what_was_taken_over_arrives(self, line):
        sent = [wake(1), wake(2, station="deliver", lane="urgent"), wake(3, station="deliver", lane="bulk")]
        sent.append(wake(4, station="tally"))
        assert line.publisher.publish(sent, timeout_seconds=60) == {1, 2, 3, 4}
        assert eventually(lambda: len(line.arrived()) == 4)
        assert sorted(line.arrived(), key=lambda one: one.outbox_id) == sent

    def test_the_same_may_be_published_again(self, line):
        for _ in range(2):
            assert line.publisher.publish([wake(1)], timeout_seconds=60) == {1}
        assert eventually(lambda: len(line.arrived()) == 2)

    def test_a_large_batch_is_taken_as_a_whole(self, line):
        batch = [wake(number) for number in range(500)]
        assert line.publisher.publish(batch, timeout_seconds=30) == set(range(500))
        assert eventually(lambda: len(line.arrived()) == 500)

    def test_nothing_is_nothing(self, line):
        assert line.publisher.publish([], timeout_seconds=1) == set()

    def test_it_says_whether_it_is_connected(self, line):
        assert line.publisher.connected
        line.stop()
        assert not line.publisher.connected

    def test_when_it_is_not_connected_it_says_so(self, line):
        line.stop()
        with pytest.raises(BrokerUnavailable):
            line.publisher.publish([wake(1)], timeout_seconds=1)

    def test_what_is_no_wake_is_refused_before_anything_is_sent(self, line):
        broken = Wake(outbox_id=2, station="route", work_id="", lane="normal")
        with pytest.raises(HubError) as refused:
            line.publisher.publish([wake(1), broken], timeout_seconds=5)
        assert not refused.value.retryable
        line.publisher.publish([wake(3)], timeout_seconds=5)
        assert eventually(lambda: line.arrived())
        assert [one.outbox_id for one in line.arrived()] == [3]
