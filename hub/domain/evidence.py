"""Revocation evidence as values: what a CA says about its certificates, until when, and where to ask for it.

Owns: EvidencePiece (a CRL or an OCSP answer that was had), EvidenceWanted (one that should be asked for).
Never: parses or fetches anything; hub/signatures and the evidence adapters do.
Source: RFC 5280 §5 (CRL), RFC 6960 (OCSP); domain notes §6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class EvidenceKind(StrEnum):
    """A list of a CA's revoked certificates, or its answer about one of them."""

    CRL = "crl"
    OCSP = "ocsp"


@dataclass(frozen=True, slots=True)
class EvidencePiece:
    """One CRL or OCSP answer (DER); `sha256` is hex of its bytes, `issuer_key` names the CA it speaks about.

    `next_update` None means that the CA did not say until when it holds.
    """

    kind: EvidenceKind
    issuer_key: str
    sha256: str
    der: bytes
    this_update: datetime
    next_update: datetime | None


@dataclass(frozen=True, slots=True)
class EvidenceWanted:
    """Where a missing piece can be had: a URL that a trusted CA wrote into a certificate.

    `request` is the DER of an OCSP request (empty for a CRL).
    """

    kind: EvidenceKind
    issuer_key: str
    url: str
    request: bytes = b""


class EvidenceBook(Protocol):
    """The evidence that the hub has; asked while a chain is judged, so it must be quick and never fetch."""

    def about(self, issuer_key: str) -> Sequence[EvidencePiece]:
        """All pieces that this CA issued (or that speak about its certificates), newest first."""


class NoEvidence:
    """A book without pages: for closed networks without a mirror, and for tests."""

    def about(self, issuer_key: str) -> Sequence[EvidencePiece]:
        """Nothing."""
        return ()
