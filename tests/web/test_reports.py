"""The reports over the API: every form, whose figures a caller may read, and that each list is exactly its figure."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import openpyxl
import pytest

from hub.domain.declarations import DeclaredKind
from hub.domain.envelopes import Paper
from hub.domain.indicators import Counts
from hub.domain.periods import vietnam_day
from hub.domain.rules import pack_on
from hub.reports import REPORTS
from hub.stations import utc_now
from hub.web.api import report_files
from hub.web.api.report_files import FORMATS
from tests.support import envelopes as raw
from tests.support import hubs
from tests.support.country import Batch, Country
from tests.support.scenes import document, genuine, unsigned
from tests.web.conftest import Web

TODAY = vietnam_day(utc_now())
DAYS = f"{TODAY - timedelta(days=9)}..{TODAY}"
BEFORE, LATELY = TODAY - timedelta(days=6), TODAY - timedelta(days=2)
IDS = [one.report_id for one in REPORTS]
INDICATORS = {one.indicator_id: one for one in pack_on(TODAY).indicators}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, ready_made: tuple[Path, Mapping[str, str]]) -> Iterator[Web]:
    """Documents of a week ago and of the day before yesterday, some of them declared; nothing changes it."""
    folder, keys = ready_made
    copy = tmp_path_factory.mktemp("filled") / "hub"
    shutil.copytree(folder, copy)
    hub = hubs.open_again(copy)
    country = Country(hub.database, hub.now())
    country.send(
        Batch("H41", 4, BEFORE, to=("H14", "G22"), document_type="Giấy mời"),
        Batch("H41", 3, LATELY, to=("H14",)),
        Batch("H41", 2, LATELY, paper=1, to=("H41.1.2",)),
        Batch("H41.1.2", 3, LATELY, signed=False, to=("H41", "G22")),
        Batch("G30.1", 1, LATELY, to=("H41",)),
    )
    country.declare("H41.1.2", DeclaredKind.SENT_PAPER_ONLY, 5, BEFORE.isoformat())
    country.declare("H41", DeclaredKind.SENT_ELSEWHERE_WITH_PAPER, 7, LATELY.isoformat(), "giay_moi")
    country.declare("H41", DeclaredKind.LEADERS, 2, LATELY.isoformat())
    country.declare("H14", DeclaredKind.RECEIVED_PAPER_ONLY, 9, LATELY.isoformat())
    country.count()
    yield Web(hub, keys)
    hub.close()


def ask(web: Web, code: str, path: str, **query: str):
    return web.as_(code).get(f"/reports{path}?{urlencode({'period': DAYS, **query})}")


def figures(web: Web, code: str = "H41", report: str = "paper-free", **query: str) -> dict[str, dict]:
    answer = ask(web, code, f"/{report}", **query)
    assert answer.status_code == 200, answer.text
    return {one["indicator"]: one for one in answer.json["figures"]}


def listed(web: Web, code: str, indicator: str, **query: str) -> dict:
    answer = ask(web, code, f"/paper-free/{indicator}/documents", **query)
    assert answer.status_code == 200, answer.text
    return answer.json


# -- the reports ---------------------------------------------------------------------------------------------------


def test_the_list_names_what_may_be_asked(filled: Web) -> None:
    body = filled.as_("G22").get("/reports").json
    assert [one["id"] for one in body["reports"]] == IDS
    assert {one["id"] for one in body["indicators"]} == INDICATORS.keys()
    assert body["reports"][0]["links"]["xlsx"] == "/api/v1/reports/paper-free.xlsx"
    assert "known_on" in body["parameters"]


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("report", IDS)
def test_every_report_has_every_form_and_an_etag(filled: Web, report: str, form: str) -> None:
    answer = ask(filled, "H41", f"/{report}.{form}", scope="below")
    if (report, form) == ("quarterly", "svg"):
        assert (answer.status_code, answer.json["code"]) == (404, "thing.unknown")
        return
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == FORMATS[form]
    begins = {"json": b"{", "csv": "\ufeff".encode(), "xlsx": b"PK", "pdf": b"%PDF-", "svg": b"<svg"}
    assert answer.data.startswith(begins[form])
    if form != "json":
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert answer.headers["ETag"].startswith('W/"')
    known = {"If-None-Match": answer.headers["ETag"]}
    query = urlencode({"period": DAYS, "scope": "below"})
    again = filled.as_("H41").get(f"/reports/{report}.{form}?{query}", headers=known)
    assert (again.status_code, again.data) == (304, b"")
    other = filled.as_("H41").get(f"/reports/{report}.{form}?scope=hub&period={DAYS}", headers=known)
    assert other.status_code == 200, "other figures have another tag"


def test_accept_chooses_the_form_where_the_name_does_not(filled: Web) -> None:
    for form in ("csv", "xlsx", "json"):
        answer = filled.as_("H41").get("/reports/volumes", headers={"Accept": FORMATS[form]})
        assert (answer.mimetype, "Accept" in answer.headers["Vary"]) == (FORMATS[form], True)
    assert filled.as_("H41").get("/reports/volumes", headers={"Accept": "text/html"}).mimetype == FORMATS["json"]
    assert report_files.wanted("csv", FORMATS) == "csv"


def test_figures_say_what_was_seen_and_what_was_declared(filled: Web) -> None:
    fully = figures(filled)["fully_electronic"]
    assert (fully["numerator"], fully["denominator"]) == ({"seen": 7, "declared": 0}, {"seen": 9, "declared": 7})
    assert (fully["value"], fully["percent_vi"]) == ("0.437500", "43,8 %")
    invitations = figures(filled, type="giay_moi")["fully_electronic"]
    assert (invitations["numerator"]["seen"], invitations["denominator"]) == (4, {"seen": 4, "declared": 7})


def test_volumes_are_counts_that_a_program_reads(filled: Web) -> None:
    found = {name: one["count"] for name, one in figures(filled, report="volumes").items()}
    assert found["sent"] + found["received"] == found["sent_and_received"] > found["sent"] > 0
    assert set(found) == {"sent", "received", "sent_and_received"}


def test_nothing_sent_has_no_ratio(filled: Web) -> None:
    fully = figures(filled, "G77")["fully_electronic"]
    assert (fully["value"], fully["percent_vi"], fully["denominator"]["seen"]) == (None, "–", 0)


def test_scopes_are_a_unit_those_below_a_level_and_the_whole_hub(filled: Web) -> None:
    sent = {
        scope: figures(filled, "H41", **query)["fully_electronic"]["denominator"]["seen"]
        for scope, query in {
            "unit": {"scope": "unit"},
            "below": {"scope": "below"},
            "level": {"scope": "level", "level": "2"},
            "hub": {"scope": "hub"},
        }.items()
    }
    assert sent == {"unit": 9, "below": 12, "level": 4, "hub": 13}


def test_a_caller_reads_its_own_familys_figures_and_everybodys_sums(filled: Web) -> None:
    assert figures(filled, "H41", agency="H41.1.2")["fully_electronic"]["denominator"]["seen"] == 3
    assert figures(filled, "G30", agency="G30.1")["fully_electronic"]["denominator"]["seen"] == 1
    for stranger, agency in (("H14", "H41"), ("H41.1.2", "H41"), ("G30.1", "G30"), ("H41", "X99"), ("H41", "…")):
        for path in ("/paper-free", "/volumes.csv", "/paper-free/fully_electronic/documents"):
            answer = ask(filled, stranger, path, agency=agency)
            assert (answer.status_code, answer.json["code"]) == (404, "thing.unknown")
    assert figures(filled, "H14", scope="hub") == figures(filled, "H41", scope="hub")
    assert filled.anonymous().get("/api/v1/reports/paper-free").status_code == 401


def test_as_known_on_a_day_gives_the_figure_of_that_day_again(filled: Web) -> None:
    then = (BEFORE + timedelta(days=1)).isoformat()
    whole = ask(filled, "H41", "/paper-free", scope="hub", known_on=then).json
    fully = next(one for one in whole["figures"] if one["indicator"] == "fully_electronic")
    assert (whole["known_on"], fully["numerator"]["seen"], fully["denominator"]["seen"]) == (then, 4, 4)
    assert len(listed(filled, "H41", "fully_electronic", scope="hub", known_on=then)["items"]) == 4


def test_days_are_inclusive_at_both_ends_and_may_be_given_apart(filled: Web) -> None:
    def sent(**query: str) -> int:
        answer = filled.as_("H41").get(f"/reports/paper-free?{urlencode(query)}")
        return next(o for o in answer.json["figures"] if o["indicator"] == "paper_only")["denominator"]["seen"]

    assert sent(**{"from": BEFORE.isoformat(), "to": LATELY.isoformat()}) == 9
    assert sent(**{"from": BEFORE.isoformat(), "to": BEFORE.isoformat()}) == 4
    assert sent(period=LATELY.isoformat()) == 5
    assert sent(period=f"{BEFORE + timedelta(days=1)}..{LATELY - timedelta(days=1)}") == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("period=2026-Q5", "period"),
        ("period=2026&from=2026-01-01", "period"),
        ("from=2026-02-30", "from"),
        ("to=20260301", "to"),
        ("from=2026-03-02&to=2026-03-01", "from"),
        ("from=2025-01-01&to=2026-01-03", "from"),
        ("to=2018-09-05", "to"),
        ("period=2017", "period"),
        ("known_on=2999-01-01", "known_on"),
        ("compare=yes", "compare"),
        ("scope=everybody", "scope"),
        ("scope=", "scope"),
        ("scope=hub&agency=H41", "agency"),
        ("scope=level", "level"),
        ("level=2", "level"),
        ("scope=level&level=10", "level"),
        ("type=bai_tho", "type"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_named(filled: Web, query: str, field: str) -> None:
    for path in ("/reports/paper-free", "/reports/paper-free/fully_electronic/documents.csv"):
        if field == "compare" and "documents" in path:
            continue
        answer = filled.as_("H41").get(f"{path}?{query}")
        assert (answer.status_code, answer.json["code"]) == (400, "request.malformed"), path
        assert f"«{field}»" in answer.json["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/paper-free.docx",
        "/paper_free",
        "/paper-free/nothing/documents",
        "/paper-free/feedback/documents.pdf",
    ],
)
def test_what_there_is_not_is_not_there(filled: Web, path: str) -> None:
    answer = ask(filled, "H41", path)
    assert (answer.status_code, answer.json["code"]) == (404, "thing.unknown")


def test_a_chart_is_chosen_and_an_unknown_one_named(filled: Web) -> None:
    body = ask(filled, "H41", "/paper-free", scope="hub").json
    drawn = {filled.as_("H41").get(one["svg"]).data for one in body["charts"]}
    assert len(drawn) == len(body["charts"]) >= 2
    answer = ask(filled, "H41", "/paper-free.svg", chart="none")
    assert (answer.status_code, "«chart»" in answer.json["detail"]) == (400, True)


# -- the lists -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", ["numerator", "denominator"])
@pytest.mark.parametrize("indicator", INDICATORS)
def test_every_list_is_exactly_its_figure(filled: Web, indicator: str, side: str) -> None:
    """Of the whole hub, of one unit, of one type; on the page, in the pages after it, in the file."""
    of_people = INDICATORS[indicator].counts in (Counts.AGENCIES, Counts.PEOPLE)
    for query in ({"scope": "hub"}, {"agency": "H41.1.2"}, {"scope": "below", "type": "giay_moi"}):
        found = listed(filled, "H41", indicator, side=side, limit="200", **query)
        items = found["items"]
        seen = sum(one["count"] for one in items) if of_people else len(items)
        assert seen == found["count"]["seen"]
        assert sum(one["count"] for one in found["declared"]) == found["count"]["declared"]
        assert found["count"]["total"] == found["count"]["seen"] + found["count"]["declared"]
        file = ask(filled, "H41", f"/paper-free/{indicator}/documents.csv", side=side, **query)
        rows = list(csv.reader(io.StringIO(file.text.removeprefix("\ufeff"), newline="")))[1:]
        assert sum(int(row[1]) for row in rows) == found["count"]["total"]


@pytest.mark.parametrize("report", IDS)
def test_every_link_of_a_report_leads_to_as_many_as_it_says(filled: Web, report: str) -> None:
    body = ask(filled, "H41", f"/{report}", scope="below", compare="true").json
    shares = [
        cell
        for table in body["tables"]
        for row in table["rows"]
        for cell in row
        if isinstance(cell, dict) and cell.get("links")
    ]
    assert shares or report == "volumes"
    followed = {link: one[side] for one in shares for side, link in one["links"].items()}
    for link, count in followed.items():
        assert filled.as_("H41").get(link).json["count"]["total"] == count, link


def test_pages_together_are_the_whole_in_its_order(filled: Web) -> None:
    whole = listed(filled, "H41", "fully_electronic", scope="hub", side="denominator", limit="200")["items"]
    for limit in ("1", "4", "13"):
        found, after = [], {}
        while True:
            page = listed(filled, "H41", "fully_electronic", scope="hub", side="denominator", limit=limit, **after)
            found += page["items"]
            if page["next_after"] is None:
                break
            after = {"after": page["next_after"]}
        assert found == whole
    names, after = [], {}
    while True:
        page = listed(filled, "H41", "units_certified", scope="hub", side="denominator", limit="3", **after)
        names += [one["agency"]["code"] for one in page["items"]]
        if page["next_after"] is None:
            break
        after = {"after": page["next_after"]}
    assert names == sorted(set(names))
    assert len(names) == page["count"]["total"]


@pytest.mark.parametrize(
    ("indicator", "after"),
    [
        ("fully_electronic", "H41"),
        ("fully_electronic", "H41~2026-13-01~" + "0" * 36),
        ("fully_electronic", ""),
        ("units_certified", "h41 "),
    ],
)
def test_a_place_that_no_page_gave_is_refused(filled: Web, indicator: str, after: str) -> None:
    for form in ("", ".csv"):
        answer = ask(filled, "H41", f"/paper-free/{indicator}/documents{form}", after=after)
        assert (answer.status_code, "«after»" in answer.json["detail"]) == (400, True)


def test_t3_strangers_see_that_a_document_counts_and_not_which(filled: Web) -> None:
    def seen_by(code: str, indicator: str) -> list[dict]:
        """What identifies the documents that H41 sent, or those that came to H14."""
        items = listed(filled, code, indicator, scope="hub", side="denominator", limit="200")["items"]
        return [one["identity"] for one in items if one["agency"] in ("H41", "H14")]

    assert seen_by("H14", "fully_electronic") == [None] * 9
    assert all(seen_by("H41", "fully_electronic")), "its own"
    for party in ("H14", "H41"):
        assert {one["sender"] for one in seen_by(party, "feedback") if one and one["recipient"] == "H14"} == {"H41"}
    assert [one for one in seen_by("G22", "feedback") if one is not None] == []
    declared = {
        code: listed(filled, code, "paper_only", scope="hub")["declared"][0]["declared_by"] for code in ("H14", "H41")
    }
    assert declared == {"H14": None, "H41": "Văn thư"}
    file = ask(filled, "H14", "/paper-free/feedback/documents.xlsx", scope="hub", side="denominator")
    rows = list(openpyxl.load_workbook(io.BytesIO(file.data)).active.iter_rows(values_only=True))[1:]
    seen = [row for row in rows if row[0] == "Trục ghi nhận"]
    known = [row for row in seen if row[6] is not None]
    assert {row[2] for row in known} == {"H14"}
    assert all((row[6], row[9], row[15], row[20]) == (None,) * 4 for row in seen if row not in known)


# -- what is sent through the API ----------------------------------------------------------------------------------


def now_of(web: Web, code: str, report: str = "paper-free", **query: str) -> dict[str, dict]:
    return figures(web, code, report, period=TODAY.isoformat()[:7], **query)


def test_the_ratio_of_the_sender_moves_with_each_document(web: Web) -> None:
    for number, paper in enumerate((Paper.PAPER_FREE, Paper.PAPER_FREE, Paper.WITH_PAPER), start=1):
        web.placed(number, paper=paper, page=genuine("G22"))
    found = now_of(web, "G22")
    assert found["fully_electronic"]["percent_vi"] == "66,7 %"
    assert found["electronic_with_paper"]["percent_vi"] == "33,3 %"
    assert found["issued_electronically"]["percent_vi"] == "100,0 %"


def test_a_document_that_does_not_say_paper_is_counted_apart(web: Web) -> None:
    sender = raw.FROM.replace("000.00.00.G99", "G22")
    header = raw.message_header(sender=sender, addressees=raw.TO.replace("H41.1.2", "H41"))
    assert web.as_("G22").send(raw.document(header=header, trace=raw.TRACE)).status_code == 201
    web.drain()
    found = now_of(web, "G22")
    assert found["electronic_not_replacing"]["numerator"]["seen"] == 1
    assert found["fully_electronic"]["value"] == "0.000000"


def test_the_same_document_sent_twice_counts_once(web: Web) -> None:
    body = unsigned(document())
    for key in ("a", "b"):
        assert web.as_("G22").send(body, key=key).status_code == 201
    web.drain()
    assert now_of(web, "G22")["fully_electronic"]["denominator"]["seen"] == 1


def test_a_copy_counts_at_its_recipient_once_it_is_there(web: Web) -> None:
    assert now_of(web, "H41", "timeliness")["receipt_same_day"]["denominator"]["seen"] == 0
    delivery = web.delivery()
    assert now_of(web, "H41", "timeliness")["receipt_same_day"]["denominator"]["seen"] == 1
    web.as_("H41").post(f"/deliveries/{delivery}/ack")
    web.drain()
    found = now_of(web, "H41", "timeliness")["receipt_same_day"]
    assert (found["numerator"]["seen"], found["denominator"]["seen"]) == (1, 1)
