"""The indicators of the reports, as the rule pack defines them: a numerator over a denominator, with its source.

Owns: Indicator, Target and reading them; refuses a numerator that is no part of its denominator.
Never: counts; holds an indicator or a target in code; a target without a source.
Source: Decision 28/2018/QĐ-TTg Art. 11, 15; domain notes §5.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import Any, TypeVar

from hub.domain.counting import Measure, Paper, Signed, Validity
from hub.domain.declarations import DIRECTIONS, DeclaredKind
from hub.domain.document_types import DocumentType
from hub.domain.envelopes import Urgency
from hub.domain.selections import AgencyState, Counts, Selection, words
from hub.errors import Misconfigured

__all__ = ["AgencyState", "Better", "Counts", "Indicator", "Selection", "Target", "read_indicators"]


class Better(StrEnum):
    """Which way is good."""

    HIGHER = "higher"
    LOWER = "lower"
    NEITHER = "neither"


@dataclass(frozen=True, slots=True)
class Target:
    """A share that somebody has set, and who; for some types of document, or for all (an empty set)."""

    share: Fraction
    source: str
    document_types: frozenset[str] = frozenset()
    from_day: date | None = None
    until: date | None = None

    def holds(self, day: date) -> bool:
        """True when it stands on that day; both ends inclusive."""
        return (self.from_day or date.min) <= day <= (self.until or date.max)


@dataclass(frozen=True, slots=True)
class Indicator:
    """One percentage; pairs of words are Vietnamese, English. `by_type`: also shown for each type of document."""

    indicator_id: str
    vi: str
    en: str
    counts: Counts
    numerator: Selection
    denominator: Selection
    exclusions: tuple[tuple[str, str], ...]
    source: str
    unit_vi: str
    unit_en: str
    better: Better
    targets: tuple[Target, ...]
    formula_vi: str
    formula_en: str
    by_type: bool

    def target_on(self, day: date, document_type: str = "") -> Target | None:
        """The target on a day: of one type of document its own, else that of all; the one that began last.

        The target of all documents is no target of a single type.
        """
        held = [one for one in self.targets if one.holds(day)]
        if document_type:
            held = [one for one in held if document_type in one.document_types]
        else:
            held = [one for one in held if not one.document_types]
        return max(held, key=lambda one: one.from_day or date.min, default=None)


Words = Mapping[str, tuple[str, str]]
_Kind = TypeVar("_Kind", bound=StrEnum)
_ID = re.compile(r"[a-z][a-z0-9_]{0,47}")
_PERCENT = re.compile(r"\d{1,3}(\.\d{1,6})?", re.ASCII)
_REQUIRED = frozenset(
    {"id", "vi", "en", "counts", "numerator", "denominator", "exclusions", "source", "unit_vi", "unit_en", "better"}
)
_OPTIONAL = frozenset({"targets", "by_type", "active", "formula_vi", "formula_en"})
_SELECTION = frozenset(
    {"measure", "document_types", "urgencies", "paper", "signed", "validity", "declared", "seen", "state"}
)
_AMONG = (" trong số ở mẫu số", " among those of the denominator")
_URGENCIES = {one.name.lower(): one.value for one in Urgency}
_ON_SENDING = frozenset({Measure.DOCUMENTS, Measure.LEFT, Measure.TIMED, Measure.ON_TIME})
_MEASURES = {
    Counts.SENT: _ON_SENDING,
    Counts.RECEIVED: frozenset(Measure) - {Measure.TIMED, Measure.ON_TIME},
    Counts.AGENCIES: frozenset({Measure.DOCUMENTS}),
    Counts.PEOPLE: frozenset({Measure.DOCUMENTS}),
}
# Documents that bear the one all bear the other; what has left is in no other measure.
_PART_OF = {
    Measure.ON_TIME: Measure.TIMED,
    Measure.COMPLETED: Measure.ACCEPTED,
    Measure.ACCEPTED: Measure.FED_BACK,
    Measure.DECLINED: Measure.FED_BACK,
}


def read_indicators(
    rows: Sequence[Mapping[str, Any]],
    types: tuple[DocumentType, ...],
    *,
    exclusions: Mapping[str, tuple[str, str]] | None = None,
    where: str = "",
) -> tuple[Indicator, ...]:
    """The active indicators of a rule pack, in its order; `exclusions` are the words that rows name.

    Raises: Misconfigured naming the row that is not as it must be; also a row that is not active.
    """
    found: list[Indicator] = []
    known: set[str] = set()
    for number, row in enumerate(rows, 1):
        here = f"{where} [[indicators]] {number} ({row.get('id')!r})".strip()
        try:
            one = _indicator(row, {one.type_id: (one.vi, one.en) for one in types}, exclusions or {})
            if one.indicator_id in known:
                raise ValueError("another row has this id")
        except (ValueError, TypeError) as wrong:
            raise Misconfigured(here, str(wrong), "Correct the row.") from wrong
        known.add(one.indicator_id)
        if row.get("active", True):
            found.append(one)
    return tuple(found)


def _indicator(row: Mapping[str, Any], types: Words, exclusions: Words) -> Indicator:
    _keys(row, required=_REQUIRED, optional=_OPTIONAL)
    _flags(row, "by_type", "active")
    for key in ("vi", "en", "source", "unit_vi", "unit_en"):
        _text(row, key)
    if not _ID.fullmatch(_text(row, "id")):
        raise ValueError(f"an id is {_ID.pattern}")
    counts = Counts(row["counts"])
    numerator = _selection(row["numerator"], counts, types)
    denominator = _selection(row["denominator"], counts, types)
    if not _within(numerator, denominator, counts):
        raise ValueError("the numerator is no part of the denominator")
    formula_vi, formula_en = _formula(row, counts, (numerator, denominator), types)
    return Indicator(
        indicator_id=row["id"],
        vi=row["vi"],
        en=row["en"],
        counts=counts,
        numerator=numerator,
        denominator=denominator,
        exclusions=tuple(exclusions[name] for name in _names(row, "exclusions", exclusions)),
        source=row["source"],
        unit_vi=row["unit_vi"],
        unit_en=row["unit_en"],
        better=Better(row["better"]),
        targets=tuple(_target(one, types) for one in _list(row, "targets")),
        formula_vi=formula_vi,
        formula_en=formula_en,
        by_type=row.get("by_type", False),
    )


def _formula(row: Mapping[str, Any], counts: Counts, sides: tuple[Selection, Selection], types: Words) -> list[str]:
    """As the row writes it, in both languages, else as the two sides say it."""
    if "formula_vi" in row or "formula_en" in row:
        _keys(row, required=_REQUIRED | {"formula_vi", "formula_en"}, optional=_OPTIONAL)
        return [_text(row, "formula_vi"), _text(row, "formula_en")]
    above, below = (words(counts, side, types) for side in sides)
    among = _AMONG if counts is Counts.AGENCIES and sides[1].state is not AgencyState.ALL else ("", "")
    return [f"[{above[language]}{among[language]}] ÷ [{below[language]}]" for language in (0, 1)]


def _selection(row: Mapping[str, Any], counts: Counts, types: Words) -> Selection:
    _keys(row, required=frozenset(), optional=_SELECTION)
    _flags(row, "seen")
    selection = Selection(
        measure=Measure(row.get("measure", Measure.DOCUMENTS)),
        document_types=frozenset(_names(row, "document_types", types)),
        urgencies=frozenset(_URGENCIES[name] for name in _names(row, "urgencies", _URGENCIES)),
        paper=_kinds(row, "paper", Paper),
        signed=_kinds(row, "signed", Signed),
        validity=_kinds(row, "validity", Validity),
        declared=_kinds(row, "declared", DeclaredKind),
        seen=row.get("seen", True),
        state=AgencyState(row["state"]) if "state" in row else None,
    )
    if selection.measure not in _MEASURES[counts]:
        raise ValueError(f"{selection.measure} is not known of {counts}")
    if not selection.seen and not selection.declared:
        raise ValueError("a side that is neither seen nor declared counts nothing")
    if (selection.state is not None) is not (counts is Counts.AGENCIES):
        raise ValueError("agencies are counted by their state, and only they are")
    declarable = {kind for kind in DeclaredKind if _declared_as(kind) is counts}
    if not selection.declared <= declarable:
        raise ValueError(f"{', '.join(sorted(selection.declared - declarable))} is not declared of {counts}")
    documents = counts in (Counts.SENT, Counts.RECEIVED)
    if not documents and row.keys() - {"state", "seen", "declared"}:
        raise ValueError(f"{counts} have no properties of documents")
    return selection


def _declared_as(kind: DeclaredKind) -> Counts:
    return Counts(DIRECTIONS[kind].value) if kind in DIRECTIONS else Counts.PEOPLE


def _within(part: Selection, whole: Selection, counts: Counts) -> bool:
    """True when all that the part counts is counted in the whole; signers are of another kind than leaders."""
    if counts is Counts.PEOPLE:
        return True
    if counts is Counts.AGENCIES:
        return whole.state is not part.state
    if part.seen and not (whole.seen and _same_documents(part, whole)):
        return False
    return part.declared <= whole.declared and (
        not part.declared or not whole.document_types or _narrower(part.document_types, whole.document_types)
    )


def _same_documents(part: Selection, whole: Selection) -> bool:
    measure: Measure | None = part.measure
    while measure is not None and measure is not whole.measure:
        measure = _PART_OF.get(measure, None if measure in (Measure.DOCUMENTS, Measure.LEFT) else Measure.DOCUMENTS)
    return measure is not None and all(
        _narrower(one, other)
        for one, other in (
            (part.document_types, whole.document_types),
            (part.urgencies, whole.urgencies),
            (part.paper, whole.paper),
            (part.signed, whole.signed),
            (part.validity, whole.validity),
        )
    )


def _narrower(one: frozenset[Any], other: frozenset[Any]) -> bool:
    return not other or (bool(one) and one <= other)


def _target(row: Mapping[str, Any], types: Words) -> Target:
    _keys(row, required=frozenset({"percent", "source"}), optional=frozenset({"document_types", "from", "until"}))
    percent = row["percent"]
    exact = type(percent) is int or (isinstance(percent, str) and _PERCENT.fullmatch(percent))
    if not exact:  # a TOML float is not the number that was written
        raise ValueError(f"a percentage is a whole number or a text like '99.5', not {percent!r}")
    share = Fraction(percent) / 100
    first, last = (row.get(key) for key in ("from", "until"))
    if not 0 <= share <= 1 or any(day is not None and type(day) is not date for day in (first, last)):
        raise ValueError("a target is 0 to 100 percent, its from and until are days")
    if first and last and first > last:
        raise ValueError("a target ends before it begins")
    return Target(share, _text(row, "source"), frozenset(_names(row, "document_types", types)), first, last)


def _keys(row: object, *, required: frozenset[str], optional: frozenset[str]) -> None:
    if not isinstance(row, Mapping):
        raise TypeError(f"{row!r} is no table")
    if unknown := row.keys() - required - optional:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    if missing := required - row.keys():
        raise ValueError(f"missing: {', '.join(sorted(missing))}")


def _text(row: Mapping[str, Any], key: str) -> str:
    text = row[key]
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{key} is a text")
    return text


def _flags(row: Mapping[str, Any], *keys: str) -> None:
    if wrong := [key for key in keys if not isinstance(row.get(key, True), bool)]:
        raise ValueError(f"{wrong[0]} is true or false")


def _list(row: Mapping[str, Any], key: str) -> list[Any]:
    found = row.get(key, [])
    if not isinstance(found, list):
        raise ValueError(f"{key} is a list")
    return found


def _names(row: Mapping[str, Any], key: str, known: Iterable[str]) -> list[str]:
    names, allowed = _list(row, key), list(known)
    if unknown := [name for name in names if name not in allowed]:
        raise ValueError(f"{key}: {unknown[0]!r} is not known")
    if len(set(names)) < len(names):
        raise ValueError(f"{key} names one twice")
    return names


def _kinds(row: Mapping[str, Any], key: str, kind: type[_Kind]) -> frozenset[_Kind]:
    return frozenset(kind(name) for name in _names(row, key, [one.value for one in kind]))
