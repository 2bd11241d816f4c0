"""The radar's questions: how much does not move, page by page, for all or for one agency; who called when.

Owns: counts and pages over the branches of hub/store/stuck.py, certificates that end, the duties of a recipient.
Never: tells anybody.
Source: field notes §"What none of them has" 9; Decision 28/2018/QĐ-TTg Art. 9(2).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.agencies import AgencyStatus
from hub.domain.causes import FOR_THE_HUB, FOR_THE_SENDER, EndingCertificate, Place, StuckCause
from hub.domain.deliveries import DeliveryState
from hub.domain.duties import DutyKind
from hub.store.engine import Transaction
from hub.store.life_tables import documents, duties
from hub.store.stuck import stuck
from hub.store.tables import Code, Instant, Uuid, agencies, agency_certificates, consignments, deliveries


@dataclass(frozen=True, slots=True)
class Limits:
    """The moments before which waiting is too long, and how many refusals are too many.

    `tried_before`: for the hub itself; `taken_before`: for an inbox; `called_before`: for an agency's system;
    `today`: when the Vietnamese day began.
    """

    now: datetime
    tried_before: datetime
    taken_before: datetime
    called_before: datetime
    today: datetime
    refusals: int


@dataclass(frozen=True, slots=True)
class Owed:
    """One open duty of a recipient, with what names the document; `asked_by` is the consignment that asks a change."""

    delivery_id: str
    consignment_id: str
    document_id: str
    notation: str
    sender_key: str
    kind: DutyKind
    opened_at: datetime
    due_at: datetime
    article: str
    asked_by: str | None


def seen(transaction: Transaction, code_key: str, at: datetime) -> None:
    """The agency's system called; the last time only moves forward, the first one stays."""
    transaction.execute(_SEEN, {"key": code_key, "at": at})


def counts(connection: Connection, limits: Limits, *, agency_key: str | None = None) -> dict[StuckCause, int]:
    """How many rows each cause has; `agency_key`: of what it sent or must act on."""
    statement = _counts(connection.dialect.name, of_agency=agency_key is not None)
    rows = connection.execute(statement, _asked(limits) | {"agency": agency_key})
    return {StuckCause(row.cause): row.many for row in rows}


def page(
    connection: Connection, limits: Limits, *, agency_key: str | None = None, after: Place | None = None, limit: int
) -> Sequence[Any]:
    """The rows after a place, most urgent first, then the longest waiting: item, cause, consignment_id, delivery_id,
    recipient_key, since, due_at, article, attempts, reason, sender_key, document_id, notation, urgency, must_act.
    """
    statement = _page(connection.dialect.name, of_agency=agency_key is not None, after=after is not None)
    asked = _asked(limits) | {"agency": agency_key, "most": limit}
    if after is not None:
        asked |= {"after_urgency": after.urgency, "after_since": after.since, "after_item": after.item}
    return connection.execute(statement, asked).all()


def findings_of(connection: Connection, consignment_ids: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """Consignment id → what the checks found, as kept."""
    rows = connection.execute(_FINDINGS, {"ids": sorted(consignment_ids)})
    return {row.id: row.findings for row in rows}


def certificates(
    connection: Connection, *, before: datetime, now: datetime, agency_key: str | None = None, limit: int
) -> list[EndingCertificate]:
    """Agencies whose last registered certificate ends before a moment or has ended, the soonest first."""
    statement = _CERTIFICATES
    if agency_key is not None:
        statement = statement.where(agencies.c.code_key == agency_key)
    rows = connection.execute(statement.limit(limit), {"before": before})
    return [
        EndingCertificate(row.code_key, row.name, row.subject, row.not_after, ended=row.not_after <= now)
        for row in rows
    ]


def duties_of(connection: Connection, recipient_key: str, *, limit: int) -> list[Owed]:
    """The open duties of a recipient, the earliest deadline first."""
    rows = connection.execute(_DUTIES_OF, {"recipient": recipient_key, "most": limit})
    return [Owed(**(dict(row._mapping) | {"kind": DutyKind(row.kind)})) for row in rows]


def _asked(limits: Limits) -> dict[str, Any]:
    return {name: getattr(limits, name) for name in Limits.__slots__}


def _must_act(found: sa.Subquery) -> sa.ColumnElement[str]:
    return sa.case(
        (found.c.cause.in_(sorted(FOR_THE_HUB)), sa.literal("", Code)),
        (found.c.cause.in_(sorted(FOR_THE_SENDER)), consignments.c.sender_key),
        else_=found.c.recipient_key,
    )


def _of_agency(found: sa.Subquery) -> sa.ColumnElement[bool]:
    asked = sa.bindparam("agency", type_=Code)
    return sa.or_(consignments.c.sender_key == asked, _must_act(found) == asked)


@cache
def _counts(dialect: str, *, of_agency: bool) -> sa.Select[Any]:
    found = stuck(dialect)
    statement = sa.select(found.c.cause, sa.func.count().label("many")).group_by(found.c.cause)
    if not of_agency:
        return statement
    return statement.join(consignments, consignments.c.id == found.c.consignment_id).where(_of_agency(found))


@cache
def _page(dialect: str, *, of_agency: bool, after: bool) -> sa.Select[Any]:
    found = stuck(dialect)
    urgency = sa.func.coalesce(documents.c.urgency, consignments.c.header["urgency"].as_integer(), 0)
    statement = (
        sa.select(
            found,
            consignments.c.sender_key,
            consignments.c.document_id,
            consignments.c.notation,
            urgency.label("urgency"),
            _must_act(found).label("must_act"),
        )
        .join(consignments, consignments.c.id == found.c.consignment_id)
        .outerjoin(documents, documents.c.id == consignments.c.document_ref)
        .order_by(urgency.desc(), found.c.since, found.c.item)
        .limit(sa.bindparam("most", type_=sa.Integer))
    )
    if of_agency:
        statement = statement.where(_of_agency(found))
    return statement.where(_comes_after(found, urgency)) if after else statement


def _comes_after(found: sa.Subquery, urgency: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    since, item = sa.bindparam("after_since", type_=Instant), sa.bindparam("after_item", type_=Uuid)
    same = urgency == sa.bindparam("after_urgency", type_=sa.Integer)
    later = sa.or_(found.c.since > since, sa.and_(found.c.since == since, found.c.item > item))
    return sa.or_(urgency < sa.bindparam("after_urgency", type_=sa.Integer), sa.and_(same, later))


_SEEN = (
    sa.update(agencies)
    .where(
        agencies.c.code_key == sa.bindparam("key"),
        sa.func.coalesce(agencies.c.last_seen_at < sa.bindparam("at", type_=Instant), sa.true()),
    )
    .values(
        last_seen_at=sa.bindparam("at", type_=Instant),
        first_seen_at=sa.func.coalesce(agencies.c.first_seen_at, sa.bindparam("at", type_=Instant)),
    )
)
_FINDINGS = sa.select(consignments.c.id, consignments.c.findings).where(
    consignments.c.id.in_(sa.bindparam("ids", expanding=True))
)
_last_of_each = (
    sa.select(
        agency_certificates.c.code_key,
        agency_certificates.c.subject,
        agency_certificates.c.not_after,
        sa.func.row_number()
        .over(
            partition_by=agency_certificates.c.code_key,
            order_by=(agency_certificates.c.not_after.desc(), agency_certificates.c.sha256),
        )
        .label("number"),
    )
    .where(agency_certificates.c.withdrawn_at.is_(None))
    .subquery("last_of_each")
)
_CERTIFICATES = (
    sa.select(agencies.c.code_key, agencies.c.name, _last_of_each.c.subject, _last_of_each.c.not_after)
    .join(_last_of_each, _last_of_each.c.code_key == agencies.c.code_key)
    .where(
        agencies.c.status != AgencyStatus.CLOSED.value,
        _last_of_each.c.number == 1,
        _last_of_each.c.not_after <= sa.bindparam("before", type_=Instant),
    )
    .order_by(_last_of_each.c.not_after, agencies.c.code_key)
)
_DUTIES_OF = (
    sa.select(
        deliveries.c.id.label("delivery_id"),
        deliveries.c.consignment_id,
        consignments.c.document_id,
        consignments.c.notation,
        consignments.c.sender_key,
        duties.c.kind,
        duties.c.opened_at,
        duties.c.due_at,
        duties.c.article,
        duties.c.asked_by,
    )
    .join_from(duties, deliveries, deliveries.c.id == duties.c.delivery_id)
    .join(consignments, consignments.c.id == deliveries.c.consignment_id)
    .where(
        deliveries.c.recipient_key == sa.bindparam("recipient"),
        deliveries.c.state.in_([DeliveryState.IN_HAND.value, DeliveryState.HANDED_OVER.value]),
        duties.c.ended_at.is_(None),
    )
    .order_by(duties.c.due_at, duties.c.id)
    .limit(sa.bindparam("most", type_=sa.Integer))
)
