"""What is known about the signature of an envelope, as values.

Owns: the four states and the coverage map (what was signed).
Never: computes anything; hub/signatures does.
Source: XML-Signature 1.1; domain notes §6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hub.domain.findings import Finding


class SignatureState(StrEnum):
    """valid and invalid are cryptographic words; legacy and absent are never shown as valid."""

    VALID = "valid"
    INVALID = "invalid"
    ABSENT = "absent"
    LEGACY = "legacy"


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
