"""What every evidence source promises (hub.ports.EvidenceSource); an adapter's test inherits the suite.

A test class gives `make(self, tmp_path, server) -> EvidenceSource` that may ask `server` (tests.conformance's own
HTTP server on this machine) and no other host.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from hub.errors import EvidenceUnavailable
from hub.ports import EvidenceSource

CRL = b"0\x82\x01\x00 as far as a source knows, any bytes are a CRL"
Answering = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Answers on 127.0.0.1 as a test says; `asked` holds verb, path, headers and body of each request."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.answers: dict[str, Answering] = {}
        self.stopping = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
                try:
                    outer.answers[self.path](self)
                except OSError:
                    self.close_connection = True  # the client has gone, as some of the tests expect

            do_POST = do_GET

            def log_message(self, *_words: object) -> None:
                """Tests print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def speak_tls(self, certificate: Path, key: Path) -> None:
        """Each connection is wrapped in its own thread, so that a failed handshake harms no other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        plain = self._server.finish_request

        def wrapped(connection: socket.socket, client: object) -> None:
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    plain(secure, client)
            except OSError:
                return  # the client refused the certificate, as some of the tests expect

        self._server.finish_request = wrapped

    def close(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


def gives(body: bytes, *, status: int = 200, **headers: str) -> Answering:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        for name, value in {"content-length": str(len(body)), **headers}.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


@pytest.fixture
def server() -> Iterator[Server]:
    opened = Server()
    yield opened
    opened.close()


class EvidenceSourceConformance:
    """Inherit it and write `make`; import the fixture `server` beside it."""

    def make(self, tmp_path: Path, server: Server) -> EvidenceSource:
        raise NotImplementedError

    @pytest.fixture
    def source(self, tmp_path: Path, server: Server) -> EvidenceSource:
        return self.make(tmp_path, server)

    def test_a_crl_comes_as_it_is(self, source, server):
        server.answers["/ca.crl"] = gives(CRL, content_type="text/html; charset=utf-8")
        assert source.may_ask(server.url("/ca.crl"))
        assert source.fetch(server.url("/ca.crl")) == CRL
        assert [(verb, path) for verb, path, _, _ in server.asked] == [("GET", "/ca.crl")]

    def test_an_ocsp_question_is_posted_as_such(self, source, server):
        server.answers["/ocsp"] = gives(b"answer")
        assert source.fetch(server.url("/ocsp"), b"question") == b"answer"
        verb, _, headers, body = server.asked[0]
        assert (verb, body, headers["content-type"]) == ("POST", b"question", "application/ocsp-request")

    def test_asking_whether_one_may_opens_no_connection(self, source, server):
        assert source.may_ask(server.url("/x"))
        time.sleep(0.05)
        assert server.asked == []

    @pytest.mark.parametrize("status", [204, 301, 304, 403, 404, 500, 503])
    def test_only_a_whole_answer_is_evidence(self, source, server, status):
        server.answers["/x"] = gives(b"", status=status, location=server.url("/y"))
        server.answers["/y"] = gives(CRL)
        with pytest.raises(EvidenceUnavailable) as told:
            source.fetch(server.url("/x"))
        assert str(told.value)
        assert [path for _, path, _, _ in server.asked] == ["/x"], "a redirect is not followed"

    @pytest.mark.parametrize(
        "url",
        ["", "x", "http://", "ftp://127.0.0.1/x", "file:///etc/passwd", "gopher://127.0.0.1/", "http://[::1", "//x"],
    )
    def test_what_is_no_web_address_is_never_asked(self, source, url):
        """T5."""
        assert not source.may_ask(url)
        with pytest.raises(EvidenceUnavailable):
            source.fetch(url)

    def test_a_host_that_was_not_allowed_is_never_asked(self, source):
        """T5."""
        for url in ("http://crl.example.org/ca.crl", "http://169.254.169.254/latest/", "http://localhost/"):
            assert not source.may_ask(url)
            with pytest.raises(EvidenceUnavailable):
                source.fetch(url)

    def test_nobody_there_is_a_reason_not_a_crash(self, source, server):
        server.close()
        with pytest.raises(EvidenceUnavailable):
            source.fetch(server.url("/x"))

    def test_the_mirror_is_empty_without_a_folder(self, source):
        assert list(source.mirrored()) == []
