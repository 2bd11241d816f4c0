"""DEADLINES, a duty of the clock: what recipients owe and did not do in time is told, once.

Owns: finding the duties whose deadline passed, batch by batch; what nobody fetched in time.
Never: ends a duty; what is overdue is still owed.
Source: Decision 28/2018/QĐ-TTg Art. 8(2) (the sender follows what becomes of its document), 9(2).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime

import structlog

from hub.domain.duties import Duty
from hub.stations import Hub, fetch
from hub.stations.duties import tell_overdue
from hub.store import consignments, deliveries, duties, unfetched
from hub.store.deliveries import Delivery

log = structlog.get_logger()
BATCH = 200
LONGEST_ROUND_SECONDS = 5.0  # of the clock's time; what is left is told in its next rounds

Late = Mapping[str, list[tuple[Duty, Delivery]]]  # by consignment


def tick(hub: Hub) -> int:
    """Tell what became overdue; returns how many duties. Raises StoreUnavailable."""
    told, found, until = 0, BATCH, time.monotonic() + LONGEST_ROUND_SECONDS
    while found == BATCH and time.monotonic() < until:
        now = hub.now()
        late, found = _late(hub, now)
        told += sum(_tell(hub, consignment_id, late, now) for consignment_id in late)
    if told:
        log.info("deadlines_have_passed", duties=told)
    _tell_unfetched(hub)
    return told


def _tell_unfetched(hub: Hub) -> None:
    """What lies in an inbox longer than the rule pack lets it is an event, once; the tally counts it."""
    found, until = BATCH, time.monotonic() + LONGEST_ROUND_SECONDS
    while found == BATCH and time.monotonic() < until:
        with hub.database.reading() as connection:
            lying = unfetched.lying(connection, by=hub.now(), limit=BATCH)
        found = sum(fetch.was_not(one, hub) for one in lying)


def _late(hub: Hub, now: datetime) -> tuple[Late, int]:
    late: dict[str, list[tuple[Duty, Delivery]]] = {}
    with hub.database.reading() as connection:
        passed = duties.passed(connection, now, limit=BATCH)
        for duty in passed:
            delivery = deliveries.get(connection, duty.delivery_id)
            if delivery is None:
                raise LookupError(f"duty {duty.id} without its delivery")
            late.setdefault(delivery.consignment_id, []).append((duty, delivery))
    return late, len(passed)


def _tell(hub: Hub, consignment_id: str, late: Late, now: datetime) -> int:
    """One consignment at a time, which is locked first as stations do; the disk is not awaited for each."""
    with hub.database.writing(repeatable=True, gives_way=True) as transaction:
        consignments.lock(transaction, consignment_id)
        told = tell_overdue(transaction, late[consignment_id], at=now)
        if told:
            transaction.ring(f"consignment:{consignment_id}")
    return told
