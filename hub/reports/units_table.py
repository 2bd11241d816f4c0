"""The units of a scope beside each other: place, ratios, target, change; all who have no figures stand last.

Owns: the league table of a report, its bars, the parts that make up the whole of each unit as stacked bars.
Never: asks the database once per unit; adds ratios up: the last line is that of the sums.
Source: issue "Paper-free percentages that can be audited" point 5; Decision 28/2018/QĐ-TTg Art. 11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.domain.indicators import AgencyState
from hub.domain.scopes import ScopeKind
from hub.reports import figures, indicator_table, league, links
from hub.reports.figures import Asked, Figure
from hub.reports.formats import number_vi
from hub.reports.indicator_table import Earlier
from hub.reports.league import Standing
from hub.reports.made import Cell, Chart, Column, Drawing, Kind, Series, Table, Words
from hub.reports.protocol import ReportAsked
from hub.store import connections

MOST_SILENT = 2000  # units without any figure that are listed; more of them are only counted
MOST_DRAWN = 20  # units in a chart
ByAgency = Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class Units:
    """The units in the order of their places; `totals` and `figures` by the id of the indicator.

    `narrow` is what the line of a unit is about: that agency alone, or with all below it.
    """

    standings: tuple[Standing, ...]
    names: Mapping[str, str]
    totals: Mapping[str, Figure]
    figures: Mapping[str, ByAgency]
    before: tuple[tuple[Earlier, ByAgency], ...]
    silent_left_out: int = 0
    narrow: Callable[[Asked, str], Asked] = links.of_agency

    @property
    def main(self) -> str:
        """The indicator that decides the places: the first one."""
        return next(iter(self.totals))


def read(connection: Any, wanted: ReportAsked, totals: Mapping[str, Figure]) -> Units:
    """Everything of every unit of the scope; the first indicator of `totals` decides the places."""
    asked, rules = wanted.asked, wanted.rules
    found = figures.by_agency(connection, asked, rules, totals)
    main = next(iter(totals))
    before = tuple(
        (then, figures.by_agency(connection, then.asked, rules, [main])[main])
        for then in indicator_table.earlier(wanted)
    )
    speaking = {key for many in found.values() for key in many}
    silent, left_out = _silent(connection, wanted, speaking)
    ratios = {key: found[main][key].ratio if key in found[main] else None for key in speaking | silent}
    names = wanted.names_of(connection, ratios.keys())
    standings = tuple(league.table(ratios, names, totals[main].indicator.better))
    return Units(standings, names, totals, found, before, left_out)


def table(wanted: ReportAsked, units: Units, *, title: Words, with_total: bool = True) -> Table:
    """The league table; the last line is the whole scope, unless that is another table's."""
    main = units.totals[units.main].indicator
    columns = [
        Column("Hạng", "Place", Kind.NUMBER, 6),
        Column("Đơn vị", "Unit", width=36),
        Column("Mã định danh", "Code", width=16),
        Column(f"Tổng số {main.unit_vi}", f"All {main.unit_en}", Kind.NUMBER, 10),
        Column("Trong đó khai báo", "Of which declared", Kind.NUMBER, 10),
        *(Column(one.indicator.vi, one.indicator.en, Kind.SHARE, 12) for one in units.totals.values()),
        Column("Mục tiêu", "Target", Kind.SHARE, 10),
        Column("Đạt mục tiêu", "Target met", width=12),
    ]
    columns += [
        Column(f"So với {then.vi} (điểm %)", f"Against {then.en} (points)", Kind.NUMBER, 12) for then, _ in units.before
    ]
    rows = [tuple(_row(wanted, units, one)) for one in units.standings]
    if with_total and wanted.asked.scope.kind is not ScopeKind.UNIT:
        rows.append(tuple(_total(wanted, units)))
    return Table("units", title, tuple(columns), tuple(rows), tuple(_notes(units)))


def league_chart(units: Units) -> Chart:
    """The ratios of the first units, best first, with the target of all."""
    main = units.totals[units.main]
    some = [one for one in units.standings if one.ratio is not None][:MOST_DRAWN]
    return Chart(
        chart_id="league",
        title=_drawn_title(main.indicator.vi, main.indicator.en, units),
        drawing=Drawing.BARS,
        labels=tuple(units.names.get(one.agency_key, one.agency_key) for one in some),
        series=(Series(Words(main.indicator.vi, main.indicator.en), tuple(one.ratio for one in some)),),
        percent=True,
        target=main.target.share if main.target else None,
    )


def parts_chart(units: Units, *, title: Words) -> Chart:
    """What the whole of each unit is made of: the indicators, which have one denominator; the first line is all."""
    some = [one for one in units.standings if one.ratio is not None][:MOST_DRAWN]
    labels = ["Tổng cộng", *(units.names.get(one.agency_key, one.agency_key) for one in some)]
    series = []
    for one, whole in units.totals.items():
        of_each = [units.figures[one].get(unit.agency_key) for unit in some]
        values = (whole.ratio, *(figure.ratio if figure else None for figure in of_each))
        series.append(Series(Words(whole.indicator.vi, whole.indicator.en), values))
    return Chart("parts", title, Drawing.STACKED, tuple(labels), tuple(series), percent=True)


def _silent(connection: Any, wanted: ReportAsked, speaking: set[str]) -> tuple[set[str], int]:
    """The agencies that stand in the directory and have no figure, and how many of them there are too many to list."""
    asked = wanted.asked
    states = connections.states(connection, scope=asked.scope, on=asked.period.last_day, known_on=asked.known_on)
    silent = sorted(key for key, one in states.items() if AgencyState.ALL in one and key not in speaking)
    return set(silent[:MOST_SILENT]), max(0, len(silent) - MOST_SILENT)


def _row(wanted: ReportAsked, units: Units, standing: Standing) -> Iterator[Cell]:
    key = standing.agency_key
    asked = units.narrow(wanted.asked, key)
    mine = {one: found.get(key) for one, found in units.figures.items()}
    main = mine[units.main]
    yield from (standing.rank, units.names.get(key, key), key)
    yield from (main.denominator.total, main.denominator.declared) if main else (0, 0)
    yield from (links.share(wanted, one, asked) if one else None for one in mine.values())
    yield from indicator_table.target_cells(main)
    yield from (indicator_table.points(main, then.get(key)) for _, then in units.before)


def _total(wanted: ReportAsked, units: Units) -> Iterator[Cell]:
    whole = units.totals[units.main]
    yield from (None, "Tổng cộng", "", whole.denominator.total, whole.denominator.declared)
    yield from (links.share(wanted, one) for one in units.totals.values())
    yield from indicator_table.target_cells(whole)
    for _, then in units.before:
        yield indicator_table.points(whole, _sum(whole, list(then.values())))


def _sum(like: Figure, many: Sequence[Figure]) -> Figure | None:
    """All units together: the ratio of the sums."""
    if not many:
        return None
    sides = [
        figures.Part(sum(getattr(one, side).seen for one in many), sum(getattr(one, side).declared for one in many))
        for side in ("numerator", "denominator")
    ]
    return Figure(like.indicator, *sides)


def _notes(units: Units) -> Iterator[Words]:
    yield Words(
        "Đơn vị có tỷ lệ bằng nhau cùng hạng; đơn vị không có số liệu xếp cuối, không tính hạng.",
        "Units with the same ratio share a place; those without figures stand last, without one.",
    )
    if units.silent_left_out:
        count = number_vi(units.silent_left_out)
        yield Words(f"Còn {count} đơn vị không có số liệu.", f"{count} more units have no figures.")


def _drawn_title(vi: str, en: str, units: Units) -> Words:
    having = sum(one.ratio is not None for one in units.standings)
    if having <= MOST_DRAWN:
        return Words(vi, en)
    return Words(f"{vi} ({MOST_DRAWN} đơn vị đầu bảng)", f"{en} (the first {MOST_DRAWN} units)")
