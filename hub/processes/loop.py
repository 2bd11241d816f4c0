"""What every long-running process needs: a stop on signals, a heartbeat, a short rest after trouble.

Owns: those three.
Never: work.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from types import FrameType
from typing import Any

from hub.stations import Hub
from hub.store import heartbeats

HEARTBEAT_EVERY = timedelta(seconds=10)
LATE_AFTER = timedelta(seconds=60)  # `hub doctor` calls a process silent after this
REST_SECONDS = 2.0


class Heartbeat:
    """Writes a sign of life at most every ten seconds; `name` is the process, the row adds host and pid."""

    def __init__(self, hub: Hub, name: str) -> None:
        self._hub = hub
        self._process = f"{name}@{socket.gethostname()}"[:56] + f":{os.getpid()}"
        self._last: datetime | None = None

    def beat(self, facts: Mapping[str, Any]) -> None:
        """This process lives. Raises StoreUnavailable."""
        now = self._hub.now()
        if self._last is not None and now - self._last < HEARTBEAT_EVERY:
            return
        with self._hub.database.writing(repeatable=True) as transaction:
            heartbeats.beat(transaction, self._process, at=now, facts=facts)
        self._last = now


def stop_on_signals() -> threading.Event:
    """An event that SIGTERM and SIGINT set: the work in hand is finished, then the process ends."""
    stop = threading.Event()

    def asked(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, asked)
    signal.signal(signal.SIGINT, asked)
    return stop


def rest(stop: threading.Event) -> None:
    """Wait a little, not all processes alike, or until the stop."""
    stop.wait(REST_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311 - spreads reconnections, no secret
