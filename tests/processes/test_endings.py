"""The clock's endings: all that is over ends, in bounded rounds, and one bad row stops nobody."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from hub.domain.agencies import AgencyStatus
from hub.domain.deliveries import DeliveryState
from hub.errors import AgencyUnreachable, StoreUnavailable
from hub.processes import endings
from hub.stations import expire, pass_on
from hub.store import agencies, deliveries
from tests.stations.conftest import snapshot

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # what no database does differently
SIX = ("H41", "H14", "H41.1.2", "G30", "G30.1", "G77")


def lying(scene, number=1, *, to=("H41", "H14"), hours=0):
    """Deliveries in inboxes; their time to live ends in so many hours."""
    _, made = scene.placed(number, to=to)
    with scene.database.writing() as transaction:
        for one in made.values():
            deliveries.change(transaction, one.id, expires_at=scene.hub.now() + timedelta(hours=hours))
    return made


def states(scene, made):
    return [scene.delivery(one.id).state.value for one in made.values()]


def close(scene, code, *, successor=None):
    with scene.database.writing() as transaction:
        agency = replace(scene.agency(code), status=AgencyStatus.CLOSED, successor=successor)
        agencies.keep(transaction, agency, now=scene.hub.now())


def test_what_is_over_ends_and_the_rest_stays(scene):
    over, living = lying(scene, 1), lying(scene, 2, hours=24)
    endings.tick(scene.hub)
    assert states(scene, over) == ["expired", "expired"]
    assert states(scene, living) == ["in_hand", "in_hand"]
    before = snapshot(scene.database)
    endings.tick(scene.hub)
    assert snapshot(scene.database) == before
    scene.clock.ahead += timedelta(hours=25)
    endings.tick(scene.hub)
    assert states(scene, living) == ["expired", "expired"]


def test_what_waits_at_a_closed_agency_goes_to_its_successor(scene):
    made = lying(scene, 1, to=("H41", "G77"), hours=24)
    close(scene, "H41", successor="H14")
    endings.tick(scene.hub)
    assert states(scene, made) == ["in_hand", "passed_on"]
    scene.drain()
    assert [one.state for one in scene.inbox("H14")] == [DeliveryState.IN_HAND]


def test_at_a_closed_agency_what_is_over_as_well_is_passed_on_and_then_expires(scene):
    """Its successor must not find in its inbox what the sender was told is over."""
    made = lying(scene, 1, to=("H41",))
    close(scene, "H41", successor="H14")
    endings.tick(scene.hub)
    copies = scene.deliveries(made["H41"].consignment_id)
    assert {key: one.state.value for key, one in copies.items()} == {"H41": "passed_on", "H14": "expired"}


def test_what_was_fetched_waits_at_a_closed_agency_until_it_expires(scene):
    made = lying(scene, 1, to=("H41",), hours=1)
    with scene.database.writing() as transaction:
        deliveries.fetched(transaction, made["H41"].id, at=scene.hub.now())
    close(scene, "H41", successor="H14")
    endings.tick(scene.hub)
    assert states(scene, made) == ["in_hand"]
    scene.clock.ahead += timedelta(hours=2)
    endings.tick(scene.hub)
    assert states(scene, made) == ["expired"]


@ON_SQLITE
def test_the_oldest_is_passed_on_first(scene, monkeypatch):
    first, second = lying(scene, 1, to=("H41",), hours=24), lying(scene, 2, to=("H41",), hours=24)
    close(scene, "H41", successor="H14")
    order = []
    monkeypatch.setattr(pass_on, "run", lambda one, _hub: order.append(one))
    endings.tick(scene.hub)
    assert order == [first["H41"].id, second["H41"].id]


@ON_SQLITE
def test_a_round_is_bounded_and_the_next_one_goes_on(scene, monkeypatch):
    monkeypatch.setattr(endings, "BATCH", 4)
    made = lying(scene, 1, to=SIX)
    endings.tick(scene.hub)
    assert states(scene, made).count("expired") == 4
    endings.tick(scene.hub)
    assert states(scene, made).count("expired") == 6


@ON_SQLITE
@pytest.mark.parametrize("trouble", [ValueError("defect"), AgencyUnreachable("away")])
def test_rows_that_fail_stop_nobody_even_when_they_fill_a_round(scene, monkeypatch, trouble):
    made = lying(scene, 1, to=SIX)
    monkeypatch.setattr(endings, "BATCH", 2)
    with scene.database.reading() as connection:
        bad = set(endings.standing.expired(connection, scene.hub.now(), limit=3))
    run = expire.run

    def fails(one, hub):
        if one in bad:
            raise trouble
        run(one, hub)

    monkeypatch.setattr(expire, "run", fails)
    endings.tick(scene.hub)
    endings.tick(scene.hub)
    assert {one.id for one in made.values() if scene.delivery(one.id).state is DeliveryState.IN_HAND} == bad
    monkeypatch.setattr(expire, "run", run)
    for _ in range(2):
        endings.tick(scene.hub)
    assert set(states(scene, made)) == {"expired"}


@ON_SQLITE
def test_without_a_database_the_round_ends(scene, monkeypatch):
    lying(scene, 1)

    def away(*_):
        raise StoreUnavailable

    monkeypatch.setattr(expire, "run", away)
    with pytest.raises(StoreUnavailable):
        endings.tick(scene.hub)
