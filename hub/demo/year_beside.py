"""A second process that makes things while this one writes them: the invented year has two cores' worth of work.

Owns: starting and ending it; what it makes comes in its order, one thing ahead at most.
Never: hands it a database, a file or a lock: it starts anew (spawn).
Source: Python documentation (multiprocessing, contexts and start methods).
"""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from typing import Any, TypeVar

Thing = TypeVar("Thing")
_END = None


def beside(make: Callable[..., Iterable[Thing]], *asked: Any) -> Iterator[Thing]:
    """What `make(*asked)` gives, made in a process of its own; an error there is raised here.

    `make` is a function of a module; what it takes and gives can be pickled, and it never gives None.
    """
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sending, make, asked), daemon=True)
    process.start()
    sending.close()  # else the end of the process would not be seen
    try:
        while (made := receiving.recv()) is not _END:
            if isinstance(made, Exception):
                raise made
            yield made
    finally:
        process.terminate()
        process.join()
        receiving.close()


def _work(sending: Connection, make: Callable[..., Iterable[Any]], asked: tuple[Any, ...]) -> None:
    gc.disable()  # it would look through all that waits, again and again
    try:
        for made in make(*asked):
            sending.send(made)
    except Exception as broken:
        sending.send(broken)
    else:
        sending.send(_END)
