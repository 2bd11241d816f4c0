"""Does the sender exist, does it still exchange documents, and may the caller speak for it?

Source: Decision 28/2018/QĐ-TTg Art. 6(1) (authentic origin); threats E18 (valid signature, other agency's key).
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.checks.candidate import Candidate
from hub.domain.agencies import AgencyStatus
from hub.domain.findings import Finding, Severity

CHECK = "sender"
SAYS = ("sender.",)
WHERE = "From/OrganId"


def judge(candidate: Candidate) -> Iterator[Finding]:
    """An error when From is unknown, closed, suspended, or not the caller's to use."""
    written, agency = candidate.sender.written, candidate.sender.agency
    if agency is None and candidate.sender.followed:
        yield Finding(CHECK, "sender.closed", Severity.ERROR, WHERE, {"agency": written})
    elif agency is None:
        yield Finding(CHECK, "sender.unknown", Severity.ERROR, WHERE, {"agency": written})
    elif agency.status is AgencyStatus.SUSPENDED:
        yield Finding(CHECK, "sender.suspended", Severity.ERROR, WHERE, {"agency": agency.code})
    elif not candidate.caller_may_send:
        evidence = {"agency": agency.code, "caller": candidate.caller.code}
        yield Finding(CHECK, "sender.not_the_caller", Severity.ERROR, WHERE, evidence)
    elif candidate.sender.followed:
        evidence = {"written": written, "agency": agency.code}
        yield Finding(CHECK, "sender.old_code", Severity.WARNING, WHERE, evidence)
