"""`hub reports demo-year`: a year that adds up, told in both languages; never into a database in use."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from hub.cli.demo_year import demo_year
from hub.cli.verification import verify
from hub.demo.year_declared import NOTE
from hub.domain.periods import vietnam_day
from hub.errors import IllegalTransition, Misconfigured
from hub.stations import utc_now
from hub.store import tables
from hub.store.engine import Database

SMALL = ("--documents", "120", "--agencies", "10")


@pytest.fixture
def configured(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The database that the commands open by their settings."""
    for name in ("HUB_DATABASE_URL", "HUB_BROKER_URL", "HUB_SETTINGS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path))
    (tmp_path / "hub.sqlite3").write_bytes(sqlite_template.read_bytes())
    opened = Database(f"sqlite:///{tmp_path / 'hub.sqlite3'}")
    yield opened
    opened.close()


def run(*words: str) -> Result:
    result = CliRunner().invoke(demo_year, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_it_makes_a_year_on_which_verify_agrees(configured: Database) -> None:
    told = run(*SMALL, "--year", "2025")
    assert told.exit_code == 0
    assert "Năm 2025 MÔ PHỎNG: 120 văn bản" in told.stdout
    assert "INVENTED year 2025: 120 documents" in told.stdout
    assert "AGREES" in CliRunner().invoke(verify, []).output
    with configured.reading() as connection:
        audit = connection.execute(sa.select(tables.audit)).all()[-1]
        notes = set(connection.execute(sa.select(tables.agencies.c.note)).scalars())
    assert (audit.what, audit.who) == ("reports.demo_year", f"cli:{getpass.getuser()}")
    assert audit.facts == {"year": "2025", "documents": "120", "agencies": "10", "seed": "1"}
    assert NOTE in notes  # whoever looks at the directory sees that these are invented


def test_on_an_empty_folder_it_makes_the_database_too(configured: Database, tmp_path: Path) -> None:
    (tmp_path / "hub.sqlite3").unlink()
    assert "INVENTED year 2025: 120 documents" in run(*SMALL, "--year", "2025").stdout
    assert "AGREES" in CliRunner().invoke(verify, []).output


def test_a_database_of_another_version_is_left_alone(configured: Database) -> None:
    with configured.writing() as transaction:
        transaction.execute(sa.text("UPDATE alembic_version SET version_num = 'older'"))
    with pytest.raises(Misconfigured):
        run(*SMALL)


def test_without_a_year_it_is_the_last_whole_one(configured: Database) -> None:
    assert f"INVENTED year {vietnam_day(utc_now()).year - 1}" in run(*SMALL).stdout


def test_a_database_with_documents_is_left_alone(configured: Database) -> None:
    run(*SMALL)
    with configured.reading() as connection:
        before = connection.execute(sa.select(sa.func.count()).select_from(tables.consignments)).scalar_one()
    with pytest.raises(IllegalTransition):
        run(*SMALL, "--seed", "2")
    with configured.reading() as connection:
        after = connection.execute(sa.select(sa.func.count()).select_from(tables.consignments)).scalar_one()
        audited = connection.execute(sa.select(tables.audit.c.what)).scalars().all()
    assert after == before
    assert audited.count("reports.demo_year") == 1


@pytest.mark.parametrize(
    "words", [("--agencies", "7"), ("--agencies", "1401"), ("--documents", "0"), ("--year", "1999")]
)
def test_what_cannot_be_is_refused(configured: Database, words: tuple[str, str]) -> None:
    assert run(*words).exit_code == 2
