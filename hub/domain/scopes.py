"""Whose figures are asked: a unit, a unit with all below it, a level, the whole hub.

Owns: Scope and its kinds.
Never: knows which agencies these are (hub/store/scopes.py).
Source: Decision 28/2018/QĐ-TTg Art. 11: three layers of statistics.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ScopeKind(StrEnum):
    """unit: this agency alone; below: it and everything under it; level: all agencies of one level; hub: all."""

    UNIT = "unit"
    BELOW = "below"
    LEVEL = "level"
    HUB = "hub"


@dataclass(frozen=True, slots=True)
class Scope:
    """Some agencies; only the part that the kind needs is given. Level 1 are the agencies without a parent.

    Raises: ValueError when a part is missing or one too many.
    """

    kind: ScopeKind
    agency_key: str = ""
    level: int = 0

    def __post_init__(self) -> None:
        of_agency = self.kind in (ScopeKind.UNIT, ScopeKind.BELOW)
        if bool(self.agency_key) is not of_agency:
            raise ValueError(f"a scope of kind {self.kind} and the agency {self.agency_key!r}")
        if self.level < 0 or bool(self.level) is not (self.kind is ScopeKind.LEVEL):
            raise ValueError(f"a scope of kind {self.kind} and the level {self.level}")
