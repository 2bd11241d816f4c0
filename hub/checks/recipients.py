"""Does everybody that the message goes to exist? Closed codes are followed to their successor, and said so.

Source: Decision 09/2025/QĐ-TTg Art. 2 (closed codes); axis errors 18 (unknown), 23 (locked).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hub.checks.candidate import Candidate
from hub.domain.agencies import AgencyStatus, Resolution
from hub.domain.findings import Finding, Severity

CHECK = "recipients"
SAYS = ("recipient.",)


def judge(candidate: Candidate) -> Iterator[Finding]:
    """One finding per addressee that is unknown, closed without successor, followed, suspended or repeated."""
    if not candidate.recipients:
        yield Finding(CHECK, "recipient.none", Severity.ERROR, "To")
    for position, resolution in enumerate(candidate.recipients, start=1):
        yield from _one(resolution, f"To[{position}]/OrganId")
    met = Counter(r.agency.code for r in candidate.recipients if r.agency is not None)
    for code, times in met.items():
        if times > 1:
            yield Finding(CHECK, "recipient.repeated", Severity.NOTE, "To", {"agency": code, "times": str(times)})


def _one(resolution: Resolution, where: str) -> Iterator[Finding]:
    agency, written = resolution.agency, resolution.written
    if resolution.group and not resolution.members:
        yield Finding(CHECK, "recipient.group_empty", Severity.ERROR, where, {"agency": written})
    elif resolution.group:
        yield Finding(
            CHECK, "recipient.group", Severity.NOTE, where, {"agency": written, "members": str(len(resolution.members))}
        )
    elif agency is None and resolution.followed:
        yield Finding(CHECK, "recipient.closed", Severity.ERROR, where, {"agency": written})
    elif agency is None:
        yield Finding(CHECK, "recipient.unknown", Severity.ERROR, where, {"agency": written})
    elif resolution.followed:
        evidence = {"written": written, "agency": agency.code, "name": agency.name}
        yield Finding(CHECK, "recipient.successor", Severity.NOTE, where, evidence)
    if agency is not None and agency.status is AgencyStatus.SUSPENDED:
        yield Finding(CHECK, "recipient.suspended", Severity.WARNING, where, {"agency": agency.code})
