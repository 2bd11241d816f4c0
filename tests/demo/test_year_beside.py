"""What is made in a second process is the same, in the same order; what goes wrong there is told here."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import settings, wiring
from hub.demo import year
from hub.demo.year_beside import beside
from hub.demo.year_parts import Part, Wishes, parts
from hub.store.engine import Database
from tests.demo.test_year import digest, empty, nothing

CALENDAR = wiring.calendar(settings.load({}))


def numbers(count: int) -> Iterator[int]:
    """The number of the process, then a few more; the last one is too many."""
    yield os.getpid()
    for number in range(count):
        if number == 3:
            raise ValueError("no more than three")
        yield number


def test_it_is_another_process_and_everything_comes_in_order() -> None:
    process, *made = beside(numbers, 3)
    assert process != os.getpid()
    assert made == [0, 1, 2]
    assert multiprocessing.active_children() == []


def test_its_error_is_raised_here() -> None:
    came = beside(numbers, 5)
    assert [next(came) for _ in range(4)][1:] == [0, 1, 2]
    with pytest.raises(ValueError, match="no more than three"):
        next(came)


def test_who_stops_asking_ends_it() -> None:
    came = beside(numbers, 3)
    next(came)
    came.close()
    assert multiprocessing.active_children() == []


def test_a_year_comes_in_parts_and_ends_with_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.demo.year_parts.ROWS_AT_ONCE", 500)
    made: list[Part] = list(parts(Wishes(2025, 90, 10), CALENDAR))
    assert len(made) > 2
    assert [one.documents for one in made] == sorted(one.documents for one in made)
    assert made[-1].documents == 90
    assert [bool(one.numbers) for one in made] == [False] * (len(made) - 1) + [True]
    assert sum(len(one.rows["deliveries"]) for one in made) >= made[-1].copies > 0


def test_the_year_is_the_same_whoever_makes_it(
    sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wishes, found = Wishes(2025, 60, 10), set()
    for name, many in (("here", 1000), ("beside", 1)):
        monkeypatch.setattr(year, "MANY", many)
        database: Database = empty(sqlite_template, tmp_path / name)
        year.make(database, wishes, CALENDAR, nothing)
        found.add(digest(database))
        database.close()
    assert len(found) == 1
