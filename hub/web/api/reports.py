"""GET of the paper-free report as JSON.

Owns: the parameters of the report and its form on the wire; who may read whose figures.
Never: counts (hub/reports/paper_free.py does).
Source: hub-api.v1.yaml; Decision 28/2018/QĐ-TTg Art. 11, 14(3).
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

from flask import Blueprint, Response

from hub.domain import rules
from hub.domain.agencies import Agency, code_key
from hub.domain.periods import vietnam_day
from hub.domain.ratios import percent_vi
from hub.errors import BadRequest, NoSuchThing
from hub.reports import paper_free
from hub.reports.paper_free import Figures, Query, Report
from hub.store import agencies, directory
from hub.web import identity
from hub.web.api import bodies, parameters, shown

LONGEST_DAYS = 366
DECIMALS = Decimal("0.000001")


def routes() -> Blueprint:
    """The paths under /api/v1/reports."""
    made = Blueprint("reports", __name__, url_prefix=f"{shown.ROOT}/reports")
    made.before_request(identity.authenticate)
    made.add_url_rule("/paper-free", view_func=get_paper_free, methods=["GET"])
    return made


def get_paper_free() -> Response:
    """The paper-free ratio of the caller, or of an agency below it, over some days."""
    hub = identity.the_hub()
    first, last = _period(vietnam_day(hub.now()))
    written, below = parameters.words("agency", longest=200), parameters.flag("below")
    with hub.database.reading() as connection:
        agency = _readable(connection, written)
        query = Query(code_key(agency.code), first_day=first, last_day=last, with_all_below=below)
        report = paper_free.run(connection, query)
    return bodies.json(_shown(report))


def _period(today: date) -> tuple[date, date]:
    last = parameters.day("to") or today
    if last < rules.first_day():
        raise BadRequest(f"to={last}", field="to", expected=f"≥ {rules.first_day()}")
    first = parameters.day("from") or last.replace(day=1)
    if not timedelta() <= last - first < timedelta(days=LONGEST_DAYS):
        raise BadRequest(f"{first}..{last}", field="from", expected=f"from ≤ to, ≤ {LONGEST_DAYS} days")
    return first, last


def _readable(connection: Any, written: str) -> Agency:
    """The caller's own figures and those of all below it. Raises NoSuchThing for every other agency."""
    if not written:
        return identity.caller()
    named = agencies.find(connection, code_key(written)) if code_key(written) else None
    if named is not None and identity.speaks_for(connection, code_key(named.code)):
        return named
    if named is None or code_key(named.code) not in directory.family(connection, code_key(identity.caller().code)):
        raise NoSuchThing(f"no figures of {written!r} for {identity.caller().code}")
    return named


def _shown(report: Report) -> dict[str, Any]:
    return {
        "from": report.query.first_day.isoformat(),
        "to": report.query.last_day.isoformat(),
        "agency": report.query.agency_key,
        "below": report.query.with_all_below,
        "rule_pack": {"id": report.rules.pack_id, "title": report.rules.title},
        "formula": {"vi": report.formula.vi, "en": report.formula.en},
        "legal_basis": {"vi": report.legal_basis.vi, "en": report.legal_basis.en},
        "total": _figures(report.total),
        "rows": [
            {
                "agency": row.agency_key,
                "name": row.name,
                **_figures(row.figures),
                "days": [{"day": day.isoformat(), **_figures(figures)} for day, figures in row.days],
            }
            for row in report.rows
        ],
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "sent": figures.sent,
        "received": figures.received,
        "paper_free": figures.paper_free,
        "with_paper": figures.with_paper,
        "not_replacing": figures.not_replacing,
        "not_said": figures.not_said,
        "ratio": {
            "numerator": figures.paper_free,
            "denominator": figures.sent,
            "value": _decimal(figures.ratio),
            "percent_vi": percent_vi(figures.ratio),
        },
    }


def _decimal(ratio: Fraction | None) -> str | None:
    """Six decimals, rounded half up; numerator and denominator beside it are exact."""
    if ratio is None:
        return None
    return str((Decimal(ratio.numerator) / Decimal(ratio.denominator)).quantize(DECIMALS, ROUND_HALF_UP))
