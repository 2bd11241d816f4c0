"""What counts, read from the rows of what happened: a few subjects or all of them, and nothing that does not count."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from hub.demo import year
from hub.demo.year import Wishes
from hub.domain.counting import Direction, Measure, Paper, Signed, Validity
from hub.domain.periods import vietnam_day
from hub.domain.working_time import WorkingCalendar
from hub.store import recount, tables
from hub.store.recount import Found
from tests.support.busy import lived
from tests.support.changes import fetch, over, recall, said, taken
from tests.support.plans import plan_of
from tests.support.scenes import document as a_document
from tests.support.scenes import genuine_document, unsigned


def every(scene) -> Found:
    whole = Found()
    with scene.database.reading() as connection:
        for found, _ in recount.every(connection, now=scene.hub.now()):
            assert not whole.counted.keys() & found.counted.keys()
            whole.counted |= found.counted
    return whole


def some(scene, *, consignments=(), deliveries=()) -> Found:
    with scene.database.reading() as connection:
        return recount.some(connection, consignment_ids=consignments, delivery_ids=deliveries, now=scene.hub.now())


def copy(scene, consignment, code):
    delivery = scene.deliveries(consignment.id)[code]
    return some(scene, deliveries=[delivery.id]).counted.get((delivery.id, Direction.RECEIVED))


def sender(scene, consignment):
    return some(scene, consignments=[consignment.id]).counted.get((consignment.id, Direction.SENT))


def test_a_few_at_a_time_or_all_at_once_gives_the_same(scene, monkeypatch):
    sendings = lived(scene)
    whole = every(scene)
    with scene.database.reading() as connection:
        deliveries = connection.execute(sa.select(tables.deliveries.c.id)).scalars().all()
    assert some(scene, consignments=[one.id for one in sendings.values()], deliveries=deliveries) == whole
    monkeypatch.setattr(recount, "KEYS_PER_QUERY", 2)
    monkeypatch.setattr(recount, "CONSIGNMENTS_AT_ONCE", 3)
    assert every(scene) == whole
    assert some(scene, consignments=[one.id for one in sendings.values()], deliveries=deliveries) == whole


def test_a_piece_in_the_middle_is_not_looked_for_from_the_beginning(database, monkeypatch):
    """Of every table only what lies between the first and the last of the piece: twice as much takes twice as long."""
    year.make(database, Wishes(2025, 3000, 40), WorkingCalendar(lambda _year: {}), lambda _done, _of: None)
    monkeypatch.setattr(recount, "CONSIGNMENTS_AT_ONCE", 60)
    plan = plan_of(database, lambda connection: list(recount.every(connection, now=datetime(2026, 3, 2, tzinfo=UTC))))
    read = (
        "consignments|documents|events|deliveries"  # statuses and duties are looked up by delivery, or all of the few
    )
    assert not re.search(rf"Seq Scan on ({read})\b|SCAN ({read})\b", plan), plan
    if not database.is_sqlite:
        conditions = re.findall(rf"Scan using \w+ on ({read}) .*\n.*?(Index Cond)?: ", plan)
        assert {table for table, _ in conditions} == set(read.split("|"))
        assert all(condition for _, condition in conditions), plan


def test_what_counts_of_a_busy_hub(scene):
    sendings = lived(scene)
    name_of = {one.id: name for name, one in sendings.items()}
    found = every(scene).counted.values()
    assert {name_of[one.consignment_id] for one in found if one.direction is Direction.SENT} == {
        *("handled", "recalled", "with_paper", "report", "invitation", "to_a_closed_one", "replacing")
    }, "neither the second sending of a document, nor notices, nor a secret"
    assert {name_of[one.consignment_id] for one in found if one.direction is Direction.REJECTED} == {"rejected"}
    received = [name_of[one.consignment_id] for one in found if one.direction is Direction.RECEIVED]
    assert not {"recall", "update", "secret"} & set(received)
    assert (received.count("recalled"), received.count("again")) == (3, 1)


def test_progress_is_over_documents_only(scene):
    lived(scene)
    with scene.database.reading() as connection:
        done = [number for _, number in recount.every(connection, now=scene.hub.now())]
        assert sum(done) == recount.how_many(connection)


def test_a_document_at_its_sender_and_its_signers(scene):
    today = vietnam_day(scene.hub.now())
    on_time = scene.post(genuine_document(1, issued_on=today)).consignment
    late = scene.post(unsigned(a_document(2, document_type_name="Giấy mời"))).consignment
    one, other = sender(scene, on_time), sender(scene, late)
    assert (one.agency_key, one.day, one.left_at) == ("G22", vietnam_day(on_time.received_at), None)
    assert (one.cell.paper, one.cell.signed, one.cell.validity) == (Paper.PAPER_FREE, Signed.BOTH, Validity.VALID)
    assert set(one.marks) == {Measure.TIMED, Measure.ON_TIME}
    assert (other.cell.document_type, set(other.marks)) == ("giay_moi", {Measure.TIMED})
    assert ([len(person) for person in one.people], other.people) == ([32], frozenset())


def test_a_copy_counts_when_it_has_arrived_and_bears_what_was_done_with_it(scene):
    accepted = scene.accepted(1)
    assert some(scene, deliveries=["nobody"]) == Found()
    scene.drain()
    delivery = scene.deliveries(accepted.id)["H41"]
    arrived = copy(scene, accepted, "H41")
    assert (arrived.agency_key, arrived.known_at, arrived.marks) == ("H41", delivery.arrived_at, {})
    fetch(scene, delivery)
    taken(scene, delivery)
    for code in ("03", "06"):
        said(scene, delivery, code)
    marks = copy(scene, accepted, "H41").marks
    assert set(marks) == {*(Measure.TAKEN, Measure.SAME_DAY, Measure.FED_BACK, Measure.ACCEPTED, Measure.COMPLETED)}
    assert marks[Measure.TAKEN] == scene.delivery(delivery.id).ended_at
    said(scene, scene.deliveries(accepted.id)["H14"], "02")
    assert set(copy(scene, accepted, "H14").marks) >= {Measure.FED_BACK, Measure.DECLINED}


def test_receipt_after_its_time_is_not_in_time(scene):
    consignment, copies = scene.placed(1)
    scene.clock.ahead = timedelta(days=9)
    taken(scene, copies["H41"])
    assert set(copy(scene, consignment, "H41").marks) == {Measure.TAKEN, Measure.UNFETCHED}


def test_a_recall_takes_it_off_at_its_sender_and_at_those_who_give_it_up(scene):
    consignment, copies = scene.placed(1, to=("H41", "H14"))
    taken(scene, copies["H41"])
    fetch(scene, copies["H14"])
    scene.post(recall(consignment, to=("H41", "H14"), seal=unsigned))
    assert sender(scene, consignment).left_at is not None
    scene.drain()
    assert copy(scene, consignment, "H41").left_at is None
    said(scene, copies["H41"], "15")
    said(scene, copies["H14"], "16")
    assert copy(scene, consignment, "H41").left_at is not None
    assert copy(scene, consignment, "H14").left_at is None


def test_a_copy_that_nobody_took_has_left_with_its_recall_and_an_expired_one_has_not(scene):
    consignment, copies = scene.placed(1, to=("H41", "H14"))
    over(scene, copies["H14"])
    scene.post(recall(consignment, to=("H41", "H14"), seal=unsigned))
    scene.drain()
    assert copy(scene, consignment, "H41").left_at is not None
    expired = copy(scene, consignment, "H14")
    assert (expired.left_at, set(expired.marks)) == (None, {Measure.EXPIRED})


@pytest.mark.parametrize("how", ["refused", "expired"])
def test_a_copy_that_never_arrived_counts_as_undelivered_only(scene, how):
    accepted = scene.accepted(1, to=("H41",))
    scene.drain(only=("route",))
    delivery = scene.deliveries(accepted.id)["H41"]
    if how == "expired":
        over(scene, delivery)
    else:
        with scene.database.writing() as transaction:
            row = sa.update(tables.deliveries).where(tables.deliveries.c.id == delivery.id)
            transaction.execute(row.values(state="refused", ended_at=scene.hub.now()))
    found = some(scene, deliveries=[delivery.id]).counted
    assert list(found) == [(delivery.id, Direction.UNDELIVERED)]
    assert set(found[delivery.id, Direction.UNDELIVERED].marks) == {Measure(how)}
