"""The program of a PDF child: reads one PDF after another for its parent, within hard limits.

Owns: the limits (memory, processor, descriptors, no file growth, no core) and the loop over the socket on descriptor 0.
Never: holds trust, settings or secrets; with the job's file open it has no descriptor left, so it can open nothing.
Source: setrlimit(2); threats P5 (a PDF parser is a target).
"""

from __future__ import annotations

import importlib
import io
import logging
import math
import os
import resource
import socket
import sys
import time
from typing import Any, BinaryIO

import msgspec

from hub.signatures.pdf_facts import HEAD, READY, FileFacts
from hub.signatures.pdf_reading import read
from hub.signatures.pdf_speed import quicken

_JOB = 3  # the descriptor of the file: 0 is the socket, 1 and 2 lead nowhere
#: What pyHanko and cryptography import inside their functions.
_LATE = (
    "cryptography.hazmat.backends.openssl.backend",
    "pyhanko.pdf_utils.crypt.pdfmac",
    "pyhanko.pdf_utils.filters",
    "pyhanko.pdf_utils.metadata.xmp_xml",
    "pyhanko.pdf_utils.rw_common",
)
_SMALL_BYTES = 32 * 1024 * 1024
_DEEPEST = 20_000  # bookmarks are linked lists that pyHanko follows by recursion


def main() -> None:
    """Serves the socket on descriptor 0 until the parent closes it; arguments: memory in bytes, processor seconds."""
    memory_bytes, seconds = (int(word) for word in sys.argv[1:3])
    logging.disable(logging.CRITICAL)
    sys.setrecursionlimit(_DEEPEST)
    quicken()
    _warm()
    _limit(memory_bytes)
    with socket.socket(fileno=0) as parent:
        parent.sendall(READY)
        while _serve(parent, seconds):
            pass


def _warm() -> None:
    """Loads what Python loads at the first use: later there is no descriptor to load it with."""
    read(io.BytesIO(b"%PDF-1.7\n"), 9)
    for module in _LATE:
        importlib.import_module(module)
    for codec in ("utf-16-be", "utf-8", "latin-1", "cp1252", "idna", "ascii"):
        "a".encode(codec)
    time.strptime("20261122", "%Y%m%d")


def _limit(memory_bytes: int) -> None:
    for name, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _JOB + 1),
    ):
        resource.setrlimit(name, (most, most))


def _serve(parent: socket.socket, seconds: int) -> bool:
    """One job: a file comes in, facts go out. False when the parent is gone."""
    word, descriptors, _, _ = socket.recv_fds(parent, 1, 1)
    if not word or not descriptors:
        return False
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = math.ceil(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))
    descriptor = descriptors[0]
    try:
        answer = msgspec.msgpack.encode(_facts(descriptor))
    finally:
        os.close(descriptor)
    parent.sendall(HEAD.pack(len(answer)))
    parent.sendall(answer)
    return True


def _facts(descriptor: int) -> FileFacts:
    size = os.fstat(descriptor).st_size
    try:
        with _opened(descriptor, size) as stream:
            return read(stream, size)
    except MemoryError:
        return FileFacts(trouble="memory", size_bytes=size)


def _opened(descriptor: int, size: int) -> BinaryIO:
    """Small files whole, because pyHanko reads byte by byte; large ones where they are."""
    placed = _Placed(descriptor, size)
    return io.BytesIO(placed.readall() or b"") if size <= _SMALL_BYTES else _Bounded(placed)


class _Placed(io.RawIOBase):
    """The file by places of its own: the descriptor's place is shared with the parent and stays where it is."""

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor, self.size, self.place = descriptor, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.place, os.SEEK_END: self.size}[whence]
        if start + offset < 0:
            raise ValueError("a place before the beginning")
        self.place = start + offset
        return self.place

    def readinto(self, buffer: Any) -> int:
        got = os.preadv(self.descriptor, [buffer], self.place)
        self.place += got
        return got


class _Bounded(io.BufferedReader):
    """Never makes room for more than the file has left, whatever length an object declares (P5)."""

    def read(self, size: int | None = -1) -> bytes:
        if size is not None and size > io.DEFAULT_BUFFER_SIZE:
            size = max(0, min(size, self.raw.size - self.tell()))  # type: ignore[attr-defined]
        return super().read(size)


if __name__ == "__main__":
    main()
