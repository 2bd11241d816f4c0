"""The parts of a whole: indicators over the days or months of the period, and by type of document.

Owns: the tables with their lines over time; a type of document is held to its own target.
Never: adds parts up to the whole: a declaration for a quarter is in none of its months.
Source: issue "Paper-free percentages that can be audited" points 1, 5; domain notes §5.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hub.domain.periods import Period
from hub.domain.rules import RulePack
from hub.reports import figures, indicator_table, links, trends
from hub.reports.figures import Figure
from hub.reports.made import Cell, Chart, Column, Drawing, Kind, Series, Table, Words
from hub.reports.protocol import ReportAsked

Over = list[tuple[Period, dict[str, Figure]]]
_TREND = Words("Diễn biến trong kỳ", "Over the period")


def over_time(connection: Any, wanted: ReportAsked, ids: Sequence[str]) -> Over:
    """The figures of each part of the period that has begun; nothing for a single day."""
    parts = trends.begun(trends.parts(wanted.asked.period), wanted.known_on)
    if len(parts) < 2:
        return []
    return list(zip(parts, figures.by_part(connection, wanted.asked, wanted.rules, ids, parts), strict=True))


def time_table(wanted: ReportAsked, over: Over) -> Table:
    """One row for each part of the period."""
    shown = list(over[0][1].values()) if over else []
    columns = (
        Column("Thời gian", "Time", width=24),
        *(Column(one.indicator.vi, one.indicator.en, Kind.SHARE, 12) for one in shown),
    )
    rows = tuple(
        (part.words[0], *(links.share(wanted, one, links.of_period(wanted.asked, part)) for one in found.values()))
        for part, found in over
    )
    note = Words(
        "Số liệu khai báo cho cả kỳ dài hơn không chia được cho từng phần nên không có trong bảng này.",
        "What was declared for a longer time cannot be divided and is not in this table.",
    )
    return Table("over_time", _TREND, columns, rows, (note,))


def time_chart(over: Over, ids: Sequence[str]) -> Chart:
    """A line for each of these indicators; the target is that of the first."""
    first = over[-1][1][ids[0]]
    series = tuple(
        Series(
            Words(over[0][1][one].indicator.vi, over[0][1][one].indicator.en),
            tuple(found[one].ratio for _, found in over),
        )
        for one in ids
    )
    labels = tuple(trends.label(part) for part, _ in over)
    target = first.target.share if first.target else None
    return Chart("over_time", _TREND, Drawing.LINES, labels, series, percent=True, target=target)


def type_table(connection: Any, wanted: ReportAsked, ids: Sequence[str]) -> Table:
    """One row for each type of document that occurs, with the target of that type alone for the first indicator."""
    by_type = figures.by_type(connection, wanted.asked, wanted.rules, ids)
    names = type_names(wanted.rules)
    types = [one for one in names if any(one in found for found in by_type.values())]
    indicators = [figures.indicator(wanted.rules, one) for one in ids]
    columns = (
        Column("Loại văn bản", "Type of document", width=28),
        Column("Tổng số", "All", Kind.NUMBER, 10),
        *(Column(one.vi, one.en, Kind.SHARE, 12) for one in indicators),
        Column("Mục tiêu riêng", "Its own target", Kind.SHARE, 10),
        Column("Đạt mục tiêu", "Target met", width=12),
    )
    rows = tuple(tuple(_type_row(wanted, by_type, names[one][0], one)) for one in types)
    title = Words("Theo loại văn bản", "By type of document")
    return Table("types", title, columns, rows, tuple(_type_targets(by_type[ids[0]])))


def type_names(rules: RulePack) -> dict[str, tuple[str, str]]:
    """Id → Vietnamese and English name, in the order of the rule pack."""
    return {one.type_id: (one.vi, one.en) for one in rules.document_types}


def _type_row(
    wanted: ReportAsked, by_type: Mapping[str, Mapping[str, Figure]], name: str, document_type: str
) -> Iterator[Cell]:
    mine = [found.get(document_type) for found in by_type.values()]
    asked = links.of_type(wanted.asked, document_type)
    yield name
    yield max((one.denominator.total for one in mine if one), default=0)
    yield from (links.share(wanted, one, asked) if one else None for one in mine)
    yield from indicator_table.target_cells(mine[0])


def _type_targets(found: Mapping[str, Figure]) -> Iterator[Words]:
    for source in dict.fromkeys(one.target.source for one in found.values() if one.target):
        yield Words(f"Mục tiêu riêng: {source}", f"Own target: {source}")
