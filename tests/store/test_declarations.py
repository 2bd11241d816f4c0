"""Declarations on both databases: all or none, what counts in a period as known on a day, races, plans."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from hub.domain.declarations import Declaration, DeclaredKind
from hub.domain.scopes import Scope, ScopeKind
from hub.errors import DeclarationsRefused, Fault
from hub.stations import new_id
from hub.store import declarations, report_tables, tables
from hub.store.engine import Database
from tests.support.plans import plan_of

NOW = datetime(2026, 10, 5, 3, tzinfo=UTC)
START = date(2026, 7, 1)
PAPER, LEADERS = DeclaredKind.SENT_PAPER_ONLY, DeclaredKind.LEADERS
QUARTER = {"first_day": date(2026, 7, 1), "last_day": date(2026, 9, 30)}
HUB = Scope(ScopeKind.HUB)
H41 = Scope(ScopeKind.UNIT, "H41")


def entry(first: int, last: int, count: int = 5, **more) -> Declaration:
    """Days as numbers from 1 July 2026."""
    facts = {"id": new_id(), "agency_key": "H41", "kind": PAPER, "document_type": "", "declared_at": NOW,
             "declared_by": "Nguyễn Thị Mẫu", "caller_key": "H41"} | more  # fmt: skip
    days = [START + timedelta(days=day) for day in (first, last)]
    return Declaration(first_day=days[0], last_day=days[1], count=count, **facts)


def add(database: Database, *entries: Declaration) -> list[declarations.Kept]:
    with database.writing() as transaction:
        return declarations.add_all(transaction, list(enumerate(entries, start=1)))


def taken(database: Database, scope: Scope = HUB, **asked) -> declarations.Taken:
    with database.reading() as connection:
        return declarations.taken(connection, scope=scope, **QUARTER | asked)


def rows(database: Database) -> list[str]:
    with database.reading() as connection:
        return list(connection.execute(sa.select(report_tables.declarations.c.id)).scalars())


def test_an_entry_comes_back_as_it_was(database: Database) -> None:
    one = entry(0, 30, document_type="cong_van", note="Theo sổ\nvăn thư", caller_key="")
    assert add(database, one) == [declarations.Kept(one, repeated=False)]
    assert taken(database).entries == [one]
    with database.reading() as connection:
        (listed,) = declarations.page(connection, scope=H41, limit=5)
    assert (listed.entry.declaration, listed.entry.corrected_by) == (one, "")


def test_one_at_a_time_and_the_same_again(database: Database) -> None:
    one = entry(0, 30)
    again = replace(one, id=new_id(), declared_at=NOW + timedelta(hours=1))
    with database.writing() as transaction:
        assert declarations.add(transaction, one) == declarations.Kept(one, repeated=False)
    with database.writing() as transaction:
        assert declarations.add(transaction, again) == declarations.Kept(one, repeated=True)
    assert rows(database) == [one.id]


def test_all_or_none_and_every_fault(database: Database) -> None:
    add(database, kept := entry(0, 30))
    before = [Fault("declaration.missing", 2, "count", {})]
    new = [(1, entry(31, 61)), (3, entry(30, 30, 7)), (4, entry(62, 200))]
    with database.writing() as transaction, pytest.raises(DeclarationsRefused) as refused:
        declarations.add_all(transaction, new, faults=before)
    assert [(f.row, f.code) for f in refused.value.faults] == [
        (2, "declaration.missing"),
        (3, "declaration.overlaps"),
        (4, "declaration.in_future"),
    ]
    assert refused.value.faults[1].facts["other_en"] == f"the entry {kept.id}"
    assert "Mẫu" not in str(refused.value), "the log names nobody"
    with database.writing() as transaction, pytest.raises(DeclarationsRefused):
        declarations.add_all(transaction, [], faults=before)
    assert rows(database) == [kept.id]


def test_a_corrected_entry_is_found_even_when_its_days_are_elsewhere(database: Database) -> None:
    add(database, old := entry(0, 30))
    add(database, new := entry(60, 80, corrects=old.id))
    assert taken(database).entries == [new]
    with pytest.raises(DeclarationsRefused) as refused:
        add(database, entry(0, 30, corrects=old.id, count=1))
    assert [f.code for f in refused.value.faults] == ["declaration.already_corrected"]
    add(database, entry(0, 30, count=2))
    with database.reading() as connection:
        listed = declarations.page(connection, scope=H41, limit=5)
    assert [one.entry.corrected_by for one in listed] == ["", "", new.id]


def test_today_is_vietnamese(database: Database) -> None:
    night = datetime(2026, 9, 30, 17, 0, tzinfo=UTC)  # 1 October in Vietnam
    with pytest.raises(DeclarationsRefused):
        add(database, entry(92, 92, declared_at=night - timedelta(seconds=1)))
    add(database, entry(92, 92, declared_at=night))


def test_what_counts_lies_wholly_inside_and_the_rest_is_shown(database: Database) -> None:
    inside = [entry(0, 30, 100), entry(31, 61, 20), entry(0, 91, 3, document_type="cong_van", agency_key="H14")]
    across = [entry(-3, -1, 9), entry(62, 92, 8), entry(-300, 60, 7, agency_key="H14", kind=LEADERS)]
    add(database, *inside, *across)
    found = taken(database)
    assert found.sums == {("H41", PAPER, ""): 120, ("H14", PAPER, "cong_van"): 3}
    assert sorted(one.count for one in found.entries) == [3, 20, 100]
    assert sorted(one.count for one in found.left_out) == [7, 8]
    assert taken(database, H41).sums == {("H41", PAPER, ""): 120}


def test_the_figure_of_a_past_day_stands_again(database: Database) -> None:
    days = [NOW + timedelta(days=n) for n in range(4)]
    add(database, old := entry(0, 30, 100, declared_at=days[0]))
    add(database, new := entry(0, 29, 90, declared_at=days[1], corrects=old.id))
    add(database, gone := entry(0, 29, 0, declared_at=days[3], corrects=new.id))
    known = [taken(database, known_on=(days[0] + timedelta(days=n)).date()).sums for n in range(-1, 4)]
    assert known == [{}, {("H41", PAPER, ""): 100}, {("H41", PAPER, ""): 90}, {("H41", PAPER, ""): 90}, {}]
    now = taken(database)
    assert (now.sums, now.entries, now.left_out) == ({}, [], [])
    assert taken(database, first_day=date(2026, 7, 10)).left_out == []
    late = taken(database, first_day=date(2026, 7, 10), known_on=days[1].date())
    assert [one.id for one in late.left_out] == [new.id]
    assert set(rows(database)) == {old.id, new.id, gone.id}


def test_of_head_counts_the_last_one_of_the_period_counts(database: Database) -> None:
    july, august = entry(0, 30, 10, kind=LEADERS), entry(31, 61, 12, kind=LEADERS)
    add(database, july, august, entry(62, 91, 4, agency_key="H14", kind=LEADERS))
    found = taken(database)
    assert found.sums == {("H41", LEADERS, ""): 12, ("H14", LEADERS, ""): 4}
    assert sorted(one.count for one in found.entries) == [4, 12]
    assert taken(database, last_day=date(2026, 8, 15)).sums == {("H41", LEADERS, ""): 10}


def test_the_list_has_own_and_below_by_days_and_pages(database: Database) -> None:
    entries = [entry(n * 10, n * 10 + 9, n, agency_key="H41.1.2" if n % 2 else "H41") for n in range(6)]
    add(database, *entries, entry(0, 9, 99, agency_key="H14"))
    below = Scope(ScopeKind.BELOW, "H41")

    def counts(scope: Scope = below, limit: int = 50, **asked) -> list[int]:
        with database.reading() as connection:
            return [
                one.entry.declaration.count for one in declarations.page(connection, scope=scope, limit=limit, **asked)
            ]

    assert counts() == [5, 4, 3, 2, 1, 0]
    assert counts(H41) == [4, 2, 0]
    assert counts(first_day=START + timedelta(days=19), last_day=START + timedelta(days=30)) == [3, 2, 1]
    with database.reading() as connection:
        first = declarations.page(connection, scope=below, limit=4)
    assert counts(after=first[-1].place) == [1, 0]
    add(database, *(entry(50, 59, 6 + n, document_type=f"t{n}", agency_key="H14") for n in range(3)))
    with database.reading() as connection:
        first = declarations.page(connection, scope=Scope(ScopeKind.UNIT, "H14"), limit=2)
    assert counts(Scope(ScopeKind.UNIT, "H14"), after=first[-1].place) == [6, 99], "of one day by their numbers"


def test_a_file_for_more_agencies_than_one_query_takes(database: Database) -> None:
    keys = [f"P{number:04}" for number in range(declarations.KEYS_PER_QUERY + 50)]
    with database.writing() as transaction:
        same = {"name": "x", "status": "open", "changed_at": NOW}
        transaction.execute(sa.insert(tables.agencies), [{"code_key": key, "code": key} | same for key in keys])
    entries = [entry(0, 30, 1, agency_key=key) for key in keys]
    add(database, *entries)
    assert len(taken(database).sums) == len(keys)
    repeated = add(database, *(replace(one, id=new_id()) for one in entries))
    assert [one.declaration.id for one in repeated] == [one.id for one in entries]


def at_once(works: list[Callable[[], object]]) -> list[object]:
    """Each in its own thread, all begun at the same moment; what it returned or raised."""
    gate, results = threading.Barrier(len(works)), [None] * len(works)

    def run(place: int) -> None:
        gate.wait()
        try:
            results[place] = works[place]()
        except Exception as raised:
            results[place] = raised

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def test_of_equal_entries_at_once_one_wins(database: Database) -> None:
    results = at_once([lambda: add(database, entry(0, 30)) for _ in range(8)])
    assert sorted(result[0].repeated for result in results) == [False] + [True] * 7
    assert len({result[0].declaration.id for result in results}) == 1
    assert len(rows(database)) == 1


def test_of_different_entries_for_the_same_days_one_wins(database: Database) -> None:
    results = at_once([lambda n=n: add(database, entry(n, 30, n, agency_key="H14")) for n in range(8)])
    refused = [result for result in results if isinstance(result, DeclarationsRefused)]
    assert (len(refused), len(rows(database))) == (7, 1)


def test_a_large_file_and_a_small_one_wait_for_each_other(postgres_database: Database) -> None:
    database = postgres_database
    keys = [f"P{number:04}" for number in range(declarations.LOCKS_PER_AGENCY + 1)]
    with database.writing() as transaction:
        same = {"name": "x", "status": "open", "changed_at": NOW}
        transaction.execute(sa.insert(tables.agencies), [{"code_key": key, "code": key} | same for key in keys])
    small = threading.Thread(target=add, args=(database, entry(0, 30, 1, agency_key="P0007")))
    with database.writing() as transaction:
        large = [(n, entry(0, 30, 1, agency_key=key)) for n, key in enumerate(keys, start=1)]
        declarations.add_all(transaction, large)
        small.start()
        small.join(0.5)
        assert small.is_alive()
    small.join(30)
    assert len(rows(database)) == len(keys), "the small one was a repetition"


# -- a model --------------------------------------------------------------------------------------------------------

REQUESTS = st.lists(
    st.tuples(
        st.integers(-20, 100),  # first day
        st.integers(0, 40),  # days more
        st.integers(0, 5),  # count
        st.sampled_from(["H41", "H14"]),
        st.one_of(st.none(), st.integers(0, 6)),  # which earlier entry it corrects
        st.integers(0, 2),  # days since the request before
    ),
    max_size=10,
)


@settings(max_examples=25, deadline=None, derandomize=True, database=None, phases=[Phase.generate],
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(REQUESTS, st.integers(-1, 12))
def test_what_counts_are_uncorrected_entries_wholly_inside(database: Database, requests, known_in):
    with database.writing() as transaction:
        transaction.execute(sa.delete(report_tables.declarations))
    kept: list[Declaration] = []
    at = NOW
    for first, more, count, agency, corrects, days in requests:
        at += timedelta(days=days)
        named = kept[corrects].id if corrects is not None and corrects < len(kept) else None
        one = entry(first, min(first + more, 96), count, agency_key=agency, corrects=named, declared_at=at,
                    declared_by=f"{len(kept)}")  # fmt: skip
        if one.first_day > one.last_day:
            continue
        try:
            add(database, one)
        except DeclarationsRefused:
            continue
        kept.append(one)
    known_on = (NOW + timedelta(days=known_in)).date()
    then = [one for one in kept if one.declared_at.date() <= known_on]
    stands = [one for one in then if one.id not in {other.corrects for other in then}]
    inside = [one for one in stands if QUARTER["first_day"] <= one.first_day and one.last_day <= QUARTER["last_day"]]
    sums: dict[str, int] = {}
    for one in inside:
        if one.count or not one.corrects:
            sums[one.agency_key] = sums.get(one.agency_key, 0) + one.count
    found = taken(database, known_on=known_on)
    assert {key[0]: count for key, count in found.sums.items()} == sums
    assert sum(one.count for one in found.entries) == sum(sums.values())


# -- plans ------------------------------------------------------------------------------------------------------------

MANY = 6000


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def full(request, tmp_path_factory):
    """Entries of five years of a hundred agencies."""
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("declared") / "hub.sqlite3"
        file.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        database = Database(f"sqlite:///{file}")
    else:
        make = request.getfixturevalue("make_fast_database")
        database = Database(make(template=request.getfixturevalue("postgres_template")))
    same = {"name": "x", "status": "open", "changed_at": NOW}
    many = [{"code_key": f"X{n}", "code": f"X{n}", "parent_key": "X0" if n else None} | same for n in range(100)]
    with database.writing() as transaction:
        transaction.execute(sa.insert(tables.agencies), many)
        transaction.execute(sa.insert(report_tables.declarations), [_kept(number) for number in range(MANY)])
    with database.writing() as transaction:
        transaction.connection.exec_driver_sql("ANALYZE")
    yield database
    database.close()


def _kept(number: int) -> dict[str, object]:
    first = date(2021, 1, 1) + timedelta(days=30 * (number // 100))
    return {
        "id": f"e-{number}",
        "agency_key": f"X{number % 100}",
        "first_day": first,
        "last_day": first + timedelta(days=29),
        "kind": "sent_paper_only",
        "count": 1,
        "declared_at": NOW,
        "declared_by": "x",
        "caller_key": "X0",
        "corrects": f"e-{number - 200}" if number % 7 == 0 and number >= 200 else None,
    }


UNIT = Scope(ScopeKind.UNIT, "X7")
QUESTIONS = {
    "what counts": lambda c: declarations.taken(c, scope=UNIT, **QUARTER),
    "what counted": lambda c: declarations.sums(c, scope=UNIT, **QUARTER, known_on=NOW.date()),
    "the list of one": lambda c: declarations.page(c, scope=UNIT, limit=50),
    "the next page": lambda c: declarations.page(c, scope=UNIT, after=(date(2024, 1, 1), 9), limit=50),
    "what a new one touches": lambda c: list(declarations._touched(c, [entry(0, 30, agency_key="X7", corrects="e-7")])),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_question_is_answered_by_an_index(full: Database, question: str) -> None:
    plan = plan_of(full, QUESTIONS[question])
    assert "ix_declarations_agency" in plan, plan
    assert not re.search(r"SCAN (?!anon_)\w+\b(?! USING)|Seq Scan", plan), plan
