"""Who signed: counted once each, as known now or on any past day, however the documents became known and left."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given, settings

from hub.domain.counting import Counted, Direction, Measure
from hub.domain.scopes import Scope, ScopeKind
from hub.store import rebuild, report_tables, signers
from tests.stations.conftest import snapshot
from tests.support.counts import (
    AGENCIES,
    CARRIERS,
    CELLS,
    DAY,
    FIRST,
    LAST,
    NEVER_SHORTENED,
    PEOPLE,
    as_of,
    bears,
    carried,
    days_of,
    emptied,
    end_of,
    fold,
    histories,
)

HUB = Scope(ScopeKind.HUB)
LEAP = date(2028, 2, 29)
ANNA, BINH = ({person} for person in PEOPLE[:2])


@pytest.fixture
def books(database):
    """A database in which the made-up rows may stand."""
    carried(database)
    return database


def people(database, known_on=None, *, scope=HUB, first_day=FIRST, last_day=LAST):
    with database.reading() as connection:
        return signers.people(connection, scope=scope, first_day=first_day, last_day=last_day, known_on=known_on)


def signed(number, who, **facts):
    at = end_of(LEAP) - timedelta(hours=9)
    whose = (f"subject-{number:04}", CARRIERS[0], Direction.SENT, "G22", LEAP, CELLS[0], at)
    return replace(Counted(*whose, people=frozenset(who)), **facts)


def folded(database, many, subjects=()):
    with database.writing() as transaction:
        return fold(transaction, many, subjects)


def differences(database):
    with database.reading() as connection:
        return list(rebuild.differing_sums(connection))


def rows(database):
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(sa.select(report_tables.signers))]


def test_who_signs_twice_is_one_person_and_counts_for_each_agency(books):
    folded(books, [signed(1, ANNA), signed(2, ANNA), signed(3, BINH), signed(4, ANNA, agency_key="H41")])
    assert people(books) == {"G22": 2, "H41": 1}
    assert people(books, scope=Scope(ScopeKind.UNIT, "H41")) == {"H41": 1}
    assert people(books, last_day=LEAP - DAY) == people(books, first_day=LEAP + DAY) == {}
    folded(books, [signed(5, ANNA, day=LEAP + DAY, known_at=end_of(LEAP) + timedelta(hours=1))])
    assert people(books) == {"G22": 2, "H41": 1}
    assert people(books, first_day=LEAP + DAY) == {"G22": 1}


def test_one_who_has_another_document_stays_when_one_is_recalled(books):
    gone = end_of(LEAP) + 3 * DAY
    folded(books, [signed(1, ANNA), signed(2, ANNA), signed(3, BINH)])
    folded(books, [signed(1, ANNA, left_at=gone), signed(3, BINH, left_at=gone)])
    assert people(books) == {"G22": 1}
    assert people(books, LEAP + 3 * DAY) == {"G22": 2}
    assert people(books, LEAP + 4 * DAY) == {"G22": 1}
    folded(books, [signed(2, ANNA, left_at=gone + DAY)])
    assert (people(books), people(books, LEAP + 4 * DAY)) == ({}, {"G22": 1})
    assert differences(books) == []


def test_recalled_on_its_own_day_it_was_never_known(books):
    folded(books, [signed(1, ANNA, left_at=end_of(LEAP) - timedelta(minutes=1))])
    assert (people(books), people(books, LEAP), rows(books)) == ({}, {}, [])


def test_a_document_that_was_held_is_known_when_it_was_judged(books):
    folded(books, [signed(1, ANNA, known_at=end_of(LEAP) + 2 * DAY)])
    assert [people(books, LEAP + days * DAY) for days in (0, 2, 3)] == [{}, {}, {"G22": 1}]


def test_told_again_it_counts_no_second_time(books):
    many = [signed(1, PEOPLE), signed(2, ANNA, left_at=end_of(LEAP) + DAY)]
    folded(books, many)
    before = snapshot(books)
    assert folded(books, many) == 0
    assert snapshot(books) == before


def test_a_document_that_counts_no_longer_takes_its_signers_along(books):
    folded(books, [signed(1, ANNA), signed(2, PEOPLE)])
    folded(books, [], subjects=["subject-0002"])
    assert people(books) == {"G22": 1}
    assert differences(books) == []


def test_whatever_the_life_of_the_documents_each_day_shows_what_it_showed(books):
    """Folded day by day, a report made on each evening; then asked again for all of them at the end."""

    @settings(NEVER_SHORTENED, max_examples=25)
    @given(histories(most=8))
    def check(many):
        emptied(books)
        shown = {}
        for day in days_of(many):
            folded(books, [as_of(it, day) for it in many if as_of(it, day) is not None])
            shown[day] = people(books, first_day=date.min, last_day=day)
            assert shown[day] == one_by_one(many, day)
        assert {day: people(books, day, first_day=date.min, last_day=day) for day in shown} == shown
        assert people(books) == one_by_one(many)
        assert differences(books) == []

    check()


def one_by_one(many, day=None):
    sent = [it for it in many if it.direction is Direction.SENT and bears(it, Measure.DOCUMENTS, day)]
    found = {key: {who for it in sent if it.agency_key == key for who in it.people} for key in AGENCIES}
    return {key: len(who) for key, who in found.items() if who}


def test_a_row_that_is_not_as_the_documents_say_is_found_and_put_right(books):
    folded(books, [signed(1, ANNA), signed(2, BINH, left_at=end_of(LEAP) + DAY)])
    right, table = sorted(rows(books)), report_tables.signers
    assert len(right) == 3
    wrong = (
        sa.update(table).where(table.c.documents == -1).values(documents=1),
        sa.delete(table).where(table.c.person == PEOPLE[0]),
        sa.insert(table).values(agency_key="H41", day=LEAP, person=PEOPLE[0], known_on=LEAP, documents=1),
    )
    for statement in wrong:
        with books.writing() as transaction:
            transaction.execute(statement)
    assert {found.table for found in differences(books)} == {"signers"}
    assert len(differences(books)) == 3
    with books.writing() as transaction:
        rebuild.mend_sums(transaction)
    assert (sorted(rows(books)), differences(books)) == (right, [])
