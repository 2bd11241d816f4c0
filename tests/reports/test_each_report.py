"""The other seven reports: what they count, of whom, and what they say about it."""

from __future__ import annotations

from datetime import date

import pytest

from hub.bundles import kept_reports
from hub.domain.cost_model import CostModel
from hub.domain.counting import Direction
from hub.domain.scopes import Scope, ScopeKind
from hub.reports import (
    REPORTS,
    as_csv,
    as_json,
    connections,
    counts_table,
    failures,
    layered_tables,
    quarterly,
    savings,
    signatures,
    timeliness,
    volumes,
)
from hub.reports.made import Made, Share, Told, ToldCount, Words
from hub.settings import Settings
from tests.support.country import Country, table_of
from tests.support.scenes import Scene, genuine_document

BELOW = Scope(ScopeKind.BELOW, "H77")
SEPTEMBER = "2026-09"


def counted(made: Made) -> dict[str, tuple[int, int]]:
    """Indicator → both sides."""
    ratios = [one for one in made.figures if isinstance(one, Told)]
    return {one.indicator_id: (sum(one.numerator), sum(one.denominator)) for one in ratios}


def said(made: Made) -> list[str]:
    return [one.vi for one in made.notes]


@pytest.mark.parametrize("report", [one.report_id for one in REPORTS])
@pytest.mark.parametrize(
    "scope", [Scope(ScopeKind.HUB), Scope(ScopeKind.LEVEL, level=2), BELOW, Scope(ScopeKind.UNIT, "H77.3")], ids=str
)
def test_every_report_of_every_scope_says_what_it_is_about(province: Country, report: str, scope: Scope) -> None:
    made = province.report(report, SEPTEMBER, scope, compare=True)
    assert made.report_id == report
    assert made.lines[1].vi == "Kỳ báo cáo: Tháng 9 năm 2026 (01/09/2026–30/09/2026)"
    assert any(one.startswith("Bộ quy tắc qd28-2018") for one in said(made))
    assert made.data_sha256 in b"".join(as_csv.write_made(made)).decode("utf-8-sig")
    assert len({one.table_id for one in made.tables}) == len(made.tables)
    assert len({one.chart_id for one in made.charts}) == len(made.charts)


@pytest.mark.parametrize("report", [one.report_id for one in REPORTS])
def test_a_period_before_anything_happened_makes_every_report(province: Country, report: str) -> None:
    made = province.report(report, "2019-Q1", BELOW, compare=True)
    plan = {"agencies_planned"}  # known today, whatever the period
    assert {above for one, (above, _) in counted(made).items() if one not in plan} <= {0}


@pytest.mark.parametrize("report", [one.report_id for one in REPORTS])
def test_the_mail_about_a_report_is_english_in_its_english_half(province: Country, report: str) -> None:
    told = kept_reports.main_figures(as_json.shown(province.report(report, SEPTEMBER, BELOW)))
    assert told
    assert not any(one.vi.isascii() for one in told)
    assert all(one.en.replace("–", "").isascii() for one in told), "no ratio of nothing is a dash"


# -- volumes -------------------------------------------------------------------------------------------------------


def test_volumes_add_what_was_sent_and_what_was_received(province: Country) -> None:
    made = province.report("volumes", SEPTEMBER, BELOW, compare=True)
    rows = table_of(made, "counts").rows
    assert [row[1] for row in rows] == [125, 150, 275]
    assert rows[0][2:] == (20, 105, 4, 121), "the month before and the year before, with the change"
    units = {row[1]: row[2:] for row in table_of(made, "units").rows}
    assert units == {"H77": (80, 30, 110), "H77.1": (40, 60, 100), "H77.2": (5, 60, 65)}
    types = {row[0]: row[1:] for row in table_of(made, "types").rows}
    assert types == {"Công văn": (95, 120, 215), "Giấy mời": (30, 30, 60)}
    assert volumes.SHOWN.directions == (Direction.SENT, Direction.RECEIVED)
    assert counts_table.SUM_OF_BOTH.vi == table_of(made, "counts").rows[2][0]


def test_programs_find_the_volumes_by_their_names(province: Country) -> None:
    made = province.report("volumes", SEPTEMBER, BELOW)
    assert made.figures == (
        ToldCount("sent", Words("Văn bản gửi", "Documents sent"), 125),
        ToldCount("received", Words("Lượt nhận", "Copies received"), 150),
        ToldCount("sent_and_received", Words("Tổng gửi và nhận", "Sent and received"), 275),
    )
    (invitations, *_) = province.report("volumes", SEPTEMBER, BELOW, document_type="giay_moi").figures
    assert invitations.count == 30


# -- signatures and timeliness -------------------------------------------------------------------------------------


def test_signatures_are_those_of_documents_that_the_hub_saw(province: Country) -> None:
    made = province.report("signatures", SEPTEMBER, BELOW)
    found = counted(made)
    assert (found["signed_by_agency"], found["signed_by_both"]) == ((115, 125), (0, 125))
    assert found["valid_signatures"] == (115, 115)
    assert found["leaders_signing"] == (0, 4)
    assert [part.part_id for part in signatures.LAYOUT.parts] == ["documents", "agencies", "leaders"]


def test_timeliness_counts_what_was_answered(scene: Scene) -> None:
    for number in (1, 2, 3):
        scene.post(genuine_document(900 + number, to=("H41",)))
    scene.drain()
    country = Country(scene.database, scene.hub.now())
    made = country.report("timeliness", f"{scene.hub.now():%Y-%m}", Scope(ScopeKind.UNIT, "H41"))
    found = counted(made)
    assert (found["receipt_same_day"], found["feedback"], found["completion"]) == ((0, 3), (0, 3), (0, 0))
    sent = counted(country.report("timeliness", f"{scene.hub.now():%Y-%m}", Scope(ScopeKind.UNIT, "G22")))
    assert sent["sent_on_time"] == (0, 3), "they are dated months ago"
    assert timeliness.REPORT.report_id == timeliness.LAYOUT.report_id


# -- failures ------------------------------------------------------------------------------------------------------


def test_failures_name_the_reasons_of_the_hub(scene: Scene) -> None:
    scene.post(genuine_document(901, to=("Q1", "H98")))
    scene.drain()
    country = Country(scene.database, scene.hub.now())
    made = country.report("failures", f"{scene.hub.now():%Y-%m}")
    assert table_of(made, "counts").rows[0] == ("Trục từ chối khi gửi", 1)
    codes = [row[0] for row in table_of(made, "reasons").rows]
    assert codes
    assert all(row[1] != row[0] for row in table_of(made, "reasons").rows), "each reason is a sentence"
    assert "reasons" not in [one.table_id for one in country.report("failures", "2019-Q1").tables]
    assert failures.SHOWN.counts[0].direction is Direction.REJECTED


# -- connections ---------------------------------------------------------------------------------------------------


def test_connections_tell_the_plan_and_what_is_overdue(province: Country) -> None:
    made = province.report("connections", SEPTEMBER, BELOW)
    assert counted(made)["agencies_connected"] == (1, 4)
    assert said(made)[:4] == [
        "90 văn bản gửi không kèm bản giấy.",
        "1 đơn vị đã kết nối.",
        "Thêm 1 đơn vị đến hết ngày 31/12/2026.",
        "1 đơn vị quá hạn kế hoạch mà chưa kết nối.",
    ]
    assert table_of(made, "plan").rows == ((date(2026, 9, 1), 2, 1, 1, 1), (date(2026, 12, 31), 1, 0, 1, 2))
    units = [(row[1], row[5]) for row in table_of(made, "units").rows]
    assert units == [("H77.1", "Quá hạn"), ("H77.2", "Chưa đến hạn"), ("H77", "Đã kết nối")]
    before = province.report("connections", SEPTEMBER, BELOW, known_on=date(2026, 9, 20))
    assert table_of(before, "plan").rows == (), "the plan was not known then"
    assert connections.RATIOS[0] == "agencies_connected"


# -- the quarterly report ------------------------------------------------------------------------------------------


def test_the_quarterly_report_is_a_letter_with_its_figures(province: Country) -> None:
    made = province.report("quarterly", "2026-Q3", BELOW)
    letter = made.letter
    assert letter is not None
    assert letter.agency == "Đơn vị H77"
    assert letter.title.endswith("quý III năm 2026")
    text = "\n".join(letter.opening)
    assert "đã gửi 145 văn bản, nhận 150 lượt văn bản qua trục; tổng số gửi và nhận là 295" in text
    assert "200 / 260 văn bản, tỷ lệ 76,9 %" in text
    assert "trong đó 115 do đơn vị khai báo" in text
    assert letter.closing.endswith("./.")
    assert quarterly.REPORT.run is quarterly.run


def test_what_no_setting_says_is_left_for_the_records_clerk(province: Country) -> None:
    letter = province.report("quarterly", "2026-Q3").letter
    assert letter is not None
    assert {letter.agency, letter.place} == {"…………"}
    assert "………… báo cáo tình hình" in letter.opening[0]


def test_layers_are_ministries_and_provinces_with_all_below_them(province: Country) -> None:
    made = province.report("quarterly", "2026-Q3")
    local = next(one for one in made.tables if one.title.vi.startswith("Tỉnh, thành phố"))
    line = next(row for row in local.rows if row[2] == "H77")
    whole = next(cell for cell in line if isinstance(cell, Share))
    assert whole.denominator == 260, "with all below it"
    assert "scope=below&agency=H77" in whole.denominator_link
    assert layered_tables.is_local("H77.1")
    single = province.report("quarterly", "2026-Q3", Scope(ScopeKind.UNIT, "H77"))
    assert [one.table_id for one in single.tables] == ["indicators"]


# -- savings -------------------------------------------------------------------------------------------------------


def test_savings_are_the_cost_model_of_the_settings_with_all_parameters(province: Country) -> None:
    made = province.report("savings", SEPTEMBER, BELOW)
    costs: CostModel = savings.model(Settings())
    saved, still = costs.of(90), costs.of(50)
    total = table_of(made, "money").rows[-1]
    assert total[1:] == (saved.total_vnd, still.total_vnd)
    assert saved.total_vnd > 0
    parameters = {row[0]: row[1] for row in table_of(made, "parameters").rows}
    assert set(parameters.values()) >= {costs.page_vnd, costs.postage_per_copy_vnd, costs.hour_vnd}
    dearer = savings.model(Settings(saving_page_vnd=Settings().saving_page_vnd * 2))
    assert dearer.of(90).total_vnd > saved.total_vnd
