"""TALLY: fold what happened into what is counted, exactly once.

Owns: emptying the backlog of events in small transactions; what an event changed is read from the rows of its subject.
Never: counts anything but what the rows say; adds an event twice, whoever folds it again.
Source: Decision 28/2018/QĐ-TTg Art. 11 (statistics are collected automatically).
"""

from __future__ import annotations

from hub.stations import Hub
from hub.store import counted, events, recount

BATCH = 500


def run(_work_id: str, hub: Hub) -> None:
    """Count all that waits; the work id only wakes, so that a hundred wakes cost one pass."""
    folded = BATCH
    while folded == BATCH:
        folded = fold(hub, limit=BATCH)


def fold(hub: Hub, *, limit: int) -> int:
    """Fold up to `limit` events in one transaction; returns how many."""
    with hub.database.writing(repeatable=True) as transaction:
        counted.one_at_a_time(transaction)
        waiting = events.to_tally(transaction, limit=limit)
        if waiting:
            sendings = {one.consignment_id for one in waiting if one.delivery_id is None}
            copies = {one.delivery_id for one in waiting if one.delivery_id is not None}
            found = recount.some(transaction.connection, consignment_ids=sendings, delivery_ids=copies, now=hub.now())
            counted.bring_up_to_date(transaction, sendings | copies, found)
            events.tallied(transaction, [one.number for one in waiting])
    return len(waiting)
