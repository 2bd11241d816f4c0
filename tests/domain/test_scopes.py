"""A scope has the part that its kind needs, and no other."""

from __future__ import annotations

import pytest

from hub.domain.scopes import Scope, ScopeKind


@pytest.mark.parametrize(
    "whole",
    [
        (ScopeKind.UNIT, "G22.99"),
        (ScopeKind.BELOW, "G22"),
        (ScopeKind.LEVEL, "", 1),
        (ScopeKind.HUB,),
    ],
)
def test_whole_scopes(whole):
    assert Scope(*whole) == Scope(*whole)
    assert Scope(*whole).kind is whole[0]


@pytest.mark.parametrize(
    "broken",
    [
        (ScopeKind.UNIT,),
        (ScopeKind.BELOW, "", 2),
        (ScopeKind.UNIT, "G22", 1),
        (ScopeKind.LEVEL,),
        (ScopeKind.LEVEL, "G22", 1),
        (ScopeKind.LEVEL, "", -1),
        (ScopeKind.HUB, "G22"),
        (ScopeKind.HUB, "", 1),
    ],
)
def test_a_part_missing_or_one_too_many_is_refused(broken):
    with pytest.raises(ValueError, match=broken[0].value):
        Scope(*broken)
