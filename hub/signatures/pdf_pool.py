"""A pool of PDF children: files go in as descriptors, facts come out; a child in trouble is killed and replaced.

Owns: starting (late, so after any fork), the wall clock, the words for each way in which a child may end.
Never: copies a file that has a descriptor; parses a PDF; passes the environment of the hub to a child.
Source: unix(7) SCM_RIGHTS; threats P5.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

import msgspec

from hub.errors import Deferral
from hub.signatures.pdf_facts import HEAD, LONGEST_ANSWER, READY, FileFacts

_START_SECONDS = 60  # imports of pyHanko: half a second, more on a busy machine
_JOBS_OF_A_CHILD = 200  # then a fresh one: parsers leave crumbs
_DYING_SECONDS = 2
_IN_MEMORY_BYTES = 8 * 1024 * 1024
_PIECE = 1024 * 1024


class PdfPool:
    """At most `children` children that read PDF files; safe for use by many threads."""

    def __init__(self, *, children: int, memory_bytes: int, seconds: int) -> None:
        """Nothing starts here; `seconds` bounds the processor time and, doubled for a busy machine, the wall clock."""
        self._memory_bytes, self._seconds = memory_bytes, seconds
        self._children = children
        self._reset()

    def facts(self, file: BinaryIO) -> FileFacts:
        """What the file holds; a child that ends in any way is told as the file's trouble, never raised.

        The file's place may move. Raises: Deferral when all children are busy for as long as one file may take, when
        they do not start on this machine, or after `close`.
        """
        if self._process_id != os.getpid():
            self._reset()  # a fork: the children belong to the parent
        with self._turn(), _descriptor(file) as descriptor:
            told = self._try(descriptor)
            # A child that died of itself is asked once more, fresh: it may have been the machine's need of memory.
            return self._try(descriptor) if told.trouble == "died" else told

    def close(self) -> None:
        """Ends all children; running jobs end in trouble. Harmless twice."""
        with self._lock:
            self._closed = True
            for child in self._idle:
                child.end()
            for child in self._all.difference(self._idle):
                child.process.kill()  # its caller sees the end, and clears up after it
            self._all.clear()
            self._idle.clear()

    def process_ids(self) -> list[int]:
        """The children that live now, for measurements."""
        with self._lock:
            return [child.process.pid for child in self._all]

    def _reset(self) -> None:
        self._process_id = os.getpid()
        self._closed = False
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(self._children)
        self._idle: list[_Child] = []
        self._all: set[_Child] = set()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """A child's turn; who sends many slow files must not make all threads of the API wait for ever (P5)."""
        if not self._turns.acquire(timeout=2 * self._seconds):
            raise Deferral("all PDF children are busy")
        try:
            yield
        finally:
            self._turns.release()

    def _try(self, descriptor: int) -> FileFacts:
        child = self._take()
        told = child.ask(descriptor, 2 * self._seconds)
        self._give_back(child)
        return told

    def _take(self) -> _Child:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        child = _Child(self._memory_bytes, self._seconds)
        with self._lock:
            if not self._closed:
                self._all.add(child)
                return child
        child.end()
        raise Deferral("the pool of PDF children is closed")

    def _give_back(self, child: _Child) -> None:
        with self._lock:
            if child.usable and not self._closed:
                self._idle.append(child)
                return
            self._all.discard(child)
        child.end()


class _Child:
    """One process and our end of its socket."""

    def __init__(self, memory_bytes: int, seconds: int) -> None:
        """Starts the process and waits until it has loaded. Raises Deferral when it does not."""
        self.jobs, self.usable = 0, True
        self.ours, theirs = socket.socketpair()
        try:
            with theirs:
                self.process = _started(theirs, memory_bytes, seconds)
        except OSError as trouble:  # no memory, too many processes
            self.ours.close()
            raise Deferral(f"a PDF child could not be started: {trouble}") from trouble
        self.ours.settimeout(_START_SECONDS)
        try:
            word = self.ours.recv(1)
        except OSError as trouble:
            self.end()
            raise Deferral("a PDF child did not start in time") from trouble
        if word != READY:
            self.end()
            raise Deferral(f"a PDF child ended while it started ({self.process.returncode})")

    def ask(self, descriptor: int, seconds: float) -> FileFacts:
        """The facts about one file, or the trouble in which the child ended; never longer than `seconds`."""
        self.jobs += 1
        until = time.monotonic() + seconds
        try:
            self.ours.settimeout(seconds)
            socket.send_fds(self.ours, [b"J"], [descriptor])
            (length,) = HEAD.unpack(self._receive(HEAD.size, until))
            if length > LONGEST_ANSWER:
                raise ValueError(f"an answer of {length} bytes")
            told = msgspec.msgpack.decode(self._receive(length, until), type=FileFacts)
        except TimeoutError:
            self.end()
            return FileFacts(trouble="time")
        except (OSError, ValueError) as trouble:  # ValueError: msgspec's, a child that does not speak the language
            self._bury()
            return FileFacts(trouble=self._epitaph(), why=str(trouble)[:200])
        self.usable = self.jobs < _JOBS_OF_A_CHILD and told.trouble != "memory"
        return told

    def end(self) -> None:
        """Kills and reaps the process; harmless twice."""
        self.usable = False
        self.ours.close()
        self.process.kill()
        self.process.wait()

    def _bury(self) -> None:
        """A child that closed its socket is dying: how it ends by itself says why, so it gets a moment to."""
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=_DYING_SECONDS)
        self.end()

    def _epitaph(self) -> str:
        return "processor" if self.process.returncode == -signal.SIGXCPU else "died"

    def _receive(self, length: int, until: float) -> bytes:
        got = bytearray()
        while len(got) < length:
            left = until - time.monotonic()
            if left <= 0:
                raise TimeoutError
            self.ours.settimeout(left)
            piece = self.ours.recv(min(_PIECE, length - len(got)))
            if not piece:
                raise ConnectionResetError("the child ended")
            got += piece
        return bytes(got)


def _started(theirs: socket.socket, memory_bytes: int, seconds: int) -> subprocess.Popen[bytes]:
    """The child sees our modules and nothing of our environment: no settings, no secrets."""
    paths = os.pathsep.join(path or os.getcwd() for path in sys.path)
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "hub.signatures.pdf_child", str(memory_bytes), str(seconds)],
        stdin=theirs.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"},
        close_fds=True,
        start_new_session=True,
    )


@contextmanager
def _descriptor(file: BinaryIO) -> Iterator[int]:
    """The file's own descriptor; what lives in this process' memory is put where a child can see it first."""
    if isinstance(getattr(file, "name", None), int | str):  # a spool that is still in memory has no name
        file.flush()
        yield file.fileno()
        return
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    with _scratch(size) as copy:
        shutil.copyfileobj(file, copy, _PIECE)
        copy.flush()
        yield copy.fileno()


def _scratch(size: int) -> BinaryIO:
    if size > _IN_MEMORY_BYTES:
        return tempfile.TemporaryFile()  # type: ignore[return-value]
    return open(os.memfd_create("pdf", os.MFD_CLOEXEC), "w+b")
