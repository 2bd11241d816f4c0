"""Groups of agencies that an envelope may address by one code: "all provinces", "all units of G16".

Owns: the kinds of groups, what each means, the codes of a whole level-1 letter.
Never: reads the directory; expanding is hub/store/groups.py.
Source: Decision 20/2020/QĐ-TTg (levels and first letters of the codes); domain notes §2.7.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from hub.errors import BadRequest

_LETTER = re.compile(r"[A-Y]", re.ASCII)  # Z begins the schemes of others (Decision 20/2020 Art. 6)


class GroupKind(StrEnum):
    """members: those listed; below: every agency below `of`; level_one: every level-1 agency of the letter `of`."""

    MEMBERS = "members"
    BELOW = "below"
    LEVEL_ONE = "level_one"


@dataclass(frozen=True, slots=True)
class Group:
    """One group; its code lives in the same space as the codes of agencies."""

    code: str
    name: str
    kind: GroupKind
    of: str = ""


def level_one_codes(letter: str) -> tuple[str, ...]:
    """Every code key that a level-1 agency of this letter can have. Raises BadRequest.

    >>> level_one_codes("H")[41], len(level_one_codes("h"))
    ('H41', 100)
    """
    wanted = letter.strip().upper()
    if not _LETTER.fullmatch(wanted):
        raise BadRequest(f"level-1 letter {letter!r}", field="level-one", expected="A-Y")
    return tuple(f"{wanted}{number:02}" for number in range(100))
