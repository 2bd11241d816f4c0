"""One thing ahead: while one is being used, a thread makes the next.

Owns: the thread; it ends with the last thing, with its own error, and with whoever stops taking (Ctrl-C too).
Never: more than one ahead, so that memory stays bounded. It pays where the other side is another process: PostgreSQL.
Source: Python documentation (concurrent.futures).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import TypeVar

Thing = TypeVar("Thing")


@contextmanager
def ahead(things: Generator[Thing, None, None]) -> Iterator[Iterator[Thing]]:
    """The same things in the same order, none of them None; what goes wrong in making one is raised by taking it.

    Whoever leaves the block early waits for the one that is being made; then the generator is closed.
    """
    with closing(things), ThreadPoolExecutor(1, "ahead") as thread:
        yield _taken(thread, things)


def _taken(thread: ThreadPoolExecutor, things: Iterator[Thing]) -> Iterator[Thing]:
    following = thread.submit(next, things, None)
    while (one := following.result()) is not None:
        following = thread.submit(next, things, None)
        yield one
