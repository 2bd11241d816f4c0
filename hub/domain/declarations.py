"""What an agency declares because no hub saw it: documents on paper only, documents of systems not connected.

Owns: the kinds and their words, one declaration, what is wrong with entries that are handed in, how they correct.
Never: changes an entry: a correction is a new one; takes a secret document (they are outside every figure).
Source: Decision 28/2018/QĐ-TTg Art. 1, 11 (three layers of statistics); domain notes §5.2.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from hub.domain.counting import Direction
from hub.errors import Fault

LONGEST_NAME = 200  # characters of the name of who declared
LONGEST_NOTE = 2000
MOST_DAYS = 366  # of one entry: a longer one could be wholly inside no report
MOST_COUNT = 100_000_000  # abuse bound: more than the whole country sends in a year


class DeclaredKind(StrEnum):
    """Documents of a period that did not pass the hub; `leaders` is a head count on the last day of the period."""

    SENT_PAPER_ONLY = "sent_paper_only"
    SENT_ELSEWHERE_PAPER_FREE = "sent_elsewhere_paper_free"
    SENT_ELSEWHERE_WITH_PAPER = "sent_elsewhere_with_paper"
    RECEIVED_PAPER_ONLY = "received_paper_only"
    RECEIVED_ELSEWHERE = "received_elsewhere"
    LEADERS = "leaders"


DIRECTIONS = {
    kind: Direction.SENT if kind.value.startswith("sent") else Direction.RECEIVED
    for kind in DeclaredKind
    if kind is not DeclaredKind.LEADERS
}
KIND_WORDS = {
    DeclaredKind.SENT_PAPER_ONLY: ("Gửi đi chỉ bằng bản giấy", "sent on paper only"),
    DeclaredKind.SENT_ELSEWHERE_PAPER_FREE: (
        "Gửi điện tử không qua trục, không kèm bản giấy",
        "sent electronically past the hub, without paper",
    ),
    DeclaredKind.SENT_ELSEWHERE_WITH_PAPER: (
        "Gửi điện tử không qua trục, kèm bản giấy",
        "sent electronically past the hub, with paper in parallel",
    ),
    DeclaredKind.RECEIVED_PAPER_ONLY: ("Nhận chỉ bằng bản giấy", "received on paper only"),
    DeclaredKind.RECEIVED_ELSEWHERE: ("Nhận điện tử không qua trục", "received electronically past the hub"),
    DeclaredKind.LEADERS: ("Số lãnh đạo tại ngày cuối kỳ", "leaders, counted on the last day of the period"),
}


@dataclass(frozen=True, slots=True)
class Declaration:
    """One entry; both days inclusive. `corrects` is the id of the entry that it takes the place of.

    `document_type` empty: of all types together. `declared_by` is a person's name: for the agency itself, those above
    it and the hub's administrators. `caller_key` handed it in; empty: the hub's administrators did.
    """

    id: str
    agency_key: str
    first_day: date
    last_day: date
    kind: DeclaredKind
    document_type: str
    count: int
    declared_at: datetime
    declared_by: str
    caller_key: str
    note: str = ""
    corrects: str | None = None

    @property
    def withdraws(self) -> bool:
        """True for a correction to nothing: its days are free again."""
        return self.corrects is not None and self.count == 0

    @property
    def content(self) -> tuple[object, ...]:
        """All that was declared; the same content again is a repetition."""
        days = (self.first_day, self.last_day)
        return (self.agency_key, *days, self.kind, self.document_type, self.count, self.declared_by, self.note,
                self.corrects)  # fmt: skip

    @property
    def days(self) -> str:
        """Its days as people write them."""
        return f"{self.first_day:%d/%m/%Y}–{self.last_day:%d/%m/%Y}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A kept declaration and the id of the entry that took its place, empty while none did."""

    declaration: Declaration
    corrected_by: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of the entries that were handed in; with any fault none may be written.

    `repeated`: row → the entry that was kept before with the same content.
    """

    new: tuple[tuple[int, Declaration], ...]
    repeated: Mapping[int, Declaration]
    faults: tuple[Fault, ...]


def judge(handed: Sequence[tuple[int, Declaration]], known: Iterable[Entry], *, today: date, earliest: date) -> Judged:
    """Holds entries (by row) against those that are kept of the same agencies and against one another.

    `known` must hold every kept entry with a day in common with one of them, and every entry that one of them names.
    A correction frees the days of what it corrects before any days are compared, wherever in the file it stands.
    """
    books = _Books(known)
    repeated = {row: books.open[one.content] for row, one in handed if one.content in books.open}
    new = [(row, one) for row, one in handed if row not in repeated]
    faults = [fault for row, one in new for fault in [*_alone(row, one, today, earliest), *books.corrected(row, one)]]
    faults += [fault for row, one in new for fault in books.entered(row, one)]
    return Judged(tuple(new), repeated, tuple(sorted(faults, key=lambda fault: fault.row)))


def _alone(row: int, one: Declaration, today: date, earliest: date) -> Iterator[Fault]:
    """What is wrong with an entry whatever else is kept."""
    if not timedelta() <= one.last_day - one.first_day < timedelta(days=MOST_DAYS):
        yield Fault("declaration.days", row, "period", {"days": one.days, "most": str(MOST_DAYS)})
    if one.last_day > today:
        yield Fault("declaration.in_future", row, "period", {"days": one.days, "today": f"{today:%d/%m/%Y}"})
    if one.first_day < earliest:
        yield Fault("declaration.too_early", row, "period", {"days": one.days, "first": f"{earliest:%d/%m/%Y}"})
    if not 0 <= one.count <= MOST_COUNT:
        yield Fault("declaration.count", row, "count", {"seen": str(one.count), "most": str(MOST_COUNT)})
    if one.kind is DeclaredKind.LEADERS and one.document_type:
        yield Fault("declaration.leaders_have_no_type", row, "document_type", {"seen": one.document_type})


@dataclass(order=True, slots=True)
class _Held:
    """Days that are taken, by whom: a kept entry or another row of the same file."""

    first_day: date
    last_day: date
    by: Declaration = field(compare=False)
    row: int = field(compare=False, default=0)

    @property
    def named(self) -> dict[str, str]:
        """Who it is, for a sentence."""
        if self.row:
            who = {"other_vi": f"dòng {self.row}", "other_en": f"row {self.row}"}
        else:
            who = {"other_vi": f"kê khai {self.by.id}", "other_en": f"the entry {self.by.id}"}
        return who | {"days": self.by.days, "count": str(self.by.count)}


class _Books:
    """Which days are taken, for every agency, kind and type; what may still be corrected."""

    def __init__(self, known: Iterable[Entry]) -> None:
        entries = list(known)
        self.open = {one.declaration.content: one.declaration for one in entries if not one.corrected_by}
        self._known = {one.declaration.id: one for one in entries}
        self._corrected_in_row: dict[str, int] = {}
        self._held: dict[tuple[str, DeclaredKind], dict[str, list[_Held]]] = {}
        for one in self.open.values():
            self._take(one, row=0)

    def corrected(self, row: int, one: Declaration) -> Iterator[Fault]:
        """Sets aside the entry that this one corrects, or says why it cannot be corrected so."""
        if one.corrects is None:
            return
        target = self._known.get(one.corrects)
        if target is None or target.declaration.agency_key != one.agency_key:
            yield Fault("declaration.correction_unknown", row, "corrects", {"corrects": one.corrects})
            return
        old = target.declaration
        if (old.kind, old.document_type) != (one.kind, one.document_type):
            yield Fault("declaration.correction_differs", row, "corrects", {"corrects": one.corrects})
        if target.corrected_by or one.corrects in self._corrected_in_row:
            other = self._corrected_in_row.get(one.corrects, 0)
            by = {"other_vi": f"dòng {other}", "other_en": f"row {other}"} if other else {}
            kept = {"other_vi": f"kê khai {target.corrected_by}", "other_en": f"the entry {target.corrected_by}"}
            yield Fault("declaration.already_corrected", row, "corrects", {"corrects": one.corrects} | (by or kept))
            return
        self._corrected_in_row[one.corrects] = row
        self._free(old)

    def entered(self, row: int, one: Declaration) -> Iterator[Fault]:
        """Takes the days of this entry, or says who has them."""
        if one.withdraws:
            return
        found = self._in_the_way(one)
        for held in found:
            same = held.by.document_type == one.document_type
            yield Fault("declaration.overlaps" if same else "declaration.counted_twice", row, "period", held.named)
        if not found:
            self._take(one, row=row)

    def _in_the_way(self, one: Declaration) -> list[_Held]:
        """Of its own type; without a type, of every type; with one, also without: the same documents."""
        types = self._held.get((one.agency_key, one.kind), {})
        wanted = {one.document_type, ""} if one.document_type else set(types)
        found = [_common(types.get(name, []), one) for name in sorted(wanted)]
        return [held for held in found if held is not None]

    def _take(self, one: Declaration, *, row: int) -> None:
        if not one.withdraws:
            types = self._held.setdefault((one.agency_key, one.kind), {})
            insort(types.setdefault(one.document_type, []), _Held(one.first_day, one.last_day, one, row))

    def _free(self, one: Declaration) -> None:
        if not one.withdraws:
            held = self._held[one.agency_key, one.kind][one.document_type]
            del held[bisect_left(held, one.first_day, key=lambda other: other.first_day)]


def _common(taken: list[_Held], one: Declaration) -> _Held | None:
    """Whoever has a day in common with the entry; those that are taken have none in common with one another."""
    place = bisect_right(taken, one.last_day, key=lambda held: held.first_day)
    return taken[place - 1] if place and taken[place - 1].last_day >= one.first_day else None
