"""Does a certificate chain to a root that this deployment trusts, unrevoked, at a given moment?

Owns: ChainReport, the choice of the evidence that is asked, the memory of chains that were found good.
Never: opens the network, reads the system's trust store, or calls good what nobody vouches for.
Source: RFC 5280 §6; ETSI EN 319 102-1 §5.2.6 (words of the sub-indication); threats E16, E20.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from cryptography import x509

from hub.domain.evidence import EvidenceBook, EvidenceKind, EvidencePiece, EvidenceWanted
from hub.domain.findings import Finding, Severity
from hub.domain.signatures import Judgement
from hub.signatures import path_engine, revocation
from hub.signatures.anchors import TrustAnchors, digest_of
from hub.signatures.path_engine import Evidence, Outcome, Refusal
from hub.signatures.path_faults import CHECK, Climb, Usage, climb, error, faults_of, signed_by_one_of
from hub.signatures.revocation import UNREADABLE, Freshness

__all__ = ["ChainReport", "TrustAnchors", "Usage", "chain", "forget"]

_REMEMBERED = 4096  # chains; one agency has one or two seals
_MOST_PIECES = 16  # of one CA: a CRL for each scope and some answers; newest first
_MOST_BESIDE = 16  # certificates of OCSP responders and CRL keys that a signature carries

_CHAIN, _CRYPTO, _NOT_FOUND = "CHAIN_CONSTRAINTS_FAILURE", "CRYPTO_CONSTRAINTS_FAILURE", "NO_CERTIFICATE_CHAIN_FOUND"
_WORDS = {
    "certificate.expired": "EXPIRED",
    "certificate.not_yet_valid": "NOT_YET_VALID",
    "certificate.untrusted": _NOT_FOUND,
    "certificate.self_signed": _NOT_FOUND,
    "certificate.weak_key": _CRYPTO,
    "certificate.weak_hash": _CRYPTO,
}


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What is known about a certificate at a moment; `path` is leaf first and root last as far as it was built.

    `sub_indication` is ETSI's word, empty when valid; `revocation` is good, revoked, unknown or not_checked;
    `evidence` the SHA-256 of the pieces relied on; `wanted` what to fetch to know more.
    """

    findings: tuple[Finding, ...]
    path: tuple[x509.Certificate, ...]
    judgement: Judgement
    sub_indication: str
    revocation: str
    evidence: tuple[str, ...] = ()
    wanted: tuple[EvidenceWanted, ...] = ()

    @property
    def trusted(self) -> bool:
        """True only when everything is known and good."""
        return self.judgement is Judgement.VALID


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A good report, the CAs whose evidence it rests on, and the moments for which it holds."""

    report: ChainReport
    speakers: dict[str, datetime]
    pieces: tuple[str, ...]
    start: datetime
    end: datetime


_MEMORY: OrderedDict[tuple[bytes, ...], _Remembered] = OrderedDict()
_LOCK = threading.Lock()


def chain(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    anchors: TrustAnchors,
    *,
    moment: datetime,
    evidence: EvidenceBook,
    usage: Usage = Usage.SIGNING,
    embedded: Sequence[EvidencePiece] = (),
) -> ChainReport:
    """Whether `leaf` may be used so at `moment` (the best time that is proved) and chains to an anchor unrevoked.

    `others` and `embedded` come from the signature and are not trusted; evidence from after the moment counts.
    Without anchors nothing is trusted, without evidence nothing is valid. Never raises for a bad certificate.
    """
    try:
        key = _memory_key(leaf, others, anchors, usage)
        known = _recalled(key)
        if known and known.start <= moment <= known.end:
            pieces = _about(known.speakers, evidence, embedded)
            if tuple(one.sha256 for one in pieces) == known.pieces:
                return known.report
        climbed = climb(leaf, others, anchors)
        faults = faults_of(climbed, moment=moment, usage=usage)
        if faults:
            return _bad(climbed, faults)
        speakers = _speakers(climbed.path)
        pieces = _about(speakers, evidence, embedded)
        beside = _beside(climbed, others, anchors)
        report = _by_the_book(climbed, beside, anchors, moment=moment, pieces=pieces)
    except UNREADABLE as fault:
        unreadable = Finding(CHECK, "certificate.unreadable", Severity.ERROR, "", {"reason": str(fault)})
        return ChainReport((unreadable,), (leaf,), Judgement.INVALID, _NOT_FOUND, "not_checked")
    if report.trusted:
        _remember(key, report, pieces, speakers=speakers, moment=moment)
    return report


def forget() -> None:
    """Drops the remembered chains, for tests and measurements."""
    with _LOCK:
        _MEMORY.clear()


def _by_the_book(
    climbed: Climb,
    beside: Sequence[x509.Certificate],
    anchors: TrustAnchors,
    *,
    moment: datetime,
    pieces: Sequence[EvidencePiece],
) -> ChainReport:
    """The rules first, so that what is certainly bad is not held for evidence that would not help."""
    leaf = climbed.path[0]
    ruled = path_engine.obeys_the_rules(leaf, beside, anchors.roots, moment=moment)
    if ruled.refusal is not None:
        word = _CRYPTO if ruled.refusal is Refusal.ALGORITHM else _CHAIN
        return _bad(climbed, [error("certificate.chain_refused", leaf, reason=ruled.words)], word)
    given = Evidence(
        crls=[one.der for one in pieces if one.kind is EvidenceKind.CRL],
        answers=[one.der for one in pieces if one.kind is EvidenceKind.OCSP],
    )
    outcome = path_engine.proved(leaf, beside, anchors.roots, moment=moment, evidence=given)
    path = outcome.path or climbed.path
    revoked = _revoked(path, outcome, pieces, moment=moment)
    if revoked:
        return _revoked_report(path, revoked, pieces)
    if outcome.refusal is None:
        return ChainReport((), path, Judgement.VALID, "", "good", _relied_on(path, pieces, moment=moment))
    if outcome.refusal is Refusal.NO_EVIDENCE:
        return _undetermined(path, outcome, pieces)
    return _bad(climbed, [error("certificate.chain_refused", leaf, reason=outcome.words)])


def _revoked(
    path: Sequence[x509.Certificate], outcome: Outcome, pieces: Sequence[EvidencePiece], *, moment: datetime
) -> list[Finding]:
    """Each revoked certificate of the path: as the engine says, and as verified CRLs say beyond it.

    Beyond: an old CRL still proves a revocation, and a compromised key hurts since its invalidity date.
    """
    found: dict[x509.Certificate, tuple[datetime, str]] = {}
    if outcome.refusal is Refusal.REVOKED and outcome.since is not None:
        found[_open(path, outcome)[-1]] = outcome.since, outcome.why
    for below, issuer in pairwise(path):
        for piece in pieces:
            entry = revocation.listed(piece, below, issuer) if piece.kind is EvidenceKind.CRL else None
            if entry is not None and entry.since <= moment:
                found.setdefault(below, (entry.since, entry.reason))
    return [
        error(_revoked_code(one, path), one, since=since.isoformat(), why=why) for one, (since, why) in found.items()
    ]


def _revoked_code(certificate: x509.Certificate, path: Sequence[x509.Certificate]) -> str:
    return "certificate.revoked" if certificate == path[0] else "certificate.issuer_revoked"


def _revoked_report(
    path: tuple[x509.Certificate, ...], findings: list[Finding], pieces: Sequence[EvidencePiece]
) -> ChainReport:
    leaf_revoked = any(finding.code == "certificate.revoked" for finding in findings)
    word = "REVOKED" if leaf_revoked else "REVOKED_CA_NO_POE"
    relied = tuple(one.sha256 for one in pieces if any(_speaks_about(one, below) for below in path[:-1]))
    return ChainReport(tuple(findings), path, Judgement.INVALID, word, "revoked", relied)


def _undetermined(path: tuple[x509.Certificate, ...], outcome: Outcome, pieces: Sequence[EvidencePiece]) -> ChainReport:
    open_ones = _open(path, outcome)
    wanted = [
        one for below, issuer in pairwise(path) if below in open_ones for one in revocation.wanted_for((below, issuer))
    ]
    deltas = revocation.deltas_wanted(pieces)
    facts = {"subject": open_ones[-1].subject.rfc4514_string(), "reason": outcome.words}
    finding = Finding(CHECK, "certificate.revocation_unknown", Severity.TRY_LATER, "", facts)
    every = tuple(dict.fromkeys((*wanted, *deltas)))
    return ChainReport((finding,), path, Judgement.UNDETERMINED, "TRY_LATER", "unknown", (), every)


def _open(path: Sequence[x509.Certificate], outcome: Outcome) -> list[x509.Certificate]:
    """The certificates that the engine did not pass, leaf first; it works downwards and stops at the last of them."""
    return [one for one in path[:-1] if one not in outcome.passed] or [path[0]]


def _bad(climbed: Climb, findings: Sequence[Finding], word: str = "") -> ChainReport:
    sub_indication = word or _WORDS.get(findings[0].code, _CHAIN)
    return ChainReport(tuple(findings), climbed.path, Judgement.INVALID, sub_indication, "not_checked")


def _beside(climbed: Climb, others: Sequence[x509.Certificate], anchors: TrustAnchors) -> tuple[x509.Certificate, ...]:
    """What the engine may use beside the anchors: the path, the kept sub-CAs, and what the path's CAs issued.

    Anything else that a signature carries could only make the engine search long.
    """
    issuers = climbed.path[1:]
    useful = [one for one in others if one not in climbed.path and signed_by_one_of(one, issuers)]
    return tuple(dict.fromkeys((*issuers, *anchors.helpers, *useful[:_MOST_BESIDE])))


def _speakers(path: Sequence[x509.Certificate]) -> dict[str, datetime]:
    """The CAs of the path by issuer_key, each with the end of the first certificate of the path that it issued."""
    ends: dict[str, datetime] = {}
    for below, issuer in pairwise(path):
        for key in (revocation.issuer_key(below), revocation.issuer_key(issuer.subject)):
            ends[key] = min(below.not_valid_after_utc, ends.get(key, below.not_valid_after_utc))
    return ends


def _about(
    speakers: dict[str, datetime], evidence: EvidenceBook, embedded: Sequence[EvidencePiece]
) -> tuple[EvidencePiece, ...]:
    """The pieces of the CAs of the path, by name, newest first.

    Only a CA's own CRLs: the engine would let every certificate of a CA that may sign CRLs, or that says nothing
    about it, speak for the CA by an "indirect" CRL. Stale ones are left in, because they still prove revocations.
    A piece from after a certificate's end is left out: by then a CA may have dropped the entry (RFC 5280 §5.2).
    """
    found: list[EvidencePiece] = []
    for key, end in speakers.items():
        of_ca = [*evidence.about(key), *(one for one in embedded if one.issuer_key == key)]
        timely = [one for one in of_ca if one.this_update <= end]
        found += sorted(timely, key=lambda one: one.this_update, reverse=True)[:_MOST_PIECES]
    return tuple({one.sha256: one for one in found}.values())


def _relied_on(
    path: Sequence[x509.Certificate], pieces: Iterable[EvidencePiece], *, moment: datetime
) -> tuple[str, ...]:
    usable = [one for one in pieces if revocation.freshness(one, moment=moment) is not Freshness.STALE]
    return tuple(one.sha256 for one in usable if any(_speaks_about(one, below) for below in path[:-1]))


def _speaks_about(piece: EvidencePiece, certificate: x509.Certificate) -> bool:
    if piece.issuer_key != revocation.issuer_key(certificate):
        return False
    return piece.kind is EvidenceKind.CRL or revocation.answers(piece, certificate)


def _memory_key(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], anchors: TrustAnchors, usage: Usage
) -> tuple[bytes, ...]:
    return digest_of((leaf,)), digest_of(others), anchors.digest, usage.encode()


def _recalled(key: tuple[bytes, ...]) -> _Remembered | None:
    with _LOCK:
        known = _MEMORY.get(key)
        if known is not None:
            _MEMORY.move_to_end(key)
        return known


def _remember(
    key: tuple[bytes, ...],
    report: ChainReport,
    pieces: Sequence[EvidencePiece],
    *,
    speakers: dict[str, datetime],
    moment: datetime,
) -> None:
    """The report holds until the first of its pieces or certificates ends.

    A piece from after the moment may name revocations after it, so then it holds for no later moment.
    """
    relied = [one for one in pieces if one.sha256 in report.evidence]
    ends = [*(one.not_valid_after_utc for one in report.path), *(revocation.until(one) for one in relied)]
    if any(one.this_update > moment for one in pieces):
        ends.append(moment)
    start = max(one.not_valid_before_utc for one in report.path)
    known = _Remembered(report, speakers, tuple(one.sha256 for one in pieces), start, min(ends))
    with _LOCK:
        _MEMORY[key] = known
        while len(_MEMORY) > _REMEMBERED:
            _MEMORY.popitem(last=False)
