"""INFORM: a status that did not come as a message becomes one, for the party that has not heard of it.

Owns: the edXML status message that the hub writes in the name of who said it; its consignment, once per status.
Never: signs it or names a clerk; decides what a status changes (hub/stations/status.py).
Source: domain notes §2.5 (ResponseFor/OrganId is where it goes); Decision 28/2018/QĐ-TTg Art. 8(2).
"""

from __future__ import annotations

import hashlib
import io
import re
from dataclasses import dataclass
from itertools import takewhile

import msgspec

from hub.domain.agencies import Agency, code_key, resolve
from hub.domain.consignments import ConsignmentState, Lane
from hub.domain.deliveries import DeliveryState
from hub.domain.envelopes import Envelope, Hop, Kind, Party, ResponseFor, StatusReport
from hub.domain.periods import vietnam_day
from hub.domain.signatures import SignatureReport, SignatureState
from hub.domain.statuses import StatusCode, listener
from hub.edxml import names, writer
from hub.stations import RESCUE_AFTER, Hub, ending, new_id
from hub.store import agencies, consignments, conversations, deliveries, documents, events, outbox, statuses_owed
from hub.store.consignments import Consignment
from hub.store.deliveries import StatusEntry
from hub.store.documents import Document
from hub.store.engine import Connection, Transaction
from hub.store.events import Event

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2, Char


@dataclass(frozen=True, slots=True)
class _Message:
    """What is told to whom: `about` is the consignment that the status was said of, `recipient_key` who gets it."""

    entry: StatusEntry
    about: Consignment
    recipient_key: str
    envelope: Envelope


def run(status_id: str, hub: Hub) -> None:
    """Write the messages owed about this status and those said before it; does nothing when they were written."""
    with hub.database.reading() as connection:
        entry = statuses_owed.get(connection, status_id)
        waiting = statuses_owed.up_to(connection, entry) if entry is not None and entry.to_inform else []
        messages = [_message(connection, one, hub) for one in waiting]
    for message in messages:
        _send(message, hub)


def before(delivery_id: str, code: str, hub: Hub) -> None:
    """Write the messages owed about this delivery, so that one that comes now takes its turn after them.

    What the new one (its code) repeats, and what was said after that, waits for it.
    """
    with hub.database.reading() as connection:
        owed = statuses_owed.about(connection, delivery_id)
        messages = [_message(connection, one, hub) for one in takewhile(lambda one: one.code != code, owed)]
    for message in messages:
        _send(message, hub)


def _message(connection: Connection, entry: StatusEntry, hub: Hub) -> _Message:
    delivery = deliveries.get(connection, entry.delivery_id)
    about = consignments.get(connection, delivery.consignment_id) if delivery is not None else None
    if delivery is None or about is None:
        raise LookupError(f"status {entry.id} without its delivery or consignment")
    to = listener(StatusCode(entry.code), owner=about.sender_key, recipient=delivery.recipient_key)
    book = agencies.Book(connection, [to, entry.said_by])
    by, other = book.find(entry.said_by), book.find(to)
    if by is None or other is None:
        raise LookupError(f"status {entry.id} of agencies that are not in the directory")
    in_its_place = resolve(other.code, on=vietnam_day(hub.now()), look_up=book.find).agency or other
    document = documents.get(connection, about.document_ref) if about.document_ref else None
    envelope = _envelope(entry, by=by, to=other, about=document or about, hub=hub)
    return _Message(entry, about, code_key(in_its_place.code), envelope)


def _envelope(entry: StatusEntry, *, by: Agency, to: Agency, about: Document | Consignment, hub: Hub) -> Envelope:
    """The message as a value, from the rows alone: written again, it has the same bytes."""
    answered = ResponseFor(to.code, about.notation, about.issued_on, about.document_id)
    return Envelope(
        kind=Kind.STATUS,
        dialect=names.DIALECT_OF_NAMESPACE[names.QCVN],
        sender=Party(by.code, _NOT_XML.sub("\ufffd", by.name)),
        status=StatusReport(answered, entry.code, _NOT_XML.sub("\ufffd", entry.description), entry.said_at),
        trace=(Hop(hub.settings.name, entry.recorded_at),),
    )


def _send(message: _Message, hub: Hub) -> None:
    """Keep the body, then the row and its wake in one transaction, when the message is still owed."""
    out = io.BytesIO()
    writer.write(writer.status(message.envelope), {}, out)
    body = out.getvalue()
    made = _consignment(message, body, hub)
    draft = hub.payloads.begin()
    try:
        draft.write(body)
        draft.keep(made.sha256)
    finally:
        draft.discard()
    with hub.database.writing() as transaction:
        _lock_document_of(transaction, message)
        delivery = ending.locked(transaction, message.entry.delivery_id)
        entry = statuses_owed.get(transaction.connection, message.entry.id)
        if delivery is None or entry is None or not entry.to_inform:
            return
        if entry.code == StatusCode.RECALL_REQUESTED and delivery.state is DeliveryState.WITHDRAWN:
            statuses_owed.informed(transaction, entry.id, None)  # it never had the copy: there is nothing to ask for
            return
        _accept(transaction, made, message)


def _lock_document_of(transaction: Transaction, message: _Message) -> None:
    """Before any row of its copies, as a recall does: else the two could wait for each other in a circle."""
    answered = message.envelope.status
    document_id = answered.response_for.document_id if answered else ""
    consignments.lock_document(transaction, message.about.sender_key, document_id)


def _accept(transaction: Transaction, made: Consignment, message: _Message) -> None:
    if not consignments.add(transaction, made):
        raise LookupError(f"status {message.entry.id} has a message already")
    if made.document_ref:
        speaker_key = "" if message.entry.code == StatusCode.RECALL_REQUESTED else made.sender_key
        conversations.take_turn(transaction, made.document_ref, made.id, speaker_key=speaker_key)
    statuses_owed.informed(transaction, message.entry.id, made.id)
    events.happened(transaction, Event("accepted", made.judged_at, made.id, facts={"by": "hub"}))
    outbox.wake(transaction, "route", [made.id], lane=made.lane, trace_id=made.trace_id)


def _consignment(message: _Message, body: bytes, hub: Hub) -> Consignment:
    now, entry, envelope = hub.now(), message.entry, message.envelope
    to = envelope.status.response_for.organ_id if envelope.status else ""
    header = msgspec.to_builtins(envelope) | {
        "resolved_recipients": [{"addressee": to, "recipient": message.recipient_key}],
        "answers": None,
        "informs": entry.id,
    }
    return Consignment(
        id=new_id(),
        caller_key=entry.said_by,
        key_scope=entry.said_by,
        idempotency_key=f"hub-status:{entry.id}",
        sender_key=entry.said_by,
        kind=envelope.kind.value,
        state=ConsignmentState.ACCEPTED,
        lane=Lane.URGENT,
        sha256=hashlib.sha256(body).hexdigest(),
        size_bytes=len(body),
        body_kept=True,
        document_id=envelope.document_id,
        notation=envelope.notation,
        issued_on=envelope.issued_on,
        attachments_sha256="",
        business_type=int(envelope.business.business_type),
        paper=None,
        signature_state=SignatureState.ABSENT.value,
        header=header,
        signature=msgspec.to_builtins(SignatureReport(SignatureState.ABSENT)),
        files=[],
        replaces_paper=False,
        because=(),
        findings=(),
        rule_pack=hub.rules_on(now).pack_id,
        trace_id=message.about.trace_id,
        received_at=now,
        judged_at=now,
        next_attempt_at=now + RESCUE_AFTER,
        document_ref=message.about.document_ref,
    )
