"""Which agencies a scope means, compared with going through the tree by hand; circles and lost parents included."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.agencies import Agency
from hub.domain.scopes import Scope, ScopeKind
from hub.store import agencies, scopes, tables
from tests.support.counts import NEVER_SHORTENED

NOW = datetime(2026, 3, 2, tzinfo=UTC)
KEYS = tuple(f"X{number}" for number in range(7))


def forest(database, parents):
    """Put these agencies (key → parent) into the directory, in place of the last ones."""
    with database.writing() as transaction:
        transaction.execute(sa.delete(tables.agencies).where(tables.agencies.c.code_key.in_(KEYS)))
        for key, parent in parents.items():
            agencies.keep(transaction, Agency(key, f"Đơn vị {key}", parent=parent), now=NOW)


def members(database, scope):
    with database.reading() as connection:
        named = scopes.names(connection, scope)
        statement = scopes.keys(scope)
        keys = None if statement is None else list(connection.execute(statement).scalars())
        assert keys is None or len(keys) == len(set(keys)), "an agency twice would be counted twice"
    return {key for key in named if key in KEYS}, keys


def below(parents, top):
    found, new = set(), {top}
    while new:
        found |= new
        new = {key for key, parent in parents.items() if parent in new} - found
    return found


def depth(parents, key):
    """1 for the top; None in a circle or below one."""
    seen = []
    while key in parents and key not in seen:
        seen.append(key)
        key = parents[key]
    return None if key in seen else len(seen)


def test_a_unit_is_itself_even_when_the_directory_does_not_have_it(database):
    assert members(database, Scope(ScopeKind.UNIT, "X9"))[1] == ["X9"]
    assert members(database, Scope(ScopeKind.BELOW, "X9"))[1] == ["X9"]


def test_the_cast_by_levels(database):
    with database.reading() as connection:
        found = scopes.levels(connection, Scope(ScopeKind.HUB))
        assert {found[key] for key in ("G22", "H41", "G30")} == {1}
        assert {found[key] for key in ("H41.1.2", "G30.1")} == {2}
        assert set(scopes.names(connection, Scope(ScopeKind.LEVEL, level=2))) == {"H41.1.2", "G30.1"}
        assert scopes.names(connection, Scope(ScopeKind.BELOW, "G30")) == {"G30": "Bộ Cha", "G30.1": "Cục Con"}
        assert scopes.names(connection, Scope(ScopeKind.HUB)).keys() == found.keys()


@pytest.mark.parametrize("circle", [{"X0": "X0"}, {"X0": "X1", "X1": "X0", "X2": "X1"}])
def test_parents_in_a_circle_are_walked_once(database, circle):
    forest(database, circle)
    assert members(database, Scope(ScopeKind.BELOW, "X0"))[0] == set(circle)
    for level in (1, 2, 3):
        assert members(database, Scope(ScopeKind.LEVEL, level=level))[0] == set()


def test_any_forest_as_going_through_it_by_hand(database):
    parents_of = st.dictionaries(st.sampled_from(KEYS), st.one_of(st.none(), st.sampled_from((*KEYS, "LOST"))))

    @settings(NEVER_SHORTENED, max_examples=25)
    @given(parents_of)
    def check(parents):
        forest(database, parents)
        with database.reading() as connection:
            asked = [Scope(kind, key) for kind in (ScopeKind.UNIT, ScopeKind.BELOW) for key in parents]
            asked += [Scope(ScopeKind.HUB), *(Scope(ScopeKind.LEVEL, level=level) for level in (1, 2, 3))]
            levels = {scope: scopes.levels(connection, scope) for scope in asked}
        meant = {scope: members(database, scope)[1] for scope in asked}
        for key in parents:
            assert members(database, Scope(ScopeKind.BELOW, key))[0] == below(parents, key)
            assert members(database, Scope(ScopeKind.UNIT, key))[0] == {key}
            if (steps := depth(parents, key)) is not None:
                of = [scope for scope, its in meant.items() if its is None or key in its]
                assert len(of) >= 3, "the whole hub, itself, all below it"
                assert {levels[scope][key] for scope in of} == {steps}
        for level in range(1, len(KEYS) + 1):
            wanted = {key for key in parents if depth(parents, key) == level}
            assert members(database, Scope(ScopeKind.LEVEL, level=level))[0] == wanted
        assert members(database, Scope(ScopeKind.HUB)) == (set(parents), None)

    check()
