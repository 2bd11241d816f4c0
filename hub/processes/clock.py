"""CLOCK: wake what is due, rescue what is stuck, seal receipts; one leader at a time.

Owns: the duties by time; the leader's lock; the threads beside it that reach outward or take long (evidence,
timestamps, notices, reports), which may wait for minutes and hold nothing up.
Never: parses documents, except to judge a held one again through its station.
Source: design §4 (clock), §5, §6; "never silently stuck".
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import structlog

from hub.domain.consignments import ConsignmentState, Lane
from hub.errors import HubError, StoreUnavailable
from hub.processes import deadlines, endings, evidence, informing, notices, reporting, sealing
from hub.processes.loop import Heartbeat
from hub.stations import RESCUE_AFTER, Hub, judge_again
from hub.stations.record import JUDGE_AGAIN_AFTER
from hub.store import consignments, deliveries, events, heartbeats, outbox
from hub.store.consignments import Consignment

log = structlog.get_logger()
EVERY_SECONDS = 5.0
STOP_SECONDS = 5.0  # a timestamp authority may keep its thread waiting; what it was asked for is asked again
BATCH = 500
LONGEST_RESCUE = timedelta(hours=1)
BACKLOG = "backlog"  # the work id of a wake that is for no single document
FORGET_HEARTBEATS_AFTER = timedelta(hours=1)


def run(hub: Hub, stop: threading.Event) -> None:
    """Until `stop`: do the duties every five seconds, when this process is the leader."""
    beside = [
        threading.Thread(target=evidence.run, args=(hub, stop), name="evidence", daemon=True),
        threading.Thread(target=sealing.run_stamps, args=(hub, stop), name="timestamps", daemon=True),
        threading.Thread(target=notices.run, args=(hub, stop), name="notices", daemon=True),
        threading.Thread(target=reporting.run, args=(hub, stop), name="reports", daemon=True),
    ]
    for thread in beside:
        thread.start()
    heartbeat = Heartbeat(hub, "clock")
    while not stop.is_set():
        try:
            heartbeat.beat({})
            with hub.database.leading("clock") as leader:
                if leader:
                    tick(hub)
        except HubError as trouble:
            log.warning("clock_could_not_finish_a_round", error=str(trouble), code=trouble.code)
        except Exception:  # a defect in one duty must not end the clock: everything stuck depends on it
            log.exception("clock_failed_unexpectedly")
        stop.wait(EVERY_SECONDS)
    for thread in beside:
        thread.join(timeout=STOP_SECONDS)


def tick(hub: Hub) -> None:
    """One round of all duties."""
    _wake_consignments(hub)
    _wake_deliveries(hub)
    _wake_the_tally(hub)
    endings.tick(hub)
    deadlines.tick(hub)
    informing.tick(hub)
    sealing.tick(hub)
    notices.tick(hub)
    with hub.database.writing(repeatable=True) as transaction:
        heartbeats.forget(transaction, before=hub.now() - FORGET_HEARTBEATS_AFTER)


def _look_again(since: datetime, now: datetime) -> datetime:
    """When to wake a row once more: ever later, because what waits in a long queue must not make it longer."""
    return now + min(max(now - since, RESCUE_AFTER), LONGEST_RESCUE)


def _wake_consignments(hub: Hub) -> None:
    now = hub.now()
    with hub.database.reading() as connection:
        waiting = consignments.due(connection, now, limit=BATCH)
        owed = outbox.owing(connection, [consignment.id for consignment in waiting])
    for consignment in waiting:
        if consignment.state is ConsignmentState.HELD:
            _judge_again(consignment, hub)
            continue
        with hub.database.writing() as transaction:
            claimed = consignments.claim(transaction, consignment, _look_again(consignment.judged_at, now))
            if not claimed or consignment.id in owed:  # it moved meanwhile, or its wake waits for the relay
                continue
            outbox.wake(transaction, "route", [consignment.id], lane=consignment.lane, trace_id=consignment.trace_id)
        log.warning("consignment_was_woken_again", consignment=consignment.id, state=consignment.state.value)


def _judge_again(consignment: Consignment, hub: Hub) -> None:
    try:
        judge_again.run(consignment.id, hub)
        return
    except StoreUnavailable:
        raise
    except HubError as trouble:
        log.warning("held_consignment_could_not_be_judged", consignment=consignment.id, code=trouble.code)
    except Exception:  # one held document must not stop the clock for all others
        log.exception("held_consignment_could_not_be_judged", consignment=consignment.id)
    with hub.database.writing() as transaction:
        consignments.claim(transaction, consignment, hub.now() + JUDGE_AGAIN_AFTER)


def _wake_deliveries(hub: Hub) -> None:
    now = hub.now()
    with hub.database.reading() as connection:
        waiting = deliveries.due(connection, now, limit=BATCH)
        owed = outbox.owing(connection, [delivery.id for delivery in waiting])
    for delivery in waiting:
        with hub.database.writing() as transaction:
            claimed = deliveries.claim(transaction, delivery, _look_again(delivery.created_at, now))
            if not claimed or delivery.id in owed:
                continue
            outbox.wake(transaction, "deliver", [delivery.id], lane=delivery.lane, trace_id="")
        log.info("delivery_was_woken_again", delivery=delivery.id, attempts=delivery.attempts)


def _wake_the_tally(hub: Hub) -> None:
    """Whatever happened since the last round is counted: one wake for all of it."""
    with hub.database.reading() as connection:
        waiting = events.wait_to_be_tallied(connection)
        owed = outbox.owing(connection, [BACKLOG])
    if waiting and not owed:
        with hub.database.writing(repeatable=True) as transaction:
            outbox.wake(transaction, "tally", [BACKLOG], lane=Lane.NORMAL, trace_id="")
