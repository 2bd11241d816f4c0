"""RELAY: carry outbox rows to the broker, at least once, and forget those that it has taken.

Owns: the loop between outbox and broker; its heartbeat.
Never: reads payloads; loses a row: it is deleted only after the broker's confirm.
Source: dependencies §6 (confirms in windows); design §4.
"""

from __future__ import annotations

import threading

import structlog

from hub.broker.messages import Wake
from hub.errors import Deferral
from hub.ports import WakePublisher
from hub.processes.loop import Heartbeat, rest
from hub.stations import Hub
from hub.store import outbox

log = structlog.get_logger()
BATCH = 500
POLL_SECONDS = 1.0
PUBLISH_TIMEOUT_SECONDS = 30.0


def run(hub: Hub, publisher: WakePublisher, stop: threading.Event) -> None:
    """Until `stop`: publish what is owed, sleep until the bell or the poll. Survives a lost broker or database."""
    heartbeat = Heartbeat(hub, "relay")
    while not stop.is_set():
        token = hub.database.bell.token(outbox.TOPIC)
        try:
            heartbeat.beat({"connected": publisher.connected})
            if carry(hub, publisher) == BATCH:
                continue
        except Deferral as away:
            log.warning("relay_has_to_wait", error=str(away), code=away.code)
            rest(stop)
            continue
        except Exception:  # a defect must not end the only way from the outbox to the stations
            log.exception("relay_failed_unexpectedly")
            rest(stop)
            continue
        hub.database.bell.wait(outbox.TOPIC, token, timeout_seconds=POLL_SECONDS)


def carry(hub: Hub, publisher: WakePublisher) -> int:
    """Publish one batch of owed rows; returns how many the broker took. Raises BrokerUnavailable."""
    with hub.database.reading() as connection:
        rows = outbox.owed(connection, after=0, limit=BATCH)
    if not rows:
        return 0
    wakes = [
        Wake(outbox_id=r.number, station=r.station, work_id=r.work_id, lane=r.lane, trace_id=r.trace_id) for r in rows
    ]
    taken = publisher.publish(wakes, timeout_seconds=PUBLISH_TIMEOUT_SECONDS)
    if taken:
        with hub.database.writing(repeatable=True) as transaction:
            outbox.forget(transaction, taken)
    if len(taken) < len(wakes):
        log.warning("broker_did_not_take_all", owed=len(wakes), taken=len(taken))
    return len(taken)
