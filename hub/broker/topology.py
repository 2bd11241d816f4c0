"""The exchanges and queues of the hub in RabbitMQ, as data, and their declaration.

Owns: every queue name and argument.
Never: publishes or consumes; deletes nothing.
Source: dependencies §6 (quorum queues, explicit delivery limit, at-least-once dead lettering).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pika.adapters.blocking_connection import BlockingChannel
from pika.channel import Channel

WORK_EXCHANGE: Final = "hub.work"
DEAD: Final = "hub.dead"  # the dead-letter exchange and its one queue
LANES: Final = ("urgent", "normal", "bulk")  # in the order of service
WITHOUT_LANES: Final = frozenset({"inform", "tally"})  # stations with one queue: their work is small and alike
DELIVERY_LIMIT: Final = 5  # explicit: RabbitMQ 3.10 has no default, 4.x has 20


@dataclass(frozen=True, slots=True)
class Queue:
    """One quorum queue; `name` is also its routing key on `exchange` (both before the prefix)."""

    name: str
    exchange: str = WORK_EXCHANGE
    arguments: Mapping[str, str | int] = field(default_factory=dict)


_WORK_ARGUMENTS: Final = {
    "x-queue-type": "quorum",
    "x-delivery-limit": DELIVERY_LIMIT,
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",  # at-least-once asks for it
}


def queues_of(station: str) -> tuple[str, ...]:
    """The queues of one station, most urgent first.

    >>> queues_of("deliver")
    ('deliver.urgent', 'deliver.normal', 'deliver.bulk')
    >>> queues_of("tally")
    ('tally',)
    """
    return (station,) if station in WITHOUT_LANES else tuple(f"{station}.{lane}" for lane in LANES)


QUEUES: Final = (
    *(Queue(name, arguments=_WORK_ARGUMENTS) for s in ("route", "deliver", "inform", "tally") for name in queues_of(s)),
    Queue(DEAD, exchange=DEAD, arguments={"x-queue-type": "quorum"}),
)


def declare(channel: Channel | BlockingChannel, *, prefix: str = "") -> None:
    """Ask the broker for every exchange and queue; harmless when they are there.

    On a BlockingChannel all is there when this returns, or ChannelClosedByBroker was raised (406: a
    queue exists with other arguments). On an asynchronous Channel the requests carry no-wait: they
    hold once a later request on the same channel is answered, and a refusal closes the channel.
    """
    for exchange, kind in ((WORK_EXCHANGE, "direct"), (DEAD, "fanout")):
        channel.exchange_declare(exchange=prefix + exchange, exchange_type=kind, durable=True)
    for queue in QUEUES:
        arguments = dict(queue.arguments)
        if queue.exchange == WORK_EXCHANGE:
            arguments["x-dead-letter-exchange"] = prefix + DEAD
        channel.queue_declare(queue=prefix + queue.name, durable=True, arguments=arguments)
        channel.queue_bind(queue=prefix + queue.name, exchange=prefix + queue.exchange, routing_key=queue.name)


def depths(channel: BlockingChannel, *, prefix: str = "") -> dict[str, int]:
    """How many messages lie ready in each queue, by logical name (for `hub doctor` and the overview)."""
    return {
        queue.name: channel.queue_declare(queue=prefix + queue.name, passive=True).method.message_count
        for queue in QUEUES
    }
