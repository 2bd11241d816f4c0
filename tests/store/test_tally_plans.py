"""Sums over some days read those days and no others: the plan of every question, on both databases, with many rows."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from hub.domain.agencies import Agency
from hub.domain.counting import Detail, Direction, Measure
from hub.domain.periods import Grain, grain_start
from hub.domain.scopes import Scope, ScopeKind
from hub.store import agencies, bulk, tallies
from hub.store.report_tables import EVERYBODY, SUMS_OF, cells
from hub.store.tallies import Slice, Wanted
from tests.support.counts import CELLS
from tests.support.plans import plan_of

YEAR, DAYS, MANY = 2027, 120, 60
FIRST, LAST = date(YEAR, 1, 5), date(YEAR, 4, 20)
SCOPES = (
    Scope(ScopeKind.HUB),
    Scope(ScopeKind.UNIT, "X07"),
    Scope(ScopeKind.BELOW, "X01"),
    Scope(ScopeKind.LEVEL, level=2),
)
WANTED = {"all": Wanted(Measure.DOCUMENTS), "some": Wanted(Measure.TAKEN, lambda cell: cell in CELLS)}
WEEKS = [(FIRST + timedelta(days=7 * n), FIRST + timedelta(days=7 * n + 6)) for n in range(4)]
QUESTIONS = {
    "by cell": lambda connection, asked: tallies.by_cell(connection, asked),
    "by agency": lambda connection, asked: tallies.by_agency(connection, asked, WANTED),
    "by part": lambda connection, asked: tallies.by_part(connection, asked, WEEKS, WANTED),
}


@pytest.fixture
def full(database):
    """Four months of two levels of agencies: as many rows as make reading all of them dear."""
    keys = [f"X{number:02}" for number in range(1, MANY)]
    with database.writing() as transaction:
        for number, key in enumerate(keys):
            parent = "X01" if number else None
            agency = Agency(key, f"Đơn vị {key}", parent=parent)
            agencies.keep(transaction, agency, now=datetime(2026, 3, 2, tzinfo=UTC))
        kinds = [one for cell in CELLS for one in (cell, cell.worth)]
        columns = ("document_type", "urgency", "paper", "signed", "validity")
        for one in dict.fromkeys(kinds):
            transaction.execute(sa.insert(cells), {name: getattr(one, name) for name in columns})
        numbers = [row.id for row in transaction.execute(sa.select(cells))]
        for table in SUMS_OF.values():
            bulk.load(transaction, table.name, [*table.primary_key.columns.keys(), "documents"], rows(keys, numbers))
        bulk.settled(transaction, {table.name for table in SUMS_OF.values()})
    return database


def rows(keys, numbers):
    days = [date(YEAR, 1, 1) + timedelta(days=n) for n in range(DAYS)]
    places = sorted({(grain, grain_start(grain, day)) for grain in Grain for day in days})
    return [
        (grain.value, first.isoformat(), Direction.SENT.value, key, number, 1)
        for grain, first in places
        for key in (EVERYBODY, *keys)
        for number in numbers
    ]


@pytest.mark.parametrize("known_on", [None, date(YEAR, 4, 1)])
@pytest.mark.parametrize("detail", Detail)
def test_only_the_days_asked_for_are_read(full, detail, known_on):
    name = SUMS_OF[detail].name
    for scope in SCOPES:
        asked = Slice(Direction.SENT, scope, FIRST, LAST, known_on, detail)
        for question, ask in QUESTIONS.items():
            plan = plan_of(full, lambda connection, ask=ask, asked=asked: ask(connection, asked))
            assert not re.search(rf"Seq Scan on {name}\b|SCAN {name}\b", plan), (question, scope, plan)
            assert re.search(rf"pk_{name}|sqlite_autoindex_{name}", plan), (question, scope, plan)
