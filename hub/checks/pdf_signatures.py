"""Are the document's PDF files signed by the authorised person and by the sending agency, and do the signatures hold?

Source: Decision 28/2018/QĐ-TTg Art. 4, 9(1); Decree 30/2020/NĐ-CP Art. 5, 21(2); threats P1-P7.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.checks import demands
from hub.checks.candidate import Candidate
from hub.domain.envelopes import Attachment, Kind
from hub.domain.findings import Finding, Severity
from hub.domain.signature_policy import Demand, Level
from hub.domain.signatures import Judgement, PdfReport, PdfSignature, Role

CHECK = "pdf_signatures"
SAYS = ("pdf.", "certificate.")
_DEMANDS = {Role.PERSONAL_SIGNATURE: Demand.PERSONAL_SIGNATURE, Role.AGENCY_SEAL: Demand.AGENCY_SEAL}
_ABSENT = {Role.PERSONAL_SIGNATURE: "pdf.not_signed_by_a_person", Role.AGENCY_SEAL: "pdf.not_sealed"}
_STRICTEST = (Level.REQUIRE, Level.WARN, Level.IGNORE)


def judge(candidate: Candidate) -> Iterator[Finding]:
    """What was found in each signature, weighed by what is demanded; then what the document lacks."""
    envelope = candidate.reading.envelope
    if envelope.kind is not Kind.DOCUMENT:
        return
    levels = {role: demands.level(candidate, demand) for role, demand in _DEMANDS.items()}
    levels[Role.UNKNOWN] = min(levels.values(), key=_STRICTEST.index)
    for position, attachment in enumerate(envelope.attachments):
        report = candidate.pdfs.get(attachment.content_id)
        if report is None:
            continue
        yield from _in_file(candidate, report, levels)
        if position == 0:  # the document itself; the others go beside it [confirm]
            yield from _lacking(attachment, report, levels)


def _in_file(candidate: Candidate, report: PdfReport, levels: dict[Role, Level]) -> Iterator[Finding]:
    may_come = bool(report.wanted)
    for finding in report.findings:  # about the file: when the judge had trouble, he may do better later
        yield demands.weighed(finding, levels[Role.UNKNOWN], may_come=True)
    for signature in report.signatures:
        level = levels[signature.role]
        for finding in signature.findings:
            yield demands.weighed(finding, level, may_come=may_come)
        if signature.role is Role.AGENCY_SEAL and signature.judgement is not Judgement.INVALID:
            yield from _whose(candidate, report, signature, level)


def _whose(candidate: Candidate, report: PdfReport, signature: PdfSignature, level: Level) -> Iterator[Finding]:
    """A seal that is known to be another agency's is broken (E16, P6); one that nobody knows is doubtful."""
    owner = candidate.owner_of(signature)
    if owner is not None and owner.is_sender:
        return
    where = f"cid:{report.content_id}"
    facts = {"number": str(signature.number), "organisation": signature.organisation}
    facts["agency"] = candidate.sender.written
    if owner is not None:
        facts["owner"] = owner.agency.code
        yield Finding(CHECK, "pdf.seal_of_another_agency", demands.BROKEN[level], where, facts)
    else:
        yield Finding(CHECK, "pdf.seal_of_nobody_known", demands.DOUBTFUL[level], where, facts)


def _lacking(attachment: Attachment, report: PdfReport, levels: dict[Role, Level]) -> Iterator[Finding]:
    if any(finding.severity is Severity.TRY_LATER for finding in report.findings):
        return  # nothing is known of its signatures yet
    there = {signature.role for signature in report.signatures}
    for role, code in _ABSENT.items():
        if role not in there:
            severity = demands.ABSENT[levels[role]]
            yield Finding(CHECK, code, severity, f"cid:{report.content_id}", {"file": attachment.name})
