"""Publishing with confirms, in windows: a batch goes out at once, the broker's answers come back together.

Owns: one asynchronous connection on a thread of its own, and its reconnection.
Never: marks outbox rows (the relay does, with the ids that `publish` returns); keeps work of its own.
Source: dependencies §6 (SelectConnection, window of 200-500, mandatory, delivery_mode 2).
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, takewhile
from typing import Final

import pika
import structlog
from pika.channel import Channel
from pika.frame import Method

from hub.broker import messages, topology
from hub.broker.endpoints import Endpoint, delays, endpoints
from hub.broker.messages import Wake
from hub.errors import BrokerUnavailable

log = structlog.get_logger(__name__)

STOP_SECONDS: Final = 10.0
CONNECTED_POLL_SECONDS: Final = 0.02


class _Batch:
    """The wakes of one `publish` call; the caller waits on it, the connection's thread fills it."""

    def __init__(self, parcels: Iterable[tuple[Wake, bytes]]) -> None:
        self.unsent = deque(parcels)
        self.confirmed: set[int] = set()
        self._open = len(self.unsent)
        self._lock = threading.Lock()
        self._done = threading.Event()
        self.lost = False

    def settle(self, outbox_id: int, *, taken: bool) -> None:
        with self._lock:
            if taken:
                self.confirmed.add(outbox_id)
            self._open -= 1
            if self._open <= 0:
                self._done.set()

    def lose(self) -> None:
        self.lost = True
        self._done.set()

    def wait(self, timeout_seconds: float) -> set[int]:
        """What is confirmed when all is answered, the connection is lost or the time is over."""
        self._done.wait(timeout_seconds)
        with self._lock:
            self._done.set()
            return set(self.confirmed)

    @property
    def over(self) -> bool:
        return self._done.is_set()


@dataclass(frozen=True, slots=True)
class _Sent:
    batch: _Batch
    outbox_id: int


class _Session:
    """One connection from its opening to its end; private methods run on the connection's thread."""

    def __init__(self, endpoint: Endpoint, *, window: int) -> None:
        self._endpoint, self._window = endpoint, window
        self._channel: Channel | None = None
        self._batches: deque[_Batch] = deque()
        self._outstanding: dict[int, _Sent] = {}  # in the order of their tags
        self._returned: Counter[int] = Counter()
        self._tag = 0
        self._lock = threading.Lock()
        self._waiting: set[_Batch] = set()
        self._over = False
        self.unroutable = 0
        self.ready = False
        self.blocked = False
        self.was_ready = False
        self.reason = ""
        self._connection = pika.SelectConnection(
            endpoint.parameters,
            on_open_callback=self._opened,
            on_open_error_callback=lambda _, error: self._ended(error),
            on_close_callback=lambda _, error: self._ended(error),
        )

    def run(self) -> None:
        """Serves the connection; when this returns it is over and every waiting batch knows."""
        try:
            self._connection.ioloop.start()
        finally:
            self.ready = False
            with self._lock:
                self._over = True
                for batch in self._waiting:
                    batch.lose()
            self._connection.ioloop.close()

    def publish(self, batch: _Batch, *, timeout_seconds: float) -> set[int]:
        """From any thread: send the batch and wait for its answers."""
        with self._lock:
            if self._over or not self.ready:
                batch.lose()
                return set()
            self._waiting.add(batch)
            self._connection.ioloop.add_callback_threadsafe(lambda: self._take(batch))
        confirmed = batch.wait(timeout_seconds)
        with self._lock:
            self._waiting.discard(batch)
        return confirmed

    def close(self) -> None:
        """From any thread: end the connection."""
        with self._lock:
            if not self._over:
                self._connection.ioloop.add_callback_threadsafe(self._close)

    def _close(self) -> None:
        self.ready, self.reason = False, "the publisher was stopped"
        if self._connection.is_open:
            self._connection.close()
        else:
            self._connection.ioloop.stop()

    def _take(self, batch: _Batch) -> None:
        self._batches.append(batch)
        self._pump()

    def _opened(self, connection: pika.SelectConnection) -> None:
        connection.add_on_connection_blocked_callback(lambda *_: self._block(is_blocked=True))
        connection.add_on_connection_unblocked_callback(lambda *_: self._block(is_blocked=False))
        connection.channel(on_open_callback=self._channel_opened)

    def _channel_opened(self, channel: Channel) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._channel_closed)
        channel.add_on_return_callback(self._was_returned)
        topology.declare(channel, prefix=self._endpoint.prefix)
        channel.confirm_delivery(self._answered, callback=self._confirming)

    def _confirming(self, _: Method) -> None:
        self.ready = self.was_ready = True
        log.info("Connected to the broker for publishing.", broker=self._endpoint.address)

    def _channel_closed(self, _: Channel, error: Exception) -> None:
        self.ready, self.reason = False, self.reason or repr(error)
        if self._connection.is_open:  # the broker refused something: a fresh connection declares again
            self._connection.close()

    def _ended(self, error: object) -> None:
        self.reason = self.reason or repr(error)
        self._connection.ioloop.stop()

    def _block(self, *, is_blocked: bool) -> None:
        self.blocked = is_blocked
        if is_blocked:
            log.error("The broker blocked publishing (memory or disk alarm).", broker=self._endpoint.address)
            return
        log.info("The broker takes wakes again.", broker=self._endpoint.address)
        self._pump()

    def _pump(self) -> None:
        while self.ready and not self.blocked and self._batches and len(self._outstanding) < self._window:
            batch = self._batches[0]
            if batch.over or not batch.unsent:
                self._batches.popleft()
                continue
            self._send(batch, *batch.unsent.popleft())

    def _send(self, batch: _Batch, wake: Wake, body: bytes) -> None:
        self._tag += 1
        self._outstanding[self._tag] = _Sent(batch, wake.outbox_id)
        properties = pika.BasicProperties(
            delivery_mode=2,
            content_type=messages.CONTENT_TYPE,
            message_id=str(wake.outbox_id),
            correlation_id=wake.trace_id or None,
        )
        exchange = self._endpoint.prefix + topology.WORK_EXCHANGE
        self._channel.basic_publish(exchange, messages.routing_key(wake), body, properties, mandatory=True)

    def _was_returned(self, _: Channel, method: pika.spec.Basic.Return, properties: object, __: bytes) -> None:
        outbox_id = int(properties.message_id)
        self._returned[outbox_id] += 1
        self.unroutable += 1
        log.error(
            "A wake had no queue.",
            alarm="topology",
            outbox_id=outbox_id,
            routing_key=method.routing_key,
            fix="a queue or binding was deleted; restart this process: it declares the topology again",
        )

    def _answered(self, frame: Method) -> None:
        tag, taken = frame.method.delivery_tag, isinstance(frame.method, pika.spec.Basic.Ack)
        for answered in self._tags_up_to(tag) if frame.method.multiple else (tag,):
            self._settle(self._outstanding.pop(answered), taken=taken)
        self._pump()

    def _tags_up_to(self, tag: int) -> list[int]:
        return list(takewhile(lambda sent: sent <= tag, self._outstanding))

    def _settle(self, sent: _Sent, *, taken: bool) -> None:
        if self._returned[sent.outbox_id] > 0:  # basic.return comes before its ack
            self._returned -= Counter((sent.outbox_id,))
            taken = False
        elif not taken:
            log.error("The broker refused a wake.", outbox_id=sent.outbox_id, broker=self._endpoint.address)
        sent.batch.settle(sent.outbox_id, taken=taken)


class Publisher:
    """Publishes wakes to RabbitMQ; safe to use from several threads, one connection for all."""

    def __init__(self, url: str, *, window: int = 300) -> None:
        """`window` is how many wakes may await their confirm. Raises: Misconfigured for a bad URL."""
        self._endpoints = endpoints(url)
        self._window = window
        self._stopping = threading.Event()
        self._session: _Session | None = None
        self._unroutable_before = 0
        self._thread = threading.Thread(target=self._run, name="broker-publisher", daemon=True)

    def start(self) -> None:
        """Begin to connect and keep connecting; returns at once. A publisher starts once only."""
        self._thread.start()

    def stop(self) -> None:
        """End the connection; batches in flight return what was confirmed. Harmless when not started."""
        self._stopping.set()
        session = self._session
        if session is not None:
            session.close()
        if self._thread.ident is not None:
            self._thread.join(STOP_SECONDS)

    @property
    def connected(self) -> bool:
        """True when the topology is declared, confirms are on and the broker has raised no alarm."""
        session = self._session
        return session is not None and session.ready and not session.blocked

    @property
    def unroutable(self) -> int:
        """How many wakes found no queue since the start; more than 0 is a topology alarm."""
        session = self._session
        return self._unroutable_before + (session.unroutable if session is not None else 0)

    def wait_connected(self, timeout_seconds: float) -> bool:
        """True as soon as publishing can succeed, False when the time is over."""
        until = time.monotonic() + timeout_seconds
        while not self.connected and time.monotonic() < until and not self._stopping.is_set():
            self._stopping.wait(CONNECTED_POLL_SECONDS)
        return self.connected

    def publish(self, wakes: Sequence[Wake], *, timeout_seconds: float) -> set[int]:
        """The outbox ids that the broker confirmed within the time: durable on a majority of its nodes.

        The others may or may not have arrived; publish them again, for duplicates do nothing.
        Raises: BrokerUnavailable when not connected, or when the connection ended before anything was
        confirmed; MalformedWake before anything is sent.
        """
        batch = _Batch([(wake, messages.encode(wake)) for wake in wakes])
        session = self._session
        if session is None or not self.connected:
            raise BrokerUnavailable(f"not connected: {self._trouble(session)}")
        if not wakes:
            return set()
        confirmed = session.publish(batch, timeout_seconds=timeout_seconds)
        if batch.lost and not confirmed:
            raise BrokerUnavailable(f"the connection ended while publishing: {session.reason}")
        return confirmed

    def _trouble(self, session: _Session | None) -> str:
        if session is not None and session.blocked:
            return "the broker has raised a memory or disk alarm"
        return (session.reason if session is not None else "") or "the connection is being opened"

    def _run(self) -> None:
        waits = delays()
        for endpoint in cycle(self._endpoints):
            if self._serve(endpoint):
                waits = delays()
            if self._stopping.wait(next(waits)):
                return

    def _serve(self, endpoint: Endpoint) -> bool:
        """One connection from opening to end; True when it had become usable."""
        session = _Session(endpoint, window=self._window)
        self._unroutable_before, self._session = self.unroutable, session
        if self._stopping.is_set():  # stop() may have looked for a session just before
            session.close()
        try:
            session.run()
        except Exception:  # a defect in a callback must not end the thread: log it, connect again
            log.exception("The publisher's connection failed unexpectedly.", broker=endpoint.address)
        if not self._stopping.is_set():
            log.warning("The broker cannot be reached.", broker=endpoint.address, reason=session.reason)
        return session.was_ready
