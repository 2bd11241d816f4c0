"""The register of documents in the database: one row per document, frozen once, found by its own sender only."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from hub.domain.changes import DocumentState, Holding
from hub.errors import IllegalTransition
from hub.store import documents
from hub.store.life_tables import documents as table
from tests.support import changes

NOW = datetime(2026, 3, 5, tzinfo=UTC)


def test_a_document_is_found_by_its_sender_alone(scene):
    kept = scene.accepted(1)
    with scene.database.reading() as connection:
        assert documents.find(connection, "G22", kept.document_id).id == kept.id
        assert documents.find(connection, "H41", kept.document_id) is None
        assert documents.find(connection, "G22", "") is None
        assert documents.get(connection, "00000000-0000-7000-8000-000000000000") is None


@pytest.mark.parametrize("first", list(DocumentState)[1:])
@pytest.mark.parametrize("second", list(DocumentState)[1:])
def test_a_document_is_frozen_once(scene, first, second):
    kept = scene.accepted(1)
    with scene.database.writing() as transaction:
        documents.move(transaction, kept.id, first, at=NOW)
    with pytest.raises(IllegalTransition), scene.database.writing() as transaction:
        documents.move(transaction, kept.id, second, at=NOW)
    with scene.database.reading() as connection:
        row = documents.get(connection, kept.id)
    assert (row.state, row.changed_at) == (first, NOW)


def test_two_documents_of_one_sender_cannot_have_one_id(scene):
    kept = scene.accepted(1)
    with scene.database.reading() as connection:
        row = dict(connection.execute(sa.select(table)).one()._mapping)
    other = scene.accepted(2)
    same = sa.update(table).where(table.c.id == other.id).values(document_id=row["document_id"])
    with pytest.raises(sa.exc.IntegrityError), scene.database.writing() as transaction:
        transaction.execute(same)
    assert kept.document_id == row["document_id"]


def test_before_routing_the_recipients_are_coming_and_then_hold_copies(scene):
    kept = scene.accepted(1)
    with scene.database.reading() as connection:
        target = documents.target(connection, "G22", kept.document_id)
    assert (target.copies, target.coming, target.holders) == ((), {"H41", "H14"}, {"H41", "H14"})
    scene.drain()
    with scene.database.reading() as connection:
        target = documents.target(connection, "G22", kept.document_id)
        assert documents.carrier(connection, kept.id) == kept.id
    assert {copy.recipient_key: copy.holding for copy in target.copies} == dict.fromkeys(
        ("H41", "H14"), Holding.WAITING
    )
    assert target.coming == frozenset()


def test_an_unknown_document_has_no_reference(scene):
    with scene.database.reading() as connection:
        target = documents.target(connection, "G22", "không có")
    assert (target.ref, target.held, target.holders) == (None, False, frozenset())


def test_notices_are_no_copies(scene):
    kept, made = scene.placed(1, to=("H41",))
    with scene.database.writing() as transaction:
        transaction.execute(sa.update(documents.deliveries).values(fetched_at=NOW))
    scene.post(changes.recall(kept, to=("H41",)))
    scene.drain()
    with scene.database.reading() as connection:
        (copy,) = documents.copies(connection, kept.id)
        alone = documents.copy(connection, made["H41"].id)
    assert copy == alone
    assert (copy.delivery_id, copy.holding) == (made["H41"].id, Holding.GIVING_UP_ASKED)


def test_a_recipient_that_had_it_already_has_one_copy(scene):
    kept, made = scene.placed(1, to=("H41",))
    scene.placed(1, to=("H41", "H14"))
    with scene.database.reading() as connection:
        found = {copy.recipient_key: copy.delivery_id for copy in documents.copies(connection, kept.id)}
    assert found["H41"] == made["H41"].id
    assert sorted(found) == ["H14", "H41"]


def test_a_replacement_is_known_by_its_document_id(scene):
    kept, _ = scene.placed(1, to=("H41",))
    new = scene.post(changes.replacement(kept, 2, to=("H41",))).consignment
    with scene.database.reading() as connection:
        known = documents.known(connection, "G22", kept.document_id)
        assert documents.known(connection, "H41", kept.document_id) is None
    assert (known.state, known.replaced_by) == (DocumentState.REPLACED, new.document_id)
