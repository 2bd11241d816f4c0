"""What lies in an inbox longer than the rule pack lets it, and is told of once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.domain.counting import Direction, Measure
from hub.processes import deadlines
from hub.stations import acknowledge, tally
from hub.stations.acknowledge import Acknowledgement
from hub.store import closings, counted, events, rebuild, unfetched
from tests.support.changes import fetch, over, recall, said, taken
from tests.support.scenes import unsigned

HOUR = timedelta(hours=1)


def lying(scene, *, limit=50):
    with scene.database.reading() as connection:
        found = unfetched.lying(connection, by=scene.hub.now(), limit=limit)
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


def over_at(scene, delivery):
    return scene.delivery(delivery.id).arrived_at + 24 * HOUR


def mark(scene, delivery):
    with scene.database.reading() as connection:
        found = counted.read(connection, [delivery.id])
    return found[delivery.id, Direction.RECEIVED].marks.get(Measure.UNFETCHED)


def told(scene, consignment):
    with scene.database.reading() as connection:
        return [one.at for one in events.timeline(connection, consignment.id) if one.kind == "unfetched"]


@pytest.mark.parametrize("path", ["clock", "fetched", "taken", "refused", "said", "recalled", "anew"])
def test_the_moment_is_when_the_hours_ended_whoever_looked_and_however_late(scene, path):
    """The clock stood still for six days: what happens then must not say that it became known only now."""
    consignment, copies = scene.placed(1, to=("H41",))
    one = copies["H41"]
    scene.drain()
    scene.clock.ahead = 144 * HOUR
    match path:
        case "clock":
            deadlines.tick(scene.hub)
        case "fetched":
            fetch(scene, one)
        case "taken":
            taken(scene, one)
        case "refused":
            acknowledge.run(Acknowledgement(one.id, "H41", taken=False, reason="sai"), scene.hub)
        case "said":
            said(scene, one, "03")
        case "recalled":
            scene.post(recall(consignment, to=("H41",), seal=unsigned))
        case "anew":
            rebuild.everything(scene.database, now=scene.hub.now())
    scene.drain()
    assert mark(scene, one) == over_at(scene, one)
    assert told(scene, consignment) in ([], [over_at(scene, one)])
    assert bool(told(scene, consignment)) is (path in ("clock", "fetched"))
    with scene.database.reading() as connection:
        assert list(rebuild.differing_subjects(connection, now=scene.hub.now())) == []


def test_until_somebody_has_told_the_figures_are_not_complete(scene):
    """Else a report of the day on which the hours ended would come out otherwise when it is made again."""
    _, copies = scene.placed(1, to=("H41",))
    scene.drain()
    end = over_at(scene, copies["H41"])
    scene.clock.ahead = 30 * HOUR
    assert uncounted(scene, before=end)
    assert not uncounted(scene, before=end - HOUR)
    assert not uncounted(scene, before=end, now=end - HOUR), "what has not happened yet is not missed"
    deadlines.tick(scene.hub)
    assert uncounted(scene, before=end + HOUR), "told, and not in the tallies"
    tally.run("backlog", scene.hub)
    assert not uncounted(scene, before=end + HOUR)


def uncounted(scene, *, before, now=None):
    with scene.database.reading() as connection:
        return closings.uncounted(connection, before=before, now=now or scene.hub.now())


def test_more_than_one_batch_is_told_in_one_round(scene, monkeypatch):
    monkeypatch.setattr(deadlines, "BATCH", 2)
    for number in range(5):
        scene.placed(number, to=("H41",))
    scene.clock.ahead = 30 * HOUR
    assert len(lying(scene)) == 5
    deadlines.tick(scene.hub)
    assert lying(scene) == []
