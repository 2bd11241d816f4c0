"""RETRY: try again at once what waits for its time, and once more what has expired; shown first, done afterwards.

Owns: which things may be tried again and why, and doing exactly one of them.
Never: does what was not planned; brings back what was recalled, replaced, or is at its recipient by another sending.
Source: issue 4 part 5; Decree 30/2020/NĐ-CP Art. 18, Annex VI (no second copy of the same document).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from hub.domain.changes import DocumentState
from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import Cause, DeliveryState
from hub.domain.envelopes import BusinessType, Kind, Urgency
from hub.domain.periods import VIETNAM, vietnam_day
from hub.stations import Hub, ending, pass_on
from hub.store import agencies, consignments, deliveries, documents, events, outbox, standing
from hub.store.consignments import Consignment
from hub.store.deliveries import Delivery
from hub.store.engine import Connection, Transaction
from hub.store.events import Event
from hub.store.standing import HeldOne, Scope

MOST = 5000  # things of one kind in one plan; the next plan has the rest
T = TypeVar("T")
_CARRYING = frozenset({BusinessType.NEW, BusinessType.REPLACE, BusinessType.UPDATE})


class Action(StrEnum):
    """What is done to one thing."""

    ATTEMPT_NOW = "attempt_now"
    JUDGE_NOW = "judge_now"
    DELIVER_AGAIN = "deliver_again"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do: `item` is a delivery, or for JUDGE_NOW the consignment, which has no recipient yet."""

    action: Action
    item: str
    consignment_id: str
    recipient_key: str
    why_vi: str
    why_en: str


def plan(connection: Connection, scope: Scope, hub: Hub) -> list[Step]:
    """What could be tried again in this scope, at most MOST of each kind; changes nothing."""
    now = hub.now()
    register = _Register(connection, now)
    return [
        *(_judging(one) for one in standing.held(connection, scope, now, limit=MOST)),
        *(_attempt(one) for one in standing.waiting(connection, scope, now, limit=MOST)),
        *(_again(one) for one in standing.run_out(connection, scope, limit=MOST) if register.lets(one)),
    ]


def run(step: Step, hub: Hub) -> bool:
    """Do one step; False, and nothing done, when the thing moved since it was planned or the step was done before."""
    with hub.database.writing() as transaction:
        match step.action:
            case Action.ATTEMPT_NOW:
                return _attempt_now(transaction, step.item, hub)
            case Action.JUDGE_NOW:
                return _judge_now(transaction, step.item, hub)
            case Action.DELIVER_AGAIN:
                return _deliver_again(transaction, step.item, hub)


def _attempt_now(transaction: Transaction, delivery_id: str, hub: Hub) -> bool:
    now, delivery = hub.now(), ending.locked(transaction, delivery_id)
    waits = delivery is not None and delivery.state is DeliveryState.DUE and delivery.next_attempt_at is not None
    if not waits or delivery.next_attempt_at <= now:
        return False
    deliveries.change(transaction, delivery.id, next_attempt_at=now)
    _wake(transaction, delivery)
    return True


def _judge_now(transaction: Transaction, consignment_id: str, hub: Hub) -> bool:
    """The clock judges what is due within seconds; judging needs the body and has its own transaction."""
    now, kept = hub.now(), consignments.lock(transaction, consignment_id)
    waits = kept is not None and kept.state is ConsignmentState.HELD and kept.next_attempt_at is not None
    if not waits or kept.next_attempt_at <= now:
        return False
    consignments.postpone(transaction, kept.id, now)
    return True


def _deliver_again(transaction: Transaction, delivery_id: str, hub: Hub) -> bool:
    now = hub.now()
    pass_on.lock_document_of(transaction, delivery_id)
    delivery = ending.locked(transaction, delivery_id)
    if delivery is None or delivery.state is not DeliveryState.EXPIRED:
        return False
    if not _Register(transaction.connection, now).lets(delivery):
        return False
    consignment = ending.consignment_of(transaction, delivery)
    lives = hub.rules_on(now).time_to_live[Urgency(consignment.header.get("urgency") or 0)]
    fresh = {"attempts": 0, "reason": "", "cause": Cause.NONE.value, "position": None, "placed_at": None}
    fresh |= {"next_attempt_at": now, "expires_at": now + lives, "ended_at": None}
    deliveries.move(transaction, delivery, DeliveryState.DUE, **fresh)
    if consignment.state is ConsignmentState.CLOSED:
        consignments.move(transaction, consignment, ConsignmentState.ROUTED)
    facts = {"recipient": delivery.recipient_key}
    events.happened(transaction, Event("delivered_again", now, consignment.id, delivery.id, facts))
    _wake(transaction, delivery)
    transaction.ring(f"consignment:{consignment.id}")
    return True


def _wake(transaction: Transaction, delivery: Delivery) -> None:
    trace_id = ending.brief_of(transaction, delivery).trace_id
    outbox.wake(transaction, "deliver", [delivery.id], lane=delivery.lane, trace_id=trace_id)


class _Register:
    """What one plan or one step asks about many deliveries of few consignments, each thing read once."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection, self._day = connection, vietnam_day(now)
        self._consignments: dict[str, Consignment] = {}
        self._in_force: dict[str, bool] = {}
        self._holders: dict[str, frozenset[str]] = {}
        self._exchange: dict[str, bool] = {}

    def lets(self, delivery: Delivery) -> bool:
        """The recipient exchanges today, the document is in force, and the recipient has no other copy of it."""
        if not _kept(self._exchange, delivery.recipient_key, self._exchanges):
            return False
        consignment = _kept(self._consignments, delivery.consignment_id, self._read)
        if consignment.kind != Kind.DOCUMENT or consignment.business_type not in _CARRYING:
            return True  # a recall or a status goes again also about what is no longer in force
        if not _kept(self._in_force, consignment.id, self._is_in_force):
            return False
        return delivery.recipient_key not in _kept(self._holders, consignment.id, self._who_has_it)

    def _read(self, consignment_id: str) -> Consignment:
        found = consignments.get(self._connection, consignment_id)
        if found is None:
            raise LookupError(f"no consignment {consignment_id}")
        return found

    def _exchanges(self, recipient_key: str) -> bool:
        recipient = agencies.find(self._connection, recipient_key)
        return recipient is not None and recipient.exchanges_on(self._day)

    def _is_in_force(self, consignment_id: str) -> bool:
        ref = self._consignments[consignment_id].document_ref
        document = documents.get(self._connection, ref) if ref else None
        return document is None or document.state is DocumentState.LIVE

    def _who_has_it(self, consignment_id: str) -> frozenset[str]:
        """Those who have the same attachments of this document, or will get them, by whichever sending."""
        one = self._consignments[consignment_id]
        if one.business_type != BusinessType.NEW or not one.attachments_sha256 or not one.document_id:
            return frozenset()
        held = deliveries.held_copies(
            self._connection,
            sender_key=one.sender_key,
            document_id=one.document_id,
            attachments_sha256=one.attachments_sha256,
        )
        return frozenset(held)


def _kept(known: dict[str, T], key: str, read: Callable[[str], T]) -> T:
    if key not in known:
        known[key] = read(key)
    return known[key]


def _judging(one: HeldOne) -> Step:
    at = _shown(one.next_attempt_at)
    vi, en = f"đang giữ chờ chứng cứ, hẹn xét lại lúc {at}", f"held for evidence, to be judged again at {at}"
    return Step(Action.JUDGE_NOW, one.id, one.id, "", vi, en)


def _attempt(one: Delivery) -> Step:
    at = _shown(one.next_attempt_at) if one.next_attempt_at else ""
    if one.attempts:
        vi = f"đã thử {one.attempts} lần, hẹn thử lại lúc {at}; lần cuối: {one.reason}"
        en = f"tried {one.attempts} times, to be tried again at {at}; the last answer: {one.reason}"
    else:
        vi, en = f"chưa thử lần nào, hẹn giao lúc {at}", f"not tried yet, to be handed over at {at}"
    return Step(Action.ATTEMPT_NOW, one.id, one.consignment_id, one.recipient_key, vi, en)


def _again(one: Delivery) -> Step:
    at = _shown(one.ended_at) if one.ended_at else ""
    vi = f"hết hạn lúc {at}; giao lại với thời hạn mới, bên gửi sẽ có biên nhận mới"
    en = f"expired at {at}; delivered again with a fresh time to live, the sender will get a new receipt"
    return Step(Action.DELIVER_AGAIN, one.id, one.consignment_id, one.recipient_key, vi, en)


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(VIETNAM):%Y-%m-%d %H:%M}"
