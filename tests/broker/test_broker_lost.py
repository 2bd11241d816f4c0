"""The broker is killed and returns, while wakes are published and consumed: nothing confirmed is lost."""

from __future__ import annotations

import threading
import time

import pytest

from hub.broker.messages import Wake
from hub.broker.publisher import Publisher
from hub.errors import BrokerUnavailable
from tests.broker.conftest import Queues, eventually, wake
from tests.support.fixtures import with_prefix
from tests.support.private_server import START_SECONDS
from tests.support.servers import PrivateRabbit

pytestmark = [pytest.mark.service, pytest.mark.slow]


class Relay:
    """What the relay process does: publish, keep what was not confirmed, try again."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self.confirmed: set[int] = set()
        self.refused = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._over.is_set():
            batch = [wake(number + step) for step in range(50)]
            try:
                self.confirmed |= self._publisher.publish(batch, timeout_seconds=5)
                number += 50
            except BrokerUnavailable:
                self.refused += 1
            time.sleep(0.02)

    def stop(self) -> None:
        self._over.set()
        self._thread.join(30)


def test_the_broker_is_killed_and_returns(rabbit_server: PrivateRabbit, run_consumer):
    url = with_prefix(rabbit_server.url, "lost.")
    publisher = Publisher(url)
    publisher.start()
    assert publisher.wait_connected(START_SECONDS)
    seen: list[int] = []

    def handle(wake: Wake) -> None:
        time.sleep(0.001)
        seen.append(wake.outbox_id)

    running = run_consumer(handle, url=url, prefetch=50)
    relay = Relay(publisher)
    assert eventually(lambda: len(seen) > 100)

    rabbit_server.kill()
    assert eventually(lambda: relay.refused > 0)
    assert not publisher.connected
    before = len(relay.confirmed)
    rabbit_server.start()

    assert eventually(lambda: len(relay.confirmed) > before + 300, seconds=120)
    relay.stop()
    assert eventually(lambda: relay.confirmed <= set(seen), seconds=120), relay.confirmed - set(seen)
    running.stop()
    publisher.stop()
    assert running.error is None
    assert not any(Queues(url).depths().values())


def test_the_broker_raises_an_alarm_and_withdraws_it(rabbit_server: PrivateRabbit):
    url = with_prefix(rabbit_server.url, "alarm.")
    publisher = Publisher(url)
    publisher.start()
    assert publisher.wait_connected(START_SECONDS)
    assert publisher.publish([wake(1)], timeout_seconds=60) == {1}

    rabbit_server.control("set_vm_memory_high_watermark", "0.000001")
    assert publisher.publish([wake(2)], timeout_seconds=2) == set()  # a client learns of it when it publishes
    assert not publisher.connected
    with pytest.raises(BrokerUnavailable, match="alarm"):
        publisher.publish([wake(3)], timeout_seconds=1)

    rabbit_server.control("set_vm_memory_high_watermark", "absolute", "1GB")
    assert publisher.wait_connected(START_SECONDS)
    assert publisher.publish([wake(4)], timeout_seconds=60) == {4}
    publisher.stop()
