"""Rows of the registers, written straight into the tables: as many as a test of searching wants.

Owns: documents with their consignments, deliveries, statuses and changes asked, each with defaults.
Never: stands for a station; what the stations write is tested through scenes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from hub.domain.agencies import plain
from hub.store import tables
from hub.store.engine import Database
from hub.store.life_tables import documents, duties

BEGIN = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
DAY = date(2026, 3, 2)
FILES = [{"name": "cong-van.pdf", "size_bytes": 2048}]


@dataclass(slots=True)
class Registers:
    """What will be written; `write` writes it."""

    consignments: list[dict[str, Any]] = field(default_factory=list)
    documents: list[dict[str, Any]] = field(default_factory=list)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[dict[str, Any]] = field(default_factory=list)
    duties: list[dict[str, Any]] = field(default_factory=list)

    def document(
        self, number: int, subject: str = "V/v thử nghiệm", *, sender: str = "G22", to: Iterable[str] = (), **facts: Any
    ) -> str:
        """A document of `sender`, a minute after the one before; returns its reference."""
        ref, sent_at = f"c-{number:08}", facts.pop("sent_at", BEGIN + timedelta(minutes=number))
        header = HEADER | {"subject": subject, "code_number": str(number)} | facts.pop("header", {})
        row = {
            "id": ref,
            "sender_key": sender,
            "document_id": f"{sender},2026/03/02,{number}/CV",
            "notation": f"{number}/CV",
            "issued_on": DAY,
            "subject": subject,
            "document_type": "Công văn",
            "urgency": 0,
            "due_on": None,
            "state": "live",
            "replaced_by": None,
            "described_by": ref,
            "sent_at": sent_at,
            "changed_at": sent_at,
        } | facts
        self.documents.append(row | {"plain": plain(f"{row['notation']} {row['subject']}")})
        self.sending(
            ref, number, header=header, **{name: row[name] for name in ("sender_key", "document_id", "notation")}
        )
        for recipient in to:
            self.delivery(ref, recipient)
        return ref

    def sending(self, ref: str, number: int | str, **facts: Any) -> str:
        """A message of a document; its own first one unless its number is another."""
        made = f"c-{number:08}" if isinstance(number, int) else number
        at = facts.pop("received_at", next(row["sent_at"] for row in self.documents if row["id"] == ref))
        row = CONSIGNMENT | {
            "id": made,
            "idempotency_key": made,
            "document_ref": ref,
            "received_at": at,
            "judged_at": at,
        }
        self.consignments.append(row | {"issued_on": DAY, "header": HEADER} | facts)
        return made

    def delivery(self, consignment: str, recipient: str, **facts: Any) -> str:
        """One recipient's copy, handed over unless `state` says otherwise; returns its id."""
        at = facts.pop("created_at", next(row["received_at"] for row in self.consignments if row["id"] == consignment))
        made = f"d{consignment[1:]}-{recipient.lower().replace('.', '-')}"
        ended = None if facts.get("state") in ("due", "in_hand") else at + timedelta(minutes=5)
        row = {
            "id": made,
            "consignment_id": consignment,
            "recipient_key": recipient,
            "addressee": f"Đơn vị {recipient}",
            "state": "handed_over",
            "lane": "normal",
            "status_code": None,
            "created_at": at,
            "placed_at": at + timedelta(seconds=1),
            "fetched_at": None,
            "ended_at": ended,
            "arrival_year": None,
            "arrival_number": None,
        }
        self.deliveries.append(row | facts)
        return made

    def status(self, delivery: str, code: str, *, at: datetime = BEGIN) -> None:
        """A status that a recipient said; the current one of the delivery is not touched."""
        row = {"id": f"s-{len(self.statuses)}", "delivery_id": delivery, "code": code, "said_by": "H41"}
        self.statuses.append(row | {"description": "", "said_at": at, "recorded_at": at, "receipt_id": "r"})

    def change(self, delivery: str, kind: str, *, outcome: str | None = None, at: datetime = BEGIN) -> None:
        """A change that was asked about a copy, answered a minute later if it has an outcome."""
        ended = at + timedelta(minutes=1) if outcome else None
        row = {"id": f"t-{len(self.duties)}", "delivery_id": delivery, "kind": kind, "opened_at": at}
        self.duties.append(row | {"due_at": at, "article": "Điều 9", "ended_at": ended, "outcome": outcome})

    def write(self, database: Database) -> None:
        """Everything, in one transaction."""
        with database.writing() as transaction:
            for table, rows in (
                (tables.consignments, self.consignments),
                (documents, self.documents),
                (tables.deliveries, self.deliveries),
                (tables.statuses, self.statuses),
                (duties, self.duties),
            ):
                _insert(transaction, table, rows)


def _insert(transaction: Any, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        transaction.execute(sa.insert(table), list(rows))


HEADER = {
    "subject": "V/v thử nghiệm",
    "code_number": "1",
    "signer": {"competence": "TL. BỘ TRƯỞNG", "position": "Vụ trưởng", "full_name": "Lê Thị Mẫu"},
    "sender": {"organ_id": "G22", "organ_name": "Tên trong gói tin"},
    "attachments": FILES,
    "business": {"staff": {"staff": "Cán bộ Riêng Tư", "email": "rieng-tu@mau.example", "mobile": "0900000000"}},
}
CONSIGNMENT = {
    "caller_key": "G22",
    "key_scope": "G22",
    "sender_key": "G22",
    "kind": "document",
    "state": "closed",
    "lane": "normal",
    "sha256": "0" * 64,
    "size_bytes": 1,
    "body_kept": True,
    "document_id": "",
    "notation": "",
    "attachments_sha256": "a",
    "business_type": 0,
    "paper": 0,
    "signature_state": "valid",
    "signature": {},
    "findings": [],
    "rule_pack": "qd28-2018",
    "trace_id": "",
}
