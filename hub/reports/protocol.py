"""What a report is, and what it is asked: a title, and one function that makes it from a read transaction.

Owns: Report, ReportAsked, the rule pack that counts (the one in force on the last day of the period).
Never: knows a single report (hub/reports/__init__.py lists them) or a form (JSON, XLSX, PDF).
Source: design §11 recipe (b); Decision 28/2018/QĐ-TTg Art. 11.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from hub.domain.agencies import code_key
from hub.domain.periods import vietnam_day
from hub.domain.rules import RulePack, pack_on
from hub.reports.figures import Asked
from hub.reports.made import Made, Words
from hub.settings import Settings
from hub.store import directory

KEYS_PER_QUERY = 500  # bound: a database takes only so many parameters in one statement


@dataclass(frozen=True, slots=True)
class ReportAsked:
    """One question: whose figures of which days, as known when, under which rules.

    `names` are those that the asker knows already (code key → name); `base_link` is what stands before
    `/api/v1/…` in the links, empty for links without a host. `compare` adds the previous period and last year's.
    """

    asked: Asked
    settings: Settings
    rules: RulePack
    now: datetime
    names: Mapping[str, str] = field(default_factory=dict)
    base_link: str = ""
    compare: bool = False

    @property
    def known_on(self) -> date:
        """The day as of whose end the figures stand; today when none was named."""
        return self.asked.known_on or vietnam_day(self.now)

    def names_of(self, connection: Any, keys: Collection[str]) -> dict[str, str]:
        """Code key → name; an agency that the directory has not is called by its key."""
        found = {key: self.names[key] for key in keys if key in self.names}
        lacking = sorted(set(keys) - set(found))
        for start in range(0, len(lacking), KEYS_PER_QUERY):
            found |= directory.names_of(connection, lacking[start : start + KEYS_PER_QUERY])
        return {key: found.get(key, key) for key in keys}


@dataclass(frozen=True, slots=True)
class Report:
    """One report: its id in addresses and on the command line, its title, what it tells, how it is made."""

    report_id: str
    title: Words
    about: Words
    run: Callable[[Any, ReportAsked], Made]


def report_asked(asked: Asked, settings: Settings, *, now: datetime, compare: bool = False) -> ReportAsked:
    """The question as the API, the command line and the schedule put it, so that the same one has one answer.

    Raises Misconfigured when no rule pack is in force on the period's last day.
    """
    rules = pack_on(asked.period.last_day)
    link = settings.public_url.rstrip("/")
    return ReportAsked(asked, settings, rules, now, base_link=link, compare=compare)


def named(key: str, names: Mapping[str, str]) -> str:
    """An agency as a report names it: its name with its code.

    >>> named("H41", {"H41": "UBND tỉnh Mẫu"}), named("H41", {})
    ('UBND tỉnh Mẫu (H41)', 'H41')
    """
    name = names.get(key, "")
    return f"{name} ({key})" if name and code_key(name) != key else key
