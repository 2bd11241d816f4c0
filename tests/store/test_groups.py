"""Whom a group means on a day: listed, below, of a letter; followed, closed, suspended; both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

from hub.domain.agencies import Agency, AgencyStatus
from hub.domain.groups import Group, GroupKind
from hub.errors import BadRequest, IllegalTransition, UnknownAgency
from hub.store import agencies, groups
from hub.store.engine import Database

NOW = datetime(2026, 3, 2, tzinfo=UTC)
TODAY = date(2026, 3, 2)
LISTED = Group("TO-CONG-TAC", "Tổ công tác", GroupKind.MEMBERS)


def kept(database: Database, group: Group, *members: str) -> bool:
    with database.writing() as transaction:
        return groups.keep(transaction, group, members=members, now=NOW)


def added(database: Database, *more: Agency) -> None:
    with database.writing() as transaction:
        for agency in more:
            agencies.keep(transaction, agency, now=NOW)


def meant(database: Database, group: Group, *, on: date = TODAY, without: str = "") -> list[str]:
    with database.reading() as connection:
        found = groups.find(connection, group.code.upper())
        assert found is not None
        return groups.members(connection, found, on=on, without=without)


def test_listed_agencies_are_followed_each_once_in_order_without_the_sender(database: Database) -> None:
    kept(database, LISTED, "h41.1.2", "H99", "000.00.00.H14", "G66", "H98", "G22")
    assert meant(database, LISTED, without="g22") == ["G66", "H14", "H41.1.2"]
    assert meant(database, LISTED, without="H14") == ["G22", "G66", "H41.1.2"], "a successor may be the sender"


def test_successors_are_followed_over_many_steps_and_a_circle_ends(database: Database) -> None:
    closed = AgencyStatus.CLOSED
    added(
        database,
        Agency("X1", "1", status=closed, successor="X2"),
        Agency("X2", "2", status=closed, successor="X3"),
        Agency("X3", "3"),
        Agency("Y1", "1", status=closed, successor="Y2"),
        Agency("Y2", "2", status=closed, successor="Y1"),
    )
    kept(database, LISTED, "X1", "Y1")
    assert meant(database, LISTED) == ["X3"]


def test_all_below_is_a_family_without_its_head_and_without_the_closed(database: Database) -> None:
    added(
        database,
        Agency("G30.1.5", "Phòng", parent="G30.1"),
        Agency("G30.2", "Đã giải thể", parent="G30", status=AgencyStatus.CLOSED, successor="H41"),
        Agency("G30.3", "Chưa lập", parent="G30", valid_from=date(2026, 3, 3)),
        Agency("G30.4", "Tạm dừng", parent="G30", status=AgencyStatus.SUSPENDED),
    )
    group = Group("TRUC-THUOC-G30", "Đơn vị của Bộ", GroupKind.BELOW, of="000.00.00.g30")
    assert kept(database, group)
    assert meant(database, group) == ["G30.1", "G30.1.5", "G30.4"]
    assert meant(database, group, without="G30.1") == ["G30.1.5", "G30.4"]
    assert "G30.3" in meant(database, group, on=date(2026, 3, 3))


def test_all_of_a_letter_are_the_level_1_codes_alone(database: Database) -> None:
    added(database, Agency("H100", "Ba số"), Agency("HA1", "Không phải"), Agency("K41", "Hội đồng"))
    with database.writing() as transaction:
        agencies.keep_aliases(transaction, Agency("K41", ""), ["H50"])
    group = Group("tinh", "Các tỉnh", GroupKind.LEVEL_ONE, of="h")
    kept(database, group)
    assert meant(database, group, without="H14") == ["H41"]
    with database.reading() as connection:
        assert groups.all_groups(connection) == [Group("tinh", "Các tỉnh", GroupKind.LEVEL_ONE, of="H")]


def test_five_thousand_members_and_a_thousand_codes_are_few_queries(database: Database) -> None:
    with database.writing() as transaction:
        rows = [
            {"code_key": f"P{n:04}", "code": f"P{n:04}", "name": "x", "status": "open", "changed_at": NOW}
            for n in range(5000)
        ]
        rows[0] |= {"status": "closed"}
        rows = [row | {"successor_key": "P0001" if n == 0 else None} for n, row in enumerate(rows)]
        transaction.execute(sa.insert(agencies.agencies), rows)
    kept(database, LISTED, *(f"p{n:04}" for n in range(5000)))
    asked: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    assert len(meant(database, LISTED)) == 4999
    assert len([one for one in asked if one.lstrip().startswith("SELECT")]) < 20, "not one per member"
    asked.clear()
    with database.reading() as connection:
        found = groups.find_many(connection, {LISTED.code, *(f"P{n:04}" for n in range(999))})
    assert found == {LISTED.code: LISTED}
    assert len([one for one in asked if "agency_groups" in one]) == 1


def test_said_anew_it_means_others(database: Database) -> None:
    assert kept(database, LISTED, "H41", "H14")
    again = Group("to-cong-tac", "Tổ mới", GroupKind.MEMBERS)
    assert not kept(database, again, "G77")
    assert meant(database, again) == ["G77"]
    assert not kept(database, Group("TO-CONG-TAC", "Các tỉnh", GroupKind.LEVEL_ONE, of="H"))
    assert meant(database, again) == ["H14", "H41"]


@pytest.mark.parametrize("code", ["H41", "h41", "000.00.00.H41", "H99"])
def test_the_code_of_an_agency_is_no_groups(database: Database, code: str) -> None:
    with pytest.raises(IllegalTransition):
        kept(database, Group(code, "x", GroupKind.MEMBERS), "G22")


@pytest.mark.parametrize(
    ("group", "members", "error"),
    [
        (Group("", "x", GroupKind.MEMBERS), ["G22"], BadRequest),
        (Group("A/B", "x", GroupKind.MEMBERS), ["G22"], BadRequest),
        (LISTED, [], BadRequest),
        (LISTED, ["G22", "NOBODY"], UnknownAgency),
        (LISTED, ["G22", "'; --"], UnknownAgency),
        (Group("B", "x", GroupKind.BELOW, of="NOBODY"), [], UnknownAgency),
        (Group("B", "x", GroupKind.BELOW), [], UnknownAgency),
        (Group("L", "x", GroupKind.LEVEL_ONE, of="HH"), [], BadRequest),
    ],
)
def test_what_cannot_be_a_group_leaves_nothing(database: Database, group: Group, members: list[str], error) -> None:
    with pytest.raises(error):
        kept(database, group, *members)
    with database.reading() as connection:
        assert groups.all_groups(connection) == []


def test_a_dropped_group_is_unknown(database: Database) -> None:
    kept(database, LISTED, "H41")
    with database.writing() as transaction:
        assert groups.drop(transaction, "to-cong-tac")
        assert not groups.drop(transaction, "to-cong-tac")
    with database.reading() as connection:
        assert groups.find(connection, "TO-CONG-TAC") is None
        assert groups.find(connection, "") is None


def test_the_code_of_a_group_is_no_agencys(database: Database) -> None:
    kept(database, LISTED, "H41")
    with pytest.raises(IllegalTransition):
        added(database, Agency("to-cong-tac", "x"))
    with pytest.raises(IllegalTransition), database.writing() as transaction:
        agencies.keep_aliases(transaction, Agency("H41", ""), ["TO-CONG-TAC"])
