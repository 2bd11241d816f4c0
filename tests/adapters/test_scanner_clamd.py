"""The ClamAV client against a small clamd that speaks the real protocol, and against ones that misbehave."""

from __future__ import annotations

import gc
import io
import socket
import socketserver
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from adapters.services.scanner_clamd import CHUNK_BYTES, LONGEST_PATH_BYTES, ScannerClamd
from hub.errors import Misconfigured, ScannerUnavailable
from hub.ports import ScanResult
from tests.conformance.scanner import EICAR, ScannerConformance

Behaviour = Callable[[socket.socket], None]


def exactly(line: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        piece = line.recv(size - len(received))
        if not piece:
            raise ConnectionError("the client hung up")
        received += piece
    return received


def received_file(line: socket.socket, *, limit: int = 1 << 30) -> bytes | None:
    """The file as clamd reads it; None as soon as it is over the limit."""
    assert exactly(line, 10) == b"zINSTREAM\0"
    file = b""
    while size := struct.unpack("!I", exactly(line, 4))[0]:
        assert size <= CHUNK_BYTES
        if len(file) + size > limit:
            return None
        file += exactly(line, size)
    return file


def honest(line: socket.socket) -> None:
    file = received_file(line)
    line.sendall(b"stream: Eicar-Test-Signature FOUND\0" if EICAR in file else b"stream: OK\0")


def says(answer: bytes) -> Behaviour:
    def speak(line: socket.socket) -> None:
        received_file(line)
        line.sendall(answer)

    return speak


class Clamd(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """A server in threads of this process; `behaviour` speaks on each connection."""

    daemon_threads = True
    block_on_close = True
    request_queue_size = 64

    def __init__(self, place: Path, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        super().__init__(str(place), socketserver.BaseRequestHandler)

    def finish_request(self, request: socket.socket, client_address: object) -> None:
        request.settimeout(20)
        try:
            self.behaviour(request)
        except OSError:
            return


class ClamdTcp(Clamd):
    """The same over TCP."""

    address_family = socket.AF_INET

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        socketserver.TCPServer.__init__(self, ("127.0.0.1", 0), socketserver.BaseRequestHandler)

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()


@contextmanager
def running(server: Clamd) -> Iterator[Clamd]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def clamd(tmp_path):
    """A function: a scanner in front of a clamd that behaves so."""
    opened: list[Iterator[Clamd]] = []

    @contextmanager
    def start(behaviour: Behaviour, *, timeout_seconds: float = 5) -> Iterator[ScannerClamd]:
        place = tmp_path / f"clamd-{len(opened)}.ctl"
        opened.append(place)
        with running(Clamd(place, behaviour)):
            yield ScannerClamd(f"unix:{place}", timeout_seconds=timeout_seconds)

    return start


class TestOverUnix(ScannerConformance):
    @pytest.fixture
    def scanner(self, clamd):
        with clamd(honest) as scanner:
            yield scanner

    @pytest.fixture
    def away(self, tmp_path):
        return ScannerClamd(f"unix:{tmp_path}/nobody.ctl", timeout_seconds=2)


class TestOverTcp(ScannerConformance):
    @pytest.fixture
    def scanner(self):
        with running(ClamdTcp(honest)) as server:
            yield ScannerClamd(f"tcp:127.0.0.1:{server.server_address[1]}", timeout_seconds=5)

    @pytest.fixture
    def away(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
            yield ScannerClamd(f"tcp:127.0.0.1:{taken.getsockname()[1]}", timeout_seconds=2)


def test_a_file_over_the_scanner_s_limit_is_skipped_and_no_trouble(clamd):
    def small(line: socket.socket) -> None:
        assert received_file(line, limit=100_000) is None
        line.sendall(b"INSTREAM size limit exceeded. ERROR\0")

    with clamd(small) as scanner:  # larger than all socket buffers: the client is cut off while it sends
        assert scanner.scan(io.BytesIO(bytes(20_000_000))) == ScanResult(skipped="size limit exceeded")


def test_an_answer_in_single_bytes_is_put_together(clamd):
    def dripping(line: socket.socket) -> None:
        received_file(line)
        for letter in b"stream: Win.Test.EICAR_HDB-1 FOUND\0":
            line.sendall(bytes([letter]))
            time.sleep(0.002)

    with clamd(dripping) as scanner:
        assert scanner.scan(io.BytesIO(b"abc")) == ScanResult(threat="Win.Test.EICAR_HDB-1")


def test_one_that_hangs_is_given_up_after_its_time(clamd):
    ended = threading.Event()
    with clamd(lambda _line: ended.wait(10), timeout_seconds=0.3) as scanner:
        started = time.monotonic()
        with pytest.raises(ScannerUnavailable):
            scanner.scan(io.BytesIO(bytes(20_000_000)))
        assert time.monotonic() - started < 3
        ended.set()


def test_one_that_drips_for_ever_is_given_up_as_a_whole(clamd):
    ended = threading.Event()

    def endless(line: socket.socket) -> None:
        received_file(line)
        while not ended.wait(0.05):
            line.sendall(b".")

    with clamd(endless, timeout_seconds=0.5) as scanner:
        started = time.monotonic()
        with pytest.raises(ScannerUnavailable, match=r"in time|timed out"):
            scanner.scan(io.BytesIO(b"abc"))
        assert time.monotonic() - started < 3
        ended.set()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"stream: OK",
        b"stream: ",
        b"\0",
        b"stream: Access denied. ERROR\0",
        b"UNKNOWN COMMAND\0",
        b"stream: NOT OK\0",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"A" * 100_000,
        b"\xff\xfe\0",
    ],
    ids=range(10),
)
def test_anything_but_a_whole_answer_is_never_clean(clamd, answer):
    with clamd(says(answer)) as scanner, pytest.raises(ScannerUnavailable):
        scanner.scan(io.BytesIO(b"abc"))


def test_one_that_closes_at_once_is_not_now(clamd):
    with clamd(lambda line: None) as scanner, pytest.raises(ScannerUnavailable):
        scanner.scan(io.BytesIO(bytes(20_000_000)))


def test_clean_before_the_file_was_read_is_not_believed(clamd):
    def hasty(line: socket.socket) -> None:
        exactly(line, 10)
        line.sendall(b"stream: OK\0")

    with clamd(hasty) as scanner, pytest.raises(ScannerUnavailable):
        scanner.scan(io.BytesIO(bytes(20_000_000)))


def test_no_connection_is_left_open(clamd):
    with clamd(says(b"")) as broken, pytest.raises(ScannerUnavailable):
        broken.scan(io.BytesIO(b"abc"))
    with clamd(honest) as scanner:
        scanner.scan(io.BytesIO(b"abc"))
        gc.collect()  # a socket that was only forgotten would warn here, and a warning is an error


@pytest.mark.parametrize(
    "place",
    [
        "",
        "clamd",
        "unix:",
        "unix:run/clamd.ctl",
        "unix:/" + "a" * LONGEST_PATH_BYTES,
        "unix:/a\0b",
        "tcp:",
        "tcp:localhost",
        "tcp:localhost:0",
        "tcp:localhost:65536",
        "tcp:localhost:x",
        "tcp::3310",
        "tcp:a:b:3310",
        "http://localhost:3310",
        "TCP:localhost:3310",
    ],
)
def test_a_place_that_is_none_names_the_setting(place):
    with pytest.raises(Misconfigured) as told:
        ScannerClamd(place)
    assert told.value.setting == "scanner"


@pytest.mark.parametrize("place", ["unix:/run/clamav/clamd.ctl", "tcp:scanner:3310", "tcp:[::1]:3310"])
def test_a_place_is_not_asked_before_it_is_needed(place):
    ScannerClamd(place)
