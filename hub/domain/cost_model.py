"""What a document that goes without paper saves: paper, postage and working time, by parameters that are settings.

Owns: the parameters, the sums over so many documents, each with the way in which it was computed.
Never: knows a price: every parameter is the reader's own and is printed beside the result.
Source: field notes "Money and paper saved" (the case made for the national axis, in the same three parts).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

MINUTES_PER_HOUR = 60


@dataclass(frozen=True, slots=True)
class CostModel:
    """What one document on paper costs: so many copies of so many pages; money in whole đồng."""

    pages_per_document: int
    copies_per_document: int
    page_vnd: int
    postage_per_copy_vnd: int
    minutes_per_copy: int
    hour_vnd: int

    def of(self, documents: int) -> Cost:
        """What so many documents cost, or would have cost, on paper.

        >>> CostModel(4, 3, 300, 10_000, 10, 60_000).of(100)
        Cost(documents=100, copies=300, pages=1200, minutes=3000, paper_vnd=360000, post_vnd=3000000, time_vnd=3000000)
        """
        copies = documents * self.copies_per_document
        pages, minutes = copies * self.pages_per_document, copies * self.minutes_per_copy
        return Cost(
            documents=documents,
            copies=copies,
            pages=pages,
            minutes=minutes,
            paper_vnd=pages * self.page_vnd,
            post_vnd=copies * self.postage_per_copy_vnd,
            time_vnd=_whole(Fraction(minutes * self.hour_vnd, MINUTES_PER_HOUR)),
        )


@dataclass(frozen=True, slots=True)
class Cost:
    """Paper, postage and working time of so many documents."""

    documents: int
    copies: int
    pages: int
    minutes: int
    paper_vnd: int
    post_vnd: int
    time_vnd: int

    @property
    def hours(self) -> Fraction:
        """The working time in hours."""
        return Fraction(self.minutes, MINUTES_PER_HOUR)

    @property
    def total_vnd(self) -> int:
        """All three parts together."""
        return self.paper_vnd + self.post_vnd + self.time_vnd


def _whole(vnd: Fraction) -> int:
    """Whole đồng, rounded half up: there is no smaller coin."""
    return int(vnd + Fraction(1, 2))
