"""What the agencies of the invented year declare beside what the hub saw, and their directory rows.

Owns: rows of agencies, aliases, certificates, legacy policies, connection plans and declarations, corrections included.
Never: declares what the hub counts itself.
Source: Decision 28/2018/QĐ-TTg Art. 11; the shares are invented [confirm].
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from random import Random

from hub.demo.year_country import Unit
from hub.demo.year_days import HOUR, midnight, written
from hub.demo.year_rows import Ids
from hub.demo.year_signing import seal_certificate
from hub.domain.agencies import AgencyStatus, code_key
from hub.domain.declarations import DeclaredKind
from hub.domain.signature_policy import Demand, Level
from hub.store.bulk import Value, instant

SOURCE = "hub reports demo-year"
NOTE = "Số liệu mô phỏng, không phải số liệu thật / invented figures, not real ones"
_CORRECTED = 0.05  # of all entries
_PAPER_ONLY = {"sent": 0.05, "received": 0.04}  # in January, of what the hub saw; less each month
_ELSEWHERE = {  # of a month's documents of an agency that is not connected
    DeclaredKind.SENT_ELSEWHERE_PAPER_FREE: 0.3,
    DeclaredKind.SENT_ELSEWHERE_WITH_PAPER: 0.3,
    DeclaredKind.SENT_PAPER_ONLY: 0.4,
    DeclaredKind.RECEIVED_ELSEWHERE: 1.6,
    DeclaredKind.RECEIVED_PAPER_ONLY: 0.6,
}
TABLES = {
    "agencies": (
        *("code_key", "code", "name", "parent_key", "status", "source", "note", "first_seen_at"),
        *("last_seen_at", "changed_at"),
    ),
    "agency_aliases": ("alias_key", "alias", "code_key"),
    "agency_certificates": ("sha256", "code_key", "subject", "not_after", "pem", "added_at"),
    "signature_policies": ("code_key", "document_type", "demand", "level", "until", "set_at"),
    "connection_plans": ("agency_key", "planned_on", "set_at", "set_by"),
    "declarations": (
        *("id", "agency_key", "first_day", "last_day", "kind", "count", "declared_at", "declared_by", "caller_key"),
        *("note", "corrects"),
    ),
}
Row = Sequence[Value]
Tables = Mapping[str, Sequence[Row]]


def directory(units: Sequence[Unit], year: int) -> Tables:
    """Rows about the agencies themselves, by table, in the order in which they refer to each other."""
    set_at = written(midnight(date(year, 1, 1)) - 30 * 24 * HOUR)
    return {
        "agencies": [_agency(unit, year, set_at) for unit in units],
        "agency_aliases": [(code_key(unit.alias), unit.alias, unit.key) for unit in units],
        "agency_certificates": [
            (held.sha256, unit.key, held.subject, instant(held.not_after), "", set_at)
            for unit in units
            if unit.certified and (held := seal_certificate(unit, year))
        ],
        "signature_policies": [
            (unit.key, "", Demand.AGENCY_SEAL.value, Level.IGNORE.value, unit.legacy_until.isoformat(), set_at)
            for unit in units
            if unit.legacy_until is not None
        ],
        "connection_plans": [
            (unit.key, unit.planned_on.isoformat(), set_at, "Tổ triển khai liên thông")
            for unit in units
            if unit.planned_on is not None
        ],
    }


def declarations(
    units: Sequence[Unit], year: int, sent: Mapping[tuple[str, int], int], *, ids: Ids, dice: Random
) -> list[Row]:
    """Every month each agency declares what is on paper or went elsewhere; some entries are corrected later."""
    rows: list[Row] = []
    for unit in units:
        for month in range(1, 13):
            connected = unit.joined is not None and unit.joined < date(year, month, 1)
            seen = sent.get((unit.key, month), 0)
            for kind, count in _counts(unit, month, seen, connected=connected, dice=dice):
                rows += _entries(unit, (year, month), (kind, count), ids, dice)
    return rows


def _agency(unit: Unit, year: int, changed: str) -> Row:
    seen = None if unit.joined is None else written(midnight(unit.joined) + 8 * HOUR)
    last = None if unit.joined is None else written(midnight(date(year, 12, 31)) + 23 * HOUR)
    names = (unit.key, unit.key, unit.name, unit.parent, AgencyStatus.OPEN.value)
    return (*names, SOURCE, NOTE, seen, last, changed)


def _counts(unit: Unit, month: int, seen: int, *, connected: bool, dice: Random) -> Iterator[tuple[DeclaredKind, int]]:
    left = (13 - month) / 12  # paper becomes rarer
    if connected:
        yield DeclaredKind.SENT_PAPER_ONLY, round(seen * _PAPER_ONLY["sent"] * left * (0.4 + dice.random()))
        yield DeclaredKind.RECEIVED_PAPER_ONLY, round(seen * 3 * _PAPER_ONLY["received"] * left * (0.4 + dice.random()))
    else:
        usual = 12 * unit.weight * (0.7 + 0.6 * dice.random())
        yield from ((kind, round(usual * share)) for kind, share in _ELSEWHERE.items())
    if month % 3 == 0:
        yield DeclaredKind.LEADERS, len(unit.leaders)


def _entries(
    unit: Unit, month: tuple[int, int], said: tuple[DeclaredKind, int], ids: Ids, dice: Random
) -> Iterator[Row]:
    first = date(*month, 1)
    last = (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)
    declared = min(
        midnight(last) + int((3 + 5 * dice.random()) * 24 * HOUR), midnight(date(month[0], 12, 31)) + 16 * HOUR
    )
    kind, count = said
    of = (unit.key, first.isoformat(), last.isoformat(), kind.value)
    by = (f"Văn thư {unit.leaders[-1].name}", unit.key)
    entry_id = ids.new(ids.at(declared))
    if dice.random() >= _CORRECTED:
        yield (entry_id, *of, count, written(declared), *by, "", None)
        return
    wrong, later = count + 1 + int(9 * dice.random()), declared + 2 * HOUR + int(90 * dice.random()) * 60
    yield (entry_id, *of, wrong, written(declared), *by, "", None)
    yield (ids.new(ids.at(later)), *of, count, written(later), *by, "Đếm lại theo sổ văn bản.", entry_id)
