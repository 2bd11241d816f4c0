"""Signs of life of the processes, and the audit of what people and commands did.

Owns: the heartbeat rows that `hub doctor` reads; the append-only audit.
Never: judges what is late.
Source: design §4; Decree 30/2020 Annex VI (access history).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.engine import Transaction
from hub.store.tables import audit, heartbeats


def beat(transaction: Transaction, process: str, *, at: datetime, facts: Mapping[str, Any]) -> None:
    """This process lives."""
    row = {"at": at, "facts": dict(facts)}
    where = heartbeats.c.process == process
    if not transaction.execute(sa.update(heartbeats).where(where).values(row)).rowcount:
        transaction.execute(sa.insert(heartbeats).values(process=process, **row))


def forget(transaction: Transaction, *, before: datetime) -> None:
    """Drop the rows of processes that ended long ago."""
    transaction.execute(sa.delete(heartbeats).where(heartbeats.c.at < before))


def last(connection: Connection) -> dict[str, tuple[datetime, dict[str, Any]]]:
    """When each process was last alive, and what it said."""
    return {row.process: (row.at, row.facts) for row in connection.execute(sa.select(heartbeats))}


def audited(transaction: Transaction, what: str, *, who: str, at: datetime, facts: Mapping[str, Any]) -> None:
    """Record who did what; `facts` never hold secrets."""
    transaction.execute(sa.insert(audit).values(at=at, who=who, what=what, facts=dict(facts)))
