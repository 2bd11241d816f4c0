"""VERIFY: gather what is known around an envelope, run the checks, take the verdict.

Owns: the gathering, the judgement of held consignments again.
Never: writes a verdict (record does); opens a connection.
Source: design §1; Decision 28/2018/QĐ-TTg Art. 9(1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from io import SEEK_SET
from typing import BinaryIO

from hub import checks
from hub.checks.candidate import Candidate
from hub.domain.agencies import Agency, Resolution, code_key, may_speak_for, resolve
from hub.domain.envelopes import Envelope, Kind
from hub.domain.findings import Finding, Verdict, verdict_of
from hub.domain.periods import vietnam_day
from hub.domain.rules import pack_on
from hub.domain.signatures import SignatureReport
from hub.domain.statuses import StatusCode
from hub.edxml.reader import Reading
from hub.signatures import xmldsig
from hub.stations import Hub
from hub.store import agencies, consignments, deliveries
from hub.store.deliveries import Delivery
from hub.store.engine import Connection

START_SEARCH_BYTES = 4096  # the reader refuses longer junk before the first '<'


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict and all it rests on."""

    candidate: Candidate
    findings: tuple[Finding, ...]
    verdict: Verdict


def run(reading: Reading, hub: Hub, *, caller: Agency, moment: datetime, open_body: Callable[[], BinaryIO]) -> Judged:
    """Judge one reading; `open_body` gives the bytes received. A bad document is findings, not an exception."""
    signature = xmldsig.judge(
        _signed_source(reading, open_body),
        anchors=hub.anchors,
        moment=moment,
        text_limit_bytes=hub.settings.max_text_signed_bytes,
    )
    with hub.database.reading() as connection:
        candidate = _gathered(connection, reading, caller=caller, moment=moment, signature=signature)
    findings = checks.judge(candidate)
    return Judged(candidate, findings, verdict_of(findings))


def _signed_source(reading: Reading, open_body: Callable[[], BinaryIO]) -> xmldsig.SignedSource:
    def open_attachment(content_id: str) -> BinaryIO:
        spool = reading.spools[content_id]
        spool.seek(0, SEEK_SET)
        return spool

    def open_whole() -> BinaryIO:
        body = open_body()
        body.seek(max(body.read(START_SEARCH_BYTES).find(b"<"), 0), SEEK_SET)
        return body

    return xmldsig.SignedSource(
        skeleton=reading.skeleton,
        digests={a.content_id: a.sha256 for a in reading.envelope.attachments},
        open_attachment=open_attachment,
        open_whole=open_whole,
        size_bytes=reading.size_bytes,
    )


def _gathered(
    connection: Connection, reading: Reading, *, caller: Agency, moment: datetime, signature: SignatureReport
) -> Candidate:
    envelope, today, addressees = reading.envelope, vietnam_day(moment), _addressees(reading.envelope)
    look_up = agencies.Book(connection, [envelope.sender.organ_id, *addressees]).find
    sender = resolve(envelope.sender.organ_id, on=today, look_up=look_up)
    recipients = tuple(resolve(code, on=today, look_up=look_up) for code in addressees)
    holder = None
    if signature.certificate is not None:
        holder = agencies.certificate_holder(connection, signature.certificate.sha256)
    known = sender.agency is not None
    sender_key = code_key(sender.agency.code) if sender.agency else ""
    attachments_sha256 = attachments_digest(envelope)
    is_document = envelope.kind is Kind.DOCUMENT and known
    earlier = consignments.earlier_of_document(connection, sender_key, envelope.document_id) if is_document else []
    return Candidate(
        reading=reading,
        caller=caller,
        moment=moment,
        rules=pack_on(today),
        sender=sender,
        caller_may_send=known and may_speak_for(caller, sender.agency, look_up=look_up),
        recipients=recipients,
        signature=signature,
        certificate_holder=holder,
        holder_may_sign=known and holder is not None and may_speak_for(holder, sender.agency, look_up=look_up),
        earlier=tuple(earlier),
        same_number=_same_number(connection, envelope, sender_key) if is_document else None,
        already_held=held_copies(connection, envelope, sender_key, attachments_sha256) if earlier else {},
        answered=answered_deliveries(connection, envelope, sender, recipients),
        attachments_sha256=attachments_sha256,
    )


def _addressees(envelope: Envelope) -> list[str]:
    if envelope.status is not None:
        return [envelope.status.response_for.organ_id]
    return [party.organ_id for party in envelope.addressees]


def attachments_digest(envelope: Envelope) -> str:
    """One digest of the decoded attachments, whatever their order; empty when there are none."""
    if not envelope.attachments:
        return ""
    return hashlib.sha256("\n".join(sorted(a.sha256 for a in envelope.attachments)).encode()).hexdigest()


def held_copies(connection: Connection, envelope: Envelope, sender_key: str, digest: str) -> dict[str, str]:
    """Recipient key → delivery of those who have, or will get, the same attachments of this document."""
    if not digest:
        return {}
    return deliveries.held_copies(
        connection, sender_key=sender_key, document_id=envelope.document_id, attachments_sha256=digest
    )


def _same_number(connection: Connection, envelope: Envelope, sender_key: str) -> consignments.Consignment | None:
    if envelope.issued_on is None or not envelope.notation:
        return None
    return consignments.same_notation(
        connection,
        sender_key,
        envelope.notation,
        year=envelope.issued_on.year,
        document_id=envelope.document_id,
    )


def answered_deliveries(
    connection: Connection, envelope: Envelope, sender: Resolution, recipients: tuple[Resolution, ...]
) -> tuple[Delivery, ...]:
    """The deliveries that a status message speaks about, newest first; for 13 the sender owns the document."""
    other = recipients[0].agency if recipients else None
    if envelope.status is None or sender.agency is None or other is None:
        return ()
    owner, receiver = other, sender.agency
    if envelope.status.status_code == StatusCode.RECALL_REQUESTED:
        owner, receiver = receiver, owner
    return tuple(
        deliveries.of_document(
            connection,
            sender_key=code_key(owner.code),
            document_id=envelope.status.response_for.document_id,
            recipient_key=code_key(receiver.code),
        )
    )
