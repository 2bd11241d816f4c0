"""Taking wakes from RabbitMQ: the main thread keeps the connection alive, one worker thread works.

Owns: acknowledgement (after the work), dead-lettering of poison, reconnection, the order of the lanes.
Never: requeues; a retry is the database's business (next_attempt_at). Knows no station.
Source: dependencies §6; threats T8.
"""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import pika
import structlog
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError, ChannelClosedByBroker
from pika.frame import Method
from pika.spec import Basic
from structlog.contextvars import bound_contextvars

from hub.broker import messages, topology
from hub.broker.endpoints import Endpoint, delays, endpoints
from hub.broker.messages import MalformedWake, Wake
from hub.errors import BrokerUnavailable, HubError, Misconfigured

log = structlog.get_logger(__name__)

PUMP_SECONDS: Final = 0.5  # how late a stop may be noticed
STOP_PUMP_SECONDS: Final = 0.05
QUIT_POLL_SECONDS: Final = 0.2
STOP_SECONDS: Final = 300.0  # work is bounded to 5 minutes (dependencies §6)
GIVE_UP_SECONDS: Final = 900.0
PRECONDITION_FAILED: Final = 406


@dataclass(order=True, slots=True)
class _Task:
    """A wake that lies ready in this process; ordered by lane, then by arrival."""

    rank: int
    arrival: int
    wake: Wake = field(compare=False)
    tag: int = field(compare=False)
    session: _Session = field(compare=False)


class _Session:
    """One connection and its channel; ends with the first trouble."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.alive = True
        self._prefix = endpoint.prefix
        self._cancelled = ""
        self._unsettled: set[int] = set()
        self._connection = pika.BlockingConnection(endpoint.parameters)
        self._channel: BlockingChannel = self._connection.channel()
        self._channel.add_on_cancel_callback(self._was_cancelled)
        topology.declare(self._channel, prefix=endpoint.prefix)

    def consume(self, name: str, *, prefetch: int, on_message: Callable[..., None]) -> None:
        self._channel.basic_qos(prefetch_count=prefetch)  # RabbitMQ: holds for each later consumer by itself
        self._channel.basic_consume(self._prefix + name, on_message, consumer_tag=name)

    def pump(self, seconds: float) -> None:
        """Serve the connection. Raises AMQPError when it, its channel or a consumer is gone."""
        self._connection.process_data_events(time_limit=seconds)
        if self._cancelled:
            raise AMQPError(f"the broker cancelled the consumer {self._cancelled}; was its queue deleted?")
        if not self._channel.is_open:
            raise AMQPError("the broker closed the channel")

    def settle(self, tag: int, *, taken: bool) -> None:
        """Acknowledge, or dead-letter; on the connection's thread only."""
        if taken:
            self._channel.basic_ack(tag)
        else:
            self._channel.basic_reject(tag, requeue=False)
        self._unsettled.discard(tag)

    def settle_from_worker(self, tag: int, *, taken: bool) -> bool:
        """Have the connection's thread settle; False when the connection is gone."""
        self._unsettled.add(tag)
        try:
            self._connection.add_callback_threadsafe(partial(self.settle, tag, taken=taken))
        except AMQPError:
            return False
        return self.alive

    @property
    def settled(self) -> bool:
        """True when no answer of the worker waits to be sent."""
        return not self._unsettled

    def close(self) -> None:
        self.alive = False
        if self._connection.is_open:
            self._connection.close()

    def _was_cancelled(self, frame: Method) -> None:
        self._cancelled = frame.method.consumer_tag


class Consumer:
    """Hands each wake of some queues to `handle`, one at a time, at least once.

    `handle` returns: acknowledged. It raises a retryable HubError: acknowledged too, for the schedule in
    the database owns the retry. It raises anything else: dead-lettered and logged with its traceback.

    Order: every queue may have `prefetch` wakes waiting in this process; the worker always takes the
    most urgent of them (the order of `queues`), so an urgent wake waits only for the one in hand. With a
    prefetch of 1 that costs a round trip per wake; large ones let a crash return (and count as
    delivered) many innocents: 1-2 for heavy work, 8 for deliveries, 50 for routing.
    """

    def __init__(
        self,
        url: str,
        *,
        queues: Sequence[str],
        handle: Callable[[Wake], None],
        prefetch: int,
        name: str,
        give_up_seconds: float = GIVE_UP_SECONDS,
    ) -> None:
        """`queues` are logical names (topology.queues_of), most urgent first. Raises: Misconfigured."""
        self._endpoints = endpoints(url)
        self._queues, self._prefetch = tuple(queues), prefetch
        self._handle, self._name = handle, name
        self._give_up_seconds = give_up_seconds
        self._tasks: queue.PriorityQueue[_Task] = queue.PriorityQueue()
        self._arrivals = itertools.count()
        self._quit = threading.Event()
        self._last_seen = 0.0
        self._waits = delays()
        self._log = log.bind(consumer=name)

    def run(self, stop: threading.Event) -> None:
        """Consume until `stop` is set; the work in hand is finished and acknowledged, the rest given back.

        Raises: BrokerUnavailable after `give_up_seconds` without a connection (let the process be
        restarted); Misconfigured when a queue exists with other arguments.
        """
        self._quit.clear()
        self._waits, self._last_seen = delays(), time.monotonic()
        worker = threading.Thread(target=self._work, name=f"{self._name}-worker", daemon=True)
        worker.start()
        try:
            for endpoint in itertools.cycle(self._endpoints):
                if stop.is_set():
                    return
                self._serve_until_trouble(endpoint, stop=stop, worker=worker)
        finally:
            self._quit.set()
            worker.join(STOP_SECONDS)

    def _serve_until_trouble(self, endpoint: Endpoint, *, stop: threading.Event, worker: threading.Thread) -> None:
        try:
            self._serve(endpoint, stop=stop, worker=worker)
        except (AMQPError, OSError) as error:
            self._log.warning("The broker cannot be reached.", broker=endpoint.address, reason=repr(error))
            if isinstance(error, ChannelClosedByBroker) and error.reply_code == PRECONDITION_FAILED:
                fix = "Drain and delete that queue, then start again."
                raise Misconfigured("broker topology", error.reply_text, fix) from error
            seconds_lost = time.monotonic() - self._last_seen
            if seconds_lost > self._give_up_seconds:
                raise BrokerUnavailable(f"no connection for {seconds_lost:.0f} s") from error
            stop.wait(next(self._waits))

    def _serve(self, endpoint: Endpoint, *, stop: threading.Event, worker: threading.Thread) -> None:
        """One connection, until a graceful stop. Raises AMQPError, OSError."""
        session = _Session(endpoint)
        try:
            for rank, name in enumerate(self._queues):
                arrived = partial(self._arrived, session, rank)
                session.consume(name, prefetch=self._prefetch, on_message=arrived)
            self._log.info("Connected to the broker for consuming.", broker=endpoint.address)
            self._waits = delays()
            while not stop.is_set():
                session.pump(PUMP_SECONDS)
                self._last_seen = time.monotonic()
            self._quit.set()
            until = time.monotonic() + STOP_SECONDS
            while (worker.is_alive() or not session.settled) and time.monotonic() < until:
                session.pump(STOP_PUMP_SECONDS)
        finally:
            session.close()

    def _arrived(
        self, session: _Session, rank: int, _: BlockingChannel, method: Basic.Deliver, __: object, body: bytes
    ) -> None:
        try:
            wake = messages.decode(body)
        except MalformedWake as error:
            self._log.error("A message was not a wake; it went to the dead letters.", reason=str(error))
            session.settle(method.delivery_tag, taken=False)
            return
        self._tasks.put(_Task(rank, next(self._arrivals), wake, method.delivery_tag, session))

    def _work(self) -> None:
        while not self._quit.is_set():
            try:
                task = self._tasks.get(timeout=QUIT_POLL_SECONDS)
            except queue.Empty:
                continue
            if not self._quit.is_set() and task.session.alive:
                self._do(task)

    def _do(self, task: _Task) -> None:
        wake = task.wake
        with bound_contextvars(trace_id=wake.trace_id, station=wake.station, work_id=wake.work_id):
            taken = self._handled(wake)
            if not task.session.settle_from_worker(task.tag, taken=taken):
                self._log.warning("Work was done but the connection is gone; the broker will ask again.")

    def _handled(self, wake: Wake) -> bool:
        """True to acknowledge, False to dead-letter."""
        try:
            self._handle(wake)
        except BaseException as error:  # nothing a station raises may end the worker unseen
            if isinstance(error, HubError) and error.retryable:
                self._log.info("Work was deferred; the schedule will try again.", reason=str(error))
                return True
            self._log.exception("Work failed; its wake went to the dead letters.", outbox_id=wake.outbox_id)
            return False
        return True
