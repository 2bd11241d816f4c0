"""RECEIVE: take the bytes of one sending, read them while they arrive, keep nothing half.

Owns: the limits before and while reading, the idempotency key, the early answer to a known key.
Never: judges; makes anything durable.
Source: design §1; threats T1 (replay), T4 (slow and endless bodies).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from hub.domain.agencies import Agency, code_key, may_speak_for, resolve
from hub.domain.periods import vietnam_day
from hub.edxml.bounds import Bounds
from hub.edxml.reader import EnvelopeReader, Reading
from hub.errors import ClientGone, PayloadsUnavailable, SameKeyDifferentContent, TooLarge
from hub.ports import Draft
from hub.stations import Hub
from hub.store import agencies, consignments
from hub.store.consignments import Consignment
from hub.store.engine import Connection

CHUNK_BYTES = 256 * 1024
SPOOL_IN_MEMORY_BYTES = 256 * 1024  # an attachment larger than this goes to a temporary file


class Source(Protocol):
    """The body of a request; `read` gives b"" at its end and raises ClientGone when the caller hung up."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One post as it begins: `length_bytes` as announced, None when it is not known."""

    source: Source
    caller: Agency
    received_at: datetime
    trace_id: str
    length_bytes: int | None = None
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class Received:
    """A body that is complete and readable. `known` is the consignment that the same key made before.

    Whoever holds it calls `release` at the end, whatever happened.
    """

    arrival: Arrival
    reading: Reading
    draft: Draft
    key_scope: str
    idempotency_key: str
    known: Consignment | None

    def release(self) -> None:
        """Close the spools and forget the draft (harmless when it was kept)."""
        for spool in self.reading.spools.values():
            spool.close()
        self.draft.discard()


def run(arrival: Arrival, hub: Hub) -> Received:
    """Read the whole body. Raises TooLarge, NotEdxml, DangerousXml, ClientGone, SameKeyDifferentContent,
    PayloadsUnavailable.
    """
    _room_for(arrival, hub)
    draft = hub.payloads.begin()
    bounds = Bounds(total_bytes=hub.settings.max_envelope_bytes)
    reader = EnvelopeReader(bounds, new_spool=spools_of(hub))
    try:
        _take_all(arrival, draft, reader)
        with spooling():
            reading = reader.close()
        return _identified(arrival, reading, draft, hub)
    except BaseException:
        with suppress(OSError):  # a spool that cannot be written cannot be closed properly either
            reader.abandon()
        draft.discard()
        raise


def _room_for(arrival: Arrival, hub: Hub) -> None:
    limit, length = hub.settings.max_envelope_bytes, arrival.length_bytes
    if length is not None and length > limit:
        raise TooLarge(f"{length} bytes announced", reason="total_bytes", limit=str(limit), value=str(length))
    if hub.payloads.free_bytes() - (length or 0) < hub.settings.min_free_bytes:
        raise PayloadsUnavailable("the payload store is nearly full: see min_free_bytes")


def _take_all(arrival: Arrival, draft: Draft, reader: EnvelopeReader) -> None:
    taken = 0
    while chunk := arrival.source.read(CHUNK_BYTES):
        taken += len(chunk)
        with spooling():
            reader.feed(chunk)
        draft.write(chunk)
    if arrival.length_bytes is not None and taken != arrival.length_bytes:
        raise ClientGone(f"{taken} of {arrival.length_bytes} bytes came")


@contextmanager
def spooling() -> Iterator[None]:
    """A full disk under the spools is 'not now', as it is under the payload store."""
    try:
        yield
    except OSError as trouble:
        raise PayloadsUnavailable(f"an attachment could not be spooled: {trouble}") from trouble


def spools_of(hub: Hub) -> Callable[[], BinaryIO]:
    """Gives a place for one decoded attachment: in memory while small, else a nameless file in the data folder."""
    folder = hub.settings.data_dir / "spool"

    def new_spool() -> BinaryIO:
        return tempfile.SpooledTemporaryFile(SPOOL_IN_MEMORY_BYTES, dir=folder)  # type: ignore[return-value]

    return new_spool


def _identified(arrival: Arrival, reading: Reading, draft: Draft, hub: Hub) -> Received:
    with hub.database.reading() as connection:
        if arrival.idempotency_key:
            scope, key = code_key(arrival.caller.code), f"key:{arrival.idempotency_key}"
        else:
            scope, key = _scope(connection, arrival, reading), f"sha256:{reading.sha256}"
        known = consignments.by_key(connection, scope, key)
    same_bytes_or_raise(known, reading.sha256)
    return Received(arrival, reading, draft, scope, key, known)


def _scope(connection: Connection, arrival: Arrival, reading: Reading) -> str:
    """The sender, when the caller may speak for it; nobody else gets to see that sender's receipt."""
    caller, written = arrival.caller, reading.envelope.sender.organ_id
    if code_key(written) != code_key(caller.code):
        look_up = agencies.Book(connection, [written]).find
        sender = resolve(written, on=vietnam_day(arrival.received_at), look_up=look_up).agency
        if sender is not None and may_speak_for(caller, sender, look_up=look_up):
            return code_key(sender.code)
    return code_key(caller.code)


def same_bytes_or_raise(known: Consignment | None, sha256: str) -> None:
    """Raises SameKeyDifferentContent when the key was used before for other bytes; the first stays untouched."""
    if known is not None and known.sha256 != sha256:
        raise SameKeyDifferentContent(f"key of {known.id}", consignment=known.id)
