"""Agencies as the directory knows them, and how a written code finds the agency that is meant today.

Owns: Agency, its status, comparison of codes, following aliases and successors.
Never: reads the database; the directory is handed in as a look-up.
Source: Decision 20/2020/QĐ-TTg Art. 4-6, Decision 09/2025/QĐ-TTg (closed codes, merger rule); domain notes §2.7.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

MAX_CODE_LENGTH = 64  # 35 by Decision 20/2020 Art. 4; real directories hold longer ones (domain notes §2.7)
MAX_SUCCESSIONS = 8  # abuse bound: a chain of mergers longer than this is a loop in the data
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)


class AgencyStatus(StrEnum):
    """open: exchanges; closed: merged or abolished, see the successor; suspended: may not send for now."""

    OPEN = "open"
    CLOSED = "closed"
    SUSPENDED = "suspended"


@dataclass(frozen=True, slots=True)
class Agency:
    """One agency or unit; dates are inclusive and None means unbounded."""

    code: str
    name: str
    parent: str | None = None
    successor: str | None = None
    status: AgencyStatus = AgencyStatus.OPEN
    valid_from: date | None = None
    valid_until: date | None = None
    source: str = ""
    note: str = ""
    adapter: str = "mailbox"
    speaks_for_descendants: bool = False
    sees_staff: bool = False

    def exchanges_on(self, day: date) -> bool:
        """True when the agency is not closed and the day is inside its validity."""
        if self.status is AgencyStatus.CLOSED:
            return False
        after_start = self.valid_from is None or self.valid_from <= day
        return after_start and (self.valid_until is None or day <= self.valid_until)


@dataclass(frozen=True, slots=True)
class Resolution:
    """Who a written code means: the agency, or None; `followed` are the closed codes passed on the way.

    `group` is the code key of the group that it means instead, `members` the code keys of its recipients on that day.
    """

    written: str
    agency: Agency | None
    followed: tuple[str, ...] = ()
    group: str = ""
    members: tuple[str, ...] = ()


def code_key(code: str) -> str:
    """The form in which codes are compared; empty when it cannot be a code at all.

    >>> code_key(" 000.00.00.h41 "), code_key("Ｈ41"), code_key("H41/../x")
    ('000.00.00.H41', '', '')
    """
    trimmed = code.strip()
    return trimmed.upper() if _CODE.fullmatch(trimmed) else ""


def plain(name: str) -> str:
    """A name without accents, case and punctuation, for comparing what different systems wrote.

    >>> plain("Ủy ban nhân dân tỉnh Đắk Lắk") == plain("UY BAN NHAN DAN TINH DAK LAK")
    True
    """
    bare = unicodedata.normalize("NFD", name.casefold().replace("đ", "d"))
    return " ".join("".join(c if c.isalnum() else " " for c in bare if not unicodedata.combining(c)).split())


def resolve(code: str, *, on: date, look_up: Callable[[str], Agency | None]) -> Resolution:
    """Find the agency that a code means on a day, following successors of closed ones (Decision 09/2025 Art. 2)."""
    agency = look_up(code_key(code)) if code_key(code) else None
    followed: list[str] = []
    while agency is not None and not agency.exchanges_on(on):
        followed.append(agency.code)
        if agency.successor is None or len(followed) > MAX_SUCCESSIONS:
            return Resolution(code, None, tuple(followed))
        agency = look_up(code_key(agency.successor))
    return Resolution(code, agency, tuple(followed))


def may_speak_for(caller: Agency, named: Agency, *, look_up: Callable[[str], Agency | None]) -> bool:
    """True when the caller is the named agency, or an ancestor that was told to speak for its descendants."""
    if caller.code == named.code:
        return True
    if not caller.speaks_for_descendants:
        return False
    parent, steps = named.parent, 0
    while parent and steps <= MAX_SUCCESSIONS:
        above = look_up(code_key(parent))  # the parent may be written in the other generation of codes
        if code_key(above.code if above else parent) == code_key(caller.code):
            return True
        parent, steps = (above.parent if above else None), steps + 1
    return False
