"""The tables of a document's life: the register, conversations, duties, groups, policies, notices, the radar's memory.

Owns: as hub/store/tables.py, for what is demanded of a document and what happens to it after it was accepted.
Never: queries.
Source: Decision 28/2018/QĐ-TTg Art. 8-10; Decree 30/2020/NĐ-CP Art. 18, 22, Annex VI.
"""

from __future__ import annotations

import sqlalchemy as sa

from hub.domain.changes import DocumentState
from hub.domain.duties import DutyKind, DutyOutcome
from hub.domain.groups import GroupKind
from hub.domain.notices import CarrierKind
from hub.domain.signature_policy import Demand, Level
from hub.store.tables import Code, Instant, Json, Name, Serial, Uuid, consignments, deliveries, metadata, words

# What the radar looks at: never all that has ended.
_lying = sa.text("state = 'in_hand'")
sa.Index("ix_deliveries_in_hand", deliveries.c.placed_at, postgresql_where=_lying, sqlite_where=_lying)
_refused = sa.text("state = 'rejected'")
sa.Index("ix_consignments_rejected", consignments.c.judged_at, postgresql_where=_refused, sqlite_where=_refused)

documents = sa.Table(
    "documents",
    metadata,
    sa.Column("id", Uuid, sa.ForeignKey("consignments.id"), primary_key=True),  # its first consignment
    sa.Column("sender_key", Code, nullable=False),
    sa.Column("document_id", Name, nullable=False),
    sa.Column("notation", Name, nullable=False),
    sa.Column("issued_on", sa.Date),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("document_type", Name, nullable=False),
    sa.Column("urgency", sa.SmallInteger, nullable=False),
    sa.Column("due_on", sa.Date),
    sa.Column("plain", sa.Text, nullable=False),  # number, notation and subject without accents, for searching
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("replaced_by", Uuid),
    sa.Column("described_by", Uuid, nullable=False),  # the consignment whose header describes it now
    sa.Column("sent_at", Instant, nullable=False),
    sa.Column("changed_at", Instant, nullable=False),
    words("state", DocumentState),
)
_known = documents.c.document_id != ""
sa.Index(
    "uq_documents_document",
    documents.c.sender_key,
    documents.c.document_id,
    unique=True,
    postgresql_where=_known,
    sqlite_where=_known,
)
sa.Index("ix_documents_sent", documents.c.sender_key, documents.c.sent_at, documents.c.id)
sa.Index("ix_documents_notation", documents.c.sender_key, documents.c.notation)
sa.Index("ix_documents_number", documents.c.notation)  # of any sender: the incoming register
sa.Index("ix_documents_document_id", documents.c.document_id)

conversation_turns = sa.Table(
    "conversation_turns",
    metadata,
    sa.Column("document_ref", Uuid, sa.ForeignKey("documents.id"), primary_key=True),
    sa.Column("speaker_key", Code, primary_key=True),  # empty: the document's owner
    sa.Column("turn", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("consignment_id", Uuid, sa.ForeignKey("consignments.id"), nullable=False, index=True),
)

duties = sa.Table(
    "duties",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("delivery_id", Uuid, sa.ForeignKey("deliveries.id"), nullable=False, index=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("due_at", Instant, nullable=False),
    sa.Column("article", sa.Text, nullable=False),
    sa.Column("asked_by", Uuid),
    sa.Column("ended_at", Instant),
    sa.Column("outcome", sa.String(16)),
    sa.Column("overdue_at", Instant),
    words("kind", DutyKind),
    words("outcome", DutyOutcome),
)
_waits = sa.and_(duties.c.ended_at.is_(None), duties.c.overdue_at.is_(None))
sa.Index("ix_duties_waiting", duties.c.due_at, postgresql_where=_waits, sqlite_where=_waits)
_owed = duties.c.ended_at.is_(None)
sa.Index("ix_duties_owed", duties.c.delivery_id, duties.c.kind, postgresql_where=_owed, sqlite_where=_owed)
sa.Index("ix_duties_owed_kind", duties.c.kind, duties.c.due_at, postgresql_where=_owed, sqlite_where=_owed)

arrival_counters = sa.Table(
    "arrival_counters",
    metadata,
    sa.Column("agency_key", Code, sa.ForeignKey("agencies.code_key"), primary_key=True),
    sa.Column("year", sa.SmallInteger, primary_key=True, autoincrement=False),
    sa.Column("last", sa.Integer, nullable=False),
)

agency_groups = sa.Table(
    "agency_groups",
    metadata,
    sa.Column("code_key", Code, primary_key=True),
    sa.Column("code", Code, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("of", Code, nullable=False, server_default=""),
    sa.Column("changed_at", Instant, nullable=False),
    words("kind", GroupKind),
)

agency_group_members = sa.Table(
    "agency_group_members",
    metadata,
    sa.Column("group_key", Code, sa.ForeignKey("agency_groups.code_key"), primary_key=True),
    sa.Column("member_key", Code, sa.ForeignKey("agencies.code_key"), primary_key=True),
)

signature_policies = sa.Table(
    "signature_policies",
    metadata,
    sa.Column("number", Serial, primary_key=True, autoincrement=True),
    sa.Column("code_key", Code, sa.ForeignKey("agencies.code_key"), nullable=False),
    sa.Column("document_type", sa.String(100), nullable=False),
    sa.Column("demand", sa.String(24), nullable=False),
    sa.Column("level", sa.String(8), nullable=False),
    sa.Column("until", sa.Date),
    sa.Column("set_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),  # another took its place, or it was taken back
    words("demand", Demand),
    words("level", Level),
)
_stands = signature_policies.c.ended_at.is_(None)
sa.Index(
    "uq_signature_policies_standing",
    signature_policies.c.code_key,
    signature_policies.c.document_type,
    signature_policies.c.demand,
    unique=True,
    postgresql_where=_stands,
    sqlite_where=_stands,
)
sa.Index("ix_signature_policies_agency", signature_policies.c.code_key, signature_policies.c.set_at)

subscribers = sa.Table(
    "subscribers",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("agency_key", Code, sa.ForeignKey("agencies.code_key"), index=True),  # empty: the hub's administrators
    sa.Column("kind", sa.String(8), nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("added_at", Instant, nullable=False),
    sa.Column("ended_at", Instant),
    words("kind", CarrierKind),
)

notices = sa.Table(
    "notices",
    metadata,
    sa.Column("id", Uuid, primary_key=True),
    sa.Column("subscriber_id", Uuid, sa.ForeignKey("subscribers.id"), nullable=False),
    sa.Column("made_at", Instant, nullable=False),
    sa.Column("content", Json, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_attempt_at", Instant),
    sa.Column("sent_at", Instant),
    sa.Column("given_up_at", Instant),
    sa.Column("last_error", sa.Text, nullable=False, server_default=""),
)
sa.Index("ix_notices_subscriber", notices.c.subscriber_id, notices.c.made_at)
_unsent = notices.c.next_attempt_at.isnot(None)
sa.Index("ix_notices_unsent", notices.c.next_attempt_at, postgresql_where=_unsent, sqlite_where=_unsent)

radar_marks = sa.Table(
    "radar_marks",
    metadata,
    sa.Column("item", Uuid, primary_key=True),  # a delivery, or a held consignment
    sa.Column("cause", sa.String(24), primary_key=True),
    sa.Column("first_seen_at", Instant, nullable=False),
    sa.Column("seen_at", Instant, nullable=False, index=True),
    sa.Column("noticed_at", Instant),
)
