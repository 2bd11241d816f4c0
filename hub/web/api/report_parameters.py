"""What callers ask of a report: whose figures, of which days, as known when; and whose figures they may read.

Owns: the reading of these parameters, for every report and every list behind a percentage.
Never: counts; tells a unit that the caller may not read from one that does not exist.
Source: hub-api.v1.yaml; Decision 28/2018/QĐ-TTg Art. 11, 14(3); threats T3, T4.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import request

from hub.domain import rules
from hub.domain.agencies import code_key
from hub.domain.periods import Period, PeriodKind, period, period_holding, vietnam_day
from hub.domain.scopes import Scope, ScopeKind
from hub.errors import BadRequest, NoSuchThing
from hub.reports.figures import Asked
from hub.stations import Hub
from hub.store import agencies, directory
from hub.web import identity
from hub.web.api import parameters

LEVELS = 9  # bound: no directory is deeper
LONGEST = 64
OF_AGENCY = (ScopeKind.UNIT, ScopeKind.BELOW)


def asked(connection: Any, hub: Hub) -> Asked:
    """The question in the query. Raises BadRequest naming the parameter; NoSuchThing for what may not be read."""
    today = vietnam_day(hub.now())
    days = _period(today)
    return Asked(_scope(connection), days, _known_on(today), _document_type(days))


def one_of(name: str, allowed: list[str], *, default: str = "") -> str:
    """One of some words; nothing is one of them only where nothing is the default. Raises BadRequest."""
    text = request.args.get(name, default)
    if text != default and text not in allowed:
        raise BadRequest(f"{name}={text[:40]!r}", field=name, expected=" | ".join(allowed))
    return text


def family(connection: Any) -> set[str]:
    """The caller and all agencies below it: whose documents it may see in a list."""
    return directory.family(connection, code_key(identity.caller().code))


def _scope(connection: Any) -> Scope:
    """Whose figures: any agency may read those of a level and of the whole hub, one's own family those of a unit.

    Decision 28/2018 Art. 14(3): the statistics are shared and made public in the systems. That this means the sums
    of all agencies with their league table, and not the lists of their documents, is our reading [confirm].
    """
    kind = ScopeKind(one_of("scope", [one.value for one in ScopeKind], default=ScopeKind.UNIT.value))
    level, written = (
        parameters.number("level", default=0, least=1, most=LEVELS),
        parameters.words("agency", longest=200),
    )
    if written and kind not in OF_AGENCY:
        raise BadRequest(f"agency with scope={kind}", field="agency", expected="scope=unit | below")
    if bool(level) is not (kind is ScopeKind.LEVEL):
        raise BadRequest(f"level={level} with scope={kind}", field="level", expected=f"scope=level: 1..{LEVELS}")
    if kind not in OF_AGENCY:
        return Scope(kind, level=level)
    return Scope(kind, agency_key=_readable(connection, written))


def _readable(connection: Any, written: str) -> str:
    """The caller, or an agency below it or for which it speaks. Raises NoSuchThing for every other."""
    if not written:
        return code_key(identity.caller().code)
    named = agencies.find(connection, code_key(written)) if code_key(written) else None
    key = code_key(named.code) if named else ""
    if not key or not (identity.speaks_for(connection, key) or key in family(connection)):
        raise NoSuchThing(f"no figures of {written!r} for {identity.caller().code}")
    return key


def _period(today: date) -> Period:
    """`period`, or `from` and `to`; this month when nothing is said."""
    written, last, first = parameters.words("period", longest=LONGEST), parameters.day("to"), parameters.day("from")
    if written and (first or last):
        raise BadRequest("period with from or to", field="period", expected="period | from, to")
    if first or last:
        last = last or today
        found = _read(f"{first or last.replace(day=1)}..{last}", "from")
    else:
        found = _read(written, "period") if written else period_holding(PeriodKind.MONTH, today)
    if found.last_day < rules.first_day():
        field = "to" if last else "period"
        raise BadRequest(f"ends {found.last_day}", field=field, expected=f"≥ {rules.first_day()}")
    return found


def _read(written: str, field: str) -> Period:
    try:
        return period(written)
    except ValueError as wrong:
        raise BadRequest(str(wrong), field=field, expected=str(wrong)) from wrong


def _known_on(today: date) -> date | None:
    known_on = parameters.day("known_on")
    if known_on is not None and known_on > today:
        raise BadRequest(f"known_on={known_on}", field="known_on", expected=f"≤ {today}")
    return known_on


def _document_type(days: Period) -> str:
    known = [one.type_id for one in rules.pack_on(days.last_day).document_types]
    return one_of("type", known)
