"""Receipts: what the hub signed is believed, whatever else the header says is not (T7)."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jws as jose
from joserfc.jwk import ECKey

from hub.errors import Misconfigured, ReceiptNotGenuine
from hub.signatures import jws
from hub.signatures.keys import CERTIFICATE_FILE, KEY_FILE, HubKey, create_hub_key, load_hub_key

CLAIMS = {"event": "SubmissionAcceptance", "sha256": "ab" * 32, "agency": "Bộ A", "n": 1}


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> HubKey:
    return create_hub_key(tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> HubKey:
    return create_hub_key(tmp_path_factory.mktemp("other"))


def encoded(value: object) -> str:
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header_of(receipt: str) -> dict:
    return json.loads(decoded(receipt.split(".")[0]))


def forged(header: dict, key: HubKey) -> str:
    """A receipt with this header, correctly signed with this key."""
    registry = jose.JWSRegistry(algorithms=["ES256"], strict_check_header=False)
    registry.max_header_length = 1 << 16
    signing = ECKey.import_key(key.private_key)
    return jose.serialize_compact(header, jws.canonical_json(CLAIMS), signing, ["ES256"], registry)


def test_round_trip(key: HubKey, other: HubKey) -> None:
    receipt = jws.sign_receipt(CLAIMS, key)
    assert jws.verify_receipt(receipt, trusted=[*other.certificates, *key.certificates]) == CLAIMS
    header = header_of(receipt)
    assert (header["alg"], header["typ"], header["kid"]) == ("ES256", "receipt+jws", key.kid)
    assert header["x5c"] == [b64encode(key.certificates[0].public_bytes(Encoding.DER)).decode()]
    assert decoded(receipt.split(".")[1]) == jws.canonical_json(dict(reversed(CLAIMS.items())))


def test_forging_helper_makes_good_receipts(key: HubKey) -> None:
    header = header_of(jws.sign_receipt(CLAIMS, key))
    assert jws.verify_receipt(forged(header, key), trusted=key.certificates) == CLAIMS


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "ES384"},
        {"typ": "JWT"},
        {"kid": "../../key"},
        {"kid": None},
        {"x5c": []},
        {"x5c": "text"},
        {"jku": "https://attacker.example/keys"},
        {"x5u": "https://attacker.example/cert"},
        {"jwk": {"kty": "EC"}},
        {"crit": ["b64"], "b64": False},
    ],
    ids=str,
)
def test_other_headers_are_refused(key: HubKey, change: dict) -> None:
    head, claims, signature = jws.sign_receipt(CLAIMS, key).split(".")
    header = {**json.loads(decoded(head)), **change}
    with pytest.raises(ReceiptNotGenuine):
        jws.verify_receipt(f"{encoded(header)}.{claims}.{signature}", trusted=key.certificates)


def test_header_members_beyond_ours_are_refused_though_correctly_signed(key: HubKey) -> None:
    header = {**header_of(jws.sign_receipt(CLAIMS, key)), "jku": "https://attacker.example"}
    with pytest.raises(ReceiptNotGenuine, match="header"):
        jws.verify_receipt(forged(header, key), trusted=key.certificates)


def test_another_hub_is_not_this_hub(key: HubKey, other: HubKey) -> None:
    with pytest.raises(ReceiptNotGenuine, match="trusted"):
        jws.verify_receipt(jws.sign_receipt(CLAIMS, other), trusted=key.certificates)
    with pytest.raises(ReceiptNotGenuine, match="trusted"):
        jws.verify_receipt(jws.sign_receipt(CLAIMS, key), trusted=[])
    impostor = forged(header_of(jws.sign_receipt(CLAIMS, key)), other)
    with pytest.raises(ReceiptNotGenuine, match="does not fit"):
        jws.verify_receipt(impostor, trusted=key.certificates)
    two = {**header_of(jws.sign_receipt(CLAIMS, key)), "kid": other.kid}
    with pytest.raises(ReceiptNotGenuine, match="trusted"):
        jws.verify_receipt(forged(two, key), trusted=[*key.certificates, *other.certificates])


def test_hmac_with_the_certificate_as_secret_is_refused(key: HubKey) -> None:
    header = {**header_of(jws.sign_receipt(CLAIMS, key)), "alg": "HS256"}
    body = f"{encoded(header)}.{encoded(jws.canonical_json(CLAIMS))}"
    secret = key.certificates[0].public_bytes(Encoding.PEM)
    tag = hmac.new(secret, body.encode(), "sha256").digest()
    with pytest.raises(ReceiptNotGenuine):
        jws.verify_receipt(f"{body}.{encoded(tag)}", trusted=key.certificates)


def test_every_changed_character_is_noticed(key: HubKey) -> None:
    receipt = jws.sign_receipt(CLAIMS, key)
    for position in range(0, len(receipt), 7):
        changed = "A" if receipt[position] != "A" else "B"
        spoilt = receipt[:position] + changed + receipt[position + 1 :]
        with pytest.raises(ReceiptNotGenuine):
            jws.verify_receipt(spoilt, trusted=key.certificates)


@pytest.mark.parametrize("text", ["", "a.b", "a.b.c", "a.b.c.d", "..", "é.é.é", "e30.e30.", "=.=.=", "x" * 70000])
def test_rubbish_is_refused(key: HubKey, text: str) -> None:
    with pytest.raises(ReceiptNotGenuine):
        jws.verify_receipt(text, trusted=key.certificates)


def test_repeated_members_are_refused(key: HubKey) -> None:
    head, claims, signature = jws.sign_receipt(CLAIMS, key).split(".")
    doubled = decoded(head).replace(b"{", b'{"alg":"none",', 1)
    with pytest.raises(ReceiptNotGenuine):
        jws.verify_receipt(f"{encoded(doubled)}.{claims}.{signature}", trusted=key.certificates)


def test_key_files_are_private_and_never_overwritten(tmp_path: Path) -> None:
    created = create_hub_key(tmp_path / "new")
    paths = [tmp_path / "new" / KEY_FILE, tmp_path / "new" / CERTIFICATE_FILE]
    assert [path.stat().st_mode & 0o777 for path in paths] == [0o600, 0o600]
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(path.name for path in paths)
    loaded = load_hub_key(*paths)
    assert (loaded.kid, loaded.certificates) == (created.kid, created.certificates)
    with pytest.raises(Misconfigured, match="never overwritten"):
        create_hub_key(tmp_path / "new")


def test_half_made_key_is_completed(tmp_path: Path) -> None:
    first = create_hub_key(tmp_path)
    (tmp_path / CERTIFICATE_FILE).unlink()
    assert create_hub_key(tmp_path).kid == first.kid


def test_wrong_files_name_the_setting(tmp_path: Path, other: HubKey) -> None:
    create_hub_key(tmp_path)
    key_path, certificate_path = tmp_path / KEY_FILE, tmp_path / CERTIFICATE_FILE
    stranger = tmp_path / "stranger.pem"
    stranger.write_bytes(other.certificates[0].public_bytes(Encoding.PEM))
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("-----BEGIN RUBBISH-----")
    for pair, setting in (
        ((tmp_path / "none", certificate_path), "signing_key"),
        ((rubbish, certificate_path), "signing_key"),
        ((key_path, tmp_path / "none"), "signing_certificate"),
        ((key_path, rubbish), "signing_certificate"),
        ((key_path, stranger), "signing_certificate"),
    ):
        with pytest.raises(Misconfigured) as caught:
            load_hub_key(*pair)
        assert caught.value.setting == setting
