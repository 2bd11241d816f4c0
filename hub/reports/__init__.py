"""The reports: one file for each, listed here; page, API, command line and every form come by themselves.

Owns: REPORTS, making one by its id.
Never: knows what any of them counts.
Source: design §11 recipe (b).
"""

from __future__ import annotations

from typing import Any

from hub.errors import NoSuchThing
from hub.reports import (
    connections,
    failures,
    paper_free,
    quarterly,
    savings,
    signatures,
    timeliness,
    volumes,
)
from hub.reports.made import Made
from hub.reports.protocol import Report, ReportAsked

REPORTS: tuple[Report, ...] = (
    paper_free.REPORT,
    volumes.REPORT,
    timeliness.REPORT,
    signatures.REPORT,
    failures.REPORT,
    connections.REPORT,
    quarterly.REPORT,
    savings.REPORT,
)


def report(report_id: str) -> Report:
    """The report with this id. Raises NoSuchThing."""
    found = next((one for one in REPORTS if one.report_id == report_id), None)
    if found is None:
        raise NoSuchThing(f"no report {report_id[:40]!r}")
    return found


def make(connection: Any, report_id: str, report_asked: ReportAsked) -> Made:
    """Make one report in the caller's read transaction. Raises NoSuchThing."""
    return report(report_id).run(connection, report_asked)
