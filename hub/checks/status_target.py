"""Does a status speak about a document that its sender really received (or, for 13, sent)?

Source: domain notes §2.5; Decision 28/2018/QĐ-TTg Art. 9(2); threats T2 (status from a non-recipient).
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.checks.candidate import Candidate
from hub.domain.findings import Finding, Severity
from hub.domain.statuses import ANSWERS, StatusCode

CHECK = "status_target"
SAYS = ("status.",)


def judge(candidate: Candidate) -> Iterator[Finding]:
    """An error for a code that does not exist and for a document that the two parties do not share."""
    status = candidate.reading.envelope.status
    if status is None:
        return
    if status.status_code not in {code.value for code in StatusCode}:
        evidence = {"status_code": status.status_code}
        yield Finding(CHECK, "status.unknown_code", Severity.ERROR, "StatusCode", evidence)
    if candidate.not_routed_yet:
        evidence = {"document_id": status.response_for.document_id}
        yield Finding(CHECK, "status.document_not_routed", Severity.TRY_LATER, "ResponseFor/DocumentId", evidence)
    elif not candidate.answered:
        evidence = {"document_id": status.response_for.document_id, "agency": candidate.sender.written}
        yield Finding(CHECK, "status.unknown_document", Severity.ERROR, "ResponseFor/DocumentId", evidence)
    elif status.status_code in ANSWERS and not candidate.open_changes:
        evidence = {"status_code": status.status_code, "document_id": status.response_for.document_id}
        yield Finding(CHECK, "status.nothing_to_answer", Severity.WARNING, "StatusCode", evidence)
