"""Consignments, deliveries and receipts in the JSON of the API.

Owns: which facts are shown under which names; times with +07:00.
Never: decides who may see them.
Source: hub-api.v1.yaml; Decision 28/2018/QĐ-TTg Art. 10(2) (what is shown of a document), Art. 14(4) (times).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from hub.domain.changes import Copy
from hub.domain.consignments import ConsignmentState
from hub.domain.duties import Duty
from hub.domain.envelopes import BusinessType, Urgency
from hub.domain.findings import Verdict
from hub.domain.periods import vietnam_time
from hub.domain.personal_data import without_staff
from hub.domain.rules import RulePack
from hub.domain.signatures import SignatureState
from hub.store.consignments import Consignment
from hub.store.deliveries import Delivery, StatusEntry
from hub.store.documents import Document
from hub.store.events import Event
from hub.store.receipts import Receipt
from hub.web import language

ROOT = "/api/v1"
_VERDICTS = {ConsignmentState.HELD: Verdict.HELD, ConsignmentState.REJECTED: Verdict.REJECTED}
_PAPER = {0: "paper_free", 1: "with_paper", None: "not_said"}
_WORST_FIRST = (SignatureState.INVALID, SignatureState.UNDETERMINED, SignatureState.VALID)
_SIGNATURE_FACTS = (
    "number",
    "field",
    "sub_indication",
    "organisation",
    "agency_code",
    "owner",
    "digest",
    "algorithm",
    "covers_whole_file",
    "bytes_after",
    "changes",
    "trusted",
    "revocation",
)
_PLAIN = ("document_type_name", "due_on", "to_places", "signer", "addressees")


def verdict(kept: Consignment) -> Verdict:
    """The verdict that the state tells: accepted and all later states are acceptance."""
    return _VERDICTS.get(kept.state, Verdict.ACCEPTED)


def answer(kept: Consignment, receipt: Receipt | None, *, replayed: bool) -> dict[str, Any]:
    """What the sender of a consignment is told."""
    return {
        "id": kept.id,
        "verdict": verdict(kept).value,
        "replayed": replayed,
        "state": kept.state.value,
        "sha256": kept.sha256,
        "size_bytes": kept.size_bytes,
        "received_at": vietnam_time(kept.received_at),
        "judged_at": vietnam_time(kept.judged_at),
        "document_id": kept.document_id,
        "sender": kept.sender_key,
        "rule_pack": kept.rule_pack,
        "signature": signature(kept.signature),
        "files": [_file(one) for one in kept.files],
        "replaces_paper": {
            "answer": kept.replaces_paper,
            "because": [language.finding(reason) for reason in kept.because],
        },
        "findings": [language.finding(finding) for finding in kept.findings],
        "receipt": receipt.jws if receipt else None,
        "links": {"self": f"{ROOT}/consignments/{kept.id}"},
    }


def signature(report: Mapping[str, Any]) -> dict[str, Any]:
    """The state in one of the four honest words, what is covered, and who signed; `form` says why nothing is proved."""
    coverage, state = report["coverage"], SignatureState(report["state"])
    return {
        "state": state.shown,
        "form": "xmldsig" if state.shown == state.value else state.value,
        "words": language.signature_words(report["state"]),
        "trusted": report["trusted"],
        "coverage": {
            "header": coverage["header"],
            "manifest": coverage["manifest"],
            "attachments": coverage["attachments"],
            "whole": coverage["header"] and coverage["manifest"] and all(coverage["attachments"].values()),
        },
        "signer": _signer(report["certificate"]),
    }


def _signer(certificate: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not certificate:
        return None
    plain = {name: certificate[name] for name in ("subject", "issuer", "serial", "sha256")}
    return plain | {name: _instant(certificate[name]) for name in ("not_before", "not_after")}


def _file(seen: Mapping[str, Any]) -> dict[str, Any]:
    """One attachment: the worst word of its signatures (not_cryptographic without any), and each of them."""
    states = [SignatureState(one["judgement"]) for one in seen["signatures"]]
    worst = min(states, key=_WORST_FIRST.index, default=SignatureState.ABSENT)
    return {
        "content_id": seen["content_id"],
        "state": worst.shown,
        "scan": seen["scan"],
        "signatures": [_pdf_signature(one) for one in seen["signatures"]],
    }


def _pdf_signature(one: Mapping[str, Any]) -> dict[str, Any]:
    times = {name: _instant(one[name]) if one[name] else None for name in ("claimed_at", "timestamped_at", "judged_at")}
    return {
        **{name: one[name] for name in _SIGNATURE_FACTS},
        **times,
        "state": one["judgement"],
        "role": {"code": one["role"], "name": language.role_words(one["role"])},
        "signer": _signer(one["certificate"]),
    }


def header(kept: Consignment, *, with_staff: bool) -> dict[str, Any] | None:
    """The document's own data, for its parties; None when nothing of it was kept (a secret marking).

    `with_staff`: who reads it may see the names, mail and phone of the clerks.
    """
    if not kept.header:
        return None
    written = kept.header if with_staff else without_staff(kept.header)
    business = written["business"]
    return {
        **summary(kept.header, kind=kept.kind),
        "document_id": kept.document_id,
        "notation": kept.notation,
        "issued_on": kept.issued_on.isoformat() if kept.issued_on else None,
        **{name: written[name] for name in _PLAIN},
        "sender_name": written["sender"]["organ_name"],
        "staff": business["staff"],
        "status": written["status"],
        "attachments": [_attachment(number, one) for number, one in enumerate(written["attachments"], start=1)],
    }


def summary(written: Mapping[str, Any], *, kind: str) -> dict[str, Any]:
    """The few facts of a header by which a clerk knows a document."""
    business = written["business"]
    return {
        "kind": kind,
        "subject": written["subject"],
        "urgency": Urgency(written["urgency"]).name.lower(),
        "business_type": BusinessType(business["business_type"]).name.lower(),
        "paper": _PAPER[business["paper"]],
    }


def _attachment(number: int, one: Mapping[str, Any]) -> dict[str, Any]:
    names = ("content_id", "name", "description", "media_type", "size_bytes", "sha256", "zip_entry")
    return {"number": number, **{name: one[name] for name in names}}


def delivery(kept: Delivery, history: Sequence[StatusEntry], *, name: str, rules: RulePack) -> dict[str, Any]:
    """One recipient's copy: technical state and administrative status apart, with all that was said."""
    return {
        "id": kept.id,
        "recipient": kept.recipient_key,
        "recipient_name": name,
        "addressee": kept.addressee,
        "state": kept.state.value,
        "reason": kept.reason,
        "status": language.status(kept.status_code, rules),
        "same_as": kept.same_as,
        "replaced_by": kept.replaced_by,
        "expires_at": time_of(kept.expires_at),
        "arrival": f"{kept.arrival_number}/{kept.arrival_year}" if kept.arrival_number else None,
        "attempts": kept.attempts,
        "next_attempt_at": time_of(kept.next_attempt_at),
        "placed_at": time_of(kept.placed_at),
        "fetched_at": time_of(kept.fetched_at),
        "ended_at": time_of(kept.ended_at),
        "statuses": [said(entry, rules) for entry in history if entry.delivery_id == kept.id],
    }


def registered(kept: Document) -> dict[str, Any]:
    """A document as its sender's register has it."""
    return {
        "document": kept.id,
        "document_id": kept.document_id,
        "notation": kept.notation,
        "subject": kept.subject,
        "state": kept.state.value,
        "replaced_by": kept.replaced_by,
        "described_by": kept.described_by,
        "changed_at": vietnam_time(kept.changed_at),
    }


def copy(held: Copy, asked: Duty | None, *, name: str, rules: RulePack) -> dict[str, Any]:
    """What one recipient holds of a document, and what it was asked and has not answered."""
    duty = {"kind": asked.kind.value, "due_at": vietnam_time(asked.due_at), "article": asked.article} if asked else None
    return {
        "recipient": held.recipient_key,
        "recipient_name": name,
        "holding": language.holding(held.holding),
        "delivery": held.delivery_id,
        "consignment": held.consignment_id,
        "status": language.status(held.status_code, rules),
        "replaced_by": held.replaced_by,
        "duty": duty,
    }


def said(entry: StatusEntry, rules: RulePack) -> dict[str, Any]:
    """One status as it was said."""
    return {
        "status": language.status(entry.code, rules),
        "description": entry.description,
        "said_by": entry.said_by,
        "by_hub": entry.by_hub,
        "said_at": vietnam_time(entry.said_at),
        "recorded_at": vietnam_time(entry.recorded_at),
    }


def receipt(kept: Receipt) -> dict[str, Any]:
    """A receipt with the facts by which it is found."""
    return {
        "id": kept.receipt_id,
        "event": kept.event,
        "issued_at": vietnam_time(kept.issued_at),
        "consignment": kept.consignment_id,
        "delivery": kept.delivery_id,
        "jws": kept.jws,
    }


def event(happened: Event) -> dict[str, Any]:
    """One line of a timeline."""
    return {
        "kind": happened.kind,
        "at": vietnam_time(happened.at),
        "delivery": happened.delivery_id,
        "facts": happened.facts,
    }


def time_of(at: datetime | None) -> str | None:
    """A time with +07:00, or null."""
    return vietnam_time(at) if at else None


def _instant(text: str) -> str:
    return vietnam_time(datetime.fromisoformat(text))
