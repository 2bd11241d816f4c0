"""A server process of our own: started, killed and restarted in its own folder, on a free port.

Owns: the life of the process; it dies with the process that started it.
Never: knows which server it is.
"""

from __future__ import annotations

import atexit
import os
import random
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil

START_SECONDS = 120.0
STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a server can be started here; `advice` says what to install when not."""

    ok: bool
    advice: str


class ServerTrouble(RuntimeError):
    """A private server did not start or stop; the text holds the end of its log."""


class PrivateServer(ABC):
    """A server process in its own folder. Start it from a thread that lives as long as the server does:
    the kernel ends the server when that thread ends (PR_SET_PDEATHSIG), so nothing is left behind.
    """

    kind: str
    stop_signal: signal.Signals
    death_signal: str

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` keeps the data for a later start; without one it is temporary and removed by `stop`."""
        self._temporary = folder is None
        self.folder = Path(tempfile.mkdtemp(prefix=f"hub-{self.kind}-")) if folder is None else folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o711)  # the server's own user must be able to pass through
        self.port = free_port()
        self.secret = _kept_secret(self.folder / "secret")
        self.seconds_to_start = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it listens, with user and password."""

    @abstractmethod
    def _prepare(self) -> None:
        """Make what a first start needs; called before every start."""

    @abstractmethod
    def _command(self) -> tuple[list[str], dict[str, str]]:
        """The command line and the environment."""

    @abstractmethod
    def _answers(self) -> bool:
        """True when it serves clients."""

    @property
    def running(self) -> bool:
        """True while its process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> Self:
        """Start and wait until it answers. Raises ServerTrouble."""
        began = time.monotonic()
        self._prepare()
        command, environment = self._command()
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*dying_with_us(self.death_signal), *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=self.folder,
                start_new_session=True,
            )
        atexit.register(self.stop)
        self._wait_until_it_answers()
        self.seconds_to_start = time.monotonic() - began
        return self

    def stop(self) -> None:
        """End it properly (by force when it takes too long); a temporary folder is removed."""
        atexit.unregister(self.stop)
        if self.running:
            self._process.send_signal(self.stop_signal)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        self._process = None
        if self._temporary:
            shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """End it and all its children at once, as a power cut would; its data stays."""
        if self._process is None:
            return
        family = [psutil.Process(self._process.pid), *_children(self._process.pid)] if self.running else []
        for member in family:
            _kill(member)
        self._process.wait(STOP_SECONDS)
        psutil.wait_procs(family, timeout=STOP_SECONDS)
        self._process = None

    def restart(self) -> Self:
        """Kill it, when it runs, and start it again on the same port with the same data."""
        self.kill()
        return self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait_until_it_answers(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if not self.running:
                raise ServerTrouble(f"{self.kind} ended while starting:\n{self._log_end()}")
            if self._answers():
                return
            time.sleep(0.05)
        self.kill()
        raise ServerTrouble(f"{self.kind} did not answer in {START_SECONDS:.0f} s:\n{self._log_end()}")

    def _log_end(self) -> str:
        return (self.folder / "server.log").read_text("utf-8", "replace")[-3000:]


def free_port() -> int:
    """A TCP port that nobody has now, outside the range that the kernel hands out by itself (so that it
    is still free when the server is restarted).
    """
    for _ in range(200):
        port = random.randrange(20_000, 32_000)  # noqa: S311 (spread, no secret)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise ServerTrouble("no free TCP port between 20000 and 32000")


def _kept_secret(file: Path) -> str:
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(16), encoding="ascii")
    return file.read_text("ascii")


def dying_with_us(signal_name: str) -> list[str]:
    """The words before a command that make the kernel signal it when we are gone (Linux)."""
    return ["setpriv", "--pdeathsig", signal_name] if shutil.which("setpriv") else []


def plain_environment() -> dict[str, str]:
    """An environment without anything of the caller's but PATH."""
    path = os.environ.get("PATH", "/usr/bin:/bin") + ":/usr/sbin:/sbin"
    return {"PATH": path, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"}


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _kill(member: psutil.Process) -> None:
    try:
        member.kill()
    except psutil.NoSuchProcess:
        return
