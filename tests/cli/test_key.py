"""`hub key`: what is shown, what is changed, and what is only explained."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from hub import wiring
from hub.cli.key import key
from hub.settings import load
from hub.signatures.anchors import Trust
from hub.signatures.keys import CERTIFICATE_FILE, KEY_FILE, create_hub_key

SETTINGS = ("HUB_DATA_DIR", "HUB_TRUST_DIR", "HUB_SIGNING_KEY", "HUB_SIGNING_CERTIFICATE", "HUB_BROKER_URL")


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """The data folder of an embedded hub that was started once."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path))
    wiring.make_hub_key(load())
    return tmp_path


def test_the_key_is_shown_and_its_secret_is_not(data):
    shown = CliRunner().invoke(key, ["show"])
    assert shown.exit_code == 0, shown.output
    assert wiring.hub_key(load()).kid in shown.output
    assert str(data / "keys" / KEY_FILE) in shown.output
    assert "ngày / days" in shown.output
    assert "PRIVATE" not in shown.output


def test_the_key_is_changed_and_the_old_one_is_still_named(data):
    old = wiring.hub_key(load())
    rolled = CliRunner().invoke(key, ["roll"])
    assert rolled.exit_code == 0, rolled.output
    new = wiring.hub_key(load())
    assert new.kid != old.kid
    assert Trust.load(data / "trust").hub == (old.certificates[0],)
    shown = CliRunner().invoke(key, ["show"])
    assert f"kid: {new.kid}" in shown.output
    assert f"still trusted: {old.kid}" in shown.output


def test_a_configured_key_is_not_touched(data, monkeypatch):
    own = create_hub_key(data / "own")
    monkeypatch.setenv("HUB_SIGNING_KEY", str(data / "own" / KEY_FILE))
    monkeypatch.setenv("HUB_SIGNING_CERTIFICATE", str(data / "own" / CERTIFICATE_FILE))
    before = {path: path.read_bytes() for path in sorted(data.rglob("*.pem"))}
    told = CliRunner().invoke(key, ["roll"])
    assert told.exit_code == 1
    assert "HUB_SIGNING_CERTIFICATE" in told.output
    assert {path: path.read_bytes() for path in sorted(data.rglob("*.pem"))} == before
    assert own.kid in CliRunner().invoke(key, ["show"]).output
