"""Plain counts side by side: in all with the change since before, by unit, by type, by urgency, over time.

Owns: what is counted in a column, which sums a table needs; as few questions to the database as there are directions.
Never: divides; adds what was sent to what was received but where the official totals do.
Source: Decision 28/2018/QĐ-TTg Art. 11; domain notes §5.1, §5.2 (official totals add the two).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.domain.counting import Cell as DocumentKind
from hub.domain.counting import Detail, Direction, Measure, Sums, total
from hub.reports import figures, indicator_table, parts_table, trends
from hub.reports.figures import Asked
from hub.reports.made import Cell, Column, Kind, Table, Words
from hub.reports.protocol import ReportAsked
from hub.store import tallies
from hub.store.tallies import Slice, Wanted

URGENCIES = (
    ("Thường", "Normal"),
    ("Khẩn", "Urgent"),
    ("Thượng khẩn", "Very urgent"),
    ("Hỏa tốc", "Express"),
    ("Hỏa tốc hẹn giờ", "Express at a set time"),
)
SUM_OF_BOTH = Words("Tổng gửi và nhận", "Sent and received")
Kinds = Mapping[Direction, Mapping[DocumentKind, Sums]]


@dataclass(frozen=True, slots=True)
class Count:
    """One thing that is counted."""

    words: Words
    direction: Direction
    measure: Measure = Measure.DOCUMENTS

    @property
    def name(self) -> str:
        """Its name in a sum over agencies."""
        return f"{self.direction.value}_{self.measure.value}"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a report counts; `add_up` also shows the sum of all counts, as the official totals do."""

    counts: tuple[Count, ...]
    add_up: bool = False

    @property
    def columns(self) -> tuple[Column, ...]:
        """One for each count."""
        words = [one.words for one in self.counts] + ([SUM_OF_BOTH] if self.add_up else [])
        return tuple(Column(one.vi, one.en, Kind.NUMBER, 12) for one in words)

    @property
    def directions(self) -> tuple[Direction, ...]:
        """Those that are asked for."""
        return tuple(dict.fromkeys(one.direction for one in self.counts))

    def cells(self, numbers: Sequence[int]) -> tuple[int, ...]:
        """The counts as cells of a row."""
        return (*numbers, sum(numbers)) if self.add_up else tuple(numbers)


def kinds(connection: Any, asked: Asked, shown: Shown, *, detail: Detail = Detail.KIND) -> Kinds:
    """What is counted in the scope, by direction and kind of document; in full detail when one type is asked."""
    measures = {one.measure for one in shown.counts}
    return {one: figures.cells(connection, asked, one, measures, detail=detail) for one in shown.directions}


def in_all(connection: Any, wanted: ReportAsked, shown: Shown, found: Kinds) -> Table:
    """One row for each count; two more columns for each earlier period."""
    earlier = (
        (one, kinds(connection, one.asked, shown, detail=Detail.WORTH)) for one in indicator_table.earlier(wanted)
    )
    before = [(one, _numbers(shown, many)) for one, many in earlier]
    columns = [Column("Nội dung", "What", width=40), Column("Trong kỳ", "In the period", Kind.NUMBER, 12)]
    for one, _ in before:
        columns += [
            Column(one.vi.capitalize(), one.en.capitalize(), Kind.NUMBER, 12),
            Column(f"Tăng, giảm so với {one.vi}", f"Change since {one.en}", Kind.NUMBER, 12),
        ]
    now = _numbers(shown, found)
    rows = []
    for place, column in enumerate(shown.columns):
        changes = [cell for _, then in before for cell in (then[place], now[place] - then[place])]
        rows.append((column.title_vi, now[place], *changes))
    return Table("counts", Words("Chung", "In all"), tuple(columns), tuple(rows))


def by_type(wanted: ReportAsked, shown: Shown, found: Kinds) -> Table:
    """One row for each type of document that occurs."""
    names = parts_table.type_names(wanted.rules)
    rows = _rows_by(shown, found, names, lambda kind: kind.document_type)
    return Table(
        "types",
        Words("Theo loại văn bản", "By type of document"),
        (Column("Loại văn bản", "Type of document", width=28), *shown.columns),
        rows,
    )


def by_urgency(shown: Shown, found: Kinds) -> Table:
    """One row for each level of urgency that occurs."""
    rows = _rows_by(shown, found, dict(enumerate(URGENCIES)), lambda kind: kind.urgency)
    return Table(
        "urgencies",
        Words("Theo độ khẩn", "By urgency"),
        (Column("Độ khẩn", "Urgency", width=28), *shown.columns),
        rows,
    )


def over_time(connection: Any, wanted: ReportAsked, shown: Shown) -> Table | None:
    """One row for each part of the period that has begun; None for a single day."""
    parts = trends.begun(trends.parts(wanted.asked.period), wanted.known_on)
    if len(parts) < 2:
        return None
    days, sums = [(part.first_day, part.last_day) for part in parts], [Counter[str]() for _ in parts]
    for direction in shown.directions:
        found = tallies.by_part(
            connection, _slice(wanted.asked, direction), days, _names(wanted.asked, shown, direction)
        )
        for one, more in zip(sums, found, strict=True):
            one.update(more)
    rows = []
    for part, one in zip(parts, sums, strict=True):
        rows.append((part.words[0], *shown.cells([one[count.name] for count in shown.counts])))
    columns = (Column("Thời gian", "Time", width=24), *shown.columns)
    return Table("over_time", Words("Diễn biến trong kỳ", "Over the period"), columns, tuple(rows))


def by_agency(connection: Any, wanted: ReportAsked, shown: Shown) -> dict[str, list[int]]:
    """The counts of each agency that has any, most of all first."""
    sums: dict[str, Counter[str]] = {}
    for direction in shown.directions:
        names = _names(wanted.asked, shown, direction)
        for key, many in tallies.by_agency(connection, _slice(wanted.asked, direction), names).items():
            sums.setdefault(key, Counter()).update(many)
    numbers = {key: [many[one.name] for one in shown.counts] for key, many in sums.items()}
    having = {key: many for key, many in numbers.items() if any(many)}
    return dict(sorted(having.items(), key=lambda pair: (-sum(pair[1]), pair[0])))


def names(connection: Any, wanted: ReportAsked, keys: Collection[str]) -> dict[str, str]:
    """The names of these agencies; most of them stand in the scope's part of the directory."""
    return wanted.names_of(connection, keys)


def _slice(asked: Asked, direction: Direction) -> Slice:
    detail = Detail.KIND if asked.document_type else Detail.WORTH
    return Slice(direction, asked.scope, asked.period.first_day, asked.period.last_day, asked.known_on, detail)


def _names(asked: Asked, shown: Shown, direction: Direction) -> dict[str, Wanted]:
    """All kinds of document, or those of the type that is asked."""
    takes = (lambda cell: cell.document_type == asked.document_type) if asked.document_type else None
    return {one.name: Wanted(one.measure, takes) for one in shown.counts if one.direction is direction}


def _numbers(shown: Shown, found: Kinds) -> tuple[int, ...]:
    sums = {direction: total(many.values()) for direction, many in found.items()}
    return shown.cells([sums[one.direction][one.measure] for one in shown.counts])


def _rows_by(
    shown: Shown, found: Kinds, names: Mapping[Any, tuple[str, str]], key: Callable[[DocumentKind], Any]
) -> tuple[tuple[Cell, ...], ...]:
    return tuple(_of_each(shown, found, names, key))


def _of_each(
    shown: Shown, found: Kinds, names: Mapping[Any, tuple[str, str]], key: Callable[[DocumentKind], Any]
) -> Iterator[tuple[Cell, ...]]:
    for one, (vi, _) in names.items():
        some = {
            direction: {kind: sums for kind, sums in many.items() if key(kind) == one}
            for direction, many in found.items()
        }
        numbers = _numbers(shown, some)
        if any(numbers):
            yield (vi, *numbers)
