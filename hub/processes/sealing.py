"""SEALING, a duty of the clock: seal the receipts that wait, then have each seal timestamped, whenever that succeeds.

Owns: when a seal is due, the threads that ask the timestamp authority, the times of further tries.
Never: waits for the authority while sealing; keeps a timestamp that it has not verified.
Source: design §6; RFC 3161; threats E21, E23.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import timedelta

import structlog

from hub.domain.evidence import EvidenceWanted
from hub.domain.seals import MOST_RECEIPTS
from hub.errors import HubError, TimestampsUnavailable
from hub.ports import TimestampAuthority
from hub.signatures import timestamps
from hub.signatures.timestamps import Expected, Timestamp, chain_judge
from hub.stations import Hub
from hub.stations.examine import askable
from hub.store import evidence, seals
from hub.store.seals import Owed

log = structlog.get_logger()
LONGEST_ROUND_SECONDS = 5.0  # of the clock's time; what waits longer is sealed in its next rounds
AT_ONCE = 4  # timestamps asked for in parallel: a slow authority (130 s) still keeps up with one seal a minute
LOOK_EVERY_SECONDS = 5.0
QUICK_TRIES = 3
QUICK_PAUSE = timedelta(seconds=10)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
CLAIMED_FOR = timedelta(minutes=10)  # longer than an answer may take; then another process asks


def tick(hub: Hub) -> int:
    """Seal what is due, batch by batch; returns how many seals were made. Raises StoreUnavailable."""
    made, until = 0, time.monotonic() + LONGEST_ROUND_SECONDS
    while time.monotonic() < until and _is_due(hub):
        with hub.database.writing(gives_way=True) as transaction:
            sealed = seals.seal_next(transaction, now=hub.now(), stamp=hub.timestamps is not None)
        if sealed is None:
            break
        made += 1
        log.info("receipts_were_sealed", seal=sealed.number, receipts=sealed.size, head=sealed.head)
    return made


def run_stamps(hub: Hub, stop: threading.Event) -> None:
    """Until `stop`: ask for the timestamps that are owed, at most four at a time; nobody waits for an answer."""
    if hub.timestamps is None:
        log.info("seals_get_no_timestamps", advice="set HUB_TIMESTAMP_URL to have them timestamped")
        return
    for number in range(AT_ONCE - 1):
        threading.Thread(target=_stamp_until, args=(hub, stop), name=f"timestamps-{number}", daemon=True).start()
    _stamp_until(hub, stop)


def stamp_tick(hub: Hub) -> bool:
    """Try for one timestamp that is due; False when there is none, or nobody to ask. Raises StoreUnavailable."""
    if hub.timestamps is None:
        return False
    with hub.database.reading() as connection:
        due = seals.unstamped(connection, hub.now(), limit=AT_ONCE)
    for owed in due:
        with hub.database.writing() as transaction:
            mine = seals.claim(transaction, owed, hub.now() + CLAIMED_FOR)
        if mine:
            _stamp(owed, hub, hub.timestamps)
            return True
    return False


def _is_due(hub: Hub) -> bool:
    with hub.database.reading() as connection:
        count = seals.waiting(connection, most=MOST_RECEIPTS)
        newest = seals.last(connection)
    if count == 0 or count == MOST_RECEIPTS or newest is None:
        return count > 0
    # The distance either way: a clock that was set back must not stop the sealing until it has caught up
    return abs(hub.now() - newest[2]) >= timedelta(seconds=hub.settings.seal_every_seconds)


def _stamp_until(hub: Hub, stop: threading.Event) -> None:
    while not stop.is_set():
        if not _survived(lambda: stamp_tick(hub)):
            stop.wait(LOOK_EVERY_SECONDS)


def _survived(work: Callable[[], bool]) -> bool:
    try:
        return work()
    except HubError as trouble:
        log.warning("timestamps_have_to_wait", error=str(trouble), code=trouble.code)
    except Exception:  # a defect must not end the only thread that asks for timestamps
        log.exception("timestamps_failed_unexpectedly")
    return False


def _stamp(owed: Owed, hub: Hub, authority: TimestampAuthority) -> None:
    wanted: list[EvidenceWanted] = []
    try:
        found = _asked(owed, hub, authority, wanted)
    except TimestampsUnavailable as refusal:
        pause = pause_after(owed.failures + 1)
        with hub.database.writing() as transaction:
            seals.stamp_failed(transaction, owed, error=str(refusal)[:2000], next_at=hub.now() + pause)
        log.warning("seal_was_not_timestamped", seal=owed.number, error=str(refusal), failures=owed.failures + 1)
        return
    with hub.database.writing() as transaction:
        seals.stamped(transaction, owed.number, found.token, at=found.gen_time)
        evidence.want(transaction, askable(tuple(wanted), hub), at=hub.now())
    log.info("seal_was_timestamped", seal=owed.number, at=found.gen_time.isoformat())


def _asked(owed: Owed, hub: Hub, authority: TimestampAuthority, wanted: list[EvidenceWanted]) -> Timestamp:
    digest = bytes.fromhex(owed.head)
    request, nonce = timestamps.request(digest)
    response = authority.stamp(request)
    expected = Expected(digest, not_before=owed.sealed_at, not_after=hub.now(), nonce=nonce)
    return timestamps.read_response(response, expected, judge=chain_judge(hub.trust, hub.book, wanted))


def pause_after(failures: int) -> timedelta:
    """How long to wait after so many tries in vain: shortly twice, then ever longer, an hour at most."""
    if failures < QUICK_TRIES:
        return QUICK_PAUSE
    return min(FIRST_PAUSE * 2 ** min(failures - QUICK_TRIES, 10), LONGEST_PAUSE)
