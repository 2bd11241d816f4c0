"""Questions about many agencies: pages, words, aliases, names, families; on SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime

from hub.domain.agencies import Agency
from hub.store import agencies, directory
from hub.store.engine import Database


def test_pages_follow_each_other_without_a_gap(database: Database) -> None:
    with database.reading() as connection:
        whole = [agency.code for agency in directory.page(connection, after="", limit=100)]
        first = directory.page(connection, after="", limit=3)
        second = directory.page(connection, after=first[-1].code, limit=100)
    assert len(whole) > 3
    assert [agency.code for agency in (*first, *second)] == whole


def test_words_are_found_in_codes_and_names_whatever_the_case(database: Database) -> None:
    with database.reading() as connection:
        by_code = directory.page(connection, after="", limit=100, words="h41")
        by_name = directory.page(connection, after="", limit=100, words="ngHIÊM".lower())
        wild = directory.page(connection, after="", limit=100, words="%")
    assert {agency.code for agency in by_code} == {"H41", "H41.1.2"}
    assert [agency.code for agency in by_name] == ["G77"]
    assert wild == [], "a sign of LIKE is only a sign"


def test_aliases_and_names_come_for_those_asked(database: Database) -> None:
    with database.reading() as connection:
        assert directory.aliases_of(connection, {"H41", "H41.1.2"}) == {"H41": ["000.00.00.H41"]}
        assert directory.names_of(connection, {"H14", "NOBODY"}) == {"H14": "Ủy ban nhân dân tỉnh Khác"}


def test_a_family_is_everyone_below_and_a_circle_ends(database: Database) -> None:
    with database.writing() as transaction:
        agencies.keep(transaction, Agency("G30.1.5", "Phòng Cháu", parent="G30.1"), now=datetime.now(UTC))
    with database.reading() as connection:
        assert directory.family(connection, "G30") == {"G30", "G30.1", "G30.1.5"}
        assert directory.family(connection, "NOBODY") == set()
    with database.writing() as transaction:
        agencies.keep(transaction, Agency("G30", "Bộ Cha", parent="G30.1.5"), now=datetime.now(UTC))
    with database.reading() as connection:
        assert directory.family(connection, "G30.1") == {"G30", "G30.1", "G30.1.5"}
