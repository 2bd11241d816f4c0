"""`hub reports verify`: it agrees, it names what differs, it mends when asked, and it knows what only waits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from hub.cli.verification import verify as command
from hub.stations import tally
from hub.store import report_tables, tables
from tests.support.scenes import Scene


@pytest.fixture
def country(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A scene with two documents in inboxes, on the database that the command opens by its settings."""
    for name in ("HUB_DATABASE_URL", "HUB_BROKER_URL", "HUB_SETTINGS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path))
    (tmp_path / "hub.sqlite3").write_bytes(sqlite_template.read_bytes())
    opened = Scene(tmp_path)
    for number in (1, 2):
        opened.accepted(number)
    opened.drain()
    yield opened
    opened.close()


def run(*words: str) -> Result:
    result = CliRunner().invoke(command, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def change(country: Scene, statement: sa.Executable) -> None:
    with country.database.writing() as transaction:
        transaction.execute(statement)


def test_it_agrees_with_what_the_tally_added_up(country: Scene) -> None:
    told = run()
    assert (told.exit_code, "AGREES" in told.output) == (0, True)


def test_a_changed_tally_is_named_and_mended_only_when_asked(country: Scene) -> None:
    right = country.counts()
    wrong = sa.update(report_tables.tallies).where(report_tables.tallies.c.direction == "sent")
    change(country, wrong.values(documents=7))
    told = run()
    assert told.exit_code == 1
    assert "DIFFERENCES: 8 rows" in told.output  # day, month, quarter, year; of the agency and of all agencies
    assert "tallies day" in told.output
    assert country.counts() != right
    mended = run("--mend")
    assert mended.exit_code == 0
    assert "AGREES" in mended.output
    assert country.counts() == right
    with country.database.reading() as connection:
        assert connection.execute(sa.select(tables.audit.c.what)).scalars().all()[-1] == "reports.counted_anew"


@pytest.mark.parametrize("what", ["gone", "changed", "more"])
def test_a_counted_row_that_is_not_what_happened_is_named(country: Scene, what: str) -> None:
    rows = report_tables.counted
    sent = sa.and_(rows.c.direction == "sent")
    if what == "gone":
        change(country, sa.delete(rows).where(sent))
    elif what == "changed":
        change(country, sa.update(rows).where(sent).values(left_at=rows.c.known_at))
    else:
        with country.database.reading() as connection:
            one = dict(connection.execute(sa.select(rows).where(sent).limit(1)).one()._mapping)
        change(country, sa.insert(rows).values(one | {"subject_id": "nobody"}))
    told = run()
    assert told.exit_code == 1
    assert "counted" in told.output


def test_what_only_waits_is_no_difference(country: Scene) -> None:
    country.accepted(3)
    told = run()
    assert told.exit_code == 0
    assert "1 rows wait" in told.output
    tally.run("backlog", country.hub)
    assert "wait" not in run().output
