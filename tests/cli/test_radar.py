"""`hub radar`: plain words when nothing is stuck, counts and actors when something is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from hub.cli.radar import radar as command
from hub.errors import UnknownAgency
from hub.store import tables
from tests.support.scenes import Scene


@pytest.fixture
def country(tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A scene on the database that the command opens by its settings."""
    for name in ("HUB_DATABASE_URL", "HUB_BROKER_URL", "HUB_SETTINGS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path))
    (tmp_path / "hub.sqlite3").write_bytes(sqlite_template.read_bytes())
    opened = Scene(tmp_path)
    yield opened
    opened.close()


def run(*words: str) -> str:
    result = CliRunner().invoke(command, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0
    return result.output


def test_it_says_plainly_when_nothing_is_stuck(country: Scene) -> None:
    assert "Không có văn bản nào bị kẹt. / Nothing is stuck." in run()
    assert json.loads(run("--json"))["total"] == 0


def test_it_counts_names_the_cause_and_who_must_act(country: Scene) -> None:
    sent = country.accepted(to=("H41", "H14"))
    country.drain(only=("route",))
    with country.database.writing() as transaction:
        transaction.execute(sa.update(tables.deliveries).values(attempts=4, cause="quota"))
    shown = run()
    assert "stuck: 2" in shown
    assert "→ H41:" in shown
    assert sent.document_id in shown
    assert "1 dòng nữa" in run("--limit", "1")
    one = json.loads(run("--agency", "H14", "--json"))
    assert (one["total"], one["counts"], one["stuck"][0]["must_act"]) == (1, {"quota": 1}, "H14")
    assert one["stuck"][0]["fix"]["vi"]


def test_an_unknown_agency_is_named(country: Scene) -> None:
    with pytest.raises(UnknownAgency):
        run("--agency", "Z99")
