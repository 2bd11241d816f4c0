"""The paper-free report: what leaders quote, the league of units, earlier periods, types, parts over time."""

from __future__ import annotations

from datetime import date
from fractions import Fraction

import pytest

from hub.domain.periods import period
from hub.domain.scopes import Scope, ScopeKind
from hub.errors import NoSuchThing
from hub.reports import REPORTS, indicator_table, paper_free, report, trends
from hub.reports.made import Share
from hub.reports.protocol import named
from tests.support.country import Country, table_of

BELOW = Scope(ScopeKind.BELOW, "H77")


def shares(row: tuple) -> list[tuple[int, int] | None]:
    return [(cell.numerator, cell.denominator) for cell in row if isinstance(cell, Share)]


def test_all_reports_are_known_by_their_id() -> None:
    assert [one.report_id for one in REPORTS] == [
        *("paper-free", "volumes", "timeliness", "signatures", "failures", "connections", "quarterly", "savings")
    ]
    assert report("paper-free") is paper_free.REPORT
    with pytest.raises(NoSuchThing):
        report("nothing")


def test_the_four_ways_of_sending_are_together_the_whole(province: Country) -> None:
    made = province.report("paper-free", "2026-09", BELOW)
    rows = table_of(made, "indicators").rows
    assert [shares(row)[0] for row in rows] == [(90, 140), (25, 140), (10, 140), (15, 140), (125, 140)]
    assert sum(part for part, _ in (shares(row)[0] for row in rows[:4])) == 140
    assert [row[2:6] for row in rows][3] == (0, 15, 125, 15), "numerator and denominator, seen and declared"
    assert made.notes[0].vi == "Văn bản điện tử hoàn toàn, không gửi bản giấy: 90 / 140, 64,3 %."


def test_equal_ratios_share_a_place_and_the_last_line_is_that_of_the_sums(province: Country) -> None:
    rows = table_of(province.report("paper-free", "2026-09", BELOW), "units").rows
    assert [(row[0], row[2], shares(row)[:1]) for row in rows] == [
        (1, "H77", [(60, 80)]),
        (1, "H77.1", [(30, 40)]),
        (3, "H77.2", [(0, 20)]),
        (None, "H77.3", []),
        (None, "", [(90, 140)]),
    ]


def test_earlier_periods_are_asked_with_the_same_rules(province: Country) -> None:
    made = province.report("paper-free", "2026-09", BELOW, compare=True)
    fully = table_of(made, "indicators").rows[0]
    assert fully[8:] == (fully[8], Fraction(90, 140) * 100 - 50, fully[10], Fraction(90, 140) * 100 - 25)
    assert shares(fully)[1:] == [(10, 20), (1, 4)]
    assert len(indicator_table.POINTS) == 2


def test_an_entry_that_reaches_beyond_the_period_is_left_out_and_said(province: Country) -> None:
    month = province.report("paper-free", "2026-09", BELOW)
    told = "1 mục khai báo (100) có số ngày vượt ra ngoài kỳ báo cáo nên không tính vào kỳ này."
    assert told in [one.vi for one in month.notes]
    quarter = province.report("paper-free", "2026-Q3", BELOW)
    assert shares(table_of(quarter, "indicators").rows[0])[0] == (200, 260)
    assert told not in [one.vi for one in quarter.notes]


def test_a_type_has_its_own_target_and_stands_for_itself(province: Country) -> None:
    rows = {row[0]: row for row in table_of(province.report("paper-free", "2026-09", BELOW), "types").rows}
    assert rows["Giấy mời"][-2:] == (Fraction(1), "Đạt")
    assert shares(rows["Công văn"])[0] == (60, 95)
    narrowed = province.report("paper-free", "2026-09", BELOW, document_type="giay_moi")
    assert shares(table_of(narrowed, "indicators").rows[0])[0] == (30, 30)
    assert "types" not in [one.table_id for one in narrowed.tables]


def test_parts_over_time_are_days_of_a_month_and_months_of_a_quarter(province: Country) -> None:
    month = table_of(province.report("paper-free", "2026-09", BELOW), "over_time").rows
    assert len(month) == 30
    assert shares(month[14])[0] == (60, 95)
    quarter = table_of(province.report("paper-free", "2026-Q3", BELOW), "over_time").rows
    assert [shares(row)[0] for row in quarter] == [(0, 0), (10, 20), (90, 140)]
    assert trends.label(period("2026-09")) == "09/2026"
    day = province.report("paper-free", "2026-09-15", BELOW)
    assert "over_time" not in [one.table_id for one in day.tables]


def test_as_known_before_a_document_came_it_is_not_there(province: Country) -> None:
    made = province.report("paper-free", "2026-09", BELOW, known_on=date(2026, 9, 20))
    assert shares(table_of(made, "indicators").rows[0])[0] == (60, 95)
    assert "Số liệu biết đến hết ngày 20/09/2026" in [one.vi for one in made.lines]


def test_the_same_question_has_the_same_hash_and_another_one_has_not(province: Country) -> None:
    one, same = (province.report("paper-free", "2026-09", BELOW).data_sha256 for _ in range(2))
    other = province.report("paper-free", "2026-08", BELOW).data_sha256
    assert one == same != other


def test_an_agency_is_named_with_its_code() -> None:
    assert named("H77", {"H77": "Đơn vị H77"}) == "Đơn vị H77 (H77)"
