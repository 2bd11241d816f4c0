"""An agency's own demands are kept, replaced and forgotten; those from before the table are carried over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from alembic import command

from hub.domain.signature_policy import Demand, Level, PolicyRow
from hub.store import policies, schema
from hub.store.engine import Database
from hub.store.life_tables import signature_policies

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SEAL = Demand.AGENCY_SEAL
_OF_G22 = (
    sa.select(signature_policies).where(signature_policies.c.code_key == "G22").order_by(signature_policies.c.number)
)


def test_a_row_is_kept_replaced_and_forgotten(database):
    soft = PolicyRow(SEAL, Level.IGNORE, "", date(2027, 6, 30))
    hard = PolicyRow(SEAL, Level.REQUIRE)
    other = PolicyRow(SEAL, Level.WARN, "giấy mời")
    with database.writing() as transaction:
        for row in (soft, other, hard):
            policies.keep(transaction, "G22", row, now=NOW)
        assert policies.of_agency(transaction.connection, "G22") == [hard, other]
        assert policies.of_agency(transaction.connection, "H41") == []
        policies.forget(transaction, "G22", SEAL, "", now=NOW)
        policies.forget(transaction, "G22", SEAL, "", now=NOW)
        assert policies.of_agency(transaction.connection, "G22") == [other]


def test_what_was_replaced_or_taken_back_stays_with_its_times_and_the_same_again_is_one_row(database):
    soft, hard = PolicyRow(SEAL, Level.IGNORE, "", date(2027, 6, 30)), PolicyRow(SEAL, Level.REQUIRE)
    times = [NOW + timedelta(days=n) for n in range(5)]
    with database.writing() as transaction:
        for at, row in zip(times, (soft, soft, hard), strict=False):
            policies.keep(transaction, "G22", row, now=at)
        policies.forget(transaction, "G22", SEAL, "", now=times[3])
        policies.keep(transaction, "G22", soft, now=times[4])
        found = transaction.execute(_OF_G22).all()
        assert policies.of_agency(transaction.connection, "G22") == [soft]
    assert [(row.level, row.set_at, row.ended_at) for row in found] == [
        ("ignore", times[0], times[2]),
        ("require", times[2], times[3]),
        ("ignore", times[4], None),
    ]


def test_what_was_required_before_the_table_still_is(tmp_path, monkeypatch):
    database = Database(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    upgrade = command.upgrade
    with monkeypatch.context() as patched:
        patched.setattr(command, "upgrade", lambda config, _head: upgrade(config, "0001_pre_first_schema"))
        schema.upgrade(database)
    row = {"code_key": "G22", "code": "G22", "name": "Bộ", "status": "open", "signature_policy": "require"}
    columns = ", ".join([*row, "changed_at"])
    values = ", ".join([*(f":{name}" for name in row), "'2026-11-22 00:00:00'"])
    with database.writing() as transaction:
        transaction.execute(sa.text(f"INSERT INTO agencies ({columns}) VALUES ({values})"), row)  # noqa: S608
        transaction.execute(
            sa.text("INSERT INTO agency_aliases (alias_key, alias, code_key) VALUES ('000.00.00.G22', 'x', 'G22')")
        )
    schema.upgrade(database)
    with database.reading() as connection:
        assert policies.of_agency(connection, "G22") == [PolicyRow(Demand.ENVELOPE_SIGNATURE, Level.REQUIRE)]
        assert connection.execute(sa.text("SELECT count(*) FROM agency_aliases")).scalar_one() == 1
    with database.writing() as transaction:
        assert transaction.execute(sa.text("PRAGMA foreign_keys")).scalar_one() == 1
    database.close()
