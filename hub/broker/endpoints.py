"""Where RabbitMQ is and how long to wait before asking it again.

Owns: reading the broker URL (several hosts, name prefix) and the back-off.
Never: opens a connection.
Source: dependencies §6 (1, 2, 5, 10, 30 s with jitter; several hosts; heartbeat 30-60 s).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pika

from hub.errors import Misconfigured

BACKOFF_SECONDS: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
HEARTBEAT_SECONDS: Final = 30
CONNECT_TIMEOUT_SECONDS: Final = 5.0
HANDSHAKE_TIMEOUT_SECONDS: Final = 10.0

_SETTING: Final = "broker URL"
_SHAPE: Final = "amqp://user:password@host:5672/vhost, several separated by commas"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One RabbitMQ node, and the prefix that every exchange and queue name of this hub gets there."""

    parameters: pika.ConnectionParameters
    prefix: str

    @property
    def address(self) -> str:
        """Host and port, for logs; never the password."""
        return f"{self.parameters.host}:{self.parameters.port}"


def endpoints(urls: str) -> tuple[Endpoint, ...]:
    """The nodes named in a broker setting, in order.

    Several URLs are separated by commas. Besides pika's own query parameters, `prefix=NAME.` lets
    several hubs (or tests) share one virtual host. Heartbeat is 30 s unless the URL says otherwise.
    Raises: Misconfigured.

    >>> [found.address for found in endpoints("amqp://a:b@one/v,amqp://a:b@two:5673/v?prefix=t1.")]
    ['one:5672', 'two:5673']
    """
    found = tuple(_endpoint(url.strip()) for url in urls.split(",") if url.strip())
    if not found:
        raise Misconfigured(_SETTING, _SHAPE, "It is empty: name at least one RabbitMQ node.")
    return found


def _endpoint(url: str) -> Endpoint:
    parts = urlsplit(url)
    query = parse_qsl(parts.query)
    prefix = dict(query).get("prefix", "")
    rest = urlencode([(name, value) for name, value in query if name != "prefix"])
    if parts.scheme not in ("amqp", "amqps"):
        raise Misconfigured(_SETTING, _SHAPE, f"The scheme is {parts.scheme!r}; write amqp or amqps.")
    try:
        parameters = pika.URLParameters(urlunsplit(parts._replace(query=rest)))
    except (ValueError, TypeError) as error:
        raise Misconfigured(_SETTING, _SHAPE, f"It cannot be read: {error}") from error
    if "heartbeat" not in dict(query):
        parameters.heartbeat = HEARTBEAT_SECONDS
    parameters.connection_attempts = 1  # the back-off is ours
    parameters.socket_timeout = CONNECT_TIMEOUT_SECONDS
    parameters.stack_timeout = HANDSHAKE_TIMEOUT_SECONDS
    return Endpoint(parameters, prefix)


def delays() -> Iterator[float]:
    """Seconds to wait before each further attempt: 1, 2, 5, 10, then 30 for ever, each ±20 %."""
    attempt = 0
    while True:
        seconds = BACKOFF_SECONDS[min(attempt, len(BACKOFF_SECONDS) - 1)]
        yield seconds * random.uniform(0.8, 1.2)  # noqa: S311 (spreads reconnections; no secret)
        attempt += 1
