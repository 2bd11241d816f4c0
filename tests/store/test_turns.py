"""Whose turn it is to write: alone, the finishing of work first, nobody left out, a late turn is an error."""

from __future__ import annotations

import threading
import time

import pytest

from hub.errors import StoreUnavailable
from hub.store import turns
from hub.store.turns import Turns

PATIENCE_SECONDS = 30.0


class Writers:
    """Threads that take their turn and note in which order they got it."""

    def __init__(self) -> None:
        self.turns = Turns()
        self.order: list[str] = []
        self._threads: list[threading.Thread] = []

    def start(self, name: str, *, gives_way: bool) -> None:
        """Returns when the thread waits (nobody gets in while the caller holds the turn)."""
        thread = threading.Thread(target=self._write, args=(name, gives_way), daemon=True)
        self._threads.append(thread)
        before = self.waiting()
        thread.start()
        end = time.monotonic() + PATIENCE_SECONDS
        while self.waiting() == before and time.monotonic() < end:
            time.sleep(0.001)

    def waiting(self) -> int:
        return len(self.turns._first._waiters) + len(self.turns._last._waiters)

    def finish(self) -> list[str]:
        for thread in self._threads:
            thread.join(PATIENCE_SECONDS)
            assert not thread.is_alive()
        return self.order

    def _write(self, name: str, gives_way: bool) -> None:
        with self.turns.turn(gives_way=gives_way, timeout_seconds=PATIENCE_SECONDS):
            self.order.append(name)


@pytest.fixture
def writers(monkeypatch):
    monkeypatch.setattr(turns, "GIVES_WAY_SECONDS", PATIENCE_SECONDS)
    return Writers()


def test_only_one_writes_at_a_time():
    line, inside, most = Turns(), 0, 0
    lock = threading.Lock()

    def write(gives_way: bool) -> None:
        nonlocal inside, most
        for _ in range(50):
            with line.turn(gives_way=gives_way, timeout_seconds=PATIENCE_SECONDS):
                with lock:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0)
                with lock:
                    inside -= 1

    threads = [threading.Thread(target=write, args=(number % 2 == 0,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert (most, inside) == (1, 0)
    assert not any(thread.is_alive() for thread in threads)


def test_who_gives_way_comes_after_those_who_came_later(writers):
    with writers.turns.turn(gives_way=False, timeout_seconds=1):
        writers.start("new document", gives_way=True)
        writers.start("route", gives_way=False)
        writers.start("deliver", gives_way=False)
    assert writers.finish() == ["route", "deliver", "new document"]


def test_giving_way_ends_after_a_while(writers, monkeypatch):
    monkeypatch.setattr(turns, "GIVES_WAY_SECONDS", 0.05)
    with writers.turns.turn(gives_way=False, timeout_seconds=1):
        writers.start("new document", gives_way=True)
        time.sleep(0.5)  # by now it stands in line with the others
        writers.start("route", gives_way=False)
    assert writers.finish() == ["new document", "route"]


@pytest.mark.parametrize("gives_way", [False, True])
def test_a_turn_that_does_not_come_is_not_now(monkeypatch, gives_way):
    monkeypatch.setattr(turns, "GIVES_WAY_SECONDS", 0.01)
    line = Turns()
    with (
        line.turn(gives_way=False, timeout_seconds=1),
        pytest.raises(StoreUnavailable),
        line.turn(gives_way=gives_way, timeout_seconds=0.01),
    ):
        pytest.fail("two writers at a time")
    with line.turn(gives_way=gives_way, timeout_seconds=1):
        pass  # and nothing was left behind by the one that gave up


def test_a_writer_that_fails_gives_its_turn_back():
    line = Turns()
    with pytest.raises(ZeroDivisionError), line.turn(gives_way=False, timeout_seconds=1):
        raise ZeroDivisionError
    with line.turn(gives_way=True, timeout_seconds=1):
        pass
