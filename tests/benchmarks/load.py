"""Sends envelopes to a running hub and watches the recipient's inbox.

Owns: the clients: keep-alive connections, several senders, one long-polling reader.
Never: starts a hub.
"""

from __future__ import annotations

import http.client
import json
import statistics
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from urllib.parse import urlsplit

GIVE_UP_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Result:
    """`accepted_per_second` counts verdicts; `delivered_per_second` until the last one was in the inbox."""

    documents: int
    accepted_per_second: float
    delivered_per_second: float
    latency_p50_ms: float
    latency_p99_ms: float


class Reader(threading.Thread):
    """Follows the inbox by its cursor and notes when each document became readable."""

    def __init__(self, url: str, api_key: str) -> None:
        super().__init__(daemon=True)
        self._url, self._key = url, api_key
        self.readable: dict[str, float] = {}
        self.stop = threading.Event()

    def run(self) -> None:
        """Long polls until `stop`."""
        connection, after = _connect(self._url), 0
        while not self.stop.is_set():
            path = f"/api/v1/inbox?after={after}&limit=200&wait=2"
            connection.request("GET", path, headers={"Authorization": f"Bearer {self._key}"})
            answer = connection.getresponse()
            page = json.loads(answer.read())
            now = time.perf_counter()
            for item in page["items"]:
                self.readable.setdefault(item["document_id"], now)
            after = page["next_after"]


def run(url: str, *, sender_key: str, recipient_key: str, bodies: Sequence[tuple[str, bytes]], clients: int) -> Result:
    """Post all bodies with `clients` connections. Raises RuntimeError when one is not accepted or never arrives."""
    reader = Reader(url, recipient_key)
    reader.start()
    posted: dict[str, float] = {}
    work: SimpleQueue[tuple[str, bytes]] = SimpleQueue()
    for body in bodies:
        work.put(body)
    faults: list[str] = []
    senders = [threading.Thread(target=_send, args=(url, sender_key, work, posted, faults)) for _ in range(clients)]
    start = time.perf_counter()
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    accepted = time.perf_counter() - start
    if faults:
        raise RuntimeError(f"{len(faults)} posts failed; the first: {faults[0]}")
    _wait_for(reader, posted)
    reader.stop.set()
    waits = sorted((reader.readable[name] - at) * 1000 for name, at in posted.items())
    last = max(reader.readable[name] for name in posted)
    return Result(
        documents=len(bodies),
        accepted_per_second=len(bodies) / accepted,
        delivered_per_second=len(bodies) / (last - start),
        latency_p50_ms=statistics.median(waits),
        latency_p99_ms=waits[min(len(waits) - 1, int(len(waits) * 0.99))],
    )


def post(url: str, api_key: str, body: object, *, length: int) -> tuple[int, bytes]:
    """One post on a connection of its own; `body` is bytes or an open file."""
    connection = _connect(url)
    status, answer = _post(connection, api_key, body, length)
    connection.close()
    return status, answer


def _send(
    url: str, api_key: str, work: SimpleQueue[tuple[str, bytes]], posted: dict[str, float], faults: list[str]
) -> None:
    connection = _connect(url)
    while True:
        try:
            name, body = work.get_nowait()
        except Empty:
            return
        posted[name] = time.perf_counter()
        status, answer = _post(connection, api_key, body, len(body))
        if status != 201:
            faults.append(f"{status}: {answer[:500]!r}")


def _post(connection: http.client.HTTPConnection, api_key: str, body: object, length: int) -> tuple[int, bytes]:
    headers = {
        "Authorization": f"Bearer {api_key}",
        "Content-Type": "application/xml",
        "Content-Length": str(length),
    }
    connection.request("POST", "/api/v1/consignments", body=body, headers=headers)  # type: ignore[arg-type]
    answer = connection.getresponse()
    return answer.status, answer.read()


def _connect(url: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(urlsplit(url).netloc, timeout=GIVE_UP_SECONDS)


def _wait_for(reader: Reader, posted: dict[str, float]) -> None:
    end = time.monotonic() + GIVE_UP_SECONDS
    while not reader.readable.keys() >= posted.keys():
        if time.monotonic() > end:
            missing = posted.keys() - reader.readable.keys()
            raise RuntimeError(f"{len(missing)} of {len(posted)} documents never reached the inbox")
        time.sleep(0.01)
