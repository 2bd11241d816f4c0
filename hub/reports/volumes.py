"""Volumes: how many documents were sent and received, by unit, type, urgency and time; the official totals add both.

Owns: which counts it shows.
Never: counts what the hub did not see: declared entries are no traffic.
Source: Decision 28/2018/QĐ-TTg Art. 11; domain notes §5.1 (published totals), §5.2.
"""

from __future__ import annotations

from typing import Any

from hub.domain.counting import Direction
from hub.reports import counts_table, surroundings, trends
from hub.reports.counts_table import Count, Kinds, Shown
from hub.reports.made import Chart, Column, Drawing, Made, Series, Table, ToldCount, Words
from hub.reports.protocol import Report, ReportAsked

TITLE = Words("Số lượng văn bản gửi, nhận", "Volumes")
MOST_DRAWN = 20
SHOWN = Shown(
    (
        Count(Words("Văn bản gửi", "Documents sent"), Direction.SENT),
        Count(Words("Lượt nhận", "Copies received"), Direction.RECEIVED),
    ),
    add_up=True,
)
COUNTS = ("sent", "received", "sent_and_received")  # in the order of the columns
_NOTES = (
    Words(
        "Văn bản tính một lần ở bên gửi và một lần ở mỗi bên nhận; tổng gửi và nhận là cách công bố chính thức.",
        "A document counts once at its sender and once at each recipient; the official totals add the two.",
    ),
    Words(
        "Chỉ gồm văn bản qua trục; số đơn vị khai báo nằm trong báo cáo tỷ lệ.",
        "Only what passed the hub; declared documents are in the report of percentages.",
    ),
)


def run(connection: Any, wanted: ReportAsked) -> Made:
    """The report."""
    found = counts_table.kinds(connection, wanted.asked, SHOWN)
    tables = [
        counts_table.in_all(connection, wanted, SHOWN, found),
        counts_table.by_type(wanted, SHOWN, found),
        counts_table.by_urgency(SHOWN, found),
    ]
    units, charts = _units(connection, wanted, found)
    tables.append(units)
    over = counts_table.over_time(connection, wanted, SHOWN)
    if over is not None:
        tables.append(over)
        charts.append(_lines(wanted, over))
    return surroundings.made(
        connection,
        wanted,
        (REPORT.report_id, TITLE),
        shown={},
        directions=SHOWN.directions,
        counts=_told(tables[0]),
        tables=tables,
        charts=charts,
        more=_NOTES,
    )


def _told(counts: Table) -> tuple[ToldCount, ...]:
    """The counts of the whole scope for programs: one for each row of the first table."""
    names = [Words(column.title_vi, column.title_en) for column in SHOWN.columns]
    return tuple(ToldCount(one, name, row[1]) for one, name, row in zip(COUNTS, names, counts.rows, strict=True))


def _units(connection: Any, wanted: ReportAsked, found: Kinds) -> tuple[Table, list[Chart]]:
    numbers = counts_table.by_agency(connection, wanted, SHOWN)
    names = counts_table.names(connection, wanted, numbers.keys())
    columns = (Column("Đơn vị", "Unit", width=36), Column("Mã định danh", "Code", width=16), *SHOWN.columns)
    rows = tuple((names[key], key, *SHOWN.cells(many)) for key, many in numbers.items())
    some = list(numbers)[:MOST_DRAWN]
    series = tuple(
        Series(one.words, tuple(numbers[key][place] for key in some)) for place, one in enumerate(SHOWN.counts)
    )
    title = Words("Theo đơn vị", "By unit")
    chart = Chart("units", title, Drawing.STACKED, tuple(names[key] for key in some), series, percent=False)
    return Table("units", title, columns, rows), [chart]


def _lines(wanted: ReportAsked, over: Table) -> Chart:
    parts = trends.begun(trends.parts(wanted.asked.period), wanted.known_on)
    labels = tuple(trends.label(part) for part in parts)
    series = tuple(
        Series(one.words, tuple(row[place] for row in over.rows)) for place, one in enumerate(SHOWN.counts, start=1)
    )
    return Chart("over_time", over.title, Drawing.LINES, labels, series, percent=False)


REPORT = Report(
    "volumes",
    TITLE,
    Words(
        "Văn bản gửi, nhận theo đơn vị, loại, độ khẩn, thời gian",
        "Documents sent and received, by unit, type, urgency and time",
    ),
    run,
)
