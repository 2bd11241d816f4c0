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
from hub.store.ahead import ahead
from hub.store.engine import Database, Transaction
from hub.store.recount import Found, Key
from hub.store.report_tables import SUMS_OF, counted, late_movements, signers
from hub.store.tables import events

Progress = Callable[[int, int], None]  # consignments looked at, of how many
_Piece = tuple[Found, int]
_Sums = tuple[Any, ...]  # the key of a row of sums, or what stands in it
_ASIDE = sa.table("counted_aside", *(sa.column(one.name) for one in counted.c))


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not as the rows make it: what it should be and what it is (None: no such row)."""

    table: str
    key: tuple[Any, ...]
    should_be: Any
    is_now: Any


def everything(
    database: Database, *, now: datetime, progress: Progress = lambda done, of: None, alone: bool = False
) -> int:
    """Empty the counts and derive them all from the rows, in one transaction; returns how many rows count.

    `alone`: nobody uses the hub meanwhile, so that on PostgreSQL too indexes and promises may wait for the end.
    """
    with database.writing() as transaction, bulk.roomy(transaction):
        counted_rows.one_at_a_time(transaction)
        if database.is_sqlite:
            written = _count(transaction, now, progress)
        else:
            written = _count_beside(database, transaction, now, progress=progress, alone=alone)
        sums = {*(table.name for table in SUMS_OF.values()), late_movements.name, signers.name}
        with _bare(transaction, sums, alone=alone):
            mend_sums(transaction)
        bulk.settled(transaction, {counted.name, *sums})
    return written


def _count(transaction: Transaction, now: datetime, progress: Progress) -> int:
    transaction.execute(sa.delete(counted))
    with bulk.bare(transaction, {counted.name}):
        return _add(transaction, recount.every(transaction.connection, now=now), progress, to=counted.name)


def _count_beside(
    database: Database, transaction: Transaction, now: datetime, *, progress: Progress, alone: bool
) -> int:
    """PostgreSQL looks up the next piece while this one is counted and written: aside, as if nothing were counted yet.

    It reads as things stand now that the turn is ours; what comes later has an event that waits to be folded. The
    reading has ended before anything is changed: `bare` locks what is read too, and would wait for ever.
    """
    transaction.execute(sa.text(f"CREATE TEMPORARY TABLE {_ASIDE.name} (LIKE {counted.name}) ON COMMIT DROP"))
    with database.reading() as connection, ahead(recount.every(connection, now=now)) as pieces:
        written = _add(transaction, pieces, progress, to=_ASIDE.name)
    transaction.execute(sa.delete(counted))
    with _bare(transaction, {counted.name}, alone=alone):
        transaction.execute(sa.insert(counted).from_select(_ASIDE.c.keys(), sa.select(_ASIDE)))
    return written


def _add(transaction: Transaction, pieces: Iterator[_Piece], progress: Progress, *, to: str) -> int:
    of, done, written = recount.how_many(transaction.connection), 0, 0
    for found, looked_at in pieces:
        written += counted_rows.add_rows(transaction, found, to=to)
        done += looked_at
        progress(done, of)
    return written


def _bare(transaction: Transaction, tables: set[str], *, alone: bool) -> AbstractContextManager[None]:
    """On PostgreSQL the readers of a live hub would wait until the end."""
    if alone or transaction.connection.dialect.name == "sqlite":
        return bulk.bare(transaction, tables)
    return nullcontext()


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
        should, have = _apart(connection, sums, sa.select(*columns).where(some), wide=wide)
        for key in sorted({*should, *have}, key=str):
            yield Difference(table.name, key, should.get(key), have.get(key))


def _apart(
    connection: Connection, one: sa.Select[Any], other: sa.Select[Any], *, wide: int
) -> tuple[dict[_Sums, _Sums], dict[_Sums, _Sums]]:
    """Rows by their key, which is so many columns wide: those of one only, those of the other; each is asked once."""
    sides = (sa.select(sa.literal(side).label("side"), *rows.subquery().c) for rows, side in ((one, 1), (other, -1)))
    both = sa.union_all(*sides).subquery("both_sides")
    side, columns = sa.func.sum(both.c.side).label("side"), [column for column in both.c if column.name != "side"]
    found: dict[int, dict[_Sums, _Sums]] = {1: {}, -1: {}}
    for row in connection.execute(sa.select(side, *columns).group_by(*columns).having(side != 0)):
        found[row[0]][tuple(row[1 : wide + 1])] = tuple(row[wide + 1 :])
    return found[1], found[-1]


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
