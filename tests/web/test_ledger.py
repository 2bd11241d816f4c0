"""The registers over the API: searched, paged, downloaded; an agency's own and nobody else's."""

from __future__ import annotations

import csv
import io
from datetime import timedelta

import openpyxl
import pytest

from hub.domain.periods import vietnam_day
from hub.errors import StoreUnavailable
from hub.reports import ledger as registers
from hub.store import ledgers
from hub.web.api import ledger
from tests.support.registers import BEGIN, Registers

XLSX = ledger.FORMATS["xlsx"]
PRIVATE = ("Riêng Tư", "rieng-tu@mau.example", "0900000000")


@pytest.fixture
def filled(web):
    """Six documents of G22 to H41 and one of its child G30.1."""
    rows = Registers()
    for number in range(1, 7):
        rows.document(number, f"Kế hoạch số {number}", to=("H41",), urgency=number % 2)
    rows.document(7, '=HYPERLINK("http://mau.example","x")', sender="G30.1", to=("H14",))
    rows.write(web.hub.database)
    return web


def get(web, code: str, path: str, **more):
    answer = web.as_(code).get(f"/ledger/{path}", **more)
    assert answer.status_code == 200, answer.text
    return answer


def numbers(answer) -> list[str]:
    return [item["notation"] for item in answer.json["items"]]


def test_what_was_sent_stands_in_both_registers(web):
    view = web.placed(1, to=("H41",), subject="Báo cáo tình hình")
    delivery = view["deliveries"][0]["id"]
    web.as_("H41").post(f"/deliveries/{delivery}/ack")
    web.as_("H41").post(f"/deliveries/{delivery}/status", json={"code": "05"})
    (sent,) = get(web, "G22", "outgoing").json["items"]
    (got,) = get(web, "H41", "incoming?q=bao+cao").json["items"]
    assert sent["id"] == view["id"]
    assert got["id"] == delivery
    for line in (sent, got):
        assert line["document_id"] == {"written": "G22,2026/03/02,1/CV", "composed": "G22.2026.1"}
        assert line["subject"] == "Báo cáo tình hình"
        assert [one["code"] for one in line["processing"]] == ["05"]
        assert line["receivers"][0]["name"]
        assert line["sent_at"].endswith("+07:00")
    assert got["received_at"]
    assert get(web, "H14", "incoming").json == {"agency": "H14", "items": [], "next_after": None}
    assert get(web, "H41", "outgoing").json["items"] == []


def test_pages_follow_each_other(filled):
    first = get(filled, "G22", "outgoing?limit=4")
    second = get(filled, "G22", f"outgoing?limit=4&after={first.json['next_after']}")
    assert numbers(first) + numbers(second) == [f"{number}/CV" for number in range(6, 0, -1)]
    assert second.json["next_after"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=ke+hoach+so+3", ["3/CV"]),
        ("q=K%E1%BA%BF&notation=2/CV", ["2/CV"]),
        ("document_id=G22,2026/03/02,5/CV", ["5/CV"]),
        ("urgency=urgent&limit=2", ["5/CV", "3/CV"]),
        ("from=2026-03-03", []),
        ("from=2026-03-02&to=2026-03-02&state=01", []),
        ("state=handed_over&type=c%C3%B4ng+v%C4%83n&limit=1", ["6/CV"]),
        ("q=%25", []),
    ],
)
def test_every_field_narrows(filled, query, found):
    assert numbers(get(filled, "G22", f"outgoing?{query}")) == found
    assert numbers(get(filled, "H41", f"incoming?{query}")) == found


def test_a_partner_is_known_by_every_code_of_its(filled):
    assert len(numbers(get(filled, "G22", "outgoing?partner=000.00.00.H41"))) == 6
    assert numbers(get(filled, "G22", "outgoing?partner=H14")) == []
    assert numbers(get(filled, "G22", "outgoing?partner=NOBODY")) == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=201", "limit"),
        ("limit=0", "limit"),
        ("state=due%27", "state"),
        ("urgency=9", "urgency"),
        ("urgency=", "urgency"),
        ("partner=%2F", "partner"),
        ("format=pdf", "format"),
        ("from=2026-13-01", "from"),
        ("from=2026-03-03&to=2026-03-02", "from"),
        ("after=x", "after"),
        ("q=a%00b", "q"),
        ("q=" + "a" * 501, "q"),
    ],
)
def test_what_is_malformed_is_named(shared, query, field):
    answer = shared.as_("G22").get(f"/ledger/outgoing?{query}")
    assert (answer.status_code, answer.json["code"]) == (400, "request.malformed")
    assert field in answer.text


def test_t3_a_register_is_its_agencys_and_of_those_who_speak_for_it(filled):
    assert filled.anonymous().get("/api/v1/ledger/outgoing").status_code == 401
    assert filled.as_("H41").get("/ledger/outgoing?agency=G22").status_code == 404
    assert filled.as_("H41").get("/ledger/incoming?agency=H41.1.2").status_code == 404
    assert filled.as_("G22").get("/ledger/outgoing?agency=NOBODY&format=csv").status_code == 404
    assert numbers(get(filled, "G30", "outgoing?agency=G30.1")) == ["7/CV"]
    assert numbers(get(filled, "G30.1", "outgoing")) == ["7/CV"]


def test_a_csv_has_every_line_and_no_formula(filled, monkeypatch):
    monkeypatch.setattr(registers, "EXPORT_PAGE", 4)
    answer = get(filled, "G22", "outgoing?format=csv&limit=1")
    day = vietnam_day(filled.hub.now()).isoformat()
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith(f"attachment; filename=So_van_ban_di_G22_{day}.csv")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.is_streamed
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"), newline="")))
    assert [row[3] for row in rows[1:]] == [f"{number}/CV" for number in range(6, 0, -1)]
    dangerous = get(filled, "G30.1", "outgoing", headers={"Accept": "text/csv"}).data.decode("utf-8-sig")
    assert "\"'=HYPERLINK(" in dangerous


def test_a_workbook_is_read_back(filled):
    answer = get(filled, "H41", "incoming", headers={"Accept": XLSX})
    assert answer.content_type == XLSX
    assert "filename=So_van_ban_den_H41_" in answer.headers["Content-Disposition"]
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    assert sheet.title == "Sổ văn bản đến"
    assert [row[3].value for row in sheet.iter_rows(min_row=2)] == [f"{number}/CV" for number in range(6, 0, -1)]
    when = (BEGIN + timedelta(hours=7, minutes=6)).replace(tzinfo=None)
    assert when in [cell.value for cell in sheet[2]]
    other = openpyxl.load_workbook(io.BytesIO(get(filled, "G30.1", "outgoing?format=xlsx").data)).active
    assert [cell.data_type for cell in other[2] if str(cell.value).startswith("=")] == ["s"]


def test_an_empty_register_is_a_file_with_titles(filled):
    rows = get(filled, "G77", "incoming?format=csv").data.decode("utf-8-sig").splitlines()
    assert len(rows) == 1
    assert rows[0].startswith('"a) Mã định danh')


def test_nothing_of_the_staff_is_shown_in_any_form(filled):
    for path in ("outgoing", "outgoing?format=csv"):
        text = get(filled, "G22", path).data.decode()
        assert "Lê Thị Mẫu" in text
        assert not any(word in text for word in PRIVATE)


def test_a_database_that_is_away_is_said_before_the_download_begins(filled, monkeypatch):
    def away(*_):
        raise StoreUnavailable("away")

    monkeypatch.setattr(ledgers, "outgoing", away)
    for form in ("csv", "xlsx"):
        assert filled.as_("G22").get(f"/ledger/outgoing?format={form}").status_code == 503
