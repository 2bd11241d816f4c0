"""The branches of the radar: one SELECT per way of standing still, one main cause per row.

Owns: what is read of deliveries, duties and consignments under way; the main cause when there are several.
Never: reads rows that have ended, a consignment rejected today apart.
Source: field notes §"What none of them has" 9; Decision 28/2018/QĐ-TTg Art. 8(2), 9(2).
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from hub.domain.agencies import AgencyStatus
from hub.domain.causes import CERTIFICATE_CODES, StuckCause
from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import Cause, DeliveryState
from hub.domain.duties import CHANGES, DutyKind
from hub.domain.findings import Severity
from hub.store.life_tables import conversation_turns, duties
from hub.store.tables import Code, Instant, Uuid, agencies, consignments, deliveries

_NOW = sa.bindparam("now", type_=Instant)
_TAKEN_BEFORE = sa.bindparam("taken_before", type_=Instant)
_CHANGES = sorted(kind.value for kind in CHANGES)
_STATUS_DUTIES = [DutyKind.RECEIPT.value, DutyKind.AT_ONCE.value]
_NOTHING, _NO_WORDS = sa.cast(sa.null(), Uuid), sa.literal("", sa.Text)


def _word(word: StuckCause) -> sa.ColumnElement[str]:
    return sa.literal(word.value, sa.String)


def _is(column: sa.ColumnElement[str], word: StrEnum) -> sa.ColumnElement[bool]:
    """The word stands in the statement itself: SQLite knows only then that an index over such rows will do."""
    return column == sa.literal(word.value, literal_execute=True)


def _of_delivery(cause: sa.ColumnElement[str], since: sa.ColumnElement[Any], **known: Any) -> tuple[Any, ...]:
    """The columns of every branch about a delivery."""
    return (
        deliveries.c.id.label("item"),
        cause.label("cause"),
        deliveries.c.consignment_id.label("consignment_id"),
        deliveries.c.id.label("delivery_id"),
        deliveries.c.recipient_key.label("recipient_key"),
        since.label("since"),
        known.get("due_at", sa.cast(sa.null(), Instant)).label("due_at"),
        known.get("article", _NO_WORDS).label("article"),
        deliveries.c.attempts.label("attempts"),
        deliveries.c.reason.label("reason"),
    )


def _waiting() -> sa.Select[Any]:
    """Deliveries that the hub could not hand over."""
    mine, other, ahead = conversation_turns.alias("mine"), conversation_turns.alias("other"), deliveries.alias("ahead")
    tried_ahead = sa.select(ahead.c.id).where(  # one that nobody tried waits for the hub, as this one does
        mine.c.consignment_id == deliveries.c.consignment_id,
        other.c.document_ref == mine.c.document_ref,
        other.c.speaker_key == mine.c.speaker_key,
        other.c.turn < mine.c.turn,
        ahead.c.consignment_id == other.c.consignment_id,
        ahead.c.recipient_key == deliveries.c.recipient_key,
        _is(ahead.c.state, DeliveryState.DUE),
        ahead.c.attempts > 0,
    )
    first_ahead = tried_ahead.limit(1).correlate(deliveries).scalar_subquery()  # LIMIT: asked per row, never hashed
    behind = first_ahead.isnot(None)
    untried = sa.and_(deliveries.c.cause == Cause.NONE.value, deliveries.c.attempts == 0)
    cause = sa.case(
        (behind, _word(StuckCause.BEHIND)),
        (untried, _word(StuckCause.NOT_TRIED)),
        (deliveries.c.cause == Cause.NONE.value, _word(StuckCause.UNREACHABLE)),
        else_=deliveries.c.cause,
    )
    return sa.select(*_of_delivery(cause, deliveries.c.created_at)).where(
        _is(deliveries.c.state, DeliveryState.DUE),
        deliveries.c.next_attempt_at.isnot(None),  # the words of the index of rows under way
        sa.or_(
            deliveries.c.attempts >= sa.bindparam("refusals", type_=sa.Integer),
            deliveries.c.created_at <= sa.bindparam("tried_before", type_=Instant),
        ),
    )


def _in_hand() -> sa.Select[Any]:
    """Deliveries in an inbox; a change asked about one is the greater trouble."""
    since = sa.func.coalesce(deliveries.c.fetched_at, deliveries.c.placed_at, type_=Instant)
    silent = sa.func.coalesce(agencies.c.last_seen_at < sa.bindparam("called_before", type_=Instant), sa.true())
    cause = sa.case(
        (deliveries.c.fetched_at.isnot(None), _word(StuckCause.NOT_ACKNOWLEDGED)),
        (agencies.c.status == AgencyStatus.SUSPENDED.value, _word(StuckCause.RECIPIENT_SUSPENDED)),
        (silent, _word(StuckCause.RECIPIENT_OFFLINE)),
        else_=_word(StuckCause.NEVER_FETCHED),
    )
    change_asked = sa.exists().where(
        duties.c.delivery_id == deliveries.c.id, duties.c.ended_at.is_(None), duties.c.kind.in_(_CHANGES)
    )
    return (
        sa.select(*_of_delivery(cause, since))
        .join(agencies, agencies.c.code_key == deliveries.c.recipient_key)
        .where(_is(deliveries.c.state, DeliveryState.IN_HAND), ~change_asked)
    )


def _in_hand_long() -> sa.Select[Any]:
    since = sa.func.coalesce(deliveries.c.fetched_at, deliveries.c.placed_at, type_=Instant)
    return _in_hand().where(deliveries.c.placed_at <= _TAKEN_BEFORE, since <= _TAKEN_BEFORE)


def _in_hand_urgent() -> sa.Select[Any]:
    """What must be dealt with at once, and was not, before it has waited as long as others may."""
    since = sa.func.coalesce(deliveries.c.fetched_at, deliveries.c.placed_at, type_=Instant)
    late = sa.select(duties.c.delivery_id).where(
        duties.c.kind == DutyKind.AT_ONCE.value, duties.c.ended_at.is_(None), duties.c.due_at <= _NOW
    )
    return _in_hand().where(deliveries.c.id.in_(late), since > _TAKEN_BEFORE)


def _owed() -> sa.Select[Any]:
    """Copies about which something is owed: a change first, then the document's own deadline, then a word at all."""
    rank = sa.case((duties.c.kind.in_(_CHANGES), 1), (duties.c.kind == DutyKind.PROCESSING.value, 2), else_=3)
    open_ones = [duties.c.ended_at.is_(None), deliveries.c.id == duties.c.delivery_id]
    columns = (duties.c.id, duties.c.delivery_id, duties.c.opened_at, duties.c.due_at, duties.c.article)
    asked = sa.select(*columns, rank.label("rank")).where(
        *open_ones,
        duties.c.kind.in_(_CHANGES),
        deliveries.c.state.in_([DeliveryState.IN_HAND.value, DeliveryState.HANDED_OVER.value]),
    )
    overdue = sa.select(*columns, rank.label("rank")).where(
        *open_ones,
        duties.c.kind.in_([DutyKind.PROCESSING.value, *_STATUS_DUTIES]),
        duties.c.due_at <= _NOW,
        deliveries.c.state == DeliveryState.HANDED_OVER.value,
    )
    both = sa.union_all(asked, overdue).subquery("both")
    first = sa.func.row_number().over(partition_by=both.c.delivery_id, order_by=(both.c.rank, both.c.due_at, both.c.id))
    main = sa.select(both, first.label("number")).subquery("main")
    cause = sa.case(
        (main.c.rank == 1, _word(StuckCause.RECALL_PENDING)),
        (main.c.rank == 2, _word(StuckCause.OVERDUE)),
        else_=_word(StuckCause.STATUS_MISSING),
    )
    since = sa.case((main.c.rank == 1, main.c.opened_at), else_=main.c.due_at)
    chosen = _of_delivery(cause, since, due_at=main.c.due_at, article=main.c.article)
    return (
        sa.select(*chosen).join_from(main, deliveries, deliveries.c.id == main.c.delivery_id).where(main.c.number == 1)
    )


def _of_consignment(cause: sa.ColumnElement[str], since: sa.ColumnElement[Any]) -> sa.Select[Any]:
    return sa.select(
        consignments.c.id.label("item"),
        cause.label("cause"),
        consignments.c.id.label("consignment_id"),
        _NOTHING.label("delivery_id"),
        sa.cast(sa.null(), Code).label("recipient_key"),
        since.label("since"),
        sa.cast(sa.null(), Instant).label("due_at"),
        _NO_WORDS.label("article"),
        sa.literal(0, sa.Integer).label("attempts"),
        _NO_WORDS.label("reason"),
    )


def _not_routed(by_certificate: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Consignments that are held, or accepted and not routed."""
    held = consignments.c.state == ConsignmentState.HELD.value
    late = sa.and_(
        consignments.c.state == ConsignmentState.ACCEPTED.value,
        consignments.c.judged_at <= sa.bindparam("tried_before", type_=Instant),
    )
    cause = sa.case(
        (~held, _word(StuckCause.NOT_TRIED)),
        (by_certificate, _word(StuckCause.CERTIFICATE)),
        else_=_word(StuckCause.HELD_EVIDENCE),
    )
    statement = _of_consignment(cause, consignments.c.received_at)
    return statement.where(consignments.c.next_attempt_at.isnot(None), sa.or_(held, late))


def _refused_today(by_certificate: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """Documents rejected today for their certificate and not sent again since."""
    again = consignments.alias("again")
    sent_again = sa.exists().where(
        consignments.c.document_id != "",
        again.c.sender_key == consignments.c.sender_key,
        again.c.document_id == consignments.c.document_id,
        again.c.received_at > consignments.c.received_at,
    )
    return _of_consignment(_word(StuckCause.CERTIFICATE), consignments.c.judged_at).where(
        _is(consignments.c.state, ConsignmentState.REJECTED),
        consignments.c.judged_at >= sa.bindparam("today", type_=Instant),
        by_certificate,
        ~sent_again,
    )


def _decided_by_certificate(dialect: str) -> sa.ColumnElement[bool]:
    """True when a finding that held or rejected the consignment says that a certificate has ended."""
    weights = [Severity.ERROR.value, Severity.TRY_LATER.value]
    if dialect == "postgresql":
        kept = sa.type_coerce(consignments.c.findings, postgresql.JSONB)
        wanted = [[{"code": code, "severity": weight}] for code in CERTIFICATE_CODES for weight in weights]
        return sa.or_(*(kept.contains(one) for one in wanted))
    each = sa.func.json_each(consignments.c.findings).table_valued("value", name="each")
    code, severity = (sa.func.json_extract(each.c.value, f"$.{name}") for name in ("code", "severity"))
    return sa.exists(sa.select(1).select_from(each).where(code.in_(CERTIFICATE_CODES), severity.in_(weights)))


@cache  # SQLAlchemy keeps with a statement what it derived from it
def stuck(dialect: str) -> sa.Subquery:
    """Every row that does not move, each with its one cause; the parameters are those of hub.store.radar.Limits."""
    ended = _decided_by_certificate(dialect)
    branches = (_waiting(), _in_hand_long(), _in_hand_urgent(), _owed(), _not_routed(ended), _refused_today(ended))
    return sa.union_all(*branches).subquery("stuck")
