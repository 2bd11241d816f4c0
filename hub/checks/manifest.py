"""Are the attachments exactly those that the envelope announces?

Source: QCVN 102:2016/BTTTT (edXMLManifest); Decision 28/2018/QĐ-TTg Art. 10(1); threats E17 (extra, swapped, twice).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hub.checks.candidate import Candidate
from hub.domain.envelopes import BusinessType, Kind
from hub.domain.findings import Finding, Severity

CHECK = "manifest"
SAYS = ("manifest.",)
CARRYING = frozenset({BusinessType.NEW, BusinessType.REPLACE})


def judge(candidate: Candidate) -> Iterator[Finding]:
    """An error for an attachment announced and missing, there and not announced, or announced twice."""
    envelope = candidate.reading.envelope
    announced = Counter(entry.content_id for entry in envelope.manifest)
    present = Counter(attachment.content_id for attachment in envelope.attachments)
    for content_id in announced - present:
        yield _error("manifest.attachment_missing", content_id)
    for content_id in present - announced:
        yield _error("manifest.attachment_not_announced", content_id)
    for content_id, times in (announced | present).items():
        if times > 1:
            yield _error("manifest.repeated", content_id)
    if envelope.kind is Kind.DOCUMENT and not present and envelope.business.business_type in CARRYING:
        yield Finding(CHECK, "manifest.no_attachment", Severity.ERROR, "AttachmentEncoded")


def _error(code: str, content_id: str) -> Finding:
    return Finding(CHECK, code, Severity.ERROR, f"cid:{content_id}", {"content_id": content_id})
