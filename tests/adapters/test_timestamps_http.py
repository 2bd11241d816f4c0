"""The timestamp authority over HTTP: a real one, and servers that are slow, wrong, large or somewhere else."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from adapters.services import timestamps_http
from adapters.services.timestamps_http import TimestampsHttp
from hub.demo.tsa import DemoTsa
from hub.errors import Misconfigured
from tests.conformance.timestamp_authority import authority, conforms, refuses

REPLY = "application/timestamp-reply"


@contextmanager
def adapter(url: str, timeout_seconds: float = 5.0) -> Iterator[TimestampsHttp]:
    opened = TimestampsHttp(url, timeout_seconds)
    yield opened
    opened.close()


@contextmanager
def server(respond) -> Iterator[str]:
    """A server on a free port that answers every POST by `respond(handler)`; yields its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            respond(self)

        def log_message(self, *_):
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{running.server_address[1]}/"
    running.shutdown()
    running.server_close()


def answering(status: int = 200, media_type: str = REPLY, body: bytes = b"x", **headers: str):
    def respond(handler):
        handler.send_response(status)
        if media_type:
            handler.send_header("Content-Type", media_type)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return respond


def test_it_conforms():
    with DemoTsa(authority()) as tsa, adapter(tsa.url) as asked:
        conforms(asked)
    assert tsa.answered == 2


def test_the_request_is_sent_as_the_standard_says():
    seen = {}

    def respond(handler):
        seen.update(handler.headers)
        answering()(handler)

    with server(respond) as url, adapter(url) as asked:
        assert asked.stamp(b"request") == b"x"
    assert seen["Content-Type"] == "application/timestamp-query"
    assert "gzip" not in seen["Accept-Encoding"]


@pytest.mark.parametrize(
    ("respond", "words"),
    [
        (answering(500), "HTTP 500"),
        (answering(302, Location="http://127.0.0.1:1/"), "HTTP 302"),
        (answering(media_type="text/html"), "text/html"),
        (answering(media_type=""), "no content type"),
        (answering(body=b"x" * (timestamps_http.MOST_BYTES + 1)), "more than"),
        (lambda handler: handler.wfile.write(b"rubbish\r\n\r\n"), "could not be asked"),
        (lambda handler: handler.connection.close(), "could not be asked"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(respond, words):
    with server(respond) as url, adapter(url) as asked:
        refuses(asked, words)


def test_a_media_type_with_parameters_is_the_same_type():
    with server(answering(media_type="Application/Timestamp-Reply; x=1")) as url, adapter(url) as asked:
        assert asked.stamp(b"request") == b"x"


def test_nobody_is_there():
    with adapter("http://127.0.0.1:1/") as asked:
        refuses(asked, "could not be asked")


def test_a_server_that_says_nothing():
    with server(lambda handler: time.sleep(1)) as url, adapter(url, 0.2) as asked:
        refuses(asked, "could not be asked")


def test_a_server_that_drips():
    """Every single wait is short, and the whole would take for ever."""

    def drip(handler):
        answering(body=b"")(handler)
        for _ in range(40):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.05)

    began = time.monotonic()
    with server(lambda handler: _until_gone(drip, handler)) as url, adapter(url, 0.3) as asked:
        refuses(asked, "not complete")
    assert time.monotonic() - began < 10


def _until_gone(work, handler):
    try:
        work(handler)
    except OSError:
        return


def test_proxies_of_the_environment_are_not_obeyed(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with DemoTsa(authority()) as tsa, adapter(tsa.url) as asked:
        conforms(asked)


@pytest.mark.parametrize("url", ["", "ftp://tsa.example/", "tsa.example", "http://", "file:///etc/passwd"])
def test_an_address_that_is_none_names_the_setting(url):
    with pytest.raises(Misconfigured) as caught:
        TimestampsHttp(url)
    assert caught.value.setting == "timestamp_url"
