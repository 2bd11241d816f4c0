"""Chains to judge in tests: with the evidence of a PKI, and what the four kinds of answer look like."""

from __future__ import annotations

from datetime import datetime, timedelta

from cryptography import x509

from hub.demo.pki import DemoPki, Identity
from hub.domain.evidence import EvidenceBook, EvidencePiece
from hub.domain.signatures import Judgement
from hub.signatures import trust
from hub.signatures.anchors import TrustAnchors
from hub.signatures.trust import ChainReport
from tests.signatures.builder import NOW

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def judged(
    pki: DemoPki,
    one: Identity,
    book: EvidenceBook | None = None,
    *,
    moment: datetime = NOW,
    others: tuple[x509.Certificate, ...] = (),
    embedded: tuple[EvidencePiece, ...] = (),
) -> ChainReport:
    trust.forget()
    return trust.chain(
        one.certificate,
        (*one.chain[1:], *others),
        TrustAnchors.of([pki.root.certificate]),
        moment=moment,
        evidence=book or pki.evidence(),
        embedded=embedded,
    )


def codes(report: ChainReport) -> list[str]:
    return [finding.code for finding in report.findings]


def is_valid(report: ChainReport) -> None:
    assert (report.judgement, report.revocation, codes(report)) == (Judgement.VALID, "good", [])
    assert report.trusted


def is_revoked(report: ChainReport, code: str = "certificate.revoked", word: str = "REVOKED") -> None:
    assert (report.judgement, report.revocation) == (Judgement.INVALID, "revoked")
    assert (codes(report), report.sub_indication) == ([code], word)
    assert report.evidence
    assert not report.trusted


def is_unknown(report: ChainReport) -> None:
    assert (report.judgement, report.sub_indication) == (Judgement.UNDETERMINED, "TRY_LATER")
    assert (codes(report), report.revocation) == (["certificate.revocation_unknown"], "unknown")
    assert (report.trusted, report.evidence) == (False, ())
    assert report.wanted
