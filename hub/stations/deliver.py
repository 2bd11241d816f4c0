"""DELIVER: hand one delivery over through the recipient's adapter.

Owns: what each outcome means for the delivery; the place in the inbox.
Never: parses the document; waits inside a transaction.
Source: design §1, §7 (Outcome); Decision 28/2018/QĐ-TTg Art. 8(2).
"""

from __future__ import annotations

from datetime import datetime

import structlog

from hub.domain.deliveries import DeliveryState, wait_before
from hub.errors import Misconfigured
from hub.ports import Delivered, HandOver, Outcome, Placed, Refused, TryLater
from hub.stations import Hub, acknowledge
from hub.store import agencies, consignments, deliveries, events
from hub.store.deliveries import Delivery
from hub.store.engine import Transaction
from hub.store.events import Event

log = structlog.get_logger()


def run(delivery_id: str, hub: Hub) -> None:
    """Hand it over once; does nothing when it is no longer due."""
    work, adapter = _work(delivery_id, hub)
    if work is None:
        return
    if adapter not in hub.agencies:
        raise Misconfigured("agency adapter", f"{work.recipient} uses {adapter!r}", "Install or correct the adapter.")
    outcome = hub.agencies[adapter].hand_over(work)
    with hub.database.writing() as transaction:
        delivery = acknowledge.locked(transaction, delivery_id)
        if delivery is None or delivery.state is not DeliveryState.DUE:
            return
        if isinstance(outcome, TryLater) and delivery.attempts >= work.attempt:
            return  # another deliverer was told to wait meanwhile: that was one attempt
        _apply(transaction, delivery, outcome, hub)


def _work(delivery_id: str, hub: Hub) -> tuple[HandOver | None, str]:
    with hub.database.reading() as connection:
        delivery = deliveries.get(connection, delivery_id)
        if delivery is None or delivery.state is not DeliveryState.DUE:
            return None, ""
        consignment = consignments.get(connection, delivery.consignment_id)
        recipient = agencies.find(connection, delivery.recipient_key)
        if consignment is None or recipient is None:
            raise LookupError(f"delivery {delivery_id} without its consignment or recipient")
    work = HandOver(
        delivery_id=delivery.id,
        consignment_id=consignment.id,
        recipient=recipient.code,
        sender=consignment.sender_key,
        sha256=consignment.sha256,
        size_bytes=consignment.size_bytes,
        attempt=delivery.attempts + 1,
    )
    return work, recipient.adapter


def _apply(transaction: Transaction, delivery: Delivery, outcome: Outcome, hub: Hub) -> None:
    now = hub.now()
    match outcome:
        case Placed():
            place(transaction, delivery, now)
        case Delivered(words=words):
            acknowledge.hand_over(transaction, delivery, hub, words=words)
        case Refused(reason=reason):
            acknowledge.refuse(transaction, delivery, hub, reason=reason)
        case TryLater(reason=reason, after=after):
            attempts = delivery.attempts + 1
            until = now + (after or wait_before(attempts))
            deliveries.change(transaction, delivery.id, attempts=attempts, next_attempt_at=until, reason=reason)
            facts = {"recipient": delivery.recipient_key, "attempt": attempts, "reason": reason}
            events.happened(transaction, Event("deferred", now, delivery.consignment_id, delivery.id, facts))
            log.info("delivery_was_deferred", delivery=delivery.id, attempt=attempts, reason=reason)


def place(transaction: Transaction, delivery: Delivery, now: datetime) -> None:
    """Give the delivery the next place in its recipient's inbox and wake who waits there."""
    position = deliveries.next_position(transaction, delivery.recipient_key)
    deliveries.move(
        transaction, delivery, DeliveryState.IN_HAND, position=position, placed_at=now, attempts=delivery.attempts + 1
    )
    facts = {"recipient": delivery.recipient_key, "position": position}
    events.happened(transaction, Event("placed", now, delivery.consignment_id, delivery.id, facts))
    transaction.ring(f"inbox:{delivery.recipient_key}")
