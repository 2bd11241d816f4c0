"""Notices by webhook, against a real HTTP server; hostile ones are in tests/hostile/test_webhooks.py."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import replace

import pytest

from adapters.services import notices_webhook
from adapters.services.notices_webhook import NoticesWebhook
from hub.errors import NoticesUnavailable
from tests.conformance.evidence_source import Server, gives, server  # noqa: F401
from tests.conformance.notice_carrier import NOTICE, NoticeCarrierConformance
from tests.support.mail_server import certificate


def place(server: Server, *, scheme: str = "http") -> str:  # noqa: F811
    return f"{scheme}://127.0.0.1:{server.port}"


def posting(server: Server, **more) -> NoticesWebhook:  # noqa: F811
    return NoticesWebhook([place(server)], **{"timeout_seconds": 5} | more)


def refusal(carrier: NoticesWebhook, url: str) -> str:
    with pytest.raises(NoticesUnavailable) as told:
        carrier.send(replace(NOTICE, address=url))
    return str(told.value)


class TestNoticesWebhook(NoticeCarrierConformance):
    @pytest.fixture
    def address(self, server):  # noqa: F811
        server.answers["/hook?to=h41"] = gives(b"thanks")
        return f"{place(server)}/hook?to=h41"

    @pytest.fixture
    def carrier(self, server):  # noqa: F811
        return posting(server)

    @pytest.fixture
    def taken(self, server):  # noqa: F811
        return lambda: [headers["x-hub-notice-id"] for _, _, headers, _ in server.asked]

    @pytest.fixture
    def away(self, server):  # noqa: F811
        return server.close


def test_what_the_other_side_gets(server):  # noqa: F811
    server.answers["/a/b?c=d%20e"] = gives(b"", status=204)
    posting(server).send(replace(NOTICE, address=f"{place(server)}/a/b?c=d%20e"))
    ((verb, path, headers, body),) = server.asked
    assert (verb, path, body) == ("POST", "/a/b?c=d%20e", NOTICE.body)
    assert headers["content-type"] == "application/json"
    assert headers["x-hub-signature"] == NOTICE.signature
    assert headers["host"] == f"127.0.0.1:{server.port}"
    assert not headers.keys() & {"cookie", "authorization"}


@pytest.mark.parametrize(("status", "words"), [(400, "400 no, thanks"), (404, "404"), (500, "500")])
def test_anything_but_2xx_is_tried_again(server, status, words):  # noqa: F811
    server.answers["/"] = gives(b"no,\nthanks", status=status)
    assert words in refusal(posting(server), place(server))


def test_over_tls_to_a_trusted_server(server, tmp_path, monkeypatch):  # noqa: F811
    chain, key = certificate(tmp_path)
    server.speak_tls(chain, key)
    server.answers["/"] = gives(b"")
    allowed = [f"127.0.0.1:{server.port}"]
    url = place(server, scheme="https")
    assert "certificate" in refusal(NoticesWebhook(allowed, timeout_seconds=5), url).lower()
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    NoticesWebhook(allowed, timeout_seconds=5).send(replace(NOTICE, address=url))
    assert len(server.asked) == 1


def test_a_name_is_resolved_once_and_its_address_is_used(server, monkeypatch):  # noqa: F811
    """T5: DNS rebinding; the private address stands for a system inside the government's network."""
    asked: list[str] = []

    def resolve(host, port, *_more, **_kinds):
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.9.8.7", port))]

    connected: list[tuple[str, int]] = []

    def connect(address, *_more, **_kinds):
        connected.append(address)
        raise ConnectionRefusedError("nobody")

    monkeypatch.setattr(notices_webhook.socket, "getaddrinfo", resolve)
    monkeypatch.setattr("socket.create_connection", connect)
    refusal(NoticesWebhook(["hook.h41.gov.vn"]), "https://hook.h41.gov.vn/x")
    assert asked == ["hook.h41.gov.vn"]
    assert connected == [("10.9.8.7", 443)]


def test_no_proxy_of_the_environment_is_used(server, monkeypatch):  # noqa: F811
    server.answers["/"] = gives(b"")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    posting(server).send(replace(NOTICE, address=place(server)))
    assert len(server.asked) == 1


def test_a_server_that_drips_is_not_waited_for():
    """Each byte comes in time, the answer never: the other notices must not wait for it."""
    stopping = threading.Event()

    def drip(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            while not stopping.wait(0.05):
                try:
                    connection.sendall(b"H")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=(listening,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        began = time.monotonic()
        try:
            assert refusal(NoticesWebhook([url], timeout_seconds=0.5), url)
        finally:
            stopping.set()
            thread.join(5)
    assert time.monotonic() - began < 5
