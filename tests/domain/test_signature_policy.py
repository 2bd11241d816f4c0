"""Which demand holds: the agency's before the pack's, a named type before every type, until its last day."""

from __future__ import annotations

from datetime import date

import pytest

from hub.domain.rules import pack_on
from hub.domain.signature_policy import Demand, Level, PolicyRow, level_of

SEAL, PERSON = Demand.AGENCY_SEAL, Demand.PERSONAL_SIGNATURE
PACK = (PolicyRow(SEAL, Level.WARN), PolicyRow(SEAL, Level.REQUIRE, "giấy mời"))
DAY = date(2026, 11, 22)


def level(*agency: PolicyRow, demand: Demand = SEAL, kind: str = "Công văn", on: date = DAY) -> Level:
    return level_of(demand, document_type=kind, on=on, agency=agency, pack=PACK)


def test_the_pack_holds_where_the_agency_has_no_row():
    assert level() is Level.WARN
    assert level(PolicyRow(PERSON, Level.REQUIRE)) is Level.WARN


@pytest.mark.parametrize("kind", ["Giấy mời", " GIẤY  MỜI "])
def test_a_named_type_wins_over_every_type(kind):
    assert level(kind=kind) is Level.REQUIRE
    both = (PolicyRow(SEAL, Level.IGNORE), PolicyRow(SEAL, Level.REQUIRE, "giấy mời"))
    assert level(*both, kind=kind) is Level.REQUIRE
    assert level(*both) is Level.IGNORE


def test_a_row_holds_to_its_last_day_and_not_longer():
    row = PolicyRow(SEAL, Level.IGNORE, until=DAY)
    assert level(row) is Level.IGNORE
    assert level(row, on=date(2026, 11, 23)) is Level.WARN


def test_a_row_that_ends_comes_before_one_that_does_not():
    rows = (PolicyRow(SEAL, Level.REQUIRE), PolicyRow(SEAL, Level.IGNORE, until=DAY))
    assert level(*rows) is Level.IGNORE
    assert level(*rows, on=date(2027, 1, 1)) is Level.REQUIRE


def test_what_nobody_demands_is_ignored():
    assert level(demand=PERSON) is Level.IGNORE


def test_the_pack_in_force_demands_something_of_every_signature():
    rows = pack_on(DAY).signature_policy
    assert {row.demand for row in rows if not row.document_type} == set(Demand)
