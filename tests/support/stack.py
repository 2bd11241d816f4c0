"""The production processes without containers: private PostgreSQL and RabbitMQ, and each `hub run NAME` as a process.

Owns: their start in order, their ends; `make stack` and the journeys use the same class.
Never: anything of the machine's own services; it leaves nothing behind but the folder that it was given.
Source: issue 1 part 11; design §4 (processes and their powers).
"""

from __future__ import annotations

import argparse
import atexit
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psycopg

from hub.signatures import keys
from tests.support.private_server import ServerTrouble, dying_with_us, free_port, plain_environment
from tests.support.servers import PrivatePostgres, PrivateRabbit

TREE = Path(__file__).resolve().parents[2]
PROCESSES = ("api", "relay", "router", "deliverer", "tallier", "clock")
READY_SECONDS = 90.0
STOP_SECONDS = 45.0  # longer than gunicorn's graceful time


class HubProcess:
    """One `hub run NAME` in its own process group, with its log in a file."""

    def __init__(self, name: str, *, env: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self._env = {**plain_environment(), **env}
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id; None when it does not run."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def log(self) -> str:
        """Everything that it has written so far."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    def start(self) -> None:
        """Start it; returns at once."""
        command = [*dying_with_us("TERM"), sys.executable, "-m", "hub", "run", self.name.split("-")[0]]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self._env, cwd=TREE, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def ask_to_stop(self) -> None:
        """What an administrator says first: finish the work in hand. Returns at once."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def stop(self) -> None:
        """End it properly, by force when it takes too long."""
        if self._process is None:
            return
        self.ask_to_stop()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """End it and its children at once, as the machine does when memory runs out."""
        if self._process is None:
            return
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_SECONDS)
        self._process = None


class Stack:
    """A whole production hub on free ports. `folder` gets the bodies, the receipt key and the logs.

    `settings` are further HUB_* variables. Start it from a thread that lives as long as the stack does.
    """

    def __init__(self, folder: Path, *, settings: Mapping[str, str] | None = None, deliverers: int = 1) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.postgres = PrivatePostgres()
        self.rabbit = PrivateRabbit()
        self.listen = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.listen}"
        self.env: dict[str, str] = {}
        self._settings = dict(settings or {})
        self._names = [*PROCESSES, *(f"deliverer-{number}" for number in range(2, deliverers + 1))]
        self.processes: dict[str, HubProcess] = {}

    def start(self) -> Self:
        """Start everything and wait until it works. Raises ServerTrouble with the end of the log that tells why."""
        atexit.register(self.stop)
        try:
            self.postgres.start()
            self.rabbit.start()
            self.env = self._environment(self.postgres.create_database("hub"))
            self._hub("db", "upgrade")
            for name in self._names:
                self.processes[name] = HubProcess(name, env=self.env, folder=self.folder)
                self.processes[name].start()
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End everything, the hub first; harmless when it was ended before."""
        atexit.unregister(self.stop)
        for process in self.processes.values():
            process.ask_to_stop()
        for process in self.processes.values():
            process.stop()
        self.rabbit.stop()
        self.postgres.stop()

    def kill(self, name: str) -> None:
        """End `relay`, `rabbit`, `postgres` … at once, without a word; its data stays."""
        self._one(name).kill()

    def restart(self, name: str) -> None:
        """Start it again after a kill, on the same port with the same data; a hub process is waited for."""
        server = self._one(name)
        if isinstance(server, HubProcess):
            server.kill()
            server.start()
            self.wait_ready()
        else:
            server.restart()

    def hub(self, *words: str) -> str:
        """What the command `hub WORDS` prints with the settings of this stack. Raises ServerTrouble."""
        return self._hub(*words)

    def wait_ready(self) -> None:
        """Until /readyz answers 200 and every process has given a sign of life. Raises ServerTrouble."""
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until:
            self._all_alive()
            if self._ready():
                return
            time.sleep(0.1)
        logs = "\n".join(f"--- {name}\n{process.log[-1500:]}" for name, process in self.processes.items())
        raise ServerTrouble(f"the stack was not ready after {READY_SECONDS:.0f} s\n{logs}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _environment(self, database_url: str) -> dict[str, str]:
        key_folder = self.folder / "keys"
        if not (key_folder / keys.KEY_FILE).exists():
            key_folder.mkdir(parents=True, exist_ok=True)
            keys.create_hub_key(key_folder)
        return {
            "HUB_DATA_DIR": str(self.folder / "data"),
            "HUB_DATABASE_URL": database_url,
            "HUB_BROKER_URL": self.rabbit.url,
            "HUB_LISTEN": self.listen,
            "HUB_SIGNING_KEY": str(key_folder / keys.KEY_FILE),
            "HUB_SIGNING_CERTIFICATE": str(key_folder / keys.CERTIFICATE_FILE),
            "HUB_GUNICORN_CONFIG": str(TREE / "docker" / "gunicorn.conf.py"),
            **self._settings,
        }

    def _hub(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "hub", *words],
            env={**plain_environment(), **self.env}, cwd=TREE, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise ServerTrouble(f"hub {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _one(self, name: str) -> HubProcess | PrivatePostgres | PrivateRabbit:
        return {**self.processes, "postgres": self.postgres, "rabbit": self.rabbit}[name]

    def _all_alive(self) -> None:
        for name, process in self.processes.items():
            if process.pid is None:
                raise ServerTrouble(f"{name} ended while starting:\n{process.log[-3000:]}")

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=30) as answer:
                answers = answer.status == 200
        except (urllib.error.URLError, OSError):
            return False
        living = {process.pid for process in self.processes.values() if process.name != "api"}
        return answers and living <= self._pids_that_gave_a_sign()

    def _pids_that_gave_a_sign(self) -> set[int]:
        with psycopg.connect(self.env["HUB_DATABASE_URL"], connect_timeout=5) as connection:
            rows = connection.execute("SELECT process FROM heartbeats").fetchall()
        return {int(name.rpartition(":")[2]) for (name,) in rows}


def table(stack: Stack) -> str:
    """What runs where, for people."""
    rows: list[Sequence[object]] = [("postgres", "", stack.postgres.url), ("rabbit", "", stack.rabbit.url)]
    rows += [(name, process.pid or "-", "") for name, process in stack.processes.items()]
    lines = [f"{name:<12}{pid!s:<9}{where}".rstrip() for name, pid, where in rows]
    return "\n".join(["PROCESS     PID      WHERE", *lines])


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="hub-stack-") as made:
        yield Path(made)


def main() -> None:
    """Start the stack, show it, and end it at Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(prog="make stack", description=main.__doc__)
    parser.add_argument("--folder", type=Path, help="keep bodies, key and logs here (databases are always temporary)")
    parser.add_argument("--deliverers", type=int, default=1)
    options = parser.parse_args()
    for missing in (PrivatePostgres.available(), PrivateRabbit.available()):
        if not missing.ok:
            sys.exit(f"Thiếu chương trình máy chủ / a server is missing: {missing.advice}")
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    print("Đang khởi động / starting …", flush=True)
    with _folder(options.folder) as folder, Stack(folder, deliverers=options.deliverers) as stack:
        exports = folder / "env.sh"
        exports.touch(mode=0o600)
        lines = [f"export {name}={shlex.quote(value)}" for name, value in stack.env.items()]
        exports.write_text("\n".join([*lines, ""]), "utf-8")
        print(table(stack))
        print(f"\nAPI       {stack.url}/api/v1/docs\nLog       {folder}/*.log")
        print(f"Lệnh / commands:  source {exports}  &&  .venv/bin/hub doctor")
        print("Dừng / stop:      Ctrl-C", flush=True)
        over.wait()
        print("Đang dừng / stopping …", flush=True)


if __name__ == "__main__":
    main()
