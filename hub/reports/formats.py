"""Figures and days as Vietnamese offices write them.

Owns: thousands with a dot, the decimal comma, percent with a space, đồng, dd/mm/yyyy, the written-out day of a letter.
Never: reads a figure back; touches what a machine reads (JSON keeps numbers and ISO 8601).
Source: Decree 30/2020/NĐ-CP Annex I part I (4)(b); Decision 28/2018/QĐ-TTg Art. 14(4) (Vietnamese time).
"""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction

from hub.domain.periods import VIETNAM
from hub.domain.ratios import percent_vi
from hub.reports.made import Cell, Kind, Made, Share

NOTHING = "–"  # no value, in a column of figures or days


def number_vi(number: int) -> str:
    """A whole number, thousands apart by dots.

    >>> number_vi(18302), number_vi(-1234567), number_vi(445)
    ('18.302', '-1.234.567', '445')
    """
    return f"{number:,}".replace(",", ".")


def decimal_vi(number: Fraction, *, places: int = 1) -> str:
    """A number with a decimal comma, rounded half up (away from nought).

    >>> decimal_vi(Fraction(24691, 2)), decimal_vi(Fraction(-1, 8), places=2), decimal_vi(Fraction(-1, 100))
    ('12.345,5', '-0,13', '0,0')
    """
    scale = 10**places
    whole, part = divmod(int((abs(number) * scale * 2 + 1) // 2), scale)
    sign = "-" if number < 0 and (whole or part) else ""
    return f"{sign}{number_vi(whole)},{part:0{places}d}"


def ratio_vi(ratio: Fraction | None) -> str:
    """A ratio in percent; also a negative one, as a difference of two.

    >>> ratio_vi(Fraction(18274, 18302)), ratio_vi(Fraction(-3, 250)), ratio_vi(None)
    ('99,8 %', '-1,2 %', '–')
    """
    return f"-{percent_vi(-ratio)}" if ratio is not None and ratio < 0 else percent_vi(ratio)


def points_vi(difference: Fraction | None) -> str:
    """The difference of two ratios in percentage points, with its sign.

    >>> points_vi(Fraction(3, 250)), points_vi(Fraction(-1, 500)), points_vi(Fraction(0)), points_vi(None)
    ('+1,2 điểm %', '-0,2 điểm %', '0,0 điểm %', '–')
    """
    if difference is None:
        return NOTHING
    written = decimal_vi(difference * 100)
    return f"{'+' if difference > 0 and written != '0,0' else ''}{written} điểm %"


def money_vi(dong: int) -> str:
    """Whole đồng.

    >>> money_vi(12500000)
    '12.500.000 đ'
    """
    return f"{number_vi(dong)} đ"


def day_vi(day: date) -> str:
    """dd/mm/yyyy.

    >>> day_vi(date(2026, 3, 2))
    '02/03/2026'
    """
    return f"{day:%d/%m/%Y}"


def time_vi(instant: datetime) -> str:
    """dd/mm/yyyy hh:mm:ss in Vietnamese time.

    >>> from datetime import UTC
    >>> time_vi(datetime(2026, 3, 1, 18, 30, 5, tzinfo=UTC))
    '02/03/2026 01:30:05'
    """
    return f"{instant.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}"


def written_day_vi(day: date) -> str:
    """The day at the head of a letter; days below 10 and the months 1 and 2 take a nought before.

    >>> written_day_vi(date(2026, 2, 5)), written_day_vi(date(2026, 9, 30))
    ('ngày 05 tháng 02 năm 2026', 'ngày 30 tháng 9 năm 2026')
    """
    month = f"{day.month:02d}" if day.month in (1, 2) else f"{day.month}"
    return f"ngày {day:%d} tháng {month} năm {day.year}"


def cell_vi(cell: Cell, kind: Kind) -> str:
    """A cell as people read it in a column of this kind; a Share is its percent only.

    >>> cell_vi(Share(1, 8), Kind.SHARE), cell_vi(None, Kind.NUMBER), cell_vi(None, Kind.TEXT)
    ('12,5 %', '–', '')
    """
    if cell is None:
        return "" if kind is Kind.TEXT else NOTHING
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Share):
        return ratio_vi(cell.ratio)
    if isinstance(cell, datetime):
        return time_vi(cell)
    if isinstance(cell, date):
        return day_vi(cell)
    if isinstance(cell, Fraction):
        return ratio_vi(cell) if kind is Kind.SHARE else decimal_vi(cell)
    return money_vi(cell) if kind is Kind.MONEY else number_vi(cell)


def foot_vi(made: Made) -> tuple[tuple[str, str], ...]:
    """What stands at the foot of every form: by which rules, as known when, made when, over which data."""
    return (
        ("Bộ quy tắc", made.rule_pack),
        ("Số liệu biết đến hết ngày", day_vi(made.known_on)),
        ("Lập lúc", time_vi(made.made_at)),
        ("SHA-256 của dữ liệu", made.data_sha256),
    )
