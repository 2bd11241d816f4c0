"""Who writes to whom in the invented year: above, below, beside; more senders among the large.

Owns: the choice of a sender and of recipients among those connected on the day.
Never: knows what is written.
Source: domain notes §5.1 (received to sent about 3.0-3.6); the neighbourhoods are invented.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from hub.demo import year_names as names
from hub.demo.year_country import Level, Unit

_FEWEST_NEIGHBOURS, _MOST_NEIGHBOURS = 4, 120
_TO_THE_PARENT = 0.4  # of the documents of an agency that has one


@dataclass(frozen=True, slots=True)
class _Circle:
    """The neighbours of an agency, twice over, so that every stretch of them is one slice."""

    around: tuple[Unit, ...]
    size: int


class Network:
    """Those who exchange documents from a day on, until the next agency joins them."""

    def __init__(self, units: Sequence[Unit], dice: Random) -> None:
        self._units = units
        self._dice = dice
        self._heavy = list(accumulate(unit.weight for unit in units))
        self._circles: dict[str, _Circle] = {}
        self._by_key = {unit.key: unit for unit in units}
        self._fans = [count for count, share in names.FAN_OUT for _ in range(share)]

    def sender(self) -> Unit:
        """An agency, the large ones more often."""
        return self._units[bisect(self._heavy, self._dice.random() * self._heavy[-1])]

    def recipients(self, unit: Unit) -> list[Unit]:
        """One or more others, each once."""
        roll = self._dice.random
        circle = self._circles.get(unit.key) or self._circle(unit)
        count = min(self._fans[int(roll() * 1000)], circle.size)
        start = int(roll() * circle.size)
        found = list(circle.around[start : start + count])
        parent = self._by_key.get(unit.parent or "")
        if parent is not None and roll() < _TO_THE_PARENT and parent not in found:
            found[0] = parent
        return found

    def _circle(self, unit: Unit) -> _Circle:
        near = [one for one in self._units if one is not unit and _is_near(unit, one)]
        if len(near) < _FEWEST_NEIGHBOURS:
            near = [one for one in self._units if one is not unit]
        near.sort(key=lambda _: self._dice.random())
        near = near[:_MOST_NEIGHBOURS]
        made = _Circle((*near, *near), len(near))
        self._circles[unit.key] = made
        return made


def _is_near(one: Unit, other: Unit) -> bool:
    """Family, or two of level 1."""
    if one.parent is None and other.parent is None:
        return True
    if other.key == one.parent or other.parent == one.key:
        return True
    siblings = one.parent is not None and one.parent == other.parent
    return siblings and (one.level is not Level.COMMUNE or other.level is not Level.COMMUNE)
