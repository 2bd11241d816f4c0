"""REGISTRATION: an accepted sending takes its place in the sender's register and in its conversation.

Owns: which document a sending is about, its turn, freezing what it recalls or replaces, describing what it updates.
Never: touches a recipient's copy (hub/stations/change.py does, in turn).
Source: Decision 28/2018/QĐ-TTg Art. 10(2); Decree 30/2020/NĐ-CP Art. 18, Annex VI.III.8 (freeze at the sender).
"""

from __future__ import annotations

from hub.checks.candidate import Candidate
from hub.checks.changes import named_recipients
from hub.domain.agencies import code_key
from hub.domain.changes import DocumentState, Target
from hub.domain.envelopes import BusinessType, Kind
from hub.domain.statuses import StatusCode
from hub.stations.change import referred_to
from hub.store import consignments, conversations, documents, events
from hub.store.consignments import Consignment
from hub.store.engine import Transaction
from hub.store.events import Event


def locks(candidate: Candidate) -> set[tuple[str, str]]:
    """The documents (owner's key, id) that must be locked before a verdict about this candidate is written."""
    envelope = candidate.reading.envelope
    if candidate.sender.agency is None:
        return {(code_key(candidate.caller.code), envelope.document_id)}
    sender_key = code_key(candidate.sender.agency.code)
    if envelope.status is None:
        return {(sender_key, one) for one in (envelope.document_id, *referred_to(envelope))}
    return {(_owner(candidate), envelope.status.response_for.document_id)}


def reference(transaction: Transaction, consignment: Consignment, candidate: Candidate) -> str | None:
    """The document that an accepted sending is about; its own id when it is the first of a new document."""
    if consignment.kind == Kind.STATUS:
        answered = candidate.answered[0] if candidate.answered else None
        about = consignments.get(transaction.connection, answered.consignment_id) if answered else None
        return about.document_ref if about else None
    if consignment.business_type in (BusinessType.RECALL, BusinessType.UPDATE):
        return candidate.targets[0].ref
    known = documents.find(transaction.connection, consignment.sender_key, consignment.document_id)
    return known.id if known else consignment.id


def run(transaction: Transaction, consignment: Consignment, candidate: Candidate) -> None:
    """Enter it and give it its turn; the row is there, with its reference, and the documents are locked."""
    ref = consignment.document_ref
    if ref is None:  # a status about a document from before the register
        return
    if consignment.kind == Kind.STATUS:
        speaker = "" if _owner_speaks(candidate) else consignment.sender_key
        conversations.take_turn(transaction, ref, consignment.id, speaker_key=speaker)
        return
    if ref == consignment.id:
        documents.enter(transaction, consignment)
    about = dict.fromkeys([ref, *(one.ref for one in candidate.targets if one.ref)])
    for document in about:
        conversations.take_turn(transaction, document, consignment.id)
    for position, target in enumerate(candidate.targets):
        _take_effect(transaction, consignment, candidate, target, position)


def _take_effect(
    transaction: Transaction, consignment: Consignment, candidate: Candidate, target: Target, position: int
) -> None:
    at, named = consignment.judged_at, named_recipients(candidate)
    everywhere = target.holders <= named and not target.to_groups
    if target.ref is None or target.state is not DocumentState.LIVE:
        return
    if consignment.business_type == BusinessType.UPDATE:
        if candidate.reading.envelope.business.metadata_changed:
            documents.describe(transaction, target.ref, consignment)
    elif consignment.business_type == BusinessType.RECALL:
        if everywhere:
            documents.move(transaction, target.ref, DocumentState.RECALLED, at=at)
            events.happened(transaction, Event("frozen", at, target.ref, facts={"by": consignment.id}))
    elif everywhere and target.holders <= frozenset(candidate.replacing[position] or target.holders):
        newer = consignment.document_ref
        documents.move(transaction, target.ref, DocumentState.REPLACED, at=at, replaced_by=newer)


def _owner_speaks(candidate: Candidate) -> bool:
    status = candidate.reading.envelope.status
    return status is not None and status.status_code == StatusCode.RECALL_REQUESTED


def _owner(candidate: Candidate) -> str:
    """The key of the agency that issued the document about which a status speaks."""
    if _owner_speaks(candidate) and candidate.sender.agency is not None:
        return code_key(candidate.sender.agency.code)
    other = candidate.recipients[0].agency if candidate.recipients else None
    return code_key(other.code) if other else ""
