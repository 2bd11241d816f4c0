"""How much waits, and since when."""

from __future__ import annotations

from datetime import timedelta

from hub.store import backlog
from tests.support.scenes import document, signed


def look(scene, *, minutes=0):
    with scene.database.reading() as connection:
        return backlog.look(connection, before=scene.hub.now() + timedelta(minutes=minutes))


def test_nothing_waits_in_an_empty_hub(scene):
    seen = look(scene)
    assert (seen.unrouted, seen.overdue, seen.held, seen.in_inboxes, seen.oldest) == (0, 0, 0, 0, None)


def test_each_thing_is_counted_where_it_waits(scene, monkeypatch):
    scene.held(monkeypatch)
    monkeypatch.undo()
    scene.placed(2, to=("H41", "H14"))
    first = min(entry.placed_at for entry in (*scene.inbox("H41"), *scene.inbox("H14")))
    scene.accepted(3, to=("H41",))
    scene.drain(only=("route",))
    scene.accepted(4)
    scene.post(signed(document(5, to=("NOBODY",))))
    seen = look(scene, minutes=5)
    assert (seen.unrouted, seen.overdue, seen.held, seen.in_inboxes, seen.oldest) == (1, 1, 1, 2, first)


def test_what_has_only_just_come_is_not_late(scene):
    scene.accepted(1)
    assert look(scene, minutes=-1).unrouted == 0
