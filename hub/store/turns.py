"""Whose turn it is to write: SQLite has one writer, and its own way of waiting is to sleep, up to 100 ms a try.

Owns: the queue of this process; what was accepted is finished before more is accepted.
Never: knows a statement.
Source: SQLite's documentation of the busy handler.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from hub.errors import StoreUnavailable

GIVES_WAY_SECONDS = 0.5  # then it stands in line like the others: giving way must not become never


class Turns:
    """One writer at a time; those who give way are let in when nobody else waits, or after a while."""

    def __init__(self) -> None:
        lock = threading.Lock()
        self._first, self._last = threading.Condition(lock), threading.Condition(lock)
        self._writing = False
        self._first_waiting = 0

    @contextmanager
    def turn(self, *, gives_way: bool, timeout_seconds: float) -> Iterator[None]:
        """The block runs alone. Raises StoreUnavailable when the turn does not come in time."""
        if not (gives_way and self._wait_last()) and not self._wait_first(timeout_seconds):
            raise StoreUnavailable("the other writers did not finish in time")
        try:
            yield
        finally:
            self._leave()

    def _wait_first(self, timeout_seconds: float) -> bool:
        with self._first:
            self._first_waiting += 1
            try:
                came = self._first.wait_for(lambda: not self._writing, timeout_seconds)
            finally:
                self._first_waiting -= 1
            self._writing = self._writing or came
            return came

    def _wait_last(self) -> bool:
        with self._last:
            came = self._last.wait_for(lambda: not self._writing and not self._first_waiting, GIVES_WAY_SECONDS)
            self._writing = self._writing or came
            return came

    def _leave(self) -> None:
        with self._first:
            self._writing = False
            (self._first if self._first_waiting else self._last).notify()
