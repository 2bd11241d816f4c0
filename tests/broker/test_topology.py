"""The queues as data, and as RabbitMQ holds them."""

from __future__ import annotations

import pika
import pytest

from hub.broker import topology
from tests.broker.conftest import Queues


def test_each_station_and_lane_has_a_quorum_queue_with_a_delivery_limit():
    work = [queue for queue in topology.QUEUES if queue.exchange == topology.WORK_EXCHANGE]
    lanes = ("urgent", "normal", "bulk")
    assert [queue.name for queue in work] == [
        *(f"route.{lane}" for lane in lanes),
        *(f"deliver.{lane}" for lane in lanes),
        "inform",
        "tally",
    ]
    for queue in work:
        assert queue.arguments["x-queue-type"] == "quorum"
        assert queue.arguments["x-delivery-limit"] == 5
        assert queue.arguments["x-dead-letter-strategy"] == "at-least-once"
        assert queue.arguments["x-overflow"] == "reject-publish"


def test_the_dead_letters_are_a_quorum_queue_without_a_limit():
    (dead,) = (queue for queue in topology.QUEUES if queue.name == topology.DEAD)
    assert dict(dead.arguments) == {"x-queue-type": "quorum"}


@pytest.mark.service
def test_declaring_twice_is_harmless(queues: Queues):
    queues.declare()
    assert queues.depths() == {queue.name: 0 for queue in topology.QUEUES}


@pytest.mark.service
def test_the_broker_holds_the_delivery_limit_and_counts_down_to_the_dead_letters(queues: Queues):
    queues.put("route.normal", b"poison that crashes its reader")
    channel = queues.channel()
    seen = 0
    for method, _, _ in channel.consume(queues.prefix + "route.normal", inactivity_timeout=1):
        if method is None:
            break
        seen += 1
        channel.basic_reject(method.delivery_tag, requeue=True)
    channel.connection.close()
    assert seen == topology.DELIVERY_LIMIT + 1
    assert queues.take_all(topology.DEAD) == [b"poison that crashes its reader"]


@pytest.mark.service
def test_a_queue_with_other_arguments_is_refused(queues: Queues):
    channel = queues.channel()
    channel.queue_delete(queues.prefix + "tally")
    channel.queue_declare(queues.prefix + "tally", durable=True, arguments={"x-queue-type": "quorum"})
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as caught:
        topology.declare(channel, prefix=queues.prefix)
    assert caught.value.reply_code == 406
