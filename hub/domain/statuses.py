"""The recipient's administrative status of a document: 01 arrived … 06 completed, and the recall answers.

Owns: the codes, who may say them, which one is current when they come late, twice or out of order.
Never: the technical state of a delivery.
Source: domain notes §2.5 (status samples); Decision 28/2018/QĐ-TTg Art. 9(2) and 10(2)h.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class StatusCode(StrEnum):
    """07-12 and 14 are not used in any source found."""

    ARRIVED = "01"
    DECLINED = "02"
    RECEIVED_BY_AGENCY = "03"
    ASSIGNED = "04"
    IN_PROGRESS = "05"
    COMPLETED = "06"
    RECALL_REQUESTED = "13"
    CHANGE_ACCEPTED = "15"
    CHANGE_DECLINED = "16"


SAID_BY_RECIPIENT = frozenset(StatusCode) - {StatusCode.RECALL_REQUESTED}
ANSWERS = frozenset({StatusCode.CHANGE_ACCEPTED, StatusCode.CHANGE_DECLINED})  # to 13 and to a recall or update

# The law's order of the handling steps (Decree 30/2020 Art. 21-24): a later step is never undone by an earlier.
_PROGRESS = {
    StatusCode.ARRIVED: 1,
    StatusCode.RECEIVED_BY_AGENCY: 2,
    StatusCode.ASSIGNED: 3,
    StatusCode.IN_PROGRESS: 4,
    StatusCode.DECLINED: 5,
    StatusCode.COMPLETED: 6,
}


@dataclass(frozen=True, slots=True)
class Said:
    """One status as it was said: the code and the time that its sender claims (UTC)."""

    code: StatusCode
    at: datetime


def speaker(code: StatusCode, *, owner: str, recipient: str) -> str:
    """Who alone may say this of a recipient's copy: the owner asks for it back, all else is the recipient's word.

    >>> speaker(StatusCode.RECALL_REQUESTED, owner="G22", recipient="H41")
    'G22'
    """
    return recipient if code in SAID_BY_RECIPIENT else owner


def listener(code: StatusCode, *, owner: str, recipient: str) -> str:
    """To whom a status goes: the other of the two (ResponseFor/OrganId, domain notes §2.5).

    >>> listener(StatusCode.COMPLETED, owner="G22", recipient="H41")
    'G22'
    """
    return owner if code in SAID_BY_RECIPIENT else recipient


def current(history: Iterable[Said]) -> StatusCode | None:
    """The furthest handling step said so far; recall answers have their own history and do not count here."""
    steps = [said.code for said in history if said.code in _PROGRESS]
    return max(steps, key=_PROGRESS.__getitem__, default=None)


def advances(old: str | None, new: StatusCode) -> bool:
    """True when `new` is further on the law's path than the current status.

    >>> advances("06", StatusCode.ARRIVED), advances("01", StatusCode.COMPLETED)
    (False, True)
    """
    if new not in _PROGRESS:
        return False
    return old is None or _PROGRESS[new] > _PROGRESS[StatusCode(old)]
