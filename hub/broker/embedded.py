"""The broker of the embedded hub: the same promises to stations, in this process, without RabbitMQ.

Owns: bounded queues per lane and the threads that call `handle`.
Never: keeps anything across a stop; the schedule in the database wakes again what was lost.
Source: design §0 point 9 (embedded equals production).
"""

from __future__ import annotations

import threading
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog
from structlog.contextvars import bound_contextvars

from hub.broker import messages, topology
from hub.broker.messages import Wake
from hub.errors import BrokerUnavailable, HubError

log = structlog.get_logger(__name__)

CAPACITY: Final = 10_000  # wakes per lane; a bound against a flood, a wake is about 500 bytes
DEAD_KEPT: Final = 100
STOP_SECONDS: Final = 300.0  # work is bounded to 5 minutes (dependencies §6)


@dataclass(frozen=True, slots=True)
class DeadWake:
    """A wake whose work failed unexpectedly, and the traceback."""

    wake: Wake
    trace: str


class EmbeddedBroker:
    """Hands wakes to `handle` on worker threads: urgent first, then normal, then bulk.

    `handle` raising a retryable HubError is fine (the schedule owns the retry); anything else is logged
    with its traceback, counted in `dead_count`, and the latest are kept in `dead`.
    """

    def __init__(self, *, workers: int = 2, capacity: int = CAPACITY) -> None:
        """`capacity` is the number of wakes that may wait in each lane."""
        self._capacity = capacity
        self._lanes: dict[str, deque[Wake]] = {lane: deque() for lane in topology.LANES}
        self._changed = threading.Condition()
        self._running = False
        self._workers = workers
        self._threads: list[threading.Thread] = []
        self._dead: deque[DeadWake] = deque(maxlen=DEAD_KEPT)
        self._dead_count = 0

    def start(self, handle: Callable[[Wake], None]) -> None:
        """Begin to work. It may be started again after `stop`."""
        with self._changed:
            self._running = True
        for number in range(self._workers):
            thread = threading.Thread(target=self._work, args=(handle,), name=f"broker-embedded-{number}")
            thread.daemon = True
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Finish the work in hand, forget what waits, and end the threads. Harmless when not started."""
        with self._changed:
            self._running = False
            for waiting in self._lanes.values():
                waiting.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(STOP_SECONDS)
        self._threads.clear()

    @property
    def connected(self) -> bool:
        """True between `start` and `stop`."""
        with self._changed:
            return self._running

    @property
    def dead_count(self) -> int:
        """How many wakes failed unexpectedly since this object was made."""
        with self._changed:
            return self._dead_count

    @property
    def dead(self) -> tuple[DeadWake, ...]:
        """The latest of them, oldest first."""
        with self._changed:
            return tuple(self._dead)

    def publish(self, wakes: Sequence[Wake], *, timeout_seconds: float) -> set[int]:
        """The outbox ids that were taken over; those for which a lane has no room are left out.

        Never waits, so `timeout_seconds` is not used. Raises: BrokerUnavailable when not running;
        MalformedWake before anything is taken.
        """
        for wake in wakes:
            messages.encode(wake)  # what RabbitMQ would refuse is refused here too
        with self._changed:
            if not self._running:
                raise BrokerUnavailable("the embedded broker is not running")
            taken = {wake.outbox_id for wake in wakes if self._put(wake)}
            self._changed.notify(len(taken))
        if len(taken) < len(wakes):
            log.warning("A lane is full; some wakes stay in the outbox.", left_over=len(wakes) - len(taken))
        return taken

    def _put(self, wake: Wake) -> bool:
        waiting = self._lanes[wake.lane]
        if len(waiting) >= self._capacity:
            return False
        waiting.append(wake)
        return True

    def _next(self) -> Wake | None:
        """The most urgent wake, waiting for one; None when it is time to stop."""
        with self._changed:
            while self._running:
                for waiting in self._lanes.values():  # in the order of topology.LANES
                    if waiting:
                        return waiting.popleft()
                self._changed.wait()
            return None

    def _work(self, handle: Callable[[Wake], None]) -> None:
        while (wake := self._next()) is not None:
            with bound_contextvars(trace_id=wake.trace_id, station=wake.station, work_id=wake.work_id):
                self._do(handle, wake)

    def _do(self, handle: Callable[[Wake], None], wake: Wake) -> None:
        try:
            handle(wake)
        except BaseException as error:  # nothing a station raises may end a worker unseen
            if isinstance(error, HubError) and error.retryable:
                log.info("Work was deferred; the schedule will try again.", reason=str(error))
                return
            log.exception("Work failed; its wake is kept among the dead.", outbox_id=wake.outbox_id)
            with self._changed:
                self._dead_count += 1
                self._dead.append(DeadWake(wake, traceback.format_exc()))
