"""What happened, in order: the timeline of a consignment and the source of every count.

Owns: writing events, reading timelines, which events wait to be folded into the tallies.
Never: changes or deletes an event.
Source: Decision 28/2018/QĐ-TTg Art. 10(2)o (send-receive history), Art. 11 (automatic statistics).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.engine import Transaction
from hub.store.tables import events

# After these a document may count otherwise than before: at its sender, or at a recipient.
COUNTS = frozenset(
    {"accepted", "rejected", "frozen", "placed", "handed_over", "refused", "expired", "withdrawn", "passed_on"}
    | {"status", "duty_answered", "unfetched"}
)


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `facts` are small and free of personal data."""

    kind: str
    at: datetime
    consignment_id: str
    delivery_id: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def happened(transaction: Transaction, *happenings: Event) -> None:
    """Add events to the history."""
    rows = [
        {
            "kind": event.kind,
            "at": event.at,
            "consignment_id": event.consignment_id,
            "delivery_id": event.delivery_id,
            "facts": event.facts,
            "to_tally": event.kind in COUNTS,
        }
        for event in happenings
    ]
    if rows:
        transaction.execute(_INSERT, rows)


_INSERT = events.insert().inline()


def timeline(connection: Connection, consignment_id: str) -> list[Event]:
    """All events of a consignment in the order in which they were recorded."""
    rows = connection.execute(
        sa.select(events).where(events.c.consignment_id == consignment_id).order_by(events.c.number)
    )
    return [Event(r.kind, r.at, r.consignment_id, r.delivery_id, r.facts) for r in rows]


def to_tally(transaction: Transaction, *, limit: int) -> list[Any]:
    """Up to `limit` events that were not folded yet, oldest first: number, consignment_id, delivery_id."""
    return list(transaction.execute(_TO_TALLY, {"most": limit}))


def tallied(transaction: Transaction, numbers: Sequence[int]) -> None:
    """These events are folded."""
    transaction.execute(_TALLIED, {"numbers": list(numbers)})


def how_many_to_tally(connection: Connection) -> int:
    """How many events wait to be folded."""
    return connection.execute(_WAITING).scalar_one()


def wait_to_be_tallied(connection: Connection) -> bool:
    """True when an event was not folded into the tallies yet."""
    return connection.execute(_TO_TALLY, {"most": 1}).first() is not None


# Statements of the hot path are made once: SQLAlchemy keeps what it derived from them.
_TO_TALLY = (
    sa.select(events.c.number, events.c.consignment_id, events.c.delivery_id)
    .where(events.c.to_tally.is_(sa.true()))
    .order_by(events.c.number)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_WAITING = sa.select(sa.func.count()).select_from(events).where(events.c.to_tally.is_(sa.true()))
_TALLIED = (
    sa.update(events).where(events.c.number.in_(sa.bindparam("numbers", expanding=True))).values(to_tally=sa.false())
)
