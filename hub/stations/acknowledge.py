"""ACKNOWLEDGE: the recipient took the document, refused it, or says how it is handled.

Owns: handing over, refusing, statuses; each yields a signed receipt and an event; closing the consignment.
Never: lets a late or repeated word move a state backwards.
Source: Decision 28/2018/QĐ-TTg Art. 6(3), 9(2); Decree 30/2020/NĐ-CP Art. 21(2); domain notes §2.5, §7.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.domain.consignments import Lane
from hub.domain.deliveries import DeliveryState
from hub.domain.envelopes import Kind
from hub.domain.periods import vietnam_day
from hub.domain.ratios import Direction
from hub.domain.receipts import ReceiptEvent, Testimony
from hub.domain.statuses import StatusCode, advances
from hub.errors import DigestDiffers, IllegalTransition, NoSuchThing
from hub.stations import Hub, new_id, testimony
from hub.store import consignments, deliveries, events, outbox, receipts
from hub.store.consignments import Consignment
from hub.store.deliveries import Delivery, StatusEntry
from hub.store.engine import Transaction
from hub.store.events import Event
from hub.store.receipts import Receipt


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a recipient says of a delivery: taken (with the digest it computed, if any) or refused with a reason."""

    delivery_id: str
    recipient_key: str
    taken: bool = True
    sha256: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StatusSaid:
    """One status about one delivery; `said_at` None when no time was said, `consignment_id` of a status message."""

    delivery_id: str
    said_by: str
    code: StatusCode
    description: str
    said_at: datetime | None
    consignment_id: str | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the history holds of a status, and its receipt; `new` is False when exactly this was said before."""

    entry: StatusEntry
    receipt: Receipt
    new: bool


def run(said: Acknowledgement, hub: Hub) -> Receipt:
    """Hand over or refuse; said again, the same receipt. Raises NoSuchThing, IllegalTransition, DigestDiffers."""
    wanted = DeliveryState.HANDED_OVER if said.taken else DeliveryState.REFUSED
    with hub.database.writing() as transaction:
        delivery = _of_recipient(transaction, said)
        if delivery.state is wanted:
            return _receipt_of(transaction, delivery)
        if delivery.state is not DeliveryState.IN_HAND:
            raise IllegalTransition(f"{delivery.id} is {delivery.state}", thing="delivery", state=delivery.state.value)
        if said.taken:
            _same_digest(transaction, delivery, said.sha256)
            return hand_over(transaction, delivery, hub)
        return refuse(transaction, delivery, hub, reason=said.reason)


def status(said: StatusSaid, hub: Hub) -> Recorded:
    """Record a status from the recipient's system; said again, the same receipt. Raises NoSuchThing."""
    with hub.database.writing() as transaction:
        return apply_status(transaction, said, hub)


def apply_status(transaction: Transaction, said: StatusSaid, hub: Hub) -> Recorded:
    """Keep the status, move the current one only forward, sign a receipt, tell the timeline; once."""
    now = hub.now()
    delivery = locked(transaction, said.delivery_id)
    consignment = consignments.get(transaction.connection, delivery.consignment_id) if delivery else None
    if delivery is None or consignment is None:
        raise NoSuchThing(f"no delivery {said.delivery_id}")
    _party_or_raise(said, delivery, consignment)
    before = _said_before(transaction, said)
    if before is not None:
        return Recorded(before, receipts.get(transaction.connection, before.receipt_id), new=False)
    moved = advances(delivery.status_code, said.code)
    if moved:
        deliveries.change(transaction, delivery.id, status_code=said.code.value)
    receipt = testimony.signed(
        _testimony(delivery, consignment, ReceiptEvent.BUSINESS_STATUS, now, status_code=said.code.value), hub
    )
    receipts.issue(transaction, receipt)
    entry = StatusEntry(
        id=new_id(),
        delivery_id=delivery.id,
        code=said.code.value,
        said_by=said.said_by,
        description=said.description,
        said_at=said.said_at or now,
        recorded_at=now,
        receipt_id=receipt.receipt_id,
        consignment_id=said.consignment_id,
    )
    deliveries.add_status(transaction, entry)
    facts = {"code": said.code.value, "said_by": said.said_by, "current": moved}
    events.happened(transaction, Event("status", now, consignment.id, delivery.id, facts))
    transaction.ring(f"consignment:{consignment.id}")
    return Recorded(entry, receipt, new=True)


def _said_before(transaction: Transaction, said: StatusSaid) -> StatusEntry | None:
    """The same code at the same time; without a time, the party's last word when it was the same."""
    history = deliveries.said_by(transaction.connection, said.delivery_id, said.said_by)
    if said.said_at is None:
        last = history[-1:]
        return next((e for e in last if (e.code, e.description) == (said.code.value, said.description)), None)
    return next((e for e in history if (e.code, e.said_at) == (said.code.value, said.said_at)), None)


def hand_over(transaction: Transaction, delivery: Delivery, hub: Hub, *, words: str = "") -> Receipt:
    """The locked delivery has reached its recipient: state, receipt, count."""
    now = hub.now()
    deliveries.move(transaction, delivery, DeliveryState.HANDED_OVER, ended_at=now)
    consignment = _consignment(transaction, delivery)
    counted = hub.rules_on(now).counted_business_types
    if consignment.kind == Kind.DOCUMENT and consignment.business_type in counted:
        facts = events.countable(
            day=vietnam_day(now),
            agency_key=delivery.recipient_key,
            direction=Direction.RECEIVED,
            paper=consignment.paper,
            replaces_paper=consignment.replaces_paper,
        )
        counting = Event("counted_as_received", now, consignment.id, delivery.id, facts, to_tally=True)
        events.happened(transaction, counting)
        outbox.wake(transaction, "tally", [delivery.id], lane=Lane.NORMAL, trace_id=consignment.trace_id)
    return _ended(transaction, delivery, consignment, hub, event=ReceiptEvent.CONTENT_HANDOVER, reason=words)


def refuse(transaction: Transaction, delivery: Delivery, hub: Hub, *, reason: str) -> Receipt:
    """The recipient's system will not take the locked delivery."""
    deliveries.move(transaction, delivery, DeliveryState.REFUSED, ended_at=hub.now(), reason=reason)
    consignment = _consignment(transaction, delivery)
    return _ended(transaction, delivery, consignment, hub, event=ReceiptEvent.CONTENT_HANDOVER_FAILURE, reason=reason)


def locked(transaction: Transaction, delivery_id: str) -> Delivery | None:
    """The delivery with its consignment locked first: all stations lock in this order, so none waits in a circle."""
    known = consignments.lock_of_delivery(transaction, delivery_id)
    return deliveries.lock(transaction, delivery_id) if known else None


def _ended(
    transaction: Transaction,
    delivery: Delivery,
    consignment: Consignment,
    hub: Hub,
    *,
    event: ReceiptEvent,
    reason: str,
) -> Receipt:
    now = hub.now()
    receipt = testimony.signed(_testimony(delivery, consignment, event, now, reason=reason), hub)
    receipts.issue(transaction, receipt)
    kind = "handed_over" if event is ReceiptEvent.CONTENT_HANDOVER else "refused"
    facts = {"recipient": delivery.recipient_key, "reason": reason}
    events.happened(transaction, Event(kind, now, consignment.id, delivery.id, facts))
    if consignments.close_if_ended(transaction, consignment.id):
        events.happened(transaction, Event("closed", now, consignment.id))
    transaction.ring(f"consignment:{consignment.id}")
    return receipt


def _testimony(
    delivery: Delivery,
    consignment: Consignment,
    event: ReceiptEvent,
    at: datetime,
    *,
    reason: str = "",
    status_code: str | None = None,
) -> Testimony:
    return Testimony(
        receipt_id=new_id(),
        event=event,
        at=at,
        consignment_id=consignment.id,
        sender=consignment.sender_key,
        document_id=consignment.document_id,
        sha256=consignment.sha256,
        size_bytes=consignment.size_bytes,
        delivery_id=delivery.id,
        recipient=delivery.recipient_key,
        status_code=status_code,
        reason=reason or None,
    )


def _consignment(transaction: Transaction, delivery: Delivery) -> Consignment:
    consignment = consignments.get(transaction.connection, delivery.consignment_id)
    if consignment is None:
        raise LookupError(f"delivery {delivery.id} without its consignment")
    return consignment


def _of_recipient(transaction: Transaction, said: Acknowledgement) -> Delivery:
    delivery = locked(transaction, said.delivery_id)
    if delivery is None or delivery.recipient_key != said.recipient_key:
        raise NoSuchThing(f"no delivery {said.delivery_id} of {said.recipient_key}")
    return delivery


def _same_digest(transaction: Transaction, delivery: Delivery, sha256: str) -> None:
    kept = _consignment(transaction, delivery).sha256
    if sha256 and sha256.lower() != kept:
        raise DigestDiffers(f"{delivery.id}: digest {sha256} is not {kept}", delivery=delivery.id, kept=kept)


def _receipt_of(transaction: Transaction, delivery: Delivery) -> Receipt:
    ending = (ReceiptEvent.CONTENT_HANDOVER.value, ReceiptEvent.CONTENT_HANDOVER_FAILURE.value)
    all_receipts = receipts.of_consignment(transaction.connection, delivery.consignment_id)
    return next(r for r in all_receipts if r.delivery_id == delivery.id and r.event in ending)


def _party_or_raise(said: StatusSaid, delivery: Delivery, consignment: Consignment) -> None:
    owner_speaks = said.code is StatusCode.RECALL_REQUESTED
    speaker = consignment.sender_key if owner_speaks else delivery.recipient_key
    if said.said_by != speaker:
        raise NoSuchThing(f"{said.said_by} may not say {said.code} of {delivery.id}")
