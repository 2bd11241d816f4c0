"""Savings: paper, postage and working time that documents without paper did not cost, by a cost model that is printed.

Owns: which documents save (fully electronic), which still could; the printed parameters.
Never: takes a price from anywhere but the settings; calls a default a fact.
Source: field notes "Money and paper saved" (the case for the national axis); Decision 28/2018/QĐ-TTg Art. 5(3).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hub.domain.cost_model import Cost, CostModel
from hub.reports import figures, indicator_table, links, surroundings
from hub.reports.figures import Figure
from hub.reports.formats import money_vi, number_vi
from hub.reports.made import Chart, Column, Drawing, Kind, Made, Series, Table, Words
from hub.reports.paper_free import FULLY, NOT_REPLACING, ON_PAPER, PARALLEL
from hub.reports.protocol import Report, ReportAsked
from hub.settings import Settings

TITLE = Words("Tiết kiệm giấy, bưu chính và thời gian", "Savings: paper, postage and time")
MOST_DRAWN = 20
_AXIS = Words(
    "Để so sánh: khi lập dự án, Trục liên thông văn bản quốc gia được tính tiết kiệm trên 1.200 tỷ đồng mỗi năm "
    "(giấy 154,3; bưu chính 575; thời gian 576 tỷ đồng; ba số cộng lại là 1.305,3) [confirm].",
    "For comparison: the national axis was justified by savings of over 1 200 bn đồng a year (paper 154.3, postage "
    "575, time 576; the three add up to 1 305.3) [confirm].",
)
_ASSUMED = Words(
    "Đơn giá, định mức là tham số do bên vận hành đặt (saving_*); giá trị mặc định chưa có nguồn xác nhận [confirm].",
    "Prices and quantities are settings of the operator (saving_*); no source settles their defaults [confirm].",
)
_PARTS = (
    (Words("Giấy, in", "Paper and print"), "paper_vnd"),
    (Words("Bưu chính", "Postage"), "post_vnd"),
    (Words("Thời gian làm việc", "Working time"), "time_vnd"),
    (Words("Tổng", "Total"), "total_vnd"),
)


def model(settings: Settings) -> CostModel:
    """The cost model as configured."""
    return CostModel(
        pages_per_document=settings.saving_pages_per_document,
        copies_per_document=settings.saving_copies_per_document,
        page_vnd=settings.saving_page_vnd,
        postage_per_copy_vnd=settings.saving_postage_vnd,
        minutes_per_copy=settings.saving_minutes_per_copy,
        hour_vnd=settings.saving_hour_vnd,
    )


def run(connection: Any, wanted: ReportAsked) -> Made:
    """The report."""
    costs = model(wanted.settings)
    ids = indicator_table.shown(wanted.rules, (FULLY, PARALLEL, NOT_REPLACING, ON_PAPER))
    now = indicator_table.of(connection, wanted, ids)
    saved = costs.of(now[FULLY].numerator.total if FULLY in now else 0)
    still = costs.of(sum(figure.numerator.total for one, figure in now.items() if one != FULLY))
    tables = [
        _money(saved, still),
        _quantities(saved, still),
        indicator_table.table(connection, wanted, now, title=Words("Văn bản được tính", "Documents counted")),
        _parameters(costs),
    ]
    charts = [_chart(saved, still)]
    if FULLY in now:
        tables.insert(2, _units(connection, wanted, costs, now[FULLY]))
    more = (*_quoted(saved), _ASSUMED, _AXIS)
    return surroundings.made(
        connection, wanted, (REPORT.report_id, TITLE), shown=now, tables=tables, charts=charts, more=more
    )


def _money(saved: Cost, still: Cost) -> Table:
    columns = (
        Column("Khoản", "What", width=30),
        Column("Đã tiết kiệm", "Saved", Kind.MONEY, 18),
        Column("Còn có thể tiết kiệm", "Could still be saved", Kind.MONEY, 18),
    )
    rows = tuple((words.vi, getattr(saved, name), getattr(still, name)) for words, name in _PARTS)
    return Table("money", Words("Số tiền", "Money"), columns, rows)


def _quantities(saved: Cost, still: Cost) -> Table:
    columns = (
        Column("Nội dung", "What", width=30),
        Column("Không phải in, gửi", "Not printed or posted", Kind.NUMBER, 18),
        Column("Vẫn còn in, gửi", "Still printed and posted", Kind.NUMBER, 18),
    )
    rows = (
        ("Văn bản", saved.documents, still.documents),
        ("Bản giấy", saved.copies, still.copies),
        ("Trang giấy", saved.pages, still.pages),
        ("Giờ làm việc", saved.hours, still.hours),
    )
    return Table("quantities", Words("Khối lượng", "Quantities"), columns, rows)


def _units(connection: Any, wanted: ReportAsked, costs: CostModel, whole: Figure) -> Table:
    main = whole.indicator.indicator_id
    found = figures.by_agency(connection, wanted.asked, wanted.rules, [main])[main]
    names = wanted.names_of(connection, found.keys())
    columns = (
        Column("Đơn vị", "Unit", width=36),
        Column("Mã định danh", "Code", width=16),
        Column(whole.indicator.vi, whole.indicator.en, Kind.SHARE, 12),
        *(Column(words.vi, words.en, Kind.MONEY, 16) for words, _ in _PARTS),
    )
    ordered = sorted(found, key=lambda key: (-found[key].numerator.total, key))
    rows = tuple(
        (
            names[key],
            key,
            links.share(wanted, found[key], links.of_agency(wanted.asked, key)),
            *_amounts(costs.of(found[key].numerator.total)),
        )
        for key in ordered
    )
    return Table("units", Words("Theo đơn vị", "By unit"), columns, rows)


def _amounts(cost: Cost) -> Iterator[int]:
    return (getattr(cost, name) for _, name in _PARTS)


def _parameters(costs: CostModel) -> Table:
    """Everything that the money rests on, as it was configured when the report was made."""
    columns = (
        Column("Tham số", "Parameter", width=50),
        Column("Giá trị", "Value", Kind.NUMBER, 14),
        Column("Đơn vị tính"),
    )
    rows = (
        ("Số trang một văn bản", costs.pages_per_document, "trang"),
        ("Số bản giấy một văn bản (mỗi nơi nhận một bản)", costs.copies_per_document, "bản"),
        ("Giấy và in một trang", costs.page_vnd, "đồng"),
        ("Bưu chính một bản", costs.postage_per_copy_vnd, "đồng"),
        ("Thời gian in, đóng dấu, gửi, vào sổ một bản", costs.minutes_per_copy, "phút"),
        ("Chi phí một giờ làm việc", costs.hour_vnd, "đồng"),
    )
    return Table("parameters", Words("Tham số của mô hình chi phí", "Parameters of the cost model"), columns, rows)


def _chart(saved: Cost, still: Cost) -> Chart:
    parts = _PARTS[:-1]
    series = tuple(Series(words, (getattr(saved, name), getattr(still, name))) for words, name in parts)
    labels = ("Đã tiết kiệm", "Còn có thể tiết kiệm")
    return Chart("money", Words("Số tiền (đồng)", "Money (đồng)"), Drawing.STACKED, labels, series, percent=False)


def _quoted(saved: Cost) -> Iterator[Words]:
    documents, pages = number_vi(saved.documents), number_vi(saved.pages)
    yield Words(
        f"{documents} văn bản không gửi bản giấy: không phải in {pages} trang, tiết kiệm {money_vi(saved.total_vnd)}.",
        f"{documents} documents without paper: {pages} pages not printed, {money_vi(saved.total_vnd)} saved.",
    )


REPORT = Report(
    "savings",
    TITLE,
    Words(
        "Giấy, bưu chính, thời gian tiết kiệm được theo mô hình chi phí, in kèm mọi tham số",
        "Paper, postage and time saved by a cost model whose parameters are printed",
    ),
    run,
)
