"""Indicators worked out: numerator and denominator of any scope and period, each with what was seen and declared.

Owns: joining the tallies, the declarations and the state of the directory under the rule pack's selections.
Never: divides before all is added: the ratio of several agencies is that of the sums.
Source: Decision 28/2018/QĐ-TTg Art. 11; domain notes §5.2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Any

from hub.domain.counting import Cell, Detail, Direction, Measure, Sums, total
from hub.domain.declarations import DeclaredKind
from hub.domain.indicators import AgencyState, Counts, Indicator, Selection, Target
from hub.domain.periods import Period
from hub.domain.rules import RulePack
from hub.domain.scopes import Scope
from hub.domain.selections import agencies_of
from hub.store import connections, declarations, signers, tallies
from hub.store.tallies import Slice, Wanted

_DIRECTIONS = {Counts.SENT: Direction.SENT, Counts.RECEIVED: Direction.RECEIVED}
_SIDES = ("numerator", "denominator")
Entries = Sequence[tuple[DeclaredKind, str, int]]


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose figures, of which days, as known at the end of which day (None: now), of one type of document or all."""

    scope: Scope
    period: Period
    known_on: date | None = None
    document_type: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One side of a ratio: what the hub saw, and what was declared to it."""

    seen: int = 0
    declared: int = 0

    @property
    def total(self) -> int:
        """Both together."""
        return self.seen + self.declared


@dataclass(frozen=True, slots=True)
class Figure:
    """One indicator worked out."""

    indicator: Indicator
    numerator: Part
    denominator: Part
    target: Target | None = None
    document_type: str = ""

    @property
    def ratio(self) -> Fraction | None:
        """Exact; None of nothing."""
        return Fraction(self.numerator.total, self.denominator.total) if self.denominator.total else None

    @property
    def target_met(self) -> bool | None:
        """None when there is no target, or nothing to measure."""
        if self.target is None or self.ratio is None:
            return None
        return self.ratio <= self.target.share if self.indicator.better == "lower" else self.ratio >= self.target.share


def figures(connection: Any, asked: Asked, rules: RulePack, *, only: Collection[str] = ()) -> dict[str, Figure]:
    """Every indicator of the rule pack by its id, or `only` these; in one read transaction."""
    indicators = [one for one in rules.indicators if not only or one.indicator_id in only]
    seen = {
        counts: _cells(connection, asked, [one for one in indicators if one.counts is counts])
        for counts in dict.fromkeys(one.counts for one in indicators)
    }
    entries = _entries(_sums(connection, asked)) if _any_declared(indicators) else []
    stock = _Stock(connection, asked)
    found = {}
    for one in indicators:
        sides = [_part(one, side, seen[one.counts], entries, asked) for side in _sides_of(one)]
        found[one.indicator_id] = _figure(one, stock.parts(one, sides), asked)
    return found


def by_agency(connection: Any, asked: Asked, rules: RulePack, ids: Collection[str]) -> dict[str, dict[str, Figure]]:
    """Each of these indicators of each agency of the scope that has anything of it: id → code key → figure."""
    indicators = [indicator(rules, one) for one in ids]
    entries = _declared_by_agency(connection, asked) if _any_declared(indicators) else {}
    found: dict[str, dict[str, Figure]] = {}
    for counts in dict.fromkeys(one.counts for one in indicators):
        some = [one for one in indicators if one.counts is counts]
        if counts in _DIRECTIONS:
            found |= _documents_by_agency(connection, asked, some, entries)
        else:
            stock = _Stock(connection, asked)
            found |= {one.indicator_id: stock.by_agency(one, entries) for one in some}
    return {one: found[one] for one in ids}


def by_part(
    connection: Any, asked: Asked, rules: RulePack, ids: Collection[str], parts: Sequence[Period]
) -> list[dict[str, Figure]]:
    """These indicators of documents in each of these parts of the period, in their order; they do not overlap."""
    indicators = [indicator(rules, one) for one in ids]
    days = [(one.first_day, one.last_day) for one in parts]
    seen: list[Counter[str]] = [Counter() for _ in parts]
    for counts in dict.fromkeys(one.counts for one in indicators):
        some = [one for one in indicators if one.counts is counts]
        found_there = tallies.by_part(connection, _slice_for(asked, some), days, _all_wanted(asked, some))
        for sums, more in zip(seen, found_there, strict=True):
            sums.update(more)
    entries = _declared_by_days(connection, asked) if _any_declared(indicators) else {}
    found = []
    for part, sums in zip(parts, seen, strict=True):
        inside = [entry for days, many in entries.items() for entry in many if _inside(days, part)]
        narrowed = replace(asked, period=part)
        found.append({one.indicator_id: _named_figure(one, sums, inside, narrowed) for one in indicators})
    return found


def by_type(connection: Any, asked: Asked, rules: RulePack, ids: Collection[str]) -> dict[str, dict[str, Figure]]:
    """These indicators of documents for each type that occurs, with the type's own target: id → type → figure."""
    indicators = [indicator(rules, one) for one in ids]
    entries = _entries(_sums(connection, asked)) if _any_declared(indicators) else []
    found: dict[str, dict[str, Figure]] = {}
    for counts in dict.fromkeys(one.counts for one in indicators):
        some = [one for one in indicators if one.counts is counts]
        seen: dict[str, list[tuple[Cell, Sums]]] = {kind: [] for _, kind, _ in entries if kind}
        for cell, sums in _cells(connection, asked, some, detail=Detail.KIND):
            seen.setdefault(cell.document_type, []).append((cell, sums))
        found |= {one.indicator_id: _of_types(one, seen, entries, asked) for one in some}
    return {one: found[one] for one in ids}


def cells(
    connection: Any, asked: Asked, direction: Direction, measures: Collection[Measure], *, detail: Detail = Detail.KIND
) -> dict[Cell, Sums]:
    """These sums of one direction by kind of document; in full detail, and of that type, when one is asked."""
    fine = Detail.KIND if asked.document_type else detail
    found = tallies.by_cell(connection, _slice_of(asked, direction, fine), measures)
    return {cell: sums for cell, sums in found.items() if asked.document_type in ("", cell.document_type)}


def volume(connection: Any, asked: Asked, direction: Direction, measure: Measure = Measure.DOCUMENTS) -> int:
    """How many documents of one direction bear the measure."""
    found = cells(connection, asked, direction, {measure}, detail=Detail.WORTH)
    return total(found.values())[measure]


def declared(connection: Any, asked: Asked) -> declarations.Taken:
    """The declared entries that lie wholly inside the period, and those that reach beyond it."""
    return declarations.taken(connection, **_of_days(asked))


def declared_left_out(connection: Any, asked: Asked) -> tuple[int, int]:
    """How many declared entries reach beyond the period and so do not count, and what they add up to."""
    return declarations.left_out(connection, **_of_days(asked))


def indicator(rules: RulePack, indicator_id: str) -> Indicator:
    """The indicator with this id. Raises KeyError when the rule pack has none, or has it switched off."""
    found = next((one for one in rules.indicators if one.indicator_id == indicator_id), None)
    if found is None:
        raise KeyError(indicator_id)
    return found


def of_type(selection: Selection, asked: Asked) -> Selection:
    """The selection of the one type of document that is asked; a type that it does not take leaves nothing of it."""
    if not asked.document_type:
        return selection
    if selection.document_types and asked.document_type not in selection.document_types:
        return replace(selection, seen=False, declared=frozenset())
    return replace(selection, document_types=frozenset({asked.document_type}))


def slice_of(asked: Asked, one: Indicator) -> Slice:
    """Which counts an indicator of documents is about. Raises KeyError for one of agencies or people."""
    return _slice_of(asked, _DIRECTIONS[one.counts])


def of_agencies(connection: Any, asked: Asked, one: Indicator) -> dict[str, Figure]:
    """An indicator of agencies or people, for each agency that has anything of it."""
    return _Stock(connection, asked).by_agency(one, _declared_by_agency(connection, asked))


def of_states(one: Indicator, states: Collection[Collection[AgencyState]], asked: Asked) -> Figure:
    """An indicator of agencies, of those that stand so."""
    return _figure(one, [Part(count) for count in agencies_of(one.numerator, one.denominator, states)], asked)


class _Stock:
    """Agencies and people: how they stand, read once."""

    def __init__(self, connection: Any, asked: Asked) -> None:
        self._connection, self._asked = connection, asked
        self._states: dict[str, frozenset[Any]] | None = None
        self._people: dict[str, int] | None = None

    def parts(self, one: Indicator, parts: Sequence[Part]) -> Sequence[Part]:
        """The sides of an indicator of agencies or people; others as they are."""
        if one.counts is Counts.AGENCIES:
            return [Part(count) for count in agencies_of(one.numerator, one.denominator, self.states.values())]
        if one.counts is Counts.PEOPLE:
            people = sum(self.people.values())
            return [
                Part(people if side.seen else 0, part.declared)
                for side, part in zip(_sides_of(one), parts, strict=True)
            ]
        return parts

    def by_agency(self, one: Indicator, entries: Mapping[str, Entries]) -> dict[str, Figure]:
        """An indicator of agencies (one or none each) or of people, for each agency."""
        found = {}
        keys = self.states if one.counts is Counts.AGENCIES else {*self.people, *entries}
        for key in sorted(keys):
            if one.counts is Counts.AGENCIES:
                parts = [Part(int(self._stands(one, side, key))) for side in _SIDES]
            else:
                said = entries.get(key, ())
                parts = [
                    Part(self.people.get(key, 0) if sel.seen else 0, sel.declared_of(said)) for sel in _sides_of(one)
                ]
            if any(part.total for part in parts):
                found[key] = _figure(one, parts, self._asked)
        return found

    def _stands(self, one: Indicator, side: str, key: str) -> bool:
        """In the numerator only those count that count in the denominator."""
        wanted = {one.denominator.state} | ({one.numerator.state} if side == "numerator" else set())
        return wanted <= self.states[key]

    @property
    def states(self) -> dict[str, frozenset[Any]]:
        """Agency → how it stands on the last day of the period; it signs when somebody of it signed in the period."""
        if self._states is None:
            on = self._asked.period.last_day
            known = connections.states(self._connection, scope=self._asked.scope, on=on, known_on=self._asked.known_on)
            signing = {key for key, people in self.people.items() if people}
            self._states = {
                key: found | {AgencyState.SIGNING} if key in signing else found for key, found in known.items()
            }
        return self._states

    @property
    def people(self) -> dict[str, int]:
        """Agency → how many different persons signed in the period."""
        if self._people is None:
            self._people = signers.people(self._connection, **_of_days(self._asked))
        return self._people


def _sides_of(one: Indicator) -> tuple[Selection, Selection]:
    return one.numerator, one.denominator


def _slice_of(asked: Asked, direction: Direction, detail: Detail = Detail.KIND) -> Slice:
    return Slice(direction, asked.scope, asked.period.first_day, asked.period.last_day, asked.known_on, detail)


def _slice_for(asked: Asked, indicators: Sequence[Indicator]) -> Slice:
    """What indicators that count one direction are worked out from."""
    return _slice_of(asked, _DIRECTIONS[indicators[0].counts], _detail(indicators, asked))


def _detail(indicators: Iterable[Indicator], asked: Asked) -> Detail:
    """The least that is fine enough for all of them."""
    needed = {of_type(side, asked).detail for one in indicators for side in _sides_of(one)}
    return Detail.KIND if Detail.KIND in needed else Detail.WORTH


def _cells(
    connection: Any, asked: Asked, indicators: Sequence[Indicator], *, detail: Detail | None = None
) -> list[tuple[Cell, Sums]]:
    """What indicators that count the same are added up from; nothing where they count no documents."""
    if indicators[0].counts not in _DIRECTIONS:
        return []
    fine = _slice_for(asked, indicators) if detail is None else _slice_of(asked, _DIRECTIONS[indicators[0].counts])
    measures = {side.measure for one in indicators for side in _sides_of(one)}
    return list(tallies.by_cell(connection, fine, measures).items())


def _entries(sums: Mapping[tuple[str, DeclaredKind, str], int]) -> Entries:
    return [(kind, document_type, count) for (_, kind, document_type), count in sums.items()]


def _sums(connection: Any, asked: Asked) -> dict[tuple[str, DeclaredKind, str], int]:
    """What `declared` adds up to."""
    return declarations.sums(connection, **_of_days(asked))


def _of_days(asked: Asked) -> dict[str, Any]:
    period = asked.period
    days = {"first_day": period.first_day, "last_day": period.last_day}
    return {"scope": asked.scope, "known_on": asked.known_on, **days}


def _any_declared(indicators: Iterable[Indicator]) -> bool:
    return any(side.declared for one in indicators for side in _sides_of(one))


def _declared_by_agency(connection: Any, asked: Asked) -> dict[str, Entries]:
    found: dict[str, list[tuple[DeclaredKind, str, int]]] = {}
    for (agency_key, kind, document_type), count in _sums(connection, asked).items():
        found.setdefault(agency_key, []).append((kind, document_type, count))
    return dict(found)


def _declared_by_days(connection: Any, asked: Asked) -> dict[tuple[date, date], Entries]:
    found: dict[tuple[date, date], list[tuple[DeclaredKind, str, int]]] = {}
    for (first, last, kind, document_type), count in declarations.sums_by_days(connection, **_of_days(asked)).items():
        found.setdefault((first, last), []).append((kind, document_type, count))
    return dict(found)


def _documents_by_agency(
    connection: Any, asked: Asked, indicators: Sequence[Indicator], entries: Mapping[str, Entries]
) -> dict[str, dict[str, Figure]]:
    seen = tallies.by_agency(connection, _slice_for(asked, indicators), _all_wanted(asked, indicators))
    found: dict[str, dict[str, Figure]] = {one.indicator_id: {} for one in indicators}
    for key in sorted({*seen, *entries}):
        for one in indicators:
            figure = _named_figure(one, seen.get(key, Counter()), entries.get(key, ()), asked)
            if figure.numerator.total or figure.denominator.total:
                found[one.indicator_id][key] = figure
    return found


def _of_types(
    one: Indicator, seen: Mapping[str, Sequence[tuple[Cell, Sums]]], entries: Entries, asked: Asked
) -> dict[str, Figure]:
    found = {}
    for document_type in sorted(seen):
        narrowed = replace(asked, document_type=document_type)
        parts = [_part(one, side, seen[document_type], entries, narrowed) for side in _sides_of(one)]
        if any(part.total for part in parts):
            found[document_type] = _figure(one, parts, narrowed)
    return found


def _all_wanted(asked: Asked, indicators: Sequence[Indicator]) -> dict[str, Wanted]:
    """Both sides of indicators that count one direction, as named sums."""
    return {
        _name(one, side): _wanted(of_type(selection, asked))
        for one in indicators
        for side, selection in zip(_SIDES, _sides_of(one), strict=True)
    }


def _named_figure(one: Indicator, seen: Mapping[str, int], entries: Entries, asked: Asked) -> Figure:
    parts = [
        Part(seen.get(_name(one, side), 0), of_type(selection, asked).declared_of(entries))
        for side, selection in zip(_SIDES, _sides_of(one), strict=True)
    ]
    return _figure(one, parts, asked)


def _inside(days: tuple[date, date], part: Period) -> bool:
    return part.first_day <= days[0] and days[1] <= part.last_day


def _name(one: Indicator, side: str) -> str:
    return f"{one.indicator_id}_{side}"


def _part(one: Indicator, side: Selection, seen: Sequence[tuple[Cell, Sums]], entries: Entries, asked: Asked) -> Part:
    narrowed = of_type(side, asked)
    if one.counts in _DIRECTIONS:
        return Part(narrowed.seen_of(seen), narrowed.declared_of(entries))
    return Part(0, narrowed.declared_of(entries))


def _wanted(selection: Selection) -> Wanted:
    return Wanted(selection.measure, selection.takes)


def _figure(one: Indicator, parts: Sequence[Part], asked: Asked) -> Figure:
    numerator, denominator = parts
    target = one.target_on(asked.period.last_day, asked.document_type)
    return Figure(one, numerator, denominator, target, asked.document_type)
