"""JUDGE AGAIN: a held consignment is verified once more, now that its evidence may be there.

Owns: the new verdict of a held row, and its end when the evidence never came.
Never: touches a row in another state.
Source: design §1 (held), §5; the rule pack's `held.expires_after_hours`.
"""

from __future__ import annotations

from dataclasses import replace

from hub.domain.agencies import Agency
from hub.domain.consignments import ConsignmentState
from hub.domain.findings import Finding, Severity, Verdict, verdict_of
from hub.edxml.bounds import Bounds
from hub.edxml.reader import EnvelopeReader
from hub.stations import Hub, record, registration, verify
from hub.stations.receive import CHUNK_BYTES, spools_of
from hub.stations.verify import Judged
from hub.store import agencies, consignments, evidence
from hub.store.consignments import Consignment

CHECK = "held"
SAYS = ("held.",)


def run(consignment_id: str, hub: Hub) -> None:
    """Judge it again and write what changed; does nothing when it is no longer held."""
    with hub.database.reading() as connection:
        consignment = consignments.get(connection, consignment_id)
        if consignment is None or consignment.state is not ConsignmentState.HELD:
            return
        caller = agencies.require(connection, consignment.caller_key)
    judged = _expired_or_same(_judged(consignment, caller, hub), consignment, hub)
    record.told_before(judged, hub)
    with hub.database.writing() as transaction:
        locked = consignments.lock(transaction, consignment_id)
        if locked is None or locked.state is not ConsignmentState.HELD:
            return
        if judged.verdict is Verdict.HELD:
            consignments.postpone(transaction, locked.id, hub.now() + record.JUDGE_AGAIN_AFTER)
            evidence.want(transaction, record.wanted_of(judged), at=hub.now())
            return
        consignments.lock_documents(transaction, registration.locks(judged.candidate))
        judged = verify.looked_again(transaction.connection, judged)
        if judged.verdict is Verdict.HELD:
            consignments.postpone(transaction, locked.id, hub.now() + record.JUDGE_AGAIN_AFTER)
            return
        changed = record.referring(transaction, record.with_verdict(locked, judged, hub.now()), judged)
        consignments.judged_again(transaction, changed)
        record.write_verdict(transaction, changed, record.first_receipt(changed, hub), judged, hub)


def _judged(consignment: Consignment, caller: Agency, hub: Hub) -> Judged:
    reader = EnvelopeReader(Bounds(total_bytes=hub.settings.max_envelope_bytes), new_spool=spools_of(hub))
    try:
        with hub.payloads.open(consignment.sha256) as body:
            while chunk := body.read(CHUNK_BYTES):
                reader.feed(chunk)
        return verify.run(
            reader.close(),
            hub,
            caller=caller,
            moment=consignment.received_at,
            open_body=lambda: hub.payloads.open(consignment.sha256),
        )
    finally:
        reader.abandon()


def _expired_or_same(judged: Judged, consignment: Consignment, hub: Hub) -> Judged:
    waited = hub.now() - consignment.received_at
    if judged.verdict is not Verdict.HELD or waited < judged.candidate.rules.held_expires_after:
        return judged
    hours = str(int(waited.total_seconds() // 3600))
    findings = (*judged.findings, Finding(CHECK, "held.expired", Severity.ERROR, "", {"hours": hours}))
    return replace(judged, findings=findings, verdict=verdict_of(findings))
