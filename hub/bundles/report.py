"""What was checked in a bundle, as a numbered list in Vietnamese and English.

Owns: Mark, Step and Report; their text and JSON forms; the names of the checks.
Never: checks anything.
Source: issue 3 part 7 (numbered list, the first broken thing in one sentence).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hub.domain.findings import Finding, Severity, describe


class Mark(StrEnum):
    """sound and broken were checked; absent says that there is nothing to check, in words."""

    SOUND = "sound"
    BROKEN = "broken"
    ABSENT = "absent"


_SIGNS = {Mark.SOUND: "✓", Mark.BROKEN: "✗", Mark.ABSENT: "–"}
TITLES = {
    "container": ("Gói chứa", "Container"),
    "manifest": ("Bản kê", "Manifest"),
    "hub_signature": ("Chữ ký của trục", "Signature of the hub"),
    "contents": ("Các phần của hồ sơ", "Parts of the bundle"),
    "receipts": ("Biên nhận", "Receipts"),
    "envelope": ("Gói tin", "Envelope"),
    "envelope_signature": ("Chữ ký của gói tin", "Signature of the envelope"),
    "pdf_signatures": ("Chữ ký trong tệp PDF", "Signatures in PDF files"),
    "findings": ("Kết luận của trục", "Verdict of the hub"),
    "proofs": ("Chứng minh Merkle", "Merkle proofs"),
    "seals": ("Niêm phong", "Seals"),
    "timestamps": ("Dấu thời gian", "Timestamps"),
    "unsealed": ("Mức độ niêm phong", "Receipts sealed"),
}


@dataclass(frozen=True, slots=True)
class Step:
    """One check: its name (a key of TITLES), how it ended, and what was seen."""

    check: str
    mark: Mark
    seen: Finding


@dataclass(frozen=True, slots=True)
class Report:
    """All checks in their order; every check of TITLES is there."""

    steps: tuple[Step, ...]

    @property
    def first_broken(self) -> Step | None:
        """The first check that failed; None when the bundle is sound."""
        return next((step for step in self.steps if step.mark is Mark.BROKEN), None)


def sound(check: str, code: str, /, **evidence: str) -> Step:
    """A check that held."""
    return Step(check, Mark.SOUND, Finding(check, code, Severity.NOTE, "", evidence))


def absent(check: str, code: str, /, **evidence: str) -> Step:
    """A check with nothing to check."""
    return Step(check, Mark.ABSENT, Finding(check, code, Severity.NOTE, "", evidence))


def broken(check: str, code: str, /, **evidence: str) -> Step:
    """A check that failed; `name`, when given, is the part of the bundle."""
    return Step(check, Mark.BROKEN, Finding(check, code, Severity.ERROR, evidence.get("name", ""), evidence))


def lines(report: Report) -> Iterator[str]:
    """The report for people."""
    for number, step in enumerate(report.steps, start=1):
        words, (vi, en) = describe(step.seen), TITLES[step.check]
        yield f"{number:2} {_SIGNS[step.mark]} {vi}: {words.vi}"
        yield f"     {en}: {words.en}"
    yield ""
    first = report.first_broken
    if first is None:
        yield "✓ Hồ sơ nguyên vẹn, chứng minh được / the bundle is sound"
        return
    words, (vi, en) = describe(first.seen), TITLES[first.check]
    yield f"✗ HỎNG – {vi}: {words.vi}\n    → {words.fix_vi}"
    yield f"  BROKEN – {en}: {words.en}\n    → {words.fix_en}"


def as_json(report: Report) -> dict[str, Any]:
    """The report for programs."""
    first = report.first_broken
    return {
        "sound": first is None,
        "first_broken": _step(report.steps.index(first) + 1, first) if first else None,
        "steps": [_step(number, step) for number, step in enumerate(report.steps, start=1)],
    }


def _step(number: int, step: Step) -> dict[str, Any]:
    words = describe(step.seen)
    return {
        "number": number,
        "check": step.check,
        "mark": step.mark.value,
        "code": step.seen.code,
        "where": step.seen.where,
        "evidence": dict(step.seen.evidence),
        "vi": words.vi,
        "en": words.en,
        "fix_vi": words.fix_vi,
        "fix_en": words.fix_en,
    }
