"""DEADLINES: what passed is told once, whoever tells it; and the disk is not awaited for each."""

from __future__ import annotations

from datetime import timedelta

from hub.domain.duties import Duty, DutyKind, DutyOutcome
from hub.processes import deadlines
from hub.stations import new_id
from hub.store import duties, events
from hub.store.engine import Database, Transaction
from tests.stations.conftest import at_once


def owed(scene, delivery, kind=DutyKind.RECALL, *, hours=1, many=1):
    now = scene.hub.now()
    made = [Duty(new_id(), delivery.id, kind, now, now + timedelta(hours=hours), "Điều 9 khoản 2") for _ in range(many)]
    with scene.database.writing() as transaction:
        duties.open_all(transaction, made)
    return made


def routed(scene, number=1, *, to=("H41", "H14")):
    sent = scene.accepted(number, to=to)
    scene.drain(only=("route",))
    return sent, scene.deliveries(sent.id)


def overdue(scene, consignment):
    """The events about copies; a late sending is the sender's own."""
    with scene.database.reading() as connection:
        happened = events.timeline(connection, consignment.id)
    return [event for event in happened if event.kind == "overdue" and event.delivery_id]


def test_what_passed_is_told_once_with_its_article(scene):
    sent, copies = routed(scene)
    (duty,) = owed(scene, copies["H41"])
    assert deadlines.tick(scene.hub) == 0
    scene.clock.ahead += timedelta(hours=2)
    assert deadlines.tick(scene.hub) == 1
    assert deadlines.tick(scene.hub) == 0
    (event,) = overdue(scene, sent)
    assert event.delivery_id == copies["H41"].id
    assert event.facts["kind"] == "recall"
    assert event.facts["article"] == "Điều 9 khoản 2"
    assert event.facts["recipient"] == "H41"
    assert event.facts["due_at"].endswith("+07:00")
    with scene.database.reading() as connection:
        (kept,) = duties.of_deliveries(connection, [copies["H41"].id])
    assert (kept.id, kept.ended_at) == (duty.id, None)  # still owed
    assert kept.overdue_at == event.at


def test_what_was_done_in_time_is_not_told(scene):
    sent, copies = routed(scene)
    owed(scene, copies["H41"])
    with scene.database.writing() as transaction:
        duties.end(transaction, copies["H41"].id, [DutyKind.RECALL], DutyOutcome.MOOT, at=scene.hub.now())
    scene.clock.ahead += timedelta(hours=2)
    assert deadlines.tick(scene.hub) == 0
    assert overdue(scene, sent) == []


def test_clocks_at_once_tell_each_duty_once(scene):
    sent, copies = routed(scene)
    owed(scene, copies["H41"], many=4)
    owed(scene, copies["H14"], DutyKind.UPDATE, many=4)
    scene.clock.ahead += timedelta(hours=2)
    told = at_once(lambda: deadlines.tick(scene.hub), workers=3)
    assert sum(told) == 8
    assert len(overdue(scene, sent)) == 8


def test_more_than_one_batch_over_many_documents(scene, monkeypatch):
    monkeypatch.setattr(deadlines, "BATCH", 2)
    sent = [routed(scene, number, to=("H41",)) for number in range(2)]
    for _, copies in sent:
        owed(scene, copies["H41"], many=3)
    scene.clock.ahead += timedelta(hours=2)
    assert deadlines.tick(scene.hub) == 6
    assert [len(overdue(scene, one)) for one, _ in sent] == [3, 3]


def test_many_do_not_wait_for_the_disk_one_by_one(scene, monkeypatch):
    sent, copies = routed(scene)
    for copy in copies.values():
        owed(scene, copy, many=200)
    scene.clock.ahead += timedelta(hours=2)
    opened = []
    writing = Database.writing
    monkeypatch.setattr(Database, "writing", lambda self, **how: opened.append(how) or writing(self, **how))
    while deadlines.tick(scene.hub):
        pass
    assert len(opened) == 400 // deadlines.BATCH
    assert all(how["repeatable"] for how in opened)
    assert len(overdue(scene, sent)) == 400


def test_what_was_ended_between_the_look_and_the_word_is_not_told(scene, monkeypatch):
    sent, copies = routed(scene)
    owed(scene, copies["H41"])
    scene.clock.ahead += timedelta(hours=2)
    passed = duties.passed

    def ends_then(connection, now, *, limit):
        found = passed(connection, now, limit=limit)
        connection.rollback()
        with scene.database.writing() as transaction:
            duties.end(transaction, copies["H41"].id, [DutyKind.RECALL], DutyOutcome.ACCEPTED, at=now)
        return found

    monkeypatch.setattr(duties, "passed", ends_then)
    assert deadlines.tick(scene.hub) == 0
    assert overdue(scene, sent) == []


def test_those_who_watch_the_document_are_woken(scene, monkeypatch):
    sent, copies = routed(scene)
    owed(scene, copies["H41"])
    rung = []
    ring = Transaction.ring
    monkeypatch.setattr(Transaction, "ring", lambda self, topic: rung.append(topic) or ring(self, topic))
    deadlines.tick(scene.hub)
    assert rung == []
    scene.clock.ahead += timedelta(hours=2)
    deadlines.tick(scene.hub)
    assert rung == [f"consignment:{sent.id}"]
