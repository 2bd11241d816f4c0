"""The agencies of the invented year: ministries, provinces, their units, departments, communes, and how each works.

Owns: who there is, since when it exchanges, how it signs, how fast it reads; the same for the same seed.
Never: writes rows.
Source: Decision 20/2020/QĐ-TTg Art. 4 (codes); domain notes §2.7; the habits are invented.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from random import Random

from hub.demo import year_names as names
from hub.demo.year_days import chance

FEWEST, MOST = 8, 1400
_MINISTRIES, _PROVINCES, _UNITS, _DEPARTMENTS = 0.07, 0.11, 0.12, 0.38  # shares; the last two of what is left
_LEADERS = {"ministry": 6, "ministry_unit": 3, "province": 5, "department": 4, "commune": 3}
_WEIGHT = {"ministry": 9.0, "ministry_unit": 2.0, "province": 8.0, "department": 3.5, "commune": 1.0}


class Level(StrEnum):
    """What kind of body an agency is."""

    MINISTRY = "ministry"
    MINISTRY_UNIT = "ministry_unit"
    PROVINCE = "province"
    DEPARTMENT = "department"
    COMMUNE = "commune"


@dataclass(frozen=True, slots=True)
class Leader:
    """A person who signs for an agency, from a day on."""

    name: str
    competence: str
    position: str
    since: date


@dataclass(frozen=True, slots=True)
class Habits:
    """How an agency works, as shares in [0, 1]; `paper_free` in January and in December."""

    paper_free: tuple[float, float]
    signs_both: tuple[float, float]
    punctual: float
    fetches: float
    feeds_back: float
    completes: float


@dataclass(frozen=True, slots=True)
class Unit:
    """One agency; `joined` is None for one that is not connected, `planned_on` when it is to be."""

    key: str
    alias: str
    name: str
    level: Level
    parent: str | None
    place: str
    symbol: str
    weight: float
    leaders: tuple[Leader, ...]
    habits: Habits
    joined: date | None
    planned_on: date | None
    certified: bool
    legacy_until: date | None = None


def country(count: int, *, seed: int, year: int) -> tuple[Unit, ...]:
    """So many agencies, those above before those below. Raises ValueError for too few or too many."""
    if not FEWEST <= count <= MOST:
        raise ValueError(f"{count} agencies: {FEWEST} to {MOST}")
    dice = chance(f"{seed}:{year}:country")
    return tuple(_working(unit, dice, year) for unit in _bodies(count))


def on_day(units: Sequence[Unit], day: date) -> list[Unit]:
    """Those that exchange documents on this day."""
    return [unit for unit in units if unit.joined is not None and unit.joined <= day]


def _bodies(count: int) -> Iterator[Unit]:
    ministries = names.MINISTRIES[: max(2, round(count * _MINISTRIES))]
    provinces = names.PROVINCES[: max(1, round(count * _PROVINCES))]
    left = count - len(ministries) - len(provinces)
    units = min(round(left * _UNITS), len(ministries) * len(names.MINISTRY_UNITS))
    departments = min(max(1, round((left - units) * _DEPARTMENTS)), len(provinces) * len(names.DEPARTMENTS))
    for code, name, symbol in ministries:
        yield _body(code, f"000.00.00.{code}", name, Level.MINISTRY, None, "Hà Nội", symbol)
    for code, whose in provinces:
        place = whose.removeprefix("tỉnh ").removeprefix("thành phố ")
        yield _body(code, f"000.00.00.{code}", f"Ủy ban nhân dân {whose}", Level.PROVINCE, None, place, "UBND")
    for number in range(units):
        yield _ministry_unit(ministries[number % len(ministries)], number // len(ministries))
    for number in range(departments):
        yield _department(provinces[number % len(provinces)], number // len(provinces))
    for number in range(left - units - departments):
        yield _commune(provinces[number % len(provinces)], number // len(provinces))


def _ministry_unit(of: tuple[str, str, str], number: int) -> Unit:
    code, whose, above = of
    name, symbol = names.MINISTRY_UNITS[number]
    key, alias = f"{code}.{number + 1:02d}", f"000.00.{number + 1:02d}.{code}"
    return _body(key, alias, f"{name} {whose}", Level.MINISTRY_UNIT, code, "Hà Nội", f"{above}-{symbol}")


def _department(of: tuple[str, str], number: int) -> Unit:
    code, whose = of
    name, symbol = names.DEPARTMENTS[number]
    place = whose.removeprefix("tỉnh ").removeprefix("thành phố ")
    key, alias = f"{code}.{number + 1:02d}", f"000.00.{number + 1:02d}.{code}"
    return _body(key, alias, f"{name} {whose}", Level.DEPARTMENT, code, place, symbol)


def _commune(of: tuple[str, str], number: int) -> Unit:
    code, whose = of
    place = names.COMMUNES[number % len(names.COMMUNES)]
    kind = "phường" if number % 3 == 0 else "xã"
    place = place if number < len(names.COMMUNES) else f"{place} {number // len(names.COMMUNES) + 1}"
    name = f"Ủy ban nhân dân {kind} {place}, {whose}"
    return _body(f"{code}.{number + 101}", f"{number + 1:03d}.00.00.{code}", name, Level.COMMUNE, code, place, "UBND")


def _body(key: str, alias: str, name: str, level: Level, parent: str | None, place: str, symbol: str) -> Unit:
    """An agency whose habits are not known yet."""
    nothing = Habits((0, 0), (0, 0), 0, 0, 0, 0)
    return Unit(
        key, alias, name, level, parent, place, symbol, _WEIGHT[level], (), nothing, None, None, certified=False
    )


def _working(unit: Unit, dice: Random, year: int) -> Unit:
    joined, planned_on = _connection(unit, dice, year)
    certified = joined is not None and (unit.parent is None or dice.random() < 0.93)
    legacy = certified and dice.random() < 0.06
    return replace(
        unit,
        weight=unit.weight * (0.4 + 1.2 * dice.random()),
        leaders=tuple(_leaders(unit, dice, year)),
        habits=_habits(unit, dice, certified=certified),
        joined=joined,
        planned_on=planned_on,
        certified=certified,
        legacy_until=date(year + 1, 6, 30) if legacy else None,
    )


def _connection(unit: Unit, dice: Random, year: int) -> tuple[date | None, date | None]:
    """Level 1 is connected long since; of those below some join during the year, some are only planned."""
    roll, ahead = dice.random(), timedelta(days=int(300 * dice.random()))
    if unit.parent is None or roll < 0.74:
        return date(year - 1 - int(5 * dice.random()), 3, 1) + ahead, None
    if roll < 0.88:
        joined = date(year, 1, 15) + ahead
        return joined, joined + timedelta(days=int(40 * dice.random()) - 10)
    return None, date(year, 9, 30) + ahead if roll < 0.96 else None


def _leaders(unit: Unit, dice: Random, year: int) -> Iterator[Leader]:
    """The head and the deputies; the last one begins to sign during the year."""
    count = _LEADERS[unit.level]
    for number in range(count):
        parts = (names.FAMILY_NAMES, names.MIDDLE_NAMES, names.GIVEN_NAMES)
        name = " ".join(part[int(dice.random() * len(part))] for part in parts)
        late = number == count - 1 and dice.random() < 0.6
        since = date(year, 1, 1) + timedelta(days=int(330 * dice.random())) if late else date(year - 1, 1, 1)
        yield Leader(name, *_capacity(unit.level, head=number == 0), since)


def _capacity(level: Level, *, head: bool) -> tuple[str, str]:
    if level in (Level.PROVINCE, Level.COMMUNE):
        whole = "TM. ỦY BAN NHÂN DÂN"
        return (whole, "CHỦ TỊCH") if head else (f"{whole} KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH")
    if level is Level.MINISTRY:
        return ("", "BỘ TRƯỞNG") if head else ("KT. BỘ TRƯỞNG", "THỨ TRƯỞNG")
    return ("", "GIÁM ĐỐC") if head else ("KT. GIÁM ĐỐC", "PHÓ GIÁM ĐỐC")


def _habits(unit: Unit, dice: Random, *, certified: bool) -> Habits:
    """Better above than below, better in December than in January, and not the same anywhere."""
    start = {"ministry": 0.72, "province": 0.75, "ministry_unit": 0.62, "department": 0.6, "commune": 0.42}[unit.level]
    first = min(0.95, max(0.1, start + 0.5 * (dice.random() - 0.5)))
    last = min(0.998, first + (1 - first) * (0.3 + 0.65 * dice.random()))
    signs = min(0.96, first + 0.2), min(0.995, last + 0.05)
    return Habits(
        paper_free=(first, last),
        signs_both=signs if certified else (0.0, 0.0),
        punctual=0.9 + 0.099 * dice.random(),
        fetches=0.9 + 0.0995 * dice.random() if unit.level is not Level.COMMUNE else 0.72 + 0.27 * dice.random(),
        feeds_back=0.55 + 0.44 * dice.random(),
        completes=0.35 + 0.6 * dice.random(),
    )
