"""The paper-free table that leaders quote: of all documents sent, how many without paper, with it, on paper only.

Owns: which indicators it shows, its sentence to be quoted, its three charts.
Never: counts (hub/reports/figures.py); mixes documents sent with copies received.
Source: Decision 28/2018/QĐ-TTg Art. 4, 5(3), 7(2), 11, 14(3); domain notes §5.2 (indicators 1 to 3).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hub.reports import indicator_table, parts_table, surroundings, units_table
from hub.reports.figures import Figure
from hub.reports.formats import number_vi, ratio_vi
from hub.reports.made import Chart, Made, Table, Words
from hub.reports.protocol import Report, ReportAsked

ISSUED, FULLY, PARALLEL = "issued_electronically", "fully_electronic", "electronic_with_paper"
NOT_REPLACING, ON_PAPER = "electronic_not_replacing", "paper_only"
WHOLE = (FULLY, PARALLEL, NOT_REPLACING, ON_PAPER)  # together all documents sent
TITLE = Words("Tỷ lệ văn bản điện tử không gửi bản giấy", "Paper-free percentages")


def run(connection: Any, wanted: ReportAsked) -> Made:
    """The report; what the rule pack has switched off is left out of it."""
    ids = indicator_table.shown(wanted.rules, (FULLY, PARALLEL, NOT_REPLACING, ON_PAPER, ISSUED))
    now = indicator_table.of(connection, wanted, ids)
    tables: list[Table] = [indicator_table.table(connection, wanted, now, title=Words("Chung", "In all"))]
    charts: list[Chart] = []
    whole = {one: now[one] for one in ids if one in WHOLE}
    if whole:
        _add_units(connection, wanted, whole, (tables, charts))
        if not wanted.asked.document_type:
            tables.append(parts_table.type_table(connection, wanted, list(whole)))
        _add_time(connection, wanted, list(whole), (tables, charts))
    more = tuple(_quoted(now))
    return surroundings.made(
        connection, wanted, (REPORT.report_id, TITLE), shown=now, tables=tables, charts=charts, more=more
    )


def _add_units(
    connection: Any, wanted: ReportAsked, whole: Mapping[str, Figure], to: tuple[list[Table], list[Chart]]
) -> None:
    tables, charts = to
    units = units_table.read(connection, wanted, whole)
    tables.append(units_table.table(wanted, units, title=Words("Theo đơn vị", "By unit")))
    parts = Words("Cơ cấu văn bản đi theo cách gửi", "How documents were sent")
    charts += [units_table.league_chart(units), units_table.parts_chart(units, title=parts)]


def _add_time(connection: Any, wanted: ReportAsked, ids: list[str], to: tuple[list[Table], list[Chart]]) -> None:
    tables, charts = to
    over = parts_table.over_time(connection, wanted, ids)
    if over:
        tables.append(parts_table.time_table(wanted, over))
        charts.append(parts_table.time_chart(over, ids[:2]))


def _quoted(now: Mapping[str, Figure]) -> Iterator[Words]:
    """The sentences that leaders quote, with the counts in them."""
    for figure in now.values():
        if figure.denominator.total:
            one = figure.indicator
            part, whole = number_vi(figure.numerator.total), number_vi(figure.denominator.total)
            ratio = ratio_vi(figure.ratio)
            yield Words(f"{one.vi}: {part} / {whole}, {ratio}.", f"{one.en}: {part} / {whole}, {ratio}.")


REPORT = Report(
    "paper-free",
    TITLE,
    Words(
        "Văn bản đi: điện tử hoàn toàn, song song bản giấy, chỉ bản giấy; xếp hạng đơn vị, loại văn bản, thời gian",
        "Documents sent: fully electronic, with paper, on paper only; ranked units, types of document, time",
    ),
    run,
)
