"""ROUTE: one delivery per recipient of an accepted consignment.

Owns: who gets a copy and who holds one already.
Never: hands anything over.
Source: Decision 28/2018/QĐ-TTg Art. 8; Decree 30/2020/NĐ-CP Annex VI (no second copy of the same document).
"""

from __future__ import annotations

from datetime import datetime

from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import DeliveryState
from hub.domain.envelopes import BusinessType, Kind
from hub.domain.statuses import StatusCode
from hub.stations import RESCUE_AFTER, Hub, acknowledge, new_id
from hub.stations.acknowledge import StatusSaid
from hub.store import consignments, deliveries, events, outbox
from hub.store.consignments import Consignment
from hub.store.deliveries import Delivery
from hub.store.engine import Transaction
from hub.store.events import Event


def run(consignment_id: str, hub: Hub) -> None:
    """Create the deliveries and wake their stations; does nothing when that was done before."""
    now = hub.now()
    with hub.database.writing() as transaction:
        consignment = consignments.lock(transaction, consignment_id)
        if consignment is None or consignment.state is not ConsignmentState.ACCEPTED:
            return
        consignments.lock_document(transaction, consignment.sender_key, consignment.document_id)
        made = _deliveries(transaction, consignment, now)
        deliveries.add(transaction, made)
        consignments.move(transaction, consignment, ConsignmentState.ROUTED)
        due = [delivery.id for delivery in made if delivery.state is DeliveryState.DUE]
        happenings = [Event("routed", now, consignment.id, facts={"deliveries": len(due)})]
        happenings += [
            Event("already_held", now, consignment.id, d.id, {"recipient": d.recipient_key, "same_as": d.same_as})
            for d in made
            if d.same_as
        ]
        events.happened(transaction, *happenings)
        outbox.wake(transaction, "deliver", due, lane=consignment.lane, trace_id=consignment.trace_id)
        if consignment.kind == Kind.STATUS:
            acknowledge.apply_status(transaction, said_in(consignment), hub)
        if not due and consignments.close_if_ended(transaction, consignment.id):
            events.happened(transaction, Event("closed", now, consignment.id))


def said_in(consignment: Consignment) -> StatusSaid:
    """The status that an accepted status message says; verify has found the delivery that it answers."""
    status = consignment.header["status"]
    return StatusSaid(
        delivery_id=consignment.header["answers"],
        said_by=consignment.sender_key,
        code=StatusCode(status["status_code"]),
        description=status["description"],
        said_at=datetime.fromisoformat(status["at"]) if status["at"] else None,
        consignment_id=consignment.id,
    )


def _deliveries(transaction: Transaction, consignment: Consignment, now: datetime) -> list[Delivery]:
    held = _held(transaction, consignment)
    made: dict[str, Delivery] = {}
    for resolved in consignment.header["resolved_recipients"]:
        key = resolved["recipient"]
        if key in made:
            continue
        same_as = held.get(key)
        made[key] = Delivery(
            id=new_id(),
            consignment_id=consignment.id,
            recipient_key=key,
            addressee=resolved["addressee"][:200],
            state=DeliveryState.ALREADY_HELD if same_as else DeliveryState.DUE,
            lane=consignment.lane,
            created_at=now,
            next_attempt_at=None if same_as else now + RESCUE_AFTER,
            same_as=same_as,
            ended_at=now if same_as else None,
        )
    return list(made.values())


def _held(transaction: Transaction, consignment: Consignment) -> dict[str, str]:
    is_new = consignment.business_type == BusinessType.NEW and consignment.kind == Kind.DOCUMENT
    if not is_new or not consignment.attachments_sha256 or not consignment.document_id:
        return {}
    return deliveries.held_copies(
        transaction.connection,
        sender_key=consignment.sender_key,
        document_id=consignment.document_id,
        attachments_sha256=consignment.attachments_sha256,
    )
