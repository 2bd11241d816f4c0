"""What is known about the signatures of an envelope and of its PDF files, as values.

Owns: the states, the coverage map of an envelope (what was signed), the report of each signature in a PDF.
Never: computes anything; hub/signatures does.
Source: XML-Signature 1.1; ETSI EN 319 102-1 §5 (indications); domain notes §6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hub.domain.evidence import EvidenceWanted
from hub.domain.findings import Finding


class SignatureState(StrEnum):
    """valid, invalid and undetermined are cryptographic words; legacy and absent prove nothing."""

    VALID = "valid"
    INVALID = "invalid"
    UNDETERMINED = "undetermined"
    ABSENT = "absent"
    LEGACY = "legacy"

    @property
    def shown(self) -> str:
        """One of the four honest words: what is not signed was known by the caller's key only."""
        return "not_cryptographic" if self in (SignatureState.ABSENT, SignatureState.LEGACY) else self.value


class Role(StrEnum):
    """For whom a signature in a document stands (Decree 30/2020 Art. 5: both are needed for an original)."""

    PERSONAL_SIGNATURE = "personal_signature"
    AGENCY_SEAL = "agency_seal"
    UNKNOWN = "unknown"


class Judgement(StrEnum):
    """ETSI's TOTAL-PASSED, TOTAL-FAILED and INDETERMINATE; undetermined is never shown as valid."""

    VALID = "valid"
    INVALID = "invalid"
    UNDETERMINED = "undetermined"


class Changes(StrEnum):
    """What was done to a PDF after it was signed, harmless first."""

    NONE = "none"
    VALIDATION_DATA = "validation_data"
    FURTHER_SIGNATURE = "further_signature"
    FORM_OR_NOTES = "form_or_notes"
    CONTENT = "content"


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which parts the digests cover: the header, the manifest, each attachment by its content id."""

    header: bool = False
    manifest: bool = False
    attachments: dict[str, bool] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """True when nothing that travels is left unsigned."""
        return self.header and self.manifest and all(self.attachments.values())


@dataclass(frozen=True, slots=True)
class SignerCertificate:
    """The leaf certificate of the signature; `sha256` is hex of its DER."""

    subject: str
    issuer: str
    serial: str
    sha256: str
    not_before: datetime
    not_after: datetime
    pem: str


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """The judgement of one envelope signature; `trusted` is about the chain, not about the agency."""

    state: SignatureState
    coverage: Coverage = Coverage()
    certificate: SignerCertificate | None = None
    trusted: bool = False
    findings: tuple[Finding, ...] = ()
    evidence: tuple[str, ...] = ()
    wanted: tuple[EvidenceWanted, ...] = ()
    chain_pem: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PdfSignature:
    """One signature in a PDF; `number` counts from 1 in the order of signing, `where` names field and file.

    `sub_indication` is ETSI's word (REVOKED, TRY_LATER, HASH_FAILURE …), empty when valid. `claimed_at` is what the
    signer's machine said, `timestamped_at` what a trusted timestamp proves, `judged_at` the moment of the
    judgement. `bytes_after` counts what follows the signed bytes in the file. `organisation` and `agency_code`
    are the certificate's O and organizationIdentifier. `evidence` holds the SHA-256 of the pieces relied on.
    """

    number: int
    field: str
    judgement: Judgement
    sub_indication: str
    role: Role
    certificate: SignerCertificate | None
    organisation: str
    agency_code: str
    claimed_at: datetime | None
    timestamped_at: datetime | None
    judged_at: datetime
    digest: str
    algorithm: str
    covers_whole_file: bool
    bytes_after: int
    changes: Changes
    trusted: bool
    revocation: str
    findings: tuple[Finding, ...] = ()
    evidence: tuple[str, ...] = ()
    chain_pem: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PdfReport:
    """All signatures of one PDF attachment, in the order of signing; findings are about the file itself."""

    content_id: str
    signatures: tuple[PdfSignature, ...] = ()
    findings: tuple[Finding, ...] = ()
    wanted: tuple[EvidenceWanted, ...] = ()
