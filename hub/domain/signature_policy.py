"""What is demanded of the signatures of a document: of whom, for which type of document, until when.

Owns: Demand and Level, the rows of the rule pack and of an agency, and which row holds on a day.
Never: judges a signature; says nothing about what replaces paper (legal_value.py).
Source: Decision 28/2018/QĐ-TTg Art. 4, 9(1); Decree 30/2020/NĐ-CP Art. 5; domain notes §6.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Demand(StrEnum):
    """Which signature is meant: the envelope's XML signature, the agency's or a person's in the PDF."""

    ENVELOPE_SIGNATURE = "envelope_signature"
    AGENCY_SEAL = "agency_seal"
    PERSONAL_SIGNATURE = "personal_signature"


class Level(StrEnum):
    """require: without it the document is rejected; warn: it is told; ignore: it is noted."""

    REQUIRE = "require"
    WARN = "warn"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One demand; `document_type` empty means every type, `until` (inclusive) None means until further notice."""

    demand: Demand
    level: Level
    document_type: str = ""
    until: date | None = None


def level_of(
    demand: Demand, *, document_type: str, on: date, agency: Sequence[PolicyRow], pack: Sequence[PolicyRow]
) -> Level:
    """The level that holds on a day: the agency's own row before the pack's, a named type before every type.

    >>> pack = [PolicyRow(Demand.AGENCY_SEAL, Level.WARN)]
    >>> old = [PolicyRow(Demand.AGENCY_SEAL, Level.IGNORE, until=date(2027, 6, 30))]
    >>> asked = dict(document_type="Công văn", agency=old, pack=pack)
    >>> level_of(Demand.AGENCY_SEAL, on=date(2027, 6, 30), **asked).value
    'ignore'
    >>> level_of(Demand.AGENCY_SEAL, on=date(2027, 7, 1), **asked).value
    'warn'
    """
    for rows in (agency, pack):
        found = _holding(rows, demand, type_key(document_type), on)
        if found is not None:
            return found.level
    return Level.IGNORE


def type_key(document_type: str) -> str:
    """The form in which names of document types are compared.

    >>> type_key("  Công  VĂN ")
    'công văn'
    """
    return " ".join(document_type.casefold().split())


def _holding(rows: Iterable[PolicyRow], demand: Demand, document_type: str, on: date) -> PolicyRow | None:
    """Among rows that hold, a named type wins over every type, then the one that ends first."""
    held = [row for row in rows if row.demand is demand and (row.until is None or on <= row.until)]
    fitting = [row for row in held if not row.document_type or type_key(row.document_type) == document_type]
    return min(fitting, key=lambda row: (not row.document_type, row.until or date.max), default=None)
