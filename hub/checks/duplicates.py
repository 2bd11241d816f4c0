"""Do we know this document already, under this id or under this number?

Source: Decree 30/2020/NĐ-CP Annex VI (warn on a duplicate document id, and when number, symbol and agency coincide).
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.checks.candidate import Candidate
from hub.domain.agencies import code_key
from hub.domain.envelopes import BusinessType
from hub.domain.findings import Finding, Severity
from hub.domain.periods import vietnam_time

CHECK = "duplicates"
SAYS = ("duplicates.",)


def judge(candidate: Candidate) -> Iterator[Finding]:
    """Notes what was sent before; warns (or rejects, by the rule pack) when attachments changed under an old id."""
    envelope = candidate.reading.envelope
    if envelope.business.business_type is not BusinessType.NEW:
        return
    if candidate.earlier:
        yield from _known(candidate)
    if candidate.same_number is not None:
        evidence = {"notation": envelope.notation, "document_id": candidate.same_number.document_id}
        yield Finding(CHECK, "duplicates.same_number", candidate.rules.same_number, "Code", evidence)


def _known(candidate: Candidate) -> Iterator[Finding]:
    document_id = candidate.reading.envelope.document_id
    newest = candidate.earlier[-1]
    evidence = {"document_id": document_id, "at": vietnam_time(newest.received_at), "consignment": newest.id}
    if any(e.attachments_sha256 != candidate.attachments_sha256 for e in candidate.earlier):
        severity = candidate.rules.changed_attachments
        yield Finding(CHECK, "duplicates.changed_attachments", severity, "DocumentId", evidence)
    else:
        yield Finding(CHECK, "duplicates.known_document", Severity.NOTE, "DocumentId", evidence)
    for resolution in candidate.recipients:
        if resolution.agency is not None and code_key(resolution.agency.code) in candidate.already_held:
            delivery = candidate.already_held[code_key(resolution.agency.code)]
            held = {"agency": resolution.agency.code, "delivery": delivery}
            yield Finding(CHECK, "duplicates.already_held", Severity.NOTE, "To", held)
