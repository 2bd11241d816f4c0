"""One thing ahead: the same things in the same order, never more than one, and no thread is left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator

import pytest

from hub.store.ahead import ahead


class Maker:
    """Makes numbers up to a count; the last one is too many when it is told so. Remembers what it did."""

    def __init__(self, count: int, *, breaks: bool = False) -> None:
        self.count, self.breaks = count, breaks
        self.made: list[int] = []
        self.threads: set[str] = set()
        self.closed = False

    def numbers(self) -> Generator[int, None, None]:
        try:
            for number in range(self.count):
                self.threads.add(threading.current_thread().name)
                self.made.append(number)
                yield number
            if self.breaks:
                raise LookupError("no more")
        finally:
            self.closed = True


def left_behind() -> list[str]:
    return [one.name for one in threading.enumerate() if one.name.startswith("ahead")]


def test_all_come_in_order_made_beside_and_no_more_than_one_waits() -> None:
    maker, taken = Maker(20), []
    with ahead(maker.numbers()) as things:
        for number in things:
            taken.append(number)
            assert len(maker.made) <= number + 2
    assert taken == list(range(20)) == maker.made
    assert {name.partition("_")[0] for name in maker.threads} == {"ahead"}
    assert maker.closed
    assert left_behind() == []


def test_nothing_is_made_of_nothing() -> None:
    with ahead(Maker(0).numbers()) as things:
        assert list(things) == []


def test_what_breaks_the_maker_is_raised_where_it_is_missed() -> None:
    maker, taken = Maker(3, breaks=True), []

    def take() -> None:
        with ahead(maker.numbers()) as things:
            taken.extend(things)

    with pytest.raises(LookupError, match="no more"):
        take()
    assert taken == [0, 1, 2]
    assert maker.closed
    assert left_behind() == []


@pytest.mark.parametrize("how", ["error", "Ctrl-C", "enough"])
def test_who_stops_taking_ends_the_making(how: str, ctrl_c: Callable[[], None]) -> None:
    maker = Maker(1000)

    def take() -> None:
        with ahead(maker.numbers()) as things:
            assert next(things) == 0
            if how == "Ctrl-C":
                ctrl_c()
            if how == "error":
                raise LookupError(how)

    if how == "enough":
        take()
    else:
        with pytest.raises((LookupError, KeyboardInterrupt)):
            take()
    assert len(maker.made) <= 2
    assert maker.closed
    assert left_behind() == []
