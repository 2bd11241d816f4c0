"""What only a real server shows: clients that hang up, bodies that never end, limits before reading."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import sqlalchemy as sa

from hub.settings import MIB
from hub.stations import Hub
from hub.store.tables import consignments
from tests.support import envelopes as raw
from tests.support import hubs
from tests.support.private_server import PrivateServer
from tests.support.scenes import document, signed

PROJECT = Path(__file__).resolve().parents[2]
LIMIT = 2 * MIB


class PrivateGunicorn(PrivateServer):
    """The API as it is started in production, over an embedded hub's folder."""

    kind = "gunicorn"
    stop_signal = signal.SIGTERM
    death_signal = "TERM"

    def __init__(self, data: Path) -> None:
        super().__init__(data.parent / "server")
        self._data = data

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _prepare(self) -> None:
        return

    def _command(self) -> tuple[list[str], dict[str, str]]:
        settings = {
            "HUB_DATA_DIR": str(self._data),
            "HUB_TRUST_DIR": str(self._data / "trust"),
            "HUB_LISTEN": f"127.0.0.1:{self.port}",
            "HUB_WEB_WORKERS": "1",
            "HUB_WEB_THREADS": "8",
            "HUB_MAX_ENVELOPE_BYTES": str(LIMIT),
            "HUB_MIN_FREE_BYTES": "0",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
        configuration = str(PROJECT / "docker" / "gunicorn.conf.py")
        command = [sys.executable, "-m", "gunicorn", "-c", configuration, "hub.processes.api:application()"]
        return command, kept | settings | {"PYTHONPATH": str(PROJECT)}

    def _answers(self) -> bool:
        try:
            return urllib.request.urlopen(f"{self.url}/readyz", timeout=10).status == 200
        except OSError:
            return False


class Served:
    """The server, its hub's folder as a second process sees it, and raw sockets to it."""

    def __init__(self, server: PrivateGunicorn, hub: Hub, keys: Mapping[str, str]) -> None:
        self.server, self.hub, self.keys = server, hub, keys

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), timeout=60)

    def head(self, *fields: str) -> bytes:
        lines = (
            "POST /api/v1/consignments HTTP/1.1",
            "Host: hub",
            f"Authorization: Bearer {self.keys['G22']}",
            "Content-Type: application/xml",
            *fields,
        )
        return "\r\n".join(lines).encode() + b"\r\n\r\n"

    def kept(self) -> tuple[int, list[str]]:
        """Rows, and every file under the payload store and the spool folder."""
        with self.hub.database.reading() as connection:
            rows = connection.execute(sa.select(sa.func.count()).select_from(consignments)).scalar_one()
        folders = ("payloads", "spool")
        files = [p.name for folder in folders for p in (self.hub.settings.data_dir / folder).rglob("*") if p.is_file()]
        return rows, sorted(files)

    def waits_for_a_draft(self) -> None:
        self._until(lambda: any((self.hub.settings.data_dir / "payloads" / "drafts").iterdir()))

    def settles_at(self, expected: tuple[int, list[str]]) -> None:
        self._until(lambda: self.kept() == expected)
        assert self.kept() == expected

    def _until(self, is_true) -> None:
        until = time.monotonic() + 60
        while not is_true() and time.monotonic() < until:
            time.sleep(0.02)
        assert is_true()


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    data = tmp_path_factory.mktemp("served") / "hub"
    hub = hubs.make_hub(data)
    keys = hubs.make_keys(hub)
    with PrivateGunicorn(data) as server:
        yield Served(server, hub, keys)
    hub.close()


def answer_of(connection: socket.socket) -> tuple[int, dict]:
    """The status and the JSON of one answer, read until the server closes or has said all."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        assert piece, f"closed after {received!r}"
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
    while len(body) < int(fields["content-length"]):
        body += connection.recv(65536)
    return int(head.split()[1]), json.loads(body)


def chunk(content: bytes) -> bytes:
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_client_that_hangs_up_half_way_leaves_nothing(served, framing):
    before, body = served.kept(), signed(document(100))
    half = body[: len(body) // 2]
    with served.connect() as connection:
        if framing == "length":
            connection.sendall(served.head(f"Content-Length: {len(body)}") + half)
        else:
            connection.sendall(served.head("Transfer-Encoding: chunked") + chunk(half))
        served.waits_for_a_draft()
    served.settles_at(before)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_that_ends_early_is_told_so(served, framing):
    before = served.kept()
    with served.connect() as connection:
        if framing == "length":
            connection.sendall(served.head("Content-Length: 5000") + b"<edXML>")
        else:
            connection.sendall(served.head("Transfer-Encoding: chunked") + chunk(b"<edXML>"))
        served.waits_for_a_draft()
        connection.shutdown(socket.SHUT_WR)
        status, problem = answer_of(connection)
    assert (status, problem["code"]) == (400, "request.incomplete")
    served.settles_at(before)


def test_a_garbled_chunk_is_a_refusal_and_not_a_fault(served):
    with served.connect() as connection:
        connection.sendall(served.head("Transfer-Encoding: chunked") + chunk(b"<edXML>") + b"zz\r\n")
        status, problem = answer_of(connection)
    assert (status, problem["code"]) == (400, "request.incomplete")


def test_an_announced_body_over_the_limit_is_refused_before_a_byte_of_it_is_sent(served):
    before = served.kept()
    with served.connect() as connection:
        connection.sendall(served.head(f"Content-Length: {LIMIT + 1}"))
        status, problem = answer_of(connection)
    assert (status, problem["code"]) == (413, "envelope.too_large")
    assert str(LIMIT) in problem["detail"]
    assert served.kept() == before


def test_a_chunked_body_is_counted_and_stopped_at_the_limit(served):
    before = served.kept()
    whole = raw.document(attachments=raw.attachment("A" * (2 * LIMIT)))
    with served.connect() as connection:
        connection.sendall(served.head("Transfer-Encoding: chunked"))
        for start in range(0, LIMIT + 4 * 65536, 65536):  # gunicorn hands over 256 KiB at a time
            connection.sendall(chunk(whole[start : start + 65536]))
        status, problem = answer_of(connection)
    assert (status, problem["code"]) == (413, "envelope.too_large")
    served.settles_at(before)


def test_a_refused_body_does_not_become_the_next_request(served):
    smuggled = b"GET /healthz HTTP/1.1\r\nHost: hub\r\n\r\n"
    with served.connect() as connection:
        connection.sendall(served.head(f"Content-Length: {LIMIT + 1}") + smuggled)
        status, _ = answer_of(connection)
        assert status == 413
        connection.shutdown(socket.SHUT_WR)
        assert b"alive" not in connection.recv(65536)


def test_both_framings_at_once_are_refused(served):
    with served.connect() as connection:
        connection.sendall(served.head("Content-Length: 4", "Transfer-Encoding: chunked") + b"0\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400")


def test_a_whole_envelope_chunked_is_accepted_over_a_connection_that_stays(served):
    body = signed(document(101))
    with served.connect() as connection:
        pieces = b"".join(chunk(body[at : at + 1000]) for at in range(0, len(body), 1000)) + b"0\r\n\r\n"
        for expected in (201, 200):
            connection.sendall(served.head("Transfer-Encoding: chunked") + pieces)
            status, facts = answer_of(connection)
            assert status == expected
    rows, files = served.kept()
    assert rows >= 1
    assert facts["sha256"] in files


def test_an_unknown_key_is_refused_over_http_too(served):
    request = urllib.request.Request(f"{served.server.url}/api/v1/inbox", headers={"Authorization": "Bearer no"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    assert refused.value.code == 401
    refused.value.close()
