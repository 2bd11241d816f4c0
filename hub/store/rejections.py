"""Why the hub rejected what it rejected: how many sendings for each finding that decided.

Owns: the question; the newest of very many stand for all.
Never: gives a finding's evidence away: a code says why, the rest is the sender's own.
Source: Decision 28/2018/QĐ-TTg Art. 9(1) (completeness, integrity, authenticity); Art. 11.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.counting import Cell
from hub.domain.findings import Severity
from hub.domain.periods import VIETNAM
from hub.store.counted import as_cell
from hub.store.report_tables import cells, counted
from hub.store.scopes import within
from hub.store.tables import consignments
from hub.store.tallies import Slice


@dataclass(frozen=True, slots=True)
class Reasons:
    """How many of the sendings that were looked at each finding rejected; one sending may have several."""

    looked_at: int
    by_code: Counter[str]


def reasons(connection: Connection, asked: Slice, *, document_type: str = "", most: int) -> Reasons:
    """Of the newest `most` rejected sendings of the slice (whose direction is `rejected`)."""
    found: Counter[str] = Counter()
    looked_at = 0
    for findings in connection.execute(_statement(connection, asked, document_type, most)).scalars():
        looked_at += 1
        found.update({one["code"] for one in findings if one["severity"] == Severity.ERROR.value})
    return Reasons(looked_at, found)


def _statement(
    connection: Connection, asked: Slice, document_type: str, most: int
) -> sa.Select[tuple[list[dict[str, str]]]]:
    parts = [
        counted.c.direction == asked.direction.value,
        within(connection, counted.c.agency_key, asked.scope),
        counted.c.day.between(asked.first_day, asked.last_known_day),
    ]
    if asked.known_on is not None:
        end = datetime.combine(asked.known_on + timedelta(days=1), time(), VIETNAM)
        parts.append(counted.c.known_at < end)
    if document_type:
        known: dict[int, Cell] = {row.id: as_cell(row) for row in connection.execute(sa.select(cells))}
        parts.append(counted.c.cell.in_([one for one, cell in known.items() if cell.document_type == document_type]))
    newest = (counted.c.day.desc(), counted.c.subject_id.desc())
    some = sa.select(counted.c.consignment_id).where(*parts).order_by(*newest).limit(most).subquery("newest")
    return sa.select(consignments.c.findings).join(some, some.c.consignment_id == consignments.c.id)
