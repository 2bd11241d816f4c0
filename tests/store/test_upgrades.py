"""What a database of an earlier version holds is kept when it is brought up to date, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from hub.domain.signature_policy import Demand, Level, PolicyRow
from hub.store import agencies, deliveries, life_tables, policies, schema, tables
from hub.store.engine import Database
from tests.support.counts import consignment

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
CODES = ("G22", "H41")


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request, tmp_path, monkeypatch):
    """A database as the version before the percentages left it, with two agencies."""
    url = f"sqlite:///{tmp_path / 'old.sqlite3'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("make_fast_database")()
    database = Database(url)
    moved(database, monkeypatch, lambda config, _head: upgrade(config, "0003_post_life"))
    agency = {"status": "open", "changed_at": AT, "source": "", "note": "", "adapter": "mailbox"}
    added(database, "agencies", *({"code_key": one, "code": one, "name": one} | agency for one in CODES))
    yield database
    database.close()


upgrade, downgrade = command.upgrade, command.downgrade


def moved(database: Database, monkeypatch: pytest.MonkeyPatch, to: Callable[[Any, str], None]) -> None:
    """Take the schema somewhere else than to its newest revision."""
    with monkeypatch.context() as patched:
        patched.setattr(command, "upgrade", to)
        schema.upgrade(database)


def added(database: Database, table: str, *rows: dict[str, Any]) -> None:
    """Rows of a table as it is in the database, whatever this program expects of it."""
    known = sa.Table(table, sa.MetaData(), autoload_with=database.engine, resolve_fks=False)
    with database.writing() as transaction:
        for row in rows:
            transaction.execute(sa.insert(known), {name: value for name, value in row.items() if name in known.c})


def certificate(sha256: str, **facts: Any) -> dict[str, Any]:
    row = {"sha256": sha256 * 64, "code_key": "G22", "subject": "CN=x", "not_after": AT + 9999 * HOUR, "pem": "PEM"}
    return row | {"added_at": AT} | facts


def policy(demand: str, **facts: Any) -> dict[str, Any]:
    return {"code_key": "G22", "document_type": "", "demand": demand, "level": "warn", "set_at": AT} | facts


def test_certificates_and_policies_keep_their_times(old: Database) -> None:
    away = certificate("2", code_key="H41", added_at=AT - HOUR, withdrawn_at=AT + HOUR)
    added(old, "agency_certificates", certificate("1"), away)
    until = date(2027, 6, 30)
    added(old, "signature_policies", policy("agency_seal", level="ignore", until=until), policy("personal_signature"))
    schema.upgrade(old)
    with old.reading() as connection:
        of = {one: agencies.certificate_holder(connection, one * 64) for one in "12"}
        assert (of["1"].code, of["2"]) == ("G22", None)
        kept = connection.execute(sa.select(tables.agency_certificates).order_by(tables.agency_certificates.c.number))
        assert [(row.sha256[0], row.code_key, row.added_at, row.withdrawn_at, row.pem) for row in kept] == [
            ("2", "H41", AT - HOUR, AT + HOUR, "PEM"),
            ("1", "G22", AT, None, "PEM"),
        ]
        assert policies.of_agency(connection, "G22") == [
            PolicyRow(Demand.AGENCY_SEAL, Level.IGNORE, "", until),
            PolicyRow(Demand.PERSONAL_SIGNATURE, Level.WARN),
        ]
        rows = connection.execute(sa.select(life_tables.signature_policies)).all()
    assert {(row.set_at, row.ended_at) for row in rows} == {(AT, None)}
    with old.writing() as transaction:
        policies.keep(transaction, "G22", PolicyRow(Demand.AGENCY_SEAL, Level.REQUIRE), now=AT + HOUR)
        agencies.withdraw_certificate(transaction, "1" * 64, now=AT + HOUR)


def test_back_again_only_what_stands_is_left(old: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    schema.upgrade(old)
    away = certificate("1", withdrawn_at=AT + HOUR)
    added(old, "agency_certificates", away, certificate("1", added_at=AT + 2 * HOUR))
    ended = policy("agency_seal", level="ignore", ended_at=AT + HOUR)
    added(old, "signature_policies", ended, policy("agency_seal", level="require", set_at=AT + HOUR))
    moved(old, monkeypatch, lambda config, _head: downgrade(config, "0003_post_life"))
    with old.reading() as connection:
        level = connection.execute(sa.text("SELECT level FROM signature_policies")).scalars().all()
        withdrawn = connection.execute(sa.text("SELECT withdrawn_at FROM agency_certificates")).scalars().all()
    assert (level, withdrawn) == (["require"], [None])
    schema.upgrade(old)
    with old.reading() as connection:
        assert agencies.certificate_holder(connection, "1" * 64).code == "G22"


def delivery(number: int, state: str, **facts: Any) -> dict[str, Any]:
    row = {"id": f"d{number}", "consignment_id": f"c{number}", "recipient_key": "H41", "addressee": "H41"}
    row |= {"state": state, "lane": "normal", "attempts": 1, "reason": "", "cause": "", "created_at": AT}
    return row | {f"{name}_at": AT + hours * HOUR for name, hours in facts.items()}


def event(number: int, kind: str, hours: int) -> dict[str, Any]:
    at = AT + hours * HOUR
    of = {"consignment_id": f"c{number}", "delivery_id": f"d{number}"}
    return of | {"kind": kind, "at": at, "facts": {}, "to_tally": False}


HISTORIES = {  # the row as it was left, what happened to it after how many hours → arrived, expired, expired in hand
    "taken": (("handed_over", {"placed": 1, "ended": 2}), {"placed": [1], "handed_over": [2]}, (1, None, None)),
    "pushed": (("handed_over", {"ended": 2}), {"handed_over": [2]}, (2, None, None)),
    "never there": (("expired", {"ended": 3}), {"expired": [3]}, (None, 3, None)),
    "lay there": (("expired", {"placed": 1, "ended": 3}), {"placed": [1], "expired": [3]}, (1, 3, 3)),
    "due again": (("due", {}), {"placed": [1], "expired": [3], "delivered_again": [4]}, (1, 3, 3)),
    "taken at last": (
        ("handed_over", {"placed": 8, "ended": 9}),
        {"expired": [3, 6], "delivered_again": [4, 7], "placed": [5, 8], "handed_over": [9]},
        (5, 3, 6),
    ),
    "never there, twice": (("expired", {"ended": 6}), {"expired": [3, 6], "delivered_again": [4]}, (None, 3, None)),
}


def test_when_a_copy_arrived_and_expired_first_is_read_from_its_history(old: Database) -> None:
    for number, ((state, facts), happened, _) in enumerate(HISTORIES.values()):
        added(old, "consignments", consignment(f"c{number}", number, AT))
        added(old, "deliveries", delivery(number, state, **facts))
        added(old, "events", *(event(number, kind, hour) for kind, hours in happened.items() for hour in hours))
    schema.upgrade(old)
    with old.reading() as connection:
        found = [deliveries.get(connection, f"d{number}") for number in range(len(HISTORIES))]
        to_tally = connection.execute(sa.select(tables.events.c.kind).where(tables.events.c.to_tally)).scalars()
        assert set(to_tally) == {"placed", "expired", "handed_over"}
    times = [(one.arrived_at, one.expired_at, one.expired_in_hand_at) for one in found]
    hours = [tuple(None if at is None else (at - AT) // HOUR for at in three) for three in times]
    assert dict(zip(HISTORIES, hours, strict=True)) == {name: wanted for name, (*_, wanted) in HISTORIES.items()}
