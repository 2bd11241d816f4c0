"""Starts the embedded hub as people start it, `hub serve`, on a free port and a data folder of its own.

Owns: the subprocess and its end.
Never: measures.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from urllib.error import URLError

START_SECONDS = 60.0


class EmbeddedHub:
    """`with EmbeddedHub(env, log) as hub: hub.url, hub.pid`."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._listen = f"127.0.0.1:{probe.getsockname()[1]}"
        self.url = f"http://{self._listen}"
        self._environment = {**os.environ, **environment, "HUB_LISTEN": self._listen}
        self._log = log

    def __enter__(self) -> EmbeddedHub:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hub", "serve"], env=self._environment, stdout=log, stderr=log
            )
        self.pid = self._process.pid
        end = time.monotonic() + START_SECONDS
        while not self._ready():
            if time.monotonic() > end or self._process.poll() is not None:
                raise RuntimeError(f"the hub did not start: {self._log.read_text('utf-8')[-2000:]}")
            time.sleep(0.1)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(timeout=60)

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return answer.status == 200
        except (URLError, ConnectionError, TimeoutError):
            return False
