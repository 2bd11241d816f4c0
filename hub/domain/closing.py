"""A closed period: its figures as they were frozen, and how today's differ from them.

Owns: the frozen figures, what may be closed, differences, the note that a report of a closed period carries.
Never: changes a frozen figure; computes one (hub/reports/figures.py); signs.
Source: issue 5 point 8; Decision 28/2018/QĐ-TTg Art. 11, 15.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime
from fractions import Fraction
from typing import Any, Protocol

from hub.domain.periods import VIETNAM, Period, PeriodKind, period_holding, vietnam_day

CLOSABLE = (PeriodKind.MONTH, PeriodKind.QUARTER, PeriodKind.HALF, PeriodKind.NINE_MONTHS, PeriodKind.YEAR)


@dataclass(frozen=True, slots=True)
class Amounts:
    """So many of so many: what the hub saw and what was declared, kept apart."""

    numerator_seen: int = 0
    numerator_declared: int = 0
    denominator_seen: int = 0
    denominator_declared: int = 0

    @property
    def numerator(self) -> int:
        """Seen and declared together."""
        return self.numerator_seen + self.numerator_declared

    @property
    def denominator(self) -> int:
        """Seen and declared together."""
        return self.denominator_seen + self.denominator_declared

    @property
    def ratio(self) -> Fraction | None:
        """Exact; None of nothing."""
        return Fraction(self.numerator, self.denominator) if self.denominator else None

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(*(a + b for a, b in zip(self.as_list(), other.as_list(), strict=True)))

    def __sub__(self, other: Amounts) -> Amounts:
        return Amounts(*(a - b for a, b in zip(self.as_list(), other.as_list(), strict=True)))

    def as_list(self) -> list[int]:
        """The four numbers, as they are kept."""
        return [getattr(self, one.name) for one in fields(self)]


NOTHING = Amounts()
Figures = Mapping[str, Amounts]  # by indicator id


class _Part(Protocol):
    seen: int
    declared: int


class _Figure(Protocol):
    numerator: _Part
    denominator: _Part


def amounts_of(figure: _Figure) -> Amounts:
    """The numbers of a figure of hub/reports/figures.py."""
    return Amounts(
        figure.numerator.seen, figure.numerator.declared, figure.denominator.seen, figure.denominator.declared
    )


@dataclass(frozen=True, slots=True)
class Closing:
    """A closed period; `agencies` has those with any figure. `jws` is the hub's receipt over `data_sha256`."""

    first_day: date
    last_day: date
    closed_at: datetime
    closed_by: str
    rule_pack: str
    hub: Figures
    agencies: Mapping[str, Figures]
    data_sha256: str = ""
    jws: str = ""

    def of(self, keys: Collection[str] | None) -> Figures:
        """The frozen figures of these agencies together; None: of the whole hub."""
        if keys is None:
            return self.hub
        found: dict[str, Amounts] = {}
        for key in set(keys) & set(self.agencies):
            for indicator, amounts in self.agencies[key].items():
                found[indicator] = found.get(indicator, NOTHING) + amounts
        return found

    @property
    def words(self) -> tuple[str, str]:
        """What a report says that quotes none of the frozen figures, in Vietnamese and in English."""
        at = f"{self.closed_at.astimezone(VIETNAM):%H:%M %d/%m/%Y}"
        written = period_of(self.first_day, self.last_day).written
        return (
            f"Kỳ này đã chốt lúc {at} (mã băm {self.data_sha256}); số đã chốt là các chỉ tiêu của mọi loại văn bản"
            f" (hub reports closed {written}).",
            f"This period was closed at {at} (hash {self.data_sha256}); frozen are the indicators of all types of"
            f" document together (hub reports closed {written}).",
        )

    @property
    def data(self) -> dict[str, Any]:
        """What the digest is made over: all that was frozen, and by which rules; the moment stands in the receipt."""
        return {
            "first_day": self.first_day.isoformat(),
            "last_day": self.last_day.isoformat(),
            "rule_pack": self.rule_pack,
            "figures": kept_figures(self.hub, self.agencies),
        }


def kept_figures(hub: Figures, agencies: Mapping[str, Figures]) -> dict[str, Any]:
    """The figures as JSON: four numbers for each indicator, in the order of `Amounts`."""
    return {
        "hub": {indicator: amounts.as_list() for indicator, amounts in hub.items()},
        "agencies": {
            key: {indicator: amounts.as_list() for indicator, amounts in figures.items()}
            for key, figures in agencies.items()
        },
    }


def read_figures(kept: Mapping[str, Any]) -> tuple[dict[str, Amounts], dict[str, dict[str, Amounts]]]:
    """The hub's and the agencies' figures that were kept so."""
    return (
        {indicator: Amounts(*numbers) for indicator, numbers in kept["hub"].items()},
        {
            key: {indicator: Amounts(*numbers) for indicator, numbers in figures.items()}
            for key, figures in kept["agencies"].items()
        },
    )


def may_close(period: Period, now: datetime) -> None:
    """Raises ValueError, its words Vietnamese and English, when a period of this kind or on this day is not closed."""
    if period.kind not in CLOSABLE:
        raise ValueError(
            f"chỉ chốt tháng, quý, 6 tháng, 9 tháng hoặc năm, không chốt {period.written}"
            " / only a month, quarter, half, nine months or year is closed"
        )
    if vietnam_day(now) <= period.last_day:
        raise ValueError(
            f"{period.words[0]} chưa kết thúc / {period.words[1]} has not ended ({period.last_day:%d/%m/%Y})"
        )


def period_of(first_day: date, last_day: date) -> Period:
    """The period of these days; of those that may be closed, no two have the same."""
    for kind in CLOSABLE:
        if kind is PeriodKind.NINE_MONTHS and first_day.month != 1:
            continue
        found = period_holding(kind, first_day)
        if (found.first_day, found.last_day) == (first_day, last_day):
            return found
    return Period(PeriodKind.RANGE, first_day, last_day)


@dataclass(frozen=True, slots=True)
class Difference:
    """One indicator whose figure today is not the frozen one; None: the rule pack had or has no such indicator."""

    indicator_id: str
    frozen: Amounts | None
    today: Amounts | None

    @property
    def change(self) -> Amounts:
        """What came to the frozen figure; negative what went."""
        return (self.today or NOTHING) - (self.frozen or NOTHING)


def differences(frozen: Figures, today: Figures) -> tuple[Difference, ...]:
    """Every indicator that differs, in today's order, those that are no more last.

    An indicator without any number was not kept for an agency, so it stands for nought there.
    """
    found = []
    for indicator in dict.fromkeys([*today, *frozen]):
        before, after = frozen.get(indicator), today.get(indicator)
        if (before or NOTHING) != (after or NOTHING):
            found.append(Difference(indicator, before, after))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Note:
    """What a report over a closed period says beside its own figures: the frozen ones and what changed since."""

    closing: Closing
    frozen: Figures
    differences: tuple[Difference, ...]

    @property
    def words(self) -> tuple[str, str]:
        """One sentence in Vietnamese and in English."""
        at = f"{self.closing.closed_at.astimezone(VIETNAM):%H:%M %d/%m/%Y}"
        sha = self.closing.data_sha256
        if not self.differences:
            return (
                f"Kỳ này đã chốt lúc {at} (mã băm {sha}); số liệu hôm nay đúng như số liệu đã chốt.",
                f"This period was closed at {at} (hash {sha}); today's figures are the frozen ones.",
            )
        count = len(self.differences)
        return (
            f"Kỳ này đã chốt lúc {at} (mã băm {sha}); {count} chỉ tiêu đã được điều chỉnh sau khi chốt.",
            f"This period was closed at {at} (hash {sha}); {count} indicators were corrected since.",
        )


@dataclass(frozen=True, slots=True)
class Correction:
    """What became known on one day after the closing: why, and by how much each indicator changed."""

    known_on: date
    reasons: tuple[tuple[str, str], ...]  # Vietnamese, English
    changes: Mapping[str, Amounts]


def steps(frozen: Figures, by_day: Iterable[tuple[date, Figures]]) -> list[tuple[date, dict[str, Amounts]]]:
    """By how much the figures changed from each day to the next, the frozen ones first; days without change left out.

    >>> one, two = Amounts(1, 0, 4, 0), Amounts(2, 0, 5, 0)
    >>> steps({"i": one}, [(date(2026, 10, 5), {"i": one}), (date(2026, 10, 9), {"i": two})])[0][1]["i"].as_list()
    [1, 0, 1, 0]
    """
    found, before = [], frozen
    for day, figures in by_day:
        changed = {one.indicator_id: one.change for one in differences(before, figures)}
        if changed:
            found.append((day, changed))
        before = figures
    return found
