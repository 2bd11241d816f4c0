"""STATUS: what a recipient says of a document (01-06, 15, 16), or its owner (13); kept once, answered by a receipt.

Owns: who may say it, what is a repetition, what it changes: the current status, duties, whether a message is owed.
Never: lets a late or repeated word move a state backwards; asks for a copy back (hub/stations/change.py).
Source: Decision 28/2018/QĐ-TTg Art. 8(2), 9(2), 10(2)h; Decree 30/2020/NĐ-CP Art. 21(2); domain notes §2.5, §7.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.domain.consignments import ConsignmentState, Lane
from hub.domain.deliveries import DeliveryState
from hub.domain.duties import GIVING_UP, DutyKind, DutyOutcome
from hub.domain.envelopes import BusinessType, Kind
from hub.domain.receipts import ReceiptEvent
from hub.domain.statuses import ANSWERS, StatusCode, advances, speaker
from hub.errors import NoSuchThing
from hub.stations import Hub, duties, ending, new_id, testimony
from hub.stations.ending import Ending
from hub.store import consignments, deliveries, documents, events, outbox, receipts, statuses_owed
from hub.store import duties as duty_rows
from hub.store.consignments import Brief, Consignment
from hub.store.deliveries import Delivery, StatusEntry
from hub.store.engine import Connection, Transaction
from hub.store.events import Event
from hub.store.receipts import Receipt

CANCELLED = "nơi nhận đã hủy bản nhận / the recipient has cancelled its copy"
SEEN_BY_HUB = "Trục xác nhận: hệ thống nơi nhận đã nhận văn bản."


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
    """What the history holds of a status, and its receipt; `new` is False when exactly this was said before.

    `informs` is False when the other party needs no message about it: it has one, or it is for the history only.
    """

    entry: StatusEntry
    receipt: Receipt
    new: bool
    informs: bool


@dataclass(frozen=True, slots=True)
class _Word:
    """A status with what it is about: the delivery named, and the copies that an answer gives up or keeps."""

    said: StatusSaid
    delivery: Delivery
    consignment: Consignment | Brief
    copies: tuple[Delivery, ...]
    history: tuple[StatusEntry, ...]
    by_hub: bool = False


def run(said: StatusSaid, hub: Hub) -> Recorded:
    """Record a status from a party's system; said again, the same receipt. Raises NoSuchThing."""
    with hub.database.writing() as transaction:
        return apply(transaction, said, hub)


def apply(transaction: Transaction, said: StatusSaid, hub: Hub) -> Recorded:
    """Keep the status, move the current one only forward, sign a receipt, tell the timeline; once."""
    _lock_in_order(transaction, said)
    delivery = ending.locked(transaction, said.delivery_id)
    if delivery is None:
        raise NoSuchThing(f"no delivery {said.delivery_id}")
    consignment = ending.consignment_of(transaction, delivery)
    copies = _copies(transaction, delivery, consignment) if said.code in ANSWERS else ()
    _party_or_raise(said, delivery, consignment, copies)
    history = tuple(deliveries.said_by(transaction.connection, delivery.id, said.said_by))
    word = _Word(said, delivery, consignment, copies, history)
    before = _said_before(transaction, word)
    return _record(transaction, word, hub) if before is None else _again(transaction, before, said)


def said_by_hub(
    transaction: Transaction, delivery: Delivery, consignment: Consignment | Brief, hub: Hub
) -> Recorded | None:
    """01 in the name of a recipient that has fetched and acknowledged a document; None when it spoke itself.

    The caller holds the locks of both.
    """
    if consignment.kind != Kind.DOCUMENT or consignment.business_type not in duties.ISSUED:
        return None
    if deliveries.said_by(transaction.connection, delivery.id, delivery.recipient_key):
        return None
    said = StatusSaid(delivery.id, delivery.recipient_key, StatusCode.ARRIVED, SEEN_BY_HUB, None)
    return _record(transaction, _Word(said, delivery, consignment, (), (), by_hub=True), hub)


def _lock_in_order(transaction: Transaction, said: StatusSaid) -> None:
    """A notice and the copies that an answer is about belong to several consignments: all lock them by their ids."""
    delivery = deliveries.get(transaction.connection, said.delivery_id)
    if delivery is None or said.code not in ANSWERS:
        return
    consignment = ending.consignment_of(transaction, delivery)
    theirs = _theirs(transaction.connection, delivery, consignment)
    for one in sorted({consignment.id, *(consignment_id for consignment_id, _ in theirs)}):
        consignments.lock(transaction, one)


def _theirs(connection: Connection, delivery: Delivery, consignment: Consignment) -> set[tuple[str, str]]:
    """The recipient's copies, with their consignments, of the documents that a notice is about."""
    named = [one["ref"] for one in consignment.header.get("change", {}).get("targets", ())]
    refs = [ref for ref in named or [consignment.document_ref] if ref]
    found = [copy for ref in refs for copy in documents.every_copy(connection, ref)]
    return {(c.consignment_id, c.delivery_id) for c in found if c.recipient_key == delivery.recipient_key}


def _copies(transaction: Transaction, delivery: Delivery, consignment: Consignment) -> tuple[Delivery, ...]:
    """The recipient's copies that an answer is about, locked: this one, or those that the notice is about."""
    connection, is_document = transaction.connection, consignment.kind == Kind.DOCUMENT
    asked = duty_rows.open_changes(connection, [delivery.id])
    if asked or (is_document and consignment.business_type == BusinessType.NEW):
        return (delivery,)
    theirs = _theirs(connection, delivery, consignment)
    return tuple(one for _, copy_id in sorted(theirs) if (one := ending.locked(transaction, copy_id)) is not None)


def _party_or_raise(
    said: StatusSaid, delivery: Delivery, consignment: Consignment, copies: tuple[Delivery, ...]
) -> None:
    may_say = speaker(said.code, owner=consignment.sender_key, recipient=delivery.recipient_key)
    answers = said.code in ANSWERS and bool(copies)
    if said.said_by != may_say or (consignment.kind == Kind.STATUS and not answers):  # of 13, an answer; else nothing
        raise NoSuchThing(f"{said.said_by} may not say {said.code} of {delivery.id}")


def _said_before(transaction: Transaction, word: _Word) -> StatusEntry | None:
    """The same code at the same time; without a time, the party's last word when it was the same.

    An answer without a time is a new one when a change was asked after the last.
    """
    said = word.said
    if said.said_at is not None:
        return next((e for e in word.history if (e.code, e.said_at) == (said.code.value, said.said_at)), None)
    last = [entry for entry in word.history if not entry.by_hub][-1:]
    same = next((e for e in last if (e.code, e.description) == (said.code.value, said.description)), None)
    if same is not None and word.copies:
        asked = duty_rows.open_changes(transaction.connection, [copy.id for copy in word.copies])
        return None if any(duty.opened_at > same.recorded_at for duty in asked) else same
    return same


def _again(transaction: Transaction, before: StatusEntry, said: StatusSaid) -> Recorded:
    """Nothing new; but when its own message comes before the hub has written one, that message is the one."""
    informs = before.to_inform and said.consignment_id is not None
    if informs:
        statuses_owed.informed(transaction, before.id, said.consignment_id)
    return Recorded(before, receipts.get(transaction.connection, before.receipt_id), new=False, informs=informs)


def _record(transaction: Transaction, word: _Word, hub: Hub) -> Recorded:
    said, delivery, consignment = word.said, word.delivery, word.consignment
    now = hub.now()
    quiet = _is_quiet(transaction, word, hub)
    informs = not quiet and not any(entry.by_hub and entry.code == said.code.value for entry in word.history)
    moved = advances(delivery.status_code, said.code)
    if moved:
        deliveries.change(transaction, delivery.id, status_code=said.code.value)
    seen = {"reason": said.description} if word.by_hub else {}
    about = ending.about(delivery, consignment, ReceiptEvent.BUSINESS_STATUS, hub, status_code=said.code.value, **seen)
    receipt = testimony.signed(about, hub)
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
        by_hub=word.by_hub,
        to_inform=informs and said.consignment_id is None,
    )
    deliveries.add_status(transaction, entry)
    marks = {name: True for name, so in (("by_hub", word.by_hub), ("quiet", quiet)) if so}
    facts: dict[str, Any] = {"code": entry.code, "said_by": entry.said_by, "current": moved, **marks}
    events.happened(transaction, Event("status", now, consignment.id, delivery.id, facts))
    if entry.to_inform:
        outbox.wake(transaction, "inform", [entry.id], lane=Lane.URGENT, trace_id=consignment.trace_id)
    if not quiet:
        transaction.ring(f"consignment:{consignment.id}")
    _fulfil(transaction, word, hub)
    return Recorded(entry, receipt, new=True, informs=informs)


def _is_quiet(transaction: Transaction, word: _Word, hub: Hub) -> bool:
    """True for a word about what ended long ago, when nothing is owed about it any more (domain notes §7 point 14)."""
    ended_at, now = word.delivery.ended_at, hub.now()
    if word.consignment.state is not ConsignmentState.CLOSED or ended_at is None:
        return False
    if word.said.code is StatusCode.RECALL_REQUESTED or now - ended_at <= hub.rules_on(now).quiet_after:
        return False
    return not duty_rows.owed(transaction.connection, {word.delivery.id, *(copy.id for copy in word.copies)})


def _fulfil(transaction: Transaction, word: _Word, hub: Hub) -> None:
    """What the recipient owed and has done by saying this; an answer cancels the copy at it, or says that it stays."""
    code = word.said.code
    duties.said(transaction, word.delivery, code, hub)
    for copy in word.copies:
        duty = duties.answered(transaction, copy, code, hub)
        if duty is None or duty.kind not in GIVING_UP:
            continue
        kind = "copy_cancelled" if code is StatusCode.CHANGE_ACCEPTED else "copy_kept"
        facts = {"recipient": copy.recipient_key, "kind": duty.kind.value}
        events.happened(transaction, Event(kind, hub.now(), copy.consignment_id, copy.id, facts))
        transaction.ring(f"consignment:{copy.consignment_id}")
        if code is StatusCode.CHANGE_ACCEPTED:
            _let_go(transaction, copy, hub)


def _let_go(transaction: Transaction, copy: Delivery, hub: Hub) -> None:
    """Nothing more is owed about a cancelled copy, and it leaves the inbox when it was never acknowledged."""
    duty_rows.end(transaction, copy.id, frozenset(DutyKind), DutyOutcome.MOOT, at=hub.now())
    if copy.state is DeliveryState.IN_HAND:
        how = Ending(DeliveryState.WITHDRAWN, "withdrawn", ReceiptEvent.CONTENT_WITHDRAWAL, CANCELLED)
        ending.end(transaction, copy, how, hub)
