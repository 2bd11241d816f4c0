"""How a delivery ends, whatever ended it: state, receipt, history, duties, those that waited behind it, the closing.

Owns: the one way to end a locked delivery, so that nothing ends silently.
Never: decides that it ends.
Source: design §5, §6; Decision 28/2018/QĐ-TTg Art. 8(2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hub.domain.deliveries import DeliveryState
from hub.domain.duties import GIVING_UP, DutyKind, DutyOutcome
from hub.domain.receipts import ReceiptEvent, Testimony
from hub.stations import Hub, new_id, testimony
from hub.store import consignments, conversations, deliveries, duties, events, notices, outbox, receipts
from hub.store.consignments import Brief, Consignment
from hub.store.deliveries import Delivery
from hub.store.engine import Transaction
from hub.store.events import Event
from hub.store.receipts import Receipt

KEEPS_DUTIES = frozenset({DeliveryState.HANDED_OVER})  # the recipient has it: what it owes, it still owes


@dataclass(frozen=True, slots=True)
class Ending:
    """How it ends: the state, the word in the history, the event of the receipt, the reason in words."""

    state: DeliveryState
    word: str
    event: ReceiptEvent
    reason: str = ""


def end(transaction: Transaction, delivery: Delivery, ending: Ending, hub: Hub, **facts: Any) -> Receipt:
    """End the locked delivery of a locked consignment; `facts` are further columns of its row."""
    now = hub.now()
    consignment = brief_of(transaction, delivery)
    reason = {"reason": ending.reason} if ending.reason else {}
    if ending.state is DeliveryState.EXPIRED:
        facts["expired_at"] = delivery.expired_at or now
        if delivery.arrived_at is not None:
            facts["expired_in_hand_at"] = delivery.expired_in_hand_at or now
    elif ending.state is DeliveryState.HANDED_OVER:
        facts["arrived_at"] = delivery.arrived_at or now  # an agency's system may take it without its inbox
    deliveries.move(transaction, delivery, ending.state, ended_at=now, **reason, **facts)
    if ending.state not in KEEPS_DUTIES:
        duties.end(transaction, delivery.id, _lapsed(delivery, ending), DutyOutcome.MOOT, at=now)
    receipt = testimony.signed(about(delivery, consignment, ending.event, hub, reason=ending.reason or None), hub)
    receipts.issue(transaction, receipt)
    if ending.state is DeliveryState.EXPIRED:
        notices.expired(transaction, delivery.id, at=now)  # its sender hears of it
    told = {"recipient": delivery.recipient_key, "reason": ending.reason}
    events.happened(transaction, Event(ending.word, now, consignment.id, delivery.id, told))
    wake_followers(transaction, delivery)
    if consignments.close_if_ended(transaction, consignment.id):
        events.happened(transaction, Event("closed", now, consignment.id))
    transaction.ring(f"consignment:{consignment.id}")
    return receipt


def _lapsed(delivery: Delivery, ending: Ending) -> frozenset[DutyKind]:
    """Who fetched the bytes and was asked to give them up owes that still when only the time to live is over."""
    has_bytes = ending.state is DeliveryState.EXPIRED and delivery.fetched_at is not None
    return frozenset(DutyKind) - GIVING_UP if has_bytes else frozenset(DutyKind)


def wake_followers(transaction: Transaction, delivery: Delivery) -> None:
    """Deliveries of the same conversation to the same recipient need not wait for this one any more."""
    for follower in conversations.wait_for(transaction.connection, delivery):
        outbox.wake(transaction, "deliver", [follower.id], lane=follower.lane, trace_id="")


def about(
    delivery: Delivery, consignment: Consignment | Brief, event: ReceiptEvent, hub: Hub, **facts: str | None
) -> Testimony:
    """What a receipt about a delivery testifies."""
    return Testimony(
        receipt_id=new_id(),
        event=event,
        at=hub.now(),
        consignment_id=consignment.id,
        sender=consignment.sender_key,
        document_id=consignment.document_id,
        sha256=consignment.sha256,
        size_bytes=consignment.size_bytes,
        delivery_id=delivery.id,
        recipient=delivery.recipient_key,
        **facts,
    )


def brief_of(transaction: Transaction, delivery: Delivery) -> Brief:
    """The consignment to which a delivery belongs, which exists, without its header."""
    found = consignments.brief(transaction.connection, delivery.consignment_id)
    if found is None:
        raise LookupError(f"delivery {delivery.id} without its consignment")
    return found


def consignment_of(transaction: Transaction, delivery: Delivery) -> Consignment:
    """The consignment to which a delivery belongs, which exists."""
    consignment = consignments.get(transaction.connection, delivery.consignment_id)
    if consignment is None:
        raise LookupError(f"delivery {delivery.id} without its consignment")
    return consignment


def locked(transaction: Transaction, delivery_id: str) -> Delivery | None:
    """The delivery with its consignment locked first: all stations lock in this order, so none waits in a circle."""
    known = consignments.lock_of_delivery(transaction, delivery_id)
    return deliveries.lock(transaction, delivery_id) if known else None
