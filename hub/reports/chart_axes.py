"""Scales, colours and marks of the charts.

Owns: the end of an axis and its ticks, the palette (for colour-blind eyes and grey print), a value in words.
Never: draws an axis of percent that does not run from 0 to 100, or one of counts that does not start at 0.
Source: Okabe and Ito (colours); Vietnamese figures (hub/reports/formats.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import count

from hub.reports.formats import NOTHING, decimal_vi, number_vi, ratio_vi
from hub.reports.made import Chart, Drawing
from hub.reports.svg import GREY, Picture, cut, wide

WIDTH = 760
PAD, VALUE_ROOM = 12, 62
TARGET = {"stroke": "#a4001d", "stroke_width": 1.6, "stroke_dasharray": "6 4"}
Value = Fraction | int | None
_FILLS = ("#0b4f8a", "#eda320", "#d3e3ef", "#2e8b57", "#222222", "#cc79a7")  # neighbours differ in lightness
LIGHT = frozenset(("#eda320", "#d3e3ef", "#cc79a7"))
_STROKES = ("#0b4f8a", "#d55e00", "#2e8b57", "#7b3294", "#222222", "#8c6d1f")
_DASHES = (None, "8 3", "2 3", "9 3 2 3", "14 4", "4 2")
_GRID = "#c9c9c9"
# As offices shorten themselves; what the name begins with says less than what it ends with.
_SHORT = (("Ủy ban nhân dân", "UBND"), ("Uỷ ban nhân dân", "UBND"), ("Hội đồng nhân dân", "HĐND"))
_CITY = ("thành phố", "TP.")


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to places: 0 stands at `start`, `most` at `start + length` (upwards when that is negative)."""

    start: float
    length: float
    most: Fraction

    def at(self, value: Fraction | int) -> float:
        """Where a value stands; what is beyond the axis stands at its end."""
        return self.start + self.length * float(min(max(Fraction(value) / self.most, Fraction(0)), Fraction(1)))

    def ticks(self, steps: int) -> list[Fraction]:
        """The values that the axis names."""
        return [self.most * step / steps for step in range(steps + 1)]


def written(chart: Chart, value: Value) -> str:
    """A value of the chart as people read it."""
    if value is None:
        return NOTHING
    if chart.percent:
        return ratio_vi(Fraction(value))
    return number_vi(int(value)) if Fraction(value).denominator == 1 else decimal_vi(Fraction(value))


def tick_words(chart: Chart, value: Fraction) -> str:
    """A value of an axis: whole percent, or a whole number."""
    return f"{number_vi(int(value * 100))} %" if chart.percent else number_vi(int(value))


def axis(chart: Chart) -> tuple[Fraction, int]:
    """The end of the axis and in how many steps it is cut: 0 to 100 for percent, whole round steps for counts."""
    if chart.percent:
        return Fraction(1), 4
    rows = list(zip(*(series.values for series in chart.series), strict=True))
    stacked = chart.drawing is Drawing.STACKED
    values = [sum(one or 0 for one in row) if stacked else max(one or 0 for one in row) for row in rows]
    highest = max(Fraction(1), *(Fraction(value) for value in [*values, chart.target or 0]))
    step = next(
        Fraction(digit * 10**power) for power in count() for digit in (1, 2, 5) if digit * 10**power * 5 >= highest
    )
    steps = -(-highest // step)
    return step * steps, steps


def fitted(name: str, size: float, room: float) -> str:
    """The name, or its usual short form, or as much of that as has room.

    >>> fitted("Ủy ban nhân dân tỉnh Đắk Lắk", 12, 140), fitted("Ủy ban nhân dân tỉnh Đắk Lắk", 12, 90)
    ('UBND tỉnh Đắk Lắk', 'UBND tỉnh Đ…')
    """
    for long, short in (*_SHORT, _CITY):
        if wide(name, size) > room:
            name = name.replace(long, short).replace(long.capitalize(), short)
    return cut(name, size, room)


def fill(number: int) -> str:
    """The colour of a bar or part."""
    return _FILLS[number % len(_FILLS)]


def stroke(number: int) -> dict[str, object]:
    """The look of a line; lines differ in dashes too."""
    return {
        "stroke": _STROKES[number % len(_STROKES)],
        "stroke_width": 2,
        "stroke_dasharray": _DASHES[number % len(_DASHES)],
    }


def grid(picture: Picture, start: tuple[float, float], end: tuple[float, float], *, first: bool) -> None:
    """A line across the drawing; the first, at nought, is darker."""
    picture.line(*start, *end, stroke=GREY if first else _GRID, stroke_width=0.8)


def mark(picture: Picture, number: int, at: tuple[float, float], *, tells: str = "", size: float = 3.5) -> None:
    """The mark of a line's points: lines differ in shape too."""
    (x, y), look = at, {"fill": _STROKES[number % len(_STROKES)], "tells": tells}
    shape = number % 4
    if shape == 0:
        picture.shape("circle", cx=x, cy=y, r=size, **look)
    elif shape == 1:
        picture.shape("rect", x=x - size, y=y - size, width=2 * size, height=2 * size, **look)
    elif shape == 2:
        corners = f"{x:.1f},{y - size - 1:.1f} {x + size + 1:.1f},{y + size:.1f} {x - size - 1:.1f},{y + size:.1f}"
        picture.shape("polygon", points=corners, **look)
    else:
        far = size + 1
        corners = f"{x:.1f},{y - far:.1f} {x + far:.1f},{y:.1f} {x:.1f},{y + far:.1f} {x - far:.1f},{y:.1f}"
        picture.shape("polygon", points=corners, **look)
