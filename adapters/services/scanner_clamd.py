"""Asks a ClamAV daemon about a file, over its socket, without ever naming a path.

Owns: the INSTREAM conversation and its deadline.
Never: keeps a connection or a state between two files, so that any number of threads may use it.
Source: clamd(8), command INSTREAM; clamd.conf(5), StreamMaxLength; hostile test A6 (threats).
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Iterator
from typing import BinaryIO, Final

from hub.errors import Misconfigured, ScannerUnavailable
from hub.ports import ScanResult

CHUNK_BYTES: Final = 64 * 1024
TIMEOUT_SECONDS: Final = 60.0  # for one file, from connecting to the answer
LONGEST_ANSWER_BYTES: Final = 4096
LONGEST_PATH_BYTES: Final = 107  # sockaddr_un on Linux
_TCP: Final = re.compile(r"tcp:(?:\[([0-9A-Fa-f:.%\w]+)\]|([^\[\]:/\s]+)):([0-9]{1,5})", re.ASCII)
_TOO_LARGE: Final = "size limit exceeded"


class ScannerClamd:
    """A clamd behind `unix:/path` or `tcp:host:port`."""

    def __init__(self, place: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Opens nothing yet. Raises Misconfigured naming the setting when the place is not written as it must be."""
        self._place = _place(place)
        self._timeout_seconds = timeout_seconds

    def scan(self, file: BinaryIO) -> ScanResult:
        """See hub.ports.Scanner; the file is read from its beginning and left at its end."""
        file.seek(0)
        until = time.monotonic() + self._timeout_seconds
        try:
            with self._connected(until) as line:
                sent_whole = _send(file, line, until)
                result = _result(_answer(line, until))
        except OSError as trouble:
            raise ScannerUnavailable(f"clamd: {trouble}") from trouble
        if not sent_whole and result == ScanResult():
            raise ScannerUnavailable("clamd: clean before it had the whole file")
        return result

    def _connected(self, until: float) -> socket.socket:
        if isinstance(self._place, tuple):
            return socket.create_connection(self._place, timeout=_left(until))
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            line.settimeout(_left(until))
            line.connect(self._place)
        except OSError:
            line.close()
            raise
        return line


def _place(written: str) -> str | tuple[str, int]:
    kind, _, rest = written.partition(":")
    if kind == "unix" and rest.startswith("/") and "\0" not in rest and len(os.fsencode(rest)) <= LONGEST_PATH_BYTES:
        return rest
    found = _TCP.fullmatch(written)
    if found is not None and 0 < int(found[3]) < 65_536:
        return found[1] or found[2], int(found[3])
    fix = "Write unix:/run/clamav/clamd.ctl or tcp:127.0.0.1:3310; empty switches scanning off."
    raise Misconfigured("scanner", f"{written!r} is not unix:/path or tcp:host:port", fix)


def _left(until: float) -> float:
    """Seconds left; a file is given up as a whole, however slowly the bytes drip."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError("no answer in time")
    return left


def _send(file: BinaryIO, line: socket.socket, until: float) -> bool:
    """False when the other side hung up in the middle, as it does when its answer is ready (limit exceeded)."""
    try:
        for piece in _conversation(file):
            line.settimeout(_left(until))
            line.sendall(piece)
    except (BrokenPipeError, ConnectionResetError):
        return False
    return True


def _conversation(file: BinaryIO) -> Iterator[bytes]:
    yield b"zINSTREAM\0"
    while chunk := file.read(CHUNK_BYTES):
        yield len(chunk).to_bytes(4, "big") + chunk
    yield bytes(4)


def _answer(line: socket.socket, until: float) -> str:
    """The answer up to its NUL. Raises OSError when it is cut off, endless or late."""
    received = b""
    while b"\0" not in received:
        line.settimeout(_left(until))
        piece = line.recv(LONGEST_ANSWER_BYTES)
        received += piece
        if not piece or len(received) > LONGEST_ANSWER_BYTES:
            raise ConnectionError(f"the answer is not whole: {received[:100]!r}")
    return received.partition(b"\0")[0].decode("utf-8", "replace").strip()


def _result(answer: str) -> ScanResult:
    said = answer.partition("stream: ")[2] if answer.startswith("stream: ") else answer
    if said == "OK":
        return ScanResult()
    if said.endswith(" FOUND"):
        return ScanResult(threat=said.removesuffix(" FOUND").strip()[:200] or "?")
    if _TOO_LARGE in said.lower():
        return ScanResult(skipped=_TOO_LARGE)
    raise ScannerUnavailable(f"clamd: {answer[:200]!r}")
