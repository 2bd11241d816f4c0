"""The rows of the invented year on their way into the database: columns, ids, and pieces that are loaded at once.

Owns: which columns are written of each table, as lines (hub/store/bulk.py) from the start; ids that follow from a
counter, so that a seed always gives the same.
Never: decides what happened.
Source: RFC 9562 (UUIDv7: time first, so that indexes grow at their end).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

COLUMNS = {  # in the order in which they refer to each other
    "consignments": (
        *("id", "caller_key", "key_scope", "idempotency_key", "sender_key", "kind", "state", "lane", "sha256"),
        *("size_bytes", "body_kept", "document_id", "notation", "issued_on", "attachments_sha256", "business_type"),
        *("paper", "signature_state", "header", "signature", "files", "replaces_paper", "because", "findings"),
        *("rule_pack", "trace_id", "received_at", "judged_at", "document_ref"),
    ),
    "documents": (
        *("id", "sender_key", "document_id", "notation", "issued_on", "subject", "document_type", "urgency"),
        *("due_on", "plain", "state", "described_by", "sent_at", "changed_at"),
    ),
    "events": ("consignment_id", "kind", "at", "facts", "to_tally"),
    "deliveries": (
        *("id", "consignment_id", "recipient_key", "addressee", "state", "lane", "attempts", "reason"),
        *("status_code", "same_as", "expires_at", "arrival_year", "created_at", "arrived_at"),
        *("placed_at", "fetched_at", "expired_at", "expired_in_hand_at", "ended_at"),
        *("position", "arrival_number"),  # known when the day is over
    ),
    "statuses": (
        *("id", "delivery_id", "code", "said_by", "description", "said_at", "recorded_at", "receipt_id"),
        *("by_hub", "to_inform"),
    ),
    "duties": (
        *("id", "delivery_id", "kind", "opened_at", "due_at", "article", "asked_by", "ended_at", "outcome"),
        "overdue_at",
    ),
}

_LEADING = 1 << 48


class Ids:
    """UUIDv7s of one run: the moment, a mark of the run, a counter."""

    def __init__(self, run: str) -> None:
        mark = hashlib.sha256(run.encode()).hexdigest()
        self._mark = f"-7{mark[:3]}-8{mark[3:6]}-"
        self._count = _LEADING  # its hexadecimal form is the 12 digits behind 0x1: no format is as quick

    def at(self, second: int) -> str:
        """How the ids of this moment begin."""
        moment = hex(second * 1000 + _LEADING)
        return f"{moment[3:11]}-{moment[11:]}{self._mark}"

    def new(self, beginning: str) -> str:
        """The next id."""
        self._count += 1
        return beginning + hex(self._count)[3:]


@dataclass(slots=True)
class Piece:
    """Lines that are complete and not loaded yet, by table."""

    rows: dict[str, list[str]] = field(default_factory=lambda: {table: [] for table in COLUMNS})

    def __len__(self) -> int:
        return sum(len(rows) for rows in self.rows.values())

    def taken(self) -> dict[str, list[str]]:
        """The lines, those first to which others refer; they are here no more."""
        taken, self.rows = self.rows, {table: [] for table in COLUMNS}
        return taken
