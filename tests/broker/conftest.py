"""Wakes, a publisher and consumers on a private RabbitMQ, ended after each test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pika
import pytest

from hub.broker import topology
from hub.broker.consumer import Consumer
from hub.broker.endpoints import endpoints
from hub.broker.messages import Wake
from hub.broker.publisher import Publisher
from tests.support.private_server import START_SECONDS


def wake(number: int, *, station: str = "route", lane: str = "normal") -> Wake:
    return Wake(outbox_id=number, station=station, work_id=f"work-{number}", lane=lane, trace_id=f"trace-{number}")


def eventually(condition: Callable[[], object], *, seconds: float = 90.0) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return bool(condition())


class Queues:
    """A look at the real queues, as an operator has."""

    def __init__(self, url: str) -> None:
        endpoint = endpoints(url)[0]
        self.prefix = endpoint.prefix
        self._parameters = endpoint.parameters

    def channel(self) -> pika.adapters.blocking_connection.BlockingChannel:
        return pika.BlockingConnection(self._parameters).channel()

    def declare(self) -> None:
        channel = self.channel()
        topology.declare(channel, prefix=self.prefix)
        channel.connection.close()

    def depths(self) -> dict[str, int]:
        channel = self.channel()
        found = topology.depths(channel, prefix=self.prefix)
        channel.connection.close()
        return found

    def put(self, queue: str, body: bytes, **properties: object) -> None:
        channel = self.channel()
        channel.confirm_delivery()
        exchange = self.prefix + topology.WORK_EXCHANGE
        channel.basic_publish(exchange, queue, body, pika.BasicProperties(**properties), mandatory=True)
        channel.connection.close()

    def take_all(self, queue: str) -> list[bytes]:
        """Every message of a queue, removed from it."""
        channel, bodies = self.channel(), []
        while (body := channel.basic_get(self.prefix + queue, auto_ack=True)[2]) is not None:
            bodies.append(body)
        channel.connection.close()
        return bodies


class Running:
    """A consumer on a thread, as a process would run it."""

    def __init__(self, consumer: Consumer) -> None:
        self._stop = threading.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(consumer,))
        self._thread.start()

    def _run(self, consumer: Consumer) -> None:
        try:
            consumer.run(self._stop)
        except BaseException as error:
            self.error = error

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.fixture
def queues(rabbit_url: str) -> Queues:
    found = Queues(rabbit_url)
    found.declare()
    return found


@pytest.fixture
def publisher(rabbit_url: str) -> Iterator[Publisher]:
    made = Publisher(rabbit_url)
    made.start()
    assert made.wait_connected(START_SECONDS)
    yield made
    made.stop()


@pytest.fixture
def run_consumer(rabbit_url: str) -> Iterator[Callable[..., Running]]:
    running: list[Running] = []

    def run(handle: Callable[[Wake], None], **options: object) -> Running:
        facts = {
            "url": rabbit_url,
            "queues": topology.queues_of("route"),
            "prefetch": 10,
            "name": "test",
        } | options
        url = facts.pop("url")
        running.append(Running(Consumer(url, handle=handle, **facts)))
        return running[-1]

    yield run
    for one in running:
        one.stop()
