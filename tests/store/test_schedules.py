"""The rows of schedules: kept whole, due at their time, moved on by one process, ended once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from hub.domain.periods import PeriodKind, vietnam_day
from hub.domain.schedules import Schedule, Wish
from hub.domain.scopes import Scope, ScopeKind
from hub.stations import new_id
from hub.store import schedules as store
from tests.stations.conftest import at_once
from tests.support.plans import plan_of

MADE_AT = datetime(2026, 8, 14, 3, tzinfo=UTC)
WISH = Wish(Scope(ScopeKind.BELOW, "H41"), ("pdf", "xlsx"), "giay_moi", compare=True, grace_days=3)


def added(database, **changes) -> Schedule:
    one = Schedule(
        id=new_id(),
        report="paper_free",
        wish=WISH,
        every=PeriodKind.QUARTER,
        readers=("a@b.vn", "c@d.vn"),
        made_at=MADE_AT,
        next_day=date(2026, 10, 1),
    )
    one = replace(one, **changes)
    with database.writing() as transaction:
        store.add(transaction, one)
    return one


def due(database, now: datetime) -> list[Schedule]:
    with database.reading() as connection:
        return store.due(connection, now, day=vietnam_day(now))


def test_a_schedule_is_kept_whole(database):
    first, second = added(database), added(database, every=PeriodKind.DAY, readers=(), wish=Wish(Scope(ScopeKind.HUB)))
    with database.reading() as connection:
        assert store.all_schedules(connection) == [first, second]
        assert store.get(connection, first.id) == first
        assert store.get(connection, new_id()) is None


def test_it_is_due_at_its_time_and_not_before(database):
    late = added(database)
    soon = added(database, wish=replace(WISH, grace_days=0))
    assert due(database, soon.due_at - timedelta(seconds=1)) == []
    assert due(database, soon.due_at) == [soon]
    assert due(database, late.due_at) == [soon, late], "longest due first"


def test_of_many_that_move_on_one_does(database):
    one = added(database)

    def move() -> None:
        with database.writing() as transaction:
            moved.append(store.move_on(transaction, one))

    moved: list[bool] = []
    at_once(move, workers=4)
    assert sorted(moved) == [False, False, False, True]
    with database.reading() as connection:
        assert store.get(connection, one.id).next_day == date(2027, 1, 1)


def test_an_ended_schedule_is_never_due_nor_moves(database):
    one = added(database)
    with database.writing() as transaction:
        assert store.end(transaction, one.id, at=MADE_AT)
        assert not store.end(transaction, one.id, at=MADE_AT)
        assert not store.end(transaction, new_id(), at=MADE_AT)
        assert not store.move_on(transaction, one)
    assert due(database, one.due_at) == []
    with database.reading() as connection:
        assert store.get(connection, one.id) is None
        assert [each.ended_at for each in store.all_schedules(connection)] == [MADE_AT]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_due_is_found_by_its_index(database):
    plan = plan_of(database, lambda connection: store.due(connection, MADE_AT, day=date(2026, 10, 1)))
    assert "ix_report_schedules_next_day" in plan
