"""Why a delivery does not move, and who must act: the words of the radar.

Owns: the causes and the shape of one stuck thing.
Never: looks for them (hub/reports/radar.py) or tells anybody (hub/processes/notices.py).
Source: field notes §"What none of them has" 9; domain notes §7 point 12 (units that never fetch).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class StuckCause(StrEnum):
    """One word per cause; its sentences are `radar.<word>` in schemas/codes/findings-radar.toml."""

    RECIPIENT_OFFLINE = "recipient_offline"  # its system has not called for a long time
    NEVER_FETCHED = "never_fetched"  # it calls, but this document lies untouched
    NOT_ACKNOWLEDGED = "not_acknowledged"  # fetched, never acknowledged
    CERTIFICATE = "certificate"  # a certificate of the agency has ended or is about to
    QUOTA = "quota"  # its system or its inbox takes no more
    UNREACHABLE = "unreachable"  # its system does not answer the hub
    REFUSING = "refusing"  # its system answers with errors
    HELD_EVIDENCE = "held_evidence"  # the hub waits for revocation evidence or a scanner
    RECALL_PENDING = "recall_pending"  # a change is asked and not answered
    STATUS_MISSING = "status_missing"  # taken, but nothing was said about handling it in time
    OVERDUE = "overdue"  # the document's own deadline has passed
    BEHIND = "behind"  # waits for an earlier sending about the same document
    RECIPIENT_SUSPENDED = "recipient_suspended"
    NOT_TRIED = "not_tried"  # the hub itself has not handed it on: its stations do not run


FOR_THE_HUB = frozenset({StuckCause.HELD_EVIDENCE, StuckCause.RECIPIENT_SUSPENDED, StuckCause.NOT_TRIED})
FOR_THE_SENDER = frozenset({StuckCause.CERTIFICATE})  # what is in neither set is for the recipient
CERTIFICATE_CODES = ("certificate.expired", "certificate.issuer_expired")  # findings that a new certificate ends


@dataclass(frozen=True, slots=True)
class Stuck:
    """One thing that does not move. `item` identifies it (a delivery, or a consignment that has none yet); `must_act`
    is the code key of the agency that must act, empty for the hub's administrators. `evidence` fills the sentences.
    """

    item: str
    cause: StuckCause
    consignment_id: str
    delivery_id: str | None
    sender_key: str
    recipient_key: str | None
    must_act: str
    since: datetime
    urgency: int
    document_id: str
    notation: str
    evidence: dict[str, str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one page of the radar ended: most urgent first, then the longest waiting."""

    urgency: int
    since: datetime
    item: str


@dataclass(frozen=True, slots=True)
class EndingCertificate:
    """The last of an agency's registered certificates: when it ends, or that it has ended."""

    agency_key: str
    agency_name: str
    subject: str
    ends_at: datetime
    ended: bool
