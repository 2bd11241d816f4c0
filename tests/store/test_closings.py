"""Closed periods: kept whole and once, the note for a report, what moved after the closing, what is not counted yet."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from hub.domain.closing import Amounts, Closing
from hub.domain.counting import Direction, Measure, Paper, Signed, Validity
from hub.domain.periods import period
from hub.stations import new_id
from hub.store import closings as store
from hub.store import events
from hub.store.closings import Closed
from hub.store.report_tables import EVERYBODY, cells, connection_plans, declarations, late_movements
from tests.stations.conftest import at_once
from tests.support.plans import plan_of

CLOSED_AT = datetime(2026, 10, 5, 2, 30, tzinfo=UTC)  # 09:30 of 5 October in Vietnam
Q3 = period("2026-Q3")
CLOSING = Closing(
    first_day=Q3.first_day,
    last_day=Q3.last_day,
    closed_at=CLOSED_AT,
    closed_by="cli:anh",
    rule_pack="qd28-2018",
    hub={"issued": Amounts(8, 1, 9, 2), "signed": Amounts()},
    agencies={"G22": {"issued": Amounts(5, 0, 5, 1)}, "H41": {"issued": Amounts(3, 1, 4, 1)}},
    data_sha256="ab" * 32,
    jws="a.b.c",
)


def closed(database, one: Closing = CLOSING) -> bool:
    with database.writing() as transaction:
        return store.add(transaction, one)


def moved(transaction, *, known_on: date, day: date = Q3.last_day, agency: str = "G22", **sums: int) -> None:
    found = transaction.execute(sa.select(cells.c.id).where(cells.c.document_type == "cong_van")).scalar()
    if found is None:
        kind = {"document_type": "cong_van", "urgency": 0, "paper": Paper.PAPER_FREE.value}
        row = {**kind, "signed": Signed.BOTH.value, "validity": Validity.VALID.value}
        found = transaction.execute(sa.insert(cells).returning(cells.c.id), row).scalar_one()
    column = late_movements.c
    for whose in (agency, EVERYBODY):
        place = {"known_on": known_on, "day": day, "direction": "sent", "agency_key": whose, "cell": found}
        there = sa.and_(*(column[name] == value for name, value in place.items()))
        more = sa.update(late_movements).where(there).values({name: column[name] + n for name, n in sums.items()})
        if not transaction.execute(more).rowcount:
            transaction.execute(sa.insert(late_movements), place | sums)


def declared(transaction, at: datetime, *, corrects: str | None = None, **changes) -> None:
    row = {
        "id": new_id(),
        "agency_key": "H41",
        "first_day": Q3.first_day,
        "last_day": Q3.last_day,
        "kind": "sent_paper_only",
        "count": 3,
        "declared_at": at,
        "declared_by": "Lê Thị Mẫu",
        "caller_key": "H41",
        "corrects": corrects,
    }
    transaction.execute(sa.insert(declarations), row | changes)


def test_a_closing_is_kept_whole_and_once(database):
    outcomes: list[bool] = []
    at_once(lambda: outcomes.append(closed(database)), workers=3)
    assert sorted(outcomes) == [False, False, True]
    assert closed(database, replace(CLOSING, first_day=date(2026, 9, 1))), "a month of it is another period"
    with database.reading() as connection:
        assert store.frozen(connection, Q3) == CLOSING
        assert store.is_closed(connection, Q3)
        assert store.frozen(connection, period("2026-Q2")) is None
        assert not store.is_closed(connection, period("2026-Q2"))
        found = store.all_closings(connection)
    assert [one.first_day for one in found] == [Q3.first_day, date(2026, 9, 1)]
    assert found[0] == Closed(*(getattr(CLOSING, one.name) for one in fields(Closed)))


def test_a_report_of_a_closed_period_gets_its_note(database):
    today = {"issued": Amounts(8, 1, 9, 2)}
    with database.reading() as connection:
        assert store.note(connection, Q3, today) is None
    closed(database)
    with database.reading() as connection:
        assert store.note(connection, period("2026-09"), today) is None, "the quarter is closed, not the month"
        same = store.note(connection, Q3, today)
        other = store.note(connection, Q3, {"issued": Amounts(3, 1, 5, 1)}, agency_keys={"H41", "H14"})
    assert same.differences == ()
    assert other.frozen == {"issued": Amounts(3, 1, 4, 1)}
    assert [(one.indicator_id, one.change) for one in other.differences] == [("issued", Amounts(0, 0, 1, 0))]


def test_what_became_known_after_the_closing_is_told_by_its_day(database):
    with database.writing() as transaction:
        moved(transaction, known_on=date(2026, 10, 4), documents=100)  # before the closing
        moved(transaction, known_on=date(2026, 10, 5), documents=1)  # that day: before or after, the figures tell
        moved(transaction, known_on=date(2026, 10, 9), documents=-1, left_out=1, on_time=-1)
        moved(transaction, known_on=date(2026, 10, 9), agency="H41", documents=3)
        moved(transaction, known_on=date(2026, 10, 9), day=date(2026, 10, 1), documents=50)  # of the next quarter
        declared(transaction, CLOSED_AT - timedelta(hours=1))
        declared(transaction, CLOSED_AT + timedelta(days=30))
        declared(transaction, CLOSED_AT + timedelta(days=30), corrects=new_id(), agency_key="G22")
        declared(transaction, CLOSED_AT + timedelta(days=30), last_day=date(2026, 12, 31))  # reaches beyond
        plan = {"agency_key": "H14", "planned_on": date(2026, 9, 30), "set_by": "x"}
        transaction.execute(sa.insert(connection_plans), plan | {"set_at": CLOSED_AT - timedelta(hours=1)})
        transaction.execute(sa.insert(connection_plans), plan | {"set_at": datetime(2026, 11, 30, 18, tzinfo=UTC)})
    with database.reading() as connection:
        found = store.movements_since(connection, CLOSING)
        of_one = store.movements_since(connection, CLOSING, agency_key="G22")
    days = [date(2026, 10, 5), date(2026, 10, 9), date(2026, 11, 4), date(2026, 12, 1)]
    assert list(found) == days
    assert found[days[1]].sums == {Direction.SENT: {Measure.DOCUMENTS: 2, Measure.LEFT: 1, Measure.ON_TIME: -1}}
    assert (found[days[2]].declared, found[days[2]].corrected) == (1, 1)
    assert found[days[3]].planned == 1
    assert list(of_one) == days[:3]
    assert of_one[days[1]].sums[Direction.SENT][Measure.DOCUMENTS] == -1
    assert (of_one[days[2]].declared, of_one[days[2]].corrected) == (0, 1)


def test_an_event_of_the_period_that_is_not_counted_is_seen(scene):
    sent = scene.accepted(1)
    before, after = sent.judged_at - timedelta(hours=1), sent.judged_at + timedelta(hours=1)
    now = scene.hub.now()
    with scene.database.reading() as connection:
        assert store.uncounted(connection, before=after, now=now)
        assert not store.uncounted(connection, before=before, now=now)
    scene.drain(only=("route", "deliver", "tally"))
    with scene.database.reading() as connection:
        assert not events.wait_to_be_tallied(connection)
        assert not store.uncounted(connection, before=after, now=now)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_questions_use_their_indexes(database):
    assert "ix_events_to_tally" in plan_of(database, lambda c: store.uncounted(c, before=CLOSED_AT, now=CLOSED_AT))
    assert "ix_late_movements_agency" in plan_of(database, lambda c: store.movements_since(c, CLOSING))
    assert "ix_late_movements_agency" in plan_of(
        database, lambda c: store.movements_since(c, CLOSING, agency_key="H41")
    )
