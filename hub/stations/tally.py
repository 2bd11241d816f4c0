"""TALLY: fold events that count into the daily counts, exactly once each.

Owns: emptying the backlog of uncounted events in small transactions.
Never: counts anything but events.
Source: Decision 28/2018/QĐ-TTg Art. 11 (statistics are collected automatically).
"""

from __future__ import annotations

from hub.stations import Hub
from hub.store import events

BATCH = 500


def run(_work_id: str, hub: Hub) -> None:
    """Count all that waits; the work id only wakes, so that a hundred wakes cost one pass."""
    folded = BATCH
    while folded == BATCH:
        with hub.database.writing(repeatable=True) as transaction:
            folded = events.fold(transaction, limit=BATCH)
