"""An agency's own demands are kept, replaced and forgotten; those from before the table are carried over."""

from __future__ import annotations

from datetime import UTC, date, datetime

import sqlalchemy as sa
from alembic import command

from hub.domain.signature_policy import Demand, Level, PolicyRow
from hub.store import policies, schema
from hub.store.engine import Database

NOW = datetime(2026, 11, 22, tzinfo=UTC)
SEAL = Demand.AGENCY_SEAL


def test_a_row_is_kept_replaced_and_forgotten(database):
    soft = PolicyRow(SEAL, Level.IGNORE, "", date(2027, 6, 30))
    hard = PolicyRow(SEAL, Level.REQUIRE)
    other = PolicyRow(SEAL, Level.WARN, "giấy mời")
    with database.writing() as transaction:
        for row in (soft, other, hard):
            policies.keep(transaction, "G22", row, now=NOW)
        assert policies.of_agency(transaction.connection, "G22") == [hard, other]
        assert policies.of_agency(transaction.connection, "H41") == []
        policies.forget(transaction, "G22", SEAL, "")
        policies.forget(transaction, "G22", SEAL, "")
        assert policies.of_agency(transaction.connection, "G22") == [other]


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
