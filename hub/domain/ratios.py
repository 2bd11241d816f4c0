"""How documents are counted and what the paper-free ratio is.

Owns: the daily counts of an agency and the ratio over them, as exact fractions.
Never: rounds; percent is a matter of display.
Source: Decision 28/2018/QĐ-TTg Art. 4, 5(3), 7(2), 11; domain notes §5.2 (indicators 2 and 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction


class Direction(StrEnum):
    """A document counts once at its sender and once per recipient; the two are never mixed."""

    SENT = "sent"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class DailyCount:
    """What one agency sent or received on one Vietnamese day, in documents.

    `paper_free`: sent without paper (Paper=0) and legally replacing it; `not_replacing`: said to go without paper,
    but without the valid signatures that would make it replace paper (Decision 28/2018 Art. 4(2)).
    """

    day: date
    agency: str
    direction: Direction
    documents: int
    paper_free: int
    with_paper: int
    not_replacing: int = 0

    @property
    def paper_not_said(self) -> int:
        """Documents whose envelope does not say whether paper goes along."""
        return self.documents - self.paper_free - self.with_paper - self.not_replacing


def paper_free_ratio(*, paper_free: int, documents: int) -> Fraction | None:
    """Documents that went without paper and replace it, over all sent, in [0, 1]; None when nothing was sent.

    >>> paper_free_ratio(paper_free=3, documents=4)
    Fraction(3, 4)
    """
    return Fraction(paper_free, documents) if documents else None


def percent_vi(ratio: Fraction | None, *, places: int = 1) -> str:
    """The ratio as Vietnamese offices print it; rounded half up, decimal comma.

    >>> percent_vi(Fraction(18274, 18302)), percent_vi(None)
    ('99,8 %', '–')
    """
    if ratio is None:
        return "–"
    scale = 10**places
    scaled = (ratio * 100 * scale * 2 + 1) // 2
    whole, part = divmod(int(scaled), scale)
    return f"{whole},{part:0{places}d} %" if places else f"{whole} %"
