"""How agencies stand on a day, on both databases: connected, planned, certified, legacy; the plan; people; plans."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from hub.domain.agencies import Agency, AgencyStatus
from hub.domain.scopes import Scope, ScopeKind
from hub.domain.selections import AgencyState
from hub.domain.signature_policy import Demand, Level, PolicyRow
from hub.errors import IllegalTransition
from hub.store import agencies, connections, life_tables, policies, radar, report_tables, signers, tables
from hub.store.agencies import AgencyCertificate
from hub.store.engine import Database
from tests.support.plans import plan_of

DAY = date(2026, 9, 30)
END = datetime(2026, 9, 30, 17, tzinfo=UTC)  # when the Vietnamese day is over
NOON = END - timedelta(hours=12)
SECOND = timedelta(seconds=1)
HUB = Scope(ScopeKind.HUB)


def unit(key: str) -> Scope:
    return Scope(ScopeKind.UNIT, key)


def added(database: Database, *more: Agency) -> None:
    with database.writing() as transaction:
        for agency in more:
            agencies.keep(transaction, agency, now=NOON)


def states(database: Database, scope: Scope = HUB, on: date = DAY, known_on: date | None = None):
    with database.reading() as connection:
        return connections.states(connection, scope=scope, on=on, known_on=known_on)


def of(database: Database, key: str, **asked) -> set[str]:
    return {state.value for state in states(database, unit(key), **asked).get(key, ())} - {"all"}


def planned(database: Database, key: str, on: date | None, at: datetime = NOON) -> bool:
    with database.writing() as transaction:
        return connections.plan(transaction, key, on, at=at, by="cli:mau")


def test_everybody_who_exists_on_the_day_and_of_the_scope(database: Database) -> None:
    closed, day = AgencyStatus.CLOSED, timedelta(days=1)
    added(
        database,
        Agency("X1", "1", valid_from=DAY),
        Agency("X2", "2", valid_from=DAY + day),
        Agency("X3", "3", valid_until=DAY),
        Agency("X4", "4", valid_until=DAY - day),
        Agency("X5", "5", status=closed, valid_until=DAY),
        Agency("X6", "6", status=closed),
    )
    found = states(database)
    assert sorted(key for key in found if key.startswith("X")) == ["X1", "X3", "X5"]
    assert "H98" not in found
    assert "G66" in found, "a suspended agency exists"
    assert {state for its in found.values() for state in its} == {AgencyState.ALL}
    assert sorted(states(database, Scope(ScopeKind.BELOW, "H41"))) == ["H41", "H41.1.2"]
    assert sorted(states(database, Scope(ScopeKind.LEVEL, level=2))) == ["G30.1", "H41.1.2"]


def test_connected_from_the_day_on_which_its_system_was_first_seen(database: Database) -> None:
    for at in (END - SECOND, END + timedelta(days=3)):
        with database.writing() as transaction:
            radar.seen(transaction, "H41", at)
    with database.writing() as transaction:
        radar.seen(transaction, "H14", END)
    assert of(database, "H41") == {"connected"}
    assert of(database, "H14") == set()
    assert of(database, "H14", on=DAY + timedelta(days=1)) == {"connected"}
    assert of(database, "H41", on=DAY - timedelta(days=1)) == set()
    assert of(database, "H14", on=DAY + timedelta(days=9), known_on=DAY) == set(), "it was not known then"
    with database.reading() as connection:
        row = connection.execute(sa.select(tables.agencies).where(tables.agencies.c.code_key == "H41")).one()
    assert (row.first_seen_at, row.last_seen_at) == (END - SECOND, END + timedelta(days=3))


def test_planned_and_due_by_the_last_plan_that_was_known(database: Database) -> None:
    october = date(2026, 10, 31)
    assert planned(database, "H41", DAY, at=NOON - timedelta(days=30))
    assert planned(database, "H41", october, at=END - SECOND)
    assert planned(database, "H14", october)
    assert planned(database, "H14", None, at=END)
    assert of(database, "H41") == {"planned"}
    assert of(database, "H41", known_on=DAY - timedelta(days=1)) == {"planned", "due"}
    assert of(database, "H41", on=october) == {"planned", "due"}
    assert of(database, "H41", known_on=DAY - timedelta(days=40)) == set()
    assert of(database, "H14") == set()
    assert of(database, "H14", known_on=DAY) == {"planned"}


def test_a_plan_that_says_nothing_new_is_not_written(database: Database) -> None:
    assert not planned(database, "H41", None)
    assert planned(database, "H41", DAY)
    assert not planned(database, "H41", DAY)
    assert planned(database, "H41", None)
    assert not planned(database, "H41", None)
    with database.reading() as connection:
        rows = connection.execute(sa.select(report_tables.connection_plans)).all()
    assert [(row.planned_on, row.set_by) for row in rows] == [(DAY, "cli:mau"), (None, "cli:mau")]


def test_the_plan_lists_who_is_planned_or_was_seen(database: Database) -> None:
    planned(database, "H41", date(2026, 12, 31))
    planned(database, "H14", DAY)
    planned(database, "G77", DAY)
    planned(database, "G77", None)
    with database.writing() as transaction:
        radar.seen(transaction, "G22", NOON)
        radar.seen(transaction, "H14", NOON)
    with database.reading() as connection:
        found = connections.plans(connection, scope=HUB)
        below = connections.plans(connection, scope=Scope(ScopeKind.BELOW, "H14"))
    assert [(one.agency_key, one.planned_on, one.first_seen_at) for one in found] == [
        ("H14", DAY, NOON),
        ("H41", date(2026, 12, 31), None),
        ("G22", None, NOON),
    ]
    assert below == found[:1]
    assert below[0].name == "Ủy ban nhân dân tỉnh Khác"


def test_the_plan_of_a_past_day(database: Database) -> None:
    later = NOON + timedelta(days=3)
    planned(database, "H41", date(2026, 12, 31))
    with database.writing() as transaction:
        connections.plan(transaction, "H41", DAY, at=later, by="cli:mau")
        connections.plan(transaction, "H14", DAY, at=later, by="cli:mau")
        radar.seen(transaction, "H41", later)
        radar.seen(transaction, "G22", later)

    def known(on: date | None) -> list[tuple]:
        with database.reading() as connection:
            found = connections.plans(connection, scope=HUB, known_on=on)
        return [(one.agency_key, one.planned_on, one.first_seen_at) for one in found]

    assert known(NOON.date()) == [("H41", date(2026, 12, 31), None)]
    now = [("H14", DAY, None), ("H41", DAY, later), ("G22", None, later)]
    assert known(later.date()) == known(None) == now


def test_a_certificate_that_was_withdrawn_and_came_back_was_away_in_between(database: Database) -> None:
    day, held = timedelta(days=1), AgencyCertificate("1" * 64, "CN=x", END + 99 * timedelta(days=1), "", None)
    with database.writing() as transaction:
        g22 = Agency("G22", "G22")
        agencies.keep_certificate(transaction, g22, held, now=NOON)
        assert agencies.withdraw_certificate(transaction, held.sha256, now=NOON + 2 * day)
        assert not agencies.withdraw_certificate(transaction, held.sha256, now=NOON + 3 * day)
        assert agencies.certificate_holder(transaction.connection, held.sha256) is None
        with pytest.raises(IllegalTransition):
            agencies.keep_certificate(transaction, Agency("H41", "H41"), held, now=NOON + 3 * day)
        for _ in range(2):
            agencies.keep_certificate(transaction, g22, held, now=NOON + 4 * day)
        assert agencies.certificate_holder(transaction.connection, held.sha256).code == "G22"
        table = tables.agency_certificates
        rows = transaction.execute(sa.select(table).where(table.c.sha256 == held.sha256).order_by(table.c.number)).all()
    assert [(row.added_at, row.withdrawn_at) for row in rows] == [(NOON, NOON + 2 * day), (NOON + 4 * day, None)]
    known = [of(database, "G22", on=DAY + 9 * day, known_on=DAY + n * day) for n in range(-1, 6)]
    assert known == [set(), {"certified"}, {"certified"}, set(), set(), {"certified"}, {"certified"}]


def test_a_policy_that_was_replaced_or_taken_back_held_until_then(database: Database) -> None:
    day, last = timedelta(days=1), DAY + timedelta(days=99)
    weak, strict = (PolicyRow(Demand.AGENCY_SEAL, level, until=last) for level in (Level.IGNORE, Level.REQUIRE))
    with database.writing() as transaction:
        policies.keep(transaction, "H41", weak, now=NOON)
        policies.keep(transaction, "H41", strict, now=NOON + 2 * day)
        policies.keep(transaction, "H41", weak, now=NOON + 3 * day)
        policies.forget(transaction, "H41", Demand.AGENCY_SEAL, "", now=NOON + 5 * day)
    known = ["legacy" in of(database, "H41", on=DAY + 9 * day, known_on=DAY + n * day) for n in range(-1, 7)]
    assert known == [False, True, True, False, True, True, False, False]


def test_certified_while_a_certificate_was_known_and_good_at_the_end_of_the_day(database: Database) -> None:
    def certificate(key: str, sha256: str, *, ends: datetime, at: datetime = NOON, withdrawn: datetime | None = None):
        with database.writing() as transaction:
            held = AgencyCertificate(sha256 * 64, "CN=x", ends, "", None)
            agencies.keep_certificate(transaction, Agency(key, key), held, now=at)
            change = sa.update(tables.agency_certificates).where(tables.agency_certificates.c.sha256 == sha256 * 64)
            transaction.execute(change.values(withdrawn_at=withdrawn))

    certificate("H41", "1", ends=END)
    certificate("H41", "2", ends=END + SECOND)
    certificate("H14", "3", ends=END - SECOND)
    certificate("G22", "4", ends=END + SECOND, at=END)
    certificate("G30", "5", ends=END + SECOND, withdrawn=END - SECOND)
    certificate("G77", "6", ends=END + SECOND, withdrawn=END)
    found = {key for key, its in states(database).items() if AgencyState.CERTIFIED in its}
    assert found == {"H41", "G77"}
    assert of(database, "G22", on=DAY + timedelta(days=1)) == set()


@pytest.mark.parametrize(
    ("row", "is_legacy"),
    [
        (PolicyRow(Demand.AGENCY_SEAL, Level.IGNORE, until=DAY), True),
        (PolicyRow(Demand.AGENCY_SEAL, Level.IGNORE, until=DAY - timedelta(days=1)), False),
        (PolicyRow(Demand.AGENCY_SEAL, Level.IGNORE), False),
        (PolicyRow(Demand.AGENCY_SEAL, Level.WARN, until=DAY), False),
        (PolicyRow(Demand.AGENCY_SEAL, Level.REQUIRE, until=DAY), False),
        (PolicyRow(Demand.PERSONAL_SIGNATURE, Level.IGNORE, "công văn", until=DAY), True),
    ],
)
def test_legacy_while_a_weaker_row_of_its_own_lasts(database: Database, row: PolicyRow, is_legacy: bool) -> None:
    with database.writing() as transaction:
        policies.keep(transaction, "H41", row, now=NOON)
    assert of(database, "H41") == ({"legacy"} if is_legacy else set())
    assert of(database, "H41", on=DAY - timedelta(days=2)) == set(), "it had not been set"


# -- plans ------------------------------------------------------------------------------------------------------------

MANY = 4000


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def full(request, tmp_path_factory):
    """Four thousand agencies with a plan, a certificate, a policy and a signer each."""
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("connections") / "hub.sqlite3"
        file.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        database = Database(f"sqlite:///{file}")
    else:
        make = request.getfixturevalue("make_fast_database")
        database = Database(make(template=request.getfixturevalue("postgres_template")))
    filled = {
        tables.agencies: {"code": "x", "name": "x", "status": "open", "changed_at": NOON},
        report_tables.connection_plans: {"planned_on": DAY, "set_at": NOON, "set_by": "x"},
        tables.agency_certificates: {"subject": "x", "not_after": END, "pem": "", "added_at": NOON},
        life_tables.signature_policies: {"document_type": "", "demand": "agency_seal", "level": "warn", "set_at": NOON},
        report_tables.signers: {"day": DAY, "person": "x", "known_on": DAY, "documents": 1},
    }
    with database.writing() as transaction:
        for table, same in filled.items():
            key = "agency_key" if "agency_key" in table.c else "code_key"
            more = [{"sha256": f"{n:064}"} if "sha256" in table.c else {} for n in range(MANY)]
            transaction.execute(sa.insert(table), [{key: f"X{n}"} | more[n] | same for n in range(MANY)])
    with database.writing() as transaction:
        transaction.connection.exec_driver_sql("ANALYZE")
    yield database
    database.close()


QUESTIONS = {
    "states": lambda c: connections.states(c, scope=unit("X7"), on=DAY, known_on=DAY),
    "plans": lambda c: connections.plans(c, scope=unit("X7")),
    "plans of a day": lambda c: connections.plans(c, scope=unit("X7"), known_on=DAY),
    "people": lambda c: signers.people(c, scope=unit("X7"), first_day=DAY, last_day=DAY),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_question_about_one_agency_is_answered_by_an_index(full: Database, question: str) -> None:
    plan = plan_of(full, QUESTIONS[question])
    assert not re.search(r"SCAN (?!anon_)\w+\b(?! USING)|Seq Scan", plan), plan


def test_the_last_plan_is_found_by_an_index(full: Database) -> None:
    with full.writing() as transaction:
        assert connections.plan(transaction, "X7", date(2026, 12, 31), at=NOON, by="x")
    plan = plan_of(full, lambda c: c.execute(connections._LAST_PLAN, {"key": "X7"}))
    assert "ix_connection_plans_agency_key" in plan, plan
