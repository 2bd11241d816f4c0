"""A report as JSON: nothing is lost that a program needs to check a percentage."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from hub.reports import as_json
from hub.reports.made import Drawing, Share, Told, ToldCount, Words
from tests.support import made_reports

MADE = made_reports.report()


def read(**more: Any) -> dict[str, Any]:
    """Through text and back: what is shown is JSON and nothing else."""
    return json.loads(json.dumps(as_json.shown(MADE, **more), allow_nan=False))


def test_a_share_has_exact_counts_its_value_and_the_lists_behind_it() -> None:
    first = read()["tables"][0]["rows"][1][2]
    assert first == {
        "numerator": 17202,
        "denominator": 17202,
        "value": "1.000000",
        "percent_vi": "100,0 %",
        "links": {
            "numerator": made_reports.LINK.format(1, "numerator"),
            "denominator": made_reports.LINK.format(1, "denominator"),
        },
    }


def test_an_indicator_is_found_by_its_id_seen_and_declared_apart() -> None:
    told = Told(
        "issued_electronically", Words("Phát hành điện tử", "Issued electronically"), (18000, 274), (18000, 302)
    )
    assert as_json.shown(replace(MADE, figures=(told,)))["figures"] == [
        {
            "indicator": "issued_electronically",
            "name": {"vi": "Phát hành điện tử", "en": "Issued electronically"},
            "numerator": {"seen": 18000, "declared": 274},
            "denominator": {"seen": 18000, "declared": 302},
            "value": "0.998470",
            "percent_vi": "99,8 %",
        }
    ]


def test_a_count_is_no_ratio() -> None:
    one = ToldCount("sent", Words("Văn bản gửi", "Documents sent"), 163_107)
    told = as_json.shown(replace(MADE, figures=(one,)))["figures"]
    assert told == [{"indicator": "sent", "name": {"vi": "Văn bản gửi", "en": "Documents sent"}, "count": 163107}]


def test_nothing_of_nothing_has_counts_and_no_value() -> None:
    cell = as_json.share(Share(0, 0))
    assert (cell["numerator"], cell["denominator"], cell["value"]) == (0, 0, None)
    assert cell["links"] == {"numerator": None, "denominator": None}


def test_each_kind_of_cell_has_its_form() -> None:
    table = read()["tables"][1]
    assert [column["kind"] for column in table["columns"]] == ["text", "number", "date", "time", "share", "money"]
    assert table["columns"][0]["title"] == {"vi": "Cột text", "en": "Column text"}
    first, second, third = table["rows"]
    assert first[:4] == [made_reports.HARD, 18302, "2026-03-02", "2026-10-05T08:30:05.000+07:00"]
    assert (first[4]["value"], first[4]["percent_vi"], first[5]) == ("0.998470", "99,8 %", 12500000)
    assert second == ["=1+1", -7, None, None, {"value": "-0.012000", "percent_vi": "-1,2 %"}, 0]
    assert third == [None, "12345.500000", None, None, None, None]
    assert table["notes"] == [{"vi": "Một ghi chú của bảng.", "en": "A note of the table."}]


def test_the_report_says_what_it_is() -> None:
    shown = read()
    assert (shown["report"], shown["rule_pack"], shown["known_on"]) == ("paper_free", "qd28-2018", "2026-10-05")
    assert (shown["made_at"], shown["data_sha256"]) == ("2026-10-05T08:30:05.000+07:00", MADE.data_sha256)
    assert shown["title"] == {"vi": MADE.title.vi, "en": MADE.title.en}
    assert [line["vi"] for line in shown["lines"]] == [line.vi for line in MADE.lines]
    assert len(shown["notes"]) == 2
    assert shown["letter"] is None


def test_a_chart_has_its_figures_and_where_it_is_drawn() -> None:
    bars = read(charts_link="/api/v1/reports/paper-free/charts")["charts"][0]
    assert bars["svg"] == "/api/v1/reports/paper-free/charts/bars-1.svg"
    assert "svg" not in read()["charts"][0]
    assert (bars["drawing"], bars["percent"], bars["target"]) == ("bars", True, "0.900000")
    assert bars["labels"] == list(made_reports.UNITS)
    assert bars["series"][0]["values"][:5] == ["0.550000", "0.568000", "0.586000", "0.604000", None]


def test_counts_in_a_chart_stay_numbers() -> None:
    counts = made_reports.chart(Drawing.STACKED, percent=False)
    chart = as_json.shown(replace(MADE, charts=(counts,)))["charts"][0]
    assert all(isinstance(value, int) for series in chart["series"] for value in series["values"])


def test_a_letter_is_there_whole() -> None:
    letter = json.loads(json.dumps(as_json.shown(made_reports.quarterly())))["letter"]
    assert (letter["symbol"], letter["day"], letter["recipients"][-1]) == ("BC-STTTT", "2026-10-05", "Lưu: VT, CNTT")
    assert len(letter["opening"]) == 3


@pytest.mark.parametrize(
    ("ratio", "written"),
    [
        (Fraction(2, 3), "0.666667"),
        (Fraction(1, 2_000_000), "0.000001"),
        (Fraction(-1, 2_000_000), "-0.000001"),
        (Fraction(9_999_999_999, 10_000_000_000), "1.000000"),
        (None, None),
    ],
)
def test_six_decimals_are_rounded_half_up(ratio: Fraction | None, written: str | None) -> None:
    assert as_json.decimal(ratio) == written
