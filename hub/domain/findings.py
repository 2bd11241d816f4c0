"""What checks say about a document, as values, and the verdict that follows from them.

Owns: Finding, Severity, Verdict and the catalogue of sentences (schemas/codes/findings-*.toml).
Never: decides policy; a check chooses the severity, `verdict_of` only takes the worst.
Source: ETSI EN 319 102-1 for the three-valued verdict; Decree 30/2020 Art. 21 (check on intake).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files


class Severity(StrEnum):
    """How much a finding weighs, lightest first."""

    NOTE = "note"
    WARNING = "warning"
    TRY_LATER = "try_later"
    ERROR = "error"


class Verdict(StrEnum):
    """The answer to a send (design: acceptance is synchronous)."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that one check saw; `where` is an XPath, a content id or empty; evidence is text only."""

    check: str
    code: str
    severity: Severity
    where: str = ""
    evidence: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sentences:
    """A finding in words: what happened and what to do, Vietnamese and English, with the legal source."""

    vi: str
    en: str
    fix_vi: str
    fix_en: str
    source: str


def verdict_of(findings: Iterable[Finding]) -> Verdict:
    """The worst severity decides: error rejects, try_later holds, the rest is accepted.

    >>> verdict_of([Finding("c", "x", Severity.NOTE)]).value
    'accepted'
    """
    worst = {finding.severity for finding in findings}
    if Severity.ERROR in worst:
        return Verdict.REJECTED
    return Verdict.HELD if Severity.TRY_LATER in worst else Verdict.ACCEPTED


@cache
def catalogue() -> Mapping[str, Mapping[str, str]]:
    """All finding codes with their raw sentences, from schemas/codes/findings-*.toml (key: dotted code)."""
    rows: dict[str, Mapping[str, str]] = {}
    for file in sorted((files("schemas") / "codes").iterdir(), key=lambda entry: entry.name):
        if file.name.startswith("findings-") and file.name.endswith(".toml"):
            rows.update(_flattened(tomllib.loads(file.read_text("utf-8"))))
    return rows


@cache
def error_sentences() -> Mapping[str, Mapping[str, str]]:
    """All error codes with their public sentences, from schemas/codes/errors.toml (key: dotted code)."""
    return _flattened(tomllib.loads((files("schemas") / "codes" / "errors.toml").read_text("utf-8")))


def describe(finding: Finding) -> Sentences:
    """The finding in words, its evidence filled in; a code without a row is a defect (KeyError)."""
    return _filled(catalogue()[finding.code], finding.evidence)


def describe_error(code: str, facts: Mapping[str, str]) -> Sentences:
    """The public sentences of an error code, its facts filled in."""
    return _filled(error_sentences()[code], facts)


class _Blanks(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def _filled(row: Mapping[str, str], evidence: Mapping[str, str]) -> Sentences:
    facts = _Blanks({key: _plain(value) for key, value in evidence.items()})
    words = {name: row.get(name, "").format_map(facts) for name in ("vi", "en", "fix_vi", "fix_en", "source")}
    return Sentences(**words)


def _plain(value: str, longest: int = 200) -> str:
    """Text from outside made safe for a sentence: no control or direction characters, bounded."""
    shown = "".join(c if c.isprintable() else "·" for c in str(value))
    return shown if len(shown) <= longest else shown[:longest] + "…"


def _flattened(tree: Mapping[str, object], prefix: str = "") -> dict[str, Mapping[str, str]]:
    rows: dict[str, Mapping[str, str]] = {}
    for key, value in tree.items():
        if isinstance(value, dict) and "en" in value and isinstance(value["en"], str):
            rows[prefix + key] = value
        elif isinstance(value, dict):
            rows.update(_flattened(value, f"{prefix}{key}."))
    return rows
