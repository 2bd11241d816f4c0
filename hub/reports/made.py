"""A report that has been made: titles, tables, charts and notes, before any form (JSON, CSV, XLSX, PDF) is chosen.

Owns: the parts of a report, what each cell may hold, the hash over its data.
Never: rounds, writes a figure as text, or knows how a form looks.
Source: Decision 28/2018/QĐ-TTg Art. 11, 15; Decree 30/2020/NĐ-CP Annex I (the letter); RFC 8785 in spirit (the hash).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from hashlib import sha256
from typing import Any

from hub.domain.periods import vietnam_time


@dataclass(frozen=True, slots=True)
class Words:
    """One text in the two languages."""

    vi: str
    en: str


class Kind(StrEnum):
    """What a column holds; a time is an aware datetime, money whole đồng, a share a Share."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    TIME = "time"
    SHARE = "share"
    MONEY = "money"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `width` is about the characters that it shows. The registers have Vietnamese titles only."""

    title_vi: str
    title_en: str = ""
    kind: Kind = Kind.TEXT
    width: int = 16


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many, with the lists of exactly those; nothing of nothing has no ratio.

    >>> Share(18274, 18302).ratio, Share(0, 0).ratio
    (Fraction(9137, 9151), None)
    """

    numerator: int
    denominator: int
    numerator_link: str = ""
    denominator_link: str = ""

    @property
    def ratio(self) -> Fraction | None:
        """Exact; percent is a matter of display."""
        return Fraction(self.numerator, self.denominator) if self.denominator else None


Cell = str | int | Fraction | Share | date | datetime | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with one cell for each column; `table_id` is unique in its report.

    A column of shares may also hold a Fraction, a ratio without counts: a target, a difference.
    """

    table_id: str
    title: Words
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[Words, ...] = ()

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"{self.table_id}: a row has another number of cells than there are columns")
        texts = [place for place, column in enumerate(self.columns) if column.kind is not Kind.SHARE]
        if any(isinstance(row[place], Share) for row in self.rows for place in texts):
            raise ValueError(f"{self.table_id}: a share stands in a column of shares")


class Drawing(StrEnum):
    """bars: a row for each label; stacked: the series are its parts; lines: over periods; multiples: one for each."""

    BARS = "bars"
    STACKED = "stacked"
    LINES = "lines"
    MULTIPLES = "multiples"


@dataclass(frozen=True, slots=True)
class Series:
    """One value for each label of the chart; None where there is none."""

    name: Words
    values: tuple[Fraction | int | None, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn; with `percent` the values (and the target) are ratios in [0, 1]."""

    chart_id: str
    title: Words
    drawing: Drawing
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    percent: bool
    target: Fraction | None = None

    def __post_init__(self) -> None:
        if any(len(one.values) != len(self.labels) for one in self.series):
            raise ValueError(f"{self.chart_id}: a series has another number of values than there are labels")


@dataclass(frozen=True, slots=True)
class Letter:
    """What stands around the data of an administrative report; an empty `number` is left for the records clerk.

    `title` says what it is about and stands below the words BÁO CÁO; `symbol` is `BC-…`; the opening's and closing's
    paragraphs stand before and behind the figures.
    """

    agency_above: str
    agency: str
    number: str
    symbol: str
    place: str
    day: date
    title: str
    opening: tuple[str, ...]
    closing: str
    signer_position: str
    signer_name: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """An indicator that the report is about, for programs: both sides, each as seen and as declared; see Share."""

    indicator_id: str
    name: Words
    numerator: tuple[int, int]
    denominator: tuple[int, int]

    @property
    def ratio(self) -> Fraction | None:
        """Exact; None of nothing."""
        return Share(sum(self.numerator), sum(self.denominator)).ratio


@dataclass(frozen=True, slots=True)
class ToldCount:
    """A plain count that the report is about, for programs; it is no ratio of anything."""

    count_id: str
    name: Words
    count: int


@dataclass(frozen=True, slots=True)
class Made:
    """A whole report; `lines` say scope, period and known-on day, `rule_pack` by which rules it was counted."""

    report_id: str
    title: Words
    lines: tuple[Words, ...]
    tables: tuple[Table, ...]
    charts: tuple[Chart, ...]
    notes: tuple[Words, ...]
    rule_pack: str
    known_on: date
    made_at: datetime
    letter: Letter | None = None
    figures: tuple[Told | ToldCount, ...] = ()

    @property
    def data_sha256(self) -> str:
        """The same figures under the same words give the same hash, whenever and wherever the report is made.

        SHA-256 of the canonical JSON of all but: when it was made, links, widths, and what the clerk adds to a letter.
        """
        text = json.dumps(_plain(self), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()


_NOT_DATA = {
    (Made, "made_at"),
    (Share, "numerator_link"),
    (Share, "denominator_link"),
    (Column, "width"),
    (Letter, "number"),
    (Letter, "place"),
    (Letter, "day"),
}


def _plain(value: Any) -> Any:
    """The value as JSON knows it; what JSON has no word for is named, so that no text can look like it."""
    if is_dataclass(value):
        names = [field.name for field in fields(value) if (type(value), field.name) not in _NOT_DATA]
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Fraction):
        return {"numerator": value.numerator, "denominator": value.denominator}
    if isinstance(value, datetime):
        return {"time": vietnam_time(value)}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    return value
