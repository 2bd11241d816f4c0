"""Promise 1 seen directly on PostgreSQL: a station waits for whoever holds the row or the document."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager

import pytest
import sqlalchemy as sa

from hub.domain.statuses import StatusCode
from hub.stations import acknowledge, deliver, ending, inform, route, status
from hub.stations.acknowledge import Acknowledgement
from hub.stations.status import StatusSaid
from hub.store import consignments, events
from hub.store.events import Event

WAITS_SECONDS = 0.5


@contextmanager
def waiting_while_held(hold: AbstractContextManager, work: Callable[[], object]):
    """The work is begun while the lock is held, must wait for it, and ends after it."""
    thread = threading.Thread(target=work)
    with hold:
        thread.start()
        thread.join(WAITS_SECONDS)
        assert thread.is_alive(), "it did not wait"
        yield
    thread.join(20)
    assert not thread.is_alive()


@contextmanager
def document_held(scene, sent):
    with scene.database.writing() as transaction:
        consignments.lock_document(transaction, sent.sender_key, sent.document_id)
        yield


@contextmanager
def row_held(scene, sent):
    with scene.database.writing() as transaction:
        assert consignments.lock(transaction, sent.id) is not None
        yield


@pytest.mark.parametrize("hold", [document_held, row_held])
def test_route_waits(postgres_scene, hold):
    sent = postgres_scene.accepted(1)
    with waiting_while_held(hold(postgres_scene, sent), lambda: route.run(sent.id, postgres_scene.hub)):
        assert postgres_scene.deliveries(sent.id) == {}
    assert len(postgres_scene.deliveries(sent.id)) == 2


def test_deliver_waits(postgres_scene):
    sent = postgres_scene.accepted(1, to=("H41",))
    route.run(sent.id, postgres_scene.hub)
    one = postgres_scene.deliveries(sent.id)["H41"].id
    with waiting_while_held(row_held(postgres_scene, sent), lambda: deliver.run(one, postgres_scene.hub)):
        assert postgres_scene.inbox("H41") == []
    assert len(postgres_scene.inbox("H41")) == 1


def test_acknowledge_waits(postgres_scene):
    sent, made = postgres_scene.placed(1, to=("H41",))
    said = Acknowledgement(made["H41"].id, "H41")
    with waiting_while_held(row_held(postgres_scene, sent), lambda: acknowledge.run(said, postgres_scene.hub)):
        assert len(postgres_scene.inbox("H41")) == 1
    assert postgres_scene.consignment(sent.id).state == "closed"


def test_the_last_two_recipients_close_it_together(postgres_scene):
    """Each would see the other's copy still open if the second did not wait for the first."""
    sent, made = postgres_scene.placed(1, to=("H41", "H14"))

    @contextmanager
    def first_is_acknowledging():
        with postgres_scene.database.writing() as transaction:
            delivery = ending.locked(transaction, made["H14"].id)
            acknowledge.hand_over(transaction, delivery, postgres_scene.hub)
            yield

    said = Acknowledgement(made["H41"].id, "H41")
    with waiting_while_held(first_is_acknowledging(), lambda: acknowledge.run(said, postgres_scene.hub)):
        assert postgres_scene.consignment(sent.id).state == "routed"
    assert postgres_scene.consignment(sent.id).state == "closed"


def test_inform_waits_for_the_document_and_holds_no_row_meanwhile(postgres_scene):
    """A recall holds the document and then wants the rows of its copies: INFORM goes the same way round."""
    sent, made = postgres_scene.placed(1, to=("H41",))
    said = StatusSaid(made["H41"].id, "H41", StatusCode.RECEIVED_BY_AGENCY, "đã vào sổ", postgres_scene.hub.now())
    entry = status.run(said, postgres_scene.hub).entry
    waiting = waiting_while_held(document_held(postgres_scene, sent), lambda: inform.run(entry.id, postgres_scene.hub))
    with waiting, postgres_scene.database.writing() as transaction:
        transaction.execute(sa.text("SET LOCAL lock_timeout = '2s'"))
        assert ending.locked(transaction, made["H41"].id) is not None
    assert len(postgres_scene.inbox("G22")) == 0  # it is written, and waits to be routed
    postgres_scene.drain()
    assert len(postgres_scene.inbox("G22")) == 1


def test_who_only_tells_of_a_locked_consignment_does_not_wait(postgres_scene):
    """A recall enters "frozen" at the document while a station holds its row and may wait for the document."""
    sent, _ = postgres_scene.placed(1, to=("H41",))
    with row_held(postgres_scene, sent), postgres_scene.database.writing() as transaction:
        transaction.execute(sa.text("SET LOCAL lock_timeout = '2s'"))
        events.happened(transaction, Event("frozen", postgres_scene.hub.now(), sent.id, facts={"by": sent.id}))
    assert "frozen" in postgres_scene.timeline(sent.id)
