"""Charts as SVG: what is drawn is what the figures say, no label covers another, nothing in them runs or loads."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from hub.reports import chart_axes, chart_bars, chart_lines, charts
from hub.reports.made import Chart, Drawing, Series, Words
from hub.reports.svg import Picture, cut, lines, safe, wide
from tests.support import made_reports

SVG = "{http://www.w3.org/2000/svg}"
ALL = [
    made_reports.chart(drawing, series=series, percent=percent, target=Fraction(9, 10) if percent else None)
    for drawing in Drawing
    for series in (1, 3)
    for percent in (True, False)
]
HOSTILE = "</text><script>alert(1)</script>&\x00\ud800\"'"


def drawn(chart: Chart) -> ElementTree.Element:
    return ElementTree.fromstring(charts.svg(chart))


def words(chart: Chart) -> list[str]:
    return [text.text or "" for text in drawn(chart).iter(f"{SVG}text")]


def bars(chart: Chart, *, colour: str = "#0b4f8a") -> list[dict[str, float]]:
    """The rectangles that tell a figure."""
    found = [one for one in drawn(chart).iter(f"{SVG}rect") if one.find(f"{SVG}title") is not None]
    return [
        {name: float(one.get(name, "")) for name in ("x", "y", "width", "height")}
        for one in found
        if one.get("fill") == colour
    ]


def box(text: ElementTree.Element) -> tuple[float, float, float, float]:
    """About where a text stands: left, right, top, bottom."""
    size, x, y = (float(text.get(name, "")) for name in ("font-size", "x", "y"))
    width = wide(text.text or "", size) * 0.85  # `wide` is rather too much
    left = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[text.get("text-anchor", "start")] * width
    return left, left + width, y - 0.72 * size, y


def one(drawing: Drawing, *values: Fraction | int | None, percent: bool = False, labels: tuple[str, ...] = ()) -> Chart:
    series = (Series(Words("Số văn bản", "Documents"), values),)
    named = labels or tuple(f"Đơn vị {number}" for number in range(len(values)))
    return Chart("c", Words("Biểu đồ", "Chart"), drawing, named, series, percent)


@pytest.mark.parametrize("chart", ALL, ids=lambda chart: f"{chart.chart_id}-{'percent' if chart.percent else 'count'}")
class TestEvery:
    def test_it_says_every_figure_to_who_cannot_see_it(self, chart: Chart) -> None:
        root = drawn(chart)
        assert root.get("role") == "img"
        title, told = (root.find(f"{SVG}{name}") for name in ("title", "desc"))
        assert title is not None
        assert told is not None
        assert told.text is not None
        assert root.get("aria-labelledby") == f"{title.get('id')} {told.get('id')}"
        assert title.text == chart.title.vi
        for series in chart.series:
            for label, value in zip(chart.labels, series.values, strict=True):
                assert f"{label} {chart_axes.written(chart, value)}" in told.text

    def test_no_text_covers_another_or_leaves_the_picture(self, chart: Chart) -> None:
        root = drawn(chart)
        _, _, width, height = (float(part) for part in root.get("viewBox", "").split())
        boxes = [(text.text, box(text)) for text in root.iter(f"{SVG}text")]
        for name, (left, right, top, bottom) in boxes:
            assert 0 <= left < right <= width, name
            assert 0 <= top < bottom <= height, name
        for number, (name, (left, right, top, bottom)) in enumerate(boxes):
            for other, (start, end, upper, lower) in boxes[number + 1 :]:
                assert right <= start or end <= left or bottom <= upper or lower <= top, (name, other)

    def test_nothing_in_it_runs_or_loads(self, chart: Chart) -> None:
        kinds = {element.tag.removeprefix(SVG) for element in drawn(chart).iter()}
        assert kinds <= {"svg", "title", "desc", "rect", "line", "text", "g", "circle", "polygon", "polyline"}
        assert not re.search(r"href|url\(|style=|\son\w+=", charts.svg(chart))

    def test_it_is_the_same_every_time(self, chart: Chart) -> None:
        assert charts.svg(chart) == charts.svg(replace(chart))


class TestBars:
    def test_a_bar_is_as_long_as_its_figure(self) -> None:
        quarter, half, whole = bars(one(Drawing.BARS, Fraction(1, 4), Fraction(1, 2), Fraction(1), percent=True))
        assert half["width"] == pytest.approx(2 * quarter["width"], abs=0.2)
        assert whole["width"] == pytest.approx(4 * quarter["width"], abs=0.4)
        assert quarter["x"] == half["x"] == whole["x"]

    def test_percent_runs_from_0_to_100_however_high_the_figures_are(self) -> None:
        chart = one(Drawing.BARS, Fraction(98, 100), Fraction(99, 100), percent=True)
        assert [text for text in words(chart) if text in ("0 %", "50 %", "100 %")] == ["0 %", "50 %", "100 %"]
        low, high = bars(chart)
        assert high["width"] / low["width"] == pytest.approx(99 / 98, abs=0.005)

    @pytest.mark.parametrize(
        ("highest", "end", "steps"), [(0, 1, 1), (1, 1, 1), (5, 5, 5), (7, 8, 4), (18302, 20000, 4), (10**9, 10**9, 5)]
    )
    def test_counts_start_at_nought_and_end_at_a_round_number(self, highest: int, end: int, steps: int) -> None:
        assert chart_axes.axis(one(Drawing.BARS, highest)) == (end, steps)

    def test_nought_and_nothing_differ(self) -> None:
        chart = one(Drawing.BARS, 0, None, 5)
        assert [bar["width"] > 0 for bar in bars(chart)] == [False, True]
        assert {"0", "–"} <= set(words(chart))

    def test_two_hundred_names_fit_on_a_page_and_the_rest_is_counted(self) -> None:
        picture = Picture(chart_axes.WIDTH)
        below = chart_bars.bars(picture, one(Drawing.BARS, *range(200)), 40)
        assert below <= chart_bars.TALLEST + 20
        shown = len(bars(one(Drawing.BARS, *range(200))))
        assert f"… và {200 - shown} dòng nữa: xem bảng số liệu" in words(one(Drawing.BARS, *range(200)))

    def test_long_names_stand_on_two_lines_and_keep_what_tells_them_apart(self) -> None:
        long = ("Sở Thông tin và Truyền thông tỉnh Quảng Ngãi, phòng Công nghệ thông tin", "Sở Tài chính")
        shown = words(one(Drawing.BARS, 1, 2, labels=long))
        at = next(place for place, text in enumerate(shown) if text.startswith("Sở Thông tin"))
        assert f"{shown[at]} {shown[at + 1]}" == long[0]

    def test_a_name_that_is_cut_is_whole_for_who_points_at_it(self) -> None:
        name = "Ủy ban nhân dân " + "xã Mường Nhé " * 12
        root = drawn(one(Drawing.BARS, 1, 2, labels=(name.strip(), "Sở Tài chính")))
        group = next(iter(root.iter(f"{SVG}g")))
        assert group.findtext(f"{SVG}title") == name.strip()
        assert (group.findtext(f"{SVG}text") or "").startswith("UBND xã Mường Nhé")


class TestStacked:
    def test_the_parts_of_a_whole_are_as_long_as_the_whole(self) -> None:
        parts = made_reports.chart(Drawing.STACKED, series=4)
        rows: dict[float, float] = {}
        for number in range(4):
            for bar in bars(parts, colour=chart_axes.fill(number)):
                rows[bar["y"]] = rows.get(bar["y"], 0) + bar["width"]
        assert len(rows) == len(made_reports.UNITS)
        ticks = {text.text: float(text.get("x", "")) for text in drawn(parts).iter(f"{SVG}text")}
        assert list(rows.values()) == pytest.approx([ticks["100 %"] - ticks["0 %"]] * len(rows), abs=0.4)

    def test_of_counts_the_sum_stands_behind(self) -> None:
        series = tuple(Series(Words(f"Phần {n}", f"Part {n}"), (n * 1000,)) for n in (1, 2, 3))
        chart = Chart("c", Words("Biểu đồ", "Chart"), Drawing.STACKED, ("Đơn vị",), series, percent=False)
        assert {"1.000", "2.000", "3.000", "6.000"} <= set(words(chart))


class TestLines:
    def test_no_line_runs_through_a_period_without_a_figure(self) -> None:
        chart = one(Drawing.LINES, 1, 2, None, 4, 5)
        runs = [line.get("points", "").split() for line in drawn(chart).iter(f"{SVG}polyline")]
        assert [len(run) for run in runs] == [2, 2]
        assert len(list(drawn(chart).iter(f"{SVG}circle"))) == 4

    def test_higher_figures_stand_higher(self) -> None:
        points = [point for line in drawn(one(Drawing.LINES, 3, 1, 2)).iter(f"{SVG}polyline")
                  for point in line.get("points", "").split()]  # fmt: skip
        highest, lowest, middle = (float(point.split(",")[1]) for point in points)
        assert highest < middle < lowest

    def test_the_last_period_is_always_named(self) -> None:
        labels = tuple(f"{month:02d}/{year}" for year in (2024, 2025, 2026) for month in range(1, 13))
        shown = words(one(Drawing.LINES, *range(36), labels=labels))
        assert "12/2026" in shown
        assert 3 < len(set(labels) & set(shown)) < 20

    def test_lines_that_end_together_have_figures_apart(self) -> None:
        series = tuple(Series(Words(f"Dòng {n}", f"Line {n}"), (5, 100 + n)) for n in range(4))
        chart = Chart("c", Words("Biểu đồ", "Chart"), Drawing.LINES, ("a", "b"), series, percent=False)
        lasts = [text for text in drawn(chart).iter(f"{SVG}text") if text.text in {"100", "101", "102", "103"}]
        places = sorted(float(text.get("y", "")) for text in lasts if text.get("paint-order"))
        assert len(places) == 4
        assert all(lower - upper >= 11 for upper, lower in pairwise(places))

    def test_small_multiples_share_one_scale(self) -> None:
        series = tuple(Series(Words(name, name), (0, value)) for name, value in (("Một", 10), ("Hai", 1000)))
        chart = Chart("c", Words("Biểu đồ", "Chart"), Drawing.MULTIPLES, ("a", "b"), series, percent=False)
        low, high = ([float(point.split(",")[1]) for point in line.get("points", "").split()]
                     for line in drawn(chart).iter(f"{SVG}polyline"))  # fmt: skip
        assert low[0] - low[1] < 2 < 40 < high[0] - high[1]
        assert "Các ô có cùng thang đo: từ 0 đến 1.000" in words(chart)

    def test_what_all_panels_begin_with_is_left_out(self) -> None:
        picture = Picture(chart_axes.WIDTH)
        names = ("Ủy ban nhân dân tỉnh Lào Cai", "Ủy ban nhân dân tỉnh Yên Bái")
        series = tuple(Series(Words(name, name), (1,)) for name in names)
        chart = Chart("c", Words("Biểu đồ", "Chart"), Drawing.MULTIPLES, ("a",), series, percent=False)
        assert chart_lines.multiples(picture, chart, 40) > 40
        assert {"Lào Cai", "Yên Bái"} <= set(words(chart))


class TestWords:
    def test_hostile_names_stay_names(self) -> None:
        series = (Series(Words(HOSTILE, HOSTILE), (1, 2)), Series(Words("b", "b"), (1, 2)))
        for drawing in Drawing:
            chart = Chart(HOSTILE, Words(HOSTILE, HOSTILE), drawing, (HOSTILE, "b"), series, percent=False, target=None)
            assert "<script" not in charts.svg(chart)
            assert drawn(chart).findtext(f"{SVG}title") == HOSTILE.replace("\x00", "").replace("\ud800", "")

    @pytest.mark.parametrize("drawing", list(Drawing))
    def test_without_any_figure_it_says_so(self, drawing: Drawing) -> None:
        assert "Không có số liệu" in words(one(drawing, None, None))
        assert "Không có số liệu" in words(one(drawing))

    def test_the_target_stands_in_the_legend(self) -> None:
        chart = made_reports.chart(Drawing.LINES, target=Fraction(9, 10))
        assert "Mục tiêu 90,0 %" in words(chart)
        assert "Mục tiêu: 90,0 %" in (drawn(chart).findtext(f"{SVG}desc") or "")

    def test_a_single_series_needs_no_legend(self) -> None:
        assert "Số văn bản" not in words(one(Drawing.BARS, 1, 2))

    def test_what_xml_cannot_hold_is_left_out(self) -> None:
        assert safe("a\x00\x0b\ufffe<") == "a&lt;"

    def test_a_text_is_cut_where_its_room_ends(self) -> None:
        assert cut("Văn phòng Chính phủ", 12, 1000) == "Văn phòng Chính phủ"
        assert wide(cut("Văn phòng Chính phủ", 12, 60), 12) <= 60
        assert lines("Văn phòng Chính phủ", 12, 90) == ["Văn phòng", "Chính phủ"]

    def test_neighbouring_colours_differ_in_lightness(self) -> None:
        def light(colour: str) -> float:
            red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
            return 0.2126 * red + 0.7152 * green + 0.0722 * blue

        fills = [chart_axes.fill(number) for number in range(6)]
        assert all(abs(light(a) - light(b)) > 30 for a, b in pairwise(fills))
