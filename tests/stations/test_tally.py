"""TALLY: every event that counts is folded once, however many tallymen there are."""

from __future__ import annotations

import pytest

from hub.stations import tally
from hub.store import events
from tests.stations.conftest import Crash, at_once, snapshot
from tests.support.scenes import genuine


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
    crash_after(events, "_add")
    with pytest.raises(Crash):
        tally.run("x", scene.hub)
    assert snapshot(scene.database) == before


def test_no_port_is_called(scene, watch):
    scene.accepted(1)
    tally.run("x", scene.hub)
    assert watch.calls == 0
