"""The rollout plan, and how agencies stand on a day: connected, planned, with a certificate, with a legacy profile.

Owns: the plan rows (each change is a new one), the states of the agencies of a scope.
Never: changes a plan row.
Source: Decision 28/2018/QĐ-TTg Art. 11, 12, 18, 21; domain notes §5.1 (units connected, planned by a day).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain import rules
from hub.domain.agencies import AgencyStatus
from hub.domain.periods import VIETNAM
from hub.domain.scopes import Scope
from hub.domain.selections import AgencyState
from hub.domain.signature_policy import Demand, Level, PolicyRow, level_of
from hub.store import scopes
from hub.store.engine import Transaction, asked_once
from hub.store.life_tables import signature_policies
from hub.store.report_tables import connection_plans
from hub.store.tables import agencies, agency_certificates

_STRICTNESS = (Level.IGNORE, Level.WARN, Level.REQUIRE)


@dataclass(frozen=True, slots=True)
class Plan:
    """One agency in the rollout: planned for a day (None: in no plan), first seen when its system first called."""

    agency_key: str
    name: str
    planned_on: date | None
    first_seen_at: datetime | None


def plan(transaction: Transaction, agency_key: str, planned_on: date | None, *, at: datetime, by: str) -> bool:
    """The agency is to be connected by a day, or is in no plan; False when that is the plan already."""
    rows = transaction.execute(_LAST_PLAN, {"key": agency_key}).all()
    if (rows[0].planned_on if rows else None) == planned_on:
        return False
    row = {"agency_key": agency_key, "planned_on": planned_on, "set_at": at, "set_by": by}
    transaction.execute(sa.insert(connection_plans), row)
    return True


def plans(connection: Connection, *, scope: Scope, known_on: date | None = None) -> list[Plan]:
    """Every agency of the scope that is in the plan or was seen, as known at the end of a day; the earliest first."""
    latest = _latest_plans(connection, scope, known_on).subquery("latest")
    seen = agencies.c.first_seen_at.isnot(None)
    if known_on is not None:
        seen = sa.and_(seen, agencies.c.first_seen_at < _end(known_on))
    first_seen_at = sa.case((seen, agencies.c.first_seen_at)).label("first_seen_at")
    statement = (
        sa.select(agencies.c.code_key, agencies.c.name, latest.c.planned_on, first_seen_at)
        .outerjoin(latest, latest.c.agency_key == agencies.c.code_key)
        .where(scopes.within(connection, agencies.c.code_key, scope), sa.or_(latest.c.planned_on.isnot(None), seen))
    )
    found = [Plan(*row) for row in connection.execute(statement)]
    return sorted(found, key=lambda one: (one.planned_on or date.max, one.agency_key))


def states(
    connection: Connection, *, scope: Scope, on: date, known_on: date | None = None
) -> dict[str, frozenset[AgencyState]]:
    """Code key → how the agency stands at the end of the day `on`, as it was known at the end of `known_on`.

    Only agencies that exist on that day, as the directory says now.
    """
    asked = ("states", scope, on, known_on)
    return asked_once(connection, asked, lambda: _states(connection, scope=scope, on=on, known_on=known_on))


def _states(
    connection: Connection, *, scope: Scope, on: date, known_on: date | None
) -> dict[str, frozenset[AgencyState]]:
    end = _end(min(on, known_on) if known_on is not None else on)
    silent, seen = frozenset({AgencyState.ALL}), frozenset({AgencyState.ALL, AgencyState.CONNECTED})
    found = {
        key: seen if is_seen else silent for key, is_seen in connection.execute(_existing(connection, scope, on, end))
    }
    for state, keys in _also(connection, scope=scope, on=on, known_on=known_on, end=end):
        for key in keys:
            if key in found:
                found[key] |= {state}
    return found


def _also(
    connection: Connection, *, scope: Scope, on: date, known_on: date | None, end: datetime
) -> Iterator[tuple[AgencyState, Iterable[str]]]:
    planned = {
        row.agency_key: row.planned_on
        for row in connection.execute(_latest_plans(connection, scope, known_on))
        if row.planned_on is not None
    }
    yield AgencyState.PLANNED, planned
    yield AgencyState.DUE, [key for key, day in planned.items() if day <= on]
    yield AgencyState.CERTIFIED, connection.execute(_certified(connection, scope, end)).scalars()
    yield AgencyState.LEGACY, _legacy(connection, scope, on, end)


def _existing(connection: Connection, scope: Scope, on: date, end: datetime) -> sa.Select[Any]:
    """A closed agency existed up to the day that it was valid until; without one it is not known until when."""
    return sa.select(agencies.c.code_key, agencies.c.first_seen_at < end).where(
        scopes.within(connection, agencies.c.code_key, scope),
        sa.or_(agencies.c.status != AgencyStatus.CLOSED.value, agencies.c.valid_until.isnot(None)),
        sa.or_(agencies.c.valid_from.is_(None), agencies.c.valid_from <= on),
        sa.or_(agencies.c.valid_until.is_(None), agencies.c.valid_until >= on),
    )


def _latest_plans(connection: Connection, scope: Scope, known_on: date | None) -> sa.Select[Any]:
    """The last row of each agency, as known at the end of a day (None: now)."""
    last = sa.select(sa.func.max(connection_plans.c.number)).where(
        scopes.within(connection, connection_plans.c.agency_key, scope)
    )
    if known_on is not None:
        last = last.where(connection_plans.c.set_at < _end(known_on))
    return sa.select(connection_plans.c.agency_key, connection_plans.c.planned_on).where(
        connection_plans.c.number.in_(last.group_by(connection_plans.c.agency_key))
    )


def _certified(connection: Connection, scope: Scope, end: datetime) -> sa.Select[Any]:
    return sa.select(agency_certificates.c.code_key).where(
        scopes.within(connection, agency_certificates.c.code_key, scope),
        agency_certificates.c.added_at < end,
        agency_certificates.c.not_after >= end,
        sa.or_(agency_certificates.c.withdrawn_at.is_(None), agency_certificates.c.withdrawn_at >= end),
    )


def _legacy(connection: Connection, scope: Scope, on: date, end: datetime) -> set[str]:
    """Agencies with a row of their own that ends and asks less than the rule pack does [confirm]."""
    own: Mapping[str, list[PolicyRow]] = defaultdict(list)
    statement = sa.select(signature_policies).where(
        scopes.within(connection, signature_policies.c.code_key, scope),
        signature_policies.c.until >= on,
        signature_policies.c.set_at < end,
        sa.or_(signature_policies.c.ended_at.is_(None), signature_policies.c.ended_at >= end),
    )
    for row in connection.execute(statement):
        own[row.code_key].append(PolicyRow(Demand(row.demand), Level(row.level), row.document_type, row.until))
    pack = rules.pack_on(on).signature_policy if own else ()
    return {key for key, rows in own.items() if any(_is_weaker(row, pack, on) for row in rows)}


def _is_weaker(row: PolicyRow, pack: tuple[PolicyRow, ...], on: date) -> bool:
    asked = level_of(row.demand, document_type=row.document_type, on=on, agency=(), pack=pack)
    return _STRICTNESS.index(row.level) < _STRICTNESS.index(asked)


def _end(day: date) -> datetime:
    """When a Vietnamese day is over."""
    return datetime.combine(day + timedelta(days=1), time(), VIETNAM)


_LAST_PLAN = (
    sa.select(connection_plans.c.planned_on)
    .where(connection_plans.c.agency_key == sa.bindparam("key"))
    .order_by(connection_plans.c.number.desc())
    .limit(1)
)
