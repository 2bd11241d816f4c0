"""ROUTER, DELIVERER, TALLIER: consumers of their queues; each message wakes one station.

Owns: which queues a process takes and how many messages it holds at a time.
Never: a queue of another process.
Source: dependencies §6 (prefetch: router 50, deliverer 8 per lane); design §4.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from hub.broker.consumer import Consumer
from hub.broker.topology import queues_of
from hub.errors import StoreUnavailable
from hub.processes import work_for
from hub.processes.loop import HEARTBEAT_EVERY, Heartbeat
from hub.stations import Hub

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Worker:
    """A consuming process: its queues, most urgent first, and its prefetch (messages held unacknowledged)."""

    queues: tuple[str, ...]
    prefetch: int


WORKERS: Mapping[str, Worker] = {
    # Statuses are awaited by people: behind urgent telegrams, before the daily traffic.
    "router": Worker(("route.urgent", "inform", "route.normal", "route.bulk"), prefetch=50),
    "deliverer": Worker(queues_of("deliver"), prefetch=8),
    "tallier": Worker(queues_of("tally"), prefetch=50),
}


def run(name: str, hub: Hub, stop: threading.Event) -> None:
    """Consume until `stop`; a lost broker is waited for, a lost database leaves the work to the clock."""
    worker = WORKERS[name]
    beating = threading.Thread(target=_beat, args=(name, hub, stop), name="heartbeat", daemon=True)
    beating.start()
    consumer = Consumer(
        hub.settings.broker_url,
        queues=worker.queues,
        handle=work_for(hub),
        prefetch=worker.prefetch,
        name=name,
    )
    consumer.run(stop)


def _beat(name: str, hub: Hub, stop: threading.Event) -> None:
    heartbeat = Heartbeat(hub, name)
    while not stop.is_set():
        try:
            heartbeat.beat({})
        except StoreUnavailable as away:
            log.warning("heartbeat_was_not_written", error=str(away))
        stop.wait(HEARTBEAT_EVERY.total_seconds())
