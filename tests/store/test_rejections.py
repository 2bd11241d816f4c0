"""Why the hub rejected: by finding, of the newest, for whoever is asked about, as known on a day."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.domain.counting import Direction
from hub.domain.periods import vietnam_day
from hub.domain.scopes import Scope, ScopeKind
from hub.store import rejections
from hub.store.rejections import Reasons
from hub.store.tallies import Slice
from tests.support.scenes import Scene, genuine_document


@pytest.fixture
def refused(scene: Scene) -> Scene:
    """Two documents of G22 to nobody that there is, one of G22 that went through, one of H41 to nobody."""
    scene.post(genuine_document(901, to=("Q1",)))
    scene.post(genuine_document(902, to=("Q1",)))
    scene.post(genuine_document(903, to=("H41",)))
    scene.post(genuine_document(904, sender="H41", to=("Q1",)), caller="H41")
    scene.drain()
    return scene


def reasons(scene: Scene, scope: Scope, *, known_before: int = 0, document_type: str = "", most: int = 10) -> Reasons:
    today = vietnam_day(scene.hub.now())
    known_on = today - timedelta(days=known_before) if known_before else None
    asked = Slice(Direction.REJECTED, scope, today - timedelta(days=3), today, known_on)
    with scene.database.reading() as connection:
        return rejections.reasons(connection, asked, document_type=document_type, most=most)


def test_each_finding_that_rejected_is_counted_once_for_each_sending(refused: Scene) -> None:
    found = reasons(refused, Scope(ScopeKind.HUB))
    assert found.looked_at == 3
    assert found.by_code.most_common(1)[0][1] == 3
    assert reasons(refused, Scope(ScopeKind.UNIT, "H41")).looked_at == 1
    assert reasons(refused, Scope(ScopeKind.UNIT, "H14")) == Reasons(0, found.by_code - found.by_code)


def test_only_the_newest_of_very_many_are_looked_at(refused: Scene) -> None:
    assert reasons(refused, Scope(ScopeKind.HUB), most=2).looked_at == 2


def test_a_type_of_document_and_a_day_narrow_them(refused: Scene) -> None:
    assert reasons(refused, Scope(ScopeKind.HUB), document_type="cong_van").looked_at == 3
    assert reasons(refused, Scope(ScopeKind.HUB), document_type="giay_moi").looked_at == 0
    assert reasons(refused, Scope(ScopeKind.HUB), known_before=1).looked_at == 0
