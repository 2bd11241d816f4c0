"""Declarations over the API: JSON, CSV, XLSX and forms take one path; all or none; corrections; whose they are."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import openpyxl
import pytest
import schemathesis
import sqlalchemy as sa

from hub.domain.agencies import Agency, AgencyStatus
from hub.domain.periods import vietnam_day
from hub.domain.rules import pack_on
from hub.reports import declared_table
from hub.store import agencies, report_tables
from hub.web.api import declarations as api
from hub.web.identity import EXTENSION

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"
ONE = {"period": "2026-03", "kind": "sent_paper_only", "count": 120, "declared_by": "Nguyễn Thị Mẫu"}
ROW = ["", "2026-03", "", "", "sent_paper_only", "", "120", "Nguyễn Thị Mẫu", "", ""]


NOW = datetime(2026, 10, 5, 3, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_october(web):
    """The periods of these tests are over, whenever they run."""
    web.app.extensions[EXTENSION] = replace(web.hub, now=lambda: NOW)


def declare(web, body, *, code: str = "H41", status: int = 201):
    answer = web.as_(code).post("/ledger", json=body)
    assert answer.status_code == status, answer.text
    return answer.json


def upload(web, body: bytes, kind: str, *, code: str = "H41"):
    return web.as_(code).post("/ledger", data=body, content_type=kind)


def faults(answer) -> list[tuple[int, str, str]]:
    assert answer.status_code == 422, answer.text
    assert answer.json["code"] == "declaration.refused"
    told = [text for one in answer.json["faults"] for words in (one["message"], one["fix"]) for text in words.values()]
    assert not any("?" in text or not text for text in told), "every fact of a sentence is filled in"
    return [(one["row"], one["field"], one["code"].removeprefix("declaration.")) for one in answer.json["faults"]]


def listed(web, query: str = "", *, code: str = "H41"):
    answer = web.as_(code).get(f"/ledger{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


def kept(web) -> int:
    with web.hub.database.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(report_tables.declarations)).scalar_one()


def table(*rows: list[str]) -> bytes:
    """The template with rows below its explanations."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return declared_table.template_csv() + text.getvalue().encode()


def workbook(*rows: list[str]) -> bytes:
    made, filled = io.BytesIO(), io.BytesIO()
    declared_table.template_xlsx(pack_on(vietnam_day(NOW)).document_types, made)
    book = openpyxl.load_workbook(made)
    for row in rows:
        book.active.append([cell or None for cell in row])
    book.save(filled)
    return filled.getvalue()


def test_one_and_many_and_the_same_again(web):
    (one,) = declare(web, ONE)["items"]
    assert one == {"row": 1, "id": str(UUID(one["id"])), "agency": "H41", "repeated": False}
    leaders = {**ONE, "kind": "leaders", "count": 12}
    both = declare(web, [leaders, ONE])
    assert [(item["row"], item["repeated"]) for item in both["items"]] == [(1, False), (2, True)]
    assert both["items"][1]["id"] == one["id"]
    again = declare(web, [leaders, ONE], status=200)
    assert (again["new"], again["repeated"], again["items"][0]["id"]) == (0, 2, both["items"][0]["id"])
    assert kept(web) == 2


def test_what_was_declared_is_listed_with_who_declared_it(web):
    days = {"from": "2026-03-01", "to": "2026-03-31", "period": None}
    id_ = declare(web, {**ONE, **days, "document_type": "Công văn", "note": "theo sổ"})["items"][0]["id"]
    (entry,) = listed(web)["items"]
    assert entry == {
        "id": id_,
        "agency": {"code": "H41", "name": "Ủy ban nhân dân tỉnh Mẫu"},
        "from": "2026-03-01",
        "to": "2026-03-31",
        "kind": {
            "code": "sent_paper_only",
            "name": {"vi": "Gửi đi chỉ bằng bản giấy", "en": "sent on paper only"},
        },
        "document_type": {"code": "cong_van", "name": entry["document_type"]["name"]},
        "count": 120,
        "declared_by": "Nguyễn Thị Mẫu",
        "declared_at": "2026-10-05T10:00:00.000+07:00",
        "handed_in_by": {"code": "H41", "name": "Ủy ban nhân dân tỉnh Mẫu"},
        "note": "theo sổ",
        "corrects": None,
        "corrected_by": None,
        "stands": True,
    }
    assert entry["document_type"]["name"]["vi"] == "Công văn"


def test_only_a_new_entry_corrects_and_both_stay_to_be_seen(web):
    first = declare(web, ONE)["items"][0]["id"]
    assert faults(web.as_("H41").post("/ledger", json={**ONE, "count": 100})) == [(1, "period", "overlaps")]
    second = declare(web, {**ONE, "count": 100, "corrects": first})["items"][0]["id"]
    late = web.as_("H41").post("/ledger", json={**ONE, "count": 90, "corrects": first})
    assert faults(late) == [(1, "corrects", "already_corrected"), (1, "period", "overlaps")]
    third = declare(web, {**ONE, "count": 0, "corrects": second})["items"][0]["id"]
    chain = {one["id"]: one for one in listed(web)["items"]}
    assert [(chain[i]["corrects"], chain[i]["corrected_by"], chain[i]["stands"]) for i in (first, second, third)] == [
        (None, second, False),
        (first, third, False),
        (second, None, False),
    ]
    assert declare(web, {**ONE, "count": 80})["new"] == 1, "the days are free again"


@pytest.mark.parametrize(("kind", "make"), [(CSV, table), (XLSX, workbook)])
@pytest.mark.parametrize("in_a_form", [False, True])
def test_a_table_takes_the_same_path(web, kind, make, in_a_form):
    rows = [ROW, ["", "2026-04", *ROW[2:6], "1.234", *ROW[7:]]]

    def sent(body: bytes):
        if not in_a_form:
            return upload(web, body, kind)
        name = "Bảng.XLSX" if kind == XLSX else "bang.csv"
        return web.as_("H41").post("/ledger", data={"file": (io.BytesIO(body), name, "application/x-unknown")})

    answer = sent(make(*rows))
    assert answer.status_code == 201, answer.text
    assert [one["row"] for one in answer.json["items"]] == [3, 4]
    assert [one["count"] for one in listed(web)["items"]] == [1234, 120]
    assert sent(make(*rows)).status_code == 200, "the same again"
    declare(web, ONE, status=200)
    bad = sent(make(["", "2026-05", *ROW[2:]], ["G22", "2026-13", *ROW[2:6], "-1", "", "", ""]))
    assert faults(bad) == [(4, "period", "malformed"), (4, "count", "malformed"), (4, "declared_by", "missing")]
    assert kept(web) == 2


def test_all_or_none_and_every_fault_in_two_languages(web):
    bad = [
        ONE,
        {**ONE, "agency": "G22"},
        {**ONE, "period": "2026-12"},
        {**ONE, "period": "2026-04", "count": "5", "kind": 7, "paper": True},
        {**ONE, "period": "2026-05", "count": True},
        {},
    ]
    answer = web.as_("H41").post("/ledger", json=bad)
    assert faults(answer) == [
        (2, "agency", "agency_unknown"),
        (3, "period", "in_future"),
        (4, "count", "malformed"),
        (4, "kind", "malformed"),
        (4, "paper", "unknown_field"),
        (5, "count", "malformed"),
        (6, "period", "missing"),
        (6, "kind", "missing"),
        (6, "count", "missing"),
        (6, "declared_by", "missing"),
    ]
    assert answer.content_type == "application/problem+json"
    assert "10 lỗi" in answer.json["detail"]
    wrong = answer.json["faults"][5]
    assert wrong["column"] == "Số lượng"
    assert "số nguyên" in wrong["message"]["vi"]
    assert "whole number" in wrong["message"]["en"]
    assert wrong["fix"]["vi"]
    assert answer.json["faults"][4]["column"] is None
    assert kept(web) == 0


def test_a_family_declares_and_reads_and_nobody_else(web):
    declare(web, {**ONE, "agency": "H41.1.2"})
    declare(web, {**ONE, "kind": "leaders", "agency": None}, code="H41.1.2")
    assert listed(web)["items"] == []
    below = listed(web, "?below=true")["items"]
    assert {one["handed_in_by"]["code"] for one in below} == {"H41", "H41.1.2"}
    assert {one["agency"]["code"] for one in below} == {"H41.1.2"}
    assert len(listed(web, "?agency=h41.1.2")["items"]) == 2
    assert len(listed(web, code="H41.1.2")["items"]) == 2, "its own, also what was handed in for it"
    for code, asked in (("H41.1.2", "H41"), ("G22", "H41"), ("G22", "H41.1.2"), ("G22", "NOBODY"), ("G22", "-")):
        answer = web.as_(code).get(f"/ledger?agency={asked}")
        assert (answer.status_code, answer.json["code"]) == (404, "thing.unknown")
    assert listed(web, "?below=true", code="G22")["items"] == []
    other = web.as_("G22").post("/ledger", json={**ONE, "agency": "H41"})
    assert faults(other) == [(1, "agency", "agency_unknown")]
    nobody = web.as_("G22").post("/ledger", json={**ONE, "agency": "NOBODY"})
    assert [{**one, "message": 0} for one in nobody.json["faults"]] == [
        {**one, "message": 0} for one in other.json["faults"]
    ]


def test_an_entry_of_another_agency_cannot_be_corrected_nor_told_from_none(web):
    known = declare(web, ONE)["items"][0]["id"]
    for id_ in (known, "0190aaaa-0000-7000-8000-000000000001"):
        answer = web.as_("G22").post("/ledger", json={**ONE, "corrects": id_})
        assert faults(answer) == [(1, "corrects", "correction_unknown")]


def test_pages_and_days(web):
    months = [{**ONE, "period": f"2026-{month:02}", "count": month} for month in range(1, 8)]
    declare(web, months)
    found, query = [], "?limit=3"
    while query:
        page = listed(web, query)
        found += [one["count"] for one in page["items"]]
        query = page["next_after"] and f"?limit=3&after={page['next_after']}"
    assert found == [7, 6, 5, 4, 3, 2, 1]
    assert listed(web, "?limit=7")["next_after"] is None
    assert [one["count"] for one in listed(web, "?from=2026-03-15&to=2026-05-01")["items"]] == [5, 4, 3]
    for query in ("after=x", "after=2026-13-01~1", "from=2026-05-02&to=2026-05-01", "limit=0", "below=yes"):
        answer = web.as_("H41").get(f"/ledger?{query}")
        assert (answer.status_code, answer.json["code"]) == (400, "request.malformed"), query


def test_the_template_declares_nothing_and_comes_back_filled(web):
    for form, kind in (("csv", CSV), ("xlsx", XLSX)):
        answer = web.as_("H41").get(f"/ledger/template.{form}")
        assert answer.mimetype == kind
        assert f"mau_ke_khai_van_ban.{form}" in answer.headers["Content-Disposition"].lower()
        assert faults(upload(web, answer.data, kind)) == [(0, "file", "empty")]
    assert web.as_("H41").get("/ledger/template.pdf").status_code == 404


@pytest.mark.parametrize(
    ("body", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "request.malformed"),
        (b"", "application/json", 400, "request.malformed"),
        (b"[1]", "application/json", 400, "request.malformed"),
        (b"5", "application/json", 400, "request.malformed"),
        (b"[" * 100_000, "application/json", 400, "request.malformed"),
        (b"\xff\xfe", "application/json", 400, "request.malformed"),
        (b'{"count": 1e999}', "application/json", 400, "request.malformed"),
        (b"{}", "text/plain", 415, "request.unsupported_media_type"),
        (b"--x", "multipart/form-data", 400, "request.malformed"),
        (b"--x--\r\n", "multipart/form-data; boundary=x", 400, "request.malformed"),
        (b"--x\r\nContent-Disposition: form-data", "multipart/form-data; boundary=x", 400, "request.malformed"),
        (b"[]", "application/json", 422, "declaration.refused"),
        (b"", CSV, 422, "declaration.refused"),
        (b"PK", XLSX, 422, "declaration.refused"),
    ],
)
def test_bodies_that_cannot_be_read(web, body, kind, status, code):
    answer = upload(web, body, kind)
    assert (answer.status_code, answer.json["code"]) == (status, code), answer.text


def test_forms_without_a_file_or_with_odd_ones(web):
    def sent(**parts):
        return web.as_("H41").post("/ledger", data=parts, content_type="multipart/form-data")

    assert sent(other=(io.BytesIO(table(ROW)), "a.csv")).status_code == 400
    assert sent(file="text").status_code == 400
    assert sent(file=(io.BytesIO(table(ROW)), "a.pdf", "application/pdf")).status_code == 415
    assert sent(file=(io.BytesIO(table(ROW)), "noname", CSV)).status_code == 201
    many = {f"f{n}": "x" for n in range(api.MOST_PARTS)}
    assert sent(**many, file=(io.BytesIO(table(ROW)), "a.csv")).status_code == 400
    answer = web.as_("H41").post("/ledger", data=b"x", content_type=CSV, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 415


def test_size_rows_and_faults_are_bounded(web, monkeypatch):
    answer = upload(web, b"x" * (api.UPLOAD_BYTES + 1), CSV)
    assert (answer.status_code, answer.json["code"]) == (413, "envelope.too_large")
    assert str(api.UPLOAD_BYTES) in answer.json["detail"]
    monkeypatch.setattr(declared_table, "MOST_ROWS", 3)
    assert faults(web.as_("H41").post("/ledger", json=[ONE] * 4)) == [(4, "file", "too_many_rows")]
    monkeypatch.setattr(api, "MOST_FAULTS", 2)
    answer = web.as_("H41").post("/ledger", json=[{}, {}, {}])
    assert len(faults(answer)) == 2
    assert "12 lỗi" in answer.json["detail"]


def test_a_suspended_agency_still_declares_and_a_stranger_does_not(web):
    with web.hub.database.writing() as transaction:
        agencies.keep(transaction, Agency("G22", "Bộ", status=AgencyStatus.SUSPENDED), now=NOW - timedelta(days=1))
    assert declare(web, ONE, code="G22")["new"] == 1
    for path in ("/ledger", "/ledger/template.csv", "/ledger/template.xlsx"):
        assert web.anonymous().get(f"/api/v1{path}").status_code == 401
    assert web.anonymous().post("/api/v1/ledger", json=ONE).status_code == 401


def test_every_kind_of_answer_keeps_to_the_contract(web):
    """schemathesis seldom hits upon an entry that can be kept."""
    contract = schemathesis.openapi.from_wsgi("/api/v1/openapi.yaml", web.app)

    def keeps(path: str, method: str, answer, status: int) -> None:
        assert answer.status_code == status, answer.text
        contract[f"/api/v1{path}"][method].validate_response(answer)

    caller = web.as_("H41")
    entries = [ONE, {**ONE, "kind": "received_elsewhere", "document_type": "bao_cao"}]
    for status in (201, 200):
        keeps("/ledger", "POST", caller.post("/ledger", json=entries), status)
    keeps("/ledger", "POST", upload(web, table(["G22", *ROW[1:]]), CSV), 422)
    keeps("/ledger", "POST", upload(web, b"", XLSX), 422)
    withdrawn = {**ONE, "count": 0, "corrects": listed(web)["items"][1]["id"]}
    keeps("/ledger", "POST", caller.post("/ledger", json=withdrawn), 201)
    page = caller.get("/ledger?limit=2")
    keeps("/ledger", "GET", page, 200)
    keeps("/ledger", "GET", caller.get(f"/ledger?after={page.json['next_after']}"), 200)
    keeps("/ledger/template.csv", "GET", caller.get("/ledger/template.csv"), 200)
    keeps("/ledger/template.xlsx", "GET", caller.get("/ledger/template.xlsx"), 200)


def test_the_name_of_who_declared_is_in_no_log(web, capsys):
    declare(web, ONE)
    faults(web.as_("H41").post("/ledger", json={**ONE, "count": 1}))
    assert "Nguyễn" not in capsys.readouterr().out
