"""Hubs for tests of the edges: a migrated database, the cast of scenes.py, an API key for everybody.

Owns: `make_hub`, the keys of the cast, running what the outbox owes in the test's own thread.
Never: a second cast or a second way to sign; tests/support/scenes.py has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hub import wiring
from hub.processes import STATIONS
from hub.settings import load
from hub.stations import Hub, tally, utc_now
from hub.store import agencies, outbox, schema
from tests.support.scenes import CAST, people, trusting


def make_hub(folder: Path, database_url: str | None = None, **settings: Any) -> Hub:
    """An open hub in `folder` (SQLite unless a URL is given) with the cast in its directory; close its database."""
    hub = open_again(folder, database_url, **settings)
    people(hub.database)
    return hub


def open_again(folder: Path, database_url: str | None = None, **settings: Any) -> Hub:
    """The hub in `folder` as another process opens it, migrated when it is new."""
    folder.mkdir(parents=True, exist_ok=True)
    trust = trusting(folder / "trust")
    overrides = {"data_dir": str(folder), "trust_dir": str(trust), "database_url": database_url or "", **settings}
    configured = load({}, overrides=overrides)
    database = wiring.open_database(configured)
    if schema.version(database) != schema.newest():
        schema.upgrade(database)
    database.close()
    wiring.make_hub_key(configured)
    return wiring.open_hub(configured)


def make_keys(hub: Hub) -> Mapping[str, str]:
    """A live API key for every agency of the cast."""
    with hub.database.writing() as transaction:
        return {agency.code: agencies.new_key(transaction, agency, now=utc_now()) for agency in CAST}


def drain(hub: Hub) -> int:
    """Run what the outbox owes until nothing is left, then the tally, which only the clock wakes; returns how many."""
    done = 0
    while True:
        with hub.database.reading() as connection:
            rows = outbox.owed(connection, after=0, limit=500)
        if not rows:
            tally.run("backlog", hub)
            return done
        for row in rows:
            STATIONS[row.station](row.work_id, hub)
        with hub.database.writing() as transaction:
            outbox.forget(transaction, [row.number for row in rows])
        done += len(rows)
