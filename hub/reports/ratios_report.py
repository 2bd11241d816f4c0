"""Reports that are made of indicators alone: which ones, in which parts, with their units and their lines over time.

Owns: Layout and what follows from it.
Never: puts indicators that count different things into one table of units.
Source: design §11 recipe (b); issue "Paper-free percentages that can be audited" point 6.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hub.domain.indicators import Counts
from hub.reports import figures, indicator_table, parts_table, surroundings, units_table
from hub.reports.made import Chart, Made, Table, Words
from hub.reports.protocol import ReportAsked


@dataclass(frozen=True, slots=True)
class Part:
    """Indicators that count the same things; the first one decides the places of the units."""

    part_id: str
    title: Words
    indicators: tuple[str, ...]
    by_unit: bool = True


@dataclass(frozen=True, slots=True)
class Layout:
    """A report of indicators."""

    report_id: str
    title: Words
    parts: tuple[Part, ...]


def runner(layout: Layout) -> Callable[[Any, ReportAsked], Made]:
    """The function that makes such a report."""
    return lambda connection, wanted: run(connection, wanted, layout)


def run(connection: Any, wanted: ReportAsked, layout: Layout) -> Made:
    """All indicators with their targets and changes, then part by part the units and the lines over time."""
    ids = indicator_table.shown(wanted.rules, [one for part in layout.parts for one in part.indicators])
    now = indicator_table.of(connection, wanted, ids)
    tables: list[Table] = [indicator_table.table(connection, wanted, now, title=Words("Chung", "In all"))]
    charts: list[Chart] = []
    for part in layout.parts:
        _add_part(connection, wanted, part, {one: now[one] for one in ids if one in part.indicators}, tables, charts)
    return surroundings.made(
        connection, wanted, (layout.report_id, layout.title), shown=now, tables=tables, charts=charts
    )


def _add_part(
    connection: Any,
    wanted: ReportAsked,
    part: Part,
    now: dict[str, figures.Figure],
    tables: list[Table],
    charts: list[Chart],
) -> None:
    if not now or not part.by_unit:
        return
    units = units_table.read(connection, wanted, now)
    tables.append(replace(units_table.table(wanted, units, title=part.title), table_id=f"units_{part.part_id}"))
    charts.append(replace(units_table.league_chart(units), chart_id=f"league_{part.part_id}"))
    stock = {Counts.AGENCIES, Counts.PEOPLE}
    over = [] if any(one.indicator.counts in stock for one in now.values()) else _over(connection, wanted, now)
    if over:
        table = parts_table.time_table(wanted, over)
        tables.append(replace(table, table_id=f"over_time_{part.part_id}", title=_over_title(table.title, part)))
        chart = parts_table.time_chart(over, list(now))
        charts.append(replace(chart, chart_id=f"over_time_{part.part_id}", title=_over_title(chart.title, part)))


def _over(connection: Any, wanted: ReportAsked, now: dict[str, figures.Figure]) -> parts_table.Over:
    return parts_table.over_time(connection, wanted, list(now))


def _over_title(title: Words, part: Part) -> Words:
    return Words(f"{title.vi}: {part.title.vi}", f"{title.en}: {part.title.en}")
