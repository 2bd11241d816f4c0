"""EMBEDDED: the whole hub in one process: API, relay, stations and clock on SQLite.

Owns: starting and stopping the threads beside the API.
Never: a second way through the stations; the same relay feeds an in-process broker.
Source: design §4 (`hub serve`), §10 point 9 (embedded equals production).
"""

from __future__ import annotations

import atexit
import threading
from wsgiref.types import WSGIApplication

from hub import settings, wiring
from hub.broker.embedded import EmbeddedBroker
from hub.processes import clock, logs, relay, work_for
from hub.stations import Hub
from hub.store import schema
from hub.web.app import create_app


class Embedded:
    """The threads of an embedded hub. `start` once, `stop` finishes the work in hand."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._broker = EmbeddedBroker(workers=hub.settings.station_threads)
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=relay.run, args=(hub, self._broker, self._stop), name="relay", daemon=True),
            threading.Thread(target=clock.run, args=(hub, self._stop), name="clock", daemon=True),
        ]

    def start(self) -> None:
        """Begin to work."""
        self._broker.start(work_for(self._hub))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish what is in hand; what is owed stays in the database."""
        self._stop.set()
        self._hub.database.bell.close()
        for thread in self._threads:
            thread.join(timeout=10)
        self._broker.stop()
        self._hub.close()


def application() -> WSGIApplication:
    """The WSGI application of `hub serve`, with its threads running; for one gunicorn worker."""
    configured = settings.load()
    logs.configure(configured.log_format)
    database = wiring.open_database(configured)
    schema.upgrade(database)
    database.close()
    wiring.make_hub_key(configured)
    hub = wiring.open_hub(configured)
    embedded = Embedded(hub)
    embedded.start()
    atexit.register(embedded.stop)
    return create_app(hub)
