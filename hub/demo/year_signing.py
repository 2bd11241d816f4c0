"""How the documents of the invented year are signed: what the hub would have found in each file, and what follows.

Owns: the few cases there are, as JSON in exactly the shape in which hub/stations/record.py keeps findings and files.
Never: signs anything; there are no bodies, so certificates have a subject and no bytes.
Source: Decree 30/2020/NĐ-CP Art. 5; Decision 28/2018/QĐ-TTg Art. 4; domain notes §6.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from hub.demo.year_country import Leader, Unit
from hub.domain import legal_value
from hub.domain.findings import Finding, Severity
from hub.domain.legal_value import LegalValueRules, SignedFile
from hub.domain.signatures import (
    Changes,
    Coverage,
    Judgement,
    PdfSignature,
    Role,
    SignatureReport,
    SignatureState,
    SignerCertificate,
)
from hub.store.bulk import escaped

DOCUMENT, ANNEX = "209", "210"  # content ids
ISSUER = "CN=CA mô phỏng phục vụ các cơ quan nhà nước,C=VN"
CHECK = "pdf_signatures"
_CLAIMED, _STAMPED, _JUDGED = (datetime(1999, 1, day, tzinfo=UTC) for day in (1, 2, 3))  # stand for moments
_BLANKS = {_CLAIMED: "%(claimed)s", _STAMPED: "%(stamped)s", _JUDGED: "%(judged)s"}


class Case(StrEnum):
    """What a document's signatures are; broken ones are rejected, or accepted from an agency on a legacy profile."""

    BOTH = "both"
    WITH_ANNEX = "with_annex"
    SEAL = "seal"
    PERSON = "person"
    UNSIGNED = "unsigned"
    NO_PDF = "no_pdf"
    DOUBTFUL = "doubtful"
    LEGACY = "legacy"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Report:
    """What the hub kept of one case: JSON texts; `files` has blanks for moments, see `filled`."""

    names: tuple[str, ...]
    files: str
    because: str
    findings: str
    replaces_paper: bool
    signature: str
    signature_state: str

    def filled(self, *, claimed: str, stamped: str, judged: str) -> str:
        """The files with their moments."""
        return self.files % {"claimed": claimed, "stamped": stamped, "judged": judged}


class Signing:
    """Reports by agency, leader and case; each is made once."""

    def __init__(self, rules: LegalValueRules, year: int) -> None:
        self._rules, self._year = rules, year
        self._made: dict[tuple[str, str, Case], Report] = {}

    def report(self, unit: Unit, leader: Leader, case: Case) -> Report:
        """What the hub found in a document that this leader signed for this agency."""
        key = (unit.key, leader.name, case)
        if key not in self._made:
            self._made[key] = self._report(unit, leader, case)
        return self._made[key]

    def of_notice(self, unit: Unit) -> Report:
        """A message without files, such as a recall."""
        judged = legal_value.judge((), self._rules, of_the_sender=lambda _: True)
        envelope = _envelope_signature(unit, (), self._year)
        return Report(
            names=(),
            files="[]",
            because=_json([_finding(one) for one in judged.because]),
            findings=_json([_finding(one) for one in _envelope_findings(unit, envelope)]),
            replaces_paper=judged.replaces_paper,
            signature=_json(msgspec.to_builtins(envelope)),
            signature_state=envelope.state.value,
        )

    def _report(self, unit: Unit, leader: Leader, case: Case) -> Report:
        files = _files(unit, leader, case, year=self._year)
        judged = legal_value.judge(files, self._rules, of_the_sender=lambda _: True)
        envelope = _envelope_signature(unit, files, self._year)
        findings = [*_envelope_findings(unit, envelope), *_findings(files, legacy=case is Case.LEGACY)]
        return Report(
            names=tuple(file.name for file in files),
            files=_with_blanks([_shown(file, unit) for file in files]),
            because=_json([_finding(one) for one in judged.because]),
            findings=_json([_finding(one) for one in findings]),
            replaces_paper=judged.replaces_paper,
            signature=_json(msgspec.to_builtins(envelope)),
            signature_state=envelope.state.value,
        )


def seal_certificate(unit: Unit, year: int) -> SignerCertificate:
    """The certificate with which an agency seals in a year; nobody can check it, it has no bytes."""
    return _certificate(f"CN={unit.name},2.5.4.97={unit.key},O={unit.name},C=VN", year)


def _certificate(subject: str, year: int) -> SignerCertificate:
    digest = hashlib.sha256(subject.encode()).hexdigest()
    begun, ends = datetime(year - 1, 6, 30, tzinfo=UTC), datetime(year + 2, 6, 30, tzinfo=UTC)
    return SignerCertificate(subject, ISSUER, digest[:40], digest, begun, ends, pem="")


def _files(unit: Unit, leader: Leader, case: Case, *, year: int) -> list[SignedFile]:
    person = replace(_VALID, certificate=_certificate(f"CN={leader.name},O={unit.name},C=VN", year))
    seal = replace(_SEAL, certificate=seal_certificate(unit, year), organisation=unit.name, agency_code=unit.key)
    person = replace(person, organisation=unit.name)
    alone = replace(seal, number=1)
    signatures = {
        Case.SEAL: (alone,),
        Case.PERSON: (replace(person, covers_whole_file=True, bytes_after=0, changes=Changes.NONE),),
        Case.UNSIGNED: (),
        Case.NO_PDF: None,
        Case.DOUBTFUL: (person, _doubtful(seal)),
        Case.LEGACY: (person, _legacy(seal)),
        Case.BROKEN: (person, _broken(seal)),
    }.get(case, (person, seal))
    name = "van-ban.docx" if case is Case.NO_PDF else "van-ban.pdf"
    annex = [SignedFile(ANNEX, "phu-luc.pdf", (alone,))] if case is Case.WITH_ANNEX else []
    return [SignedFile(DOCUMENT, name, signatures), *annex]


def _doubtful(seal: PdfSignature) -> PdfSignature:
    """Nobody can tell whether its certificate was revoked, and nobody can be asked."""
    subject = seal.certificate.subject if seal.certificate else ""
    missing = Finding(CHECK, "certificate.revocation_unknown", Severity.WARNING, _where(seal), {"subject": subject})
    facts: dict[str, Any] = {"sub_indication": "TRY_LATER", "revocation": "unknown", "findings": (missing,)}
    return replace(seal, judgement=Judgement.UNDETERMINED, **facts)


def _legacy(seal: PdfSignature) -> PdfSignature:
    """Made with SHA-1, by software of another age."""
    named = {"number": str(seal.number), "field": seal.field, "algorithm": "sha1"}
    weak = Finding(CHECK, "pdf.algorithm_refused", Severity.ERROR, _where(seal), named)
    facts: dict[str, Any] = {"digest": "sha1", "algorithm": "rsassa_pkcs1v15/sha1", "findings": (weak,)}
    return replace(seal, judgement=Judgement.INVALID, sub_indication="CRYPTO_CONSTRAINTS_FAILURE", **facts)


def _broken(seal: PdfSignature) -> PdfSignature:
    named = {"number": str(seal.number), "field": seal.field}
    changed = Finding(CHECK, "pdf.digest_differs", Severity.ERROR, _where(seal), named)
    return replace(seal, judgement=Judgement.INVALID, sub_indication="HASH_FAILURE", findings=(changed,))


def _where(signature: PdfSignature) -> str:
    return f"cid:{DOCUMENT}#{signature.number}"


def _envelope_signature(unit: Unit, files: Sequence[SignedFile], year: int) -> SignatureReport:
    if not unit.certified:
        return SignatureReport(SignatureState.ABSENT)
    covered = Coverage(header=True, manifest=True, attachments={file.content_id: True for file in files})
    return SignatureReport(SignatureState.VALID, covered, seal_certificate(unit, year), trusted=True)


def _envelope_findings(unit: Unit, envelope: SignatureReport) -> list[Finding]:
    if envelope.state is SignatureState.VALID:
        return []
    return [Finding("signature", "signature.absent", Severity.WARNING, "edXMLHeader/Signature", {"agency": unit.key})]


def _findings(files: Sequence[SignedFile], *, legacy: bool) -> list[Finding]:
    """As the check hub/checks/pdf_signatures.py weighs them; a legacy profile makes notes of errors."""
    found = [finding for file in files for one in file.signatures or () for finding in one.findings]
    found = [replace(one, severity=Severity.NOTE) if legacy else one for one in found]
    document = files[0]
    if document.signatures is None:
        return found
    roles = {one.role for one in document.signatures}
    absent = {Role.PERSONAL_SIGNATURE: "pdf.not_signed_by_a_person", Role.AGENCY_SEAL: "pdf.not_sealed"}
    where, named = f"cid:{document.content_id}", {"file": document.name}
    lacking = [
        Finding(CHECK, code, Severity.WARNING, where, named) for role, code in absent.items() if role not in roles
    ]
    return found + lacking


def _shown(file: SignedFile, unit: Unit) -> dict[str, Any]:
    """One entry of the column `files`; the test compares it with what the stations write."""
    return {
        "content_id": file.content_id,
        "scan": None,
        "signatures": [
            msgspec.to_builtins(one) | {"owner": unit.key if one.role is Role.AGENCY_SEAL else None}
            for one in file.signatures or ()  # people's certificates are in no directory
        ],
        "is_pdf": file.signatures is not None,
    }


def _finding(one: Finding) -> Mapping[str, Any]:
    return {
        "check": one.check,
        "code": one.code,
        "severity": one.severity.value,
        "where": one.where,
        "evidence": dict(one.evidence),
    }


def _json(value: Any) -> str:
    """As it stands in a line; made once for many."""
    return escaped(msgspec.json.encode(value).decode())


def _with_blanks(files: list[dict[str, Any]]) -> str:
    text = _json(files).replace("%", "%%")
    for moment, blank in _BLANKS.items():
        text = text.replace(moment.isoformat().replace("+00:00", "Z"), blank)
    return text


_VALID = PdfSignature(
    number=1,
    field="NguoiKy",
    judgement=Judgement.VALID,
    sub_indication="",
    role=Role.PERSONAL_SIGNATURE,
    certificate=None,
    organisation="",
    agency_code="",
    claimed_at=_CLAIMED,
    timestamped_at=None,
    judged_at=_JUDGED,
    digest="sha256",
    algorithm="rsassa_pkcs1v15/sha256",
    covers_whole_file=False,
    bytes_after=9288,
    changes=Changes.FURTHER_SIGNATURE,
    trusted=True,
    revocation="good",
)
_SEAL = replace(
    _VALID,
    number=2,
    field="CoQuan",
    role=Role.AGENCY_SEAL,
    claimed_at=_STAMPED,
    timestamped_at=_STAMPED,
    covers_whole_file=True,
    bytes_after=0,
    changes=Changes.NONE,
)
