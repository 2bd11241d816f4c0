"""Random questions to the tallies and to the lists behind them, and which made-up documents they are about.

Owns: whose and which days a question means, told without the database.
Never: counts (tests/support/counts.py does).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from hypothesis import strategies as st

from hub.domain.counting import Counted, Detail, Direction
from hub.domain.scopes import Scope, ScopeKind
from hub.store.tallies import Slice
from tests.support.busy import BELOW
from tests.support.counts import DAY, FIRST, LAST, days_of

HUB = Scope(ScopeKind.HUB)
SCOPES = (
    HUB,
    HUB,
    Scope(ScopeKind.UNIT, "G22"),
    Scope(ScopeKind.UNIT, "H41"),
    Scope(ScopeKind.UNIT, "nobody"),
    Scope(ScopeKind.BELOW, "H41"),
    Scope(ScopeKind.BELOW, "G30"),
    Scope(ScopeKind.LEVEL, level=1),
    Scope(ScopeKind.LEVEL, level=2),
    Scope(ScopeKind.LEVEL, level=3),
)
RUNS = (
    (date(2027, 1, 1), date(2028, 12, 31)),
    (date(2028, 1, 1), date(2028, 3, 31)),
    (date(2028, 2, 1), date(2028, 2, 29)),
    (date(2027, 12, 31), date(2028, 4, 1)),
)


def is_in(agency_key: str, scope: Scope) -> bool:
    """By the cast, which has two levels."""
    above = BELOW.get(agency_key)
    match scope.kind:
        case ScopeKind.HUB:
            return True
        case ScopeKind.UNIT:
            return agency_key == scope.agency_key
        case ScopeKind.BELOW:
            return scope.agency_key in (agency_key, above)
        case ScopeKind.LEVEL:
            return scope.level == (2 if above else 1)


def about(many: Iterable[Counted], asked: Slice) -> list[Counted]:
    """The documents of the slice, whether they count for anything or not."""
    return [
        one
        for one in many
        if one.direction is asked.direction
        and is_in(one.agency_key, asked.scope)
        and asked.first_day <= one.day <= asked.last_day
    ]


@st.composite
def slices(draw: st.DrawFn, many: Sequence[Counted]) -> Slice:
    """Any days, often a whole year, quarter or month; as they stand or as known on a day on which something was."""
    span = (LAST - FIRST).days + 80
    ends = sorted(FIRST + (draw(st.integers(0, span)) - 40) * DAY for _ in range(2))
    first, last = draw(st.one_of(st.sampled_from(RUNS), st.just(tuple(ends))))
    direction = draw(st.sampled_from(sorted({one.direction for one in many} or set(Direction))))
    known_on = draw(st.one_of(st.none(), st.sampled_from(days_of(many))))
    detail = draw(st.sampled_from(Detail))
    return Slice(direction, draw(st.sampled_from(SCOPES)), first, last, known_on, detail)


@st.composite
def asked_of(draw: st.DrawFn, histories: st.SearchStrategy[list[Counted]], count: int = 6):
    """A history and some questions about it."""
    many = draw(histories)
    return many, [draw(slices(many)) for _ in range(count)]
