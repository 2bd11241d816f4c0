"""`hub doctor` and `hub db`: what is wrong, what to do, and a number that scripts can use."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from click.testing import CliRunner

from hub.cli import doctor as room
from hub.cli.db import db
from hub.cli.doctor import diagnose, doctor
from hub.domain.periods import PeriodKind, vietnam_day
from hub.domain.rules import pack_on
from hub.domain.schedules import Schedule, Wish
from hub.domain.scopes import Scope, ScopeKind
from hub.errors import PayloadsUnavailable
from hub.processes import reporting
from hub.processes.loop import Heartbeat
from hub.settings import load
from hub.stations import new_id
from hub.store import schedules, schema
from hub.store.engine import Database
from tests.support.scenes import Scene


@pytest.fixture
def scene(tmp_path, sqlite_template):
    data = tmp_path / "data"
    data.mkdir()
    (data / "hub.sqlite3").write_bytes(sqlite_template.read_bytes())
    opened = Scene(data)
    yield opened
    opened.close()


def answers(scene, **settings):
    overrides = {"data_dir": str(scene.folder), "trust_dir": str(scene.folder / "trust")}
    found = list(diagnose(load({}, overrides=overrides | settings)))
    assert all(answer.advice for answer in found if not answer.fine), found
    return {answer.question.split(" / ")[-1]: answer for answer in found}


def test_a_healthy_hub_is_told_so(scene):
    for name in ("relay", "clock"):
        Heartbeat(scene.hub, name).beat({})
    found = answers(scene, min_free_bytes="0")
    assert all(answer.fine for answer in found.values()), found


def test_silent_processes_are_named(scene):
    found = answers(scene)
    assert not found["process relay"].fine
    assert "hub serve" in found["process relay"].advice


def test_a_process_that_was_silent_for_an_hour(scene):
    scene.clock.ahead = timedelta(hours=-1)
    Heartbeat(scene.hub, "relay").beat({})
    assert not answers(scene)["process relay"].fine


def test_missing_roots_and_a_full_disk(scene):
    found = answers(scene, trust_dir=str(scene.folder / "nothing"), min_free_bytes=str(2**60))
    assert not found["trusted roots"].fine
    assert not found["payload store"].fine


def test_documents_that_nobody_routes_or_delivers(scene):
    scene.clock.ahead = timedelta(hours=-1)
    scene.accepted(1)
    scene.accepted(2)
    scene.drain(only=("route",))
    scene.accepted(3)
    found = answers(scene)
    assert (found["accepted but not routed"].fine, found["accepted but not routed"].seen) == (False, "1")
    assert (found["deliveries overdue"].fine, found["deliveries overdue"].seen) == (False, "4")


def test_a_report_that_is_not_there_and_a_mail_that_nobody_took(scene):
    begun = scene.hub.now() - timedelta(days=2)
    wish = Wish(Scope(ScopeKind.HUB), ("csv",))
    one = Schedule(new_id(), "volumes", wish, PeriodKind.DAY, ("a@b.vn",), begun, vietnam_day(begun))
    with scene.database.writing() as transaction:
        schedules.add(transaction, one)
    assert not answers(scene)["scheduled reports overdue"].fine
    while reporting.make_tick(scene.hub):  # without a mail server
        continue
    found = answers(scene)
    assert found["scheduled reports overdue"].fine
    assert not found["mails with reports"].fine
    assert "0 lỗi / failing" in found["mails with reports"].seen
    assert "kept MÃ --mail" in found["mails with reports"].advice


def test_an_old_schema_and_a_lost_database(tmp_path):
    (old,) = diagnose(load({}, overrides={"data_dir": str(tmp_path / "new")}))
    assert (old.fine, old.advice) == (False, "Chạy / run: hub db upgrade")
    away = "postgresql://nobody:x@127.0.0.1:1/none"
    (lost,) = diagnose(load({}, overrides={"data_dir": str(tmp_path), "database_url": away}))
    assert not lost.fine


def test_one_broken_part_does_not_hide_the_others(scene, monkeypatch):
    def broken(_self):
        raise PayloadsUnavailable("the folder is gone")

    monkeypatch.setattr("adapters.services.payloads_disk.PayloadsDisk.free_bytes", broken)
    monkeypatch.setattr(room, "pack_on", lambda _day: pack_on(scene.hub.now().date().replace(year=2000)))
    found = answers(scene)
    assert not found["payload store"].fine
    assert not found["rule pack"].fine
    assert found["work owed to stations"].fine


def test_a_broker_that_is_away_is_told(scene, monkeypatch):
    monkeypatch.setattr(room, "BROKER_WAIT_SECONDS", 0.2)
    own = scene.folder / "keys"
    files = {name: str(next(own.glob(pattern))) for name, pattern in KEY_FILES.items()}
    found = answers(scene, broker_url="amqp://nobody:x@127.0.0.1:1/", **files)
    assert not found["RabbitMQ"].fine
    assert {"process router", "process deliverer", "process tallier"} <= set(found)


def test_the_command_ends_with_a_number(scene, monkeypatch):
    monkeypatch.setenv("HUB_DATA_DIR", str(scene.folder))
    result = CliRunner().invoke(doctor, ["--json"])
    assert result.exit_code == 1
    assert any(not answer["fine"] for answer in json.loads(result.stdout))
    plain = CliRunner().invoke(doctor, [])
    assert "✗" in plain.output
    assert "→" in plain.output


def test_db_upgrade_says_what_it_did(tmp_path, monkeypatch):
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path))
    first, again = (CliRunner().invoke(db, ["upgrade"]) for _ in range(2))
    assert schema.newest() in first.output
    assert "the schema is current" in again.output
    database = Database(f"sqlite:///{tmp_path / 'hub.sqlite3'}")
    assert schema.version(database) == schema.newest()
    database.close()


KEY_FILES = {"signing_key": "*key*", "signing_certificate": "*cert*"}
