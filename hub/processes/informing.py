"""The clock's duty about statuses: none stays without its message.

Owns: writing the messages whose wake was lost, in the clock itself.
Never: adds wakes: what waits in a long queue must not make it longer.
Source: hub/stations/inform.py; "never silently stuck".
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from hub.errors import HubError
from hub.stations import Hub, inform
from hub.store import outbox, statuses_owed

log = structlog.get_logger()
FORGOTTEN_AFTER = timedelta(seconds=60)
BATCH = 50  # a message takes some milliseconds (its body is synced to the disk); the clock has other duties


def tick(hub: Hub) -> None:
    """Write the messages about statuses that wait for longer than a minute and whose wake has left the outbox."""
    with hub.database.reading() as connection:
        waiting = statuses_owed.waiting(connection, hub.now() - FORGOTTEN_AFTER, BATCH)
        owed = outbox.owing(connection, [entry.id for entry in waiting])
    for entry in waiting:
        if entry.id in owed:  # the relay has no broker; its wakes are all kept
            continue
        try:
            inform.run(entry.id, hub)
        except HubError:
            raise  # the database or the disk is away: the next round tries again
        except Exception:  # one status must not stop all others
            log.exception("status_message_could_not_be_written", status=entry.id)
        else:
            log.warning("status_message_was_written_late", status=entry.id)
