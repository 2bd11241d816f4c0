"""What must hold when many do it at once."""

from __future__ import annotations

import threading

import pytest

from hub.stations import deliver, route
from hub.store import deliveries
from tests.stations.conftest import at_once, snapshot
from tests.support.scenes import document, signed

AT_ONCE = 100


def test_a_hundred_posts_of_one_envelope_are_one_consignment_with_one_receipt(scene):
    body = signed(document(1))
    results = at_once(lambda: scene.post(body), workers=AT_ONCE)
    assert {type(result).__name__ for result in results} == {"Answer"}
    assert len({answer.receipt.jws for answer in results}) == 1
    assert len({answer.consignment.id for answer in results}) == 1
    assert sum(not answer.replayed for answer in results) == 1
    rows = snapshot(scene.database)
    assert [len(rows[name]) for name in ("consignments", "receipts")] == [1, 1]
    assert [row.station for row in scene.owed()] == ["route"]
    assert list((scene.folder / "payloads" / "drafts").iterdir()) == []


def test_an_inbox_never_skips_what_commits_late(postgres_scene):
    """A reader that follows its cursor while four deliverers place forty documents sees each of them once."""
    scene = postgres_scene
    waiting = []
    for number in range(40):
        sent = scene.accepted(number, to=("H41",))
        route.run(sent.id, scene.hub)
        waiting.append(scene.deliveries(sent.id)["H41"].id)
    wanted, over, seen = set(waiting), threading.Event(), []

    def follow() -> None:
        cursor = 0
        while not over.is_set() or scene.inbox("H41", after=cursor):
            for entry in scene.inbox("H41", after=cursor, limit=7):
                seen.append(entry.id)
                cursor = entry.position

    def place() -> None:
        while waiting:
            try:
                one = waiting.pop()
            except IndexError:
                return
            deliver.run(one, scene.hub)

    reader = threading.Thread(target=follow)
    reader.start()
    assert at_once(place, workers=4) == [None] * 4
    over.set()
    reader.join(30)
    assert len(seen) == len(set(seen)) == 40
    assert set(seen) == wanted


def test_a_later_place_waits_for_an_earlier_one(postgres_scene):
    """Place 2 cannot be seen before place 1: its transaction waits for the row of the recipient."""
    scene = postgres_scene
    order = []

    def second() -> None:
        with scene.database.writing() as transaction:
            order.append(deliveries.next_position(transaction, "H41"))

    with scene.database.writing() as transaction:
        first = deliveries.next_position(transaction, "H41")
        other = threading.Thread(target=second)
        other.start()
        other.join(0.5)
        assert other.is_alive()
        order.append(first)
    other.join(10)
    assert order == [1, 2]


@pytest.mark.parametrize("workers", [3])
def test_deliveries_of_many_consignments_to_few_recipients_do_not_wait_in_a_circle(postgres_scene, workers):
    scene = postgres_scene
    ids = [scene.accepted(number, to=("H41", "H14", "H41.1.2")).id for number in range(12)]
    for one in ids:
        route.run(one, scene.hub)
    waiting = [d.id for one in ids for d in scene.deliveries(one).values()]

    def work() -> None:
        while waiting:
            try:
                one = waiting.pop()
            except IndexError:
                return
            deliver.run(one, scene.hub)

    assert at_once(work, workers=workers) == [None] * workers
    for code in ("H41", "H14", "H41.1.2"):
        assert [entry.position for entry in scene.inbox(code)] == list(range(1, 13))
