"""PASS ON: the recipient was closed before it took the document; its successor gets it, or the sender is told.

Owns: who takes the place of a closed recipient, and the delivery that the successor gets instead.
Never: touches what was fetched, or the deliveries of a suspended agency (it still receives).
Source: Decision 09/2025/QĐ-TTg Art. 2 (closed codes and their successors); domain notes §2.7.
"""

from __future__ import annotations

from hub.domain.agencies import Resolution, code_key, resolve
from hub.domain.deliveries import DeliveryState
from hub.domain.periods import vietnam_day
from hub.domain.receipts import ReceiptEvent
from hub.stations import RESCUE_AFTER, Hub, ending, new_id
from hub.stations.ending import Ending
from hub.store import agencies, consignments, deliveries, documents, outbox, standing
from hub.store.deliveries import Delivery
from hub.store.engine import Connection, Transaction


def run(delivery_id: str, hub: Hub) -> None:
    """Pass it on or end it; does nothing when it ended, was fetched, or its recipient exchanges."""
    with hub.database.writing() as transaction:
        lock_document_of(transaction, delivery_id)
        delivery = ending.locked(transaction, delivery_id)
        if delivery is None or not _untaken(delivery):
            return
        meant = _meant_today(transaction.connection, delivery, hub)
        if not meant.followed:
            return
        if meant.agency is None:
            ending.end(transaction, delivery, _nobody(delivery), hub)
            return
        successor = code_key(meant.agency.code)
        own = standing.copy_of(transaction.connection, delivery.consignment_id, successor)
        same_as = own or _for_successor(transaction, delivery, successor, hub)
        ending.end(transaction, delivery, _passed(delivery, successor, has_own=bool(own)), hub, same_as=same_as)


def lock_document_of(transaction: Transaction, delivery_id: str) -> None:
    """Hold the document that a delivery is about, before its rows: a recall sees all copies, or this sees the recall.

    A recall locks its documents first and then the consignments of their copies; so does this.
    """
    delivery = deliveries.get(transaction.connection, delivery_id)
    consignment = ending.consignment_of(transaction, delivery) if delivery else None
    if consignment is None or consignment.document_ref is None:
        return
    document = documents.get(transaction.connection, consignment.document_ref)
    if document is not None:
        consignments.lock_document(transaction, document.sender_key, document.document_id)


def _untaken(delivery: Delivery) -> bool:
    return delivery.state in (DeliveryState.DUE, DeliveryState.IN_HAND) and delivery.fetched_at is None


def _meant_today(connection: Connection, delivery: Delivery, hub: Hub) -> Resolution:
    return resolve(
        delivery.recipient_key, on=vietnam_day(hub.now()), look_up=lambda key: agencies.find(connection, key)
    )


def _for_successor(transaction: Transaction, old: Delivery, successor: str, hub: Hub) -> str:
    """A delivery of its own for the successor, made before the old one ends so that the consignment stays open."""
    now = hub.now()
    new = Delivery(
        id=new_id(),
        consignment_id=old.consignment_id,
        recipient_key=successor,
        addressee=old.addressee,
        state=DeliveryState.DUE,
        lane=old.lane,
        created_at=now,
        next_attempt_at=now + RESCUE_AFTER,
        expires_at=old.expires_at,
    )
    deliveries.add(transaction, [new])
    trace_id = ending.brief_of(transaction, old).trace_id
    outbox.wake(transaction, "deliver", [new.id], lane=new.lane, trace_id=trace_id)
    return new.id


def _passed(delivery: Delivery, successor: str, *, has_own: bool) -> Ending:
    closed = delivery.recipient_key
    vi = f"{closed} đã ngừng hoạt động; đơn vị kế thừa {successor} nhận thay"
    en = f"{closed} is closed; its successor {successor} gets it instead"
    if has_own:
        vi = f"{closed} đã ngừng hoạt động; đơn vị kế thừa {successor} đã có bản riêng của lượt gửi này"
        en = f"{closed} is closed; its successor {successor} has a copy of this sending of its own"
    return Ending(DeliveryState.PASSED_ON, "passed_on", ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE, f"{vi} / {en}")


def _nobody(delivery: Delivery) -> Ending:
    closed = delivery.recipient_key
    reason = (
        f"{closed} đã ngừng hoạt động và danh bạ không ghi đơn vị kế thừa nào đang hoạt động"
        f" / {closed} is closed and the directory names no successor that exchanges"
    )
    return Ending(DeliveryState.EXPIRED, "expired", ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE, reason)
