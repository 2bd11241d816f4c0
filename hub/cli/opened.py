"""What most commands begin with: the database of the configured hub, and the audit of who did what.

Owns: opening and closing it, refusing a schema of another version; the name of the person at the command line.
Never: prints.
Source: Decree 30/2020/NĐ-CP Annex VI (access history).
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager

from hub import settings, wiring
from hub.settings import Settings
from hub.stations import utc_now
from hub.store import heartbeats
from hub.store.engine import Database, Transaction


@contextmanager
def database(configured: Settings | None = None) -> Iterator[Database]:
    """The database, open for the block. Raises Misconfigured when its schema is not the one wanted."""
    opened = wiring.open_database(configured or settings.load())
    try:
        wiring.ready(opened)
        yield opened
    finally:
        opened.close()


def audited(transaction: Transaction, what: str, **facts: str) -> None:
    """The person who runs this command did `what`; `facts` hold no secrets."""
    heartbeats.audited(transaction, what, who=f"cli:{getpass.getuser()}", at=utc_now(), facts=facts)
