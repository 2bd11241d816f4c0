"""The percentages: what is counted, its tallies, declarations, the connection plan, kept reports, closed periods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004_post_percentages"
down_revision = "0003_post_life"
branch_labels = None
depends_on = None

JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
INSTANT = sa.DateTime(timezone=True)
CODE, UUID = sa.String(64), sa.String(36)
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MEASURES = (
    *("documents", "left_out", "timed", "on_time", "taken", "same_day", "fed_back", "accepted", "completed"),
    *("declined", "refused", "expired", "unfetched"),
)
COUNTS = (
    *("accepted", "rejected", "placed", "handed_over", "refused", "expired", "withdrawn", "passed_on", "status"),
    "duty_answered",
)

_events = sa.table(
    "events",
    *(sa.column(name, sa.String) for name in ("consignment_id", "delivery_id", "kind")),
    sa.column("at", INSTANT),
    sa.column("to_tally", sa.Boolean),
)
_deliveries = sa.table(
    "deliveries",
    *(sa.column(name, sa.String) for name in ("id", "consignment_id")),
    *(sa.column(name, INSTANT) for name in ("arrived_at", "expired_at", "expired_in_hand_at")),
)


def upgrade() -> None:
    """Adds; everything that was ever sent is counted again from its rows by the tally station."""
    _counting()
    _declared()
    _kept()
    _columns()
    _made_anew("agency_certificates", _certificates_in_time, "added_at, sha256")
    _made_anew("signature_policies", _policies_in_time, "set_at, code_key, document_type, demand")


def downgrade() -> None:
    """Takes it all back; the old daily counts come back empty; policies that ended are lost."""
    op.execute(
        "DELETE FROM agency_certificates WHERE number NOT IN "
        "(SELECT max(number) FROM agency_certificates GROUP BY sha256)"
    )
    op.execute("DELETE FROM signature_policies WHERE ended_at IS NOT NULL")
    _made_anew("agency_certificates", _certificates_before, "number")
    _made_anew("signature_policies", _policies_before, "number")
    op.drop_column("deliveries", "expired_in_hand_at")
    op.drop_column("deliveries", "expired_at")
    op.drop_column("deliveries", "arrived_at")
    op.drop_column("agencies", "first_seen_at")
    for name in ("report_mails", "kept_reports", "report_schedules", "closed_periods", "connection_plans"):
        op.drop_table(name)
    for name in ("declarations", "signers", "late_movements", "totals", "tallies", "counted", "cells"):
        op.drop_table(name)
    op.create_table(
        "daily_counts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("agency_key", CODE, nullable=False),
        sa.Column("direction", sa.String(8), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("documents", "paper_free", "with_paper")),
        sa.Column("not_replacing", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("direction IN ('sent', 'received')", name=op.f("ck_daily_counts_direction")),
        sa.PrimaryKeyConstraint("day", "agency_key", "direction", name=op.f("pk_daily_counts")),
    )
    op.execute("UPDATE events SET to_tally = false")


def _counting() -> None:
    op.create_table(
        "cells",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("document_type", sa.String(length=32), nullable=False),
        sa.Column("urgency", sa.SmallInteger(), nullable=False),
        sa.Column("paper", sa.String(length=16), nullable=False),
        sa.Column("signed", sa.String(length=8), nullable=False),
        sa.Column("validity", sa.String(length=16), nullable=False),
        sa.CheckConstraint(
            "paper IN ('paper_free', 'not_replacing', 'with_paper', 'not_said')", name=op.f("ck_cells_paper")
        ),
        sa.CheckConstraint("signed IN ('none', 'person', 'agency', 'both')", name=op.f("ck_cells_signed")),
        sa.CheckConstraint(
            "validity IN ('valid', 'undetermined', 'invalid', 'unsigned')", name=op.f("ck_cells_validity")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cells")),
        sa.UniqueConstraint(
            "document_type",
            "urgency",
            "paper",
            "signed",
            "validity",
            name=op.f("uq_cells_document_type_urgency_paper_signed_validity"),
        ),
    )
    op.create_table(
        "counted",
        sa.Column("subject_id", UUID, nullable=False),
        sa.Column("consignment_id", UUID, nullable=False),
        sa.Column("direction", sa.String(length=16), nullable=False),
        sa.Column("agency_key", CODE, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("cell", sa.Integer(), nullable=False),
        sa.Column("known_at", INSTANT, nullable=False),
        sa.Column("left_at", INSTANT, nullable=True),
        *(sa.Column(f"{name}_at", INSTANT, nullable=True) for name in MEASURES[2:]),
        sa.Column("people", JSON, nullable=True),
        sa.CheckConstraint(
            "direction IN ('sent', 'received', 'rejected', 'undelivered')", name=op.f("ck_counted_direction")
        ),
        sa.ForeignKeyConstraint(["cell"], ["cells.id"], name=op.f("fk_counted_cell")),
        sa.ForeignKeyConstraint(["consignment_id"], ["consignments.id"], name=op.f("fk_counted_consignment_id")),
        sa.PrimaryKeyConstraint("subject_id", "direction", name=op.f("pk_counted")),
    )
    op.create_index("ix_counted_place", "counted", ["agency_key", "direction", "day", "subject_id"], unique=False)
    rejected = sa.text("direction = 'rejected'")
    op.create_index(
        "ix_counted_rejected", "counted", ["day", "subject_id"], postgresql_where=rejected, sqlite_where=rejected
    )
    lying = sa.text(
        "direction = 'received' AND unfetched_at IS NULL AND taken_at IS NULL AND refused_at IS NULL "
        "AND left_at IS NULL"
    )
    op.create_index("ix_counted_lying", "counted", ["known_at"], postgresql_where=lying, sqlite_where=lying)
    for name in ("tallies", "totals"):
        op.create_table(
            name,
            sa.Column("grain", sa.String(length=8), nullable=False),
            sa.Column("first_day", sa.Date(), nullable=False),
            sa.Column("direction", sa.String(length=16), nullable=False),
            sa.Column("agency_key", CODE, nullable=False),
            sa.Column("cell", sa.Integer(), nullable=False),
            *(sa.Column(one, sa.Integer(), server_default="0", nullable=False) for one in MEASURES),
            sa.PrimaryKeyConstraint("grain", "first_day", "direction", "agency_key", "cell", name=op.f(f"pk_{name}")),
        )
    op.create_table(
        "late_movements",
        sa.Column("known_on", sa.Date(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("direction", sa.String(length=16), nullable=False),
        sa.Column("agency_key", CODE, nullable=False),
        sa.Column("cell", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Integer(), server_default="0", nullable=False) for name in MEASURES),
        sa.PrimaryKeyConstraint("known_on", "day", "direction", "agency_key", "cell", name=op.f("pk_late_movements")),
    )
    late = ["agency_key", "direction", "known_on", "day"]
    op.create_index("ix_late_movements_agency", "late_movements", late, unique=False)
    op.create_table(
        "signers",
        sa.Column("agency_key", CODE, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("known_on", sa.Date(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("agency_key", "day", "person", "known_on", name=op.f("pk_signers")),
    )


def _declared() -> None:
    op.create_table(
        "declarations",
        sa.Column("number", SERIAL, autoincrement=True, nullable=False),
        sa.Column("id", UUID, nullable=False),
        sa.Column("agency_key", CODE, nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("document_type", sa.String(length=32), server_default="", nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("declared_at", INSTANT, nullable=False),
        sa.Column("declared_by", sa.String(length=200), nullable=False),
        sa.Column("caller_key", CODE, nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("corrects", UUID, nullable=True),
        sa.CheckConstraint(
            "kind IN ('sent_paper_only', 'sent_elsewhere_paper_free', 'sent_elsewhere_with_paper', "
            "'received_paper_only', 'received_elsewhere', 'leaders')",
            name=op.f("ck_declarations_kind"),
        ),
        sa.CheckConstraint("count >= 0", name=op.f("ck_declarations_count")),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_declarations_days")),
        sa.ForeignKeyConstraint(["agency_key"], ["agencies.code_key"], name=op.f("fk_declarations_agency_key")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_declarations")),
        sa.UniqueConstraint("corrects", name=op.f("uq_declarations_corrects")),
        sa.UniqueConstraint("id", name=op.f("uq_declarations_id")),
    )
    op.create_index("ix_declarations_agency", "declarations", ["agency_key", "first_day", "kind"], unique=False)
    op.create_table(
        "connection_plans",
        sa.Column("number", SERIAL, autoincrement=True, nullable=False),
        sa.Column("agency_key", CODE, nullable=False),
        sa.Column("planned_on", sa.Date(), nullable=True),
        sa.Column("set_at", INSTANT, nullable=False),
        sa.Column("set_by", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["agency_key"], ["agencies.code_key"], name=op.f("fk_connection_plans_agency_key")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_connection_plans")),
    )
    op.create_index(op.f("ix_connection_plans_agency_key"), "connection_plans", ["agency_key"], unique=False)


def _kept() -> None:
    op.create_table(
        "report_schedules",
        sa.Column("id", UUID, nullable=False),
        sa.Column("report", sa.String(length=32), nullable=False),
        sa.Column("asked", JSON, nullable=False),
        sa.Column("every", sa.String(length=8), nullable=False),
        sa.Column("readers", JSON, nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.Column("next_day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_schedules")),
    )
    op.create_index(op.f("ix_report_schedules_next_day"), "report_schedules", ["next_day"], unique=False)
    op.create_table(
        "kept_reports",
        sa.Column("id", UUID, nullable=False),
        sa.Column("schedule_id", UUID, nullable=True),
        sa.Column("report", sa.String(length=32), nullable=False),
        sa.Column("asked", JSON, nullable=False),
        sa.Column("known_on", sa.Date(), nullable=False),
        sa.Column("made_at", INSTANT, nullable=False),
        sa.Column("data_sha256", CODE, nullable=False),
        sa.Column("files", JSON, nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["schedule_id"], ["report_schedules.id"], name=op.f("fk_kept_reports_schedule_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_reports")),
        sa.UniqueConstraint("schedule_id", "known_on", name=op.f("uq_kept_reports_schedule_id_known_on")),
    )
    op.create_table(
        "report_mails",
        sa.Column("report_id", UUID, nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", INSTANT, nullable=True),
        sa.Column("sent_at", INSTANT, nullable=True),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["kept_reports.id"], name=op.f("fk_report_mails_report_id")),
        sa.PrimaryKeyConstraint("report_id", "address", name=op.f("pk_report_mails")),
    )
    op.create_index(
        "ix_report_mails_owed",
        "report_mails",
        ["next_attempt_at"],
        unique=False,
        postgresql_where=sa.text("next_attempt_at IS NOT NULL"),
        sqlite_where=sa.text("next_attempt_at IS NOT NULL"),
    )
    op.create_table(
        "closed_periods",
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("closed_at", INSTANT, nullable=False),
        sa.Column("closed_by", sa.String(length=200), nullable=False),
        sa.Column("rule_pack", sa.String(length=32), nullable=False),
        sa.Column("figures", JSON, nullable=False),
        sa.Column("data_sha256", CODE, nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("first_day", "last_day", name=op.f("pk_closed_periods")),
    )


def _columns() -> None:
    op.drop_table("daily_counts")
    op.add_column("agencies", sa.Column("first_seen_at", INSTANT, nullable=True))
    for name in ("arrived_at", "expired_at", "expired_in_hand_at"):
        op.add_column("deliveries", sa.Column(name, INSTANT, nullable=True))
    op.execute("UPDATE agencies SET first_seen_at = last_seen_at")
    op.execute("UPDATE deliveries SET arrived_at = placed_at")
    op.execute("UPDATE deliveries SET arrived_at = ended_at WHERE arrived_at IS NULL AND state = 'handed_over'")
    op.execute("UPDATE deliveries SET expired_at = ended_at WHERE state = 'expired'")
    op.execute("UPDATE deliveries SET expired_in_hand_at = expired_at WHERE arrived_at IS NOT NULL")
    _what_was_delivered_again()
    op.execute(_events.update().values(to_tally=_events.c.kind.in_(COUNTS)))


def _what_was_delivered_again() -> None:
    """Of the few copies whose time ended more than once the row tells the last end only; the events tell them all."""
    arrived = _first_event("placed", "handed_over").scalar_subquery()
    expired = _first_event("expired").scalar_subquery()
    in_hand = _first_event("expired").where(_events.c.at >= _deliveries.c.arrived_at).scalar_subquery()
    again = sa.update(_deliveries).where(_first_event("delivered_again").with_only_columns(sa.literal(1)).exists())
    first = {"arrived_at": sa.func.coalesce(arrived, _deliveries.c.arrived_at), "expired_at": expired}
    op.execute(again.values(first))
    op.execute(again.values(expired_in_hand_at=in_hand))


def _first_event(*kinds: str) -> sa.Select[Any]:
    """When one of these first happened to the delivery at hand."""
    of_delivery = (_events.c.consignment_id == _deliveries.c.consignment_id, _events.c.delivery_id == _deliveries.c.id)
    return sa.select(sa.func.min(_events.c.at)).where(*of_delivery, _events.c.kind.in_(kinds)).correlate(_deliveries)


def _made_anew(table: str, make: Callable[[], None], order: str) -> None:
    """Another primary key: the rows are put aside, and back into the table as it is made."""
    bind = op.get_bind()
    before = [column["name"] for column in sa.inspect(bind).get_columns(table)]
    op.execute(f"CREATE TABLE put_aside AS SELECT * FROM {table}")  # noqa: S608
    op.drop_table(table)
    make()
    now = [column["name"] for column in sa.inspect(bind).get_columns(table)]
    both = ", ".join(name for name in before if name in now and name != "number")
    op.execute(f"INSERT INTO {table} ({both}) SELECT {both} FROM put_aside ORDER BY {order}")  # noqa: S608
    op.drop_table("put_aside")


def _certificates_in_time() -> None:
    number = sa.Column("number", SERIAL, autoincrement=True, nullable=False)
    _certificates(number, sa.PrimaryKeyConstraint("number", name=op.f("pk_agency_certificates")))
    _one_only("uq_agency_certificates_held", "agency_certificates", ["sha256"], "withdrawn_at IS NULL")


def _certificates_before() -> None:
    _certificates(sa.PrimaryKeyConstraint("sha256", name=op.f("pk_agency_certificates")))


def _certificates(*key: sa.SchemaItem) -> None:
    op.create_table(
        "agency_certificates",
        *key[:-1],
        sa.Column("sha256", CODE, nullable=False),
        sa.Column("code_key", CODE, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("not_after", INSTANT, nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("added_at", INSTANT, nullable=False),
        sa.Column("withdrawn_at", INSTANT, nullable=True),
        sa.ForeignKeyConstraint(["code_key"], ["agencies.code_key"], name=op.f("fk_agency_certificates_code_key")),
        key[-1],
    )
    op.create_index(op.f("ix_agency_certificates_code_key"), "agency_certificates", ["code_key"], unique=False)


def _policies_in_time() -> None:
    number = sa.Column("number", SERIAL, autoincrement=True, nullable=False)
    ended_at = sa.Column("ended_at", INSTANT, nullable=True)
    _policies(number, ended_at, sa.PrimaryKeyConstraint("number", name=op.f("pk_signature_policies")))
    key = ["code_key", "document_type", "demand"]
    _one_only("uq_signature_policies_standing", "signature_policies", key, "ended_at IS NULL")
    op.create_index("ix_signature_policies_agency", "signature_policies", ["code_key", "set_at"], unique=False)


def _policies_before() -> None:
    _policies(sa.PrimaryKeyConstraint("code_key", "document_type", "demand", name=op.f("pk_signature_policies")))


def _policies(*key: sa.SchemaItem) -> None:
    op.create_table(
        "signature_policies",
        sa.Column("code_key", CODE, nullable=False),
        sa.Column("document_type", sa.String(100), nullable=False),
        sa.Column("demand", sa.String(24), nullable=False),
        sa.Column("level", sa.String(8), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("set_at", INSTANT, nullable=False),
        *key[:-1],
        sa.CheckConstraint(
            "demand IN ('envelope_signature', 'agency_seal', 'personal_signature')",
            name=op.f("ck_signature_policies_demand"),
        ),
        sa.CheckConstraint("level IN ('require', 'warn', 'ignore')", name=op.f("ck_signature_policies_level")),
        sa.ForeignKeyConstraint(["code_key"], ["agencies.code_key"], name=op.f("fk_signature_policies_code_key")),
        key[-1],
    )


def _one_only(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, unique=True, postgresql_where=sa.text(where), sqlite_where=sa.text(where))
