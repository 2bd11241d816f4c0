"""Behind every percentage: the list of exactly the documents, entries or agencies of one side of it.

Owns: which list belongs to which side of which indicator.
Never: lists otherwise than the figure counts.
Source: field notes §"What none of them has" 1; Decision 28/2018/QĐ-TTg Art. 11, 14(3).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from hub.domain.declarations import Declaration
from hub.domain.indicators import Counts, Indicator, Selection
from hub.reports import figures
from hub.reports.figures import Asked
from hub.store import counted_lists
from hub.store.counted_lists import Item, Place
from hub.store.engine import Database

EXPORT_PAGE = 2000


class Side(StrEnum):
    """Which side of a ratio."""

    NUMERATOR = "numerator"
    DENOMINATOR = "denominator"


def documents(
    connection: Any, asked: Asked, indicator: Indicator, side: Side, *, after: Place | None = None, limit: int
) -> list[Item]:
    """The next documents of the list; none for an indicator of agencies or people."""
    if indicator.counts not in (Counts.SENT, Counts.RECEIVED):
        return []
    piece = figures.slice_of(asked, indicator)
    return counted_lists.page(connection, piece, selection(asked, indicator, side), after=after, limit=limit)


def every(database: Database, asked: Asked, indicator: Indicator, side: Side) -> Iterator[Item]:
    """All documents of the list, page by page in one read transaction, for exports of any size."""
    with database.reading() as connection:
        after: Place | None = None
        while True:
            found = documents(connection, asked, indicator, side, after=after, limit=EXPORT_PAGE)
            yield from found
            if len(found) < EXPORT_PAGE:
                return
            after = place(found[-1])


def declared(connection: Any, asked: Asked, indicator: Indicator, side: Side) -> list[Declaration]:
    """The declared entries that this side takes."""
    wanted = selection(asked, indicator, side)
    entries = figures.declared(connection, asked).entries
    return [one for one in entries if wanted.takes_entry(one.kind, one.document_type)]


def agencies(connection: Any, asked: Asked, indicator: Indicator, side: Side) -> list[str]:
    """The agencies of one side of an indicator of agencies, or with people of an indicator of people."""
    found = figures.of_agencies(connection, asked, indicator)
    return [key for key, one in found.items() if getattr(one, side.value).seen]


def place(item: Item) -> Place:
    """Where the page after this document begins."""
    return Place(item.counted.agency_key, item.counted.day, item.counted.subject_id)


def selection(asked: Asked, indicator: Indicator, side: Side) -> Selection:
    """What this side takes, of the type of document that is asked."""
    return figures.of_type(getattr(indicator, side.value), asked)
