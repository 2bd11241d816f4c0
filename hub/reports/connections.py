"""The rollout: which units are connected, which are planned by when, level by level; the sentence that is quoted.

Owns: the plan day by day, the list of units with what is still owed.
Never: counts a unit as connected because it was planned.
Source: Decision 28/2018/QĐ-TTg Art. 12, 19, 21; domain notes §5.2 (8); published "5 units, 13 more by 30 September".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from hub.domain.indicators import AgencyState
from hub.domain.periods import vietnam_day
from hub.domain.scopes import Scope, ScopeKind
from hub.reports import figures, indicator_table, links, surroundings
from hub.reports.figures import Figure
from hub.reports.formats import day_vi, number_vi
from hub.reports.made import Cell, Chart, Column, Drawing, Kind, Made, Series, Table, Words
from hub.reports.paper_free import FULLY
from hub.reports.protocol import Report, ReportAsked
from hub.store import connections, scopes
from hub.store.connections import Plan

TITLE = Words("Kết nối trục liên thông", "Connections: the rollout")
RATIOS = ("agencies_connected", "agencies_planned", "plan_fulfilled", "plan_on_time")
MOST_LISTED = 5000
MOST_QUOTED = 4  # days to come that are told in a sentence each


@dataclass(frozen=True, slots=True)
class _Rollout:
    """How the units stand at the end of `day`: the last of the period, or the known-on day when that is earlier.

    `having` are the units in each state, `owed` those that are not connected, with the day for which they are planned.
    """

    day: date
    states: Mapping[str, frozenset[AgencyState]]
    plans: Mapping[str, Plan]
    having: Mapping[AgencyState, set[str]]
    owed: Mapping[str, date]


def run(connection: Any, wanted: ReportAsked) -> Made:
    """The report."""
    now = indicator_table.of(connection, wanted, indicator_table.shown(wanted.rules, RATIOS))
    rollout = _rollout(connection, wanted)
    levels = scopes.levels(connection, wanted.asked.scope)
    documents = indicator_table.of(connection, wanted, indicator_table.shown(wanted.rules, (FULLY,)))
    tables = [
        indicator_table.table(connection, wanted, now, title=Words("Chung", "In all")),
        _by_level(wanted, rollout, levels),
        _by_day(rollout),
        _units(connection, wanted, rollout, levels),
    ]
    return surroundings.made(
        connection,
        wanted,
        (REPORT.report_id, TITLE),
        shown=now,
        tables=tables,
        charts=[_chart(rollout)],
        more=tuple(_quoted(rollout, documents)),
    )


def _rollout(connection: Any, wanted: ReportAsked) -> _Rollout:
    asked = wanted.asked
    states = connections.states(connection, scope=asked.scope, on=asked.period.last_day, known_on=asked.known_on)
    known = connections.plans(connection, scope=asked.scope, known_on=asked.known_on)
    plans = {one.agency_key: one for one in known}
    having = {state: {key for key, one in states.items() if state in one} for state in AgencyState}
    days = {key: one.planned_on for key, one in plans.items() if one.planned_on is not None and key in states}
    owed = {key: day for key, day in days.items() if key not in having[AgencyState.CONNECTED]}
    return _Rollout(min(asked.period.last_day, wanted.known_on), states, plans, having, owed)


def _by_level(wanted: ReportAsked, rollout: _Rollout, levels: Mapping[str, int]) -> Table:
    """One row for each level; of the whole hub each share has its lists."""
    columns = (
        Column("Cấp", "Level", Kind.NUMBER, 8),
        Column("Số đơn vị", "Units", Kind.NUMBER, 10),
        Column("Đã kết nối", "Connected", Kind.NUMBER, 10),
        Column("Tỷ lệ kết nối", "Share connected", Kind.SHARE, 12),
        Column("Trong kế hoạch", "Planned", Kind.NUMBER, 10),
        Column("Đến hạn theo kế hoạch", "Due by the plan", Kind.NUMBER, 10),
        Column("Đến hạn mà chưa kết nối", "Due, not connected", Kind.NUMBER, 10),
    )
    rows = []
    of_level: dict[int, set[str]] = {}
    for key in rollout.states:
        of_level.setdefault(levels.get(key, 1), set()).add(key)
    for level, mine in sorted(of_level.items()):
        connected, due = (rollout.having[one] & mine for one in (AgencyState.CONNECTED, AgencyState.DUE))
        counts = (len(rollout.having[AgencyState.PLANNED] & mine), len(due), len(due - connected))
        rows.append((level, len(mine), len(connected), _share_of(wanted, rollout, mine, level), *counts))
    return Table("levels", Words("Theo cấp", "By level"), columns, tuple(rows))


def _share_of(wanted: ReportAsked, rollout: _Rollout, mine: Iterable[str], level: int) -> Cell:
    """The share of a level (its units), where it can be asked for by itself: of the whole hub, or of a level."""
    asked = wanted.asked
    known = indicator_table.shown(wanted.rules, RATIOS[:1])
    if asked.scope.kind not in (ScopeKind.HUB, ScopeKind.LEVEL) or not known:
        return None
    narrowed = replace(asked, scope=Scope(ScopeKind.LEVEL, level=level))
    one = figures.indicator(wanted.rules, known[0])
    return links.share(wanted, figures.of_states(one, [rollout.states[key] for key in mine], narrowed), narrowed)


def _by_day(rollout: _Rollout) -> Table:
    """One row for each day of the plan: how many for that day, how many of them are still to come, adding up."""
    planned = {key: one.planned_on for key, one in rollout.plans.items() if one.planned_on and key in rollout.states}
    connected, owed = rollout.having[AgencyState.CONNECTED], rollout.owed
    columns = (
        Column("Kết nối đến hết ngày", "To be connected by", Kind.DATE, 14),
        Column("Số đơn vị theo kế hoạch", "Planned units", Kind.NUMBER, 12),
        Column("Trong đó đã kết nối", "Of which connected", Kind.NUMBER, 12),
        Column("Còn phải kết nối", "Still to be connected", Kind.NUMBER, 12),
        Column("Còn phải kết nối, cộng dồn", "Still to be connected, in all", Kind.NUMBER, 12),
    )
    rows = tuple(
        (
            day,
            sum(one == day for one in planned.values()),
            sum(one == day and key in connected for key, one in planned.items()),
            sum(one == day for one in owed.values()),
            sum(one <= day for one in owed.values()),
        )
        for day in sorted(set(planned.values()))
    )
    return Table("plan", Words("Kế hoạch kết nối theo ngày", "The plan, day by day"), columns, rows)


def _units(connection: Any, wanted: ReportAsked, rollout: _Rollout, levels: Mapping[str, int]) -> Table:
    """The units that are connected or planned, the overdue ones first; the others are only counted."""
    connected, owed = rollout.having[AgencyState.CONNECTED], rollout.owed
    told = sorted(connected | owed.keys(), key=lambda key: (key in connected, owed.get(key, date.max), key))
    names = wanted.names_of(connection, told[:MOST_LISTED])
    columns = (
        Column("Đơn vị", "Unit", width=36),
        Column("Mã định danh", "Code", width=16),
        Column("Cấp", "Level", Kind.NUMBER, 8),
        Column("Kế hoạch", "Planned for", Kind.DATE, 14),
        Column("Kết nối từ ngày", "Connected since", Kind.DATE, 14),
        Column("Tình trạng", "State", width=20),
    )
    rows = []
    for key in told[:MOST_LISTED]:
        plan = rollout.plans.get(key)
        since = vietnam_day(plan.first_seen_at) if plan and plan.first_seen_at and key in connected else None
        state = _state(key, owed, connected, rollout.day)
        rows.append((names.get(key, key), key, levels.get(key, 1), plan.planned_on if plan else None, since, state))
    others = len(rollout.states) - len(rows)
    note = Words(
        f"{number_vi(others)} đơn vị khác không có trong bảng (chưa kết nối, chưa có kế hoạch, hoặc bảng đã đủ dài).",
        f"{number_vi(others)} other units are not listed (neither connected nor planned, or the list is full).",
    )
    return Table("units", Words("Danh sách đơn vị", "Units"), columns, tuple(rows), (note,) if others else ())


def _state(key: str, owed: Mapping[str, date], connected: set[str], day: date) -> str:
    if key in connected:
        return "Đã kết nối"
    return "Quá hạn" if owed[key] <= day else "Chưa đến hạn"


def _chart(rollout: _Rollout) -> Chart:
    """How the number of connected units grows by the plan, from what is connected."""
    connected, owed = len(rollout.having[AgencyState.CONNECTED]), rollout.owed
    days = sorted({day for day in owed.values() if day > rollout.day})
    labels = (day_vi(rollout.day), *(day_vi(day) for day in days))
    values = (connected, *(connected + sum(one <= day for one in owed.values()) for day in days))
    series = Series(Words("Số đơn vị kết nối theo kế hoạch", "Connected units, by the plan"), values)
    title = Words("Kết nối theo kế hoạch", "Connections by the plan")
    return Chart("plan", title, Drawing.LINES, labels, (series,), percent=False)


def _quoted(rollout: _Rollout, documents: Mapping[str, Figure]) -> Iterator[Words]:
    """Documents without paper, units connected, how many more by each day to come: as leaders are told."""
    for figure in documents.values():
        count = number_vi(figure.numerator.total)
        yield Words(f"{count} văn bản gửi không kèm bản giấy.", f"{count} documents sent without paper.")
    connected = number_vi(len(rollout.having[AgencyState.CONNECTED]))
    yield Words(f"{connected} đơn vị đã kết nối.", f"{connected} units connected.")
    yield from _to_come(rollout, sorted({day for day in rollout.owed.values() if day > rollout.day})[:MOST_QUOTED])
    late = sum(day <= rollout.day for day in rollout.owed.values())
    if late:
        count = number_vi(late)
        yield Words(f"{count} đơn vị quá hạn kế hoạch mà chưa kết nối.", f"{count} units are overdue by the plan.")


def _to_come(rollout: _Rollout, days: Sequence[date]) -> Iterator[Words]:
    for day in days:
        more = number_vi(sum(rollout.day < one <= day for one in rollout.owed.values()))
        written = day_vi(day)
        yield Words(f"Thêm {more} đơn vị đến hết ngày {written}.", f"{more} more units by {written}.")


REPORT = Report(
    "connections",
    TITLE,
    Words(
        "Đơn vị đã kết nối, kế hoạch kết nối theo ngày và theo cấp",
        "Units connected, the plan of connections by day and by level",
    ),
    run,
)
