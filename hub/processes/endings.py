"""The clock's endings: what has outlived its time expires, what waits at a closed agency goes to its successor.

Owns: which deliveries are handed to the stations EXPIRE and PASS ON, and how many in one round.
Never: lets one row that fails stop the others.
Source: design §5 ("never silently stuck"); Decision 09/2025/QĐ-TTg Art. 2.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from hub.domain.periods import vietnam_day
from hub.errors import HubError, StoreUnavailable
from hub.stations import Hub, expire, pass_on
from hub.store import standing
from hub.store.engine import Connection

log = structlog.get_logger()
BATCH = 200  # of each kind in one round; the rest follows in the next, so that the clock's other duties are not late


def tick(hub: Hub) -> None:
    """One bounded round. Raises StoreUnavailable."""
    now = hub.now()
    _all(lambda found, most: standing.at_closed(found, vietnam_day(now), limit=most), pass_on.run, hub)
    _all(lambda found, most: standing.expired(found, now, limit=most), expire.run, hub)


def _all(look: Callable[[Connection, int], list[str]], work: Callable[[str, Hub], None], hub: Hub) -> None:
    """Work on what `look` finds; what fails stays there, so more is looked for than was tried."""
    tried: set[str] = set()
    ended = 0
    while ended < BATCH:
        with hub.database.reading() as connection:
            found = [one for one in look(connection, BATCH + len(tried) - ended) if one not in tried]
        if not found:
            return
        for one in found[: BATCH - ended]:
            tried.add(one)
            ended += _done(work, one, hub)


def _done(work: Callable[[str, Hub], None], delivery_id: str, hub: Hub) -> bool:
    try:
        work(delivery_id, hub)
        return True
    except StoreUnavailable:
        raise
    except HubError as trouble:
        log.warning("delivery_could_not_be_ended", delivery=delivery_id, code=trouble.code, error=str(trouble))
    except Exception:  # one delivery must not stop the clock for all others
        log.exception("delivery_could_not_be_ended", delivery=delivery_id)
    return False
