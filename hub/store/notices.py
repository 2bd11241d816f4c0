"""Who wants notices, the notices that are still to be sent, and what the radar saw before.

Owns: the rows of subscribers, notices and radar_marks; the schedule of attempts.
Never: looks at the radar or sends.
Source: issue of stuck documents nobody hears about (field notes §"What none of them has" 9).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.notices import CarrierKind, Expired, Letter
from hub.store.engine import Transaction
from hub.store.life_tables import notices, radar_marks, subscribers
from hub.store.tables import consignments, deliveries

BACK_OFF = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))  # the last one again and again
GIVEN_UP_AFTER = timedelta(hours=24)
KEPT_FOR = timedelta(days=30)  # of notices that were sent or given up
LONGEST_ERROR = 500
EXPIRED = "expired"  # the word in radar_marks for a delivery that will not move any more
CHUNK = 500  # values in one statement; SQLite's bound is far above

Key = tuple[str, str]  # a thing and its cause


@dataclass(frozen=True, slots=True)
class Subscriber:
    """One who wants notices; `agency_key` None: an administrator of the hub, who hears of everything."""

    id: str
    agency_key: str | None
    kind: CarrierKind
    address: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """How the newest notice of a subscriber went."""

    made_at: datetime
    attempts: int
    sent_at: datetime | None
    given_up_at: datetime | None
    last_error: str


@dataclass(frozen=True, slots=True)
class Pending:
    """A notice that is due to be sent."""

    id: str
    kind: CarrierKind
    address: str
    made_at: datetime
    attempts: int
    next_attempt_at: datetime
    letter: Letter


@dataclass(frozen=True, slots=True)
class Made:
    """A notice to be kept until it is sent."""

    id: str
    subscriber_id: str
    letter: Letter


@dataclass(frozen=True, slots=True)
class Mark:
    """Since when the radar sees a thing, and when it was last known to see it."""

    first_seen_at: datetime
    seen_at: datetime


def add(transaction: Transaction, subscriber: Subscriber) -> bool:
    """Keep a new subscriber; False when the same one is there already."""
    for known in live(transaction.connection):
        same = (known.agency_key, known.kind, known.address)
        if same == (subscriber.agency_key, subscriber.kind, subscriber.address):
            return False
    row = {
        "id": subscriber.id,
        "agency_key": subscriber.agency_key,
        "kind": subscriber.kind.value,
        "address": subscriber.address,
        "added_at": subscriber.added_at,
    }
    transaction.execute(sa.insert(subscribers), row)
    return True


def end(transaction: Transaction, subscriber_id: str, *, at: datetime) -> bool:
    """No more notices to this subscriber, those that wait included; False when there is no such live one."""
    living = sa.and_(subscribers.c.id == subscriber_id, subscribers.c.ended_at.is_(None))
    if not transaction.execute(sa.update(subscribers).where(living).values(ended_at=at)).rowcount:
        return False
    waiting = sa.and_(notices.c.subscriber_id == subscriber_id, notices.c.next_attempt_at.isnot(None))
    given_up = {"next_attempt_at": None, "given_up_at": at, "last_error": "the subscriber was removed"}
    transaction.execute(sa.update(notices).where(waiting).values(given_up))
    return True


def live(connection: Connection) -> list[Subscriber]:
    """All who want notices, in the order in which they were added."""
    asked = sa.select(subscribers).where(subscribers.c.ended_at.is_(None)).order_by(subscribers.c.id)
    return [_subscriber(row) for row in connection.execute(asked)]


def get(connection: Connection, subscriber_id: str) -> Subscriber | None:
    """The live subscriber with this id."""
    asked = sa.select(subscribers).where(subscribers.c.id == subscriber_id, subscribers.c.ended_at.is_(None))
    row = connection.execute(asked).one_or_none()
    return _subscriber(row) if row is not None else None


def last_result(connection: Connection, subscriber_id: str) -> Result | None:
    """How the newest notice to a subscriber went; None when none was made in the last 30 days or ever."""
    columns = (notices.c.made_at, notices.c.attempts, notices.c.sent_at, notices.c.given_up_at, notices.c.last_error)
    asked = sa.select(*columns).where(notices.c.subscriber_id == subscriber_id)
    row = connection.execute(asked.order_by(notices.c.made_at.desc()).limit(1)).one_or_none()
    return Result(*row) if row is not None else None


def last_made(connection: Connection, subscriber_ids: Sequence[str]) -> dict[str, datetime]:
    """When each of these got its newest notice made."""
    found: dict[str, datetime] = {}
    for chunk in _chunks(subscriber_ids):
        asked = (
            sa.select(notices.c.subscriber_id, sa.func.max(notices.c.made_at, type_=notices.c.made_at.type))
            .where(notices.c.subscriber_id.in_(chunk))
            .group_by(notices.c.subscriber_id)
        )
        found.update((row[0], row[1]) for row in connection.execute(asked))
    return found


def make(transaction: Transaction, made: Sequence[Made], *, at: datetime) -> int:
    """Keep these notices, due at once, for subscribers who are still there; their old ones go. Returns how many."""
    wanted = sorted({one.subscriber_id for one in made})
    living: set[str] = set()
    for chunk in _chunks(wanted):
        asked = sa.select(subscribers.c.id).where(subscribers.c.id.in_(chunk), subscribers.c.ended_at.is_(None))
        living |= set(transaction.execute(asked.order_by(subscribers.c.id)).scalars())
        done = sa.and_(notices.c.next_attempt_at.is_(None), notices.c.made_at < at - KEPT_FOR)
        transaction.execute(sa.delete(notices).where(notices.c.subscriber_id.in_(chunk), done))
    rows = [
        {
            "id": one.id,
            "subscriber_id": one.subscriber_id,
            "made_at": at,
            "next_attempt_at": at,
            "content": {"subject": one.letter.subject, "text": one.letter.text, "body": dict(one.letter.body)},
        }
        for one in made
        if one.subscriber_id in living
    ]
    if rows:
        transaction.execute(sa.insert(notices), rows)
    return len(rows)


def due(connection: Connection, now: datetime, *, limit: int) -> list[Pending]:
    """Notices whose time has come, longest waiting first."""
    asked = (
        sa.select(notices, subscribers.c.kind, subscribers.c.address)
        .join(subscribers, subscribers.c.id == notices.c.subscriber_id)
        .where(notices.c.next_attempt_at <= now)
        .order_by(notices.c.next_attempt_at)
        .limit(limit)
    )
    return [_pending(row) for row in connection.execute(asked)]


def claim(transaction: Transaction, pending: Pending, *, until: datetime) -> bool:
    """Put a due notice off until `until`; False when another process took it since it was read."""
    unmoved = sa.and_(notices.c.id == pending.id, notices.c.next_attempt_at == pending.next_attempt_at)
    return transaction.execute(sa.update(notices).where(unmoved).values(next_attempt_at=until)).rowcount == 1


def sent(transaction: Transaction, pending: Pending, *, at: datetime) -> None:
    """The carrier took it."""
    values = {"sent_at": at, "attempts": pending.attempts + 1, "next_attempt_at": None, "last_error": ""}
    transaction.execute(sa.update(notices).where(notices.c.id == pending.id).values(values))


def failed(transaction: Transaction, pending: Pending, *, at: datetime, error: str) -> bool:
    """The carrier did not take it; again after 1, 5, 15, 60 minutes, then hourly. True: given up, a day is over."""
    over = at - pending.made_at >= GIVEN_UP_AFTER
    pause = BACK_OFF[min(pending.attempts, len(BACK_OFF) - 1)]
    values = {
        "attempts": pending.attempts + 1,
        "next_attempt_at": None if over else at + pause,
        "given_up_at": at if over else None,
        "last_error": "".join(sign if sign.isprintable() else " " for sign in error)[:LONGEST_ERROR],
    }
    still = sa.and_(notices.c.id == pending.id, notices.c.next_attempt_at.isnot(None))  # its subscriber may be gone
    transaction.execute(sa.update(notices).where(still).values(values))
    return over


def marks(connection: Connection) -> dict[Key, Mark]:
    """All that the radar saw at its last look, and deliveries that expired lately."""
    asked = sa.select(radar_marks.c.item, radar_marks.c.cause, radar_marks.c.first_seen_at, radar_marks.c.seen_at)
    return {(row.item, row.cause): Mark(row.first_seen_at, row.seen_at) for row in connection.execute(asked)}


def see(transaction: Transaction, keys: Collection[Key], *, at: datetime) -> None:
    """The radar sees these for the first time."""
    rows = [{"item": item, "cause": cause, "first_seen_at": at, "seen_at": at} for item, cause in sorted(keys)]
    if rows:
        transaction.execute(sa.insert(radar_marks), rows)


def see_again(transaction: Transaction, keys: Iterable[Key], *, at: datetime) -> None:
    """The radar still sees these."""
    _update(transaction, keys, {"seen_at": at})


def noticed(transaction: Transaction, keys: Iterable[Key], *, at: datetime) -> None:
    """Somebody is told of these."""
    _update(transaction, keys, {"noticed_at": at})


def forget(transaction: Transaction, keys: Iterable[Key]) -> None:
    """These move again, or were told for long enough."""
    for cause, items in _by_cause(keys).items():
        for chunk in _chunks(items):
            which = sa.and_(radar_marks.c.item.in_(chunk), radar_marks.c.cause == cause)
            transaction.execute(sa.delete(radar_marks).where(which))


def expired(transaction: Transaction, delivery_id: str, *, at: datetime) -> None:
    """A delivery expired: the next notices tell its sender; harmless when said twice."""
    row = {"item": delivery_id, "cause": EXPIRED, "first_seen_at": at, "seen_at": at}
    transaction.insert_new(radar_marks, row)


def expired_ones(connection: Connection, marked: Mapping[Key, Mark]) -> list[Expired]:
    """The deliveries among these marks that expired, oldest first."""
    since = {item: mark.first_seen_at for (item, cause), mark in marked.items() if cause == EXPIRED}
    found: list[Expired] = []
    for chunk in _chunks(sorted(since)):
        asked = (
            sa.select(
                deliveries.c.id,
                deliveries.c.consignment_id,
                consignments.c.sender_key,
                deliveries.c.recipient_key,
                consignments.c.document_id,
                consignments.c.notation,
            )
            .join(consignments, consignments.c.id == deliveries.c.consignment_id)
            .where(deliveries.c.id.in_(chunk))
        )
        found += [Expired(*row, since[row.id]) for row in connection.execute(asked)]
    return sorted(found, key=lambda one: (one.at, one.delivery_id))


def _update(transaction: Transaction, keys: Iterable[Key], values: Mapping[str, Any]) -> None:
    for cause, items in _by_cause(keys).items():
        for chunk in _chunks(items):
            which = sa.and_(radar_marks.c.item.in_(chunk), radar_marks.c.cause == cause)
            transaction.execute(sa.update(radar_marks).where(which).values(values))


def _by_cause(keys: Iterable[Key]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for item, cause in sorted(keys):
        found.setdefault(cause, []).append(item)
    return found


def _chunks(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))


def _subscriber(row: Any) -> Subscriber:
    return Subscriber(row.id, row.agency_key, CarrierKind(row.kind), row.address, row.added_at)


def _pending(row: Any) -> Pending:
    said = row.content
    return Pending(
        id=row.id,
        kind=CarrierKind(row.kind),
        address=row.address,
        made_at=row.made_at,
        attempts=row.attempts,
        next_attempt_at=row.next_attempt_at,
        letter=Letter(said["subject"], said["text"], said["body"]),
    )
