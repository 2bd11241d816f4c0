"""The hub's key: encrypted files, the change to a new key, and the receipts of the old one (E22)."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from hub.errors import Misconfigured, ReceiptNotGenuine
from hub.signatures import keys
from hub.signatures.anchors import Trust
from hub.signatures.jws import sign_receipt, verify_receipt
from hub.signatures.keys import (
    CERTIFICATE_FILE,
    KEY_FILE,
    NEXT_FOLDER,
    HubKey,
    create_hub_key,
    load_hub_key,
    roll_hub_key,
    trusted_of,
)

SECRET = "mật khẩu rất dài"


def paths(folder: Path) -> tuple[Path, Path]:
    return folder / KEY_FILE, folder / CERTIFICATE_FILE


def encrypted(folder: Path, form: serialization.PrivateFormat = serialization.PrivateFormat.PKCS8) -> HubKey:
    """A key whose file is encrypted with SECRET."""
    made = create_hub_key(folder)
    locked = serialization.BestAvailableEncryption(SECRET.encode())
    (folder / KEY_FILE).write_bytes(made.private_key.private_bytes(serialization.Encoding.PEM, form, locked))
    return made


@pytest.mark.parametrize("form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL])
def test_an_encrypted_key_opens_with_its_passphrase(tmp_path, form):
    made = encrypted(tmp_path, form)
    assert load_hub_key(*paths(tmp_path), SECRET).kid == made.kid


@pytest.mark.parametrize(
    ("passphrase", "words"), [("", "no passphrase is set"), ("wrong-guess", "does not open"), ("x" * 2000, "not open")]
)
def test_a_wrong_passphrase_is_said_and_never_shown(tmp_path, passphrase, words):
    encrypted(tmp_path)
    with pytest.raises(Misconfigured, match=words) as caught:
        load_hub_key(*paths(tmp_path), passphrase)
    assert caught.value.setting == "signing_key_passphrase"
    assert not passphrase or passphrase not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_passphrase_for_a_key_that_has_none_is_a_mistake(tmp_path):
    create_hub_key(tmp_path)
    with pytest.raises(Misconfigured, match="not encrypted") as caught:
        load_hub_key(*paths(tmp_path), SECRET)
    assert caught.value.setting == "signing_key_passphrase"


def test_e22_the_hub_key_is_rolled(tmp_path):
    """E22: a receipt of the old key verifies after the roll, one of a foreign key does not."""
    old = create_hub_key(tmp_path / "keys")
    foreign = create_hub_key(tmp_path / "foreign")
    new = roll_hub_key(tmp_path / "keys", tmp_path / "trust" / "hub")
    assert new.kid != old.kid
    assert load_hub_key(*paths(tmp_path / "keys")).kid == new.kid
    trusted = trusted_of(new, Trust.load(tmp_path / "trust"))
    assert trusted == (new.certificates[0], old.certificates[0])
    for signer in (old, new):
        assert verify_receipt(sign_receipt({"jti": "1"}, signer), trusted=trusted) == {"jti": "1"}
    with pytest.raises(ReceiptNotGenuine, match="trusted"):
        verify_receipt(sign_receipt({"jti": "1"}, foreign), trusted=trusted)
    with pytest.raises(ReceiptNotGenuine, match="trusted"):
        verify_receipt(sign_receipt({"jti": "1"}, old), trusted=new.certificates)


def test_every_old_certificate_stays(tmp_path):
    kids = [create_hub_key(tmp_path / "keys").kid]
    for _ in range(3):
        kids.append(roll_hub_key(tmp_path / "keys", tmp_path / "trust" / "hub").kid)
    assert len(set(kids)) == 4
    kept = {keys.kid_of(one) for one in Trust.load(tmp_path / "trust").hub}
    assert kept == set(kids[:-1])
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == sorted((KEY_FILE, CERTIFICATE_FILE))
    assert (tmp_path / "keys" / KEY_FILE).stat().st_mode & 0o777 == 0o600


class Crash(Exception):
    """The power fails."""


STEPS = 40  # more than a roll has


@pytest.mark.parametrize("call", ["replace", "link", "fsync", "unlink"])
def test_a_crash_at_any_step_is_completed_by_running_it_again(tmp_path, monkeypatch, call):
    """Before and after every change on the disk: never without a key, and the old certificate is always kept."""
    completed = 0
    for step in range(STEPS):
        folder, keep = tmp_path / str(step) / "keys", tmp_path / str(step) / "trust" / "hub"
        old = create_hub_key(folder)
        broken_off = _rolled_until(monkeypatch, call, step, folder, keep)
        private = serialization.load_pem_private_key((folder / KEY_FILE).read_bytes(), None)
        if private.public_key() == old.private_key.public_key():
            assert load_hub_key(*paths(folder)).kid == old.kid
        new = roll_hub_key(folder, keep) if broken_off else load_hub_key(*paths(folder))
        assert new.kid != old.kid
        assert old.certificates[0] in Trust.load(keep.parent).hub
        assert not (folder / NEXT_FOLDER).exists()
        completed += not broken_off
    assert 0 < completed < STEPS


def _rolled_until(monkeypatch, call: str, step: int, folder: Path, keep: Path) -> bool:
    """Rolls until the call fails, before (even steps) or after (odd) its work; False when the roll came to its end."""
    calls, real = itertools.count(), getattr(os, call)

    def failing(*given, **named):
        now = next(calls) == step // 2
        if now and step % 2 == 0:
            raise Crash
        done = real(*given, **named)
        if now:
            raise Crash
        return done

    with monkeypatch.context() as patched:
        patched.setattr(os, call, failing)
        try:
            roll_hub_key(folder, keep)
        except Crash:
            return True
    return False


def test_half_done_between_the_two_files_says_what_to_do(tmp_path, monkeypatch):
    create_hub_key(tmp_path)
    real, done = os.replace, []

    def once(*given):
        if done:
            raise Crash
        done.append(given)
        real(*given)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", once)
        with pytest.raises(Crash):
            roll_hub_key(tmp_path, tmp_path / "kept")
    with pytest.raises(Misconfigured, match="run `hub key roll` again"):
        load_hub_key(*paths(tmp_path))
    assert roll_hub_key(tmp_path, tmp_path / "kept").kid == load_hub_key(*paths(tmp_path)).kid


def test_there_is_nothing_to_roll(tmp_path):
    with pytest.raises(Misconfigured) as caught:
        roll_hub_key(tmp_path / "none", tmp_path / "kept")
    assert caught.value.setting == "signing_key"


def test_a_folder_that_cannot_be_written_leaves_the_old_key(tmp_path):
    old = create_hub_key(tmp_path / "keys")
    (tmp_path / "kept").write_text("a file where the folder should be")
    with pytest.raises(Misconfigured, match="run this again"):
        roll_hub_key(tmp_path / "keys", tmp_path / "kept")
    assert load_hub_key(*paths(tmp_path / "keys")).kid == old.kid
