"""CLOCK: wake what is due and rescue what is stuck; one leader at a time.

Owns: the duties by time; the leader's lock.
Never: parses documents, except to judge a held one again through its station.
Source: design §4 (clock), §5; "never silently stuck".
"""

from __future__ import annotations

import threading
from datetime import timedelta

import structlog

from hub.domain.consignments import ConsignmentState, Lane
from hub.errors import HubError
from hub.processes.loop import Heartbeat
from hub.stations import RESCUE_AFTER, Hub, judge_again
from hub.store import consignments, deliveries, events, heartbeats, outbox

log = structlog.get_logger()
EVERY_SECONDS = 5.0
BATCH = 500
UNCOUNTED_AFTER = timedelta(seconds=30)
FORGET_HEARTBEATS_AFTER = timedelta(hours=1)


def run(hub: Hub, stop: threading.Event) -> None:
    """Until `stop`: do the duties every five seconds, when this process is the leader."""
    heartbeat = Heartbeat(hub, "clock")
    while not stop.is_set():
        try:
            heartbeat.beat({})
            with hub.database.leading("clock") as leader:
                if leader:
                    tick(hub)
        except HubError as trouble:
            log.warning("clock_could_not_finish_a_round", error=str(trouble), code=trouble.code)
        stop.wait(EVERY_SECONDS)


def tick(hub: Hub) -> None:
    """One round of all duties."""
    _wake_consignments(hub)
    _wake_deliveries(hub)
    _wake_the_tally(hub)
    with hub.database.writing() as transaction:
        heartbeats.forget(transaction, before=hub.now() - FORGET_HEARTBEATS_AFTER)


def _wake_consignments(hub: Hub) -> None:
    now = hub.now()
    with hub.database.reading() as connection:
        waiting = consignments.due(connection, now, limit=BATCH)
    for consignment in waiting:
        if consignment.state is ConsignmentState.HELD:
            judge_again.run(consignment.id, hub)
            continue
        with hub.database.writing() as transaction:
            outbox.wake(transaction, "route", [consignment.id], lane=consignment.lane, trace_id=consignment.trace_id)
            consignments.postpone(transaction, consignment.id, now + RESCUE_AFTER)
        log.warning("consignment_was_woken_again", consignment=consignment.id, state=consignment.state.value)


def _wake_deliveries(hub: Hub) -> None:
    now = hub.now()
    with hub.database.reading() as connection:
        waiting = deliveries.due(connection, now, limit=BATCH)
    for delivery in waiting:
        with hub.database.writing() as transaction:
            outbox.wake(transaction, "deliver", [delivery.id], lane=delivery.lane, trace_id="")
            deliveries.change(transaction, delivery.id, next_attempt_at=now + RESCUE_AFTER)
        log.info("delivery_was_woken_again", delivery=delivery.id, attempts=delivery.attempts)


def _wake_the_tally(hub: Hub) -> None:
    with hub.database.reading() as connection:
        forgotten = events.uncounted_since(connection, hub.now() - UNCOUNTED_AFTER)
    if forgotten:
        with hub.database.writing() as transaction:
            outbox.wake(transaction, "tally", ["backlog"], lane=Lane.NORMAL, trace_id="")
        log.warning("tally_was_woken_again")
