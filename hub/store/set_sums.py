"""The tallies as the counted rows make them, worked out anew by the database: a second way to the same sums.

Owns: the statements that add up `counted` by day, month, quarter and year, and what became known late.
Never: reads a tally. The tally station adds differences; this adds everything: `hub reports verify` compares the two.
Source: hub/domain/counting.py `movements`; Decision 28/2018/QĐ-TTg Art. 11, 14(4) (Vietnamese days).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from hub.domain.counting import MARKS, Detail, Measure
from hub.domain.periods import VIETNAM, Grain
from hub.store.report_tables import EVERYBODY, cells, counted, late_movements, tallies

_SUMMED = frozenset(measure.value for measure in Measure)
_KEY = (counted.c.direction, counted.c.agency_key, counted.c.cell)
_HOURS = int(VIETNAM.utcoffset(None) / timedelta(hours=1))
TALLY_COLUMNS = [column.name for column in tallies.c]
LATE_COLUMNS = [column.name for column in late_movements.c]


def of_days(dialect: str, detail: Detail) -> sa.Select[Any]:
    """Rows of `tallies` or `totals` of every grain, in the order of their columns, from `counted` alone; none that is
    all zero.
    """
    sums = (_whole(sa.func.sum(_now(measure)).label(measure.value)) for measure in Measure)
    daily = sa.select(counted.c.day, *_KEY, *sums).group_by(counted.c.day, *_KEY).cte("daily")
    if detail is Detail.WORTH:
        daily = _by_worth(daily).cte("daily_worth")
    grains = [_days(daily).cte(Grain.DAY.value)]
    for grain in (Grain.MONTH, Grain.QUARTER, Grain.YEAR):  # each lies wholly in the next: fewer rows to add up
        grains.append(_of_grain(dialect, grain, grains[-1]).cte(grain.value))
    some = (sa.select(*one.c).where(sa.or_(*(one.c[measure.value] != 0 for measure in Measure))) for one in grains)
    return _with_everybody(sa.union_all(*some).cte("every_grain"))


def of_late(dialect: str) -> sa.Select[Any]:
    """Rows of `late_movements`, in the order of its columns, from `counted` alone; none that is all zero."""
    moved = sa.union_all(*_moved(dialect)).subquery("moved")
    key = (moved.c.known_on, moved.c.day, moved.c.direction, moved.c.agency_key, moved.c.cell)
    sums = [sa.func.sum(moved.c[measure.value]).label(measure.value) for measure in Measure]
    some = sa.or_(*(one != 0 for one in sums))
    late = sa.select(*key, *(_whole(one) for one in sums)).where(moved.c.known_on > moved.c.day).group_by(*key)
    return _with_everybody(late.having(some).cte("late"))


def _by_worth(daily: sa.CTE) -> sa.Select[Any]:
    """All types and urgencies together."""
    one, worth = cells.alias("one"), cells.alias("worth")
    same = [one.c[name] == worth.c[name] for name in ("paper", "signed", "validity")]
    key = (daily.c.day, daily.c.direction, daily.c.agency_key, worth.c.id.label("cell"))
    sums = [_whole(sa.func.sum(daily.c[measure.value]).label(measure.value)) for measure in Measure]
    return (
        sa.select(*key, *sums)
        .join(one, one.c.id == daily.c.cell)
        .join(worth, sa.and_(worth.c.document_type == "", *same))
        .group_by(*key[:3], worth.c.id)
    )


def _with_everybody(each: sa.CTE) -> sa.Select[Any]:
    """The rows of each agency, and those of all agencies together."""
    key = [column for column in each.c if column.name not in _SUMMED]
    sums = [sa.func.sum(each.c[measure.value]) for measure in Measure]
    named = (_whole(one.label(measure.value)) for one, measure in zip(sums, Measure, strict=True))
    whose = [sa.literal(EVERYBODY).label("agency_key") if one.name == "agency_key" else one for one in key]
    groups = [one for one in key if one.name != "agency_key"]
    together = sa.select(*whose, *named).group_by(*groups).having(sa.or_(*(one != 0 for one in sums)))
    both = sa.union_all(sa.select(*each.c), together).subquery("both")
    return sa.select(*both.c)  # as one SELECT: SQLite compares no compound with another


def _days(daily: sa.CTE) -> sa.Select[Any]:
    """The days themselves as a grain."""
    rest = [column for column in daily.c if column.name != "day"]
    return sa.select(sa.literal(Grain.DAY.value).label("grain"), daily.c.day.label("first_day"), *rest)


def _of_grain(dialect: str, grain: Grain, finer: sa.CTE) -> sa.Select[Any]:
    first = _start(dialect, grain, finer.c.first_day)
    key = (finer.c.direction, finer.c.agency_key, finer.c.cell)
    sums = (_whole(sa.func.sum(finer.c[measure.value]).label(measure.value)) for measure in Measure)
    named = sa.select(sa.literal(grain.value).label("grain"), first.label("first_day"), *key, *sums)
    return named.group_by(first, *key)


def _now(measure: Measure) -> sa.ColumnElement[int]:
    """What a row counts for as known now."""
    if measure is Measure.LEFT:
        return sa.case((counted.c.left_at.isnot(None), 1), else_=0)
    stands = counted.c.left_at.is_(None)
    if measure is not Measure.DOCUMENTS:
        stands = sa.and_(stands, counted.c[f"{measure.value}_at"].isnot(None))
    return sa.case((stands, 1), else_=0)


def _moved(dialect: str) -> Iterator[sa.Select[Any]]:
    """Each thing that became known of a document, on its day."""
    yield _branch(dialect, counted.c.known_at, {Measure.DOCUMENTS: sa.literal(1)})
    for mark in MARKS:
        at = counted.c[f"{mark.value}_at"]
        since = sa.case((at > counted.c.known_at, at), else_=counted.c.known_at)
        yield _branch(dialect, since, {mark: sa.literal(1)}).where(_stood(at))
    leaving: dict[Measure, sa.ColumnElement[int]] = {Measure.DOCUMENTS: sa.literal(-1), Measure.LEFT: sa.literal(1)}
    leaving |= {mark: sa.case((_stood(counted.c[f"{mark.value}_at"]), -1), else_=0) for mark in MARKS}
    yield _branch(dialect, counted.c.left_at, leaving).where(counted.c.left_at.isnot(None))


def _branch(dialect: str, at: sa.ColumnElement[Any], counts: dict[Measure, sa.ColumnElement[int]]) -> sa.Select[Any]:
    named = [counts.get(measure, sa.literal(0)).label(measure.value) for measure in Measure]
    return sa.select(vietnam_day(dialect, at).label("known_on"), counted.c.day, *_KEY, *named)


def _stood(at: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """The mark was set while the document still counted."""
    return sa.and_(at.isnot(None), sa.or_(counted.c.left_at.is_(None), at < counted.c.left_at))


def _whole(number: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
    return sa.cast(number, sa.Integer).label(number.name)


def vietnam_day(dialect: str, at: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The Vietnamese day of a moment, as the database works it out."""
    if dialect == "postgresql":
        shifted = sa.func.timezone("UTC", at) + sa.text(f"interval '{_HOURS} hours'")
        return sa.cast(shifted, sa.Date)
    seconds = sa.func.substr(at, 1, 19)  # SQLite rounds what is below a millisecond, over midnight too
    return sa.type_coerce(sa.func.date(seconds, f"+{_HOURS} hours"), sa.Date)


def _start(dialect: str, grain: Grain, day: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    if dialect == "postgresql":
        return sa.cast(sa.func.date_trunc(sa.literal_column(f"'{grain.value}'"), day), sa.Date)
    if grain is Grain.QUARTER:  # back to the first month of the quarter
        months = (sa.cast(sa.func.strftime("%m", day), sa.Integer) - 1) % 3
        first = sa.func.date(day, "start of month", sa.func.printf("-%d months", months))
    else:
        first = sa.func.date(day, f"start of {grain.value}")
    return sa.type_coerce(first, sa.Date)
