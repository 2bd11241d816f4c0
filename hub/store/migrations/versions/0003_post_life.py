"""The life of a document: the register, conversations, duties, expiry, groups, notices."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from hub.domain.agencies import plain

revision = "0003_post_life"
down_revision = "0002_post_genuine"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
INSTANT = sa.DateTime(timezone=True)
CODE, UUID = sa.String(64), sa.String(36)
BATCH = 1000
_OLD = "state IN ('due', 'in_hand', 'handed_over', 'refused', 'already_held')"
_NEW = (
    "state IN ('due', 'in_hand', 'handed_over', 'refused', 'already_held', 'withdrawn', 'needless', 'expired', "
    "'passed_on')"
)


def upgrade() -> None:
    """Adds; documents sent before are entered in the register with their conversations."""
    _columns()
    _register()
    _duties()
    _groups()
    _notices()
    _enter_what_was_sent()


def _columns() -> None:
    op.add_column("agencies", sa.Column("sees_staff", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("agencies", sa.Column("last_seen_at", INSTANT, nullable=True))
    op.add_column("consignments", sa.Column("document_ref", UUID, nullable=True))
    op.create_index("ix_consignments_document_ref", "consignments", ["document_ref"])
    with op.batch_alter_table("deliveries") as table:
        table.add_column(sa.Column("cause", sa.String(16), server_default="", nullable=False))
        table.add_column(sa.Column("replaced_by", UUID, nullable=True))
        table.add_column(sa.Column("expires_at", INSTANT, nullable=True))
        table.add_column(sa.Column("arrival_year", sa.SmallInteger(), nullable=True))
        table.add_column(sa.Column("arrival_number", sa.Integer(), nullable=True))
        table.drop_constraint(op.f("ck_deliveries_state"), type_="check")
        table.create_check_constraint(op.f("ck_deliveries_state"), _NEW)
        table.create_check_constraint(op.f("ck_deliveries_cause"), "cause IN ('', 'unreachable', 'quota', 'refusing')")
        table.create_unique_constraint(
            op.f("uq_deliveries_recipient_key_arrival_year_arrival_number"),
            ["recipient_key", "arrival_year", "arrival_number"],
        )
    op.create_index("ix_deliveries_arrived", "deliveries", ["recipient_key", "created_at", "id"])
    _partial(
        "ix_agencies_not_open",
        "agencies",
        ["code_key"],
        "status = 'closed' OR valid_until IS NOT NULL OR valid_from IS NOT NULL",
    )
    _partial("ix_deliveries_in_hand", "deliveries", ["placed_at"], "state = 'in_hand'")
    _partial("ix_consignments_rejected", "consignments", ["judged_at"], "state = 'rejected'")
    _partial("ix_deliveries_expired", "deliveries", ["ended_at"], "state = 'expired'")
    _partial("ix_deliveries_expiring", "deliveries", ["expires_at"], "expires_at IS NOT NULL")
    op.add_column("statuses", sa.Column("by_hub", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("statuses", sa.Column("to_inform", sa.Boolean(), server_default=sa.false(), nullable=False))
    _partial("ix_statuses_to_inform", "statuses", ["recorded_at"], "to_inform IS TRUE")


def _partial(name: str, table: str, columns: list[str], where: str, *, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, postgresql_where=condition, sqlite_where=condition)


def _register() -> None:
    op.create_table(
        "documents",
        sa.Column("id", UUID, nullable=False),
        sa.Column("sender_key", CODE, nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("notation", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("document_type", sa.Text(), nullable=False),
        sa.Column("urgency", sa.SmallInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("plain", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("replaced_by", UUID, nullable=True),
        sa.Column("described_by", UUID, nullable=False),
        sa.Column("sent_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.CheckConstraint("state IN ('live', 'recalled', 'replaced')", name=op.f("ck_documents_state")),
        sa.ForeignKeyConstraint(["id"], ["consignments.id"], name=op.f("fk_documents_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_documents")),
    )
    _partial("uq_documents_document", "documents", ["sender_key", "document_id"], "document_id != ''", unique=True)
    op.create_index("ix_documents_sent", "documents", ["sender_key", "sent_at", "id"])
    op.create_index("ix_documents_notation", "documents", ["sender_key", "notation"])
    op.create_index("ix_documents_number", "documents", ["notation"])
    op.create_index("ix_documents_document_id", "documents", ["document_id"])
    op.create_table(
        "conversation_turns",
        sa.Column("document_ref", UUID, nullable=False),
        sa.Column("speaker_key", CODE, nullable=False),
        sa.Column("turn", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("consignment_id", UUID, nullable=False),
        sa.ForeignKeyConstraint(["document_ref"], ["documents.id"], name=op.f("fk_conversation_turns_document_ref")),
        sa.ForeignKeyConstraint(
            ["consignment_id"], ["consignments.id"], name=op.f("fk_conversation_turns_consignment_id")
        ),
        sa.PrimaryKeyConstraint("document_ref", "speaker_key", "turn", name=op.f("pk_conversation_turns")),
    )
    op.create_index(op.f("ix_conversation_turns_consignment_id"), "conversation_turns", ["consignment_id"])


def _duties() -> None:
    op.create_table(
        "duties",
        sa.Column("id", UUID, nullable=False),
        sa.Column("delivery_id", UUID, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("article", sa.Text(), nullable=False),
        sa.Column("asked_by", UUID, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("outcome", sa.String(16), nullable=True),
        sa.Column("overdue_at", INSTANT, nullable=True),
        sa.CheckConstraint(
            "kind IN ('sending', 'at_once', 'receipt', 'processing', 'recall', 'update', 'replace', 'remove', "
            "'take_back')",
            name=op.f("ck_duties_kind"),
        ),
        sa.CheckConstraint("outcome IN ('met', 'accepted', 'declined', 'moot')", name=op.f("ck_duties_outcome")),
        sa.ForeignKeyConstraint(["delivery_id"], ["deliveries.id"], name=op.f("fk_duties_delivery_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duties")),
    )
    op.create_index(op.f("ix_duties_delivery_id"), "duties", ["delivery_id"])
    _partial("ix_duties_waiting", "duties", ["due_at"], "ended_at IS NULL AND overdue_at IS NULL")
    _partial("ix_duties_owed", "duties", ["delivery_id", "kind"], "ended_at IS NULL")
    _partial("ix_duties_owed_kind", "duties", ["kind", "due_at"], "ended_at IS NULL")
    op.create_table(
        "arrival_counters",
        sa.Column("agency_key", CODE, nullable=False),
        sa.Column("year", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["agency_key"], ["agencies.code_key"], name=op.f("fk_arrival_counters_agency_key")),
        sa.PrimaryKeyConstraint("agency_key", "year", name=op.f("pk_arrival_counters")),
    )


def _groups() -> None:
    op.create_table(
        "agency_groups",
        sa.Column("code_key", CODE, nullable=False),
        sa.Column("code", CODE, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("of", CODE, server_default="", nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.CheckConstraint("kind IN ('members', 'below', 'level_one')", name=op.f("ck_agency_groups_kind")),
        sa.PrimaryKeyConstraint("code_key", name=op.f("pk_agency_groups")),
    )
    op.create_table(
        "agency_group_members",
        sa.Column("group_key", CODE, nullable=False),
        sa.Column("member_key", CODE, nullable=False),
        sa.ForeignKeyConstraint(
            ["group_key"], ["agency_groups.code_key"], name=op.f("fk_agency_group_members_group_key")
        ),
        sa.ForeignKeyConstraint(["member_key"], ["agencies.code_key"], name=op.f("fk_agency_group_members_member_key")),
        sa.PrimaryKeyConstraint("group_key", "member_key", name=op.f("pk_agency_group_members")),
    )


def _notices() -> None:
    op.create_table(
        "subscribers",
        sa.Column("id", UUID, nullable=False),
        sa.Column("agency_key", CODE, nullable=True),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.CheckConstraint("kind IN ('mail', 'webhook')", name=op.f("ck_subscribers_kind")),
        sa.ForeignKeyConstraint(["agency_key"], ["agencies.code_key"], name=op.f("fk_subscribers_agency_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscribers")),
    )
    op.create_index(op.f("ix_subscribers_agency_key"), "subscribers", ["agency_key"])
    op.create_table(
        "notices",
        sa.Column("id", UUID, nullable=False),
        sa.Column("subscriber_id", UUID, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("content", JSON, nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", INSTANT, nullable=True),
        sa.Column("sent_at", INSTANT, nullable=True),
        sa.Column("given_up_at", INSTANT, nullable=True),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscribers.id"], name=op.f("fk_notices_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index("ix_notices_subscriber", "notices", ["subscriber_id", "made_at"])
    _partial("ix_notices_unsent", "notices", ["next_attempt_at"], "next_attempt_at IS NOT NULL")
    op.create_table(
        "radar_marks",
        sa.Column("item", UUID, nullable=False),
        sa.Column("cause", sa.String(24), nullable=False),
        sa.Column("first_seen_at", INSTANT, nullable=False),
        sa.Column("seen_at", INSTANT, nullable=False),
        sa.Column("noticed_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("item", "cause", name=op.f("pk_radar_marks")),
    )
    op.create_index(op.f("ix_radar_marks_seen_at"), "radar_marks", ["seen_at"])


# -- what was sent before ------------------------------------------------------------------------------------

_consignments = sa.table(
    "consignments",
    *(sa.column(name) for name in ("id", "sender_key", "document_id", "notation", "kind", "state", "business_type")),
    sa.column("issued_on", sa.Date()),
    sa.column("header", JSON),
    sa.column("received_at", INSTANT),
    sa.column("document_ref"),
)
_documents = sa.table(
    "documents",
    *(sa.column(name) for name in ("id", "sender_key", "document_id", "notation", "subject", "document_type")),
    *(sa.column(name) for name in ("urgency", "plain", "state", "described_by")),
    sa.column("issued_on", sa.Date()),
    sa.column("due_on", sa.Date()),
    sa.column("sent_at", INSTANT),
    sa.column("changed_at", INSTANT),
)
_turns = sa.table("conversation_turns", *map(sa.column, ("document_ref", "speaker_key", "turn", "consignment_id")))


def _enter_what_was_sent() -> None:
    bind = op.get_bind()
    turns: dict[str, int] = {}
    known: dict[tuple[str, str], str] = {}
    for row in _sent(bind):
        of = (row.sender_key, row.document_id)
        ref = known.get(of) if row.document_id else None
        if ref is None and row.business_type in (0, 3):
            ref = row.id
            known[of] = ref
            bind.execute(sa.insert(_documents).values(_entry(row)))
        if ref is None:  # a recall or an update of something that the hub never carried
            continue
        turns[ref] = turns.get(ref, 0) + 1
        turn = {"document_ref": ref, "speaker_key": "", "turn": turns[ref], "consignment_id": row.id}
        bind.execute(sa.insert(_turns).values(turn))
        bind.execute(sa.update(_consignments).where(_consignments.c.id == row.id).values(document_ref=ref))


def _sent(bind: sa.Connection) -> Iterator[Any]:
    """Accepted documents in the order of their coming, a batch at a time."""
    of_documents = sa.and_(
        _consignments.c.kind == "document", _consignments.c.state.in_(("accepted", "routed", "closed"))
    )
    order = sa.tuple_(_consignments.c.received_at, _consignments.c.id)
    asked = sa.select(_consignments).where(of_documents).order_by(_consignments.c.received_at, _consignments.c.id)
    rows = bind.execute(asked.limit(BATCH)).all()
    while rows:
        yield from rows
        last = sa.tuple_(sa.literal(rows[-1].received_at, INSTANT), sa.literal(rows[-1].id))
        rows = bind.execute(asked.where(order > last).limit(BATCH)).all()


def _entry(row: Any) -> dict[str, Any]:
    header = row.header or {}
    subject, due_on = header.get("subject") or "", header.get("due_on")
    return {
        "id": row.id,
        "sender_key": row.sender_key,
        "document_id": row.document_id,
        "notation": row.notation,
        "issued_on": row.issued_on,
        "subject": subject,
        "document_type": (header.get("document_type_name") or "")[:400],
        "urgency": header.get("urgency") or 0,
        "due_on": date.fromisoformat(due_on) if due_on else None,
        "plain": plain(f"{row.notation} {subject}"),
        "state": "live",
        "described_by": row.id,
        "sent_at": row.received_at,
        "changed_at": row.received_at,
    }


def downgrade() -> None:
    """Takes it all back; deliveries that ended in a new way become refused ones, with their reason."""
    for name in ("radar_marks", "notices", "subscribers", "agency_group_members", "agency_groups"):
        op.drop_table(name)
    for name in ("arrival_counters", "duties", "conversation_turns", "documents"):
        op.drop_table(name)
    op.drop_index("ix_statuses_to_inform", table_name="statuses")
    op.drop_column("statuses", "to_inform")
    op.drop_column("statuses", "by_hub")
    op.drop_index("ix_deliveries_expiring", table_name="deliveries")
    op.drop_index("ix_deliveries_expired", table_name="deliveries")
    op.drop_index("ix_deliveries_in_hand", table_name="deliveries")
    op.drop_index("ix_consignments_rejected", table_name="consignments")
    op.drop_index("ix_agencies_not_open", table_name="agencies")
    op.drop_index("ix_deliveries_arrived", table_name="deliveries")
    op.execute(
        "UPDATE deliveries SET reason = state, state = 'refused' "
        "WHERE state IN ('withdrawn', 'needless', 'expired', 'passed_on')"
    )
    with op.batch_alter_table("deliveries") as table:
        table.drop_constraint(op.f("uq_deliveries_recipient_key_arrival_year_arrival_number"), type_="unique")
        table.drop_constraint(op.f("ck_deliveries_cause"), type_="check")
        table.drop_constraint(op.f("ck_deliveries_state"), type_="check")
        table.create_check_constraint(op.f("ck_deliveries_state"), _OLD)
        for name in ("arrival_number", "arrival_year", "expires_at", "replaced_by", "cause"):
            table.drop_column(name)
    op.drop_index("ix_consignments_document_ref", table_name="consignments")
    op.drop_column("consignments", "document_ref")
    op.drop_column("agencies", "last_seen_at")
    op.drop_column("agencies", "sees_staff")
