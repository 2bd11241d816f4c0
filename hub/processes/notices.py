"""NOTICES: tells people and systems what does not move: one notice for everything, at most one per hour and subscriber.

Owns: what the radar saw before, who is told of what and when, the thread that sends what is pending.
Never: stands on the way of a document; tells an agency of documents that it neither sent nor must act on.
Source: issue of stuck documents nobody hears about (field notes §"What none of them has" 9).
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

import structlog

from hub.domain.causes import Stuck
from hub.domain.notices import CarrierKind, Expired, Letter, Notice, is_due, letter
from hub.errors import HubError, NoticesUnavailable
from hub.reports import radar
from hub.signatures.detached import sign_notice
from hub.signatures.jws import canonical_json
from hub.stations import Hub, new_id
from hub.store import notices as store
from hub.store.engine import Database
from hub.store.notices import Key, Made, Mark, Pending, Subscriber

log = structlog.get_logger()
LOOK_EVERY = timedelta(minutes=1)
MOST_STUCK = 20_000  # at one look; a hub with more has one trouble, not twenty thousand
SEEN_AGAIN_AFTER = timedelta(hours=1)  # a mark is written anew once an hour, not at every look
UNSEEN_AFTER = timedelta(hours=3)  # when there was more than one look shows, only what was not seen for so long goes
EVERY_SECONDS = 5.0
AFTER_TROUBLE_SECONDS = 30.0
AT_ONCE = 20
CLAIMED_FOR = timedelta(minutes=10)  # longer than any carrier takes; after a crash it is sent again then

#: When each hub of this process looked last; another process that becomes the leader may look once more, harmlessly.
_looked: WeakKeyDictionary[Database, datetime] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class _Sight:
    """What one look gave, with what was known before."""

    stuck: Sequence[Stuck]
    expired: Sequence[Expired]
    known: Mapping[Key, Mark]
    subscribers: Sequence[Subscriber]
    last_told: Mapping[str, datetime]

    @property
    def keys(self) -> set[Key]:
        return {_key(item) for item in self.stuck}


def tick(hub: Hub) -> None:
    """Look at the radar, at most once a minute, and make the notices that follow. Raises StoreUnavailable."""
    now = hub.now()
    last = _looked.get(hub.database)
    if last is not None and abs(now - last) < LOOK_EVERY:  # either way: a clock may be set back
        return
    sight = _look(hub, now)
    made, told = _letters(sight, hub, now)
    _keep(sight, made, told, hub, now)
    _looked[hub.database] = now


def run(hub: Hub, stop: threading.Event) -> None:
    """Until `stop`: send what is due; several processes may do so at once."""
    while not stop.is_set():
        pause = EVERY_SECONDS
        try:
            if send_tick(hub):
                continue
        except HubError as trouble:
            log.warning("notices_have_to_wait", error=str(trouble), code=trouble.code)
            pause = AFTER_TROUBLE_SECONDS
        except Exception:  # a defect must not end the only thread that tells people
            log.exception("notices_failed_unexpectedly")
            pause = AFTER_TROUBLE_SECONDS
        stop.wait(pause)


def send_tick(hub: Hub) -> bool:
    """Try to send one notice that is due; False when there is none. Raises StoreUnavailable."""
    with hub.database.reading() as connection:
        waiting = store.due(connection, hub.now(), limit=AT_ONCE)
    for pending in waiting:
        with hub.database.writing(gives_way=True) as transaction:
            mine = store.claim(transaction, pending, until=hub.now() + CLAIMED_FOR)
        if mine:
            _send(pending, hub)
            return True
    return False


def hand_over(notice_id: str, said: Letter, hub: Hub, *, kind: CarrierKind, address: str) -> None:
    """Give one notice to its carrier now, signed as of now. Raises NoticesUnavailable."""
    carrier = hub.carriers.get(kind)
    if carrier is None:
        setting = "HUB_MAIL_SERVER" if kind is CarrierKind.MAIL else "HUB_NOTICE_HOSTS"
        raise NoticesUnavailable(f"no carrier for {kind.value}: set {setting}")
    body = canonical_json(said.body)
    signature = sign_notice(body, notice_id=notice_id, at=hub.now(), issuer=hub.settings.name, key=hub.key)
    carrier.send(Notice(notice_id, address, said.subject, said.text, body, signature))


def _send(pending: Pending, hub: Hub) -> None:
    try:
        hand_over(pending.id, pending.letter, hub, kind=pending.kind, address=pending.address)
    except NoticesUnavailable as refusal:
        _not_sent(pending, hub, str(refusal))
    except Exception as defect:  # one odd notice must not stop the others
        log.exception("notice_failed_unexpectedly", notice=pending.id)
        _not_sent(pending, hub, f"unexpected: {type(defect).__name__}")
    else:
        with hub.database.writing() as transaction:
            store.sent(transaction, pending, at=hub.now())
        log.info("notice_was_sent", notice=pending.id, kind=pending.kind.value, attempts=pending.attempts + 1)


def _not_sent(pending: Pending, hub: Hub, error: str) -> None:
    with hub.database.writing() as transaction:
        given_up = store.failed(transaction, pending, at=hub.now(), error=error)
    words = "notice_was_given_up" if given_up else "notice_was_not_sent"
    log.warning(words, notice=pending.id, kind=pending.kind.value, error=error, attempts=pending.attempts + 1)


def _look(hub: Hub, now: datetime) -> _Sight:
    with hub.database.reading() as connection:
        known = store.marks(connection)
        subscribers = store.live(connection)
        return _Sight(
            stuck=radar.look(connection, hub.settings, now, limit=MOST_STUCK).stuck,
            expired=store.expired_ones(connection, known),
            known=known,
            subscribers=subscribers,
            last_told=store.last_made(connection, [one.id for one in subscribers]),
        )


def _letters(sight: _Sight, hub: Hub, now: datetime) -> tuple[list[Made], set[Key]]:
    """The notices to be made now, and what they tell of."""
    stuck, expired = _by_agency(sight)
    made: list[Made] = []
    told: set[Key] = set()
    for subscriber in sight.subscribers:
        last = sight.last_told.get(subscriber.id)
        if last is not None and now - last < timedelta(minutes=hub.settings.notice_every_minutes):
            continue
        again = timedelta(hours=hub.settings.notice_again_hours)
        news = [
            item
            for item in stuck.get(subscriber.agency_key, ())
            if is_due(_first_seen(item, sight, now), last, now, again=again)
        ]
        ended = [one for one in expired.get(subscriber.agency_key, ()) if last is None or last < one.at]
        if news or ended:
            notice_id = new_id()
            said = letter(news, ended, notice_id=notice_id, hub=hub.settings.name, at=now)
            made.append(Made(notice_id, subscriber.id, said))
            told |= {_key(item) for item in news} | {(one.delivery_id, store.EXPIRED) for one in ended}
    return made, told


def _by_agency(sight: _Sight) -> tuple[dict[str | None, list[Stuck]], dict[str | None, list[Expired]]]:
    """What concerns whom, under the agency's key; under None everything, for the hub's administrators."""
    stuck: dict[str | None, list[Stuck]] = defaultdict(list, {None: list(sight.stuck)})
    for item in sight.stuck:
        for agency in {item.sender_key, item.must_act} - {""}:
            stuck[agency].append(item)
    expired: dict[str | None, list[Expired]] = defaultdict(list, {None: list(sight.expired)})
    for one in sight.expired:
        expired[one.sender_key].append(one)
    return stuck, expired


def _keep(sight: _Sight, made: Sequence[Made], told: set[Key], hub: Hub, now: datetime) -> None:
    """The marks and the notices in one transaction: what is marked as told is pending, whatever happens."""
    seen = sight.keys
    new = seen - sight.known.keys()
    again = {key for key in seen & sight.known.keys() if now - sight.known[key].seen_at >= SEEN_AGAIN_AFTER}
    gone = _gone(sight, seen, hub, now)
    if not (new or again or gone or made):
        return
    with hub.database.writing(gives_way=True) as transaction:
        store.forget(transaction, gone)
        store.see(transaction, new, at=now)
        store.see_again(transaction, again, at=now)
        kept = store.make(transaction, made, at=now)
        store.noticed(transaction, told, at=now)
    if kept:
        log.info("notices_were_made", notices=kept, stuck=len(sight.stuck), expired=len(sight.expired))


def _gone(sight: _Sight, seen: set[Key], hub: Hub, now: datetime) -> set[Key]:
    """Marks of what moves again; an expired delivery stays until everybody's next notice has told of it."""
    everything = len(sight.stuck) < MOST_STUCK
    expiries = timedelta(minutes=2 * hub.settings.notice_every_minutes)
    gone: set[Key] = set()
    for key, mark in sight.known.items():
        if key[1] == store.EXPIRED:
            old = now - mark.first_seen_at > expiries
        else:
            old = key not in seen and (everything or now - mark.seen_at > UNSEEN_AFTER)
        if old:
            gone.add(key)
    return gone


def _first_seen(item: Stuck, sight: _Sight, now: datetime) -> datetime:
    mark = sight.known.get(_key(item))
    return mark.first_seen_at if mark is not None else now


def _key(item: Stuck) -> Key:
    return item.item, item.cause.value
