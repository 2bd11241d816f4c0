"""Behind every percentage its list: as long as the figure says, and of exactly the documents that make it."""

from __future__ import annotations

import pytest

from hub.domain.counting import Direction
from hub.domain.indicators import Counts
from hub.reports import drill_down, figures
from hub.reports.drill_down import Side
from tests.reports.test_figures import busy, every, of_documents, rules, whole  # noqa: F401 (busy is a fixture)
from tests.support.counts import bears, days_of
from tests.support.slices import SCOPES, is_in

DIRECTIONS = {Counts.SENT: Direction.SENT, Counts.RECEIVED: Direction.RECEIVED}


def listed(scene, asked, one, side):
    return list(drill_down.every(scene.database, asked, one, side))


def figures_of(scene, asked):
    with scene.database.reading() as connection:
        return figures.figures(connection, asked, rules(scene))


def test_every_list_has_exactly_the_documents_of_its_figure(busy, monkeypatch):  # noqa: F811
    monkeypatch.setattr(drill_down, "EXPORT_PAGE", 2)
    known = [None, *days_of(every(busy))[1::3]]
    longest = 0
    for scope in dict.fromkeys(SCOPES):
        for known_on in known if scope == SCOPES[0] else (None,):
            asked = whole(busy, scope, known_on=known_on)
            found = figures_of(busy, asked)
            for one in of_documents(busy):
                for side in Side:
                    items = [item.counted for item in listed(busy, asked, one, side)]
                    assert len(items) == getattr(found[one.indicator_id], side.value).seen
                    selection = getattr(one, side.value)
                    wanted = {
                        it.subject_id
                        for it in every(busy)
                        if it.direction is DIRECTIONS[one.counts]
                        and is_in(it.agency_key, scope)
                        and selection.takes(it.cell)
                        and bears(it, selection.measure, known_on)
                    }
                    assert {item.subject_id for item in items} == wanted, (one.indicator_id, side, scope, known_on)
                    longest = max(longest, len(items))
    assert longest > 5


def test_the_numerator_is_part_of_the_denominator(busy):  # noqa: F811
    for one in of_documents(busy):
        part, all_of_it = ({item.counted.subject_id for item in listed(busy, whole(busy), one, side)} for side in Side)
        assert part <= all_of_it, one.indicator_id


def test_declared_entries_are_listed_apart_and_make_the_declared_part(busy):  # noqa: F811
    asked, some = whole(busy), 0
    found = figures_of(busy, asked)
    with busy.database.reading() as connection:
        for one in rules(busy).indicators:
            for side in Side:
                entries = drill_down.declared(connection, asked, one, side)
                assert sum(entry.count for entry in entries) == getattr(found[one.indicator_id], side.value).declared
                some += len(entries)
    assert some > 10


def test_indicators_of_agencies_list_agencies_and_no_documents(busy):  # noqa: F811
    asked = whole(busy)
    found, some = figures_of(busy, asked), 0
    with busy.database.reading() as connection:
        for one in (one for one in rules(busy).indicators if one.counts is Counts.AGENCIES):
            for side in Side:
                keys = drill_down.agencies(connection, asked, one, side)
                assert len(keys) == len(set(keys)) == getattr(found[one.indicator_id], side.value).seen
                assert drill_down.documents(connection, asked, one, side, limit=5) == []
                some += len(keys)
    assert some > 10


@pytest.mark.parametrize("document_type", ["bao_cao", "giay_moi", "nghi_quyet"])
def test_lists_of_one_type_of_document(busy, document_type):  # noqa: F811
    asked = whole(busy, document_type=document_type)
    found = figures_of(busy, asked)
    for one in of_documents(busy):
        for side in Side:
            items = listed(busy, asked, one, side)
            assert len(items) == getattr(found[one.indicator_id], side.value).seen
            assert {item.counted.cell.document_type for item in items} <= {document_type}
