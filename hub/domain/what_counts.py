"""What counts and since when: from what the hub knows of a sending and of a copy to the rows that are counted.

Owns: which sendings and copies count, in which cell, with which marks; pure, so that counting again gives the same.
Never: reads rows; adds up.
Source: Decision 28/2018/QĐ-TTg Art. 1 (secrets are outside), 4, 6(2), 8(2), 9(2); Decree 30/2020/NĐ-CP Art. 5, 21(2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from hub.domain.consignments import ConsignmentState
from hub.domain.counting import Cell, Counted, Direction, Measure, Paper, Signed, Validity
from hub.domain.deliveries import DeliveryState
from hub.domain.document_types import type_of
from hub.domain.envelopes import Kind
from hub.domain.periods import vietnam_day
from hub.domain.rules import RulePack
from hub.domain.signatures import Judgement, Role
from hub.domain.statuses import StatusCode

_ACCEPTED = frozenset({ConsignmentState.ACCEPTED, ConsignmentState.ROUTED, ConsignmentState.CLOSED})
_LEFT = frozenset({DeliveryState.WITHDRAWN, DeliveryState.PASSED_ON})
_HANDLED = (StatusCode.RECEIVED_BY_AGENCY, StatusCode.ASSIGNED, StatusCode.IN_PROGRESS, StatusCode.COMPLETED)
_SAYING = {  # which of the recipient's codes say so
    Measure.FED_BACK: frozenset({*_HANDLED, StatusCode.DECLINED}),
    Measure.ACCEPTED: frozenset(_HANDLED),
    Measure.COMPLETED: frozenset({StatusCode.COMPLETED}),
    Measure.DECLINED: frozenset({StatusCode.DECLINED}),
}
_SAID_BY = {code.value: [one for one, codes in _SAYING.items() if code in codes] for code in StatusCode}
_WORST = (Judgement.INVALID, Judgement.UNDETERMINED, Judgement.VALID)


@dataclass(frozen=True, slots=True)
class FoundSignature:
    """One signature in a PDF of the sending; `file` counts from 0, which is the document itself."""

    file: int
    role: Role
    judgement: Judgement
    subject: str


@dataclass(frozen=True, slots=True)
class Sending:
    """What is known of one consignment; `late` when its sender was told that it came after the law's time."""

    consignment_id: str
    document_ref: str | None
    sender_key: str
    kind: str
    business_type: int
    state: ConsignmentState
    secret: bool
    received_at: datetime
    judged_at: datetime
    issued_on: date | None
    notation: str
    type_name: str
    urgency: int
    paper: int | None
    replaces_paper: bool
    signatures: tuple[FoundSignature, ...]
    late: bool = False
    recalled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CopySent:
    """What is known of one delivery; `statuses` are the recipient's codes with when each was recorded.

    `receipt_in_time_at`: when receipt was notified within its deadline; `given_up_at`: when the recipient cancelled
    its copy after a recall; `expired_in_hand_at`: when its time first ended after it had arrived.
    """

    delivery_id: str
    recipient_key: str
    state: DeliveryState
    arrived_at: datetime | None
    fetched_at: datetime | None
    expired_at: datetime | None
    ended_at: datetime | None
    statuses: tuple[tuple[str, datetime], ...] = ()
    receipt_in_time_at: datetime | None = None
    given_up_at: datetime | None = None
    expired_in_hand_at: datetime | None = None


def is_counted(sending: Sending, rules: RulePack) -> bool:
    """True for a document of its own that is no secret: a recall, an update, a status are notices about one."""
    return (
        sending.kind == Kind.DOCUMENT and sending.business_type in rules.counted_business_types and not sending.secret
    )


def of_sender(sending: Sending, rules: RulePack, *, cell: Cell | None = None) -> Counted | None:
    """The document at its sender, once however often it is sent again; or the sending that the hub rejected.

    `cell`: that of the sending, from a caller who has it already.
    """
    if not is_counted(sending, rules):
        return None
    cell = cell or cell_of(sending, rules)
    if sending.state is ConsignmentState.REJECTED:
        return _counted(sending, Direction.REJECTED, cell)
    if sending.state not in _ACCEPTED or sending.document_ref != sending.consignment_id:
        return None
    return _counted(sending, Direction.SENT, cell)


def of_recipient(
    copy: CopySent, sending: Sending, rules: RulePack, *, now: datetime, cell: Cell | None = None
) -> tuple[Counted, ...]:
    """The copy at its recipient once it has arrived, and apart from that the failure when it did not arrive first.

    `cell`: that of the sending, from a caller who has it already.
    """
    if not is_counted(sending, rules):
        return ()
    cell = cell or cell_of(sending, rules)
    found = (_undelivered(copy, sending, cell), _received(copy, sending, rules, now=now, cell=cell))
    return tuple(one for one in found if one is not None)


def cell_of(sending: Sending, rules: RulePack) -> Cell:
    """Which kind of document it is, as it was issued; a later update describes it further and moves no count."""
    return Cell(
        document_type=type_of(sending.type_name, sending.notation, rules.document_types),
        urgency=sending.urgency,
        paper=_paper(sending),
        signed=_signed(sending.signatures),
        validity=_validity(sending.signatures),
    )


def people(sending: Sending) -> frozenset[str]:
    """Digests of the people whose valid signature is on the document; the same person gives the same digest."""
    signed = (one for one in sending.signatures if one.role is Role.PERSONAL_SIGNATURE)
    valid = {one.subject for one in signed if one.judgement is Judgement.VALID and one.subject}
    return frozenset(hashlib.sha256(subject.encode()).hexdigest()[:32] for subject in valid)


def _counted(sending: Sending, direction: Direction, cell: Cell) -> Counted:
    marks: dict[Measure, datetime] = {}
    if direction is Direction.SENT and sending.issued_on is not None:
        marks[Measure.TIMED] = sending.judged_at
        if not sending.late:
            marks[Measure.ON_TIME] = sending.judged_at
    return Counted(
        subject_id=sending.consignment_id,
        consignment_id=sending.consignment_id,
        direction=direction,
        agency_key=sending.sender_key,
        day=vietnam_day(sending.received_at),
        cell=cell,
        known_at=sending.judged_at,
        left_at=sending.recalled_at if direction is Direction.SENT else None,
        marks=marks,
        people=people(sending) if direction is Direction.SENT else frozenset(),
    )


def _undelivered(copy: CopySent, sending: Sending, cell: Cell) -> Counted | None:
    """A failure before the copy arrived; delivered again later, it has left this count."""
    refused_at = copy.ended_at if copy.state is DeliveryState.REFUSED else None
    if refused_at is None and copy.expired_at is None:
        return None
    failed_at = min(at for at in (refused_at, copy.expired_at) if at is not None)
    if copy.arrived_at is not None and copy.arrived_at <= failed_at:
        return None
    mark = Measure.REFUSED if failed_at == refused_at else Measure.EXPIRED
    return Counted(
        subject_id=copy.delivery_id,
        consignment_id=sending.consignment_id,
        direction=Direction.UNDELIVERED,
        agency_key=copy.recipient_key,
        day=vietnam_day(failed_at),
        cell=cell,
        known_at=failed_at,
        left_at=copy.arrived_at,
        marks={mark: failed_at},
    )


def _received(copy: CopySent, sending: Sending, rules: RulePack, *, now: datetime, cell: Cell) -> Counted | None:
    if copy.arrived_at is None:
        return None
    gone = [copy.ended_at] if copy.state in _LEFT else []
    gone += [copy.given_up_at] if copy.given_up_at else []
    left_at = min((at for at in gone if at is not None), default=None)
    return Counted(
        subject_id=copy.delivery_id,
        consignment_id=sending.consignment_id,
        direction=Direction.RECEIVED,
        agency_key=copy.recipient_key,
        day=vietnam_day(copy.arrived_at),
        cell=cell,
        known_at=copy.arrived_at,
        left_at=left_at,
        marks=dict(_marks(copy, rules, now=min(now, left_at) if left_at else now)),
    )


def _marks(copy: CopySent, rules: RulePack, *, now: datetime) -> Iterator[tuple[Measure, datetime]]:
    ended = copy.ended_at
    if copy.state is DeliveryState.HANDED_OVER and ended is not None:
        yield Measure.TAKEN, ended
    if copy.state is DeliveryState.REFUSED and ended is not None:
        yield Measure.REFUSED, ended
    if copy.expired_in_hand_at is not None:
        yield Measure.EXPIRED, copy.expired_in_hand_at
    if copy.receipt_in_time_at is not None:
        yield Measure.SAME_DAY, copy.receipt_in_time_at
    first: dict[Measure, datetime] = {}
    for code, at in copy.statuses:
        for measure in _SAID_BY.get(code, ()):
            first[measure] = min(at, first.get(measure, at))
    yield from first.items()
    unfetched = unfetched_at(copy, rules.unfetched_after)
    if unfetched is not None and unfetched <= now:
        yield Measure.UNFETCHED, unfetched


def unfetched_at(copy: CopySent, after: timedelta) -> datetime | None:
    """When a copy became one that was not fetched in time, or will; None when it was fetched or refused before."""
    if copy.arrived_at is None:
        return None
    limit = copy.arrived_at + after
    answered = copy.ended_at if copy.state in (DeliveryState.HANDED_OVER, DeliveryState.REFUSED) else None
    looked = min((at for at in (copy.fetched_at, answered) if at is not None), default=None)
    return None if looked is not None and looked < limit else limit


def _paper(sending: Sending) -> Paper:
    if sending.paper is None:
        return Paper.NOT_SAID
    if sending.paper:
        return Paper.WITH_PAPER
    return Paper.PAPER_FREE if sending.replaces_paper else Paper.NOT_REPLACING


def _signed(signatures: Sequence[FoundSignature]) -> Signed:
    """Who signed the document itself, the first file."""
    roles = {one.role for one in signatures if one.file == 0}
    person, agency = Role.PERSONAL_SIGNATURE in roles, Role.AGENCY_SEAL in roles
    if person and agency:
        return Signed.BOTH
    return Signed.PERSON if person else Signed.AGENCY if agency else Signed.NONE


def _validity(signatures: Sequence[FoundSignature]) -> Validity:
    found = {one.judgement for one in signatures}
    worst = next((word for word in _WORST if word in found), None)
    return Validity(worst.value) if worst else Validity.UNSIGNED
