"""Counting everything anew, and comparing that with what the tally station has added up.

Owns: the two looks of `hub reports verify` (rows → counted, counted → sums) and deriving all of it from the rows.
Never: mends a difference unasked.
Source: issue of figures nobody can check (field notes §"What none of them has" 1); Decision 28/2018/QĐ-TTg Art. 11.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.counting import Counted, Measure
from hub.store import bulk, recount, set_sums
from hub.store import counted as counted_rows
from hub.store import signers as signer_rows
from hub.store.engine import Database, Transaction
from hub.store.recount import Found, Key
from hub.store.report_tables import SUMS_OF, counted, late_movements, signers
from hub.store.tables import events

Progress = Callable[[int, int], None]  # consignments looked at, of how many


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not as the rows make it: what it should be and what it is (None: no such row)."""

    table: str
    key: tuple[Any, ...]
    should_be: Any
    is_now: Any


def everything(database: Database, *, now: datetime, progress: Progress = lambda done, of: None) -> int:
    """Empty the counts and derive them all from the rows, in one transaction; returns how many rows count."""
    with database.writing() as transaction, bulk.roomy(transaction):
        counted_rows.one_at_a_time(transaction)
        transaction.execute(sa.delete(counted))
        with _unindexed(transaction, {counted.name}):
            written = _count(transaction, now=now, progress=progress)
        with _unindexed(transaction, {*(table.name for table in SUMS_OF.values()), late_movements.name}):
            mend_sums(transaction)
    return written


def _unindexed(transaction: Transaction, tables: set[str]) -> AbstractContextManager[None]:
    """On PostgreSQL the readers of a live hub would wait until the end."""
    if transaction.connection.dialect.name == "postgresql":
        return nullcontext()
    return bulk.unindexed(transaction, tables)


def _count(transaction: Transaction, *, now: datetime, progress: Progress) -> int:
    of, done, written = recount.how_many(transaction.connection), 0, 0
    for found, looked_at in recount.every(transaction.connection, now=now):
        written += counted_rows.add_rows(transaction, found)
        done += looked_at
        progress(done, of)
    return written


def differing_subjects(
    connection: Connection, *, now: datetime, progress: Progress = lambda done, of: None
) -> Iterator[Difference]:
    """Every row of `counted` that is not what its consignment, deliveries, statuses and duties say."""
    of, done, looked_up = recount.how_many(connection), 0, 0
    for found, looked_at in recount.every(connection, now=now):
        known = counted_rows.read(connection, {subject for subject, _ in found.counted})
        looked_up += len(known)
        yield from _compared(found, known)
        done += looked_at
        progress(done, of)
    kept = connection.execute(sa.select(sa.func.count()).select_from(counted)).scalar_one()
    if kept != looked_up:  # rows of documents that do not count
        yield Difference("counted", ("rows",), looked_up, kept)


def waits(connection: Connection, one: Difference) -> bool:
    """True when the difference is one that the tally or the clock has not come to yet, in this same snapshot."""
    if one.table != counted.name or not isinstance(one.should_be, Counted):
        return False
    subject = (one.should_be.consignment_id, one.should_be.subject_id)
    if connection.execute(_UNFOLDED, {"consignment": subject[0], "subject": subject[1]}).first() is not None:
        return True
    lacks = Measure.UNFETCHED in one.should_be.marks and isinstance(one.is_now, Counted)
    marks = {mark: at for mark, at in one.should_be.marks.items() if mark is not Measure.UNFETCHED}
    return lacks and replace(one.should_be, marks=marks) == one.is_now


def differing_sums(connection: Connection) -> Iterator[Difference]:
    """Every tally that is not the sum of its counted rows, as the database adds them up."""
    dialect = connection.dialect.name
    for table, names, sums in _sums(dialect):
        columns, wide = [table.c[name] for name in names], len(table.primary_key.columns)
        some = sa.or_(*(column != 0 for column in columns[wide:]))
        kept = sa.select(*columns).where(some)
        should = {tuple(row[:wide]): tuple(row[wide:]) for row in connection.execute(sa.except_(sums, kept))}
        have = {tuple(row[:wide]): tuple(row[wide:]) for row in connection.execute(sa.except_(kept, sums))}
        for key in sorted({*should, *have}, key=str):
            yield Difference(table.name, key, should.get(key), have.get(key))


def mend_sums(transaction: Transaction) -> None:
    """Write all tallies anew from the counted rows; the caller holds the tally's turn."""
    for table, names, sums in _sums(transaction.connection.dialect.name):
        transaction.execute(sa.delete(table))
        in_order = sums.order_by(*names[:5])  # side by side on the disk, as they are read
        transaction.execute(sa.insert(table).from_select(names, in_order))


def _compared(found: Found, known: dict[Key, Counted]) -> Iterator[Difference]:
    for key in sorted({*found.counted, *known}):
        if found.counted.get(key) != known.get(key):
            yield Difference("counted", key, found.counted.get(key), known.get(key))


_UNFOLDED = sa.select(events.c.number).where(
    events.c.consignment_id == sa.bindparam("consignment"),
    events.c.to_tally.is_(sa.true()),
    sa.or_(events.c.delivery_id.is_(None), events.c.delivery_id == sa.bindparam("subject")),
)


def _sums(dialect: str) -> Iterator[tuple[sa.Table, list[str], Any]]:
    for detail, table in SUMS_OF.items():
        yield table, set_sums.TALLY_COLUMNS, set_sums.of_days(dialect, detail)
    yield late_movements, set_sums.LATE_COLUMNS, set_sums.of_late(dialect)
    yield signers, signer_rows.COLUMNS, signer_rows.of_counted(dialect)
