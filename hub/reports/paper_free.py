"""The paper-free report: per agency and day, what was sent and received, and how much without paper.

Owns: the named query, its formula in words and its legal basis.
Never: counts documents (the tally station does); rounds.
Source: Decision 28/2018/QĐ-TTg Art. 5(3), 7(2), 11; domain notes §5.2 (indicators 2 and 3).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Any

from hub.domain.ratios import DailyCount, Direction, paper_free_ratio
from hub.domain.rules import RulePack, pack_on
from hub.store import directory, events

KEYS_PER_QUERY = 10_000  # SQLite takes 32 766 parameters in one statement


@dataclass(frozen=True, slots=True)
class Words:
    """One text in the two languages."""

    vi: str
    en: str


FORMULA = Words(
    vi="Tỷ lệ = số văn bản gửi không kèm bản giấy (Paper=0) và có đủ chữ ký số hợp lệ để thay bản giấy / tổng số văn "
    "bản gửi qua trục; mỗi văn bản tính một lần ở bên gửi, văn bản không nêu Paper vẫn tính vào mẫu số.",
    en="Ratio = documents sent without paper (Paper=0) whose valid signatures make them replace paper / all documents "
    "sent through the hub; a document counts once at its sender, and one that does not say Paper counts in the "
    "denominator.",
)
LEGAL_BASIS = Words(
    vi="Quyết định 28/2018/QĐ-TTg Điều 4, Điều 5 khoản 3, Điều 7 khoản 2, Điều 11; không tính văn bản mật (Điều 1).",
    en="Decision 28/2018/QĐ-TTg Art. 4, 5(3), 7(2), 11; state secrets are outside (Art. 1).",
)


@dataclass(frozen=True, slots=True)
class Query:
    """Whose figures, over which Vietnamese days (both inclusive), with or without all agencies below."""

    agency_key: str
    first_day: date
    last_day: date
    with_all_below: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """Documents sent and received; the others are of those sent (see hub.domain.ratios.DailyCount)."""

    sent: int = 0
    received: int = 0
    paper_free: int = 0
    with_paper: int = 0
    not_replacing: int = 0

    @property
    def not_said(self) -> int:
        """Documents sent whose envelope does not say whether paper goes along."""
        return self.sent - self.paper_free - self.with_paper - self.not_replacing

    @property
    def ratio(self) -> Fraction | None:
        """See hub.domain.ratios.paper_free_ratio."""
        return paper_free_ratio(paper_free=self.paper_free, documents=self.sent)


@dataclass(frozen=True, slots=True)
class Row:
    """One agency: its sums, and each day on which it sent or received something."""

    agency_key: str
    name: str
    figures: Figures
    days: tuple[tuple[date, Figures], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The answer; rows are those of the agency itself and of every agency below that has figures."""

    query: Query
    rules: RulePack
    total: Figures
    rows: tuple[Row, ...]
    formula: Words = FORMULA
    legal_basis: Words = LEGAL_BASIS


def run(connection: Any, query: Query) -> Report:
    """The figures as tallied so far. Raises Misconfigured when no rule pack is in force on the last day."""
    keys = directory.family(connection, query.agency_key) if query.with_all_below else {query.agency_key}
    per_day: dict[str, dict[date, Figures]] = {query.agency_key: {}}
    for count in _counts(connection, query, sorted(keys)):
        days = per_day.setdefault(count.agency, {})
        days[count.day] = _added(days.get(count.day, Figures()), count)
    names = _names(connection, sorted(per_day))
    rows = tuple(_row(key, names.get(key, ""), per_day[key]) for key in sorted(per_day))
    return Report(query, pack_on(query.last_day), total(row.figures for row in rows), rows)


def total(many: Iterable[Figures]) -> Figures:
    """The sum; a ratio over several agencies is that of the sums, never a mean of ratios."""
    sums: dict[str, int] = defaultdict(int)
    for figures in many:
        for name in Figures.__slots__:
            sums[name] += getattr(figures, name)
    return Figures(**sums)


def _counts(connection: Any, query: Query, keys: list[str]) -> Iterable[DailyCount]:
    for start in range(0, len(keys), KEYS_PER_QUERY):
        yield from events.counts(
            connection,
            first_day=query.first_day,
            last_day=query.last_day,
            agency_keys=keys[start : start + KEYS_PER_QUERY],
        )


def _names(connection: Any, keys: list[str]) -> dict[str, str]:
    names: dict[str, str] = {}
    for start in range(0, len(keys), KEYS_PER_QUERY):
        names |= directory.names_of(connection, keys[start : start + KEYS_PER_QUERY])
    return names


def _added(so_far: Figures, count: DailyCount) -> Figures:
    if count.direction is Direction.RECEIVED:
        return replace(so_far, received=so_far.received + count.documents)
    return replace(
        so_far,
        sent=so_far.sent + count.documents,
        paper_free=so_far.paper_free + count.paper_free,
        with_paper=so_far.with_paper + count.with_paper,
        not_replacing=so_far.not_replacing + count.not_replacing,
    )


def _row(key: str, name: str, days: dict[date, Figures]) -> Row:
    return Row(key, name, total(days.values()), tuple(sorted(days.items())))
