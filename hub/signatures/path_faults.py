"""The plain causes for which a certificate or the path above it is certainly bad, and the path itself.

Owns: the climb from a leaf to an anchor (bounded), the finding of each plain cause, what a usage demands.
Never: has the last word on a path that passes here (path_engine.py), or asks about revocation.
Source: RFC 5280 §4.2.1, §6; RFC 3161 §2.3; domain notes §6 (leaf-only signatures, two generations of roots).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub.domain.findings import Finding, Severity
from hub.signatures import algorithms
from hub.signatures.anchors import TrustAnchors
from hub.signatures.revocation import UNREADABLE, WEAK_HASHES

CHECK = "signature"

_T = TypeVar("_T", bound=x509.ExtensionType)

#: A certificate that names purposes must name one of these to sign documents: RFC 5280 any, client
#: authentication and mail (what government tokens carry [confirm]), RFC 9336, Microsoft and Adobe documents.
_SIGNING_PURPOSES = frozenset(
    {
        ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
        ExtendedKeyUsageOID.CLIENT_AUTH,
        ExtendedKeyUsageOID.EMAIL_PROTECTION,
        x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),
        x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.12"),
        x509.ObjectIdentifier("1.2.840.113583.1.1.5"),
    }
)
_LEAF_DATES = ("certificate.not_yet_valid", "certificate.expired")
_ISSUER_DATES = ("certificate.issuer_not_yet_valid", "certificate.issuer_expired")
_LONGEST_PATH = 8
_MOST_STEPS = 64  # a bound against certificates that name each other in circles


class Usage(StrEnum):
    """What the leaf must be allowed to do: sign documents, or stamp times (RFC 3161 §2.3)."""

    SIGNING = "signing"
    TIMESTAMPING = "timestamping"


@dataclass(frozen=True, slots=True)
class Climb:
    """The certificates from the leaf upwards; `anchored` when the last of them is a trusted root."""

    path: tuple[x509.Certificate, ...]
    anchored: bool


def climb(leaf: x509.Certificate, others: Sequence[x509.Certificate], anchors: TrustAnchors) -> Climb:
    """The first path of real signatures to an anchor, else the longest that could be built.

    Anchors are tried before the kept sub-CAs, these before what the signature carries, and of the same CA the
    certificate that lasts longer. The result does not depend on a moment.
    """
    pool = (*anchors.roots, *_lasting(anchors.helpers), *_lasting(others))
    longest: tuple[x509.Certificate, ...] = (leaf,)
    waiting = [longest]
    for _ in range(_MOST_STEPS):
        if not waiting:
            break
        path = waiting.pop()
        if path[-1] in anchors.roots:
            return Climb(path, anchored=True)
        longest = max(longest, path, key=len)
        if len(path) <= _LONGEST_PATH:
            waiting += [(*path, issuer) for issuer in reversed(_issuers_of(path, pool))]
    return Climb(longest, anchored=False)


def faults_of(climbed: Climb, *, moment: datetime, usage: Usage) -> list[Finding]:
    """Every plain cause, of the leaf first and then upwards; empty when there is none."""
    leaf, *issuers = climbed.path
    found = [*_dates(leaf, moment, _LEAF_DATES), *_strength(leaf), *_usage(leaf, usage)]
    if not issuers and climbed.anchored:
        return found
    if leaf.subject == leaf.issuer:
        return [*found, error("certificate.self_signed", leaf)]
    cas_below = 0
    for issuer in issuers:
        is_anchor = climbed.anchored and issuer is issuers[-1]
        found += _about_issuer(issuer, moment, cas_below=cas_below, is_anchor=is_anchor)
        cas_below += issuer.subject != issuer.issuer  # a renewed key is no further CA (RFC 5280 §4.2.1.9)
    if climbed.anchored:
        return found
    if len(climbed.path) > _LONGEST_PATH:
        return [*found, error("certificate.path_too_long", leaf, allowed=str(_LONGEST_PATH))]
    return [*found, error("certificate.untrusted", leaf, missing=_words(climbed.path[-1].issuer))]


def signed_by_one_of(certificate: x509.Certificate, path: Sequence[x509.Certificate]) -> bool:
    """True when a certificate of the path really issued this one (an OCSP responder, a CA's key for CRLs)."""
    return any(certificate.issuer == one.subject and _signed(certificate, one) for one in path)


def error(code: str, certificate: x509.Certificate, /, **evidence: str) -> Finding:
    """A finding about one certificate that is certainly bad."""
    return Finding(CHECK, code, Severity.ERROR, "", {"subject": _words(certificate.subject), **evidence})


def _lasting(certificates: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    return sorted(certificates, key=lambda one: one.not_valid_after_utc, reverse=True)


def _issuers_of(path: tuple[x509.Certificate, ...], pool: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    below = path[-1]
    named = [one for one in dict.fromkeys(pool) if one.subject == below.issuer and one not in path]
    return [one for one in named if _signed(below, one)]


def _signed(below: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        below.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def _about_issuer(issuer: x509.Certificate, moment: datetime, *, cas_below: int, is_anchor: bool) -> list[Finding]:
    found = _dates(issuer, moment, _ISSUER_DATES)
    constraints = _extension(issuer, x509.BasicConstraints)
    if not _may_issue(issuer) and not (is_anchor and constraints is None):
        return [*found, error("certificate.not_a_ca", issuer)]
    allowed = constraints.path_length if constraints else None
    if allowed is not None and cas_below > allowed:
        found.append(error("certificate.path_too_long", issuer, allowed=str(allowed)))
    return found if is_anchor else [*found, *_strength(issuer)]


def _usage(leaf: x509.Certificate, usage: Usage) -> list[Finding]:
    found = []
    bits = _extension(leaf, x509.KeyUsage)
    if bits is not None and not (bits.digital_signature or bits.content_commitment):
        found.append(error("certificate.wrong_key_usage", leaf, reason="keyUsage"))
    purposes_fit = _may_stamp(leaf) if usage is Usage.TIMESTAMPING else _may_sign(leaf)
    if not purposes_fit:
        found.append(error("certificate.wrong_key_usage", leaf, reason="extendedKeyUsage"))
    if _may_issue(leaf):
        found.append(error("certificate.is_authority", leaf))
    return found


def _may_sign(leaf: x509.Certificate) -> bool:
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    return purposes is None or bool(_SIGNING_PURPOSES.intersection(purposes))


def _may_stamp(leaf: x509.Certificate) -> bool:
    """RFC 3161 §2.3: the extension is there, critical, and names time stamping alone."""
    try:
        found = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return False
    return found.critical and list(found.value) == [ExtendedKeyUsageOID.TIME_STAMPING]


def _dates(certificate: x509.Certificate, moment: datetime, names: tuple[str, str]) -> list[Finding]:
    early, late = names
    if moment < certificate.not_valid_before_utc:
        return [error(early, certificate, since=certificate.not_valid_before_utc.isoformat())]
    if moment > certificate.not_valid_after_utc:
        return [error(late, certificate, until=certificate.not_valid_after_utc.isoformat())]
    return []


def _strength(certificate: x509.Certificate) -> list[Finding]:
    found = []
    weakness = algorithms.weakness(certificate.public_key())
    if weakness:
        found.append(error("certificate.weak_key", certificate, key=weakness))
    digest = certificate.signature_hash_algorithm
    if digest is None or digest.name in WEAK_HASHES:
        found.append(error("certificate.weak_hash", certificate, hash=digest.name if digest else "?"))
    return found


def _may_issue(certificate: x509.Certificate) -> bool:
    constraints = _extension(certificate, x509.BasicConstraints)
    usage = _extension(certificate, x509.KeyUsage)
    return constraints is not None and constraints.ca and (usage is None or usage.key_cert_sign)


def _extension(certificate: x509.Certificate, kind: type[_T]) -> _T | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _words(name: x509.Name) -> str:
    return name.rfc4514_string()
