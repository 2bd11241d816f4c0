"""CHANGE: a recall, an update, a replacement or a take-back takes effect at each recipient.

Owns: gathering what a change refers to; withdrawing what nobody took; asking duties of those who hold a copy.
Never: judges whether a change may be made (hub/checks/changes.py); overtakes the document it is about.
Source: Decision 28/2018/QĐ-TTg Art. 8(2), 9(2); Decree 30/2020/NĐ-CP Art. 18, Annex VI.III.8.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hub.checks.candidate import Candidate, Receiver
from hub.domain.agencies import Agency, code_key
from hub.domain.changes import MOST_TARGETS, Action, Copy, Target, action
from hub.domain.deliveries import DeliveryState
from hub.domain.duties import DutyKind
from hub.domain.envelopes import BusinessType, Envelope, Kind
from hub.domain.receipts import ReceiptEvent
from hub.domain.rules import RulePack
from hub.stations import Hub, copies, duties, ending
from hub.stations.ending import Ending
from hub.store import consignments, deliveries, documents, events, outbox
from hub.store.consignments import Consignment
from hub.store.deliveries import Delivery
from hub.store.engine import Connection, Transaction
from hub.store.events import Event

Touched = tuple[Action, str]  # what was done to a recipient's copy, and the copy's delivery
_REASONS = {
    DutyKind.RECALL: "bên gửi thu hồi trước khi nơi nhận lấy / recalled before it was taken",
    DutyKind.TAKE_BACK: "bên gửi lấy lại trước khi nơi nhận lấy / taken back before it was taken",
    DutyKind.REMOVE: "bên gửi bớt nơi nhận trước khi nơi nhận lấy / recipient removed before it took it",
    DutyKind.REPLACE: "được thay thế trước khi nơi nhận lấy / replaced before it was taken",
}


def referred_to(envelope: Envelope) -> tuple[str, ...]:
    """The ids of the documents that a recall, an update or a replacement is about, as written; none when too many."""
    business = envelope.business
    if business.business_type is BusinessType.RECALL:
        named = [envelope.document_id]
    elif business.business_type is BusinessType.UPDATE:
        named = [business.document_id or envelope.document_id]
    elif business.business_type is BusinessType.REPLACE:
        named = [one.document_id for one in business.replacements] or [business.document_id]
    else:
        named = []
    found = tuple(dict.fromkeys(one for one in named if one))
    return found if len(found) <= MOST_TARGETS else ()


def agencies_named(envelope: Envelope) -> Iterator[str]:
    """The codes, as written, of the receivers of an update and of those who must replace a document."""
    yield from (one.organ_id for one in envelope.business.receivers)
    yield from (code for one in envelope.business.replacements for code in one.organ_ids)


def gathered(
    connection: Connection,
    envelope: Envelope,
    sender_key: str,
    rules: RulePack,
    *,
    find: Callable[[str], Agency | None],
) -> dict[str, Any]:
    """The fields of a Candidate that a change needs; `find` resolves a written code."""
    if envelope.kind is not Kind.DOCUMENT or not sender_key:
        return {}
    named, business = referred_to(envelope), envelope.business
    organs = {one.document_id: one.organ_ids for one in business.replacements}
    return {
        "own": _own(connection, sender_key, envelope),
        "targets": tuple(documents.target(connection, sender_key, one) for one in named),
        "too_many_targets": business.business_type is BusinessType.REPLACE and len(organs.keys() - {""}) > MOST_TARGETS,
        "receivers": tuple(
            Receiver(one.organ_id, find(one.organ_id), one.receiver_type, _added(one.receiver_type, rules))
            for one in business.receivers
        ),
        "replacing": tuple(
            tuple(code_key(found.code) if (found := find(code)) else code for code in organs.get(one, ()))
            for one in named
        ),
    }


def known_now(connection: Connection, candidate: Candidate) -> tuple[Target | None, tuple[Target, ...]]:
    """What the register says now about the documents of a candidate."""
    envelope = candidate.reading.envelope
    sender_key = code_key(candidate.sender.agency.code) if candidate.sender.agency else ""
    targets = tuple(documents.target(connection, sender_key, one.document_id) for one in candidate.targets)
    return _own(connection, sender_key, envelope), targets


def _own(connection: Connection, sender_key: str, envelope: Envelope) -> Target | None:
    carries = envelope.business.business_type in (BusinessType.NEW, BusinessType.REPLACE)
    return documents.known(connection, sender_key, envelope.document_id) if carries else None


def _added(receiver_type: str, rules: RulePack) -> bool | None:
    if receiver_type in rules.changes.receiver_added:
        return True
    return False if receiver_type in rules.changes.receiver_removed else None


def described(candidate: Candidate) -> dict[str, Any]:
    """What ROUTE must know of a change, as plain JSON in the consignment's header."""
    return {
        "targets": [
            {"ref": one.ref, "document_id": one.document_id, "recipients": list(_replacing(candidate, position))}
            for position, one in enumerate(candidate.targets)
        ],
        "added": [one.key for one in candidate.receivers if one.added and one.key],
        "removed": [one.key for one in candidate.receivers if one.added is False and one.key],
    }


def _replacing(candidate: Candidate, position: int) -> tuple[str, ...]:
    return candidate.replacing[position] if position < len(candidate.replacing) else ()


def apply(transaction: Transaction, consignment: Consignment, named: frozenset[str], hub: Hub) -> dict[str, Touched]:
    """Carry out an accepted change at each copy; what was done, by recipient. `named` are the recipients in To.

    The caller holds the locks of the consignment and of the documents.
    """
    if consignment.kind != Kind.DOCUMENT or consignment.business_type == BusinessType.NEW:
        return {}
    told = consignment.header["change"]
    touched: dict[str, Touched] = {}
    asked = [
        (copy, kind)
        for one in told["targets"]
        for copy in documents.every_copy(transaction.connection, one["ref"])
        if (kind := _kind(consignment, copy, told, named, frozenset(one["recipients"]))) is not None
    ]
    for copy, kind in sorted(asked, key=lambda one: (one[0].consignment_id, one[0].delivery_id)):  # the lock order
        done = _touch(transaction, copy.delivery_id, kind, consignment, hub)
        if done[0] is Action.ASK or touched.get(copy.recipient_key, done)[0] is not Action.ASK:
            touched[copy.recipient_key] = done  # of several copies, one that must be given up needs the notice
    if consignment.business_type == BusinessType.UPDATE:
        _add_recipients(transaction, consignment, told, hub)
    return touched


def take_back(transaction: Transaction, delivery: Delivery, asked_by: Consignment, hub: Hub) -> Touched:
    """The owner's request (13) to take one copy back takes effect at that copy."""
    return _touch(transaction, delivery.id, DutyKind.TAKE_BACK, asked_by, hub)


def _kind(
    consignment: Consignment,
    copy: Copy,
    told: Mapping[str, Any],
    named: frozenset[str],
    replacing: frozenset[str],
) -> DutyKind | None:
    """What is asked of this copy; None when the change does not concern it."""
    key = copy.recipient_key
    if consignment.business_type == BusinessType.RECALL:
        return DutyKind.RECALL if key in named else None
    if consignment.business_type == BusinessType.REPLACE:
        gets_the_new_one = key in named and (not replacing or key in replacing)
        return DutyKind.REPLACE if gets_the_new_one else None
    if key in told["removed"]:
        return DutyKind.REMOVE
    return DutyKind.UPDATE if key in named else None


def _touch(transaction: Transaction, delivery_id: str, kind: DutyKind, by: Consignment, hub: Hub) -> Touched:
    delivery = ending.locked(transaction, delivery_id)
    if delivery is None or (kind is DutyKind.REPLACE and _is_replaced_by(transaction, delivery, by)):
        return Action.NOTHING, delivery_id
    done = action(kind, documents.copy(transaction.connection, delivery_id))
    replaced = {"replaced_by": by.id} if kind is DutyKind.REPLACE else {}
    if done is Action.WITHDRAW:
        how = Ending(DeliveryState.WITHDRAWN, "withdrawn", ReceiptEvent.CONTENT_WITHDRAWAL, _REASONS[kind])
        ending.end(transaction, delivery, how, hub, **replaced)
    elif done is Action.ASK:
        if replaced:
            deliveries.change(transaction, delivery.id, **replaced)
        of = ending.brief_of(transaction, delivery)
        duties.asked(transaction, delivery, of, kind, asked_by=by.id, hub=hub)
    return done, delivery_id


def _is_replaced_by(transaction: Transaction, delivery: Delivery, by: Consignment) -> bool:
    """True when the same new document was sent before: who answered that is not asked again."""
    before = consignments.get(transaction.connection, delivery.replaced_by) if delivery.replaced_by else None
    return before is not None and before.document_ref == by.document_ref


def _add_recipients(transaction: Transaction, consignment: Consignment, told: Mapping[str, Any], hub: Hub) -> None:
    """Those whom an update adds get the document itself, before the update."""
    for one in told["targets"]:
        original = documents.carrier(transaction.connection, one["ref"])
        carrying = consignments.lock(transaction, original) if told["added"] else None
        if carrying is None:
            continue
        had = {copy.recipient_key for copy in documents.copies(transaction.connection, one["ref"])}
        made = [copies.due(carrying, key, key, hub) for key in dict.fromkeys(told["added"]) if key not in had]
        if not made:  # an update before this one added them
            continue
        deliveries.add(transaction, made)
        consignments.reopen(transaction, carrying.id)
        facts = {"recipients": [delivery.recipient_key for delivery in made], "by": consignment.id}
        events.happened(transaction, Event("recipients_added", hub.now(), carrying.id, facts=facts))
        ids = [delivery.id for delivery in made]
        outbox.wake(transaction, "deliver", ids, lane=carrying.lane, trace_id=consignment.trace_id)
