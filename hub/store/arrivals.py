"""Arrival numbers: one row of numbers per agency and year, without gaps.

Owns: the table `arrival_counters`.
Never: decides what is numbered, or in which year it arrived.
Source: Decree 30/2020/NĐ-CP Art. 22 (numbers run on in the year); Circular 01/2019/TT-BNV (each is unique).
"""

from __future__ import annotations

from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from hub.store.engine import Transaction
from hub.store.life_tables import arrival_counters


def next_number(transaction: Transaction, agency_key: str, year: int) -> int:
    """The agency's next arrival number of this (Vietnamese) year, from 1.

    Its counter stays locked until the transaction ends, so a transaction that is undone leaves no gap.
    """
    return transaction.execute(
        _next(transaction.connection.dialect.name), {"agency": agency_key, "on": year}
    ).scalar_one()


@cache  # SQLAlchemy keeps with a statement what it derived from it
def _next(dialect: str) -> sa.Executable:
    insert = postgresql.insert(arrival_counters) if dialect == "postgresql" else sqlite.insert(arrival_counters)
    first = insert.values(agency_key=sa.bindparam("agency"), year=sa.bindparam("on"), last=1)
    return first.on_conflict_do_update(
        index_elements=["agency_key", "year"], set_={"last": arrival_counters.c.last + 1}
    ).returning(arrival_counters.c.last)
