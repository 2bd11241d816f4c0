"""The clock writes the status messages whose wakes were lost, and no others."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.domain.statuses import StatusCode
from hub.errors import PayloadsUnavailable
from hub.processes import informing
from hub.stations import inform, status
from hub.stations.status import StatusSaid
from hub.store import outbox, statuses_owed

SAID_AT = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)


@pytest.fixture
def spoken(scene):
    """Two recipients have said 03, and nobody was told."""
    _, made = scene.placed(1)
    for code, delivery in made.items():
        status.run(StatusSaid(delivery.id, code, StatusCode("03"), "", SAID_AT), scene.hub)


def forget_all_wakes(scene):
    with scene.database.writing() as transaction:
        outbox.forget(transaction, [row.number for row in scene.owed()])


def waiting(scene):
    with scene.database.reading() as connection:
        return statuses_owed.waiting(connection, scene.hub.now() + timedelta(days=1), 10)


def test_what_lost_its_wake_is_written_after_a_minute(scene, spoken):
    forget_all_wakes(scene)
    informing.tick(scene.hub)
    assert len(waiting(scene)) == 2
    scene.clock.ahead += timedelta(minutes=2)
    informing.tick(scene.hub)
    assert waiting(scene) == []
    assert [row.station for row in scene.owed()] == ["route", "route"]
    scene.drain()
    assert len(scene.inbox("G22")) == 2


def test_what_still_waits_for_the_relay_is_left_alone(scene, spoken):
    scene.clock.ahead += timedelta(minutes=2)
    informing.tick(scene.hub)
    assert len(waiting(scene)) == 2
    assert [row.station for row in scene.owed()] == ["inform", "inform"]


def test_one_that_cannot_be_written_stops_no_other(scene, spoken, monkeypatch):
    forget_all_wakes(scene)
    scene.clock.ahead += timedelta(minutes=2)
    broken, real = waiting(scene)[0].id, inform.run

    def sometimes(status_id, hub):
        if status_id == broken:
            raise ValueError("a defect")
        real(status_id, hub)

    monkeypatch.setattr(inform, "run", sometimes)
    informing.tick(scene.hub)
    assert [entry.id for entry in waiting(scene)] == [broken]


def test_a_full_disk_ends_the_round_and_loses_nothing(scene, spoken, monkeypatch):
    forget_all_wakes(scene)
    scene.clock.ahead += timedelta(minutes=2)
    with monkeypatch.context() as patched:
        patched.setattr(type(scene.hub.payloads), "begin", _full)
        with pytest.raises(PayloadsUnavailable):
            informing.tick(scene.hub)
    assert len(waiting(scene)) == 2
    informing.tick(scene.hub)
    assert waiting(scene) == []


def _full(_):
    raise PayloadsUnavailable("no space left")
