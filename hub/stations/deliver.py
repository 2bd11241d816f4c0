"""DELIVER: hand one delivery over through the recipient's adapter.

Owns: what each outcome means for the delivery; the place in the inbox.
Never: parses the document; waits inside a transaction.
Source: design §1, §7 (Outcome); Decision 28/2018/QĐ-TTg Art. 8(2).
"""

from __future__ import annotations

from datetime import datetime

import structlog

from hub.domain.deliveries import FINAL, Cause, DeliveryState, wait_before
from hub.domain.envelopes import BusinessType, Kind
from hub.domain.receipts import ReceiptEvent
from hub.domain.statuses import StatusCode
from hub.errors import Misconfigured
from hub.ports import Delivered, HandOver, Outcome, Placed, Refused, TryLater
from hub.stations import Hub, acknowledge, duties, ending
from hub.stations.ending import Ending
from hub.store import agencies, consignments, conversations, deliveries, documents, events
from hub.store.consignments import Brief
from hub.store.deliveries import Delivery
from hub.store.engine import Connection, Transaction
from hub.store.events import Event

SPARED = ""  # no adapter: the recipient never took what the notice is about
NEVER_TAKEN = "nơi nhận chưa từng nhận văn bản / the recipient never took the document"
log = structlog.get_logger()


def run(delivery_id: str, hub: Hub) -> None:
    """Hand it over once; does nothing when it is no longer due."""
    work, adapter = _work(delivery_id, hub)
    if work is None:
        return
    if adapter == SPARED:
        _spare(delivery_id, hub)
        return
    if adapter not in hub.agencies:
        raise Misconfigured("agency adapter", f"{work.recipient} uses {adapter!r}", "Install or correct the adapter.")
    outcome = hub.agencies[adapter].hand_over(work)
    with hub.database.writing() as transaction:
        delivery = ending.locked(transaction, delivery_id)
        if delivery is None or delivery.state is not DeliveryState.DUE:
            return
        if isinstance(outcome, TryLater) and delivery.attempts >= work.attempt:
            return  # another deliverer was told to wait meanwhile: that was one attempt
        _apply(transaction, delivery, outcome, hub)


def _is_about_nothing(connection: Connection, delivery: Delivery, consignment: Brief) -> bool:
    """True for a notice about a copy that ended before its recipient took it."""
    if not _is_notice(connection, consignment):
        return False
    copies = documents.every_copy(connection, consignment.document_ref or "")
    mine = [copy for copy in copies if copy.recipient_key == delivery.recipient_key]
    return bool(mine) and all(copy.untaken and copy.state in FINAL for copy in mine)


def _is_notice(connection: Connection, consignment: Brief) -> bool:
    if consignment.kind == Kind.STATUS:
        whole = consignments.get(connection, consignment.id)
        said = whole.header.get("status") if whole else None
        return bool(said and said["status_code"] == StatusCode.RECALL_REQUESTED)
    return consignment.business_type in (BusinessType.RECALL, BusinessType.UPDATE)


def _spare(delivery_id: str, hub: Hub) -> None:
    with hub.database.writing() as transaction:
        delivery = ending.locked(transaction, delivery_id)
        if delivery is not None and delivery.state is DeliveryState.DUE:
            how = Ending(DeliveryState.WITHDRAWN, "withdrawn", ReceiptEvent.CONTENT_WITHDRAWAL, NEVER_TAKEN)
            ending.end(transaction, delivery, how, hub)


def _work(delivery_id: str, hub: Hub) -> tuple[HandOver | None, str]:
    with hub.database.reading() as connection:
        delivery = deliveries.get(connection, delivery_id)
        if delivery is None or delivery.state is not DeliveryState.DUE:
            return None, ""
        if conversations.waits_behind(connection, delivery) is not None:
            return None, ""  # an earlier sending about the same document goes first, and wakes this one
        consignment = consignments.brief(connection, delivery.consignment_id)
        recipient = agencies.find(connection, delivery.recipient_key)
        if consignment is None or recipient is None:
            raise LookupError(f"delivery {delivery_id} without its consignment or recipient")
        spared = _is_about_nothing(connection, delivery, consignment)
    work = HandOver(
        delivery_id=delivery.id,
        consignment_id=consignment.id,
        recipient=recipient.code,
        sender=consignment.sender_key,
        sha256=consignment.sha256,
        size_bytes=consignment.size_bytes,
        attempt=delivery.attempts + 1,
    )
    return work, SPARED if spared else recipient.adapter


def _apply(transaction: Transaction, delivery: Delivery, outcome: Outcome, hub: Hub) -> None:
    now = hub.now()
    match outcome:
        case Placed() if deliveries.inbox_is_full(
            transaction.connection, delivery.recipient_key, hub.settings.inbox_quota
        ):
            _defer(transaction, delivery, TryLater("hộp đến đã đầy / the inbox is full", cause=Cause.QUOTA), now)
        case Placed():
            place(transaction, delivery, hub)
        case Delivered(words=words):
            acknowledge.hand_over(transaction, delivery, hub, words=words)
        case Refused(reason=reason):
            acknowledge.refuse(transaction, delivery, hub, reason=reason)
        case TryLater():
            _defer(transaction, delivery, outcome, now)


def _defer(transaction: Transaction, delivery: Delivery, outcome: TryLater, now: datetime) -> None:
    attempts = delivery.attempts + 1
    until = now + (outcome.after or wait_before(attempts))
    tried = {"attempts": attempts, "next_attempt_at": until, "reason": outcome.reason, "cause": outcome.cause.value}
    deliveries.change(transaction, delivery.id, **tried)
    facts = {"recipient": delivery.recipient_key, "attempt": attempts, "reason": outcome.reason}
    events.happened(transaction, Event("deferred", now, delivery.consignment_id, delivery.id, facts))
    log.info("delivery_was_deferred", delivery=delivery.id, attempt=attempts, reason=outcome.reason)


def place(transaction: Transaction, delivery: Delivery, hub: Hub) -> None:
    """Give the delivery the next place in its recipient's inbox and wake who waits there."""
    now = hub.now()
    position = deliveries.next_position(transaction, delivery.recipient_key)
    deliveries.move(
        transaction,
        delivery,
        DeliveryState.IN_HAND,
        position=position,
        arrived_at=delivery.arrived_at or now,
        placed_at=now,
        attempts=delivery.attempts + 1,
        cause="",
    )
    facts = {"recipient": delivery.recipient_key, "position": position}
    events.happened(transaction, Event("placed", now, delivery.consignment_id, delivery.id, facts))
    duties.placed(transaction, delivery, ending.brief_of(transaction, delivery), hub)
    ending.wake_followers(transaction, delivery)
    transaction.ring(f"inbox:{delivery.recipient_key}")
