"""What the hub testifies: the events of a receipt and the claims that it signs.

Owns: event names and the shape of the claims (all times ISO 8601 in Vietnamese time, digests lower-case hex).
Never: signs (hub/signatures/jws.py) or stores.
Source: ETSI EN 319 522-1 §6 for the event names; Decision 28/2018/QĐ-TTg Art. 14(4) for the time format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.domain.findings import Finding
from hub.domain.periods import vietnam_time


class ReceiptEvent(StrEnum):
    """BusinessStatus and ContentWithdrawal are ours: ETSI knows no administrative status and no recall."""

    SUBMISSION_ACCEPTANCE = "SubmissionAcceptance"
    SUBMISSION_REJECTION = "SubmissionRejection"
    CONTENT_CONSIGNMENT_FAILURE = "ContentConsignmentFailure"
    ACCEPTANCE_EXPIRY = "AcceptanceRejectionExpiry"
    CONTENT_WITHDRAWAL = "ContentWithdrawal"
    CONTENT_HANDOVER = "ContentHandover"
    CONTENT_HANDOVER_FAILURE = "ContentHandoverFailure"
    BUSINESS_STATUS = "BusinessStatus"


@dataclass(frozen=True, slots=True)
class Testimony:
    """What one receipt is about; `sha256` is of the exact bytes received, `size_bytes` their number."""

    receipt_id: str
    event: ReceiptEvent
    at: datetime
    consignment_id: str
    sender: str
    document_id: str
    sha256: str
    size_bytes: int
    delivery_id: str | None = None
    recipient: str | None = None
    status_code: str | None = None
    reason: str | None = None
    received_at: datetime | None = None
    rule_pack: str | None = None
    replaces_paper: bool | None = None
    findings: Sequence[Finding] = ()


def claims(testimony: Testimony, *, hub_name: str) -> dict[str, object]:
    """The claims of the receipt; absent facts are left out, never null."""
    subject: dict[str, object | None] = {
        "iss": hub_name,
        "jti": testimony.receipt_id,
        "iat": int(testimony.at.timestamp()),
        "event": testimony.event.value,
        "event_time": vietnam_time(testimony.at),
        "received_at": vietnam_time(testimony.received_at) if testimony.received_at else None,
        "consignment": testimony.consignment_id,
        "delivery": testimony.delivery_id,
        "sender": testimony.sender,
        "recipient": testimony.recipient,
        "document_id": testimony.document_id or None,
        "envelope": {"sha256": testimony.sha256, "size_bytes": testimony.size_bytes},
        "status_code": testimony.status_code,
        "reason": testimony.reason or None,
        "rule_pack": testimony.rule_pack,
        "replaces_paper": testimony.replaces_paper,
        "findings": [
            {"check": f.check, "code": f.code, "severity": f.severity.value, "where": f.where}
            for f in testimony.findings
        ]
        or None,
    }
    return {name: value for name, value in subject.items() if value is not None}
