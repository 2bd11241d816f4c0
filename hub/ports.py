"""The outer boundary: what the hub asks of payload stores, agency adapters, a broker and outside services.

Owns: the Protocols and the values that cross them. Each has a conformance suite in tests/conformance.
Never: implementations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import BinaryIO, Protocol

from hub.domain.deliveries import Cause
from hub.domain.notices import Notice


class Draft(Protocol):
    """A body that is arriving. Nothing of it is visible until `keep` returned."""

    def write(self, chunk: bytes) -> None:
        """Append bytes. Raises PayloadsUnavailable (disk full, read-only)."""

    def keep(self, sha256: str) -> None:
        """Make the body durable and read-only under the digest of the bytes written. Harmless when kept before."""

    def discard(self) -> None:
        """Forget the body and free its space; harmless after `keep`."""

    def reopen(self) -> BinaryIO:
        """The bytes written so far, seekable, for reading while the draft is open."""


class PayloadStore(Protocol):
    """Where bodies live, addressed by the SHA-256 of their bytes; what is kept never changes."""

    def begin(self) -> Draft:
        """A new empty draft."""

    def open(self, sha256: str) -> BinaryIO:
        """The kept bytes, seekable. Raises PayloadsUnavailable when they are not there or not readable."""

    def holds(self, sha256: str) -> bool:
        """True when a body with this digest is kept."""

    def free_bytes(self) -> int:
        """Space left for new bodies, in bytes."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """One delivery to be handed to an agency; the body is read through the payload store by `sha256`."""

    delivery_id: str
    consignment_id: str
    recipient: str
    sender: str
    sha256: str
    size_bytes: int
    attempt: int


@dataclass(frozen=True, slots=True)
class Placed:
    """The document lies ready in the agency's inbox on the hub; the agency will fetch and acknowledge it."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The agency's system took the document; `words` is what it answered."""

    words: str = ""


@dataclass(frozen=True, slots=True)
class TryLater:
    """The agency's system could not take it now; `after` is its wish, else the schedule decides."""

    reason: str
    after: timedelta | None = None
    cause: Cause = Cause.UNREACHABLE


@dataclass(frozen=True, slots=True)
class Refused:
    """The agency's system will not take this document; `reason` in its own words."""

    reason: str


Outcome = Placed | Delivered | TryLater | Refused


class AgencyAdapter(Protocol):
    """How one kind of document system gets its documents."""

    def hand_over(self, work: HandOver) -> Outcome:
        """Hand one delivery over; called again after a crash, so it must be harmless twice. Raises nothing."""


class WakeLike(Protocol):
    """Ids that wake a station; never a document."""

    outbox_id: int
    station: str
    work_id: str
    lane: str
    trace_id: str


class WakePublisher(Protocol):
    """Carries wakes to the workers, at least once."""

    @property
    def connected(self) -> bool:
        """True when publishing can succeed now."""

    def publish(self, wakes: Sequence[WakeLike], *, timeout_seconds: float) -> set[int]:
        """The outbox ids that are safely taken over. Raises BrokerUnavailable."""


class EvidenceSource(Protocol):
    """Where revocation evidence is fetched, by the clock only."""

    def may_ask(self, url: str) -> bool:
        """True when this deployment allows the URL's host (after the override map); never opens a connection."""

    def fetch(self, url: str, request: bytes = b"") -> bytes:
        """The CRL (DER), or the OCSP answer to `request` (DER). Raises EvidenceUnavailable."""

    def mirrored(self) -> Iterator[tuple[str, bytes]]:
        """Name and bytes of each CRL file of the mirror that is new or changed. Raises EvidenceUnavailable."""


class TimestampAuthority(Protocol):
    """An RFC 3161 service, asked by the clock only; it may take minutes."""

    def stamp(self, request: bytes) -> bytes:
        """The DER answer to a DER TimeStampReq. Raises TimestampsUnavailable."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a virus scanner says of one file; `threat` is the name it gives, empty when it found nothing.

    `skipped` says why a file was not looked at to its end (over the scanner's own limit), empty otherwise.
    """

    threat: str = ""
    skipped: str = ""


class PublicHolidays(Protocol):
    """Knows the public holidays of Vietnam, those of the lunar calendar included."""

    def of(self, year: int) -> Mapping[date, str]:
        """Each holiday of the year with its name in Vietnamese, days in lieu included."""


class NoticeCarrier(Protocol):
    """Takes a notice to people or to a system, asked by the clock only."""

    def send(self, notice: Notice) -> None:
        """Hand the notice over, at most once when it succeeds. Raises NoticesUnavailable."""


class Scanner(Protocol):
    """A virus scanner."""

    def scan(self, file: BinaryIO) -> ScanResult:
        """Look at the file from its beginning. Raises ScannerUnavailable."""
