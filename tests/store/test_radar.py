"""The radar's rows: the time of the last call, the duties of a recipient, and what a plan may read."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from hub.domain.causes import StuckCause
from hub.domain.duties import Duty, DutyKind, DutyOutcome
from hub.stations import new_id, utc_now
from hub.store import duties, radar, tables
from hub.store.engine import Database
from hub.store.stuck import stuck
from tests.support.scenes import Scene


def test_the_time_of_the_last_call_never_moves_back(database: Database) -> None:
    now = utc_now()
    for at in (now, now - timedelta(hours=1)):
        with database.writing() as transaction:
            radar.seen(transaction, "H41", at)
    asked = sa.select(tables.agencies.c.code_key, tables.agencies.c.last_seen_at)
    with database.reading() as connection:
        called = {row.code_key: row.last_seen_at for row in connection.execute(asked)}
    assert called.pop("H41") == now
    assert set(called.values()) == {None}, "nobody else's"


def test_only_open_duties_of_the_recipient_are_owed(scene: Scene) -> None:
    _, found = scene.placed(to=("H41", "H14"))
    now = scene.hub.now()

    def duty(code: str, kind: DutyKind, hours: int) -> Duty:
        return Duty(new_id(), found[code].id, kind, now, now + timedelta(hours=hours), "Điều 9")

    many = [duty("H41", DutyKind.RECALL, 5), duty("H41", DutyKind.RECEIPT, 2), duty("H14", DutyKind.RECALL, 1)]
    with scene.database.writing() as transaction:
        transaction.execute(sa.text("DELETE FROM duties"))
        duties.open_all(transaction, many)
    with scene.database.reading() as connection:
        owed = radar.duties_of(connection, "H41", limit=10)
        assert [one.kind for one in owed] == [DutyKind.RECEIPT, DutyKind.RECALL]
        assert len(radar.duties_of(connection, "H41", limit=1)) == 1
    with scene.database.writing() as transaction:
        duties.end(transaction, found["H41"].id, set(DutyKind), DutyOutcome.MOOT, at=now)
    with scene.database.reading() as connection:
        assert radar.duties_of(connection, "H41", limit=10) == []


def test_a_row_has_one_line_whatever_is_wrong_with_it(scene: Scene) -> None:
    _, found = scene.placed(to=("H41",))
    now = scene.hub.now() - timedelta(days=2)
    with scene.database.writing() as transaction:
        transaction.execute(sa.text("DELETE FROM duties"))
        transaction.execute(sa.update(tables.deliveries).values(placed_at=now, created_at=now, attempts=9))
        kinds = set(DutyKind) - {DutyKind.SENDING}
        duties.open_all(transaction, [Duty(new_id(), found["H41"].id, kind, now, now, "Điều 9") for kind in kinds])
    for state in ("in_hand", "handed_over"):
        with scene.database.writing() as transaction:
            transaction.execute(sa.update(tables.deliveries).values(state=state))
        with scene.database.reading() as connection:
            asked = {name: scene.hub.now() for name in radar.Limits.__slots__} | {"refusals": 3}
            rows = connection.execute(sa.select(stuck(connection.dialect.name)), asked).all()
        assert [(row.item, row.cause) for row in rows] == [(found["H41"].id, StuckCause.RECALL_PENDING)]
