"""EVIDENCE: the clock's second thread: fetches CRLs and OCSP answers before anybody has to wait for them.

Owns: what is fetched when, by how many at once; the mirror folder; waking the held when something new came.
Never: stands on the way of a document; believes what it fetched (the verdict verifies each piece).
Source: issue 3 point 3; RFC 5280 §5.1.2.5 (nextUpdate).
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import structlog

from hub.domain.evidence import EvidenceKind, EvidencePiece, EvidenceWanted
from hub.errors import EvidenceUnavailable, HubError, StoreUnavailable
from hub.signatures.revocation import ca_wanted, read_crl, read_ocsp, until
from hub.stations import Hub
from hub.store import evidence
from hub.store.evidence import Source

log = structlog.get_logger()
EVERY_SECONDS = 5.0
AFTER_TROUBLE_SECONDS = 30.0
TIDY_EVERY_SECONDS = 3600.0

AT_ONCE = 4  # four CRLs of the largest size in memory; government services are slow when asked more
BATCH = 20
CLAIMED_FOR = timedelta(minutes=10)  # longer than any fetch; after a crash another process takes it up then
SOONEST, LATEST = timedelta(minutes=10), timedelta(days=1)
FORGOTTEN_AT_ONCE = 200


def run(hub: Hub, stop: threading.Event) -> None:
    """Until `stop`: a round every five seconds; several processes may do so at once."""
    tidied = float("-inf")
    while not stop.is_set():
        pause = EVERY_SECONDS
        try:
            tick(hub)
            if time.monotonic() - tidied > TIDY_EVERY_SECONDS:
                tidy(hub)
                tidied = time.monotonic()
        except HubError as trouble:
            log.warning("evidence_round_was_not_finished", error=str(trouble), code=trouble.code)
            pause = AFTER_TROUBLE_SECONDS
        except Exception:  # a defect must not end the fetching: every verdict depends on it
            log.exception("evidence_failed_unexpectedly")
            pause = AFTER_TROUBLE_SECONDS
        stop.wait(pause)


def tick(hub: Hub) -> None:
    """One round: want the CRLs of the trusted CAs, fetch what is due, read what is new in the mirror.

    Raises: StoreUnavailable, EvidenceUnavailable (the mirror folder cannot be read).
    """
    _want_standing(hub)
    with hub.database.reading() as connection:
        due = evidence.due_sources(connection, hub.now(), limit=BATCH)
    _fetch_all(due, hub)
    for name, content in hub.evidence_source.mirrored():
        _take(name, content, hub)


def tidy(hub: Hub) -> None:
    """Drop superseded pieces that no verdict refers to, a bounded number each time."""
    with hub.database.writing(repeatable=True, gives_way=True) as transaction:
        dropped = evidence.forget(transaction, now=hub.now(), limit=FORGOTTEN_AT_ONCE)
    if dropped:
        log.info("superseded_evidence_was_dropped", pieces=dropped)


def next_fetch(piece: EvidencePiece, *, at: datetime) -> datetime:
    """After three quarters of the time for which the piece holds; within ten minutes and a day from `at`."""
    wish = piece.this_update + (until(piece) - piece.this_update) * 3 / 4
    return min(max(wish, at + SOONEST), at + LATEST)


def _want_standing(hub: Hub) -> None:
    wanted, now = list(_standing(hub)), hub.now()
    with hub.database.reading() as connection:
        new = evidence.not_yet_wanted(connection, wanted, at=now)
    if new:
        with hub.database.writing(repeatable=True, gives_way=True) as transaction:
            evidence.want(transaction, new, at=now)


def _standing(hub: Hub) -> Iterator[EvidenceWanted]:
    for anchors in (hub.trust.signing, hub.trust.timestamping):
        yield from ca_wanted((*anchors.roots, *anchors.helpers))


def _fetch_all(due: Sequence[Source], hub: Hub) -> None:
    """A few at once, in threads that do not keep a process from ending: a claimed source is taken up again."""
    waiting, troubles = deque(due), deque[StoreUnavailable]()

    def work() -> None:
        try:
            for source in iter(lambda: waiting.popleft() if waiting and not troubles else None, None):
                _fetch(source, hub)
        except StoreUnavailable as away:
            troubles.append(away)

    threads = [threading.Thread(target=work, name="evidence-fetch", daemon=True) for _ in due[:AT_ONCE]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if troubles:
        raise troubles[0]


def _fetch(source: Source, hub: Hub) -> None:
    with hub.database.writing(gives_way=True) as transaction:
        if not evidence.claim(transaction, source, until=hub.now() + CLAIMED_FOR):
            return
    try:
        piece = _piece(source, hub)
        _keep(piece, hub, origin=source.name, source=source)
    except StoreUnavailable:
        raise
    except EvidenceUnavailable as trouble:
        _failed(source, hub, str(trouble))
    except Exception as defect:  # one odd source must not stop the others
        log.exception("evidence_source_failed_unexpectedly", url=source.url)
        _failed(source, hub, f"unexpected: {type(defect).__name__}")


def _piece(source: Source, hub: Hub) -> EvidencePiece:
    answer = hub.evidence_source.fetch(source.url, source.request)
    try:
        if source.kind is EvidenceKind.OCSP:
            return read_ocsp(answer, asked=source.issuer_key)
        piece = read_crl(answer)
    except ValueError as unreadable:
        raise EvidenceUnavailable(f"the answer ({len(answer)} bytes) is of no use: {unreadable}") from unreadable
    if piece.issuer_key != source.issuer_key:
        raise EvidenceUnavailable("the CRL was issued by another CA than the one whose certificate names this place")
    return piece


def _keep(piece: EvidencePiece, hub: Hub, *, origin: str, source: Source | None = None) -> None:
    now, woken = hub.now(), 0
    with hub.database.writing(gives_way=True) as transaction:
        new = evidence.keep(transaction, piece, source=origin, at=now)
        if source is not None:
            following = next_fetch(piece, at=now)
            evidence.fetched(transaction, source, at=now, next_update=piece.next_update, next_fetch_at=following)
        if new:
            woken = evidence.wake_held(transaction, at=now)
    hub.book.renew(piece.issuer_key)
    if new:
        log.info("evidence_came", kind=piece.kind.value, source=origin, size_bytes=len(piece.der), woken=woken)


def _failed(source: Source, hub: Hub, words: str) -> None:
    with hub.database.writing(gives_way=True) as transaction:
        evidence.failed(transaction, source, at=hub.now(), error=words)
    log.warning("evidence_could_not_be_fetched", url=source.url, failures=source.failures + 1, error=words)


def _take(name: str, content: bytes, hub: Hub) -> None:
    try:
        piece = read_crl(content)
    except ValueError as unreadable:
        log.warning("mirror_file_is_no_crl", file=name, error=str(unreadable))
        return
    _keep(piece, hub, origin=f"mirror:{name}")
