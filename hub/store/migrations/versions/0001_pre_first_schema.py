"""The first schema: consignments, deliveries, receipts, events, agencies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_pre_first_schema"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agencies",
        sa.Column("code_key", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent_key", sa.String(length=64), nullable=True),
        sa.Column("successor_key", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("adapter", sa.String(length=32), server_default="mailbox", nullable=False),
        sa.Column("signature_policy", sa.String(length=16), nullable=False),
        sa.Column("speaks_for_descendants", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("inbox_position", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("signature_policy IN ('require', 'accept')", name=op.f("ck_agencies_signature_policy")),
        sa.CheckConstraint("status IN ('open', 'closed', 'suspended')", name=op.f("ck_agencies_status")),
        sa.PrimaryKeyConstraint("code_key", name=op.f("pk_agencies")),
    )
    op.create_index(op.f("ix_agencies_parent_key"), "agencies", ["parent_key"], unique=False)
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("what", sa.String(length=64), nullable=False),
        sa.Column(
            "facts", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
    )
    op.create_table(
        "consignments",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("caller_key", sa.String(length=64), nullable=False),
        sa.Column("key_scope", sa.String(length=64), nullable=False),
        sa.Column("idempotency_key", sa.String(length=200), nullable=False),
        sa.Column("sender_key", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("lane", sa.String(length=8), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("body_kept", sa.Boolean(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("notation", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("attachments_sha256", sa.String(length=64), nullable=False),
        sa.Column("business_type", sa.SmallInteger(), nullable=False),
        sa.Column("paper", sa.SmallInteger(), nullable=True),
        sa.Column("signature_state", sa.String(length=16), nullable=False),
        sa.Column(
            "header", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column(
            "signature", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column(
            "findings", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("rule_pack", sa.String(length=32), nullable=False),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("lane IN ('urgent', 'normal', 'bulk')", name=op.f("ck_consignments_lane")),
        sa.CheckConstraint(
            "state IN ('held', 'accepted', 'rejected', 'routed', 'closed')", name=op.f("ck_consignments_state")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consignments")),
        sa.UniqueConstraint("key_scope", "idempotency_key", name=op.f("uq_consignments_key_scope_idempotency_key")),
    )
    op.create_index("ix_consignments_document", "consignments", ["sender_key", "document_id"], unique=False)
    op.create_index("ix_consignments_notation", "consignments", ["sender_key", "notation"], unique=False)
    op.create_index(
        "ix_consignments_waiting",
        "consignments",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_table(
        "daily_counts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("agency_key", sa.String(length=64), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("documents", sa.BigInteger(), nullable=False),
        sa.Column("paper_free", sa.BigInteger(), nullable=False),
        sa.Column("with_paper", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("direction IN ('sent', 'received')", name=op.f("ck_daily_counts_direction")),
        sa.PrimaryKeyConstraint("day", "agency_key", "direction", name=op.f("pk_daily_counts")),
    )
    op.create_table(
        "heartbeats",
        sa.Column("process", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "facts", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.PrimaryKeyConstraint("process", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "outbox",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("station", sa.String(length=16), nullable=False),
        sa.Column("work_id", sa.String(length=36), nullable=False),
        sa.Column("lane", sa.String(length=8), nullable=False),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_outbox")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "agency_aliases",
        sa.Column("alias_key", sa.String(length=64), nullable=False),
        sa.Column("alias", sa.String(length=64), nullable=False),
        sa.Column("code_key", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["code_key"], ["agencies.code_key"], name=op.f("fk_agency_aliases_code_key")),
        sa.PrimaryKeyConstraint("alias_key", name=op.f("pk_agency_aliases")),
    )
    op.create_index(op.f("ix_agency_aliases_code_key"), "agency_aliases", ["code_key"], unique=False)
    op.create_table(
        "agency_certificates",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("code_key", sa.String(length=64), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("not_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["code_key"], ["agencies.code_key"], name=op.f("fk_agency_certificates_code_key")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_agency_certificates")),
    )
    op.create_index(op.f("ix_agency_certificates_code_key"), "agency_certificates", ["code_key"], unique=False)
    op.create_table(
        "api_keys",
        sa.Column("key_sha256", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=12), nullable=False),
        sa.Column("code_key", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["code_key"], ["agencies.code_key"], name=op.f("fk_api_keys_code_key")),
        sa.PrimaryKeyConstraint("key_sha256", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_id", name=op.f("uq_api_keys_key_id")),
    )
    op.create_index(op.f("ix_api_keys_code_key"), "api_keys", ["code_key"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("consignment_id", sa.String(length=36), nullable=False),
        sa.Column("recipient_key", sa.String(length=64), nullable=False),
        sa.Column("addressee", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("lane", sa.String(length=8), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("status_code", sa.String(length=2), nullable=True),
        sa.Column("same_as", sa.String(length=36), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("lane IN ('urgent', 'normal', 'bulk')", name=op.f("ck_deliveries_lane")),
        sa.CheckConstraint(
            "state IN ('due', 'in_hand', 'handed_over', 'refused', 'already_held')", name=op.f("ck_deliveries_state")
        ),
        sa.ForeignKeyConstraint(["consignment_id"], ["consignments.id"], name=op.f("fk_deliveries_consignment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("consignment_id", "recipient_key", name=op.f("uq_deliveries_consignment_id_recipient_key")),
        sa.UniqueConstraint("recipient_key", "position", name=op.f("uq_deliveries_recipient_key_position")),
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_index("ix_deliveries_inbox", "deliveries", ["recipient_key", "state", "position"], unique=False)
    op.create_table(
        "events",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("consignment_id", sa.String(length=36), nullable=False),
        sa.Column("delivery_id", sa.String(length=36), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "facts", sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"), nullable=False
        ),
        sa.Column("to_tally", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["consignment_id"], ["consignments.id"], name=op.f("fk_events_consignment_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_consignment_id"), "events", ["consignment_id"], unique=False)
    op.create_index(
        "ix_events_to_tally",
        "events",
        ["number"],
        unique=False,
        postgresql_where=sa.text("to_tally IS true"),
        sqlite_where=sa.text("to_tally IS 1"),
    )
    op.create_table(
        "receipts",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("consignment_id", sa.String(length=36), nullable=False),
        sa.Column("delivery_id", sa.String(length=36), nullable=True),
        sa.Column("event", sa.String(length=32), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["consignment_id"], ["consignments.id"], name=op.f("fk_receipts_consignment_id")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_receipts")),
        sa.UniqueConstraint("id", name=op.f("uq_receipts_id")),
    )
    op.create_index(op.f("ix_receipts_consignment_id"), "receipts", ["consignment_id"], unique=False)
    op.create_table(
        "statuses",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("delivery_id", sa.String(length=36), nullable=False),
        sa.Column("code", sa.String(length=2), nullable=False),
        sa.Column("said_by", sa.String(length=64), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("receipt_id", sa.String(length=36), nullable=False),
        sa.Column("consignment_id", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name=op.f("fk_statuses_delivery_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statuses")),
        sa.UniqueConstraint(
            "delivery_id", "code", "said_by", "said_at", name=op.f("uq_statuses_delivery_id_code_said_by_said_at")
        ),
    )


def downgrade() -> None:
    op.drop_table("statuses")
    op.drop_index(op.f("ix_receipts_consignment_id"), table_name="receipts")
    op.drop_table("receipts")
    op.drop_index(
        "ix_events_to_tally",
        table_name="events",
        postgresql_where=sa.text("to_tally IS true"),
        sqlite_where=sa.text("to_tally IS 1"),
    )
    op.drop_index(op.f("ix_events_consignment_id"), table_name="events")
    op.drop_table("events")
    op.drop_index("ix_deliveries_inbox", table_name="deliveries")
    op.drop_index(
        "ix_deliveries_due",
        table_name="deliveries",
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.drop_table("deliveries")
    op.drop_index(op.f("ix_api_keys_code_key"), table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_index(op.f("ix_agency_certificates_code_key"), table_name="agency_certificates")
    op.drop_table("agency_certificates")
    op.drop_index(op.f("ix_agency_aliases_code_key"), table_name="agency_aliases")
    op.drop_table("agency_aliases")
    op.drop_table("outbox")
    op.drop_table("heartbeats")
    op.drop_table("daily_counts")
    op.drop_index(
        "ix_consignments_waiting",
        table_name="consignments",
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.drop_index("ix_consignments_notation", table_name="consignments")
    op.drop_index("ix_consignments_document", table_name="consignments")
    op.drop_table("consignments")
    op.drop_table("audit")
    op.drop_index(op.f("ix_agencies_parent_key"), table_name="agencies")
    op.drop_table("agencies")
