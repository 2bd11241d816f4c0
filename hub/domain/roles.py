"""For whom a signature stands, guessed from the certificate's subject by ordered rules that are data.

Owns: RoleRule and the facts that a rule may ask for; the first rule that fits decides.
Never: reads a certificate (hub/signatures/pdf.py takes the facts from it); proves anything: a role is a guess.
Source: Decree 30/2020/NĐ-CP Art. 5; domain notes §6 (role guess); ETSI EN 319 412-3 (organizationIdentifier).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hub.domain.signatures import Role
from hub.errors import Misconfigured

_SHAPE = "rows of role, has, lacks, common_name (regular expression), name_is_organisation"
_KEYS = frozenset({"role", "has", "lacks", "common_name", "name_is_organisation"})
_PERSONAL_ID = re.compile(r"(CCCD|CMND|CC|HC)\s*[:\-]", re.IGNORECASE)  # identity cards old and new, passport [confirm]


class Fact(StrEnum):
    """What a certificate's subject may have; a personal id is a UID that begins with CCCD, CMND, CC or HC."""

    ORGANIZATION_IDENTIFIER = "organization_identifier"
    ORGANISATION = "organisation"
    TITLE = "title"
    SERIAL_NUMBER = "serial_number"
    GIVEN_NAME = "given_name"
    EMAIL = "email"
    PERSONAL_ID = "personal_id"


@dataclass(frozen=True, slots=True)
class SubjectFacts:
    """The subject of a certificate; `user_id` is its UID (0.9.2342.19200300.100.1.1), `has` what else is there."""

    common_name: str
    organisation: str
    user_id: str = ""
    has: frozenset[Fact] = frozenset()

    @property
    def facts(self) -> frozenset[Fact]:
        """All facts, with those that follow from the texts."""
        found = {Fact.PERSONAL_ID} if _PERSONAL_ID.match(self.user_id) else set()
        return self.has | found | ({Fact.ORGANISATION} if self.organisation else set())

    @property
    def name_is_organisation(self) -> bool:
        """CN and O are the same, but for case and spaces."""
        return bool(self.organisation) and _plain(self.common_name) == _plain(self.organisation)


@dataclass(frozen=True, slots=True)
class RoleRule:
    """Fits a subject that has all of `has`, none of `lacks`, and a name as asked (empty, None: any).

    `common_name` is searched at the beginning of the CN, without regard to case.
    """

    role: Role
    has: frozenset[Fact] = frozenset()
    lacks: frozenset[Fact] = frozenset()
    common_name: str = ""
    name_is_organisation: bool | None = None

    def fits(self, subject: SubjectFacts) -> bool:
        """True when everything that is asked holds."""
        facts = subject.facts
        if not self.has <= facts or self.lacks & facts:
            return False
        if self.name_is_organisation not in (None, subject.name_is_organisation):
            return False
        return not self.common_name or bool(re.match(self.common_name, subject.common_name, re.IGNORECASE))


def role_of(subject: SubjectFacts, rules: Sequence[RoleRule]) -> Role:
    """The role of the first rule that fits, else unknown.

    >>> seal = RoleRule(Role.AGENCY_SEAL, name_is_organisation=True)
    >>> role_of(SubjectFacts("Bộ Tài chính", "BỘ TÀI CHÍNH"), [seal]).value
    'agency_seal'
    """
    return next((rule.role for rule in rules if rule.fits(subject)), Role.UNKNOWN)


def read_role_rules(rows: Sequence[Mapping[str, object]]) -> tuple[RoleRule, ...]:
    """The rules in their order. Raises Misconfigured naming the row that is not as it must be."""
    return tuple(_rule(number, row) for number, row in enumerate(rows, start=1))


def _rule(number: int, row: Mapping[str, object]) -> RoleRule:
    try:
        if set(row) - _KEYS:
            raise ValueError(f"unknown: {', '.join(sorted(set(row) - _KEYS))}")
        name, same = row.get("common_name", ""), row.get("name_is_organisation")
        if not isinstance(name, str) or not isinstance(same, bool | None):
            raise TypeError("common_name is a text, name_is_organisation true or false")
        re.compile(name)
        return RoleRule(Role(row["role"]), _facts(row.get("has", [])), _facts(row.get("lacks", [])), name, same)
    except (KeyError, ValueError, TypeError, re.error) as wrong:
        raise Misconfigured(f"roles, row {number}", _SHAPE, f"Correct the rule pack: {wrong}.") from wrong


def _facts(words: object) -> frozenset[Fact]:
    if not isinstance(words, list):
        raise TypeError("has and lacks are lists")
    return frozenset(Fact(word) for word in words)


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())
