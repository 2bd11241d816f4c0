"""A made-up country in a database: agencies with units below them, many documents and copies, plans, declarations.

Owns: rows of what happened, written in bulk and folded by the hub's own counting; the reports made of them.
Never: writes a count: every figure comes from `hub.store.rebuild` or the tally, and from the real report.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from hub import reports
from hub.domain.agencies import Agency
from hub.domain.declarations import Declaration, DeclaredKind
from hub.domain.periods import VIETNAM, period
from hub.domain.scopes import Scope, ScopeKind
from hub.reports.figures import Asked
from hub.reports.made import Made, Table
from hub.reports.protocol import report_asked
from hub.settings import Settings
from hub.store import agencies, bulk, connections, declarations, rebuild, tables
from hub.store.bulk import Value
from hub.store.engine import Database

HUB = Scope(ScopeKind.HUB)
PIECE = 20_000
_SEAL = {"role": "agency_seal", "judgement": "valid", "certificate": {"subject": "CN=dau"}}
_SIGNED = json.dumps([{"signatures": [_SEAL]}])
_CONSIGNMENT = (
    *("id", "caller_key", "key_scope", "idempotency_key", "sender_key", "kind", "state", "lane", "sha256"),
    *("size_bytes", "body_kept", "document_id", "notation", "issued_on", "attachments_sha256", "business_type"),
    *("paper", "signature_state", "header", "signature", "files", "replaces_paper", "findings", "rule_pack"),
    *("trace_id", "received_at", "judged_at", "document_ref"),
)
_DELIVERY = (
    *("id", "consignment_id", "recipient_key", "addressee", "state", "lane", "position", "created_at", "arrived_at"),
    *("ended_at",),
)


@dataclass(frozen=True, slots=True)
class Batch:
    """Documents that are alike; each goes to all of `to`. `paper` as in the envelope: 0 none, 1 in parallel."""

    sender: str
    count: int
    day: date
    paper: int | None = 0
    signed: bool = True
    to: tuple[str, ...] = ()
    document_type: str = "Công văn"


class Country:
    """One database, filled step by step."""

    def __init__(self, database: Database, now: datetime) -> None:
        self.database, self.now = database, now
        self._number = 0
        self._places: dict[str, int] = {}

    def agencies(
        self, codes: Iterable[str], *, above: str = "", connected_on: date | None = None, own_axis: bool = False
    ) -> list[str]:
        """Agencies of this directory; with `connected_on` their systems first called on that day.

        `own_axis`: the system that calls is an axis of their own, which speaks for all units below them.
        """
        keys = list(codes)
        with self.database.writing() as transaction:
            for code in keys:
                one = Agency(code, f"Đơn vị {code}", parent=above or None, speaks_for_descendants=own_axis)
                agencies.keep(transaction, one, now=self.now)
            if connected_on is not None:
                seen = sa.update(tables.agencies).where(tables.agencies.c.code_key.in_(keys))
                transaction.execute(seen.values(first_seen_at=_noon(connected_on)))
        return keys

    def send(self, *batches: Batch) -> None:
        """Accepted documents, each copy taken over by its recipient at the same hour."""
        for batch in batches:
            for first in range(0, batch.count, PIECE):
                self._load(batch, min(PIECE, batch.count - first))

    def _load(self, batch: Batch, count: int) -> None:
        at, header = bulk.instant(_noon(batch.day)), _header(batch)
        ids = [self._id() for _ in range(count)]
        copies = [self._copy(one, recipient, at) for one in ids for recipient in batch.to]
        with self.database.writing() as transaction, bulk.roomy(transaction):
            bulk.load(transaction, "consignments", _CONSIGNMENT, [_document(one, batch, at, header) for one in ids])
            bulk.load(transaction, "deliveries", _DELIVERY, copies)

    def _copy(self, consignment: str, recipient: str, at: str) -> Sequence[Value]:
        place = self._places[recipient] = self._places.get(recipient, 0) + 1
        return (self._id(), consignment, recipient, recipient, "handed_over", "normal", place, at, at, at)

    def _id(self) -> str:
        self._number += 1
        return str(UUID(int=self._number))

    def declare(self, agency: str, kind: DeclaredKind, count: int, days: str, document_type: str = "") -> None:
        """One declared entry for a period."""
        of = period(days)
        entry = Declaration(
            self._id(), agency, of.first_day, of.last_day, kind, document_type, count, self.now, "Văn thư", agency
        )
        with self.database.writing() as transaction:
            declarations.add(transaction, entry)

    def plan(self, keys: Iterable[str], day: date) -> None:
        """These agencies are to be connected by a day."""
        with self.database.writing() as transaction:
            for key in keys:
                connections.plan(transaction, key, day, at=self.now, by="test")

    def count(self) -> None:
        """Count all that happened."""
        rebuild.everything(self.database, now=self.now)

    def report(self, report_id: str, days: str, scope: Scope = HUB, *, compare: bool = False, **facts: Any) -> Made:
        """The real report."""
        wanted = report_asked(Asked(scope, period(days), **facts), Settings(), now=self.now, compare=compare)
        with self.database.reading() as connection:
            return reports.make(connection, report_id, wanted)


def table_of(made: Made, table_id: str) -> Table:
    """One table of a report."""
    return next(one for one in made.tables if one.table_id == table_id)


def _header(batch: Batch) -> str:
    return json.dumps({"document_type_name": batch.document_type, "urgency": 0})


def _document(one: str, batch: Batch, at: str, header: str) -> Sequence[Value]:
    return (
        *(one, batch.sender, batch.sender, one, batch.sender, "document", "routed", "normal", "0" * 64),
        *(1, True, one, f"{one[-6:]}/CV", batch.day.isoformat(), "0" * 64, 0),
        *(batch.paper, "absent", header, "{}", _SIGNED if batch.signed else "[]", batch.signed, "[]"),
        *("qd28-2018", "", at, at, one),
    )


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), VIETNAM)
