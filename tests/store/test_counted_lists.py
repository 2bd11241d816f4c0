"""The lists behind the figures: exactly the documents that count, in an order that pages can follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.counting import Direction, Measure, Paper, Signed, Validity
from hub.domain.declarations import DeclaredKind
from hub.domain.selections import Selection
from hub.store import counted_lists, tallies
from hub.store.counted_lists import Place
from hub.store.tallies import Slice
from tests.support.busy import lived
from tests.support.counts import NEVER_SHORTENED, bears, carried, emptied, fold, histories
from tests.support.slices import HUB, about, asked_of

SELECTIONS = st.builds(
    Selection,
    measure=st.sampled_from(Measure),
    document_types=st.sampled_from([frozenset(), frozenset({"bao_cao"}), frozenset({"giay_moi", "other"})]),
    urgencies=st.sampled_from([frozenset(), frozenset(), frozenset({0})]),
    paper=st.sampled_from([frozenset(), frozenset({Paper.PAPER_FREE}), frozenset({Paper.NOT_SAID})]),
    signed=st.sampled_from([frozenset(), frozenset({Signed.BOTH, Signed.AGENCY})]),
    validity=st.sampled_from([frozenset(), frozenset({Validity.VALID, Validity.UNSIGNED})]),
)


@pytest.fixture
def books(database):
    """A database in which the made-up rows may stand."""
    carried(database)
    return database


def kept(database, many):
    emptied(database)
    with database.writing() as transaction:
        fold(transaction, many)


def walked(connection, asked, selection, *, limit):
    """Page after page to the end."""
    found, after = [], None
    while page := counted_lists.page(connection, asked, selection, after=after, limit=limit):
        assert len(page) <= limit
        found += page
        last = page[-1].counted
        after = Place(last.agency_key, last.day, last.subject_id)
    return found


def place_of(one):
    return one.agency_key, one.day, one.subject_id


def test_the_list_holds_exactly_what_the_sums_count(books):
    @settings(NEVER_SHORTENED, max_examples=12)
    @given(asked_of(histories()), st.lists(SELECTIONS, min_size=5, max_size=5), st.integers(1, 5))
    def check(made, selections, limit):
        many, questions = made
        kept(books, many)
        for asked in questions:
            for selection in (*selections, Selection(selections[0].measure)):
                wanted = [
                    one
                    for one in about(many, asked)
                    if selection.takes(one.cell) and bears(one, selection.measure, asked.known_on)
                ]
                with books.reading() as connection:
                    found = [item.counted for item in walked(connection, asked, selection, limit=limit)]
                    assert found == sorted(wanted, key=place_of)
                    assert counted_lists.how_many(connection, asked, selection) == len(wanted)
                    sums = tallies.by_cell(connection, replace(asked, detail=selection.detail))
                assert selection.seen_of(sums.items()) == len(wanted)

    check()


def test_what_is_only_declared_has_no_documents(books):
    declared = Selection(seen=False, declared=frozenset({DeclaredKind.SENT_PAPER_ONLY}))
    asked = Slice(Direction.SENT, HUB, date(2026, 1, 1), date(2026, 12, 31))
    with books.reading() as connection:
        assert counted_lists.page(connection, asked, declared, limit=5) == []
        assert counted_lists.how_many(connection, asked, declared) == 0


def test_each_item_says_what_its_register_says(scene):
    sendings = lived(scene)
    scene.drain()
    whole = (date(2026, 1, 1), date(2099, 12, 31))
    with scene.database.reading() as connection:
        sent = walked(connection, Slice(Direction.SENT, HUB, *whole), Selection(), limit=3)
        left = walked(connection, Slice(Direction.SENT, HUB, *whole), Selection(Measure.LEFT), limit=3)
        received = walked(connection, Slice(Direction.RECEIVED, HUB, *whole), Selection(), limit=3)
    by_id = {one.counted.subject_id: one for one in sent}
    handled = by_id[sendings["handled"].id]
    assert (handled.document_id, handled.notation) == (sendings["handled"].document_id, sendings["handled"].notation)
    assert (handled.issued_on, handled.subject) == (sendings["handled"].issued_on, "V/v thử nghiệm")
    assert (handled.sender_key, handled.recipient_key, handled.state) == ("G22", None, "closed")
    assert by_id[sendings["with_paper"].id].subject == "V/v khác", "as it was updated"
    assert [one.counted.subject_id for one in left] == [sendings["recalled"].id]
    copies = {(one.counted.consignment_id, one.recipient_key): one for one in received}
    assert (copies[sendings["handled"].id, "H14"].state, copies[sendings["handled"].id, "H14"].sender_key) == (
        "refused",
        "G22",
    )
    assert copies[sendings["again"].id, "G30"].document_id == sendings["handled"].document_id


def test_a_rejected_sending_is_listed_without_a_document(scene):
    rejected = lived(scene)["rejected"]
    scene.drain()
    asked = Slice(Direction.REJECTED, HUB, date(2026, 1, 1), date(2099, 12, 31))
    with scene.database.reading() as connection:
        (item,) = counted_lists.page(connection, asked, Selection(), limit=9)
    assert (item.counted.consignment_id, item.notation, item.state) == (rejected.id, rejected.notation, "rejected")
    assert item.subject == ""
