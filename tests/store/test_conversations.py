"""Conversations in the database: turns per document and speaker, who waits for whom, and that others never wait."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from hub.stations import deliver, route
from hub.store import conversations
from hub.store.life_tables import conversation_turns
from tests.support import changes
from tests.support.scenes import status_of, unsigned


def turns(scene) -> list[tuple[str, str, int]]:
    with scene.database.reading() as connection:
        rows = connection.execute(sa.select(conversation_turns).order_by(conversation_turns.c.turn))
        return [(row.consignment_id, row.speaker_key, row.turn) for row in rows]


@pytest.fixture
def sendings(scene):
    """A document, its update and its recall, none of them routed; and another document."""
    first = scene.accepted(1, to=("H41",))
    update = scene.post(changes.update(first, to=("H41",), subject="V/v khác", seal=unsigned)).consignment
    recall = scene.post(changes.recall(first, to=("H41",), seal=unsigned)).consignment
    return first, update, recall, scene.accepted(2, to=("H41",))


def test_turns_are_in_the_order_of_acceptance(scene, sendings):
    first, update, recall, other = sendings
    own = [one for one in turns(scene) if one[0] != other.id]
    assert own == [(first.id, "", 1), (update.id, "", 2), (recall.id, "", 3)]
    assert (other.id, "", 1) in turns(scene)


def test_each_waits_for_the_one_before_and_nobody_for_another_document(scene, sendings):
    first, update, recall, other = sendings
    with scene.database.reading() as connection:
        waits = [conversations.waits_to_be_routed(connection, one.id) for one in sendings]
        assert waits == [False, True, True, False]
        assert conversations.next_to_route(connection, first.id) == [update.id, recall.id]
        assert conversations.next_to_route(connection, other.id) == []
    route.run(first.id, scene.hub)
    with scene.database.reading() as connection:
        assert not conversations.waits_to_be_routed(connection, update.id)
        assert conversations.waits_to_be_routed(connection, recall.id)


def test_a_notice_waits_behind_the_copy_of_its_own_recipient_only(scene):
    first = scene.accepted(1, to=("H41", "H14"))
    update = scene.post(changes.update(first, to=("H41", "H14"), subject="V/v khác", seal=unsigned)).consignment
    scene.drain(only=("route",))
    copies, notices = scene.deliveries(first.id), scene.deliveries(update.id)
    with scene.database.reading() as connection:
        assert conversations.waits_behind(connection, copies["H41"]) is None
        assert conversations.waits_behind(connection, notices["H41"]) == copies["H41"].id
        assert [one.id for one in conversations.wait_for(connection, copies["H41"])] == [notices["H41"].id]
    deliver.run(copies["H14"].id, scene.hub)
    with scene.database.reading() as connection:
        assert conversations.waits_behind(connection, notices["H14"]) is None
        assert conversations.waits_behind(connection, notices["H41"]) == copies["H41"].id


def test_a_replacement_has_a_turn_in_both_conversations(scene):
    old, _ = scene.placed(1, to=("H41",))
    new = scene.post(changes.replacement(old, 2, to=("H41",), seal=unsigned)).consignment
    with scene.database.reading() as connection:
        rows = connection.execute(sa.select(conversation_turns).where(conversation_turns.c.consignment_id == new.id))
        assert {(row.document_ref, row.turn) for row in rows} == {(old.id, 2), (new.id, 1)}


def test_what_a_recipient_says_is_a_conversation_of_its_own(scene):
    """A status must wait for the earlier ones of the same recipient, not for the owner's next message."""
    first, _ = scene.placed(1, to=("H41",))
    said = [
        scene.post(unsigned(status_of(first, code, said_by="H41")), caller="H41").consignment for code in ("03", "04")
    ]
    update = scene.post(changes.update(first, to=("H41",), subject="V/v khác", seal=unsigned)).consignment
    with scene.database.reading() as connection:
        waits = [conversations.waits_to_be_routed(connection, one.id) for one in (*said, update)]
    assert waits == [False, True, False]
    assert [(speaker, turn) for one, speaker, turn in turns(scene) if one == said[1].id] == [("H41", 2)]
