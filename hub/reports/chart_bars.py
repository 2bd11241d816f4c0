"""Bars that lie: one or more for each name, or the parts of a whole one behind the other.

Owns: where the rows stand, which figures are written beside or inside the bars.
Never: leaves rows out silently.
Source: issue “Paper-free percentages that can be audited” (league table; paper-free, with paper, paper only).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from hub.reports.chart_axes import (
    LIGHT,
    PAD,
    TARGET,
    VALUE_ROOM,
    WIDTH,
    Scale,
    axis,
    fill,
    fitted,
    grid,
    tick_words,
    written,
)
from hub.reports.formats import NOTHING, number_vi
from hub.reports.made import Chart, Drawing
from hub.reports.svg import INK, Picture, lines, wide

TALLEST = 1080  # an A4 page between its margins, in the units of the width
_NAME_ROOM, _SMALL = 270, 10.5


@dataclass(frozen=True, slots=True)
class _Rows:
    """Where the rows stand and how large they are written."""

    scale: Scale
    top: float
    each: float
    size: float

    def baseline(self, number: int) -> float:
        """The line on which the words of a row stand."""
        return self.top + (number + 0.5) * self.each + self.size * 0.36


def bars(picture: Picture, chart: Chart, top: float) -> float:
    """A bar for each name and series; says where it ends below."""
    return _framed(picture, chart, top, _bar_row, thin=len(chart.series))


def stacked(picture: Picture, chart: Chart, top: float) -> float:
    """The series of each name one behind the other; says where it ends below."""
    return _framed(picture, chart, top, _stacked_row, thin=1)


def _framed(
    picture: Picture, chart: Chart, top: float, row: Callable[[Picture, Chart, _Rows, int], None], *, thin: int
) -> float:
    count = len(chart.labels)
    size, each = (12.0, 22.0) if count <= 20 else (11.0, 18.0) if count <= 40 else (10.0, 15.0)
    each = max(each, thin * (13 if count <= 20 else 10) + 5)
    shown = min(count, int((TALLEST - top - 60) // each))
    room = min(_NAME_ROOM, max(wide(label, size) for label in chart.labels[:shown]))
    most, steps = axis(chart)
    start = PAD + room + 8
    beside = 18 if chart.percent and chart.drawing is Drawing.STACKED else VALUE_ROOM
    rows = _Rows(Scale(start, WIDTH - PAD - beside - start, most), top + 6, each, size)
    bottom = rows.top + shown * each + 2
    _axis(picture, chart, rows, (bottom, steps))
    for number, full in enumerate(chart.labels[:shown]):
        _name(picture, full, (PAD + room, rows.baseline(number)), rows)
        row(picture, chart, rows, number)
    if chart.target is not None:
        x = rows.scale.at(chart.target)
        picture.line(x, rows.top - 4, x, bottom, **TARGET)
    if shown < count:
        picture.text(PAD, bottom + 31, f"… và {number_vi(count - shown)} dòng nữa: xem bảng số liệu", size=12)
        bottom += 18
    return bottom + 18


def _name(picture: Picture, full: str, at: tuple[float, float], rows: _Rows) -> None:
    """On two lines where it needs them and the row is high enough, else shortened."""
    (x, y), size, broken = at, rows.size, [full]
    room = x - PAD
    if wide(full, size) > room and rows.each >= 2 * _SMALL:
        size, broken = _SMALL, min((lines(full, _SMALL, room * part) for part in (0.6, 0.7, 0.8, 0.9, 1)), key=len)
    if len(broken) > 2 or size == rows.size:
        size, broken = rows.size, [fitted(full, rows.size, room)]
    for number, words in enumerate(broken):
        lower = (number - (len(broken) - 1) / 2) * (size + 0.5)
        picture.text(x, y + lower, words, size=size, full=full, text_anchor="end")


def _axis(picture: Picture, chart: Chart, rows: _Rows, ends: tuple[float, int]) -> None:
    bottom, steps = ends
    for tick in rows.scale.ticks(steps):
        x = rows.scale.at(tick)
        grid(picture, (x, rows.top - 2), (x, bottom), first=not tick)
        picture.text(x, bottom + 13, tick_words(chart, tick), size=11, text_anchor="middle")


def _bar_row(picture: Picture, chart: Chart, rows: _Rows, number: int) -> None:
    thick = (rows.each - 5) / len(chart.series)
    size = min(rows.size, thick)
    for place, series in enumerate(chart.series):
        value, y, x = series.values[number], rows.top + number * rows.each + 2.5 + place * thick, rows.scale.start
        words = written(chart, value)
        if value is not None:
            x = rows.scale.at(value)
            frame = {"x": rows.scale.start, "y": y, "width": x - rows.scale.start, "height": thick - 1}
            tells = f"{chart.labels[number]}, {series.name.vi}: {words}"
            picture.shape("rect", tells=tells, fill=fill(place), **frame)
        picture.figure(x + 5, y + thick / 2 + size * 0.33, words, size=size)


def _stacked_row(picture: Picture, chart: Chart, rows: _Rows, number: int) -> None:
    values = [series.values[number] for series in chart.series]
    so_far, baseline = Fraction(0), rows.baseline(number)
    for place, value in enumerate(values):
        if value:
            _part(picture, chart, rows, (number, place, so_far))
            so_far += value
    if not any(values):
        picture.text(rows.scale.start + 5, baseline, NOTHING if None in values else written(chart, 0), size=rows.size)
    elif not chart.percent:
        picture.figure(rows.scale.at(so_far) + 5, baseline, written(chart, so_far), size=rows.size)


def _part(picture: Picture, chart: Chart, rows: _Rows, which: tuple[int, int, Fraction]) -> None:
    """One part: its figure stands inside when there is room."""
    number, place, so_far = which
    value = chart.series[place].values[number] or 0
    start, end = rows.scale.at(so_far), rows.scale.at(so_far + value)
    words, colour = written(chart, value), fill(place)
    tells = f"{chart.labels[number]}, {chart.series[place].name.vi}: {words}"
    frame = {"x": start, "y": rows.top + number * rows.each + 2, "width": end - start, "height": rows.each - 4}
    picture.shape("rect", tells=tells, fill=colour, stroke="#ffffff", stroke_width=0.8, **frame)
    if wide(words, rows.size - 1) + 2 <= end - start:
        ink = INK if colour in LIGHT else "#ffffff"
        middle = (start + end) / 2
        picture.text(middle, rows.baseline(number), words, size=rows.size - 1, fill=ink, text_anchor="middle")
