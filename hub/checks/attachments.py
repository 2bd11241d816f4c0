"""Is each file what it says, of a kind that may travel, and harmless?

Names are judged by the reader (edxml.attachment.name); what is inside was seen before (hub/edxml/archives.py).
Source: Decree 30/2020/NĐ-CP Art. 21 (check on intake); threats A2 (types), A3 (bombs), A6 (virus), A7 (two-faced).
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.checks.candidate import Candidate
from hub.domain.attachment_rules import AttachmentRules, FileFacts, Kind, ScannerDemand, extension_of
from hub.domain.envelopes import Attachment
from hub.domain.findings import Finding, Severity

CHECK = "attachments"
SAYS = ("attachments.",)
OCTETS = "application/octet-stream"


def judge(candidate: Candidate) -> Iterator[Finding]:
    """What is wrong with each file by the rule pack; files without content are the reader's to tell."""
    rules = candidate.rules.attachments
    for attachment in candidate.reading.envelope.attachments:
        facts = candidate.files.get(attachment.content_id)
        if facts is None or not attachment.size_bytes:
            continue
        yield from _type(attachment, facts, rules)
        for trouble in facts.troubles:
            severity = _severity(trouble.kind, rules)
            yield _finding(f"attachments.{trouble.kind}", severity, attachment, entry=trouble.entry or attachment.name)
        yield from _scan(attachment, facts, rules)


def _type(attachment: Attachment, facts: FileFacts, rules: AttachmentRules) -> Iterator[Finding]:
    extension, seen = extension_of(attachment.name), facts.media_type
    if seen in rules.refused_types:
        yield _finding("attachments.refused_type", Severity.ERROR, attachment, found=seen)
    elif extension in rules.refused_extensions:
        yield _finding("attachments.refused_extension", Severity.ERROR, attachment, extension=extension)
    elif seen == OCTETS:
        yield _finding("attachments.unknown_type", rules.unknown, attachment)
    elif seen not in rules.types:
        yield _finding("attachments.unlisted_type", rules.unlisted, attachment, found=seen)
    elif extension and extension not in rules.types[seen]:
        yield _finding("attachments.name_differs", rules.name_differs, attachment, extension=extension, found=seen)


def _severity(kind: Kind, rules: AttachmentRules) -> Severity:
    by_rule = {
        Kind.MACROS: rules.macros,
        Kind.POLYGLOT: rules.polyglot,
        Kind.PDF_NOT_FIRST: rules.pdf_not_first,
        Kind.ENCRYPTED: rules.unseen,
        Kind.UNREADABLE: rules.unseen,
        Kind.TOO_SLOW: Severity.TRY_LATER,  # the machine may be busy: no document is refused for that at once
    }
    return by_rule.get(kind, Severity.ERROR)


def _scan(attachment: Attachment, facts: FileFacts, rules: AttachmentRules) -> Iterator[Finding]:
    required = rules.scanner is ScannerDemand.REQUIRE
    if facts.scan is None and (required or facts.scan_failed):
        severity = Severity.TRY_LATER if required else Severity.WARNING
        yield _finding("attachments.not_scanned", severity, attachment)
    elif facts.scan is not None and facts.scan.threat:
        yield _finding("attachments.malware", Severity.ERROR, attachment, threat=facts.scan.threat)
    elif facts.scan is not None and facts.scan.skipped:
        yield _finding("attachments.scan_skipped", rules.scan_skipped, attachment, reason=facts.scan.skipped)


def _finding(code: str, severity: Severity, attachment: Attachment, **evidence: str) -> Finding:
    told = {"name": attachment.name or attachment.content_id} | evidence
    return Finding(CHECK, code, severity, f"cid:{attachment.content_id}", told)
