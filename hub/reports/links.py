"""The addresses of a report and of the lists behind its percentages, as the API reads them.

Owns: the names of the parameters, shares whose two sides lead to exactly the documents counted.
Never: reads a request (hub/web/api/report_parameters.py does, and a test reads every link back).
Source: issue "Paper-free percentages that can be audited" point 4; Decision 28/2018/QĐ-TTg Art. 14(3).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import lru_cache
from urllib.parse import urlencode

from hub.domain.periods import Period
from hub.domain.scopes import Scope, ScopeKind
from hub.reports.drill_down import Side
from hub.reports.figures import Asked, Figure
from hub.reports.made import Share
from hub.reports.protocol import ReportAsked

ROOT = "/api/v1/reports"


def parameters(asked: Asked) -> dict[str, str]:
    """The parameters that ask the same question again."""
    scope = asked.scope
    found = {"scope": scope.kind.value}
    if scope.agency_key:
        found["agency"] = scope.agency_key
    if scope.level:
        found["level"] = str(scope.level)
    found["period"] = asked.period.written
    if asked.known_on is not None:
        found["known_on"] = asked.known_on.isoformat()
    if asked.document_type:
        found["type"] = asked.document_type
    return found


def share(wanted: ReportAsked, figure: Figure, asked: Asked | None = None) -> Share:
    """The figure as a share with its two lists; `asked` when it is of a part of what the report is about."""
    narrowed = asked or wanted.asked
    one = figure.indicator.indicator_id
    above, below = _documents(wanted, one, narrowed)
    return Share(figure.numerator.total, figure.denominator.total, above, below)


def of_agency(asked: Asked, key: str) -> Asked:
    """The same of one agency alone."""
    return replace(asked, scope=Scope(ScopeKind.UNIT, key))


def of_family(asked: Asked, key: str) -> Asked:
    """The same of one agency with all below it."""
    return replace(asked, scope=Scope(ScopeKind.BELOW, key))


def of_period(asked: Asked, period: Period) -> Asked:
    """The same of other days."""
    return replace(asked, period=period)


def of_type(asked: Asked, document_type: str) -> Asked:
    """The same of one type of document."""
    return replace(asked, document_type=document_type)


def _documents(wanted: ReportAsked, indicator_id: str, asked: Asked) -> tuple[str, str]:
    """Both lists as known on the report's day: the link of a printed report still leads to what was counted then."""
    query = _query(asked, wanted.known_on)
    path = f"{wanted.base_link}{ROOT}/paper-free/{indicator_id}/documents"
    return (f"{path}?side={Side.NUMERATOR.value}&{query}", f"{path}?side={Side.DENOMINATOR.value}&{query}")


@lru_cache(maxsize=1024)  # the cells of one line ask the same
def _query(asked: Asked, known_on: date) -> str:
    return urlencode(parameters(replace(asked, known_on=known_on)))
