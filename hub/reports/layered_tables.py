"""The layers of Article 11: ministries and provinces with all below them, or the direct units of one agency; then all.

Owns: which layer an agency answers in, by the first letter of its level-1 code; the list of units under their heads.
Never: takes a mean of ratios: each line is the ratio of the sums of all below.
Source: Decision 28/2018/QĐ-TTg Art. 11; Decision 20/2020/QĐ-TTg Art. 4 and annex (H: provinces); domain notes §2.7.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hub.domain.scopes import ScopeKind
from hub.reports import figures, league, links, units_table
from hub.reports.figures import Asked, Figure, Part
from hub.reports.formats import number_vi
from hub.reports.made import Cell, Column, Kind, Table, Words
from hub.reports.protocol import ReportAsked
from hub.reports.units_table import Units
from hub.store import layers

MOST_UNITS = 2000
_LEVEL_ONE = re.compile(r"[A-Z]\d\d")
_CENTRAL = Words("Bộ, ngành, cơ quan trung ương (gồm mọi đơn vị bên dưới)", "Ministries and central bodies")
_LOCAL = Words("Tỉnh, thành phố (gồm mọi đơn vị bên dưới)", "Provinces and cities, with all below them")
_DIRECT = Words("Đơn vị trực thuộc (gồm mọi đơn vị bên dưới)", "Direct units, with all below them")


def tables(connection: Any, wanted: ReportAsked, totals: Mapping[str, Figure]) -> list[Table]:
    """The layers below the one that the report is about; none for a single unit or a level, which have none."""
    scope = wanted.asked.scope
    if scope.kind not in (ScopeKind.HUB, ScopeKind.BELOW) or not totals:
        return []
    heads = layers.heads(connection, below=scope.agency_key)
    found = figures.by_agency(connection, wanted.asked, wanted.rules, totals)
    names = wanted.names_of(connection, {*heads.values(), *(key for many in found.values() for key in many)})
    units = _families(totals, found, heads, names, of=_narrowing(scope.agency_key))
    made = []
    for title, keys in _layers(scope.kind, [one.agency_key for one in units.standings]):
        some = replace(units, standings=_places(units, keys))
        table = units_table.table(wanted, some, title=title, with_total=False)
        made.append(replace(table, table_id=f"layer_{len(made) + 2}"))
    return [*made, _all_units(wanted, totals, found, heads, names)]


def is_local(key: str) -> bool:
    """True for a province and what is below it (H), also its People's Council (K), in both orders of the code.

    >>> is_local("H41.1.2"), is_local("000.01.02.H41"), is_local("G22"), is_local("000.00.00.G22")
    (True, True, False, False)
    """
    groups = key.split(".")
    one = next((group for group in (groups[0], groups[-1]) if _LEVEL_ONE.fullmatch(group)), "")
    return one[:1] in ("H", "K")


def _narrowing(below: str) -> Callable[[Asked, str], Asked]:
    """What a line of the table asks: a head with all below it, the reporting agency itself alone."""
    return lambda asked, key: links.of_agency(asked, key) if key == below else links.of_family(asked, key)


def _families(
    totals: Mapping[str, Figure],
    found: Mapping[str, Mapping[str, Figure]],
    heads: Mapping[str, str],
    names: Mapping[str, str],
    *,
    of: Callable[[Asked, str], Asked],
) -> Units:
    """The sums of all below each head; a head without any figure has none."""
    sums = {one: _by_head(totals[one], many, heads) for one, many in found.items()}
    main = next(iter(totals))
    every = set(heads.values()) | sums[main].keys()
    ratios = {key: sums[main][key].ratio if key in sums[main] else None for key in every}
    standings = league.table(ratios, names, totals[main].indicator.better)
    return Units(tuple(standings), names, totals, sums, (), narrow=of)


def _by_head(like: Figure, many: Mapping[str, Figure], heads: Mapping[str, str]) -> dict[str, Figure]:
    under: dict[str, list[Figure]] = {}
    for key, one in many.items():
        under.setdefault(heads.get(key, key), []).append(one)
    return {key: _together(like, some) for key, some in under.items()}


def _together(like: Figure, some: Sequence[Figure]) -> Figure:
    sides = [
        Part(sum(getattr(one, side).seen for one in some), sum(getattr(one, side).declared for one in some))
        for side in ("numerator", "denominator")
    ]
    return replace(like, numerator=sides[0], denominator=sides[1])


def _layers(kind: ScopeKind, keys: Sequence[str]) -> Iterator[tuple[Words, list[str]]]:
    if kind is ScopeKind.BELOW:
        yield _DIRECT, list(keys)
        return
    yield _CENTRAL, [key for key in keys if not is_local(key)]
    yield _LOCAL, [key for key in keys if is_local(key)]


def _places(units: Units, keys: Sequence[str]) -> tuple[league.Standing, ...]:
    """The places within one layer."""
    wanted = set(keys)
    ratios = {one.agency_key: one.ratio for one in units.standings if one.agency_key in wanted}
    return tuple(league.table(ratios, units.names, units.totals[units.main].indicator.better))


def _all_units(
    wanted: ReportAsked,
    totals: Mapping[str, Figure],
    found: Mapping[str, Mapping[str, Figure]],
    heads: Mapping[str, str],
    names: Mapping[str, str],
) -> Table:
    """Every unit that has figures, under the head that answers for it."""
    keys = sorted({key for many in found.values() for key in many}, key=lambda key: (heads.get(key, key), key))
    columns = (
        Column("Bộ, tỉnh, đơn vị đầu mối", "Head", width=28),
        Column("Đơn vị", "Unit", width=32),
        Column("Mã định danh", "Code", width=16),
        *(Column(one.indicator.vi, one.indicator.en, Kind.SHARE, 12) for one in totals.values()),
    )
    rows = []
    for key in keys[:MOST_UNITS]:
        asked, head = links.of_agency(wanted.asked, key), heads.get(key, key)
        own = (many.get(key) for many in found.values())
        shares: list[Cell] = [links.share(wanted, one, asked) if one else None for one in own]
        rows.append((names.get(head, head), names.get(key, key), key, *shares))
    left = len(keys) - len(rows)
    note = Words(f"Còn {number_vi(left)} đơn vị không in ở đây.", f"{number_vi(left)} more units are not printed here.")
    title = Words("Từng đơn vị", "Every unit")
    return Table("every_unit", title, columns, tuple(rows), (note,) if left else ())
