"""May this recall, update or replacement be made: is the document known, is it still the sender's to change?

Source: Decision 28/2018/QĐ-TTg Art. 8(2); Decree 30/2020/NĐ-CP Art. 18, Annex VI.III.8; threats T2 (another's recall).
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.checks.candidate import Candidate
from hub.domain.agencies import code_key
from hub.domain.changes import MOST_TARGETS, DocumentState, Holding, Target
from hub.domain.envelopes import BusinessType, Kind
from hub.domain.findings import Finding, Severity

CHECK = "changes"
SAYS = ("change.",)
_SHOWN = 20  # agencies named in one sentence


def judge(candidate: Candidate) -> Iterator[Finding]:
    """An error for a change of what is unknown, frozen or nobody's; a warning for what it leaves untouched."""
    envelope = candidate.reading.envelope
    if envelope.kind is not Kind.DOCUMENT or candidate.sender.agency is None:
        return
    business = envelope.business
    if business.business_type in (BusinessType.NEW, BusinessType.REPLACE) and candidate.own is not None:
        yield from _frozen(candidate.own)
    if business.business_type is BusinessType.NEW:
        return
    if not business.reason:
        yield Finding(CHECK, "change.no_reason", candidate.rules.changes.no_reason, "Bussiness/BussinessDocReason")
    if candidate.too_many_targets:
        yield _error("change.too_many", "Bussiness/ReplacementInfoList", limit=str(MOST_TARGETS))
    elif not candidate.targets:
        yield Finding(CHECK, "change.nothing_named", Severity.ERROR, "Bussiness")
    for target in candidate.targets:
        faults = list(_known(candidate, target))
        yield from faults
        if not faults:
            yield from _OF_TYPE[business.business_type](candidate, target)


def _frozen(own: Target) -> Iterator[Finding]:
    if own.state is not DocumentState.LIVE:
        code = "change.already_recalled" if own.state is DocumentState.RECALLED else "change.already_replaced"
        yield _error(code, "DocumentId", document_id=own.document_id, replaced_by=own.replaced_by)


def _known(candidate: Candidate, target: Target) -> Iterator[Finding]:
    told = {"document_id": target.document_id}
    if target.held:
        yield Finding(CHECK, "change.document_held", Severity.TRY_LATER, "DocumentId", told)
    elif target.ref is None:
        yield _error("change.unknown_document", "DocumentId", **told)
    elif not target.replaced_by or target.replaced_by != candidate.reading.envelope.document_id:
        yield from _frozen(target)  # sending a replacement to further recipients is no second replacement


def _recall(candidate: Candidate, target: Target) -> Iterator[Finding]:
    named = named_recipients(candidate)
    told = {"document_id": target.document_id}
    if not named & target.holders and not target.to_groups:
        asked = {c.recipient_key for c in target.copies if c.holding in (Holding.GIVING_UP_ASKED, Holding.CANCELLED)}
        withdrawn = {c.recipient_key for c in target.copies if c.holding is Holding.WITHDRAWN}
        again = named and named <= asked | withdrawn
        yield _error("change.already_recalled" if again else "change.nobody_holds", "To", replaced_by="", **told)
        return
    others = sorted(target.holders - named)
    if others:
        told |= {"agencies": ", ".join(others[:_SHOWN]), "count": str(len(others))}
        yield Finding(CHECK, "change.others_hold", Severity.WARNING, "To", told)


def _update(candidate: Candidate, target: Target) -> Iterator[Finding]:
    business = candidate.reading.envelope.business
    if not business.metadata_changed and not candidate.receivers:
        yield Finding(CHECK, "change.nothing_changes", Severity.WARNING, "Bussiness/BussinessDocumentInfo")
    for position, receiver in enumerate(candidate.receivers, start=1):
        where = f"Bussiness/BussinessDocumentInfo/ReceiverList/Receiver[{position}]"
        if receiver.added is None:
            yield _error("change.receiver_type", where, found=receiver.receiver_type)
        elif receiver.agency is None:
            yield _error("change.receiver_unknown", where, agency=receiver.written)
        elif receiver.added and receiver.key in target.had_it:
            yield _error("change.had_a_copy", where, agency=receiver.written)
        elif not receiver.added and receiver.key not in target.holders and not target.to_groups:
            told = {"agency": receiver.written, "document_id": target.document_id}
            yield Finding(CHECK, "change.not_a_holder", Severity.NOTE, where, told)


def _replace(candidate: Candidate, target: Target) -> Iterator[Finding]:
    envelope = candidate.reading.envelope
    if target.document_id == envelope.document_id:
        yield _error("change.replaces_itself", "DocumentId", document_id=target.document_id)
    asked = candidate.replacing[candidate.targets.index(target)]
    missing = sorted(set(asked or target.holders) - named_recipients(candidate))
    if missing:
        told = {"agencies": ", ".join(missing[:_SHOWN]), "count": str(len(missing))}
        severity = Severity.ERROR if asked else Severity.WARNING
        yield Finding(CHECK, "change.replacer_not_addressed", severity, "To", told)


def named_recipients(candidate: Candidate) -> frozenset[str]:
    """The code keys of the agencies in To, and of those in its groups."""
    agencies = {code_key(one.agency.code) for one in candidate.recipients if one.agency is not None}
    return frozenset(agencies.union(*(one.members for one in candidate.recipients)))


def _error(code: str, where: str, **evidence: str) -> Finding:
    return Finding(CHECK, code, Severity.ERROR, where, evidence)


_OF_TYPE = {BusinessType.RECALL: _recall, BusinessType.UPDATE: _update, BusinessType.REPLACE: _replace}
