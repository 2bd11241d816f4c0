"""What is genuine: reports of files, legal value, signature policies, evidence, seals of receipts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002_post_genuine"
down_revision = "0001_pre_first_schema"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Adds; `agencies.signature_policy` becomes rows of signature_policies."""
    _policies()
    _verdicts()
    _evidence()
    _seals()


def _policies() -> None:
    op.create_table(
        "signature_policies",
        sa.Column("code_key", sa.String(64), nullable=False),
        sa.Column("document_type", sa.String(100), nullable=False),
        sa.Column("demand", sa.String(24), nullable=False),
        sa.Column("level", sa.String(8), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("set_at", INSTANT, nullable=False),
        sa.CheckConstraint(
            "demand IN ('envelope_signature', 'agency_seal', 'personal_signature')",
            name=op.f("ck_signature_policies_demand"),
        ),
        sa.CheckConstraint("level IN ('require', 'warn', 'ignore')", name=op.f("ck_signature_policies_level")),
        sa.ForeignKeyConstraint(["code_key"], ["agencies.code_key"], name=op.f("fk_signature_policies_code_key")),
        sa.PrimaryKeyConstraint("code_key", "document_type", "demand", name=op.f("pk_signature_policies")),
    )
    op.execute(
        "INSERT INTO signature_policies (code_key, document_type, demand, level, set_at) "
        "SELECT code_key, '', 'envelope_signature', 'require', changed_at FROM agencies "
        "WHERE signature_policy = 'require'"
    )
    with op.batch_alter_table("agencies") as table:
        table.drop_constraint(op.f("ck_agencies_signature_policy"), type_="check")
        table.drop_column("signature_policy")
    op.create_index("ix_agencies_name", "agencies", ["name"], postgresql_using="hash")


def _verdicts() -> None:
    op.add_column("consignments", sa.Column("files", JSON, server_default="[]", nullable=False))
    op.add_column("consignments", sa.Column("replaces_paper", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("consignments", sa.Column("because", JSON, server_default="[]", nullable=False))
    op.add_column("daily_counts", sa.Column("not_replacing", sa.BigInteger(), server_default="0", nullable=False))


def _evidence() -> None:
    op.create_table(
        "evidence_sources",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("issuer_key", sa.String(64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("wanted_at", INSTANT, nullable=False),
        sa.Column("next_fetch_at", INSTANT, nullable=True),
        sa.Column("fetched_at", INSTANT, nullable=True),
        sa.Column("next_update", INSTANT, nullable=True),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint("kind IN ('crl', 'ocsp')", name=op.f("ck_evidence_sources_kind")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_evidence_sources")),
    )
    op.create_index(op.f("ix_evidence_sources_next_fetch_at"), "evidence_sources", ["next_fetch_at"])
    op.create_table(
        "evidence",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("issuer_key", sa.String(64), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("this_update", INSTANT, nullable=False),
        sa.Column("next_update", INSTANT, nullable=True),
        sa.Column("fetched_at", INSTANT, nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("kind IN ('crl', 'ocsp')", name=op.f("ck_evidence_kind")),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_evidence")),
    )
    op.create_index("ix_evidence_issuer", "evidence", ["issuer_key", "this_update"])
    op.create_table(
        "consignment_evidence",
        sa.Column("consignment_id", sa.String(36), nullable=False),
        sa.Column("evidence_sha256", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(
            ["consignment_id"], ["consignments.id"], name=op.f("fk_consignment_evidence_consignment_id")
        ),
        sa.ForeignKeyConstraint(
            ["evidence_sha256"], ["evidence.sha256"], name=op.f("fk_consignment_evidence_evidence_sha256")
        ),
        sa.PrimaryKeyConstraint("consignment_id", "evidence_sha256", name=op.f("pk_consignment_evidence")),
    )
    op.create_index(op.f("ix_consignment_evidence_evidence_sha256"), "consignment_evidence", ["evidence_sha256"])


def _seals() -> None:
    op.create_table(
        "seals",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("sealed_at", INSTANT, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("leaves", sa.LargeBinary(), nullable=False),
        sa.Column("root", sa.String(64), nullable=False),
        sa.Column("previous", sa.String(64), nullable=False),
        sa.Column("head", sa.String(64), nullable=False),
        sa.Column("token", sa.LargeBinary(), nullable=True),
        sa.Column("stamped_at", INSTANT, nullable=True),
        sa.Column("next_stamp_at", INSTANT, nullable=True),
        sa.Column("stamp_failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_seals")),
        sa.UniqueConstraint("head", name=op.f("uq_seals_head")),
    )
    op.create_index(
        "ix_seals_unstamped",
        "seals",
        ["next_stamp_at"],
        postgresql_where=sa.text("next_stamp_at IS NOT NULL"),
        sqlite_where=sa.text("next_stamp_at IS NOT NULL"),
    )
    op.add_column("receipts", sa.Column("seal", sa.BigInteger(), nullable=True))
    op.add_column("receipts", sa.Column("leaf", sa.Integer(), nullable=True))
    op.create_index("ix_receipts_seal", "receipts", ["seal", "leaf"], unique=True)
    op.create_index(
        "ix_receipts_unsealed",
        "receipts",
        ["number"],
        postgresql_where=sa.text("seal IS NULL"),
        sqlite_where=sa.text("seal IS NULL"),
    )


def downgrade() -> None:
    """Takes it all back; policies other than `require` of the envelope are lost."""
    op.drop_index("ix_receipts_unsealed", table_name="receipts")
    op.drop_index("ix_receipts_seal", table_name="receipts")
    op.drop_column("receipts", "seal")
    op.drop_column("receipts", "leaf")
    for name in ("seals", "consignment_evidence", "evidence", "evidence_sources"):
        op.drop_table(name)
    op.drop_column("daily_counts", "not_replacing")
    for name in ("because", "replaces_paper", "files"):
        op.drop_column("consignments", name)
    op.drop_index("ix_agencies_name", table_name="agencies")
    with op.batch_alter_table("agencies") as table:
        table.add_column(sa.Column("signature_policy", sa.String(16), server_default="accept", nullable=False))
        table.create_check_constraint(op.f("ck_agencies_signature_policy"), "signature_policy IN ('require', 'accept')")
    op.execute(
        "UPDATE agencies SET signature_policy = 'require' WHERE code_key IN (SELECT code_key FROM signature_policies "
        "WHERE demand = 'envelope_signature' AND document_type = '' AND level = 'require')"
    )
    op.drop_table("signature_policies")
