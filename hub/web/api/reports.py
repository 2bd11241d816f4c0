"""GET of the reports: the list, and each report as JSON, CSV, XLSX, PDF or one of its charts as SVG.

Owns: the forms of the answer, its ETag (the hash of the data), the names of the files.
Never: counts (hub/reports does).
Source: hub-api.v1.yaml; Decision 28/2018/QĐ-TTg Art. 11, 14(3), 15; RFC 9110 §8.8.3 (weak entity tags).
"""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, request

from hub import reports
from hub.domain.periods import vietnam_day
from hub.errors import BadRequest, NoSuchThing
from hub.reports import as_csv, as_json, as_pdf, as_xlsx, charts, links
from hub.reports.made import Chart, Made
from hub.reports.protocol import report_asked
from hub.stations import Hub
from hub.web import headers, identity
from hub.web.api import bodies, parameters, report_documents, report_files, report_parameters, shown
from hub.web.api.report_files import FORMATS

PARAMETERS = ("scope", "agency", "level", "period", "from", "to", "known_on", "type", "compare", "chart")


def routes() -> Blueprint:
    """The paths under /api/v1/reports."""
    made = Blueprint("reports", __name__, url_prefix=f"{shown.ROOT}/reports")
    made.before_request(identity.authenticate)
    made.add_url_rule("", view_func=list_reports, methods=["GET"])
    made.add_url_rule("/<report>", view_func=get_report, methods=["GET"])
    report_documents.add_to(made)
    return made


def list_reports() -> Response:
    """Every report with its title, every indicator with its formula, and what may be asked."""
    rules = identity.the_hub().rules_on(identity.the_hub().now())
    found = [
        {
            "id": one.report_id,
            "title": {"vi": one.title.vi, "en": one.title.en},
            "about": {"vi": one.about.vi, "en": one.about.en},
            "links": {form: f"{links.ROOT}/{one.report_id}.{form}" for form in FORMATS if form != "svg"},
        }
        for one in reports.REPORTS
    ]
    indicators = [
        {
            "id": one.indicator_id,
            "name": {"vi": one.vi, "en": one.en},
            "formula": {"vi": one.formula_vi, "en": one.formula_en},
            "counts": one.counts.value,
            "source": one.source,
        }
        for one in rules.indicators
    ]
    types = [{"id": one.type_id, "name": {"vi": one.vi, "en": one.en}} for one in rules.document_types]
    return bodies.json(
        {
            "reports": found,
            "parameters": list(PARAMETERS),
            "indicators": indicators,
            "document_types": types,
            "rule_pack": rules.pack_id,
        }
    )


def get_report(report: str) -> Response:
    """One report in one form; the ending of its name decides, else what the caller accepts."""
    hub = identity.the_hub()
    name, _, ending = report.partition(".")
    name, form = reports.report(name).report_id, report_files.wanted(ending, FORMATS)
    compare = parameters.flag("compare")
    with hub.database.reading() as connection:
        asked = report_parameters.asked(connection, hub)
        made = reports.make(connection, name, report_asked(asked, hub.settings, now=hub.now(), compare=compare))
    chart = _chart(made) if form == "svg" else None
    tag = f"{made.data_sha256}.{chart.chart_id if chart else form}"
    answer = Response(status=304)
    if not request.if_none_match.contains_weak(tag):
        query = links.parameters(asked) | ({"compare": "true"} if compare else {})
        answer = bodies.json(_linked(made, query)) if form == "json" else _file(hub, made, chart, form, query["period"])
    answer.set_etag(tag, weak=True)
    answer.headers["Cache-Control"] = headers.REVALIDATE
    answer.vary.add("Accept")
    return answer


def _chart(made: Made) -> Chart:
    """The chart that is asked for, the first one when none is. Raises NoSuchThing, BadRequest."""
    known = {one.chart_id: one for one in made.charts}
    if not known:
        raise NoSuchThing(f"{made.report_id} has no charts")
    wanted = request.args.get("chart", next(iter(known)))
    if wanted not in known:
        raise BadRequest(f"chart={wanted[:40]!r}", field="chart", expected=" | ".join(known))
    return known[wanted]


def _file(hub: Hub, made: Made, chart: Chart | None, form: str, period: str) -> Response:
    name = f"{made.title.vi} {period} {vietnam_day(hub.now()).isoformat()}"
    if chart is not None:
        return report_files.answer(charts.svg(chart), form, name=name)
    if form == "csv":
        return report_files.answer(as_csv.write_made(made), form, name=name)
    if form == "xlsx":
        return report_files.answer(report_files.written(partial(as_xlsx.write_made, made)), form, name=name)
    limits = {"seconds": hub.settings.pdf_seconds, "memory_bytes": hub.settings.pdf_memory_bytes}
    return report_files.answer(as_pdf.write(made, **limits), form, name=name)


def _linked(made: Made, query: dict[str, str]) -> dict[str, Any]:
    """The report as JSON, with the addresses of its other forms and of each drawing."""
    address = f"{links.ROOT}/{made.report_id}"
    body = as_json.shown(made)
    body["links"] = {form: f"{address}.{form}?{urlencode(query)}" for form in FORMATS if form != "svg"}
    for chart in body["charts"]:
        chart["svg"] = f"{address}.svg?{urlencode({'chart': chart['id'], **query})}"
    return body
