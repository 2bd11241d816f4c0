"""`hub groups`: four ways to say who is meant, what a group means today, every change audited."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from hub.cli.groups import groups as command
from hub.errors import IllegalTransition, Misconfigured, NoSuchThing, UnknownAgency
from hub.store import agencies, schema, tables
from hub.store.engine import Database
from tests.support.scenes import people


@pytest.fixture
def database(tmp_path: Path, monkeypatch) -> Iterator[Database]:
    """A migrated hub with the cast, as the commands find it in the environment."""
    for name in ("HUB_DATABASE_URL", "HUB_BROKER_URL", "HUB_SETTINGS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "data"))
    opened = Database(f"sqlite:///{tmp_path / 'data' / 'hub.sqlite3'}")
    schema.upgrade(opened)
    people(opened)
    yield opened
    opened.close()


def run(*words: str) -> Result:
    result = CliRunner().invoke(command, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def audited(database: Database) -> list[tuple[str, dict]]:
    with database.reading() as connection:
        return [(row.what, row.facts) for row in connection.execute(sa.select(tables.audit))]


def shown(code: str) -> list[str]:
    """The codes that `show` lists."""
    return [line.split()[0] for line in run("show", code).output.splitlines() if line.startswith("  ")]


def test_all_provinces_today(database):
    assert "2 đơn vị hôm nay" in run("add", "TINH", "UBND các tỉnh", "--level-one", "h").output
    assert shown("tinh") == ["H14", "H41"]
    assert "Ủy ban nhân dân tỉnh Mẫu" in run("show", "TINH").output
    assert run("list").output.split()[:3] == ["TINH", "level_one", "H"]


def test_all_below_and_listed_ones_by_alias_and_successor(database):
    run("add", "BO-CHA", "Đơn vị của Bộ", "--below", "G30")
    assert shown("BO-CHA") == ["G30.1"]
    run("add", "TO", "Tổ", "--members", " 000.00.00.h41, H99,,G77 ")
    assert shown("TO") == ["G77", "H14", "H41"]


def test_five_thousand_from_a_file(database, tmp_path):
    now = datetime.now(UTC)
    with database.writing() as transaction:
        row = {"name": "x", "status": "open", "changed_at": now}
        rows = [{"code_key": f"P{n:04}", "code": f"P{n:04}", **row} for n in range(5000)]
        transaction.execute(sa.insert(tables.agencies), rows)
    file = tmp_path / "list.txt"
    file.write_text("\ufeff" + "".join(f"P{n:04}\r\n\r\n" for n in range(5000)), "utf-8")
    assert "5000 đơn vị hôm nay" in run("add", "MOI-XA", "Mọi xã", "--members-file", str(file)).output
    assert len(shown("MOI-XA")) == 5000


def test_changes_are_audited_with_who_is_meant(database):
    run("add", "TINH", "UBND", "--level-one", "H")
    run("add", "TINH", "UBND", "--members", "H41,H14")
    assert "Đã bỏ / removed" in run("remove", "tinh").output
    assert audited(database) == [
        ("groups.added", {"group": "TINH", "kind": "level_one", "of": "H", "members": "0"}),
        ("groups.changed", {"group": "TINH", "kind": "members", "of": "", "members": "2"}),
        ("groups.removed", {"group": "TINH"}),
    ]
    for what in ("show", "remove"):
        with pytest.raises(NoSuchThing):
            run(what, "TINH")


@pytest.mark.parametrize("ways", [[], ["--below", "G30", "--level-one", "H"], ["--members", "G30", "--below", "G30"]])
def test_exactly_one_way_is_said(database, ways):
    ran = run("add", "TINH", "x", *ways)
    assert (ran.exit_code, "exactly one" in ran.output) == (2, True)


def test_what_is_refused_leaves_no_trace(database, tmp_path):
    wrong = tmp_path / "utf16.txt"
    wrong.write_bytes("H41\n".encode("utf-16"))
    for error, words in (
        (IllegalTransition, ("H41", "x", "--level-one", "H")),
        (UnknownAgency, ("TO", "x", "--members", "H41,NOBODY")),
        (Misconfigured, ("TO", "x", "--members-file", str(wrong))),
    ):
        with pytest.raises(error):
            run("add", *words)
    assert run("list").output == ""
    assert audited(database) == []
    with database.reading() as connection:
        assert agencies.require(connection, "H41").code == "H41"
