"""`hub content`: the exact bytes, for a stated reason that is on record before the first byte is out."""

from __future__ import annotations

import getpass
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from hub import wiring
from hub.cli.content import content
from hub.errors import NoSuchThing, PayloadsUnavailable, StoreUnavailable
from hub.store import heartbeats, tables
from tests.support.scenes import Scene, document, secret, signed

WHY = "Giải quyết khiếu nại số 15"


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """SQLite is enough: what differs between the databases is tested with the stores."""
    (tmp_path / "data").mkdir()
    shutil.copy(sqlite_template, tmp_path / "data" / "hub.sqlite3")
    return f"sqlite:///{tmp_path / 'data' / 'hub.sqlite3'}"


@pytest.fixture
def opened(scene: Scene, monkeypatch) -> Iterator[Scene]:
    """The commands open the hub of the scene, and leave it open."""
    with monkeypatch.context() as patched:
        patched.setattr(wiring, "open_hub", lambda settings: scene.hub)
        patched.setattr(type(scene.hub), "close", lambda self: None)
        yield scene


def run(*words: str) -> Result:
    return CliRunner().invoke(content, list(words))


def audited(scene: Scene) -> list[tuple[str, str, dict]]:
    with scene.database.reading() as connection:
        return [(row.who, row.what, row.facts) for row in connection.execute(sa.select(tables.audit))]


def test_the_exact_bytes_for_their_owner_alone_and_who_why_and_what_on_record(opened, tmp_path):
    body = signed(document(1))
    kept = opened.post(body).consignment
    out = tmp_path / "mot.edxml"
    ran = run(kept.id.upper(), "--reason", f"  {WHY}\n", "--out", str(out))
    assert (ran.exit_code, ran.output.strip()) == (0, str(out))
    assert out.read_bytes() == body
    assert out.stat().st_mode & 0o777 == 0o600
    facts = {"consignment": kept.id, "sha256": kept.sha256, "reason": WHY, "form": "envelope"}
    assert audited(opened) == [(f"cli:{getpass.getuser()}", "content.opened", facts)]


def test_without_a_reason_that_says_something_nothing_is_opened(opened, tmp_path):
    kept = opened.accepted()
    for why in (None, "", "kiểm tra", " " * 40, "a" * 501, "Lý do \x1b[2J rất dài"):
        ran = run(kept.id, *(("--reason", why) if why is not None else ()), "--out", str(tmp_path / "x"))
        assert (ran.exit_code, "--reason" in ran.output) == (2, True), why
    assert not (tmp_path / "x").exists()
    assert audited(opened) == []


def test_a_file_is_never_overwritten_and_that_try_opens_nothing(opened, tmp_path):
    kept = opened.accepted()
    (tmp_path / "x").write_text("của người khác")
    ran = run(kept.id, "--reason", WHY, "--out", str(tmp_path / "x"))
    assert (ran.exit_code, (tmp_path / "x").read_text()) == (1, "của người khác")
    assert "exists already" in ran.output
    assert audited(opened) == []


def test_a_file_that_appears_meanwhile_stays(opened, tmp_path, monkeypatch):
    kept = opened.accepted()

    def first(source: str, wanted: str) -> None:
        open(wanted, "x").close()
        raise FileExistsError

    monkeypatch.setattr(os, "link", first)
    ran = run(kept.id, "--reason", WHY, "--out", str(tmp_path / "x"))
    assert (ran.exit_code, (tmp_path / "x").read_bytes()) == (1, b"")


def test_the_record_comes_before_the_bytes(opened, tmp_path, monkeypatch):
    kept = opened.accepted()

    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(heartbeats, "audited", away)
    ran = run(kept.id, "--reason", WHY, "--out", str(tmp_path / "x"))
    assert isinstance(ran.exception, StoreUnavailable)
    assert not (tmp_path / "x").exists()


def test_changed_bytes_are_not_passed_off_as_the_envelope(opened, tmp_path):
    kept = opened.accepted()
    place = opened.hub.payloads.place(kept.sha256)
    place.chmod(0o600)
    place.write_bytes(place.read_bytes()[:-1])
    ran = run(kept.id, "--reason", WHY, "--out", str(tmp_path / "x"))
    assert isinstance(ran.exception, PayloadsUnavailable)
    assert not (tmp_path / "x").exists()


def test_an_unknown_one_and_a_secret_one(opened, tmp_path):
    ran = run("00000000-0000-7000-8000-00000000dead", "--reason", WHY, "--out", str(tmp_path / "x"))
    assert isinstance(ran.exception, NoSuchThing)
    marked = opened.post(secret(document(1), "Mật")).consignment
    ran = run(marked.id, "--reason", WHY, "--out", str(tmp_path / "x"))
    assert (ran.exit_code, "was not kept" in ran.output) == (1, True)
    assert audited(opened) == []


def test_a_folder_that_is_not_there_is_named(opened, tmp_path):
    ran = run(opened.accepted().id, "--reason", WHY, "--out", str(tmp_path / "no" / "x"))
    assert (ran.exit_code, "cannot be written" in ran.output) == (1, True)
