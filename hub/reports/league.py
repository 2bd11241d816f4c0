"""A league table: who stands where by one indicator; ties share a place, who has no figure stands last without one.

Owns: the order and the places.
Never: divides: an order of exact fractions has no rounding to hide a tie or to make one.
Source: issue "Paper-free percentages that can be audited" point 5; Decision 28/2018/QĐ-TTg Art. 11.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from hub.domain.indicators import Better


@dataclass(frozen=True, slots=True)
class Standing:
    """One unit's place; None without a figure, or where neither way is better."""

    agency_key: str
    rank: int | None
    ratio: Fraction | None


def table(ratios: Mapping[str, Fraction | None], names: Mapping[str, str], better: Better) -> list[Standing]:
    """All units in the order in which they are shown: by place, then by name; two in the first place, the next third.

    >>> some = {"A": Fraction(1, 2), "B": Fraction(1), "C": Fraction(2, 4), "D": None, "E": Fraction(0)}
    >>> [(one.agency_key, one.rank) for one in table(some, {}, Better.HIGHER)]
    [('B', 1), ('A', 2), ('C', 2), ('E', 4), ('D', None)]
    """
    having = {key: ratio for key, ratio in ratios.items() if ratio is not None}
    sign = {Better.HIGHER: -1, Better.LOWER: 1, Better.NEITHER: 0}[better]
    ordered = sorted(having, key=lambda key: (sign * having[key], _by_name(key, names)))
    found: list[Standing] = []
    for place, key in enumerate(ordered, start=1):
        tied = found and found[-1].ratio == having[key]
        rank = found[-1].rank if tied else place
        found.append(Standing(key, rank if sign else None, having[key]))
    lacking = sorted(ratios.keys() - having.keys(), key=lambda key: _by_name(key, names))
    return found + [Standing(key, None, None) for key in lacking]


def _by_name(key: str, names: Mapping[str, str]) -> tuple[str, str]:
    return names.get(key, key).casefold(), key
