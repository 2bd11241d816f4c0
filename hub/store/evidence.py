"""Revocation evidence as kept: CRLs and OCSP answers, where to fetch them and when, which verdict relied on which.

Owns: the rows of evidence, evidence_sources and consignment_evidence; the bounds on what is given and kept.
Never: parses, fetches or judges a piece.
Source: RFC 5280 §5, RFC 6960 §4.2.2.1 (nextUpdate); issue 3 point 3.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from hub.domain.consignments import ConsignmentState
from hub.domain.evidence import EvidenceKind, EvidencePiece, EvidenceWanted
from hub.store.engine import Database, Transaction
from hub.store.tables import consignment_evidence, consignments, evidence, evidence_sources

#: Of each source the two pieces seen last are given: a wrong one (CRLs travel over plain HTTP) must not hide the
#: right one. Sources of one CA: a CRL for users, one for CAs, copies of both; an OCSP answer for each certificate.
LATEST_PER_SOURCE = 2
MOST_CRLS = 16
MOST_ANSWERS = 1000  # of about 2 KB each

BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))  # the last one again and again
FETCHED_WHILE_WANTED = timedelta(days=30)
WANTED_AGAIN_AFTER = timedelta(hours=1)  # a row that every document wants is written once an hour, not each time
SUPERSEDED_FOR = timedelta(days=1)  # between a verdict that relies on a piece and its record lie seconds
LONGEST_WORDS = 500

FRESH_SECONDS = 5.0  # another process's news is seen after this; the hub's own at once (`renew`)
MOST_REMEMBERED_BYTES = 64 * 1024 * 1024  # per process: three CRLs of the largest size that is fetched
MOST_REMEMBERED_CAS = 256


@dataclass(frozen=True, slots=True)
class Source:
    """One place to fetch from and how it went; `next_update` is what the last piece said of itself."""

    key: str
    kind: EvidenceKind
    issuer_key: str
    url: str
    request: bytes
    wanted_at: datetime
    next_fetch_at: datetime | None
    fetched_at: datetime | None
    next_update: datetime | None
    failures: int
    last_error: str

    @property
    def name(self) -> str:
        """What `keep` is told as the origin: the URL, and for OCSP which certificate was asked about."""
        return f"{self.url}#{hashlib.sha256(self.request).hexdigest()[:16]}" if self.request else self.url


@dataclass(frozen=True, slots=True)
class Freshness:
    """The newest CRL of a CA that is kept, without its bytes."""

    source: str
    this_update: datetime
    next_update: datetime | None
    fetched_at: datetime


def keep(transaction: Transaction, piece: EvidencePiece, *, source: str, at: datetime) -> bool:
    """Keep a piece that was had from `source`; True when it is new (a known one is only marked as seen again)."""
    seen = sa.update(evidence).where(evidence.c.sha256 == piece.sha256).values(fetched_at=at, source=source)
    if transaction.execute(seen).rowcount:
        return False
    row = {
        "sha256": piece.sha256,
        "kind": piece.kind.value,
        "issuer_key": piece.issuer_key,
        "source": source,
        "this_update": piece.this_update,
        "next_update": piece.next_update,
        "fetched_at": at,
        "der": piece.der,
    }
    return transaction.insert_new(evidence, row)


def about(connection: Connection, issuer_key: str) -> list[EvidencePiece]:
    """What this CA says, newest first: per source the two pieces seen last; at most 16 CRLs, 1000 OCSP answers."""
    return pieces(connection, names_about(connection, issuer_key))


def names_about(connection: Connection, issuer_key: str) -> list[str]:
    """The digests of what `about` gives, without reading megabytes."""
    return [row.sha256 for row in connection.execute(_NAMES, {"issuer": issuer_key})]


def pieces(connection: Connection, sha256s: Sequence[str]) -> list[EvidencePiece]:
    """The kept pieces with these digests, newest first."""
    found: list[EvidencePiece] = []
    for start in range(0, len(sha256s), 500):
        asked = sa.select(evidence).where(evidence.c.sha256.in_(sha256s[start : start + 500]))
        found += [_piece(row) for row in connection.execute(asked)]
    return sorted(found, key=lambda piece: piece.this_update, reverse=True)


def freshness(connection: Connection, issuer_key: str) -> Freshness | None:
    """Of this CA's CRLs among those given by `about`, the newest; None when there is none."""
    asked = (
        sa.select(evidence.c.source, evidence.c.this_update, evidence.c.next_update, evidence.c.fetched_at)
        .where(evidence.c.issuer_key == issuer_key, evidence.c.kind == EvidenceKind.CRL.value)
        .order_by(evidence.c.this_update.desc())
        .limit(1)
    )
    row = connection.execute(asked).one_or_none()
    return Freshness(*row) if row is not None else None


def want(transaction: Transaction, wanted: Sequence[EvidenceWanted], *, at: datetime) -> None:
    """Ask for these pieces; a new source is due at once, a known one keeps its schedule.

    URLs that no client could open (blanks, control signs) are left out.
    """
    usable = {key_of(one): one for one in wanted if one.url.isascii() and one.url.isprintable()}
    for key in sorted(usable):  # always in one order, so that two transactions never wait for each other in a circle
        one = usable[key]
        row = {
            "key": key,
            "kind": one.kind.value,
            "issuer_key": one.issuer_key,
            "url": one.url,
            "request": one.request,
            "wanted_at": at,
            "next_fetch_at": at,
        }
        if not transaction.insert_new(evidence_sources, row):
            transaction.execute(_WANTED_AGAIN, {"of": key, "at": at, "long_ago": at - WANTED_AGAIN_AFTER})


def not_yet_wanted(connection: Connection, wanted: Sequence[EvidenceWanted], *, at: datetime) -> list[EvidenceWanted]:
    """Those which `want` would write at this moment: without a row, or not wanted for an hour."""
    lately = sa.select(evidence_sources.c.key).where(
        evidence_sources.c.key.in_([key_of(one) for one in wanted]),
        evidence_sources.c.wanted_at >= at - WANTED_AGAIN_AFTER,
    )
    known = {row.key for row in connection.execute(lately)}
    return [one for one in wanted if key_of(one) not in known]


def key_of(wanted: EvidenceWanted) -> str:
    """The name of a source: the SHA-256 of kind, URL and request."""
    text = f"{wanted.kind.value}|{wanted.url}|".encode() + wanted.request
    return hashlib.sha256(text).hexdigest()


def due_sources(connection: Connection, now: datetime, *, limit: int) -> list[Source]:
    """Sources whose time has come, longest waiting first; not those that nobody wanted for 30 days."""
    asked = (
        sa.select(evidence_sources)
        .where(evidence_sources.c.next_fetch_at <= now, evidence_sources.c.wanted_at > now - FETCHED_WHILE_WANTED)
        .order_by(evidence_sources.c.next_fetch_at)
        .limit(limit)
    )
    return [_source(row) for row in connection.execute(asked)]


def claim(transaction: Transaction, source: Source, *, until: datetime) -> bool:
    """Put a due source off until `until`; False when another process took it since it was read."""
    unmoved = sa.and_(
        evidence_sources.c.key == source.key,
        evidence_sources.c.next_fetch_at == source.next_fetch_at,
    )
    return transaction.execute(sa.update(evidence_sources).where(unmoved).values(next_fetch_at=until)).rowcount == 1


def fetched(
    transaction: Transaction, source: Source, *, at: datetime, next_update: datetime | None, next_fetch_at: datetime
) -> None:
    """The source gave a usable piece."""
    _write(
        transaction,
        source,
        fetched_at=at,
        next_update=next_update,
        next_fetch_at=next_fetch_at,
        failures=0,
        last_error="",
    )


def failed(transaction: Transaction, source: Source, *, at: datetime, error: str) -> None:
    """The source gave nothing usable; it is asked again after 1, 5, 15, 60 minutes, then hourly."""
    pause = BACK_OFF[min(source.failures, len(BACK_OFF) - 1)]
    words = "".join(sign if sign.isprintable() else " " for sign in error)[:LONGEST_WORDS]
    _write(transaction, source, next_fetch_at=at + pause, failures=source.failures + 1, last_error=words)


def sources(connection: Connection) -> list[Source]:
    """Every known source, by URL; for `hub trust check` and `hub doctor`."""
    return [_source(row) for row in connection.execute(sa.select(evidence_sources).order_by(evidence_sources.c.url))]


def used(transaction: Transaction, consignment_id: str, sha256s: Sequence[str]) -> None:
    """The verdict of this consignment relied on these pieces; what is not kept here (it came in the file) is left."""
    kept = (
        sa.select(sa.literal(consignment_id), evidence.c.sha256)
        .where(evidence.c.sha256.in_(sorted(set(sha256s))))
        .with_for_update(read=True, key_share=True)
    )
    insert = sqlite.insert if transaction.connection.dialect.name == "sqlite" else postgresql.insert
    columns = ["consignment_id", "evidence_sha256"]
    transaction.execute(insert(consignment_evidence).from_select(columns, kept).on_conflict_do_nothing())


def of_consignment(connection: Connection, consignment_id: str) -> list[EvidencePiece]:
    """The pieces on which the verdict of this consignment relied, newest first."""
    link = consignment_evidence.c
    asked = sa.select(link.evidence_sha256).where(link.consignment_id == consignment_id)
    return pieces(connection, [row.evidence_sha256 for row in connection.execute(asked)])


def wake_held(transaction: Transaction, *, at: datetime) -> int:
    """New evidence came: every held consignment is due for its judgement now. Returns how many were waiting."""
    waiting = (
        sa.select(consignments.c.id)
        .where(consignments.c.state == ConsignmentState.HELD.value, consignments.c.next_attempt_at > at)
        .with_for_update(skip_locked=True)  # one that is being judged at this moment sees the new piece or asks again
    )
    return transaction.execute(
        sa.update(consignments).where(consignments.c.id.in_(waiting)).values(next_attempt_at=at)
    ).rowcount


def forget(transaction: Transaction, *, now: datetime, limit: int) -> int:
    """Drop at most `limit` pieces that no verdict refers to and a newer one replaced, and sources nobody wants.

    Superseded is: not served for a day, and (CRL) its source gave a newer one or (OCSP) it is out of date.
    """
    old = now - SUPERSEDED_FOR
    newer = evidence.alias("newer")
    replaced = sa.exists().where(
        newer.c.issuer_key == evidence.c.issuer_key,
        newer.c.kind == evidence.c.kind,
        newer.c.source == evidence.c.source,
        newer.c.this_update > evidence.c.this_update,
    )
    outdated = sa.and_(
        evidence.c.kind == EvidenceKind.OCSP.value,
        sa.or_(evidence.c.next_update.is_(None), evidence.c.next_update < old),
    )
    referred = sa.exists().where(consignment_evidence.c.evidence_sha256 == evidence.c.sha256)
    doomed = (
        sa.select(evidence.c.sha256)
        .where(evidence.c.fetched_at < old, sa.or_(replaced, outdated), ~referred)
        .limit(limit)
    )
    unwanted = evidence_sources.c.wanted_at < now - FETCHED_WHILE_WANTED
    transaction.execute(sa.delete(evidence_sources).where(unwanted))
    return transaction.execute(sa.delete(evidence).where(evidence.c.sha256.in_(doomed))).rowcount


@dataclass(frozen=True, slots=True)
class _Page:
    read_at: float
    pieces: tuple[EvidencePiece, ...]

    @property
    def size_bytes(self) -> int:
        return sum(len(piece.der) for piece in self.pieces)


class StoredBook:
    """An EvidenceBook on the database with a small memory, so that a verdict does not read megabytes of CRL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pages: OrderedDict[str, _Page] = OrderedDict()
        self._lock = threading.Lock()

    def about(self, issuer_key: str) -> Sequence[EvidencePiece]:
        """See hub.domain.evidence.EvidenceBook; at most five seconds old. Raises StoreUnavailable."""
        with self._lock:
            page = self._pages.get(issuer_key)
            if page is None or time.monotonic() - page.read_at > FRESH_SECONDS:
                page = self._read(issuer_key, page.pieces if page else ())
                self._remember(issuer_key, page)
            else:
                self._pages.move_to_end(issuer_key)
            return page.pieces

    def renew(self, issuer_key: str) -> None:
        """Something about this CA was kept (and committed): the next question looks into the database."""
        with self._lock:
            page = self._pages.get(issuer_key)
            if page is not None:
                self._pages[issuer_key] = _Page(float("-inf"), page.pieces)

    def _read(self, issuer_key: str, known: Sequence[EvidencePiece]) -> _Page:
        """What is known already is not read again: a CRL of megabytes changes once a day."""
        here = {piece.sha256: piece for piece in known}
        read_at = time.monotonic()
        with self._database.reading() as connection:
            names = names_about(connection, issuer_key)
            new = pieces(connection, [name for name in names if name not in here])
        found = [*new, *(here[name] for name in names if name in here)]
        return _Page(read_at, tuple(sorted(found, key=lambda piece: piece.this_update, reverse=True)))

    def _remember(self, issuer_key: str, page: _Page) -> None:
        self._pages[issuer_key] = page
        self._pages.move_to_end(issuer_key)
        total = sum(one.size_bytes for one in self._pages.values())
        while total > MOST_REMEMBERED_BYTES or len(self._pages) > MOST_REMEMBERED_CAS:
            total -= self._pages.popitem(last=False)[1].size_bytes


def _write(transaction: Transaction, source: Source, **values: Any) -> None:
    transaction.execute(sa.update(evidence_sources).where(evidence_sources.c.key == source.key).values(values))


def _piece(row: Any) -> EvidencePiece:
    kind = EvidenceKind(row.kind)
    return EvidencePiece(kind, row.issuer_key, row.sha256, bytes(row.der), row.this_update, row.next_update)


def _source(row: Any) -> Source:
    values = dict(row._mapping)
    return Source(**values | {"kind": EvidenceKind(row.kind), "request": bytes(row.request)})


def _latest(kind: EvidenceKind, most: int) -> sa.Select[Any]:
    order = evidence.c.fetched_at.desc()
    ranked = (
        sa.select(
            evidence.c.sha256,
            evidence.c.fetched_at,
            sa.func.row_number().over(partition_by=evidence.c.source, order_by=order).label("place"),
        )
        .where(evidence.c.issuer_key == sa.bindparam("issuer"), evidence.c.kind == kind.value)
        .subquery()
    )
    chosen = sa.select(ranked.c.sha256).where(ranked.c.place <= LATEST_PER_SOURCE)
    return sa.select(chosen.order_by(ranked.c.fetched_at.desc()).limit(most).subquery().c.sha256)


_NAMES = sa.union_all(_latest(EvidenceKind.CRL, MOST_CRLS), _latest(EvidenceKind.OCSP, MOST_ANSWERS))
_WANTED_AGAIN = (
    sa.update(evidence_sources)
    .where(evidence_sources.c.key == sa.bindparam("of"), evidence_sources.c.wanted_at < sa.bindparam("long_ago"))
    .values(wanted_at=sa.bindparam("at"))
)
