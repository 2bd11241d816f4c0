"""The processes of the hub: what wakes them and what they run.

Owns: the table of stations by the word in a wake.
Never: the work of a station.
Source: design §4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog
from structlog.contextvars import bound_contextvars

from hub.broker.messages import Wake
from hub.stations import Hub, deliver, inform, route, tally

log = structlog.get_logger()

STATIONS: Mapping[str, Callable[[str, Hub], None]] = {
    "route": route.run,
    "deliver": deliver.run,
    "inform": inform.run,
    "tally": tally.run,
}


def work_for(hub: Hub) -> Callable[[Wake], None]:
    """What a consumer calls for each wake: the station, with the wake's ids in every log line."""

    def work(wake: Wake) -> None:
        with bound_contextvars(trace_id=wake.trace_id, station=wake.station, work_id=wake.work_id):
            STATIONS[wake.station](wake.work_id, hub)

    return work
