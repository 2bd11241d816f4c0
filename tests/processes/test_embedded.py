"""The embedded hub's threads, and the applications that gunicorn loads."""

from __future__ import annotations

import json
import logging
import threading
import time

import pytest
import structlog

from hub.errors import Misconfigured
from hub.processes import api, logs
from hub.processes.embedded import Embedded
from tests.support.scenes import Scene, document, signed


@pytest.fixture
def own_scene(tmp_path, sqlite_template):
    data = tmp_path / "data"
    data.mkdir()
    (data / "hub.sqlite3").write_bytes(sqlite_template.read_bytes())
    opened = Scene(data)
    yield opened
    opened.close()


@pytest.fixture
def logging_as_before():
    """What `logs.configure` changes for the whole process is put back."""
    root = logging.getLogger()
    handlers, level, before = root.handlers[:], root.level, structlog.get_config()
    yield
    root.handlers[:], root.level = handlers, level
    structlog.configure(**before)


def test_a_document_is_worked_off_and_the_stop_ends_all_threads(own_scene):
    before = set(threading.enumerate())
    embedded = Embedded(own_scene.hub)
    embedded.start()
    sent = own_scene.post(signed(document(1))).consignment
    until = time.monotonic() + 60
    while len(own_scene.inbox("H41")) + len(own_scene.inbox("H14")) < 2 and time.monotonic() < until:
        time.sleep(0.02)
    assert {d.state for d in own_scene.deliveries(sent.id).values()} == {"in_hand"}
    embedded.stop()
    assert set(threading.enumerate()) <= before


def test_the_api_does_not_start_on_an_old_schema(tmp_path, monkeypatch, logging_as_before):
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("HUB_DATABASE_URL", raising=False)
    with pytest.raises(Misconfigured, match="db upgrade"):
        api.application()


def test_the_api_starts_on_a_current_one(own_scene, monkeypatch, logging_as_before):
    monkeypatch.setenv("HUB_DATA_DIR", str(own_scene.folder))
    monkeypatch.delenv("HUB_DATABASE_URL", raising=False)
    assert callable(api.application())


def test_log_lines_for_machines_are_json_with_fields(capsys, logging_as_before):
    logs.configure("json")
    structlog.get_logger().info("document_was_seen", consignment="c-1")
    logging.getLogger("pika").info("not shown")
    logging.getLogger("other").warning("a library speaks")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["document_was_seen", "a library speaks"]
    assert lines[0]["consignment"] == "c-1"
    assert lines[0]["timestamp"].endswith("Z")


def test_log_lines_for_people_are_plain(capsys, logging_as_before):
    logs.configure("console")
    structlog.get_logger().info("document_was_seen", consignment="c-1")
    assert "document_was_seen" in capsys.readouterr().err
