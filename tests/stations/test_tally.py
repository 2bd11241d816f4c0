"""TALLY: every event that counts is folded once, however many tallymen there are."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from hub.domain.counting import Direction, Measure, total
from hub.domain.periods import vietnam_day
from hub.domain.scopes import Scope, ScopeKind
from hub.processes import deadlines
from hub.stations import tally
from hub.store import counted, events, rebuild, signers, tables, tallies
from hub.store.tallies import Slice
from tests.stations.conftest import Crash, at_once, snapshot
from tests.support.changes import recall, said, taken
from tests.support.scenes import genuine, unsigned


def test_all_that_waits_is_counted_and_a_second_call_counts_nothing(scene):
    for number in range(3):
        scene.accepted(number, page=genuine("G22"))
    tally.run("backlog", scene.hub)
    assert scene.counts() == {("G22", "sent"): (3, 3, 0)}
    before = snapshot(scene.database)
    tally.run("backlog", scene.hub)
    assert snapshot(scene.database) == before


def test_more_than_one_batch(scene, monkeypatch):
    monkeypatch.setattr(tally, "BATCH", 2)
    for number in range(5):
        scene.accepted(number, page=genuine("G22"))
    tally.run("x", scene.hub)
    assert scene.counts() == {("G22", "sent"): (5, 5, 0)}


def test_many_tallymen_at_once_count_each_event_once(scene, monkeypatch):
    monkeypatch.setattr(tally, "BATCH", 2)
    for number in range(9):
        scene.accepted(number, page=genuine("G22"))
    assert at_once(lambda: tally.run("x", scene.hub), workers=4) == [None] * 4
    tally.run("x", scene.hub)
    assert scene.counts() == {("G22", "sent"): (9, 9, 0)}


def test_a_crash_between_count_and_mark_counts_nothing(scene, crash_after):
    scene.accepted(1)
    before = snapshot(scene.database)
    crash_after(counted, "_add")
    with pytest.raises(Crash):
        tally.run("x", scene.hub)
    assert snapshot(scene.database) == before


@pytest.mark.parametrize("step", [(counted, "_write_rows"), (counted, "_add"), (signers, "add"), (events, "tallied")])
def test_a_fold_that_dies_anywhere_is_done_again_whole(scene, monkeypatch, step):
    _, copies = _lived(scene)
    with monkeypatch.context() as patched:
        module, name = step
        real = getattr(module, name)

        def die(*args, **facts):
            real(*args, **facts)
            raise Crash(name)

        patched.setattr(module, name, die)
        before = snapshot(scene.database)
        with pytest.raises(Crash):
            tally.run("x", scene.hub)
        assert snapshot(scene.database) == before
    tally.run("x", scene.hub)
    assert _marks(scene, copies["H41"]) == {*_TAKEN, Measure.ACCEPTED, Measure.FED_BACK}
    assert _differences(scene) == []


def test_events_told_again_add_nothing(scene):
    """All of history is folded once more, by several at once."""
    _lived(scene)
    tally.run("x", scene.hub)
    before = snapshot(scene.database)
    with scene.database.writing() as transaction:
        counts = tables.events.c.kind.in_(events.COUNTS)
        transaction.execute(sa.update(tables.events).where(counts).values(to_tally=True))
    assert at_once(lambda: tally.run("x", scene.hub), workers=3) == [None] * 3
    assert snapshot(scene.database) == before


def test_an_event_that_was_lost_is_made_good_by_the_next_of_its_subject(scene):
    _, copies = _lived(scene)
    with scene.database.writing() as transaction:
        lost = tables.events.c.kind.in_(("placed", "handed_over"))
        transaction.execute(sa.update(tables.events).where(lost).values(to_tally=False))
    tally.run("x", scene.hub)
    assert _marks(scene, copies["H41"]) >= _TAKEN


def test_what_happens_late_moves_its_own_day_and_is_known_on_the_later_one(scene):
    """Taken and recalled forty days after: another month's event, the first day's figure."""
    consignment, copies = scene.placed(1, to=("H41", "H14"))
    today = vietnam_day(consignment.received_at)
    scene.clock.ahead = timedelta(days=40)
    deadlines.tick(scene.hub)
    taken(scene, copies["H41"])
    said(scene, copies["H41"], "03")
    tally.run("x", scene.hub)
    then, now = (_received(scene, today, known_on=one) for one in (today + timedelta(days=39), None))
    assert (then[Measure.DOCUMENTS], then[Measure.TAKEN], then[Measure.ACCEPTED]) == (2, 0, 0)
    assert (now[Measure.DOCUMENTS], now[Measure.TAKEN], now[Measure.ACCEPTED]) == (2, 1, 1)
    scene.clock.ahead = timedelta(days=80)
    scene.post(recall(consignment, to=("H41", "H14"), seal=unsigned))
    scene.drain()
    said(scene, copies["H41"], "15")
    tally.run("x", scene.hub)
    assert _received(scene, today, known_on=today + timedelta(days=79)) == now, "what was reported stays as it was"
    after = _received(scene, today, known_on=None)
    assert (after[Measure.DOCUMENTS], after[Measure.LEFT], after[Measure.TAKEN]) == (0, 2, 0)
    assert _differences(scene) == []


_TAKEN = {Measure.TAKEN, Measure.SAME_DAY}


def _lived(scene):
    """One document taken and answered, nothing of it folded."""
    consignment = scene.accepted(1, to=("H41", "H14"))
    scene.drain(only=("route", "deliver"))
    copies = scene.deliveries(consignment.id)
    taken(scene, copies["H41"])
    said(scene, copies["H41"], "03")
    return consignment, copies


def _marks(scene, delivery):
    with scene.database.reading() as connection:
        return set(counted.read(connection, [delivery.id])[delivery.id, Direction.RECEIVED].marks)


def _received(scene, day, *, known_on):
    with scene.database.reading() as connection:
        asked = Slice(Direction.RECEIVED, Scope(ScopeKind.HUB), day, day, known_on)
        return total(tallies.by_cell(connection, asked).values())


def _differences(scene):
    with scene.database.reading() as connection:
        subjects = rebuild.differing_subjects(connection, now=scene.hub.now())
        return [*subjects, *rebuild.differing_sums(connection)]


def test_no_port_is_called(scene, watch):
    scene.accepted(1)
    tally.run("x", scene.hub)
    assert watch.calls == 0
