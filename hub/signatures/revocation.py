"""Revocation evidence read into values, its freshness, and where the missing pieces can be asked for.

Owns: the size limits of evidence, the tolerance of clocks, the OCSP question, `issuer_key`.
Never: believes a CRL or an answer (path_engine.py verifies them); opens the network.
Source: RFC 5280 §4.2.1.13, §4.2.2.1, §5; RFC 6960 §4; RFC 5019 §4.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from itertools import pairwise
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from hub.domain.evidence import EvidenceKind, EvidencePiece, EvidenceWanted

#: A CRL of this size names some 500 000 certificates; more is not read.
MOST_CRL_BYTES = 20 << 20
MOST_OCSP_BYTES = 64 << 10
#: How far the clocks of a CA and of this hub may differ; RFC 5019 §4 allows a small tolerance after nextUpdate.
TOLERANCE = timedelta(minutes=5)
#: An answer that does not say until when it holds is believed for so long (RFC 6960 §2.4: newer is always there).
WITHOUT_NEXT_UPDATE = timedelta(minutes=30)
#: What the library raises, early or late, for bytes that are no certificate, CRL or answer of its liking.
UNREADABLE = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    NotImplementedError,
    RecursionError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    x509.AttributeNotFound,
)
#: NIST SP 800-131A rev. 2; neither certificates nor evidence signed with these are believed.
WEAK_HASHES = frozenset({"md2", "md5", "sha1"})
_LONGEST_URL = 2048
_MOST_URLS = 4  # of one certificate; a CA names one or two


class Freshness(StrEnum):
    """Whether a piece speaks about a moment: stale is older than its own promise, not_yet_valid is from the future."""

    FRESH = "fresh"
    STALE = "stale"
    NOT_YET_VALID = "not_yet_valid"


@dataclass(frozen=True, slots=True)
class Listed:
    """What a CRL says of one certificate; `since` is when it stopped being good (the invalidity date if earlier)."""

    since: datetime
    reason: str


def issuer_key(certificate_or_name: x509.Certificate | x509.Name) -> str:
    """Names the CA that issued the certificate (or has this name): hex SHA-256 of the DER of the CA's name."""
    name = certificate_or_name if isinstance(certificate_or_name, x509.Name) else certificate_or_name.issuer
    return sha256(name.public_bytes()).hexdigest()


def read_crl(der: bytes) -> EvidencePiece:
    """A CRL (DER) as a piece, not verified. Raises ValueError when it is none, or too large."""
    if len(der) > MOST_CRL_BYTES:
        raise ValueError(f"a CRL of {len(der)} bytes is too large")
    try:
        crl = x509.load_der_x509_crl(der)
        _ = crl.extensions  # parsed only now
        key, digest = issuer_key(crl.issuer), crl.signature_hash_algorithm
        piece = _piece(EvidenceKind.CRL, key, der, since=crl.last_update_utc, until=crl.next_update_utc)
    except UNREADABLE as fault:
        raise ValueError(f"no readable CRL: {fault}") from fault
    _believable(digest)
    return piece


def read_ocsp(der: bytes, *, asked: str = "") -> EvidencePiece:
    """An OCSP answer about one certificate (DER) as a piece, not verified.

    `asked` is the issuer_key of the question; without it the answer must name its CA. Raises ValueError when it
    is no successful answer, too large, or does not say about whose certificate it speaks.
    """
    if len(der) > MOST_OCSP_BYTES:
        raise ValueError(f"an OCSP answer of {len(der)} bytes is too large")
    try:
        answer = ocsp.load_der_ocsp_response(der)
        if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise ValueError(f"the responder says {answer.response_status.name.lower()}")
        single = list(answer.responses)
        if len(single) != 1:
            raise ValueError("the answer is about several certificates")
        one, digest = single[0], answer.signature_hash_algorithm
        key = asked or _answered_for(answer)
        piece = _piece(EvidenceKind.OCSP, key, der, since=one.this_update_utc, until=one.next_update_utc)
    except UNREADABLE as fault:
        raise ValueError(f"no readable OCSP answer: {fault}") from fault
    _believable(digest)
    return piece


def freshness(piece: EvidencePiece, *, moment: datetime) -> Freshness:
    """Whether the piece speaks about the moment by its own dates, within TOLERANCE at both ends."""
    if moment + TOLERANCE < piece.this_update:
        return Freshness.NOT_YET_VALID
    return Freshness.STALE if moment > until(piece) + TOLERANCE else Freshness.FRESH


def until(piece: EvidencePiece) -> datetime:
    """Until when the CA promised that nothing newer is needed."""
    return piece.next_update or piece.this_update + WITHOUT_NEXT_UPDATE


def listed(piece: EvidencePiece, certificate: x509.Certificate, issuer: x509.Certificate) -> Listed | None:
    """The entry of a CRL that is really signed by `issuer`; None when it names not this certificate.

    A hold that may be lifted is not reported. The invalidity date counts only with a compromised key (RFC 5280
    §5.3.2: since then the key may have been another's).
    """
    try:
        crl = x509.load_der_x509_crl(piece.der)
        if crl.issuer != certificate.issuer or not crl.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]
            return None
        entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
        return None if entry is None else _entry(entry)
    except UNREADABLE:
        return None


def answers(piece: EvidencePiece, certificate: x509.Certificate) -> bool:
    """True when an OCSP piece is about this certificate by its serial number (its CA is the piece's)."""
    try:
        every = ocsp.load_der_ocsp_response(piece.der).responses
        return any(one.serial_number == certificate.serial_number for one in every)
    except UNREADABLE:
        return False


def wanted_for(path: Sequence[x509.Certificate]) -> tuple[EvidenceWanted, ...]:
    """Where evidence about each certificate of a path (leaf first, root last) is to be had, CRLs first.

    Only http and https; asks nothing about the root, and no OCSP without the issuer's certificate.
    """
    found: list[EvidenceWanted] = []
    for below, issuer in pairwise(path):
        found += _crls_of(below)
        found += _answers_of(below, issuer)
    return tuple(dict.fromkeys(found))


def ca_wanted(certificates: Iterable[x509.Certificate]) -> tuple[EvidenceWanted, ...]:
    """The CRLs to keep fresh for the CAs that a deployment trusts: those which their own certificates name."""
    found = [one for certificate in certificates for one in _crls_of(certificate)]
    return tuple(dict.fromkeys(found))


def deltas_wanted(pieces: Iterable[EvidencePiece]) -> tuple[EvidenceWanted, ...]:
    """The delta CRLs that complete CRLs name; without them these are not believed (RFC 5280 §5.2.6)."""
    found: list[EvidenceWanted] = []
    for piece in pieces:
        if piece.kind is EvidenceKind.CRL:
            crl = x509.load_der_x509_crl(piece.der)
            urls = _urls_of_points(crl.extensions, x509.FreshestCRL)
            found += [EvidenceWanted(EvidenceKind.CRL, piece.issuer_key, url) for url in urls]
    return tuple(dict.fromkeys(found))


def _piece(kind: EvidenceKind, key: str, der: bytes, *, since: datetime, until: datetime | None) -> EvidencePiece:
    return EvidencePiece(kind, key, sha256(der).hexdigest(), der, since, until)


def _believable(digest: hashes.HashAlgorithm | None) -> None:
    """certvalidator does not ask this about evidence. Raises ValueError for an outdated hash."""
    if digest is None or digest.name in WEAK_HASHES:
        raise ValueError(f"signed with {digest.name if digest else 'no known hash'}")


def _answered_for(answer: ocsp.OCSPResponse) -> str:
    """The CA for which the answer speaks: by the CertID's own hash, the responder's issuer, or the responder."""
    one = next(iter(answer.responses))
    if isinstance(one.hash_algorithm, hashes.SHA256):
        return one.issuer_name_hash.hex()
    names = [name for certificate in answer.certificates for name in (certificate.issuer, certificate.subject)]
    names += [answer.responder_name] if answer.responder_name else []
    for name in names:
        running = hashes.Hash(one.hash_algorithm)
        running.update(name.public_bytes())
        if running.finalize() == one.issuer_name_hash:
            return issuer_key(name)
    raise ValueError("the answer does not say for which CA it speaks")


def _entry(entry: x509.RevokedCertificate) -> Listed | None:
    reason = _of(entry.extensions, x509.CRLReason)
    word = reason.reason if reason else x509.ReasonFlags.unspecified
    if word in (x509.ReasonFlags.certificate_hold, x509.ReasonFlags.remove_from_crl):
        return None
    since = entry.revocation_date_utc
    invalid = _of(entry.extensions, x509.InvalidityDate)
    if invalid and word in (x509.ReasonFlags.key_compromise, x509.ReasonFlags.ca_compromise):
        since = min(since, invalid.invalidity_date_utc)
    return Listed(since, word.value)


def _crls_of(certificate: x509.Certificate) -> list[EvidenceWanted]:
    try:
        key, extensions = issuer_key(certificate), certificate.extensions
        urls = _urls_of_points(extensions, x509.CRLDistributionPoints)
        urls += _urls_of_points(extensions, x509.FreshestCRL)
    except UNREADABLE:
        return []
    return [EvidenceWanted(EvidenceKind.CRL, key, url) for url in urls]


def _answers_of(certificate: x509.Certificate, issuer: x509.Certificate) -> list[EvidenceWanted]:
    """One question with a SHA-1 CertID for each responder: every responder knows it, and it protects nothing."""
    try:
        access = _of(certificate.extensions, x509.AuthorityInformationAccess) or ()
        named = [one.access_location for one in access if one.access_method == AuthorityInformationAccessOID.OCSP]
        urls = _usable(named)
        if not urls:
            return []
        question = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1()).build()  # noqa: S303
        request = question.public_bytes(Encoding.DER)
        return [EvidenceWanted(EvidenceKind.OCSP, issuer_key(certificate), url, request) for url in urls]
    except UNREADABLE:
        return []


def _urls_of_points(
    extensions: x509.Extensions, kind: type[x509.CRLDistributionPoints] | type[x509.FreshestCRL]
) -> list[str]:
    points = _of(extensions, kind) or ()
    return _usable([name for point in points for name in point.full_name or ()])


def _usable(names: Iterable[x509.GeneralName]) -> list[str]:
    """The first few http and https addresses with a host and without a password or control characters."""
    urls = [name.value for name in names if isinstance(name, x509.UniformResourceIdentifier)]
    return [url for url in urls if len(url) <= _LONGEST_URL and url.isprintable() and _is_http(url)][:_MOST_URLS]


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc and " " not in url
    except ValueError:
        return False


def _of(extensions: x509.Extensions, kind: type) -> object:
    try:
        return extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
