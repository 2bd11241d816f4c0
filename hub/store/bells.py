"""Bells wake those who wait for something in the database; polling stays the truth.

Owns: the in-process bell (SQLite) and the LISTEN thread (PostgreSQL).
Never: carries facts; a waiter looks into the database again.
Source: PostgreSQL NOTIFY; psycopg 3 `Connection.notifies`.
"""

from __future__ import annotations

import threading
import time
import zlib
from typing import Protocol

import psycopg
import sqlalchemy as sa
import structlog

log = structlog.get_logger()
RECONNECT_SECONDS = 2.0
WILDCARD = "*"
COUNTERS = 4096  # two topics on one counter wake each other's waiters, who look and wait again


class Bell(Protocol):
    """`token` before looking, `wait` after having found nothing: no ring in between is missed."""

    def token(self, topic: str) -> int:
        """How often the topic has rung so far."""

    def wait(self, topic: str, token: int, *, timeout_seconds: float) -> bool:
        """True as soon as the topic rang after `token` (rarely: when another did); False after the timeout."""

    def ring(self, topic: str) -> None:
        """Wake all waiters of the topic in this process."""

    def close(self) -> None:
        """Wake everybody and stop."""


class LocalBell:
    """Counts rings in this process; topics share a fixed number of counters, so memory does not grow with them."""

    def __init__(self) -> None:
        self._rings = [0] * COUNTERS
        self._rings_for_all = 0
        self._changed = threading.Condition()

    def token(self, topic: str) -> int:
        """See Bell."""
        with self._changed:
            return self._rings[_counter(topic)] + self._rings_for_all

    def wait(self, topic: str, token: int, *, timeout_seconds: float) -> bool:
        """See Bell."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._rings[_counter(topic)] + self._rings_for_all != token, timeout=timeout_seconds
            )

    def ring(self, topic: str) -> None:
        """See Bell."""
        with self._changed:
            if topic == WILDCARD:
                self._rings_for_all += 1
            else:
                self._rings[_counter(topic)] += 1
            self._changed.notify_all()

    def close(self) -> None:
        """See Bell."""
        self.ring(WILDCARD)


def _counter(topic: str) -> int:
    return zlib.crc32(topic.encode()) % COUNTERS


class PostgresBell(LocalBell):
    """Rings in every process of the hub: one connection listens, started at the first wait."""

    CHANNEL = "hub_bell"

    def __init__(self, url: sa.URL) -> None:
        super().__init__()
        self._address = url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._listener: threading.Thread | None = None
        self._starting = threading.Lock()
        self._closed = threading.Event()

    def wait(self, topic: str, token: int, *, timeout_seconds: float) -> bool:
        """See Bell."""
        self._listen_from_now_on()
        return super().wait(topic, token, timeout_seconds=timeout_seconds)

    def close(self) -> None:
        """See Bell."""
        self._closed.set()
        super().close()

    def _listen_from_now_on(self) -> None:
        with self._starting:
            if self._listener is None or not self._listener.is_alive():
                self._listener = threading.Thread(target=self._listen, name="bell", daemon=True)
                self._listener.start()

    def _listen(self) -> None:
        while not self._closed.is_set():
            try:
                with psycopg.connect(self._address, autocommit=True) as connection:
                    connection.execute(f"LISTEN {self.CHANNEL}")
                    self.ring(WILDCARD)  # whatever rang before we listened
                    self._hear(connection)
            except psycopg.Error as away:
                log.warning("bell_lost_its_connection", error=str(away))
                time.sleep(RECONNECT_SECONDS)

    def _hear(self, connection: psycopg.Connection) -> None:
        while not self._closed.is_set():
            for notice in connection.notifies(timeout=1.0):
                self.ring(notice.payload)
