"""FETCH: the first taking is noted once; too late a one is told at once, by whoever comes first, and only once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.domain.counting import Direction, Measure
from hub.processes import deadlines
from hub.stations import ending, fetch, tally
from hub.store import counted, unfetched
from tests.stations.conftest import at_once
from tests.support.changes import recall, together
from tests.support.scenes import unsigned

LATE = timedelta(hours=30)


@pytest.fixture
def lying(scene):
    """A copy in the inbox of H41 that is counted."""
    return scene.placed(1, to=("H41",))[1]["H41"]


def late(scene):
    """What the clock has found and not told yet."""
    with scene.database.reading() as connection:
        return unfetched.lying(connection, by=scene.hub.now(), limit=9)


def test_in_time_it_is_noted_once_and_nothing_is_told(scene, lying):
    assert [fetch.run(lying, scene.hub), fetch.run(lying, scene.hub)] == [True, False]
    assert scene.delivery(lying.id).fetched_at is not None
    scene.clock.ahead = LATE
    deadlines.tick(scene.hub)
    timeline = scene.timeline(lying.consignment_id)
    assert (timeline.count("fetched"), "unfetched" in timeline) == (1, False)  # a deadline may have passed meanwhile


def test_too_late_that_is_told_first_and_never_again(scene, lying):
    scene.clock.ahead = LATE
    seen = late(scene)
    assert fetch.run(lying, scene.hub)
    assert scene.timeline(lying.consignment_id)[-2:] == ["unfetched", "fetched"]
    assert [fetch.was_not(one, scene.hub) for one in seen] == [False]
    deadlines.tick(scene.hub)
    assert scene.timeline(lying.consignment_id).count("unfetched") == 1


def test_what_the_clock_told_is_not_told_again(scene, lying):
    scene.clock.ahead = LATE
    deadlines.tick(scene.hub)
    assert fetch.run(lying, scene.hub)
    assert scene.timeline(lying.consignment_id)[-2:] == ["unfetched", "fetched"]


def test_what_is_not_counted_yet_is_marked_when_it_is(scene):
    consignment = scene.accepted(1, to=("H41",))
    scene.drain(only=("route", "deliver"))
    one = scene.deliveries(consignment.id)["H41"]
    scene.clock.ahead = LATE
    assert fetch.run(one, scene.hub)
    assert "unfetched" not in scene.timeline(one.consignment_id)
    tally.run("backlog", scene.hub)
    with scene.database.reading() as connection:
        row = counted.read(connection, [one.id])[one.id, Direction.RECEIVED]
    assert row.marks[Measure.UNFETCHED] == one.arrived_at + timedelta(hours=24)


def test_a_notice_is_never_told_of(scene, lying):
    notice = scene.post(recall(scene.consignment(lying.consignment_id), to=("H41",), seal=unsigned)).consignment
    scene.drain()
    scene.clock.ahead = LATE
    for one in scene.deliveries(notice.id).values():
        fetch.run(one, scene.hub)
    deadlines.tick(scene.hub)
    assert "unfetched" not in scene.timeline(notice.id)


def test_what_was_withdrawn_is_not_fetched(scene, lying):
    scene.post(recall(scene.consignment(lying.consignment_id), to=("H41",), seal=unsigned))
    scene.drain()
    assert not fetch.run(lying, scene.hub)
    assert scene.delivery(lying.id).fetched_at is None


def test_many_fetchers_and_the_clock_at_once_tell_it_once(scene, lying):
    scene.clock.ahead = LATE
    seen = late(scene)
    works = [lambda: fetch.run(lying, scene.hub)] * 3 + [lambda: fetch.was_not(seen[0], scene.hub)] * 2
    done = together(works)
    assert sum(done[:3]) == 1
    assert sum(done[3:]) <= 1
    assert scene.timeline(lying.consignment_id).count("unfetched") == 1
    assert scene.timeline(lying.consignment_id).count("fetched") == 1


def test_it_does_not_wait_for_who_works_on_other_copies(postgres_scene):
    """A station holds the sending and its own copy; thousands may fetch theirs meanwhile."""
    scene = postgres_scene
    copies = scene.placed(1, to=("H41", "H14"))[1]
    with scene.database.writing() as transaction:
        assert ending.locked(transaction, copies["H41"].id) is not None
        (done,) = at_once(lambda: fetch.run(copies["H14"], scene.hub), workers=1)
    assert done is True
