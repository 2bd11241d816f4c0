"""The embedded broker and RabbitMQ keep the same promises."""

from __future__ import annotations

import pytest

from hub.broker import messages, topology
from hub.broker.embedded import EmbeddedBroker
from hub.broker.publisher import Publisher
from tests.broker.conftest import Queues
from tests.conformance.wake_publisher import Line, WakePublisherConformance
from tests.support.private_server import START_SECONDS


class TestEmbeddedBroker(WakePublisherConformance):
    @pytest.fixture
    def line(self):
        broker, seen = EmbeddedBroker(workers=2), []
        broker.start(seen.append)
        yield Line(broker, lambda: list(seen), broker.stop)
        broker.stop()


class TestPublisher(WakePublisherConformance):
    @pytest.fixture
    def line(self, rabbit_url):
        publisher, queues, seen = Publisher(rabbit_url), Queues(rabbit_url), []
        queues.declare()
        publisher.start()
        assert publisher.wait_connected(START_SECONDS)

        def arrived():
            for queue in topology.QUEUES:
                seen.extend(messages.decode(body) for body in queues.take_all(queue.name))
            return list(seen)

        yield Line(publisher, arrived, publisher.stop)
        publisher.stop()
