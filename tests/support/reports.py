"""Reports of PDF signatures as values, for tests of what follows from them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hub.domain.signatures import Changes, Judgement, PdfReport, PdfSignature, Role, SignerCertificate

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
_VALID = PdfSignature(
    number=1,
    field="Ky",
    judgement=Judgement.VALID,
    sub_indication="",
    role=Role.AGENCY_SEAL,
    certificate=None,
    organisation="",
    agency_code="",
    claimed_at=AT,
    timestamped_at=None,
    judged_at=AT,
    digest="sha256",
    algorithm="rsassa_pkcs1v15",
    covers_whole_file=True,
    bytes_after=0,
    changes=Changes.NONE,
    trusted=True,
    revocation="good",
)


def certificate(name: str) -> SignerCertificate:
    """A certificate by its name alone."""
    return SignerCertificate(f"CN={name}", "CN=CA", "1", name.ljust(64, "0"), AT, AT, "")


def person(**facts: Any) -> PdfSignature:
    """A valid personal signature, with these facts changed."""
    return replace(_VALID, **{"role": Role.PERSONAL_SIGNATURE, "certificate": certificate("person")} | facts)


def sealed(**facts: Any) -> PdfSignature:
    """A valid agency seal, with these facts changed."""
    return replace(_VALID, **{"number": 2, "certificate": certificate("seal"), "organisation": "Bộ Mẫu"} | facts)


def report(*signatures: PdfSignature, content_id: str = "209", **facts: Any) -> PdfReport:
    """A report of these signatures."""
    return PdfReport(content_id, signatures, **facts)
