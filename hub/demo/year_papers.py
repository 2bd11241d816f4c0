"""The documents of the invented year: what is written, how it is signed and sent, what the hub made of it.

Owns: the choices for one document, its rows in consignments, documents and events; rejected attempts, recalls.
Never: chooses a recipient (year_network.py); lives a copy's life (year_copies.py).
Source: domain notes §5.1 (fan-out); Decision 28/2018/QĐ-TTg Art. 6(2), 8(2); all shares are invented [confirm].
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import msgspec

from hub.demo import year_names as names
from hub.demo.year_copies import NEVER, Copies, Copy, Paper, is_closed
from hub.demo.year_country import Leader, Unit
from hub.demo.year_days import DAY, HOUR, MINUTE, day_of, midnight, moment, written, zulu
from hub.demo.year_headers import Filling, Headers
from hub.demo.year_signing import Case, Report, Signing
from hub.demo.year_world import World, rule, rules_of
from hub.domain.agencies import plain
from hub.domain.changes import DocumentState
from hub.domain.consignments import ConsignmentState, Lane, lane_of
from hub.domain.deliveries import DeliveryState
from hub.domain.duties import DutyKind
from hub.domain.envelopes import BusinessType, Kind, Urgency
from hub.domain.periods import vietnam_time
from hub.store.bulk import NOTHING, escaped

RECALLED, REJECTED = 0.004, 0.011  # shares of all documents
_SIGNED_BEFORE, _WITH_DEADLINE, _NOT_SAID = 0.07, 0.2, 0.015
_MORNING_ENDS = 11 * HOUR + 20 * MINUTE
_DOCUMENT = Kind.DOCUMENT.value
_LATEST_RECALL = 21 * HOUR  # of the last day: what is recalled later is recalled next year


@dataclass(frozen=True, slots=True)
class _Draft:
    """What was decided about one document before it is sent."""

    unit: Unit
    leader: Leader
    report: Report
    filling: Filling
    notation: str
    signed_at: int
    sent_at: int
    paper: int | None
    due_on: date | None
    plain: str


@dataclass(frozen=True, slots=True)
class _Kept:
    """A consignment about to be written."""

    consignment_id: str
    draft: _Draft
    report: Report
    state: ConsignmentState
    business_type: BusinessType
    received: int
    header: str
    document_ref: str | None
    lane: Lane


class Papers:
    """Sends documents; `sent` counts them by agency and month, for those who declare what is on paper beside them."""

    def __init__(self, world: World, copies: Copies) -> None:
        self._world, self._copies = world, copies
        self._signing: dict[str, Signing] = {}
        self._headers = Headers()
        self._last_number: Counter[str] = Counter()
        self._types = [one for one in names.TYPES for _ in range(one.per_mille)]
        self._urgencies = [level for level, share in names.URGENCIES for _ in range(share)]
        self._subjects = _subjects(world.year)
        self._trace = hashlib.sha256(world.run.encode()).hexdigest()[:20]
        self.sent: Counter[tuple[str, int]] = Counter()
        self.copies = 0

    def issue(self, unit: Unit, recipients: Sequence[Unit], sent_at: int, day: date) -> None:
        """One document, from its signing to the last answer about its last copy."""
        draft = self._drafted(unit, recipients, sent_at, day)
        if self._world.dice.random() < REJECTED:
            self._rejected(draft, day)
        beginning = self._world.ids.at(sent_at)
        consignment_id = self._world.ids.new(beginning)
        lane = lane_of(
            Urgency(draft.filling.urgency),
            recipients=len(recipients),
            bulk_from=rules_of(day).bulk_from_recipients,
        )
        paper = Paper(consignment_id, beginning, day, sent_at + 2, draft.filling.urgency, lane.value, draft.due_on)
        if self._world.dice.random() < RECALLED:
            self._will_be_recalled(paper, sent_at)
        copies = [self._copies.send(paper, one) for one in recipients]
        state = ConsignmentState.CLOSED if is_closed(copies) else ConsignmentState.ROUTED
        header = self._headers.document(unit, draft.leader, draft.report.names, draft.filling)
        self._write(
            _Kept(consignment_id, draft, draft.report, state, BusinessType.NEW, sent_at, header, consignment_id, lane)
        )
        self._register(draft, paper)
        self._tell_late(draft, consignment_id)
        if paper.recalled != NEVER:
            self._recall(draft, paper, copies)
        self.sent[unit.key, day.month] += 1
        self.copies += len(copies)

    def _drafted(self, unit: Unit, recipients: Sequence[Unit], sent_at: int, day: date) -> _Draft:
        roll = self._world.dice.random
        kind = self._types[int(roll() * 1000)]
        self._last_number[unit.key] += 1
        number = str(self._last_number[unit.key])
        symbol = f"{kind.abbreviation}-{unit.symbol}" if kind.abbreviation else f"{unit.symbol}-VP"
        signed_at = self._signed_at(unit, sent_at, day)
        issued_on = day_of(signed_at)
        leaders = [one for one in unit.leaders if one.since <= issued_on] or unit.leaders[:1]
        leader = leaders[int(roll() ** 2 * len(leaders))]
        subject, plain_subject = self._subjects[int(roll() * len(self._subjects))]
        due_on = day + timedelta(days=4 + int(18 * roll())) if roll() < _WITH_DEADLINE else None
        digest = hashlib.sha256(f"{self._trace}{unit.key}{number}".encode()).hexdigest()
        paper = self._paper(unit, day)
        filling = Filling(
            document_id=f"{unit.key},{issued_on:%Y/%m/%d},{number}/{symbol}",
            number=number,
            notation=symbol,
            issued_on=issued_on.isoformat(),
            type_number=kind.number,
            type_name=kind.name,
            subject=subject,
            due_on="null" if due_on is None else f'"{due_on.isoformat()}"',
            urgency=self._urgencies[int(roll() * 1000)],
            paper="null" if paper is None else str(paper),
            size=40_000 + int(900_000 * roll() ** 3),
            digests=(digest, digest[::-1]),
            sent_at=zulu(sent_at),
            to=tuple(recipients),
        )
        report = self._signing_on(day).report(unit, leader, self._case(unit, day))
        words = f"{number} {_plain(symbol)} {plain_subject}"
        return _Draft(unit, leader, report, filling, f"{number}/{symbol}", signed_at, sent_at, paper, due_on, words)

    def _signed_at(self, unit: Unit, sent_at: int, day: date) -> int:
        """Mostly within the hour before; else on the working day before; late ones days before."""
        roll, office = self._world.dice.random, self._world.office
        of_day = sent_at - midnight(day)
        if roll() > unit.habits.punctual:
            before = office.day_before(day, 2 + int(3 * roll()))
        elif of_day < _MORNING_ENDS and office.works_on(day) and roll() < 3 * _SIGNED_BEFORE:
            before = office.day_before(day, 1)
        else:
            return max(sent_at - 120 - int(3 * HOUR * roll() ** 2), midnight(day) + 60)
        return midnight(before) + 14 * HOUR + int(3 * HOUR * roll())

    def _paper(self, unit: Unit, day: date) -> int | None:
        roll, (first, last) = self._world.dice.random, unit.habits.paper_free
        if roll() < _NOT_SAID:
            return None
        return 0 if roll() < first + (last - first) * _of_year(day) else 1

    def _case(self, unit: Unit, day: date) -> Case:
        """Both signatures more and more often; the rest as it is where people are new to it."""
        roll, (first, last) = self._world.dice.random, unit.habits.signs_both
        if not unit.certified:
            return Case.UNSIGNED if roll() < 0.8 else Case.NO_PDF
        if roll() < first + (last - first) * _of_year(day):
            which = roll()
            if unit.legacy_until is not None and which < 0.35:
                return Case.LEGACY
            return Case.WITH_ANNEX if which > 0.92 else Case.BOTH
        which = roll()
        listed = ((0.4, Case.SEAL), (0.6, Case.PERSON), (0.75, Case.DOUBTFUL), (0.93, Case.UNSIGNED))
        return next((case for share, case in listed if which < share), Case.NO_PDF)

    def _signing_on(self, day: date) -> Signing:
        pack = rules_of(day)
        if pack.pack_id not in self._signing:
            self._signing[pack.pack_id] = Signing(pack.legal_value, self._world.year)
        return self._signing[pack.pack_id]

    def _rejected(self, draft: _Draft, day: date) -> None:
        """The first attempt carried a page that was changed after signing; what follows is the second."""
        received = max(draft.sent_at - 300 - int(1200 * self._world.dice.random()), midnight(day))
        report = self._signing_on(day).report(draft.unit, draft.leader, Case.BROKEN)
        consignment_id = self._world.ids.new(self._world.ids.at(received))
        header = self._headers.document(draft.unit, draft.leader, report.names, draft.filling)
        state, kind = ConsignmentState.REJECTED, BusinessType.NEW
        lane = lane_of(Urgency(draft.filling.urgency), recipients=len(draft.filling.to), bulk_from=NEVER)
        self._write(_Kept(consignment_id, draft, report, state, kind, received, header, None, lane))

    def _will_be_recalled(self, paper: Paper, sent_at: int) -> None:
        roll, world = self._world.dice.random, self._world
        at = world.office.at_work(sent_at + 15 * MINUTE + int(2 * DAY * roll() ** 2))
        if at < world.end - DAY + _LATEST_RECALL:
            paper.recalled, paper.recall_id = at, world.ids.new(world.ids.at(at))

    def _write(self, one: _Kept) -> None:
        draft, filling = one.draft, one.draft.filling
        digest = hashlib.sha256(one.consignment_id.encode()).hexdigest()
        files = one.report.filled(
            claimed=zulu(draft.signed_at), stamped=zulu(draft.signed_at + 40), judged=zulu(one.received)
        )
        carries = one.business_type is BusinessType.NEW
        parts = sorted(filling.digests[: len(one.report.names)])
        attached = hashlib.sha256("\n".join(parts).encode()).hexdigest() if carries else ""
        key = draft.unit.key
        size, report = filling.size * 4 // 3 + 7000 if carries else 4200, one.report
        self._world.piece.rows["consignments"].append(
            f"{one.consignment_id}\t{key}\t{key}\tsha256:{digest}\t{key}\t{_DOCUMENT}\t{one.state.value}"
            f"\t{one.lane.value}\t{digest}\t{size}\t1\t{filling.document_id}\t{draft.notation}\t{filling.issued_on}"
            f"\t{attached}\t{one.business_type.value}\t{NOTHING if draft.paper is None else draft.paper}"
            f"\t{report.signature_state}\t{one.header}\t{report.signature}\t{files}"
            f"\t{report.replaces_paper:d}\t{report.because}\t{report.findings}"
            f"\t{rules_of(day_of(one.received)).pack_id}\t{self._trace}{one.consignment_id[-12:]}"
            f"\t{written(one.received)}\t{written(one.received + 1)}\t{one.document_ref or NOTHING}"
        )

    def _register(self, draft: _Draft, paper: Paper) -> None:
        filling, recalled = draft.filling, paper.recalled != NEVER
        state = DocumentState.RECALLED if recalled else DocumentState.LIVE
        changed = written(paper.recalled - 1 if recalled else draft.sent_at + 1)
        due_on = draft.due_on.isoformat() if draft.due_on else NOTHING
        self._world.piece.rows["documents"].append(
            f"{paper.consignment_id}\t{draft.unit.key}\t{filling.document_id}\t{draft.notation}\t{filling.issued_on}"
            f"\t{filling.subject}\t{filling.type_name}\t{filling.urgency}\t{due_on}\t{draft.plain}\t{state.value}"
            f"\t{paper.consignment_id}\t{written(draft.sent_at)}\t{changed}"
        )

    def _tell_late(self, draft: _Draft, consignment_id: str) -> None:
        """As hub/stations/duties.py tells it: an event without a delivery, from which the lateness is counted."""
        received, signed_on = draft.sent_at, day_of(draft.signed_at)
        sending = rule(day_of(received), DutyKind.SENDING, draft.filling.urgency)
        if sending is None or signed_on >= day_of(received):
            return
        due = self._world.due(sending, received, day=signed_on)
        if due is None or received <= due:
            return
        facts = {"kind": sending.kind.value, "due_at": vietnam_time(moment(due)), "article": sending.article}
        told = escaped(msgspec.json.encode(facts).decode())
        self._world.piece.rows["events"].append(f"{consignment_id}\toverdue\t{written(received + 1)}\t{told}\t0")

    def _recall(self, draft: _Draft, paper: Paper, copies: Sequence[Copy]) -> None:
        """The notice to everybody; whoever took the document was asked to give it up, for the others it is needless."""
        world, received = self._world, paper.recalled - 2
        notice = Paper(
            paper.recall_id, world.ids.at(received), day_of(received), paper.recalled, paper.urgency, paper.lane
        )
        made = [self._noticed(one, notice) for one in copies]
        state = ConsignmentState.CLOSED if is_closed(made) else ConsignmentState.ROUTED
        report = self._signing_on(notice.day).of_notice(draft.unit)
        header = self._headers.recall(draft.unit, draft.filling, paper.consignment_id)
        ref, lane, kind = paper.consignment_id, Lane(paper.lane), BusinessType.RECALL
        self._write(_Kept(paper.recall_id, draft, report, state, kind, received, header, ref, lane))

    def _noticed(self, copy: Copy, notice: Paper) -> Copy:
        world = self._world
        mine = Copy(
            copy.unit, world.ids.new(notice.beginning), NEVER, state=DeliveryState.NEEDLESS, ended=notice.created
        )
        if copy.state is not DeliveryState.REFUSED and copy.state is not DeliveryState.EXPIRED:
            mine.same_as = copy.delivery_id
        if copy.state is DeliveryState.HANDED_OVER:
            mine.placed, mine.state = notice.created + 1, DeliveryState.HANDED_OVER
            self._copies.takes_a_notice(mine)
        self._copies.enter(mine, notice)
        return mine


def _of_year(day: date) -> float:
    """How far the year is, in [0, 1]."""
    return day.timetuple().tm_yday / 366


_plain = cache(plain)  # of the symbols, which are few


def _subjects(year: int) -> list[tuple[str, str]]:
    """Every subject there is, and the form in which it is searched."""
    found = [f"V/v {what} {matter.format(year=year)}" for what in names.WHAT for matter in names.MATTER]
    return [(subject, plain(subject)) for subject in found]
