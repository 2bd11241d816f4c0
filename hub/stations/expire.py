"""EXPIRE: the time to live of a delivery has ended; its sender gets a negative receipt with the reason.

Owns: the words that say how long it waited and for whom.
Never: decides how long a delivery lives (ROUTE writes that, from the rule pack).
Source: ETSI EN 319 522-1 §6 (negative events); Decision 28/2018/QĐ-TTg Art. 8(2) (the sender follows its document).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.domain.deliveries import DeliveryState
from hub.domain.receipts import ReceiptEvent
from hub.stations import Hub, ending
from hub.stations.ending import Ending
from hub.store.deliveries import Delivery

_LONGEST_ANSWER = 300  # characters of what the recipient's system answered; a receipt is no log


def run(delivery_id: str, hub: Hub) -> None:
    """End it when its time is over; does nothing when it has ended or still has time."""
    now = hub.now()
    with hub.database.writing() as transaction:
        delivery = ending.locked(transaction, delivery_id)
        if delivery is None or not _over(delivery, now):
            return
        ending.end(transaction, delivery, _expiry(delivery, now), hub)


def _over(delivery: Delivery, now: datetime) -> bool:
    under_way = delivery.state in (DeliveryState.DUE, DeliveryState.IN_HAND)
    return under_way and delivery.expires_at is not None and delivery.expires_at <= now


def _expiry(delivery: Delivery, now: datetime) -> Ending:
    waited = (now - delivery.created_at) // timedelta(hours=1)
    vi, en = _why(delivery)
    reason = f"Quá hạn giao sau {waited} giờ: {vi} / not delivered within {waited} hours: {en}"
    never_handed = delivery.state is DeliveryState.DUE
    event = ReceiptEvent.CONTENT_CONSIGNMENT_FAILURE if never_handed else ReceiptEvent.ACCEPTANCE_EXPIRY
    return Ending(DeliveryState.EXPIRED, "expired", event, reason)


def _why(delivery: Delivery) -> tuple[str, str]:
    """The cause in Vietnamese and in English."""
    to = delivery.recipient_key
    if delivery.state is DeliveryState.IN_HAND and delivery.fetched_at is not None:
        return f"{to} đã lấy nhưng chưa xác nhận đã nhận", f"{to} fetched it but never acknowledged it"
    if delivery.state is DeliveryState.IN_HAND:
        return f"văn bản nằm trong hộp thư đến của {to}, chưa từng được lấy", f"it lies in the inbox of {to}, unfetched"
    if not delivery.attempts:
        return f"chưa đến lượt giao cho {to}", f"its turn to go to {to} never came"
    last, count = delivery.reason[:_LONGEST_ANSWER], delivery.attempts
    return (
        f"đã thử giao cho {to} {count} lần, hệ thống nhận chưa nhận; lần cuối: {last}",
        f"handing over to {to} was tried {count} times; the last answer: {last}",
    )
