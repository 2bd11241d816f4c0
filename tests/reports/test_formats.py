"""Figures and days in Vietnamese form, in every corner where rounding or a sign could go wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction

import pytest

from hub.reports import formats
from hub.reports.made import Cell, Kind, Share
from tests.support import made_reports


@pytest.mark.parametrize(
    ("number", "written"), [(0, "0"), (999, "999"), (1000, "1.000"), (18302, "18.302"), (-1234567, "-1.234.567")]
)
def test_thousands_are_apart_by_dots(number: int, written: str) -> None:
    assert formats.number_vi(number) == written


@pytest.mark.parametrize(
    ("ratio", "written"),
    [
        (Fraction(18274, 18302), "99,8 %"),
        (Fraction(445, 445), "100,0 %"),
        (Fraction(0), "0,0 %"),
        (Fraction(3, 10), "30,0 %"),
        (Fraction(5, 10000), "0,1 %"),
        (Fraction(-3, 250), "-1,2 %"),
        (None, "–"),
    ],
)
def test_percent_has_a_comma_and_a_space(ratio: Fraction | None, written: str) -> None:
    assert formats.ratio_vi(ratio).replace("\u00a0", " ") == written


@pytest.mark.parametrize(
    ("number", "places", "written"),
    [
        (Fraction(24691, 2), 1, "12.345,5"),
        (Fraction(5, 100), 1, "0,1"),  # half up
        (Fraction(-5, 100), 1, "-0,1"),  # away from nought
        (Fraction(-4, 100), 1, "0,0"),  # no nought has a sign
        (Fraction(999, 1000), 1, "1,0"),
        (Fraction(1, 3), 3, "0,333"),
    ],
)
def test_decimals_are_rounded_half_up(number: Fraction, places: int, written: str) -> None:
    assert formats.decimal_vi(number, places=places) == written


@pytest.mark.parametrize(
    ("difference", "written"),
    [
        (Fraction(12, 1000), "+1,2 điểm %"),
        (Fraction(-2, 1000), "-0,2 điểm %"),
        (Fraction(1, 10000), "0,0 điểm %"),
        (Fraction(-1, 10000), "0,0 điểm %"),
        (None, "–"),
    ],
)
def test_a_change_has_its_sign_unless_it_is_none(difference: Fraction | None, written: str) -> None:
    assert formats.points_vi(difference) == written


def test_an_evening_in_utc_is_the_next_day_in_vietnam() -> None:
    assert formats.time_vi(datetime(2026, 12, 31, 17, 0, tzinfo=UTC)) == "01/01/2027 00:00:00"


@pytest.mark.parametrize(
    ("day", "written"),
    [
        (date(2026, 1, 1), "ngày 01 tháng 01 năm 2026"),
        (date(2026, 2, 28), "ngày 28 tháng 02 năm 2026"),
        (date(2026, 3, 9), "ngày 09 tháng 3 năm 2026"),
        (date(2026, 12, 31), "ngày 31 tháng 12 năm 2026"),
    ],
)
def test_the_day_of_a_letter_takes_noughts_as_the_decree_wants(day: date, written: str) -> None:
    assert formats.written_day_vi(day) == written


@pytest.mark.parametrize(
    ("cell", "kind", "written"),
    [
        ("Số 7", Kind.TEXT, "Số 7"),
        (None, Kind.TEXT, ""),
        (None, Kind.DATE, "–"),
        (18302, Kind.NUMBER, "18.302"),
        (12500000, Kind.MONEY, "12.500.000 đ"),
        (Share(0, 0), Kind.SHARE, "–"),
        (Fraction(1, 8), Kind.SHARE, "12,5 %"),
        (Fraction(1, 8), Kind.NUMBER, "0,1"),
        (date(2026, 3, 2), Kind.DATE, "02/03/2026"),
        (datetime(2026, 3, 1, 18, 30, 5, tzinfo=UTC), Kind.TIME, "02/03/2026 01:30:05"),
    ],
)
def test_a_cell_is_written_by_its_kind(cell: Cell, kind: Kind, written: str) -> None:
    assert formats.cell_vi(cell, kind).replace("\u00a0", " ") == written


def test_the_foot_names_rules_day_time_and_data() -> None:
    made = made_reports.report()
    assert formats.foot_vi(made) == (
        ("Bộ quy tắc", "qd28-2018"),
        ("Số liệu biết đến hết ngày", "05/10/2026"),
        ("Lập lúc", "05/10/2026 08:30:05"),
        ("SHA-256 của dữ liệu", made.data_sha256),
    )
