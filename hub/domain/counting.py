"""What is counted, and when it became known: one row per document at its sender and per copy at each recipient.

Owns: Counted, its cell and measures, the day-by-day movements that it makes; the two directions are never mixed.
Never: reads rows (hub/store/recount.py); computes a ratio (hub/domain/indicators.py).
Source: Decision 28/2018/QĐ-TTg Art. 4, 5(3), 6(2), 9, 11; Decree 30/2020/NĐ-CP Art. 5, 21(2); domain notes §5.2.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from hub.domain.periods import vietnam_day


class Direction(StrEnum):
    """sent: once at its sender; received: once per copy that reached a recipient; rejected: refused by the hub.

    undelivered: a copy whose recipient's system would not take it, or whose time ended, before it ever arrived.
    """

    SENT = "sent"
    RECEIVED = "received"
    REJECTED = "rejected"
    UNDELIVERED = "undelivered"


class Paper(StrEnum):
    """Whether paper goes along, as the envelope says it, and whether the law lets the document do without."""

    PAPER_FREE = "paper_free"  # Paper=0, and legally replacing paper (Decision 28/2018 Art. 4(1))
    NOT_REPLACING = "not_replacing"  # Paper=0, without the signatures that would make it replace paper (Art. 4(2))
    WITH_PAPER = "with_paper"  # Paper=1
    NOT_SAID = "not_said"


class Signed(StrEnum):
    """Whose signatures are on the document, valid or not (Decree 30/2020 Art. 5 wants both)."""

    NONE = "none"
    PERSON = "person"
    AGENCY = "agency"
    BOTH = "both"


class Validity(StrEnum):
    """What all signatures on the document's files are worth together: the worst of them."""

    VALID = "valid"
    UNDETERMINED = "undetermined"
    INVALID = "invalid"
    UNSIGNED = "unsigned"


class Measure(StrEnum):
    """What is counted in a cell; all but `documents` are marks of some of its documents."""

    DOCUMENTS = "documents"
    LEFT = "left_out"  # recalled by the sender, cancelled at the recipient, passed on: in no other measure any more
    TIMED = "timed"  # sent: the day of signing is known
    ON_TIME = "on_time"  # sent: by the morning of the next working day, urgent at once (Art. 6(2))
    TAKEN = "taken"  # received: handed over to the recipient's system
    SAME_DAY = "same_day"  # received: receipt notified in time (Decree 30/2020 Art. 21(2))
    FED_BACK = "fed_back"  # received: the recipient said 02, 03 or later
    ACCEPTED = "accepted"  # received: 03 or later
    COMPLETED = "completed"  # received: 06
    DECLINED = "declined"  # received: 02
    REFUSED = "refused"  # received: the recipient's system would not take it
    EXPIRED = "expired"  # received: its time to live ended in the inbox
    UNFETCHED = "unfetched"  # received: not fetched within the hours that the rule pack names


MARKS = tuple(one for one in Measure if one not in (Measure.DOCUMENTS, Measure.LEFT))
Sums = Counter[Measure]


class Detail(StrEnum):
    """How finely the kinds of document are told apart."""

    KIND = "kind"  # by all that a cell has
    WORTH = "worth"  # by paper and signatures: all types and urgencies together, as league tables need them


@dataclass(frozen=True, slots=True)
class Cell:
    """The kinds of document that are told apart; `document_type` is an id of the rule pack, "other" when unknown.

    A cell of WORTH stands for documents of every type and urgency; it has no type, and -1 for an urgency.
    """

    document_type: str
    urgency: int
    paper: Paper
    signed: Signed
    validity: Validity

    @property
    def worth(self) -> Cell:
        """The cell that holds it when types and urgencies are not told apart."""
        return Cell("", -1, self.paper, self.signed, self.validity)

    @property
    def detail(self) -> Detail:
        """Whether it is a kind of document or stands for all of its worth."""
        return Detail.KIND if self.document_type else Detail.WORTH


@dataclass(frozen=True, slots=True)
class Counted:
    """One document of one agency: `subject_id` is a consignment's id (sent, rejected) or a delivery's (received).

    `known_at` is when it began to count, `left_at` when it ceased to; `marks` hold when each became known. Nothing
    that is known later than `left_at` counts. `people` are digests of those who signed a document that was sent.
    """

    subject_id: str
    consignment_id: str
    direction: Direction
    agency_key: str
    day: date
    cell: Cell
    known_at: datetime
    left_at: datetime | None = None
    marks: Mapping[Measure, datetime] = field(default_factory=dict)
    people: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a count stands: whose, which way, of which Vietnamese day, which kind of document."""

    agency_key: str
    direction: Direction
    day: date
    cell: Cell


def place(counted: Counted) -> Place:
    """Where this document is counted."""
    return Place(counted.agency_key, counted.direction, counted.day, counted.cell)


def movements(counted: Counted) -> dict[date, Sums]:
    """What this document adds to its place, by the Vietnamese day on which that became known; may be negative.

    What was known on the day itself or before stands under that day.
    """
    found: dict[date, Sums] = {}

    def add(at: datetime, measure: Measure, count: int) -> None:
        known_on = max(vietnam_day(at), counted.day)
        found.setdefault(known_on, Counter())[measure] += count

    add(counted.known_at, Measure.DOCUMENTS, 1)
    standing = {m: at for m, at in counted.marks.items() if counted.left_at is None or at < counted.left_at}
    for measure, at in standing.items():
        add(max(at, counted.known_at), measure, 1)
    if counted.left_at is not None:
        add(counted.left_at, Measure.LEFT, 1)
        add(counted.left_at, Measure.DOCUMENTS, -1)
        for measure in standing:
            add(counted.left_at, measure, -1)
    return {known_on: sums for known_on, sums in found.items() if any(sums.values())}


def total(many: Iterable[Sums]) -> Sums:
    """The sum, with negative ones kept."""
    added: Sums = Counter()
    for sums in many:
        added.update(sums)
    return added


def as_known_on(counted: Counted, day: date) -> Sums:
    """What this document counted for at the end of a Vietnamese day."""
    return total(sums for known_on, sums in movements(counted).items() if known_on <= day)
