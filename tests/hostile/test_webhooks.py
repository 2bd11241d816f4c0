"""T5, T6: webhooks that would lead the hub where it must not go, answers that would harm it, replayed notices."""

from __future__ import annotations

import json
import socket
from base64 import urlsafe_b64decode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from adapters.services import notices_webhook
from adapters.services.notices_webhook import NoticesWebhook
from hub.errors import NoticesUnavailable, ReceiptNotGenuine
from hub.signatures.detached import sign_notice
from hub.signatures.jws import verify_receipt
from hub.signatures.keys import create_hub_key
from tests.conformance.evidence_source import Server, gives, server  # noqa: F401
from tests.conformance.notice_carrier import NOTICE

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
SOMEWHERE_ELSE = ("hook.h41.gov.vn", "http://10.1.2.3:8080")


def refusal(carrier: NoticesWebhook, url: str) -> str:
    with pytest.raises(NoticesUnavailable) as told:
        carrier.send(replace(NOTICE, address=url))
    return str(told.value)


@pytest.fixture
def nobody_connects(monkeypatch):
    """Any connection or look-up is the end of the test."""

    def refuse(*_what: object, **_kinds: object) -> None:
        raise AssertionError("the hub tried to reach it")

    monkeypatch.setattr("socket.create_connection", refuse)
    monkeypatch.setattr(notices_webhook.socket, "getaddrinfo", refuse)


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:7f00:1]/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://0/",
        "https://localhost/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fe80::1]/",
        "https://10.0.0.1/",
        "http://hook.h41.gov.vn/",
        "https://10.1.2.3:8080/",
        "https://hook.h41.gov.vn:8443/",
        "https://hook.h41.gov.vn./",
        "https://hook.h41.gov.vn@127.0.0.1/",
        "https://127.0.0.1#@hook.h41.gov.vn/",
        "https://127.0.0.1\\@hook.h41.gov.vn/",
        "https://hook.h41.gov.vn\\.evil.example/",
        "https://hook.h41.gov.vn:443@127.0.0.1/",
        "https://user:secret@hook.h41.gov.vn/",
        "https://hook.h41.gov.vn\t.evil.example/",
        "https://hook.h41.gov.vn%2eevil.example/",
        "https://hook。h41.gov.vn/",
        "https://hook.h41.gov.vn/#x",
        "https://hook.h41.gov.vn/" + "a" * 2000,
        "file:///etc/passwd",
        "gopher://hook.h41.gov.vn/_x",
        "ftp://hook.h41.gov.vn/",
        "//hook.h41.gov.vn/",
        "hook.h41.gov.vn",
    ],
)
def test_t5_what_the_list_does_not_name_is_never_reached(nobody_connects, url):
    assert refusal(NoticesWebhook(SOMEWHERE_ELSE), url)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",  # noqa: S104 - an address to be refused
        "0.1.2.3",
        "169.254.169.254",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "::ffff:7f00:1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fe80::1%eth0",
        "ff02::1",
    ],
)
@pytest.mark.parametrize("together", [False, True])
def test_t5_a_named_host_that_leads_inside_is_not_reached(monkeypatch, address, together):
    entries = [("203.0.113.7", 443)] * together + [(address, 443)]

    def resolve(*_what: object, **_kinds: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", entry) for entry in entries]

    def connect(*_what: object, **_kinds: object) -> None:
        raise AssertionError("the hub tried to reach it")

    monkeypatch.setattr(notices_webhook.socket, "getaddrinfo", resolve)
    monkeypatch.setattr("socket.create_connection", connect)
    carrier = NoticesWebhook([*SOMEWHERE_ELSE, "127.0.0.1", "[::1]"])
    assert "no agency's system" in refusal(carrier, "https://hook.h41.gov.vn/")


def test_t5_a_redirect_is_not_followed(server):  # noqa: F811
    other = Server()
    try:
        server.answers["/"] = gives(b"", status=307, location=other.url("/inside"))
        url = f"http://127.0.0.1:{server.port}"
        allowed = [url, f"http://127.0.0.1:{other.port}"]
        assert "redirects are not followed" in refusal(NoticesWebhook(allowed, timeout_seconds=5), url)
        assert other.asked == []
        assert len(server.asked) == 1
    finally:
        other.close()


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("coding", ["identity", "gzip"])
def test_t5_a_response_bomb_is_not_read(server, status, coding):  # noqa: F811
    sent = [0]

    def bomb(request) -> None:
        request.send_response(status)
        request.send_header("content-encoding", coding)
        request.end_headers()
        for _ in range(4096):
            request.wfile.write(b"\x1f\x8b" * 32 * 1024)
            sent[0] += 64 * 1024

    server.answers["/"] = bomb
    url = f"http://127.0.0.1:{server.port}"
    carrier = NoticesWebhook([url], timeout_seconds=5)
    if status == 200:
        carrier.send(replace(NOTICE, address=url))
    else:
        assert len(refusal(carrier, url)) < 500
    assert sent[0] < 64 * 1024 * 1024, "no more than what the system's own buffers hold"


def test_t5_words_of_an_answer_stay_on_one_line(server):  # noqa: F811
    server.answers["/"] = gives(b"evil\r\n\x1b[31mred\x00\xff" * 100, status=400)
    url = f"http://127.0.0.1:{server.port}"
    words = refusal(NoticesWebhook([url], timeout_seconds=5), url)
    assert words.isprintable()
    assert len(words) < 500


def parts_of(signature: str) -> tuple[dict, dict, bytes, bytes]:
    """Header, claims, what was signed, and the signature in DER; by hand, as a receiver without our code does it."""
    header, claims, signed = signature.split(".")
    raw = urlsafe_b64decode(signed + "==")
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    said = [json.loads(urlsafe_b64decode(part + "==")) for part in (header, claims)]
    return said[0], said[1], f"{header}.{claims}".encode(), der


def test_t6_the_signature_covers_id_time_and_body(tmp_path):
    key = create_hub_key(tmp_path)
    public_key = key.certificates[0].public_key()
    body = NOTICE.body
    first = sign_notice(body, notice_id="n-1", at=AT, issuer="truc", key=key)
    again = sign_notice(body, notice_id="n-1", at=AT + timedelta(minutes=5), issuer="truc", key=key)
    header, claims, signed, der = parts_of(first)
    public_key.verify(der, signed, ec.ECDSA(hashes.SHA256()))
    assert header == {"alg": "ES256", "kid": key.kid, "typ": "notice+jws"}
    assert claims == {
        "iss": "truc",
        "jti": "n-1",
        "iat": int(AT.timestamp()),
        "sha256": sha256(body).hexdigest(),
    }
    later = parts_of(again)
    assert (later[1]["jti"], later[1]["iat"]) == ("n-1", claims["iat"] + 300), "the same notice, said at another time"
    with pytest.raises(InvalidSignature):
        public_key.verify(der, later[2], ec.ECDSA(hashes.SHA256()))


def test_t6_a_signed_notice_is_no_receipt(tmp_path):
    key = create_hub_key(tmp_path)
    signature = sign_notice(NOTICE.body, notice_id="n-1", at=AT, issuer="truc", key=key)
    with pytest.raises(ReceiptNotGenuine):
        verify_receipt(signature, trusted=key.certificates)
