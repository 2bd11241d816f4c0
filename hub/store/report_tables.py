"""The tables of the percentages: what is counted, the tallies, declarations, the connection plan, kept reports.

Owns: as hub/store/tables.py, for counting and reporting.
Never: queries.
Source: Decision 28/2018/QĐ-TTg Art. 11, 15; hub/domain/counting.py.
"""

from __future__ import annotations

import sqlalchemy as sa

from hub.domain.counting import MARKS, Detail, Direction, Measure, Paper, Signed, Validity
from hub.domain.declarations import DeclaredKind
from hub.store.life_tables import metadata
from hub.store.tables import Code, Instant, Json, MaybeJson, Serial, Sha256, Uuid, words

cells = sa.Table(
    "cells",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("document_type", sa.String(32), nullable=False),
    sa.Column("urgency", sa.SmallInteger, nullable=False),
    sa.Column("paper", sa.String(16), nullable=False),
    sa.Column("signed", sa.String(8), nullable=False),
    sa.Column("validity", sa.String(16), nullable=False),
    sa.UniqueConstraint("document_type", "urgency", "paper", "signed", "validity"),
    words("paper", Paper),
    words("signed", Signed),
    words("validity", Validity),
)

counted = sa.Table(
    "counted",
    metadata,
    sa.Column("subject_id", Uuid, primary_key=True),
    sa.Column("consignment_id", Uuid, sa.ForeignKey("consignments.id"), nullable=False),
    sa.Column("direction", sa.String(16), primary_key=True),
    sa.Column("agency_key", Code, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("cell", sa.Integer, sa.ForeignKey("cells.id"), nullable=False),
    sa.Column("known_at", Instant, nullable=False),
    sa.Column("left_at", Instant),
    *(sa.Column(f"{mark.value}_at", Instant) for mark in MARKS),
    sa.Column("people", MaybeJson),  # who signed, as digests: the register counts people, it names none
    words("direction", Direction),
)
sa.Index("ix_counted_place", counted.c.agency_key, counted.c.direction, counted.c.day, counted.c.subject_id)
_rejected = sa.text("direction = 'rejected'")
sa.Index("ix_counted_rejected", counted.c.day, counted.c.subject_id, postgresql_where=_rejected, sqlite_where=_rejected)
_may_lie = sa.text(
    "direction = 'received' AND unfetched_at IS NULL AND taken_at IS NULL AND refused_at IS NULL AND left_at IS NULL"
)
sa.Index("ix_counted_lying", counted.c.known_at, postgresql_where=_may_lie, sqlite_where=_may_lie)

EVERYBODY = ""  # stands where an agency's key does for all of them together: the whole hub is few rows


def _sums(name: str) -> sa.Table:
    """Sums as known now: of a day, and of the months, quarters and years that hold it, so that a year is few rows.

    The key is in the order in which every question asks: the days are known, then whose they are.
    """
    return sa.Table(
        name,
        metadata,
        sa.Column("grain", sa.String(8), primary_key=True),
        sa.Column("first_day", sa.Date, primary_key=True),
        sa.Column("direction", sa.String(16), primary_key=True),
        sa.Column("agency_key", Code, primary_key=True),
        sa.Column("cell", sa.Integer, primary_key=True),
        *(sa.Column(measure.value, sa.Integer, nullable=False, server_default="0") for measure in Measure),
    )


tallies = _sums("tallies")
totals = _sums("totals")  # all types and urgencies together: what compares many agencies reads these
SUMS_OF = {Detail.KIND: tallies, Detail.WORTH: totals}

# What became known after its day: taken off the tallies, the figures of a past date stand again.
late_movements = sa.Table(
    "late_movements",
    metadata,
    sa.Column("known_on", sa.Date, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("direction", sa.String(16), primary_key=True),
    sa.Column("agency_key", Code, primary_key=True),
    sa.Column("cell", sa.Integer, primary_key=True),
    *(sa.Column(measure.value, sa.Integer, nullable=False, server_default="0") for measure in Measure),
)
_late = late_movements.c
sa.Index("ix_late_movements_agency", _late.agency_key, _late.direction, _late.known_on, _late.day)

# How many documents of a day a person signed, as a difference under the day on which that became known.
signers = sa.Table(
    "signers",
    metadata,
    sa.Column("agency_key", Code, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("person", sa.String(32), primary_key=True),
    sa.Column("known_on", sa.Date, primary_key=True),
    sa.Column("documents", sa.Integer, nullable=False),
)

declarations = sa.Table(
    "declarations",
    metadata,
    sa.Column("number", Serial, primary_key=True, autoincrement=True),
    sa.Column("id", Uuid, nullable=False, unique=True),
    sa.Column("agency_key", Code, sa.ForeignKey("agencies.code_key"), nullable=False),
    sa.Column("first_day", sa.Date, nullable=False),
    sa.Column("last_day", sa.Date, nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("document_type", sa.String(32), nullable=False, server_default=""),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("declared_at", Instant, nullable=False),
    sa.Column("declared_by", sa.String(200), nullable=False),  # the person's name
    sa.Column("caller_key", Code, nullable=False),  # the agency, or one above it, that handed it in
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.Column("corrects", Uuid, unique=True),
    words("kind", DeclaredKind),
    sa.CheckConstraint("count >= 0", name="count"),
    sa.CheckConstraint("first_day <= last_day", name="days"),
)
sa.Index("ix_declarations_agency", declarations.c.agency_key, declarations.c.first_day, declarations.c.kind)

connection_plans = sa.Table(
    "connection_plans",
    metadata,
    sa.Column("number", Serial, primary_key=True, autoincrement=True),
    sa.Column("agency_key", Code, sa.ForeignKey("agencies.code_key"), nullable=False, index=True),
    sa.Column("planned_on", sa.Date),  # empty: taken out of the plan
    sa.Column("set_at", Instant, nullable=False),
    sa.Column("set_by", sa.String(200), nullable=False),
)

report_schedules = sa.Table(
    "report_schedules",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("report", sa.String(32), nullable=False),
    sa.Column("asked", Json, nullable=False),  # scope, formats and the rest, as `hub reports schedule` took them
    sa.Column("every", sa.String(8), nullable=False),  # day, week, month, quarter, half, year
    sa.Column("readers", Json, nullable=False),  # mail addresses
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    sa.Column("next_day", sa.Date, nullable=False, index=True),  # the first day after the period that is due next
)

kept_reports = sa.Table(
    "kept_reports",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("schedule_id", Uuid, sa.ForeignKey("report_schedules.id")),
    sa.Column("report", sa.String(32), nullable=False),
    sa.Column("asked", Json, nullable=False),
    sa.Column("known_on", sa.Date, nullable=False),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("data_sha256", Sha256, nullable=False),
    sa.Column("files", Json, nullable=False),  # name, media type, SHA-256 in the payload store, size in bytes
    sa.Column("jws", sa.Text, nullable=False),
    sa.UniqueConstraint("schedule_id", "known_on"),
)

report_mails = sa.Table(
    "report_mails",
    metadata,
    sa.Column("report_id", Uuid, sa.ForeignKey("kept_reports.id"), primary_key=True),
    sa.Column("address", sa.String(320), primary_key=True),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_attempt_at", Instant),
    sa.Column("sent_at", Instant),
    sa.Column("last_error", sa.Text, nullable=False, server_default=""),
)
_owed = report_mails.c.next_attempt_at.isnot(None)
sa.Index("ix_report_mails_owed", report_mails.c.next_attempt_at, postgresql_where=_owed, sqlite_where=_owed)

closed_periods = sa.Table(
    "closed_periods",
    metadata,
    sa.Column("first_day", sa.Date, primary_key=True),
    sa.Column("last_day", sa.Date, primary_key=True),
    sa.Column("closed_at", Instant, nullable=False),
    sa.Column("closed_by", sa.String(200), nullable=False),
    sa.Column("rule_pack", sa.String(32), nullable=False),
    sa.Column("figures", Json, nullable=False),
    sa.Column("data_sha256", Sha256, nullable=False),
    sa.Column("jws", sa.Text, nullable=False),
)
