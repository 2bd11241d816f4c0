"""What is wrong with a PDF signature in itself, before anybody asks who signed: form, digest, algorithm, later changes.

Owns: the rules from the child's facts to findings, ETSI words and the class of later changes.
Never: builds a chain; parses anything.
Source: ETSI EN 319 102-1 §5.2 (sub-indications), EN 319 142-1; Decision 28/2018/QĐ-TTg Art. 9; threats P1-P5, P7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.domain.findings import Finding, Severity
from hub.domain.signatures import Changes
from hub.signatures import pdf_facts as facts
from hub.signatures.pdf_facts import FileFacts, SignedField

CHECK = "pdf_signatures"

FORMAT, HASH, VALUE = "FORMAT_FAILURE", "HASH_FAILURE", "SIG_CRYPTO_FAILURE"
CRYPTO, CONSTRAINTS = "CRYPTO_CONSTRAINTS_FAILURE", "SIG_CONSTRAINTS_FAILURE"
NO_CERTIFICATE = "NO_SIGNING_CERTIFICATE_FOUND"

DIGESTS = frozenset({"sha256", "sha384", "sha512"})
SCHEMES = frozenset({"rsassa_pkcs1v15", "rsassa_pss", "ecdsa"})
_CLASSES = {
    "none": Changes.NONE,
    "validation_data": Changes.VALIDATION_DATA,
    "form": Changes.FORM_OR_NOTES,
    "other": Changes.CONTENT,
}
#: Why a child ended or gave up, as a finding about the file.
_TROUBLES = {
    "unreadable": "pdf.unreadable",
    "encrypted": "pdf.encrypted",
    "expensive": "pdf.too_expensive",
    "memory": "pdf.too_expensive",
    "processor": "pdf.too_expensive",
    "time": "pdf.too_expensive",
    "died": "pdf.too_expensive",
}
_HIDDEN = {
    "pages": "pdf.hidden_pages",
    "doubles": "pdf.hidden_objects",
    "fillable": "pdf.fillable",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that makes a signature invalid, with ETSI's word."""

    finding: Finding
    sub_indication: str


def about_file(content_id: str, told: FileFacts) -> tuple[Finding, ...]:
    """What is said of the file itself. What cannot be looked into is left open, not called broken.

    A child that was slow or died may do better later; bytes that cannot be read will never be.
    """
    where = f"cid:{content_id}"
    if told.trouble:
        reason = told.trouble if told.trouble in ("memory", "processor", "time", "died") else told.why
        severity = Severity.TRY_LATER if told.trouble in ("time", "died") else Severity.WARNING
        return (Finding(CHECK, _TROUBLES[told.trouble], severity, where, {"reason": reason}),)
    found = [_note("pdf.active_content", where, what=", ".join(told.active))] if told.active else []
    found += [_warning(_HIDDEN[word], where) for word in told.hidden]
    if told.fields and told.last_hybrid >= 0:
        found.append(_warning("pdf.hybrid_references", where))
    if not told.looked_through:
        found.append(_note("pdf.not_looked_through", where))
    return tuple(found)


def where_of(content_id: str, number: int) -> str:
    """Where a finding about one signature points: the attachment and the number of the signature."""
    return f"cid:{content_id}#{number}"


def faults_of(one: SignedField, told: FileFacts, *, where: str, number: int) -> list[Fault]:
    """Everything that makes this signature invalid in itself, worst first; empty when nothing does."""
    named = {"number": str(number), "field": one.field}
    unread = _unread(one, where, named)
    if unread:
        return unread
    found = []
    if not one.intact:
        found.append(Fault(_error("pdf.digest_differs", where, **named), HASH))
    if not one.valid:
        found.append(_value_fault(one, where, named))
    weak = weakness_of(one)
    if weak:
        found.append(Fault(_error("pdf.algorithm_refused", where, algorithm=weak, **named), CRYPTO))
    return found + _extent(one, told, where, named)


def changes_of(one: SignedField, told: FileFacts) -> Changes:
    """The class of what was done after this signature; fields that are only later signatures are no form filling."""
    later = {other.field for other in told.fields if other.revision > one.revision and not other.fault}
    found = _CLASSES.get(one.modification, Changes.CONTENT)
    if found is Changes.FORM_OR_NOTES and set(one.changed) <= later and later:
        found = Changes.FURTHER_SIGNATURE
    return Changes.CONTENT if not one.permitted else found


def notes_of(one: SignedField, told: FileFacts, *, where: str, number: int) -> list[Finding]:
    """What is told but does not make the signature invalid."""
    named = {"number": str(number), "field": one.field}
    found = []
    if one.binding in ("none", "v1"):
        found.append(_warning("pdf.certificate_not_bound", where, **named))
    if changes_of(one, told) is Changes.FORM_OR_NOTES and _later(one, told):
        found.append(_warning("pdf.form_filled", where, fields=", ".join(one.changed) or "–", **named))
    return found


def weakness_of(one: SignedField) -> str:
    """The digest or signature algorithm that is not believed; empty when both are."""
    if one.digest not in DIGESTS:
        return one.digest
    scheme, _, digest = one.algorithm.partition("/")
    return "" if scheme in SCHEMES and (not digest or digest in DIGESTS) else one.algorithm


def _unread(one: SignedField, where: str, named: dict[str, str]) -> list[Fault]:
    if one.fault == "sub_filter":
        kind = one.sub_filter.removeprefix("/") or "–"
        word = CRYPTO if "sha1" in kind else FORMAT
        return [Fault(_error("pdf.kind_refused", where, kind=kind, **named), word)]
    if one.fault == "removed":
        return [Fault(_error("pdf.signature_removed", where, **named), CONSTRAINTS)]
    if one.fault:
        return [Fault(_error("pdf.signature_malformed", where, reason=one.why, **named), FORMAT)]
    if not one.signer and not one.is_timestamp:
        return [Fault(_error("pdf.certificate_missing", where, **named), NO_CERTIFICATE)]
    return []


def _value_fault(one: SignedField, where: str, named: dict[str, str]) -> Fault:
    if one.binding == "mismatch":
        return Fault(_error("pdf.certificate_swapped", where, **named), CONSTRAINTS)
    return Fault(_error("pdf.value_wrong", where, **named), VALUE)


def _extent(one: SignedField, told: FileFacts, where: str, named: dict[str, str]) -> list[Fault]:
    """Coverage and later changes: what follows a signature must be signatures and validation data, nothing else."""
    if one.coverage not in (facts.WHOLE_FILE, facts.REVISION):
        return [Fault(_error("pdf.coverage_unclear", where, **named), FORMAT)]
    changes = changes_of(one, told)
    if changes is Changes.CONTENT:
        return [Fault(_error("pdf.changed_after_signing", where, reason=one.why or "DocMDP", **named), CONSTRAINTS)]
    if told.last_hybrid > one.revision:
        return [Fault(_error("pdf.hybrid_after_signing", where, **named), CONSTRAINTS)]
    return _after_the_last(one, told, where, named)


def _after_the_last(one: SignedField, told: FileFacts, where: str, named: dict[str, str]) -> list[Fault]:
    """What stands after the last signature or document timestamp is the last signature's fault."""
    later = _later(one, told)
    if any(not other.is_timestamp for other in later):
        return []
    last = max((one, *later), key=lambda other: other.revision)
    changes = changes_of(last, told)
    if changes in (Changes.FORM_OR_NOTES, Changes.CONTENT):
        reason = last.why or "form"
        return [Fault(_error("pdf.changed_after_signing", where, reason=reason, **named), CONSTRAINTS)]
    if changes is Changes.NONE and last.bytes_after and not last.blank_after:
        return [Fault(_error("pdf.bytes_after_signature", where, bytes=str(last.bytes_after), **named), CONSTRAINTS)]
    return []


def _later(one: SignedField, told: FileFacts) -> list[SignedField]:
    """The signatures and document timestamps in good form that cover what was added after this one."""
    return [other for other in told.fields if other.revision > one.revision and other.intact and other.valid]


def _error(code: str, where: str, **evidence: str) -> Finding:
    return Finding(CHECK, code, Severity.ERROR, where, evidence)


def _warning(code: str, where: str, **evidence: str) -> Finding:
    return Finding(CHECK, code, Severity.WARNING, where, evidence)


def _note(code: str, where: str, **evidence: str) -> Finding:
    return Finding(CHECK, code, Severity.NOTE, where, evidence)


def in_order(told: FileFacts) -> Sequence[SignedField]:
    """The signatures (no document timestamps) in the order of signing."""
    return [one for one in told.fields if not one.is_timestamp]
