"""Who signed the envelope, what does the signature cover, and is that enough for this sender?

Source: Law 20/2023/QH15, Decree 68/2024/NĐ-CP; domain notes §6 (absence is never a reason by itself);
threats E16 (certificate of another agency).
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.checks.candidate import Candidate
from hub.domain.agencies import SignaturePolicy
from hub.domain.findings import Finding, Severity
from hub.domain.signatures import SignatureState

CHECK = "signature"
WHERE = "edXMLHeader/Signature"


def judge(candidate: Candidate) -> Iterator[Finding]:
    """What the signature room found, whose certificate it is, and the sender's policy."""
    report, agency = candidate.signature, candidate.sender.agency
    yield from report.findings
    if report.state is SignatureState.VALID and not candidate.holder_may_sign:
        holder = candidate.certificate_holder.code if candidate.certificate_holder else "–"
        subject = report.certificate.subject if report.certificate else ""
        evidence = {"subject": subject, "holder": holder, "agency": candidate.sender.written}
        yield Finding(CHECK, "signature.not_of_the_sender", Severity.ERROR, WHERE, evidence)
    required = agency is not None and agency.signature_policy is SignaturePolicy.REQUIRE
    if report.state is SignatureState.ABSENT:
        severity = Severity.ERROR if required else Severity.NOTE
        yield Finding(CHECK, "signature.absent", severity, WHERE, {"agency": candidate.sender.written})
    elif required and report.state is SignatureState.LEGACY:
        yield Finding(CHECK, "signature.required", Severity.ERROR, WHERE, {"agency": candidate.sender.written})
    elif required and report.state is SignatureState.VALID and not report.coverage.whole:
        yield Finding(CHECK, "signature.must_cover_all", Severity.ERROR, WHERE, {"agency": candidate.sender.written})
