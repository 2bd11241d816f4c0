"""Judges a bundle on a machine that has only the trusted certificates: every step, in order, nothing skipped.

Owns: the order of the steps; container, manifest, signature of the hub, parts, receipts, envelope, verdict.
Never: opens the network, a database or settings; stops at the first fault when later steps can still be judged.
Source: issue 3 part 7; threats E21-E23, A3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from hub.bundles import contents, judging, report, sealing
from hub.bundles.contents import Bundle, FindingRow, ReceiptFile, Unfit
from hub.bundles.report import Mark, Report, Step, absent, broken, sound
from hub.domain.findings import Finding, Verdict, verdict_of
from hub.domain.periods import vietnam_time
from hub.domain.receipts import ReceiptEvent
from hub.errors import Misconfigured, Refusal
from hub.signatures.anchors import Trust
from hub.signatures.asic import Container, Malformed, NotSigned
from hub.signatures.pdf import PdfJudge

_SUBMISSION = {
    Verdict.ACCEPTED.value: ReceiptEvent.SUBMISSION_ACCEPTANCE.value,
    Verdict.REJECTED.value: ReceiptEvent.SUBMISSION_REJECTION.value,
}
_VERDICTS = {"accepted": ("chấp nhận", "accepted"), "rejected": ("từ chối", "rejected")}
_SUBMISSIONS = frozenset(_SUBMISSION.values())


def verify(file: BinaryIO, trust: Trust, *, pdfs: PdfJudge) -> Report:
    """Every step of report.TITLES for a file that is a container (asic.is_container). Raises nothing for a bad one."""
    try:
        container = Container(file)
    except Malformed as fault:
        return _whole([broken("container", f"bundle.container.{fault.code}", name=fault.name)])
    steps = [sound("container", "bundle.container.sound", count=str(len(container.places)))]
    steps.append(_step("manifest", lambda: _manifest(container)))
    steps.append(_step("hub_signature", lambda: _hub_signature(container, trust)))
    try:
        bundle = contents.opened(container, trust)
    except Unfit as fault:
        return _whole([*steps, Step("contents", Mark.BROKEN, fault.finding)])
    except (Malformed, ValueError, RecursionError) as fault:
        return _whole([*steps, broken("contents", "bundle.part_unreadable", name=_shown(fault))])
    steps.append(_step("contents", lambda: _parts(bundle)))
    for check, judge in _steps(pdfs):
        steps.append(_step(check, lambda judge=judge: judge(bundle)))  # type: ignore[misc]
    return _whole(steps)


def _steps(pdfs: PdfJudge) -> Iterator[tuple[str, Callable[[Bundle], Step]]]:
    judged = judging.Judging(pdfs)
    yield "receipts", _receipts
    yield "envelope", _envelope
    yield "envelope_signature", judged.envelope_signature
    yield "pdf_signatures", judged.pdf_signatures
    yield "findings", _findings
    yield "proofs", sealing.proofs
    yield "seals", sealing.seals
    yield "timestamps", sealing.timestamps
    yield "unsealed", sealing.unsealed


def _step(check: str, judge: Callable[[], Step]) -> Step:
    """The step, or that its part cannot be read: what is in a bundle may be of any shape."""
    try:
        return judge()
    except (Malformed, ValueError, TypeError, KeyError, OverflowError, RecursionError, Refusal, Misconfigured) as fault:
        return broken(check, "bundle.part_unreadable", name=_shown(fault))


def _whole(steps: list[Step]) -> Report:
    """The report with the steps that could not be taken."""
    taken = {step.check for step in steps}
    left = [absent(check, "bundle.not_checked") for check in report.TITLES if check not in taken]
    return Report((*steps, *left))


def _manifest(container: Container) -> Step:
    listed, there = container.listed(), container.data_names()
    for name in listed:
        if name not in container.places:
            return broken("manifest", "bundle.part_missing", name=name)
    for name in there:
        if name not in listed:
            return broken("manifest", "bundle.not_listed", name=name)
    for name in there:
        if container.digest(name) != listed[name]:
            return broken("manifest", "bundle.digest_differs", name=name)
    return sound("manifest", "bundle.manifest_agrees", count=str(len(there)))


def _hub_signature(container: Container, trust: Trust) -> Step:
    try:
        certificate = container.signed_by(trust.hub)
    except NotSigned as fault:
        if fault.stranger:
            return broken("hub_signature", "bundle.hub_unknown", subject=fault.stranger)
        return broken("hub_signature", "bundle.hub_signature_wrong", why=str(fault))
    return sound("hub_signature", "bundle.hub_signature_genuine", subject=certificate.subject.rfc4514_string())


def _parts(bundle: Bundle) -> Step:
    made_at = vietnam_time(bundle.index.made_at)
    return sound("contents", "bundle.parts_fit", consignment=bundle.index.consignment, made_at=made_at)


def _receipts(bundle: Bundle) -> Step:
    for receipt in bundle.receipts:
        if receipt.claims is None:
            return broken("receipts", "bundle.receipt_not_genuine", name=receipt.entry.file)
        if receipt.claims.get("consignment") != bundle.index.consignment:
            return broken("receipts", "bundle.receipt_of_another", name=receipt.entry.file)
        said = tuple(receipt.claims.get(name) for name in ("jti", "event", "delivery"))
        if said != (receipt.entry.id, receipt.entry.event, receipt.entry.delivery):
            return broken("receipts", "bundle.receipt_says_otherwise", name=receipt.entry.file)
    wanted = _SUBMISSION.get(bundle.record.verdict)
    events = [receipt.entry.event for receipt in bundle.receipts if receipt.entry.event in _SUBMISSIONS]
    if events != ([wanted] if wanted else []):
        return broken("receipts", "bundle.receipt_of_verdict", verdict=bundle.record.verdict[:40])
    if not bundle.receipts:
        return absent("receipts", "bundle.no_receipt_yet")
    return sound("receipts", "bundle.receipts_genuine", count=str(len(bundle.receipts)))


def _envelope(bundle: Bundle) -> Step:
    entry = bundle.index.envelope
    for receipt in bundle.receipts:
        if _claims(receipt).get("envelope") != {"sha256": entry.sha256, "size_bytes": entry.size_bytes}:
            return broken("envelope", "bundle.envelope_testified_otherwise", name=receipt.entry.file)
    if not entry.kept:
        code = "bundle.envelope_secret" if entry.reason == "secret" else "bundle.envelope_gone"
        return absent("envelope", code, sha256=entry.sha256[:64])
    if bundle.container.places[contents.ENVELOPE].size_bytes > contents.MOST_ENVELOPE_BYTES:
        return broken("envelope", "bundle.container.too_large", name=contents.ENVELOPE)
    if bundle.container.digest(contents.ENVELOPE) != entry.sha256:
        return broken("envelope", "bundle.envelope_differs", name=contents.ENVELOPE)
    return sound("envelope", "bundle.envelope_testified", sha256=entry.sha256, count=str(len(bundle.receipts)))


def _findings(bundle: Bundle) -> Step:
    """The verdict as written is the one that the receipt testifies, finding by finding."""
    record = bundle.record
    findings = [Finding(row.check, row.code, row.severity, row.where) for row in record.findings]
    if verdict_of(findings).value != record.verdict:
        return broken("findings", "bundle.verdict_differs", name=contents.FINDINGS, what="verdict")
    submission = next((one for one in bundle.receipts if one.entry.event in _SUBMISSIONS), None)
    if submission is None:
        return absent("findings", "bundle.verdict_not_testified")
    said = _claims(submission)
    written = {
        "sender": record.sender,
        "document_id": record.document_id or None,
        "received_at": vietnam_time(record.received_at),
        "rule_pack": record.rule_pack,
        "findings": [_claimed(row) for row in record.findings] or None,
    }
    if not record.before_evidence:
        written["replaces_paper"] = record.replaces_paper
    for what, value in written.items():
        if said.get(what) != value:
            return broken("findings", "bundle.verdict_differs", name=contents.FINDINGS, what=what)
    vi, en = _VERDICTS[record.verdict]
    return sound("findings", "bundle.verdict_testified", verdict_vi=vi, verdict_en=en, count=str(len(findings)))


def _claimed(row: FindingRow) -> dict[str, str]:
    return {"check": row.check, "code": row.code, "severity": row.severity.value, "where": row.where}


def _claims(receipt: ReceiptFile) -> Mapping[str, Any]:
    return receipt.claims or {}


def _shown(fault: Exception) -> str:
    return str(fault) or type(fault).__name__
