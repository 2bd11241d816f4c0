"""ROUTE: one delivery per recipient of an accepted consignment.

Owns: who gets a copy and who holds one already.
Never: hands anything over.
Source: Decision 28/2018/QĐ-TTg Art. 8; Decree 30/2020/NĐ-CP Annex VI (no second copy of the same document).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from hub.domain.changes import Action
from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import DeliveryState
from hub.domain.envelopes import BusinessType, Kind
from hub.domain.periods import vietnam_day
from hub.domain.statuses import StatusCode
from hub.stations import Hub, change, copies, status
from hub.stations.status import StatusSaid
from hub.store import consignments, conversations, deliveries, events, groups, outbox
from hub.store.consignments import Consignment
from hub.store.deliveries import Delivery
from hub.store.engine import Transaction
from hub.store.events import Event


def run(consignment_id: str, hub: Hub) -> None:
    """Create the deliveries and wake their stations, in the turn of its conversations; once."""
    now = hub.now()
    with hub.database.writing() as transaction:
        consignment = consignments.lock(transaction, consignment_id)
        if consignment is None or consignment.state is not ConsignmentState.ACCEPTED:
            return
        if conversations.waits_to_be_routed(transaction.connection, consignment.id):
            return  # the one before wakes it; the clock does when that wake is lost
        consignments.lock_documents(transaction, _documents(consignment))
        recipients = _recipients(transaction, consignment, now)
        touched = change.apply(transaction, consignment, frozenset(recipients), hub)
        if consignment.kind == Kind.STATUS and consignment.header.get("answers"):
            touched = _said(transaction, consignment, hub)
        made = _deliveries(transaction, consignment, recipients, touched, hub)
        deliveries.add(transaction, made)
        consignments.move(transaction, consignment, ConsignmentState.ROUTED)
        due = [delivery.id for delivery in made if delivery.state is DeliveryState.DUE]
        events.happened(transaction, *_happenings(consignment, made, hub.now()))  # after what was done to the copies
        outbox.wake(transaction, "deliver", due, lane=consignment.lane, trace_id=consignment.trace_id)
        for follower in conversations.next_to_route(transaction.connection, consignment.id):
            outbox.wake(transaction, "route", [follower], lane=consignment.lane, trace_id=consignment.trace_id)
        if not due and consignments.close_if_ended(transaction, consignment.id):
            events.happened(transaction, Event("closed", now, consignment.id))


def _documents(consignment: Consignment) -> set[tuple[str, str]]:
    targets = consignment.header.get("change", {}).get("targets", ())
    ids = [consignment.document_id, *(one["document_id"] for one in targets)]
    return {(consignment.sender_key, one) for one in ids}


def _recipients(transaction: Transaction, consignment: Consignment, now: datetime) -> dict[str, str]:
    """Recipient key → addressee as written; groups are expanded as of now, and recorded."""
    found: dict[str, str] = {}
    for resolved in consignment.header["resolved_recipients"]:
        if "recipient" in resolved:
            found.setdefault(resolved["recipient"], resolved["addressee"])
            continue
        group = groups.find(transaction.connection, resolved["group"])
        members = (
            groups.members(transaction.connection, group, on=vietnam_day(now), without=consignment.sender_key)
            if group
            else []
        )
        for key in members:
            found.setdefault(key, resolved["addressee"])
        facts = {"group": resolved["group"], "members": len(members), "recipients": members, "gone": group is None}
        events.happened(transaction, Event("group_expanded", now, consignment.id, facts=facts))
    return found


def _said(transaction: Transaction, consignment: Consignment, hub: Hub) -> dict[str, change.Touched]:
    """Apply the status that a status message says; a request to take back (13) also takes effect at the copy.

    What its owner knows already, or what is about a document of long ago, is kept and troubles nobody.
    """
    recorded = status.apply(transaction, said_in(consignment), hub)
    if not recorded.new or recorded.entry.code != StatusCode.RECALL_REQUESTED:
        owner = consignment.header["resolved_recipients"][0]["recipient"]
        return {} if recorded.informs else {owner: (Action.WITHDRAW, recorded.entry.delivery_id)}
    delivery = deliveries.get(transaction.connection, recorded.entry.delivery_id)
    return {delivery.recipient_key: change.take_back(transaction, delivery, consignment, hub)} if delivery else {}


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


def _deliveries(
    transaction: Transaction,
    consignment: Consignment,
    recipients: Mapping[str, str],
    touched: Mapping[str, change.Touched],
    hub: Hub,
) -> list[Delivery]:
    """One for each recipient; for those who hold the same already, or need no notice, one that has ended."""
    held, made = _held(transaction, consignment), []
    wanted = dict(recipients)
    for key in consignment.header.get("change", {}).get("removed", ()):
        wanted.setdefault(key, key)  # who is removed must hear of it, also when To does not name it
    for key in consignment.header.get("change", {}).get("added", ()):
        wanted.setdefault(key, key)
    for key, addressee in wanted.items():
        delivery = copies.due(consignment, key, addressee, hub)
        if key in held:
            delivery = _ended(delivery, DeliveryState.ALREADY_HELD, same_as=held[key])
        elif key in touched and touched[key][0] is Action.ASK:
            delivery = replace(delivery, same_as=touched[key][1])
        elif _is_needless(consignment, key, touched):
            delivery = _ended(delivery, DeliveryState.NEEDLESS, same_as=touched[key][1] if key in touched else None)
        made.append(delivery)
    return made


def _is_needless(consignment: Consignment, key: str, touched: Mapping[str, change.Touched]) -> bool:
    """True for a notice about a copy that its recipient never took, or gave up before."""
    if consignment.kind == Kind.STATUS:
        return key in touched and touched[key][0] is Action.WITHDRAW
    if consignment.business_type == BusinessType.UPDATE:
        return key not in consignment.header["change"]["added"]
    return consignment.business_type == BusinessType.RECALL


def _ended(delivery: Delivery, state: DeliveryState, *, same_as: str | None) -> Delivery:
    return replace(
        delivery, state=state, same_as=same_as, next_attempt_at=None, expires_at=None, ended_at=delivery.created_at
    )


def _happenings(consignment: Consignment, made: Sequence[Delivery], now: datetime) -> Iterator[Event]:
    due = sum(delivery.state is DeliveryState.DUE for delivery in made)
    yield Event("routed", now, consignment.id, facts={"deliveries": due})
    for one in made:
        if one.state is not DeliveryState.DUE:
            facts = {"recipient": one.recipient_key, "same_as": one.same_as}
            yield Event(one.state.value, now, consignment.id, one.id, facts)


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
