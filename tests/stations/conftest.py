"""Tools that show a station's promises: an intruder in the middle, two workers at once, a watch on the ports."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from hub.store import tables
from hub.store.engine import Database


class Crash(Exception):
    """The process dies here (nothing in the hub may catch it)."""


def snapshot(database: Database) -> dict[str, list[Any]]:
    """Every row of every table that a station writes."""
    with database.reading() as connection:
        return {
            table.name: [tuple(map(str, row)) for row in connection.execute(sa.select(table).order_by(*table.c))]
            for table in tables.metadata.sorted_tables
            if table.name != "heartbeats"
        }


def at_once(work: Callable[[], Any], *, workers: int = 2) -> list[Any]:
    """The results (or exceptions) of the same work done by several threads that start together."""
    gate = threading.Barrier(workers)
    results: list[Any] = [None] * workers

    def one(number: int) -> None:
        gate.wait(30)
        try:
            results[number] = work()
        except Exception as error:
            results[number] = error

    threads = [threading.Thread(target=one, args=(number,)) for number in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return results


@pytest.fixture
def crash_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """A function: from now on the named function dies before it does anything."""

    def set_trap(name: str) -> None:
        def die(*_: object, **__: object) -> None:
            raise Crash(name)

        monkeypatch.setattr(name, die)

    return set_trap


@pytest.fixture
def crash_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str], None]:
    """A function: from now on the named function does its work and then the process dies."""

    def set_trap(module: Any, name: str) -> None:
        real = getattr(module, name)

        def die(*args: object, **facts: object) -> None:
            real(*args, **facts)
            raise Crash(name)

        monkeypatch.setattr(module, name, die)

    return set_trap


class Watch:
    """Counts write transactions that are open in the present thread."""

    def __init__(self) -> None:
        self._open = threading.local()
        self.calls = 0

    @property
    def inside(self) -> bool:
        return getattr(self._open, "count", 0) > 0

    def entered(self, step: int) -> None:
        self._open.count = getattr(self._open, "count", 0) + step

    def port_called(self) -> None:
        """A port was called: it must be outside of any transaction."""
        self.calls += 1
        assert not self.inside, "a port was called inside a transaction"


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    """Transactions and readings, reported to the watch while they are open."""
    seen = Watch()

    def observed(real: Any) -> Any:
        class Observed:
            def __init__(self, database: Database, **how: Any) -> None:
                self._opened = real(database, **how)

            def __enter__(self) -> Any:
                seen.entered(1)
                return self._opened.__enter__()

            def __exit__(self, *error: Any) -> Any:
                seen.entered(-1)
                return self._opened.__exit__(*error)

        return lambda database, **how: Observed(database, **how)

    monkeypatch.setattr(Database, "writing", observed(Database.writing))
    monkeypatch.setattr(Database, "reading", observed(Database.reading))
    return seen


class WatchedPort:
    """Any port, each call of which tells the watch."""

    def __init__(self, real: Any, watch: Watch) -> None:
        self._real, self._watch = real, watch

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found):
            return found

        def call(*args: Any, **facts: Any) -> Any:
            self._watch.port_called()
            result = found(*args, **facts)
            return WatchedPort(result, self._watch) if name == "begin" else result

        return call
