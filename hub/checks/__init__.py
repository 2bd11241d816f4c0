"""The questions that every envelope must answer, one file each; ORDER reads as the policy.

Owns: the order. A check module has CHECK (its name), SAYS (how its codes begin) and judge(candidate) -> findings.
Never: stops at the first fault: the sender gets all findings at once.
Source: Decision 28/2018/QĐ-TTg Art. 9(1) (completeness, integrity, authenticity before intake).
"""

from __future__ import annotations

from hub.checks import (
    attachments,
    changes,
    duplicates,
    manifest,
    pdf_signatures,
    recipients,
    secrecy,
    sender,
    signature,
    status_target,
    structure,
)
from hub.checks.candidate import Candidate
from hub.domain.findings import Finding

ORDER = (
    secrecy,  # may this document be here at all?
    structure,  # can it be read as the standard says?
    sender,  # does the sender exist, and may the caller speak for it?
    recipients,  # does everybody it goes to exist?
    manifest,  # are the attachments those that the envelope announces?
    attachments,  # is each file what it says, and harmless?
    signature,  # who signed the envelope, and what?
    pdf_signatures,  # who signed and sealed the document itself?
    changes,  # may it recall, update or replace what it refers to?
    duplicates,  # do we know this document already?
    status_target,  # does a status speak about something that its sender received?
)


def judge(candidate: Candidate) -> tuple[Finding, ...]:
    """The findings of all checks, in the order of the policy."""
    return tuple(finding for check in ORDER for finding in check.judge(candidate))
