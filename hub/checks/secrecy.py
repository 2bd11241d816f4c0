"""Is the document marked as a state secret? Then it must not be on this hub, and its body is not kept.

Source: Decision 28/2018/QĐ-TTg Art. 1; State Secrets Law 117/2025/QH15 (levels mật, tối mật, tuyệt mật).
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.checks.candidate import Candidate
from hub.domain.findings import Finding, Severity

CHECK = "secrecy"
SAYS = ("secrecy.",)
MARKED = "secrecy.marked"


def judge(candidate: Candidate) -> Iterator[Finding]:
    """An error for every level that the rule pack refuses, and for a marking that it does not know."""
    level = " ".join(candidate.reading.envelope.secrecy.casefold().split())
    if level:
        known = level in candidate.rules.refused_secrecy
        yield Finding(CHECK, MARKED, Severity.ERROR, "OtherInfo", {"level": level if known else "?"})
