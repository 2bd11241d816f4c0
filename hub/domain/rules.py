"""The rule pack in force on a day: deadlines, counting rules and names as dated data.

Owns: RulePack and its loading from schemas/rules/*.toml; a pack that cannot be read stops the start.
Never: holds a number of the law in code.
Source: each pack names the articles beside its values.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

from hub.domain.attachment_rules import AttachmentRules, read_attachment_rules
from hub.domain.deadlines import DeadlineRule, read_deadlines
from hub.domain.document_types import DocumentType, read_document_types
from hub.domain.envelopes import BusinessType, Urgency
from hub.domain.findings import Severity
from hub.domain.indicators import Indicator, read_indicators
from hub.domain.legal_value import LegalValueRules
from hub.domain.roles import RoleRule, read_role_rules
from hub.domain.signature_policy import Demand, Level, PolicyRow, type_key
from hub.domain.signatures import Role
from hub.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class ChangeRules:
    """How a recall, an update or a replacement is read: the weight of a missing reason, the words of ReceiverType."""

    no_reason: Severity
    receiver_added: frozenset[str]
    receiver_removed: frozenset[str]


@dataclass(frozen=True, slots=True)
class RulePack:
    """One dated body of rules; `in_force_until` None means until further notice."""

    pack_id: str
    title: str
    in_force_from: date
    in_force_until: date | None
    counted_business_types: frozenset[BusinessType]
    unfetched_after: timedelta
    document_types: tuple[DocumentType, ...]
    indicators: tuple[Indicator, ...]
    changed_attachments: Severity
    same_number: Severity
    refused_secrecy: tuple[str, ...]
    signature_policy: tuple[PolicyRow, ...]
    roles: tuple[RoleRule, ...]
    legal_value: LegalValueRules
    attachments: AttachmentRules
    changes: ChangeRules
    deadlines: tuple[DeadlineRule, ...]
    time_to_live: Mapping[Urgency, timedelta]
    quiet_after: timedelta
    held_expires_after: timedelta
    bulk_from_recipients: int
    status_names: Mapping[str, tuple[str, str]]


def pack_on(day: date) -> RulePack:
    """The pack in force on a day; the latest one that has begun wins. Raises Misconfigured when there is none."""
    begun = [pack for pack in _packs() if pack.in_force_from <= day]
    begun = [pack for pack in begun if pack.in_force_until is None or day <= pack.in_force_until]
    if not begun:
        raise Misconfigured("schemas/rules", f"no rule pack is in force on {day}", "Add a pack for that day.")
    return max(begun, key=lambda pack: pack.in_force_from)


def packs() -> tuple[RulePack, ...]:
    """Every pack, the newest first."""
    return tuple(sorted(_packs(), key=lambda pack: pack.in_force_from, reverse=True))


def first_day() -> date:
    """The first day on which any pack is in force: nothing was ruled, judged or counted before it."""
    return min(pack.in_force_from for pack in _packs())


@cache
def _packs() -> tuple[RulePack, ...]:
    found = [file for file in (files("schemas") / "rules").iterdir() if file.name.endswith(".toml")]
    return tuple(read_pack(file.read_text("utf-8"), name=file.name) for file in found)


def read_pack(text: str, *, name: str) -> RulePack:
    """The pack in one TOML file. Raises Misconfigured naming the file when anything in it is not as it must be."""
    where = f"schemas/rules/{name}"
    try:
        return _pack(tomllib.loads(text), where=where)
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as wrong:
        raise Misconfigured(where, repr(wrong), "Correct the rule pack.") from wrong


def _pack(raw: Mapping[str, Any], *, where: str) -> RulePack:
    types = read_document_types(raw["document_types"], where=where)
    exclusions = {key: _both(row) for key, row in raw["counting"]["exclusions"].items()}
    return RulePack(
        pack_id=raw["pack"]["id"],
        title=raw["pack"]["title"],
        in_force_from=_day(raw["pack"]["in_force_from"]),
        in_force_until=_day(raw["pack"]["in_force_until"]) if "in_force_until" in raw["pack"] else None,
        counted_business_types=frozenset(BusinessType[t.upper()] for t in raw["counting"]["business_types"]),
        unfetched_after=_hours(raw["counting"]["unfetched_after_hours"]),
        document_types=types,
        indicators=read_indicators(raw["indicators"], types, exclusions=exclusions, where=where),
        changed_attachments=Severity(raw["duplicates"]["changed_attachments"]),
        same_number=Severity(raw["duplicates"]["same_number"]),
        refused_secrecy=tuple(raw["secrecy"]["refused"]),
        signature_policy=tuple(_policy(row) for row in raw["signature_policy"]),
        legal_value=LegalValueRules(
            document=tuple(Role(one) for one in raw["legal_value"]["document"]),
            further_files=tuple(Role(one) for one in raw["legal_value"]["further_files"]),
        ),
        roles=read_role_rules(raw["roles"]),
        attachments=read_attachment_rules(raw["attachments"]),
        changes=ChangeRules(
            no_reason=Severity(raw["changes"]["no_reason"]),
            receiver_added=frozenset(raw["changes"]["receiver_added"]),
            receiver_removed=frozenset(raw["changes"]["receiver_removed"]),
        ),
        deadlines=read_deadlines(raw["deadlines"]),
        time_to_live={one: timedelta(hours=raw["time_to_live"][one.name.lower()]) for one in Urgency},
        quiet_after=timedelta(days=raw["statuses"]["quiet_after_days"]),
        held_expires_after=timedelta(hours=raw["held"]["expires_after_hours"]),
        bulk_from_recipients=raw["lanes"]["bulk_from_recipients"],
        status_names={code: (row["vi"], row["en"]) for code, row in raw["status_names"].items()},
    )


def _both(row: Mapping[str, object]) -> tuple[str, str]:
    vi, en = row["vi"], row["en"]
    if len(row) != 2 or not isinstance(vi, str) or not isinstance(en, str):
        raise TypeError(f"{row!r} is not one text in Vietnamese and one in English")
    return vi, en


def _hours(value: object) -> timedelta:
    if type(value) is not int or value <= 0:
        raise TypeError(f"{value!r} is no number of hours")
    return timedelta(hours=value)


def _policy(row: Mapping[str, object]) -> PolicyRow:
    until = _day(row["until"]) if "until" in row else None
    return PolicyRow(Demand(row["demand"]), Level(row["level"]), type_key(str(row.get("document_type", ""))), until)


def _day(value: object) -> date:
    if type(value) is not date:  # a TOML text or time is no day
        raise TypeError(f"{value!r} is not a day")
    return value
