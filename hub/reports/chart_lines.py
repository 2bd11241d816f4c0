"""Lines over periods: several in one frame, or one small frame for each name on the same scale.

Owns: where periods stand, gaps where there is no figure, which figures are written at the points.
Never: draws a line through a period that has no figure.
Source: issue “Paper-free percentages that can be audited” (percent by period with its target).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hub.reports import chart_axes as axes
from hub.reports.chart_axes import PAD, VALUE_ROOM, WIDTH, Scale, grid, mark, written
from hub.reports.made import Chart, Series
from hub.reports.svg import GREY, Picture, wide

_HEIGHT, _LEFT, _APART, _FEW = 250, 64, 13, 13
_PANEL_HEIGHT, _PANEL_GAP = 52, 14
_COLUMNS = ((2, 2), (12, 3), (24, 4))  # up to so many panels: so many side by side


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame for lines: periods across, values up."""

    left: float
    width: float
    periods: int
    up: Scale

    def x(self, number: int) -> float:
        """The middle of a period."""
        return self.left + self.width * (number + 0.5) / self.periods

    def points(self, series: Series) -> Iterator[list[tuple[float, float]]]:
        """The runs of neighbouring periods that have a figure."""
        run: list[tuple[float, float]] = []
        for number, value in enumerate(series.values):
            if value is not None:
                run.append((self.x(number), self.up.at(value)))
            elif run:
                yield run
                run = []
        if run:
            yield run


def over_periods(picture: Picture, chart: Chart, top: float) -> float:
    """All series in one frame; says where it ends below."""
    most, steps = axes.axis(chart)
    right = WIDTH - PAD - VALUE_ROOM
    frame = _Frame(_LEFT, right - _LEFT, len(chart.labels), Scale(top + 10 + _HEIGHT, -_HEIGHT, most))
    for tick in frame.up.ticks(steps):
        y = frame.up.at(tick)
        grid(picture, (_LEFT, y), (right, y), first=not tick)
        picture.text(_LEFT - 6, y + 4, axes.tick_words(chart, tick), size=11.5, text_anchor="end")
    _target(picture, chart, frame)
    _periods(picture, chart, frame)
    for number, series in enumerate(chart.series):
        _line(picture, frame, series, axes.stroke(number))
        for place, value in enumerate(series.values):
            if value is not None:
                tells = f"{chart.labels[place]}, {series.name.vi}: {written(chart, value)}"
                mark(picture, number, (frame.x(place), frame.up.at(value)), tells=tells)
    _figures(picture, chart, frame)
    return frame.up.start + 20


def multiples(picture: Picture, chart: Chart, top: float) -> float:
    """A small frame for each series, all on one scale; says where it ends below."""
    columns = next((columns for most, columns in _COLUMNS if len(chart.series) <= most), 6)
    width = (WIDTH - 2 * PAD - (columns - 1) * _PANEL_GAP) / columns
    each = _PANEL_HEIGHT + 44
    most, _ = axes.axis(chart)
    names = _without_common([series.name.vi for series in chart.series])
    for number, series in enumerate(chart.series):
        line, column = divmod(number, columns)
        left, upper = PAD + column * (width + _PANEL_GAP), top + 6 + line * each
        frame = _Frame(left, width, len(chart.labels), Scale(upper + 18 + _PANEL_HEIGHT, -_PANEL_HEIGHT, most))
        _panel(picture, chart, frame, (series, names[number]))
    below = top + 6 + -(-len(chart.series) // columns) * each
    scale = f"Các ô có cùng thang đo: từ {axes.tick_words(chart, most * 0)} đến {axes.tick_words(chart, most)}"
    picture.text(PAD, below + 4, scale, size=11, fill=GREY)
    return below + 8


def _without_common(names: list[str]) -> list[str]:
    """The names without the words that all begin with: `Ủy ban nhân dân tỉnh …` would be cut before they differ."""
    words = [name.split() for name in names]
    fewest, same = min(len(one) for one in words), 0
    while len(names) > 1 and same < fewest - 1 and len({one[same] for one in words}) == 1:
        same += 1
    return [" ".join(one[same:]) for one in words]


def _panel(picture: Picture, chart: Chart, frame: _Frame, named: tuple[Series, str]) -> None:
    series, name = named
    left, right, bottom = frame.left, frame.left + frame.width, frame.up.start
    size = 11.5 if frame.width > 160 else 10
    words = axes.fitted(name, size, frame.width)
    picture.text(left, bottom - _PANEL_HEIGHT - 7, words, size=size, full=series.name.vi, font_weight="bold")
    for place in (bottom, bottom - _PANEL_HEIGHT):
        grid(picture, (left, place), (right, place), first=place == bottom)
    _target(picture, chart, frame)
    _line(picture, frame, series, axes.stroke(0) | {"stroke_width": 1.6})
    for run in frame.points(series):
        mark(picture, 0, run[-1], size=2)
    picture.text(left, bottom + 12, chart.labels[0], size=9.5, fill=GREY)
    if (last := _last(series)) and (len(chart.labels) > 1):
        figure = f"{chart.labels[last[0]]}: {written(chart, last[1])}"
        picture.text(right, bottom + 12, figure, size=10, text_anchor="end")


def _target(picture: Picture, chart: Chart, frame: _Frame) -> None:
    if chart.target is not None:
        y = frame.up.at(chart.target)
        picture.line(frame.left, y, frame.left + frame.width, y, **axes.TARGET)


def _line(picture: Picture, frame: _Frame, series: Series, look: dict[str, object]) -> None:
    for run in frame.points(series):
        places = " ".join(f"{x:.1f},{y:.1f}" for x, y in run)
        picture.shape("polyline", points=places, fill="none", stroke_linejoin="round", **look)


def _periods(picture: Picture, chart: Chart, frame: _Frame) -> None:
    """The names of the periods, as many as have room, the last one always."""
    room = max(wide(label, 11.5) for label in chart.labels) + 10
    every = max(1, -(-int(room * frame.periods) // int(frame.width)))
    for number in range(frame.periods - 1, -1, -every):
        x = frame.x(number)
        picture.text(x, frame.up.start + 16, chart.labels[number], size=11.5, text_anchor="middle")


def _figures(picture: Picture, chart: Chart, frame: _Frame) -> None:
    """Every figure of a single short line; else the last of each line, pushed apart."""
    if len(chart.series) == 1 and frame.periods <= _FEW:
        for number, value in enumerate(chart.series[0].values):
            if value is not None:
                y = frame.up.at(value) - 8
                picture.figure(frame.x(number), y, written(chart, value), size=11.5, text_anchor="middle")
        return
    lasts = [
        (frame.up.at(last[1]), frame.x(last[0]), written(chart, last[1]))
        for series in chart.series
        if (last := _last(series))
    ]
    lowest = 0.0
    for y, x, words in sorted(lasts):
        lowest = max(lowest + _APART, y + 4)
        picture.figure(x + 8, lowest, words, size=11.5)


def _last(series: Series) -> tuple[int, axes.Value] | None:
    """The last period that has a figure, and that figure."""
    return next(((n, value) for n, value in reversed(list(enumerate(series.values))) if value is not None), None)
