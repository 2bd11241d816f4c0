"""RECORD: make the verdict durable: body, row, signed receipt, history and the wake of the next station.

Owns: the one transaction of an answer; the promise that the same key gives the same receipt for ever.
Never: answers before everything is on disk.
Source: design §1 and §6; Decision 28/2018/QĐ-TTg Art. 1 (a secret document's body is not kept).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec

from hub.checks.secrecy import MARKED
from hub.domain.agencies import code_key
from hub.domain.consignments import ConsignmentState, Lane, lane_of
from hub.domain.envelopes import Envelope, Kind, Urgency
from hub.domain.evidence import EvidenceWanted
from hub.domain.findings import Verdict
from hub.domain.receipts import ReceiptEvent, Testimony
from hub.domain.signatures import SignatureState
from hub.stations import RESCUE_AFTER, Hub, change, duties, inform, new_id, registration, verify
from hub.stations.receive import Received, same_bytes_or_raise
from hub.stations.testimony import signed as testimony_signed
from hub.stations.verify import Judged
from hub.store import consignments, events, evidence, outbox, receipts
from hub.store.consignments import Consignment
from hub.store.engine import Transaction
from hub.store.events import Event
from hub.store.receipts import Receipt

JUDGE_AGAIN_AFTER = timedelta(minutes=5)
_STATES = {
    Verdict.ACCEPTED: ConsignmentState.ACCEPTED,
    Verdict.REJECTED: ConsignmentState.REJECTED,
    Verdict.HELD: ConsignmentState.HELD,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender gets: the consignment and its first receipt (None while held); `replayed`: known before."""

    consignment: Consignment
    receipt: Receipt | None
    replayed: bool


def run(received: Received, judged: Judged, hub: Hub) -> Answer:
    """Keep the body, then the row and the receipt. Raises SameKeyDifferentContent when another post was first."""
    now = hub.now()
    consignment = _consignment(received, judged, now)
    if consignment.body_kept:
        received.draft.keep(consignment.sha256)
    told_before(judged, hub)
    with hub.database.writing(gives_way=True) as transaction:  # what was accepted before is finished first
        consignments.lock_documents(transaction, registration.locks(judged.candidate))
        current = verify.looked_again(transaction.connection, judged)  # another change may have been first
        if current is not judged:
            judged, consignment = current, _consignment(received, current, now)
        consignment = referring(transaction, consignment, judged)
        receipt = first_receipt(consignment, hub)
        fresh = consignments.add(transaction, consignment)
        if fresh:
            write_verdict(transaction, consignment, receipt, judged, hub)
    return Answer(consignment, receipt, replayed=False) if fresh else replayed(received, hub)


def told_before(judged: Judged, hub: Hub) -> None:
    """What a recipient said by JSON before this status message is told before it; opens the payload store."""
    status = judged.candidate.reading.envelope.status
    if status is not None and judged.candidate.answered and judged.verdict is Verdict.ACCEPTED:
        inform.before(judged.candidate.answered[0].id, status.status_code, hub)


def replayed(received: Received, hub: Hub) -> Answer:
    """The answer that this key got before. Raises SameKeyDifferentContent for other bytes."""
    with hub.database.reading() as connection:
        first = consignments.by_key(connection, received.key_scope, received.idempotency_key)
        if first is None:
            raise LookupError(f"{received.idempotency_key} vanished")
        same_bytes_or_raise(first, received.reading.sha256)
        return Answer(first, submission_receipt(receipts.of_consignment(connection, first.id)), replayed=True)


def submission_receipt(all_receipts: list[Receipt]) -> Receipt | None:
    """The receipt of acceptance or rejection among a consignment's receipts; None while it is held."""
    submissions = (ReceiptEvent.SUBMISSION_ACCEPTANCE.value, ReceiptEvent.SUBMISSION_REJECTION.value)
    return next((receipt for receipt in all_receipts if receipt.event in submissions), None)


def _consignment(received: Received, judged: Judged, now: datetime) -> Consignment:
    candidate, arrival, reading = judged.candidate, received.arrival, received.reading
    envelope = reading.envelope
    secret = any(finding.code == MARKED for finding in judged.findings)
    sender = candidate.sender.agency
    return Consignment(
        id=new_id(),
        caller_key=code_key(arrival.caller.code),
        key_scope=received.key_scope,
        idempotency_key=received.idempotency_key,
        sender_key=code_key(sender.code) if sender else code_key(arrival.caller.code),
        kind=envelope.kind.value,
        state=_STATES[judged.verdict],
        lane=lane_for(judged),
        sha256=reading.sha256,
        size_bytes=reading.size_bytes,
        body_kept=not secret,
        document_id=envelope.document_id,
        notation=envelope.notation,
        issued_on=envelope.issued_on,
        attachments_sha256=candidate.attachments_sha256,
        business_type=int(envelope.business.business_type),
        paper=None if envelope.business.paper is None else int(envelope.business.paper),
        signature_state=shown_state(judged).value,
        header={} if secret else header_of(judged),
        signature=signature_of(judged),
        files=files_of(judged),
        replaces_paper=candidate.legal_value.replaces_paper,
        because=candidate.legal_value.because,
        findings=judged.findings,
        rule_pack=candidate.rules.pack_id,
        trace_id=arrival.trace_id,
        received_at=arrival.received_at,
        judged_at=now,
        next_attempt_at=next_look(judged.verdict, now),
    )


def referring(transaction: Transaction, consignment: Consignment, judged: Judged) -> Consignment:
    """The row with the document that it is about, once it is accepted."""
    if consignment.state is not ConsignmentState.ACCEPTED:
        return consignment
    return replace(consignment, document_ref=registration.reference(transaction, consignment, judged.candidate))


def with_verdict(held: Consignment, judged: Judged, now: datetime) -> Consignment:
    """The held row with its new verdict."""
    return replace(
        held,
        state=_STATES[judged.verdict],
        lane=lane_for(judged),
        signature_state=shown_state(judged).value,
        header=header_of(judged),
        signature=signature_of(judged),
        files=files_of(judged),
        replaces_paper=judged.candidate.legal_value.replaces_paper,
        because=judged.candidate.legal_value.because,
        findings=judged.findings,
        rule_pack=judged.candidate.rules.pack_id,
        judged_at=now,
        next_attempt_at=next_look(judged.verdict, now),
    )


def next_look(verdict: Verdict, now: datetime) -> datetime | None:
    """When the clock looks after a row with this verdict if nothing else moved it."""
    waits = {Verdict.ACCEPTED: RESCUE_AFTER, Verdict.HELD: JUDGE_AGAIN_AFTER}
    return now + waits[verdict] if verdict in waits else None


def lane_for(judged: Judged) -> Lane:
    """The lane of the envelope's urgency and number of recipients."""
    envelope = judged.candidate.reading.envelope
    count = sum(len(one.members) or 1 for one in judged.candidate.recipients)
    urgency = Urgency.URGENT if envelope.kind is Kind.STATUS else envelope.urgency  # statuses are small and awaited
    return lane_of(urgency, recipients=count, bulk_from=judged.candidate.rules.bulk_from_recipients)


def header_of(judged: Judged) -> dict[str, Any]:
    """The envelope as plain JSON without its notes (they are findings), with the recipients as resolved."""
    header = msgspec.to_builtins(_without_notes(judged.candidate.reading.envelope))
    header["resolved_recipients"] = [
        {"addressee": r.written, "group": r.group}
        if r.group
        else {"addressee": r.written, "recipient": code_key(r.agency.code)}
        for r in judged.candidate.recipients
        if r.agency or r.group
    ]
    header["change"] = change.described(judged.candidate)
    header["answers"] = next((delivery.id for delivery in judged.candidate.answered), None)
    return header


def _without_notes(envelope: Envelope) -> Envelope:
    return replace(envelope, notes=())


def signature_of(judged: Judged) -> dict[str, Any]:
    """The signature report as plain JSON, without the findings, in the state that may be shown."""
    return msgspec.to_builtins(replace(judged.candidate.signature, state=shown_state(judged), findings=(), wanted=()))


def files_of(judged: Judged) -> list[dict[str, Any]]:
    """What was seen in each attachment, as plain JSON: the scanner's word and the report of each signature."""
    candidate = judged.candidate
    return [
        {
            "content_id": content_id,
            "scan": msgspec.to_builtins(facts.scan),
            "signatures": [
                msgspec.to_builtins(one) | {"owner": owner.agency.code if (owner := candidate.owner_of(one)) else None}
                for one in (candidate.pdfs[content_id].signatures if content_id in candidate.pdfs else ())
            ],
            "is_pdf": content_id in candidate.pdfs,
        }
        for content_id, facts in candidate.files.items()
    ]


def evidence_of(judged: Judged) -> set[str]:
    """The SHA-256 of every piece of evidence on which the verdict rests."""
    reports = judged.candidate.pdfs.values()
    in_files = {one for report in reports for signature in report.signatures for one in signature.evidence}
    return {*judged.candidate.signature.evidence, *in_files}


def wanted_of(judged: Judged) -> list[EvidenceWanted]:
    """The evidence that is missing and may be asked for."""
    reports = judged.candidate.pdfs.values()
    return [*judged.candidate.signature.wanted, *(one for report in reports for one in report.wanted)]


def shown_state(judged: Judged) -> SignatureState:
    """valid only when the chain is trusted and the certificate is the sender's; sums that agree are not enough."""
    report = judged.candidate.signature
    if report.state is SignatureState.VALID and not report.trusted:
        return SignatureState.INVALID
    theirs = report.state in (SignatureState.VALID, SignatureState.UNDETERMINED)
    return SignatureState.INVALID if theirs and not judged.candidate.holder_may_sign else report.state


def first_receipt(consignment: Consignment, hub: Hub) -> Receipt | None:
    """The signed receipt of acceptance or rejection; None while the consignment is held."""
    kinds = {
        ConsignmentState.ACCEPTED: ReceiptEvent.SUBMISSION_ACCEPTANCE,
        ConsignmentState.REJECTED: ReceiptEvent.SUBMISSION_REJECTION,
    }
    if consignment.state not in kinds:
        return None
    testimony = Testimony(
        receipt_id=new_id(),
        event=kinds[consignment.state],
        at=consignment.judged_at,
        consignment_id=consignment.id,
        sender=consignment.sender_key,
        document_id=consignment.document_id,
        sha256=consignment.sha256,
        size_bytes=consignment.size_bytes,
        received_at=consignment.received_at,
        rule_pack=consignment.rule_pack,
        replaces_paper=consignment.replaces_paper,
        findings=consignment.findings,
    )
    return testimony_signed(testimony, hub)


def write_verdict(
    transaction: Transaction, consignment: Consignment, receipt: Receipt | None, judged: Judged, hub: Hub
) -> None:
    """Everything that follows from a verdict: receipt, evidence, history, wakes. The document is locked."""
    evidence.used(transaction, consignment.id, sorted(evidence_of(judged)))
    evidence.want(transaction, wanted_of(judged), at=consignment.judged_at)
    facts: dict[str, Any] = {"findings": [f.code for f in consignment.findings if f.severity != "note"]}
    happenings = [Event(consignment.state.value, consignment.judged_at, consignment.id, facts=facts)]
    if receipt is not None:
        receipts.issue(transaction, receipt)
    if consignment.state is ConsignmentState.ACCEPTED:
        registration.run(transaction, consignment, judged.candidate)
        is_first = consignment.document_ref == consignment.id  # sent again to further recipients, it is not late again
        late = duties.late_sending(consignment, hub) if is_first else None
        happenings += [late] if late else []
        outbox.wake(transaction, "route", [consignment.id], lane=consignment.lane, trace_id=consignment.trace_id)
    events.happened(transaction, *happenings)
