"""What lies in an inbox longer than the rule pack lets it, and is told of once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.domain.counting import Direction, Measure
from hub.processes import deadlines
from hub.stations import acknowledge, tally
from hub.stations.acknowledge import Acknowledgement
from hub.store import counted, rebuild, unfetched
from tests.support.changes import fetch, over, recall, taken
from tests.support.scenes import unsigned

HOUR = timedelta(hours=1)


def lying(scene, *, hours=24, limit=50):
    with scene.database.reading() as connection:
        found = unfetched.lying(connection, arrived_before=scene.hub.now() - hours * HOUR, limit=limit)
    return [one.delivery_id for one in found]


def bears(scene, delivery):
    with scene.database.reading() as connection:
        found = counted.read(connection, [delivery.id])
    return Measure.UNFETCHED in found[delivery.id, Direction.RECEIVED].marks


def test_it_lies_there_when_its_hours_have_passed_and_not_before(scene):
    _, copies = scene.placed(1, to=("H41",))
    scene.clock.ahead = 24 * HOUR - timedelta(minutes=1)
    assert lying(scene) == []
    scene.clock.ahead = 24 * HOUR + timedelta(minutes=1)
    assert lying(scene) == [copies["H41"].id]


@pytest.mark.parametrize("done", ["fetched", "taken", "refused", "recalled", "not counted yet"])
def test_what_was_looked_at_or_has_left_does_not_lie_there(scene, done):
    consignment, copies = scene.placed(1, to=("H41",))
    match done:
        case "fetched":
            fetch(scene, copies["H41"])
        case "taken":
            taken(scene, copies["H41"])
        case "refused":
            acknowledge.run(Acknowledgement(copies["H41"].id, "H41", taken=False, reason="sai"), scene.hub)
        case "recalled":
            scene.post(recall(consignment, to=("H41",), seal=unsigned))
        case "not counted yet":
            scene.accepted(2, to=("H14",))
            scene.drain(only=("route", "deliver"))
            fetch(scene, copies["H41"])
    if done != "not counted yet":
        scene.drain()
    scene.clock.ahead = 30 * HOUR
    assert lying(scene) == []


def test_an_expired_copy_that_nobody_had_fetched_lies_there_still(scene):
    _, copies = scene.placed(1, to=("H41",))
    over(scene, copies["H41"])
    scene.drain()
    scene.clock.ahead = 30 * HOUR
    assert lying(scene) == [copies["H41"].id]


def test_the_longest_lying_come_first(scene):
    first, second = (scene.placed(number, to=("H41",))[1]["H41"].id for number in (1, 2))
    scene.clock.ahead = 30 * HOUR
    assert lying(scene) == [first, second]
    assert lying(scene, limit=1) == [first]


def test_the_clock_tells_once_and_the_tally_marks_it(scene):
    consignment, copies = scene.placed(1, to=("H41", "H14"))
    fetch(scene, copies["H14"])
    scene.clock.ahead = 30 * HOUR
    deadlines.tick(scene.hub)
    assert lying(scene) == [], "told, even before it is folded"
    deadlines.tick(scene.hub)
    assert scene.timeline(consignment.id).count("unfetched") == 1
    tally.run("backlog", scene.hub)
    assert (bears(scene, copies["H41"]), bears(scene, copies["H14"])) == (True, False)
    taken(scene, copies["H41"])
    tally.run("backlog", scene.hub)
    assert bears(scene, copies["H41"]), "taken later, it was not fetched in time all the same"
    with scene.database.reading() as connection:
        assert list(rebuild.differing_subjects(connection, now=scene.hub.now())) == []
