"""ACKNOWLEDGE: the recipient took the document, or refused it.

Owns: handing over and refusing; the recipient's arrival number, the hub's own 01.
Never: handles statuses (hub/stations/status.py).
Source: Decision 28/2018/QĐ-TTg Art. 6(3), 9(2); Decree 30/2020/NĐ-CP Art. 21(2), 22.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hub.domain.deliveries import DeliveryState
from hub.domain.envelopes import BusinessType, Kind
from hub.domain.periods import vietnam_day
from hub.domain.receipts import ReceiptEvent
from hub.errors import CopyGone, DigestDiffers, IllegalTransition, NoSuchThing
from hub.stations import Hub, duties, ending, status
from hub.stations.ending import Ending
from hub.store import arrivals, receipts
from hub.store.deliveries import Delivery
from hub.store.engine import Transaction
from hub.store.receipts import Receipt

_GONE = frozenset({DeliveryState.WITHDRAWN, DeliveryState.EXPIRED, DeliveryState.PASSED_ON})
_CARRYING = (BusinessType.NEW, BusinessType.REPLACE)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a recipient says of a delivery: taken (with the digest it computed, if any) or refused with a reason."""

    delivery_id: str
    recipient_key: str
    taken: bool = True
    sha256: str = ""
    reason: str = ""


def run(said: Acknowledgement, hub: Hub) -> Receipt:
    """Hand over or refuse; said again, the same receipt.

    Raises: NoSuchThing, IllegalTransition, DigestDiffers, CopyGone (it was recalled, replaced, or it expired).
    """
    wanted = DeliveryState.HANDED_OVER if said.taken else DeliveryState.REFUSED
    with hub.database.writing() as transaction:
        delivery = _of_recipient(transaction, said)
        if delivery.state is wanted:
            return _receipt_of(transaction, delivery)
        if delivery.state in _GONE:
            raise CopyGone(f"{delivery.id} is {delivery.state}", state=delivery.state.value)
        if delivery.state is not DeliveryState.IN_HAND:
            raise IllegalTransition(f"{delivery.id} is {delivery.state}", thing="delivery", state=delivery.state.value)
        if said.taken:
            _same_digest(transaction, delivery, said.sha256)
            return hand_over(transaction, delivery, hub)
        return refuse(transaction, delivery, hub, reason=said.reason)


def hand_over(transaction: Transaction, delivery: Delivery, hub: Hub, *, words: str = "") -> Receipt:
    """The locked delivery has reached its recipient: state, receipt, number, and the owner hears 01."""
    consignment = ending.brief_of(transaction, delivery)
    numbered: dict[str, Any] = {}
    if consignment.kind == Kind.DOCUMENT and consignment.business_type in _CARRYING:
        year = vietnam_day(hub.now()).year
        number = arrivals.next_number(transaction, delivery.recipient_key, year)
        numbered = {"arrival_year": year, "arrival_number": number}
    if delivery.state is DeliveryState.DUE:  # an agency's system took it directly
        duties.placed(transaction, delivery, consignment, hub)
    how = Ending(DeliveryState.HANDED_OVER, "handed_over", ReceiptEvent.CONTENT_HANDOVER, words)
    receipt = ending.end(transaction, delivery, how, hub, **numbered)
    status.said_by_hub(transaction, delivery, consignment, hub)
    return receipt


def refuse(transaction: Transaction, delivery: Delivery, hub: Hub, *, reason: str) -> Receipt:
    """The recipient's system will not take the locked delivery."""
    how = Ending(DeliveryState.REFUSED, "refused", ReceiptEvent.CONTENT_HANDOVER_FAILURE, reason)
    return ending.end(transaction, delivery, how, hub)


def _of_recipient(transaction: Transaction, said: Acknowledgement) -> Delivery:
    delivery = ending.locked(transaction, said.delivery_id)
    if delivery is None or delivery.recipient_key != said.recipient_key:
        raise NoSuchThing(f"no delivery {said.delivery_id} of {said.recipient_key}")
    return delivery


def _same_digest(transaction: Transaction, delivery: Delivery, sha256: str) -> None:
    kept = ending.brief_of(transaction, delivery).sha256
    if sha256 and sha256.lower() != kept:
        raise DigestDiffers(f"{delivery.id}: digest {sha256} is not {kept}", delivery=delivery.id, kept=kept)


def _receipt_of(transaction: Transaction, delivery: Delivery) -> Receipt:
    ended = (ReceiptEvent.CONTENT_HANDOVER.value, ReceiptEvent.CONTENT_HANDOVER_FAILURE.value)
    all_receipts = receipts.of_consignment(transaction.connection, delivery.consignment_id)
    return next(r for r in all_receipts if r.delivery_id == delivery.id and r.event in ended)
