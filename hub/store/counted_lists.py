"""The documents behind a figure: exactly those counted, in the order of an index, a page at a time.

Owns: the question "which rows of `counted` make up this side of this indicator, as known then".
Never: counts otherwise than the tallies do (a property test compares them).
Source: Decision 28/2018/QĐ-TTg Art. 11, 14(3); field notes §"What none of them has" 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.counting import Cell, Counted, Direction, Measure
from hub.domain.periods import VIETNAM
from hub.domain.selections import Selection
from hub.store.counted import as_cell, as_counted
from hub.store.life_tables import documents
from hub.store.report_tables import cells, counted
from hub.store.scopes import within
from hub.store.tables import consignments, deliveries
from hub.store.tallies import Slice


@dataclass(frozen=True, slots=True)
class Item:
    """One document that was counted, with what its register says of it now."""

    counted: Counted
    document_id: str
    notation: str
    issued_on: date | None
    subject: str
    sender_key: str
    recipient_key: str | None
    state: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page begins: after this row."""

    agency_key: str
    day: date
    subject_id: str


def page(
    connection: Connection, asked: Slice, selection: Selection, *, after: Place | None = None, limit: int
) -> list[Item]:
    """The next documents in the order of agency, day and id."""
    condition = _condition(connection, asked, selection)
    if condition is None:
        return []
    statement = _listed.where(condition).order_by(*_order).limit(limit)
    if after is not None:
        statement = statement.where(_after(after))
    return [_item(row) for row in connection.execute(statement)]


def how_many(connection: Connection, asked: Slice, selection: Selection) -> int:
    """How many documents the whole list has: counted from the rows, not from the tallies."""
    condition = _condition(connection, asked, selection)
    if condition is None:
        return 0
    return connection.execute(sa.select(sa.func.count()).select_from(counted).where(condition)).scalar_one()


def _condition(connection: Connection, asked: Slice, selection: Selection) -> sa.ColumnElement[bool] | None:
    """None when nothing can be in the list."""
    if not selection.seen or asked.first_day > asked.last_known_day:
        return None
    known: dict[int, Cell] = {row.id: as_cell(row) for row in connection.execute(sa.select(cells))}
    taken = [number for number, cell in known.items() if selection.takes(cell)]
    if not taken:
        return None
    parts = [
        counted.c.direction == asked.direction.value,
        within(connection, counted.c.agency_key, asked.scope),
        counted.c.day.between(asked.first_day, asked.last_known_day),
        *_standing(selection.measure, asked.known_on),
    ]
    if len(taken) < len(known):
        parts.append(counted.c.cell.in_(taken))
    return sa.and_(*parts)


def _standing(measure: Measure, known_on: date | None) -> Sequence[sa.ColumnElement[bool]]:
    """Which documents bear a measure, now or at the end of a day; hub/domain/counting.py `movements` says the same."""
    end = None if known_on is None else _end_of(known_on)
    if measure is Measure.LEFT:
        return [counted.c.left_at.isnot(None)] if end is None else [counted.c.left_at < end]
    if end is None:
        parts = [counted.c.left_at.is_(None)]
    else:
        parts = [counted.c.known_at < end, sa.or_(counted.c.left_at.is_(None), counted.c.left_at >= end)]
    if measure is Measure.DOCUMENTS:
        return parts
    mark = counted.c[f"{measure.value}_at"]
    borne = mark.isnot(None) if end is None else mark < end
    return [*parts, borne, sa.or_(counted.c.left_at.is_(None), mark < counted.c.left_at)]


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), VIETNAM)


def _after(place: Place) -> sa.ColumnElement[bool]:
    return sa.tuple_(*_order) > sa.tuple_(place.agency_key, sa.literal(place.day, sa.Date), place.subject_id)


def _item(row: Any) -> Item:
    received = row.direction in (Direction.RECEIVED.value, Direction.UNDELIVERED.value)
    return Item(
        counted=as_counted(row),
        document_id=row.document_id,
        notation=row.notation,
        issued_on=row.issued_on,
        subject=row.subject or "",
        sender_key=row.sender_key,
        recipient_key=row.agency_key if received else None,
        state=row.state,
    )


_order = (counted.c.agency_key, counted.c.day, counted.c.subject_id)
_listed = (
    sa.select(
        counted,
        *(cells.c[name] for name in ("document_type", "urgency", "paper", "signed", "validity")),
        *(consignments.c[name] for name in ("document_id", "notation", "issued_on", "sender_key")),
        documents.c.subject,
        sa.func.coalesce(deliveries.c.state, consignments.c.state).label("state"),
    )
    .join(cells, cells.c.id == counted.c.cell)
    .join(consignments, consignments.c.id == counted.c.consignment_id)
    .outerjoin(documents, documents.c.id == consignments.c.document_ref)
    .outerjoin(deliveries, deliveries.c.id == counted.c.subject_id)
)
