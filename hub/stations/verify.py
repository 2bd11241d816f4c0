"""VERIFY: gather what is known around an envelope, run the checks, take the verdict.

Owns: the gathering, the judgement of held consignments again.
Never: writes a verdict (record does); opens a connection.
Source: design §1; Decision 28/2018/QĐ-TTg Art. 9(1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from io import SEEK_SET
from typing import Any, BinaryIO

from hub import checks
from hub.checks.candidate import Candidate, Owner
from hub.domain import legal_value
from hub.domain.agencies import Agency, Resolution, code_key, may_speak_for, plain, resolve
from hub.domain.envelopes import Envelope, Kind
from hub.domain.findings import Finding, Verdict, verdict_of
from hub.domain.legal_value import LegalValue
from hub.domain.periods import vietnam_day
from hub.domain.rules import RulePack, pack_on
from hub.domain.signatures import PdfReport, PdfSignature, SignatureReport
from hub.domain.statuses import StatusCode
from hub.edxml.reader import Reading
from hub.signatures import xmldsig
from hub.stations import Hub, change, examine
from hub.stations.examine import Examined
from hub.store import agencies, consignments, deliveries, documents, duties, groups, policies
from hub.store.deliveries import Delivery
from hub.store.engine import Connection

START_SEARCH_BYTES = 4096  # the reader refuses longer junk before the first '<'


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict and all it rests on."""

    candidate: Candidate
    findings: tuple[Finding, ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known before the database is asked."""

    reading: Reading
    rules: RulePack
    signature: SignatureReport
    examined: Examined


def run(reading: Reading, hub: Hub, *, caller: Agency, moment: datetime, open_body: Callable[[], BinaryIO]) -> Judged:
    """Judge one reading; `open_body` gives the bytes received. A bad document is findings, not an exception."""
    rules = pack_on(vietnam_day(moment))
    signature = xmldsig.judge(
        signed_source(reading, open_body),
        anchors=hub.trust.signing,
        evidence=hub.book,
        moment=moment,
        text_limit_bytes=hub.settings.max_text_signed_bytes,
    )
    seen = Seen(
        reading,
        rules,
        replace(signature, wanted=examine.askable(signature.wanted, hub)),
        examine.run(reading, hub, moment=moment, rules=rules),
    )
    with hub.database.reading() as connection:
        candidate = _gathered(connection, seen, caller=caller, moment=moment)
    findings = checks.judge(candidate)
    return Judged(candidate, findings, verdict_of(findings))


def signed_source(reading: Reading, open_body: Callable[[], BinaryIO]) -> xmldsig.SignedSource:
    """A reading as the signature room takes it; `open_body` gives the bytes received."""

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


def _gathered(connection: Connection, seen: Seen, *, caller: Agency, moment: datetime) -> Candidate:
    envelope, today, signature = seen.reading.envelope, vietnam_day(moment), seen.signature
    addressees = _addressees(envelope)
    book = agencies.Book(connection, [envelope.sender.organ_id, *addressees, *change.agencies_named(envelope)])
    sender = resolve(envelope.sender.organ_id, on=today, look_up=book.find)
    known = sender.agency is not None
    sender_key = code_key(sender.agency.code) if sender.agency else ""
    recipients = tuple(resolve(code, on=today, look_up=book.find) for code in addressees)
    if envelope.kind is Kind.DOCUMENT:
        recipients = _with_groups(connection, recipients, on=today, without=sender_key)
    holder = _holder(connection, signature.certificate.sha256) if signature.certificate else None
    owners = _owners(connection, seen.examined.pdfs, sender.agency, book)
    answered = answered_deliveries(connection, envelope, sender, recipients)
    return Candidate(
        reading=seen.reading,
        caller=caller,
        moment=moment,
        day=today,
        rules=seen.rules,
        policy=policies.of_agency(connection, sender_key) if known else (),
        sender=sender,
        caller_may_send=known and may_speak_for(caller, sender.agency, look_up=book.find),
        recipients=recipients,
        signature=signature,
        certificate_holder=holder,
        holder_may_sign=known and holder is not None and may_speak_for(holder, sender.agency, look_up=book.find),
        answered=answered,
        not_routed_yet=not answered and _is_on_its_way(connection, envelope, sender_key, recipients),
        open_changes=len(duties.open_changes(connection, [one.id for one in answered])) if answered else 0,
        files=seen.examined.files,
        pdfs=seen.examined.pdfs,
        owners=owners,
        legal_value=_legal_value(seen, owners),
        **_sent_before(connection, envelope, sender_key),
        **change.gathered(connection, envelope, sender_key, seen.rules, find=_finder(book, today)),
    )


def _sent_before(connection: Connection, envelope: Envelope, sender_key: str) -> dict[str, Any]:
    """The fields of a Candidate about earlier sendings of the same document, or of its number."""
    digest = attachments_digest(envelope)
    if envelope.kind is not Kind.DOCUMENT or not sender_key:
        return {"attachments_sha256": digest, "earlier": (), "same_number": None, "already_held": {}}
    earlier = consignments.earlier_of_document(connection, sender_key, envelope.document_id)
    return {
        "attachments_sha256": digest,
        "earlier": tuple(earlier),
        "same_number": _same_number(connection, envelope, sender_key),
        "already_held": held_copies(connection, envelope, sender_key, digest) if earlier else {},
    }


def looked_again(connection: Connection, judged: Judged) -> Judged:
    """The judgement of a change with what the register says now; the caller holds the locks of its documents."""
    candidate = judged.candidate
    if candidate.own is None and not candidate.targets:
        return judged
    own, targets = change.known_now(connection, candidate)
    if (own, targets) == (candidate.own, candidate.targets):
        return judged
    candidate = replace(candidate, own=own, targets=targets)
    findings = checks.judge(candidate)
    return Judged(candidate, findings, verdict_of(findings))


def _finder(book: agencies.Book, today: date) -> Callable[[str], Agency | None]:
    return lambda code: resolve(code, on=today, look_up=book.find).agency


def _with_groups(
    connection: Connection, resolved: tuple[Resolution, ...], *, on: date, without: str
) -> tuple[Resolution, ...]:
    """Codes that mean no agency may mean a group; with its recipients of today."""
    unknown = [code_key(one.written) for one in resolved if one.agency is None and not one.followed]
    named = groups.find_many(connection, unknown) if any(unknown) else {}
    members = {key: tuple(groups.members(connection, group, on=on, without=without)) for key, group in named.items()}
    return tuple(
        replace(one, group=code_key(one.written), members=members[code_key(one.written)])
        if one.agency is None and code_key(one.written) in members
        else one
        for one in resolved
    )


def _holder(connection: Connection, certificate_sha256: str) -> Agency | None:
    return agencies.certificate_holder(connection, certificate_sha256)


def _owners(
    connection: Connection, pdfs: Mapping[str, PdfReport], sender: Agency | None, book: agencies.Book
) -> dict[str, Owner]:
    """Whose seals the PDF files carry: by registration, by the agency code in the certificate, or by the name.

    A code wins over a name, because a certificate that names its agency code may not pass for another's; and a name
    that two agencies have tells nothing: such a certificate must be registered.
    """
    found: dict[str, Owner] = {}
    for signature in (one for report in pdfs.values() for one in report.signatures):
        if signature.certificate is None or signature.certificate.sha256 in found:
            continue
        owner = _holder(connection, signature.certificate.sha256) or book.find(code_key(signature.agency_code))
        if owner is None and not signature.agency_code and sender is not None:
            named = _same_name(signature.organisation, sender.name) and not agencies.has_namesake(connection, sender)
            owner = sender if named else None
        if owner is not None:
            is_sender = sender is not None and may_speak_for(owner, sender, look_up=book.find)
            found[signature.certificate.sha256] = Owner(owner, is_sender)
    return found


def _same_name(organisation: str, name: str) -> bool:
    """Certificates write names without accents and in capitals as often as not (domain notes §6)."""
    return bool(organisation.strip()) and plain(organisation) == plain(name)


def _legal_value(seen: Seen, owners: Mapping[str, Owner]) -> LegalValue:
    files = [
        legal_value.SignedFile(
            one.content_id,
            one.name,
            seen.examined.pdfs[one.content_id].signatures if one.content_id in seen.examined.pdfs else None,
        )
        for one in seen.reading.envelope.attachments
    ]

    def of_the_sender(signature: PdfSignature) -> bool:
        owner = owners.get(signature.certificate.sha256) if signature.certificate else None
        return owner is not None and owner.is_sender

    return legal_value.judge(files, seen.rules.legal_value, of_the_sender=of_the_sender)


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


def _is_on_its_way(
    connection: Connection, envelope: Envelope, sender_key: str, recipients: tuple[Resolution, ...]
) -> bool:
    """True when the owner asks back (13) a copy that is accepted, or held, and not routed yet."""
    status, other = envelope.status, recipients[0].agency if recipients else None
    if status is None or status.status_code != StatusCode.RECALL_REQUESTED or not sender_key or other is None:
        return False
    target = documents.target(connection, sender_key, status.response_for.document_id)
    return target.held or target.to_groups or code_key(other.code) in target.coming


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
    found: list[Delivery] = []
    for key in dict.fromkeys([code_key(owner.code), *(code_key(one) for one in recipients[0].followed)]):
        found += deliveries.of_document(  # a closed owner's documents keep its name; the message goes to its successor
            connection,
            sender_key=key,
            document_id=envelope.status.response_for.document_id,
            recipient_key=code_key(receiver.code),
        )
    return tuple(found)
