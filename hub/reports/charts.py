"""Charts as SVG: league bars, stacked bars, lines over periods, small multiples.

Owns: title, legend, and the description that says every figure to who cannot see the drawing.
Never: computes a figure; runs a script, loads a font.
Source: WAI-ARIA 1.2; issue “Paper-free percentages that can be audited”.
"""

from __future__ import annotations

from hub.reports import chart_bars, chart_lines
from hub.reports.chart_axes import PAD, TARGET, WIDTH, fill, mark, stroke, written
from hub.reports.made import Chart, Drawing
from hub.reports.svg import INK, Picture, cut, lines, wide

_DRAWN = {
    Drawing.BARS: chart_bars.bars,
    Drawing.STACKED: chart_bars.stacked,
    Drawing.LINES: chart_lines.over_periods,
    Drawing.MULTIPLES: chart_lines.multiples,
}
_NO_FIGURES = "Không có số liệu"
_LONGEST_NAME = 330


def svg(chart: Chart) -> str:
    """The drawing, with Vietnamese words; its description holds every figure."""
    picture = Picture(WIDTH)
    below = _title(picture, chart)
    if any(value is not None for series in chart.series for value in series.values):
        below = _DRAWN[chart.drawing](picture, chart, _legend(picture, chart, below))
    else:
        picture.text(PAD, below + 14, _NO_FIGURES, size=13)
        below += 20
    return picture.whole(below + PAD, key=chart.chart_id, title=chart.title.vi, description=_told(chart))


def _told(chart: Chart) -> str:
    told = [
        f"{series.name.vi}: "
        + "; ".join(f"{label} {written(chart, one)}" for label, one in zip(chart.labels, series.values, strict=True))
        for series in chart.series
    ]
    goal = [] if chart.target is None else [f"Mục tiêu: {written(chart, chart.target)}"]
    return ". ".join([*told, *goal, chart.title.en])


def _title(picture: Picture, chart: Chart) -> float:
    y = 6.0
    for line in lines(chart.title.vi, 15, WIDTH - 2 * PAD):
        y += 18
        picture.text(PAD, y, line, size=15, font_weight="bold")
    return y + 6


def _legend(picture: Picture, chart: Chart, y: float) -> float:
    """What the colours and the dashed line mean; a single series and small multiples need no colours."""
    named = chart.drawing is not Drawing.MULTIPLES and len(chart.series) > 1
    entries: list[tuple[int | None, str]] = [(n, one.name.vi) for n, one in enumerate(chart.series)] if named else []
    if chart.target is not None:
        entries.append((None, f"Mục tiêu {written(chart, chart.target)}"))
    x, y = float(PAD), y + 14 if entries else y
    for number, full in entries:
        name = cut(full, 12, _LONGEST_NAME)
        if x > PAD and x + 26 + wide(name, 12) > WIDTH - PAD:
            x, y = float(PAD), y + 18
        _sample(picture, chart, number, (x, y - 4))
        picture.text(x + 26, y, name, full=full)
        x += 44 + wide(name, 12)
    return y + 8


def _sample(picture: Picture, chart: Chart, number: int | None, at: tuple[float, float]) -> None:
    x, y = at
    if number is None:
        picture.line(x, y, x + 20, y, **TARGET)
    elif chart.drawing is Drawing.LINES:
        picture.line(x, y, x + 20, y, **stroke(number))
        mark(picture, number, (x + 10, y))
    else:
        picture.shape("rect", x=x + 3, y=y - 6, width=15, height=11, fill=fill(number), stroke=INK, stroke_width=0.5)
