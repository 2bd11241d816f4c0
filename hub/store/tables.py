"""The tables of the hub, one schema for SQLite and PostgreSQL.

Owns: names, types, constraints and indexes; state words come from the domain's enums.
Never: queries (one module per thing kept does that).
Source: design §5; PostgreSQL and SQLite documentation for partial indexes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect

from hub.domain.agencies import MAX_CODE_LENGTH, AgencyStatus
from hub.domain.consignments import ConsignmentState, Lane
from hub.domain.deliveries import Cause, DeliveryState
from hub.domain.evidence import EvidenceKind

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Instant(sa.types.TypeDecorator[datetime]):
    """An aware UTC datetime on both databases (SQLite keeps no zone)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuses naive times: they are a bug in the caller."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}")
        return value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Always aware, always UTC: PostgreSQL's driver gives them so in a session that is in UTC (engine.py).

        SQLite's text is read in one step: counting reads tens of moments per document.
        """
        return _utc if dialect.name == "sqlite" else None


def _utc(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(f"{text}+00:00")


class Name(sa.types.TypeDecorator[str]):
    """Text from outside that is searched by: kept whole while short, else its beginning and its digest.

    PostgreSQL refuses an index entry over 2704 bytes; a document must not be refused with it.
    """

    impl = sa.Text
    cache_ok = True
    LONGEST = 500  # characters, at most four bytes each; the standard's longest is 100

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The same text always gives the same form, which is its own form too."""
        if value is None or len(value) <= self.LONGEST:
            return value
        return f"{value[:400]}…{hashlib.sha256(value.encode()).hexdigest()}"


Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MaybeJson = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
Serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite numbers rows only in INTEGER keys
Code = sa.String(MAX_CODE_LENGTH)
Uuid = sa.String(36)
Sha256 = sa.String(64)


def words(column: str, allowed: type[StrEnum]) -> sa.CheckConstraint:
    """The database refuses every word that the domain does not know."""
    listed = ", ".join(f"'{word.value}'" for word in allowed)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=column)


agencies = sa.Table(
    "agencies",
    metadata,
    sa.Column("code_key", Code, primary_key=True),
    sa.Column("code", Code, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("parent_key", Code, index=True),
    sa.Column("successor_key", Code),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("valid_from", sa.Date),
    sa.Column("valid_until", sa.Date),
    sa.Column("source", sa.Text, nullable=False, server_default=""),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("adapter", sa.String(32), nullable=False, server_default="mailbox"),
    sa.Column("speaks_for_descendants", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("sees_staff", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("inbox_position", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("first_seen_at", Instant),
    sa.Column("last_seen_at", Instant),
    sa.Column("changed_at", Instant, nullable=False),
    words("status", AgencyStatus),
)

_not_always = sa.text("status = 'closed' OR valid_until IS NOT NULL OR valid_from IS NOT NULL")
sa.Index("ix_agencies_not_open", agencies.c.code_key, postgresql_where=_not_always, sqlite_where=_not_always)
sa.Index("ix_agencies_name", agencies.c.name, postgresql_using="hash")  # a B-tree entry would bound the length of names

agency_aliases = sa.Table(
    "agency_aliases",
    metadata,
    sa.Column("alias_key", Code, primary_key=True),
    sa.Column("alias", Code, nullable=False),
    sa.Column("code_key", Code, sa.ForeignKey("agencies.code_key"), nullable=False, index=True),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("key_sha256", Sha256, primary_key=True),
    sa.Column("key_id", sa.String(12), nullable=False, unique=True),
    sa.Column("code_key", Code, sa.ForeignKey("agencies.code_key"), nullable=False, index=True),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("revoked_at", Instant),
)

agency_certificates = sa.Table(
    "agency_certificates",
    metadata,
    sa.Column("number", Serial, primary_key=True, autoincrement=True),
    sa.Column("sha256", Sha256, nullable=False),
    sa.Column("code_key", Code, sa.ForeignKey("agencies.code_key"), nullable=False, index=True),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("not_after", Instant, nullable=False),
    sa.Column("pem", sa.Text, nullable=False),
    sa.Column("added_at", Instant, nullable=False),
    sa.Column("withdrawn_at", Instant),  # held again, it is a row of its own
)
_held = agency_certificates.c.withdrawn_at.is_(None)
sa.Index(
    "uq_agency_certificates_held", agency_certificates.c.sha256, unique=True, postgresql_where=_held, sqlite_where=_held
)

consignments = sa.Table(
    "consignments",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("caller_key", Code, nullable=False),
    sa.Column("key_scope", Code, nullable=False),
    sa.Column("idempotency_key", sa.String(200), nullable=False),
    sa.Column("sender_key", Code, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("lane", sa.String(8), nullable=False),
    sa.Column("sha256", Sha256, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("body_kept", sa.Boolean, nullable=False),
    sa.Column("document_id", Name, nullable=False),
    sa.Column("notation", Name, nullable=False),
    sa.Column("issued_on", sa.Date),
    sa.Column("attachments_sha256", Sha256, nullable=False),
    sa.Column("business_type", sa.SmallInteger, nullable=False),
    sa.Column("paper", sa.SmallInteger),
    sa.Column("signature_state", sa.String(16), nullable=False),
    sa.Column("header", Json, nullable=False),
    sa.Column("signature", Json, nullable=False),
    sa.Column("files", Json, nullable=False, server_default="[]"),
    sa.Column("replaces_paper", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("because", Json, nullable=False, server_default="[]"),
    sa.Column("findings", Json, nullable=False),
    sa.Column("rule_pack", sa.String(32), nullable=False),
    sa.Column("trace_id", sa.String(32), nullable=False),
    sa.Column("received_at", Instant, nullable=False),
    sa.Column("judged_at", Instant, nullable=False),
    sa.Column("next_attempt_at", Instant),
    sa.Column("document_ref", Uuid),
    sa.UniqueConstraint("key_scope", "idempotency_key"),
    words("state", ConsignmentState),
    words("lane", Lane),
)
sa.Index("ix_consignments_document", consignments.c.sender_key, consignments.c.document_id)
sa.Index("ix_consignments_document_ref", consignments.c.document_ref)
sa.Index("ix_consignments_notation", consignments.c.sender_key, consignments.c.notation)
_waiting = consignments.c.next_attempt_at.isnot(None)
sa.Index(
    "ix_consignments_waiting",
    consignments.c.next_attempt_at,
    postgresql_where=_waiting,
    sqlite_where=_waiting,
)

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("consignment_id", Uuid, sa.ForeignKey("consignments.id"), nullable=False),
    sa.Column("recipient_key", Code, nullable=False),
    sa.Column("addressee", sa.String(200), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("lane", sa.String(8), nullable=False),
    sa.Column("position", sa.BigInteger),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_attempt_at", Instant),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("cause", sa.String(16), nullable=False, server_default=""),
    sa.Column("status_code", sa.String(2)),
    sa.Column("same_as", Uuid),
    sa.Column("replaced_by", Uuid),
    sa.Column("expires_at", Instant),
    sa.Column("arrival_year", sa.SmallInteger),
    sa.Column("arrival_number", sa.Integer),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("arrived_at", Instant),
    sa.Column("placed_at", Instant),
    sa.Column("fetched_at", Instant),
    sa.Column("expired_at", Instant),
    sa.Column("expired_in_hand_at", Instant),
    sa.Column("ended_at", Instant),
    sa.UniqueConstraint("consignment_id", "recipient_key"),
    sa.UniqueConstraint("recipient_key", "position"),
    sa.UniqueConstraint("recipient_key", "arrival_year", "arrival_number"),
    words("state", DeliveryState),
    words("lane", Lane),
    words("cause", Cause),
)
_due = deliveries.c.next_attempt_at.isnot(None)
sa.Index("ix_deliveries_due", deliveries.c.next_attempt_at, postgresql_where=_due, sqlite_where=_due)
_expiring = deliveries.c.expires_at.isnot(None)
sa.Index("ix_deliveries_expiring", deliveries.c.expires_at, postgresql_where=_expiring, sqlite_where=_expiring)
_run_out = sa.text("state = 'expired'")
sa.Index("ix_deliveries_expired", deliveries.c.ended_at, postgresql_where=_run_out, sqlite_where=_run_out)
sa.Index("ix_deliveries_arrived", deliveries.c.recipient_key, deliveries.c.created_at, deliveries.c.id)
sa.Index("ix_deliveries_inbox", deliveries.c.recipient_key, deliveries.c.state, deliveries.c.position)

statuses = sa.Table(
    "statuses",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("delivery_id", Uuid, sa.ForeignKey("deliveries.id"), nullable=False),
    sa.Column("code", sa.String(2), nullable=False),
    sa.Column("said_by", Code, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("said_at", Instant, nullable=False),
    sa.Column("recorded_at", Instant, nullable=False),
    sa.Column("receipt_id", Uuid, nullable=False),
    sa.Column("consignment_id", Uuid),
    sa.Column("by_hub", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Column("to_inform", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.UniqueConstraint("delivery_id", "code", "said_by", "said_at"),
)
_uninformed = statuses.c.to_inform.is_(sa.true())
sa.Index("ix_statuses_to_inform", statuses.c.recorded_at, postgresql_where=_uninformed, sqlite_where=_uninformed)

receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column("number", Serial, primary_key=True, autoincrement=True),
    sa.Column("id", Uuid, nullable=False, unique=True),
    sa.Column("consignment_id", Uuid, sa.ForeignKey("consignments.id"), nullable=False, index=True),
    sa.Column("delivery_id", Uuid),
    sa.Column("event", sa.String(32), nullable=False),
    sa.Column("issued_at", Instant, nullable=False),
    sa.Column("jws", sa.Text, nullable=False),
    sa.Column("seal", sa.BigInteger),
    sa.Column("leaf", sa.Integer),
)
sa.Index("ix_receipts_seal", receipts.c.seal, receipts.c.leaf, unique=True)
_unsealed = receipts.c.seal.is_(None)
sa.Index("ix_receipts_unsealed", receipts.c.number, postgresql_where=_unsealed, sqlite_where=_unsealed)

seals = sa.Table(
    "seals",
    metadata,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("sealed_at", Instant, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("leaves", sa.LargeBinary, nullable=False),
    sa.Column("root", Sha256, nullable=False),
    sa.Column("previous", sa.String(64), nullable=False),
    sa.Column("head", Sha256, nullable=False, unique=True),
    sa.Column("token", sa.LargeBinary),
    sa.Column("stamped_at", Instant),
    sa.Column("next_stamp_at", Instant),
    sa.Column("stamp_failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("last_error", sa.Text, nullable=False, server_default=""),
)
_unstamped = seals.c.next_stamp_at.isnot(None)
sa.Index("ix_seals_unstamped", seals.c.next_stamp_at, postgresql_where=_unstamped, sqlite_where=_unstamped)

evidence_sources = sa.Table(
    "evidence_sources",
    metadata,
    sa.Column("key", Sha256, primary_key=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("issuer_key", Sha256, nullable=False),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("request", sa.LargeBinary, nullable=False),
    sa.Column("wanted_at", Instant, nullable=False),
    sa.Column("next_fetch_at", Instant, index=True),
    sa.Column("fetched_at", Instant),
    sa.Column("next_update", Instant),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("last_error", sa.Text, nullable=False, server_default=""),
    words("kind", EvidenceKind),
)

evidence = sa.Table(
    "evidence",
    metadata,
    sa.Column("sha256", Sha256, primary_key=True),
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("issuer_key", Sha256, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("this_update", Instant, nullable=False),
    sa.Column("next_update", Instant),
    sa.Column("fetched_at", Instant, nullable=False),
    sa.Column("der", sa.LargeBinary, nullable=False),
    words("kind", EvidenceKind),
)
sa.Index("ix_evidence_issuer", evidence.c.issuer_key, evidence.c.this_update)

consignment_evidence = sa.Table(
    "consignment_evidence",
    metadata,
    sa.Column("consignment_id", Uuid, sa.ForeignKey("consignments.id"), primary_key=True),
    sa.Column("evidence_sha256", Sha256, sa.ForeignKey("evidence.sha256"), primary_key=True, index=True),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("number", Serial, primary_key=True, autoincrement=True),
    sa.Column("consignment_id", Uuid, sa.ForeignKey("consignments.id"), nullable=False, index=True),
    sa.Column("delivery_id", Uuid),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("at", Instant, nullable=False),
    sa.Column("facts", Json, nullable=False),
    sa.Column("to_tally", sa.Boolean, nullable=False),
)
_untallied = events.c.to_tally.is_(sa.true())
sa.Index(
    "ix_events_to_tally",
    events.c.number,
    postgresql_where=_untallied,
    sqlite_where=_untallied,
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column("number", Serial, primary_key=True, autoincrement=True),
    sa.Column("station", sa.String(16), nullable=False),
    sa.Column("work_id", Uuid, nullable=False),
    sa.Column("lane", sa.String(8), nullable=False),
    sa.Column("trace_id", sa.String(32), nullable=False),
    sqlite_autoincrement=True,  # a number is never used twice, also after the row was deleted
)

heartbeats = sa.Table(
    "heartbeats",
    metadata,
    sa.Column("process", sa.String(64), primary_key=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("facts", Json, nullable=False),
)

audit = sa.Table(
    "audit",
    metadata,
    sa.Column("number", Serial, primary_key=True, autoincrement=True),
    sa.Column("at", Instant, nullable=False),
    sa.Column("who", sa.String(200), nullable=False),
    sa.Column("what", sa.String(64), nullable=False),
    sa.Column("facts", Json, nullable=False),
)
