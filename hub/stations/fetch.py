"""FETCH: the recipient takes the bytes of its copy; that it did so too late is told at the same moment.

Owns: when a copy was first taken, as a row and an event; the event of a copy that lay longer than its hours, once.
Never: hands out bytes; counts.
Source: domain notes §5.2; Decision 28/2018/QĐ-TTg Art. 8(2) (the sender follows what becomes of its document).
"""

from __future__ import annotations

from hub.stations import Hub, ending
from hub.store import deliveries, events, unfetched
from hub.store.deliveries import Delivery
from hub.store.engine import Transaction
from hub.store.events import Event
from hub.store.unfetched import Unfetched


def run(delivery: Delivery, hub: Hub) -> bool:
    """Note that the recipient takes it; False when that was noted before, or it may not take it any more."""
    now = hub.now()
    with hub.database.writing() as transaction:
        if not deliveries.fetched(transaction, delivery.id, at=now):
            return False
        late = unfetched.of_delivery(transaction.connection, delivery.id, by=now)
        if late is not None:  # the clock has not come to it
            _tell(transaction, late)
        facts = {"recipient": delivery.recipient_key}
        events.happened(transaction, Event("fetched", now, delivery.consignment_id, delivery.id, facts))
        transaction.ring(f"consignment:{delivery.consignment_id}")
    return True


def was_not(one: Unfetched, hub: Hub) -> bool:
    """Tell that nobody fetched it within its hours; False when that was told meanwhile."""
    with hub.database.writing(repeatable=True, gives_way=True) as transaction:
        ending.locked(transaction, one.delivery_id)  # who fetches it at this moment is first
        late = unfetched.of_delivery(transaction.connection, one.delivery_id, by=hub.now())
        if late is not None:
            _tell(transaction, late)
    return late is not None


def _tell(transaction: Transaction, late: Unfetched) -> None:
    """It happened when its hours ended, not when somebody looked."""
    facts = {"recipient": late.recipient_key}
    events.happened(transaction, Event("unfetched", late.over_at, late.consignment_id, late.delivery_id, facts))
