"""Every list query uses its index, on both databases, with enough rows that a scan would hurt."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from hub.domain.agencies import Agency
from hub.store import (
    agencies,
    consignments,
    deliveries,
    duties,
    events,
    life_tables,
    notices,
    outbox,
    receipts,
    standing,
    tables,
)
from hub.store.engine import Database, Transaction
from hub.store.standing import Scope, ScopeKind
from tests.support.plans import plan_of

CONTENT = {"subject": "", "text": "", "body": ""}
ROWS = 4000
NOW = datetime(2026, 3, 2, tzinfo=UTC)
QUESTIONS: dict[str, tuple[Callable[[sa.Connection], object], str]] = {
    "inbox": (lambda c: deliveries.inbox(c, "H41", after=5, limit=50), "ix_deliveries_inbox|uq_deliveries_recipient"),
    "due deliveries": (lambda c: deliveries.due(c, NOW, limit=50), "ix_deliveries_due"),
    "due consignments": (lambda c: consignments.due(c, NOW, limit=50), "ix_consignments_waiting"),
    "expired": (lambda c: standing.expired(c, NOW, limit=50), "ix_deliveries_expiring"),
    "at closed agencies": (lambda c: standing.at_closed(c, NOW.date(), limit=50), "ix_deliveries_inbox"),
    "copy of": (lambda c: standing.copy_of(c, _id("c", 7), "H41"), "uq_deliveries_consignment|sqlite_autoindex"),
    "retry: waiting": (
        lambda c: standing.waiting(c, Scope(ScopeKind.SENDER, "G22"), NOW, limit=50),
        "ix_deliveries_due",
    ),
    "retry: run out": (
        lambda c: standing.run_out(c, Scope(ScopeKind.SENDER, "G22"), limit=50),
        "ix_deliveries_expired",
    ),
    "retry: held": (
        lambda c: standing.held(c, Scope(ScopeKind.SENDER, "G22"), NOW, limit=50),
        "ix_consignments_waiting",
    ),
    "due notices": (lambda c: notices.due(c, NOW, limit=20), "ix_notices_unsent"),
    "passed duties": (lambda c: duties.passed(c, NOW, limit=20), "ix_duties_waiting"),
    "timeline": (lambda c: events.timeline(c, _id("c", 7)), "ix_events_consignment_id"),
    "to tally": (lambda c: events.to_tally(Transaction(c), limit=50), "ix_events_to_tally"),
    "receipts": (lambda c: receipts.of_consignment(c, _id("c", 7)), "ix_receipts_consignment_id"),
    "deliveries of a consignment": (
        lambda c: deliveries.of_consignment(c, _id("c", 7)),
        "uq_deliveries_consignment|sqlite_autoindex",
    ),
    "outbox": (lambda c: outbox.owed(c, after=100, limit=50), "pk_outbox|INTEGER PRIMARY KEY"),
    "by key": (lambda c: consignments.by_key(c, "G22", "sha256:7"), "uq_consignments_key_scope|sqlite_autoindex"),
    "earlier of document": (lambda c: consignments.earlier_of_document(c, "G22", "doc-7"), "ix_consignments_document"),
    "same notation": (
        lambda c: consignments.same_notation(c, "G22", "7/CV", year=2026, document_id="other"),
        "ix_consignments_notation",
    ),
    "held copies": (
        lambda c: deliveries.held_copies(c, sender_key="G22", document_id="doc-7", attachments_sha256="a"),
        "ix_consignments_document",
    ),
    "of document": (
        lambda c: deliveries.of_document(c, sender_key="G22", document_id="doc-7", recipient_key="H41"),
        "ix_consignments_document",
    ),
    "said by one party": (
        lambda c: deliveries.said_by(c, _id("d", 7), "H41"),
        "uq_statuses|sqlite_autoindex_statuses_2",
    ),
    "statuses of a consignment": (
        lambda c: deliveries.statuses_of(c, _id("c", 7)),
        "uq_statuses|sqlite_autoindex_statuses_2",
    ),
    "one receipt": (lambda c: receipts.get(c, _id("r", 7)), "uq_receipts_id|sqlite_autoindex_receipts_1"),
    "namesake": (lambda c: agencies.has_namesake(c, Agency("X7", "tên số 7")), "ix_agencies_name"),
    "agency by alias": (lambda c: agencies.find(c, "000.00.00.H41"), "pk_agency_aliases|sqlite_autoindex"),
}


def _id(kind: str, number: int) -> str:
    return f"{kind}-{number:08}"


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def full(request, tmp_path_factory):
    """A database with some thousand documents, most of them long ended."""
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("plans") / "hub.sqlite3"
        file.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        database = Database(f"sqlite:///{file}")
    else:
        make = request.getfixturevalue("make_fast_database")
        database = Database(make(template=request.getfixturevalue("postgres_template")))
    with database.writing() as transaction:
        _fill(transaction)
    with database.writing() as transaction:
        transaction.connection.exec_driver_sql("ANALYZE")
    yield database
    database.close()


def _fill(transaction) -> None:
    def rows(make: Callable[[int], dict[str, object]]) -> list[dict[str, object]]:
        return [make(number) for number in range(ROWS)]

    transaction.execute(sa.insert(tables.consignments), rows(_consignment))
    transaction.execute(sa.insert(tables.deliveries), rows(_delivery))
    transaction.execute(
        sa.insert(tables.events),
        rows(lambda n: {"consignment_id": _id("c", n), "kind": "accepted", "at": NOW, "facts": {}, "to_tally": n < 3}),
    )
    transaction.execute(
        sa.insert(tables.receipts),
        rows(lambda n: {"id": _id("r", n), "consignment_id": _id("c", n), "event": "x", "issued_at": NOW, "jws": "x"}),
    )
    transaction.execute(sa.insert(tables.statuses), rows(_status))
    transaction.execute(sa.insert(life_tables.duties), rows(_duty))
    transaction.execute(
        sa.insert(life_tables.subscribers),
        rows(lambda n: {"id": _id("b", n), "kind": "mail", "address": "a@b", "added_at": NOW}),
    )
    transaction.execute(sa.insert(life_tables.notices), rows(_notice))
    transaction.execute(
        sa.insert(tables.outbox),
        rows(lambda n: {"station": "route", "work_id": _id("c", n), "lane": "normal", "trace_id": ""}),
    )
    transaction.execute(
        sa.insert(tables.agencies),
        rows(
            lambda n: {
                "code_key": f"X{n}",
                "code": f"X{n}",
                "name": f"tên số {n}",
                "status": "open",
                "changed_at": NOW,
            }
        ),
    )
    transaction.execute(
        sa.insert(tables.agency_aliases),
        rows(lambda n: {"alias_key": f"Y{n}", "alias": f"Y{n}", "code_key": f"X{n}"}),
    )


def _consignment(number: int) -> dict[str, object]:
    ended = number % 50
    return {
        "id": _id("c", number),
        "caller_key": "G22",
        "key_scope": "G22",
        "idempotency_key": f"sha256:{number}",
        "sender_key": "G22",
        "kind": "document",
        "state": "closed" if ended else "accepted",
        "lane": "normal",
        "sha256": "0" * 64,
        "size_bytes": 1,
        "body_kept": True,
        "document_id": f"doc-{number}",
        "notation": f"{number}/CV",
        "issued_on": NOW.date(),
        "attachments_sha256": "a",
        "business_type": 0,
        "paper": 0,
        "signature_state": "absent",
        "header": {},
        "signature": {},
        "findings": [],
        "rule_pack": "x",
        "trace_id": "",
        "received_at": NOW,
        "judged_at": NOW,
        "next_attempt_at": None if ended else NOW + timedelta(seconds=number),
    }


def _delivery(number: int) -> dict[str, object]:
    ended = number % 50
    return {
        "id": _id("d", number),
        "consignment_id": _id("c", number),
        "recipient_key": "H41" if number % 2 else f"X{number}",
        "addressee": "H41",
        "state": "handed_over" if ended else "due",
        "lane": "normal",
        "position": number,
        "next_attempt_at": None if ended else NOW + timedelta(seconds=number),
        "created_at": NOW,
    }


def _status(number: int) -> dict[str, object]:
    return {
        "id": _id("s", number),
        "delivery_id": _id("d", number),
        "code": "03",
        "said_by": "H41",
        "description": "",
        "said_at": NOW,
        "recorded_at": NOW,
        "receipt_id": _id("r", number),
    }


def _duty(number: int) -> dict[str, object]:
    return {
        "id": _id("u", number),
        "delivery_id": _id("d", number),
        "kind": "receipt",
        "opened_at": NOW,
        "due_at": NOW + timedelta(seconds=number - 5),
        "article": "Điều 21",
        "ended_at": NOW if number > 20 else None,
        "outcome": "met" if number > 20 else None,
    }


def _notice(number: int) -> dict[str, object]:
    waits = NOW + timedelta(seconds=number) if number < 20 else None
    return {
        "id": _id("n", number),
        "subscriber_id": _id("b", number),
        "made_at": NOW,
        "content": CONTENT,
        "next_attempt_at": waits,
    }


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_question_is_answered_by_an_index(full, question):
    ask, index = QUESTIONS[question]
    plan = plan_of(full, ask)
    assert re.search(index, plan), plan
    assert not re.search(r"SCAN \w+\b(?! USING)|Seq Scan", plan), plan
