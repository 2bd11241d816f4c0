"""Who signed the envelope, what does the signature cover, and is that enough for this sender?

Source: Law 20/2023/QH15, Decree 68/2024/NĐ-CP; domain notes §6 (absence is never a reason by itself);
threats E16 (certificate of another agency).
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.checks import demands
from hub.checks.candidate import Candidate
from hub.domain.findings import Finding, Severity
from hub.domain.signature_policy import Demand, Level
from hub.domain.signatures import SignatureState

CHECK = "signature"
SAYS = ("signature.", "certificate.")
WHERE = "edXMLHeader/Signature"
_THERE = frozenset({SignatureState.VALID, SignatureState.UNDETERMINED})


def judge(candidate: Candidate) -> Iterator[Finding]:
    """What the signature room found, whose certificate it is, and what is demanded of the sender."""
    report = candidate.signature
    level = demands.level(candidate, Demand.ENVELOPE_SIGNATURE)
    for finding in report.findings:
        if finding.severity is Severity.TRY_LATER:
            yield demands.weighed(finding, level, may_come=bool(report.wanted))
        else:  # a signature that is there must hold, whatever is demanded
            yield finding
    if report.state in _THERE and not candidate.holder_may_sign:
        yield _of_another(candidate)
    yield from _enough(candidate, level)


def _of_another(candidate: Candidate) -> Finding:
    certificate, holder = candidate.signature.certificate, candidate.certificate_holder
    evidence = {
        "subject": certificate.subject if certificate else "",
        "holder": holder.code if holder else "–",
        "agency": candidate.sender.written,
    }
    return Finding(CHECK, "signature.not_of_the_sender", Severity.ERROR, WHERE, evidence)


def _enough(candidate: Candidate, level: Level) -> Iterator[Finding]:
    report, sender = candidate.signature, {"agency": candidate.sender.written}
    if report.state is SignatureState.ABSENT:
        yield Finding(CHECK, "signature.absent", demands.ABSENT[level], WHERE, sender)
    elif level is not Level.REQUIRE:
        return
    elif report.state is SignatureState.LEGACY:
        yield Finding(CHECK, "signature.required", Severity.ERROR, WHERE, sender)
    elif report.state in _THERE and not report.coverage.whole:
        yield Finding(CHECK, "signature.must_cover_all", Severity.ERROR, WHERE, sender)
