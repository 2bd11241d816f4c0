"""DUTIES: what a recipient owes about a copy begins, is met, is answered, passes its deadline; and a late sending.

Owns: opening and ending duties, and the words of the history about them. All callers hold the locks of the copy.
Never: computes a deadline (hub/domain/deadlines.py); asks for a change.
Source: Decision 28/2018/QĐ-TTg Art. 6(2), 8(2), 9(2); Decree 30/2020/NĐ-CP Art. 4, 18, 21(2), 24.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from hub.domain import deadlines
from hub.domain.deadlines import DeadlineRule, rule_for
from hub.domain.duties import Duty, DutyKind, DutyOutcome, met_by
from hub.domain.envelopes import BusinessType, Kind, Urgency
from hub.domain.periods import vietnam_day, vietnam_time
from hub.domain.signatures import Role
from hub.domain.statuses import StatusCode
from hub.errors import Misconfigured
from hub.stations import Hub, new_id
from hub.store import duties, events
from hub.store.consignments import Brief, Consignment
from hub.store.deliveries import Delivery
from hub.store.engine import Transaction
from hub.store.events import Event

ON_ARRIVAL = (DutyKind.AT_ONCE, DutyKind.RECEIPT, DutyKind.PROCESSING)
ISSUED = frozenset({BusinessType.NEW, BusinessType.REPLACE})
_ANSWERS = {StatusCode.CHANGE_ACCEPTED: DutyOutcome.ACCEPTED, StatusCode.CHANGE_DECLINED: DutyOutcome.DECLINED}


def placed(transaction: Transaction, delivery: Delivery, consignment: Consignment | Brief, hub: Hub) -> None:
    """Begin what the recipient owes about a document that just came into its hands; said again, nothing happens."""
    if not _is_issued(consignment):
        return
    past = duties.of_deliveries(transaction.connection, [delivery.id])
    known = {duty.kind for duty in past if duty.outcome is not DutyOutcome.MOOT}  # an expired copy may come again
    rules = hub.rules_on(consignment.received_at).deadlines
    rows = [rule_for(rules, kind, Urgency(consignment.urgency)) for kind in ON_ARRIVAL if kind not in known]
    begun = [_begun(rule, delivery, consignment, hub) for rule in rows if rule is not None]
    duties.open_all(transaction, [duty for duty in begun if duty is not None])


def asked(
    transaction: Transaction,
    delivery: Delivery,
    consignment: Consignment | Brief,
    kind: DutyKind,
    *,
    asked_by: str,
    hub: Hub,
) -> Duty:
    """Begin the recipient's duty to answer a change of its copy; `asked_by` is the consignment that asks.

    `consignment` is that of the copy. Raises Misconfigured when no rule says until when.
    """
    rule = rule_for(hub.rules_on(hub.now()).deadlines, kind, Urgency(consignment.urgency))
    duty = _begun(rule, delivery, consignment, hub) if rule else None
    if duty is None:
        raise Misconfigured("schemas/rules", f"no deadline for {kind.value}", "Add it to the rule pack.")
    duty = replace(duty, asked_by=asked_by)
    duties.open_all(transaction, [duty])
    events.happened(transaction, _event("duty_opened", duty, delivery, at=duty.opened_at))
    return duty


def said(transaction: Transaction, delivery: Delivery, code: StatusCode, hub: Hub) -> None:
    """End what this status of the recipient fulfils; what came too late is told as overdue before."""
    kinds, now = met_by(code), hub.now()
    owed = [duty for duty in duties.owed(transaction.connection, [delivery.id]) if duty.kind in kinds]
    if owed:
        tell_overdue(transaction, [(duty, delivery) for duty in owed], at=now)
        duties.end(transaction, delivery.id, kinds, DutyOutcome.MET, at=now)


def answered(transaction: Transaction, delivery: Delivery, code: StatusCode, hub: Hub) -> Duty | None:
    """The change that 15 or 16 answers: the newest that is open about this copy; None when nothing is asked."""
    waiting = duties.open_changes(transaction.connection, [delivery.id])
    if code not in _ANSWERS or not waiting:
        return None
    duty, outcome, now = waiting[0], _ANSWERS[code], hub.now()
    tell_overdue(transaction, [(duty, delivery)], at=now)
    duties.answer(transaction, duty, outcome, at=now)
    facts = {"kind": duty.kind.value, "outcome": outcome.value, "recipient": delivery.recipient_key}
    events.happened(transaction, Event("duty_answered", now, delivery.consignment_id, delivery.id, facts))
    return replace(duty, ended_at=now, outcome=outcome)


def tell_overdue(transaction: Transaction, many: Sequence[tuple[Duty, Delivery]], *, at: datetime) -> int:
    """Write into the history, once each, which of these duties passed; returns how many were new."""
    late = [(duty, delivery) for duty, delivery in many if duty.due_at <= at]
    new = [one for one in late if duties.mark_overdue(transaction, one[0].id, at=at)]
    events.happened(transaction, *(_event("overdue", duty, delivery, at=at) for duty, delivery in new))
    return len(new)


def late_sending(consignment: Consignment, hub: Hub) -> Event | None:
    """The event of a document that its sender sent later than the law lets it after the day of signing, else None."""
    rules = hub.rules_on(consignment.received_at).deadlines
    rule = rule_for(rules, DutyKind.SENDING, Urgency(consignment.urgency))
    if rule is None or consignment.issued_on is None or not _is_issued(consignment):
        return None
    day = _signing_day(consignment) or consignment.issued_on
    if day >= vietnam_day(consignment.received_at):
        return None
    due_at = deadlines.due(rule, begun=consignment.received_at, calendar=hub.calendar, day=day)
    if due_at is None or consignment.received_at <= due_at:
        return None
    facts = {"kind": rule.kind.value, "due_at": vietnam_time(due_at), "article": rule.article}
    return Event("overdue", hub.now(), consignment.id, facts=facts)


def _begun(rule: DeadlineRule, delivery: Delivery, consignment: Consignment | Brief, hub: Hub) -> Duty | None:
    now = hub.now()
    due_at = deadlines.due(rule, begun=now, calendar=hub.calendar, due_on=consignment.due_on)
    return Duty(new_id(), delivery.id, rule.kind, now, due_at, rule.article) if due_at else None


def _event(word: str, duty: Duty, delivery: Delivery, *, at: datetime) -> Event:
    facts: dict[str, Any] = {
        "kind": duty.kind.value,
        "due_at": vietnam_time(duty.due_at),
        "article": duty.article,
        "recipient": delivery.recipient_key,
    }
    return Event(word, at, delivery.consignment_id, delivery.id, facts)


def _is_issued(consignment: Consignment | Brief) -> bool:
    """True for a document of its own, not a notice about one."""
    return consignment.kind == Kind.DOCUMENT and consignment.business_type in ISSUED


def _signing_day(consignment: Consignment) -> date | None:
    """The Vietnamese day of the agency's latest timestamped seal on the document, which is the first file."""
    signatures = consignment.files[0]["signatures"] if consignment.files else ()
    stamped = [
        datetime.fromisoformat(one["timestamped_at"])
        for one in signatures
        if one["role"] == Role.AGENCY_SEAL and one["timestamped_at"]
    ]
    return vietnam_day(max(stamped)) if stamped else None
