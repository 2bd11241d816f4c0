"""Indicators side by side: each ratio with what was seen and declared, its target, and how it stood before.

Owns: which indicators of the rule pack a report shows, the two earlier periods, differences in points.
Never: rounds; takes a target from anywhere but the rule pack.
Source: issue "Paper-free percentages that can be audited" points 1, 5; Decision 28/2018/QĐ-TTg Art. 11.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hub.domain.indicators import Indicator
from hub.domain.rules import RulePack
from hub.reports import figures, links
from hub.reports.figures import Asked, Figure
from hub.reports.made import Cell, Column, Kind, Table, Words
from hub.reports.protocol import ReportAsked

PERCENT = 100
POINTS = ("điểm %", "points")


@dataclass(frozen=True, slots=True)
class Earlier:
    """The same question about an earlier period; `vi` and `en` say how it relates to this one."""

    vi: str
    en: str
    asked: Asked


def shown(rules: RulePack, ids: Sequence[str]) -> list[str]:
    """Those of the ids that the rule pack has, in this order: a row that is switched off is in no report."""
    known = {one.indicator_id for one in rules.indicators}
    return [one for one in ids if one in known]


def of(connection: Any, wanted: ReportAsked, ids: Sequence[str]) -> dict[str, Figure]:
    """The figures of these indicators, in this order."""
    return _figures(connection, wanted, wanted.asked, ids)


def earlier(wanted: ReportAsked) -> tuple[Earlier, ...]:
    """The period before and the same one last year, when the asker wants to compare."""
    if not wanted.compare:
        return ()
    asked = wanted.asked
    before, last_year = asked.period.previous(), asked.period.year_before()
    found = [Earlier("kỳ trước", "the previous period", links.of_period(asked, before))]
    if last_year != before:  # the nine months before are those of last year
        found.append(Earlier("cùng kỳ năm trước", "the same period last year", links.of_period(asked, last_year)))
    return tuple(found)


def points(now: Figure | None, then: Figure | None) -> Fraction | None:
    """By how many percentage points the ratio rose; None when one of the two has none."""
    if now is None or then is None or now.ratio is None or then.ratio is None:
        return None
    return (now.ratio - then.ratio) * PERCENT


def target_cells(figure: Figure | None) -> tuple[Cell, Cell]:
    """The target and whether it is met."""
    if figure is None or figure.target is None:
        return None, ""
    return figure.target.share, met(figure)


def met(figure: Figure) -> str:
    """Whether its target is met, empty where there is nothing to tell."""
    return {True: "Đạt", False: "Chưa đạt", None: ""}[figure.target_met]


def table(
    connection: Any, wanted: ReportAsked, now: Mapping[str, Figure], *, title: Words, table_id: str = "indicators"
) -> Table:
    """One row for each indicator; two more columns for each earlier period."""
    before = [(one, _figures(connection, wanted, one.asked, list(now))) for one in earlier(wanted)]
    columns = [
        Column("Chỉ tiêu", "Indicator", width=40),
        Column("Tỷ lệ", "Ratio", Kind.SHARE, 12),
        Column("Tử số: trục ghi nhận", "Numerator: seen", Kind.NUMBER, 12),
        Column("Tử số: khai báo", "Numerator: declared", Kind.NUMBER, 12),
        Column("Mẫu số: trục ghi nhận", "Denominator: seen", Kind.NUMBER, 12),
        Column("Mẫu số: khai báo", "Denominator: declared", Kind.NUMBER, 12),
        Column("Mục tiêu", "Target", Kind.SHARE, 10),
        Column("Đạt mục tiêu", "Target met", width=12),
    ]
    for one, _ in before:
        columns += [
            Column(f"{one.vi.capitalize()}", f"{one.en.capitalize()}", Kind.SHARE, 12),
            Column(f"So với {one.vi} (điểm %)", f"Against {one.en} (points)", Kind.NUMBER, 12),
        ]
    rows = tuple(tuple(_row(wanted, figure, before)) for figure in now.values())
    return Table(table_id, title, tuple(columns), rows, tuple(_targets(now)))


def _row(wanted: ReportAsked, figure: Figure, before: Sequence[tuple[Earlier, Mapping[str, Figure]]]) -> Iterator[Cell]:
    one = figure.indicator
    yield one.vi
    yield links.share(wanted, figure)
    yield from (figure.numerator.seen, figure.numerator.declared, figure.denominator.seen, figure.denominator.declared)
    yield from target_cells(figure)
    for then, found in before:
        yield links.share(wanted, found[one.indicator_id], then.asked)
        yield points(figure, found[one.indicator_id])


def _targets(now: Mapping[str, Figure]) -> Iterator[Words]:
    """Who set each target that the table shows."""
    for figure in now.values():
        if figure.target is not None:
            one: Indicator = figure.indicator
            yield Words(f"Mục tiêu «{one.vi}»: {figure.target.source}", f"Target “{one.en}”: {figure.target.source}")


def _figures(connection: Any, wanted: ReportAsked, asked: Asked, ids: Sequence[str]) -> dict[str, Figure]:
    if not ids:
        return {}
    found = figures.figures(connection, asked, wanted.rules, only=ids)
    return {one: found[one] for one in ids}
