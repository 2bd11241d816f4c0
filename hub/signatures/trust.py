"""Does a certificate chain to a root that this deployment trusts, at a given moment?

Owns: TrustAnchors and the finding code of each way in which a chain may fail.
Never: opens the network, reads the system's trust store, or judges revocation (nothing is said about it).
Source: RFC 5280 §6; domain notes §6 (two generations of government roots, leaf-only signatures).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko_certvalidator import CertificateValidator, ValidationContext
from pyhanko_certvalidator.errors import PathError, ValidationError
from pyhanko_certvalidator.path import ValidationPath

from hub.domain.findings import Finding, Severity
from hub.errors import Misconfigured
from hub.signatures import algorithms

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
_WEAK_HASHES = frozenset({"md2", "md5", "sha1"})
_LEAF_DATES = ("certificate.not_yet_valid", "certificate.expired")
_ISSUER_DATES = ("certificate.issuer_not_yet_valid", "certificate.issuer_expired")
_LONGEST_PATH = 8  # a bound against certificates that name each other in circles
_REMEMBERED = 4096  # chains; one agency has one or two seals

_TRUE_UNTIL: OrderedDict[tuple[bytes, ...], tuple[datetime, datetime]] = OrderedDict()
_LOCK = threading.Lock()


@dataclass(frozen=True, slots=True)
class TrustAnchors:
    """The roots that are trusted, and the sub-CAs that the deployment keeps beside them.

    Only self-issued certificates of the files are roots; the others merely help to build a path, because
    government signatures often carry the leaf alone.
    """

    roots: tuple[x509.Certificate, ...] = ()
    helpers: tuple[x509.Certificate, ...] = ()
    digest: bytes = field(init=False)

    def __post_init__(self) -> None:
        """`digest` names exactly these certificates; it is asked for with every signature."""
        object.__setattr__(self, "digest", _digest(self.roots) + _digest(self.helpers))

    @classmethod
    def load(cls, paths: Sequence[Path]) -> TrustAnchors:
        """All certificates of the files (PEM with any number, or one DER each).

        Raises: Misconfigured naming `trust_anchors` when a file is missing or holds no certificate.
        """
        found = [certificate for path in paths for certificate in _certificates_in(path)]
        return cls.of(found)

    @classmethod
    def of(cls, certificates: Iterable[x509.Certificate]) -> TrustAnchors:
        """The same from certificates in memory."""
        roots, helpers = [], []
        for certificate in certificates:
            (roots if certificate.subject == certificate.issuer else helpers).append(certificate)
        return cls(tuple(roots), tuple(helpers))


def chain(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    anchors: TrustAnchors,
    *,
    moment: datetime,
) -> tuple[Finding, ...]:
    """No finding when `leaf` may sign documents at `moment` and chains to an anchor; else every reason.

    `others` come from the signature and are not trusted. Without anchors nothing is trusted.
    """
    key = _memory_key(leaf, others, anchors)
    if _remembered(key, moment):
        return ()
    findings = [*_about_leaf(leaf, moment), *_about_path(leaf, others, anchors, moment)]
    if not any(finding.severity is Severity.ERROR for finding in findings):
        findings += _by_the_book(leaf, others, anchors, moment=moment, key=key)
    return tuple(findings)


def forget() -> None:
    """Drops the remembered chains, for tests and measurements."""
    with _LOCK:
        _TRUE_UNTIL.clear()


def _certificates_in(path: Path) -> list[x509.Certificate]:
    shape = "files with certificates, PEM (one or more) or DER (one)"
    try:
        content = path.read_bytes()
        if b"-----BEGIN" in content:
            return x509.load_pem_x509_certificates(content)
        return [x509.load_der_x509_certificate(content)]
    except OSError as trouble:
        raise Misconfigured("trust_anchors", shape, f"{path.name} cannot be read: {trouble.strerror}.") from (trouble)
    except ValueError as trouble:
        raise Misconfigured("trust_anchors", shape, f"{path.name} holds no readable certificate.") from (trouble)


def _about_leaf(leaf: x509.Certificate, moment: datetime) -> list[Finding]:
    found = [*_dates(leaf, moment, _LEAF_DATES), *_strength(leaf)]
    usage = _extension(leaf, x509.KeyUsage)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        found.append(_error("certificate.wrong_key_usage", leaf, reason="keyUsage"))
    purposes = _extension(leaf, x509.ExtendedKeyUsage)
    if purposes is not None and not _SIGNING_PURPOSES.intersection(purposes):
        found.append(_error("certificate.wrong_key_usage", leaf, reason="extendedKeyUsage"))
    if _may_issue(leaf):
        found.append(_error("certificate.is_authority", leaf))
    return found


def _about_path(
    leaf: x509.Certificate, others: Sequence[x509.Certificate], anchors: TrustAnchors, moment: datetime
) -> list[Finding]:
    """The plain causes along the way up; certvalidator has the last word on what passes here."""
    if leaf in anchors.roots:
        return []
    if leaf.subject == leaf.issuer:
        return [_error("certificate.self_signed", leaf)]
    found: list[Finding] = []
    below, cas_below = leaf, 0
    for _ in range(_LONGEST_PATH):
        issuer = _issuer_of(below, others, anchors)
        if issuer is None:
            return [*found, _error("certificate.untrusted", leaf, missing=_words(below.issuer))]
        is_anchor = issuer in anchors.roots
        found += _about_issuer(issuer, moment, cas_below=cas_below, is_anchor=is_anchor)
        if not is_anchor:
            found += _strength(issuer)
        if is_anchor:
            return found
        if issuer.subject == issuer.issuer:
            return [*found, _error("certificate.untrusted", leaf, missing=_words(issuer.subject))]
        below, cas_below = issuer, cas_below + 1
    return [*found, _error("certificate.path_too_long", leaf, allowed=str(_LONGEST_PATH))]


def _about_issuer(issuer: x509.Certificate, moment: datetime, *, cas_below: int, is_anchor: bool) -> list[Finding]:
    found = _dates(issuer, moment, _ISSUER_DATES)
    constraints = _extension(issuer, x509.BasicConstraints)
    if not _may_issue(issuer) and not (is_anchor and constraints is None):
        found.append(_error("certificate.not_a_ca", issuer))
        return found
    allowed = constraints.path_length if constraints else None
    if allowed is not None and cas_below > allowed:
        found.append(_error("certificate.path_too_long", issuer, allowed=str(allowed)))
    return found


def _issuer_of(
    below: x509.Certificate, others: Sequence[x509.Certificate], anchors: TrustAnchors
) -> x509.Certificate | None:
    """The certificate that really signed `below`: anchors first, then kept sub-CAs, then the signature's."""
    for candidate in (*anchors.roots, *anchors.helpers, *others):
        if candidate.subject == below.issuer and candidate != below and _signed(below, candidate):
            return candidate
    return None


def _signed(below: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        below.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _by_the_book(
    leaf: x509.Certificate,
    others: Sequence[x509.Certificate],
    anchors: TrustAnchors,
    *,
    moment: datetime,
    key: tuple[bytes, ...],
) -> list[Finding]:
    """RFC 5280 in full (name and policy constraints, unknown critical extensions) by certvalidator."""
    try:
        context = ValidationContext(
            trust_roots=[_asn1(root) for root in anchors.roots],
            other_certs=[_asn1(one) for one in (*anchors.helpers, *others)],
            moment=moment,
            allow_fetching=False,
            weak_hash_algos=_WEAK_HASHES,
        )
        validator = CertificateValidator(_asn1(leaf), validation_context=context)
        path = _finished(validator.async_validate_path())
    except (PathError, ValidationError, ValueError, TypeError, KeyError, NotImplementedError) as refusal:
        return [_error("certificate.chain_refused", leaf, reason=str(refusal))]
    window = [(one.not_valid_before, one.not_valid_after) for one in path]
    _remember(key, max(start for start, _ in window), min(end for _, end in window))
    return []


def _finished(work: Coroutine[Any, Any, ValidationPath]) -> ValidationPath:
    """The result of a coroutine that never waits: without fetching there is nothing to wait for.

    No event loop is started, because a loop opens a pair of sockets and verification opens none (E7).
    """
    try:
        work.send(None)
    except StopIteration as done:
        return done.value
    work.close()
    raise PathError("the validator wanted to wait for something outside")


def _dates(certificate: x509.Certificate, moment: datetime, names: tuple[str, str]) -> list[Finding]:
    early, late = names
    if moment < certificate.not_valid_before_utc:
        return [_error(early, certificate, since=certificate.not_valid_before_utc.isoformat())]
    if moment > certificate.not_valid_after_utc:
        return [_error(late, certificate, until=certificate.not_valid_after_utc.isoformat())]
    return []


def _strength(certificate: x509.Certificate) -> list[Finding]:
    found = []
    weakness = algorithms.weakness(certificate.public_key())
    if weakness:
        found.append(_error("certificate.weak_key", certificate, key=weakness))
    digest = certificate.signature_hash_algorithm
    if digest is None or digest.name in _WEAK_HASHES:
        found.append(_error("certificate.weak_hash", certificate, hash=digest.name if digest else "?"))
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


def _error(code: str, certificate: x509.Certificate, /, **evidence: str) -> Finding:
    return Finding(CHECK, code, Severity.ERROR, "", {"subject": _words(certificate.subject), **evidence})


def _words(name: x509.Name) -> str:
    return name.rfc4514_string()


def _asn1(certificate: x509.Certificate) -> asn1.Certificate:
    return asn1.Certificate.load(certificate.public_bytes(Encoding.DER))


def _memory_key(leaf: x509.Certificate, others: Sequence[x509.Certificate], anchors: TrustAnchors) -> tuple[bytes, ...]:
    return _digest((leaf,)), _digest(others), anchors.digest


def _digest(group: Sequence[x509.Certificate]) -> bytes:
    return sha256(b"".join(sha256(one.public_bytes(Encoding.DER)).digest() for one in group)).digest()


def _remembered(key: tuple[bytes, ...], moment: datetime) -> bool:
    with _LOCK:
        window = _TRUE_UNTIL.get(key)
        if window is None or not window[0] <= moment <= window[1]:
            return False
        _TRUE_UNTIL.move_to_end(key)
        return True


def _remember(key: tuple[bytes, ...], start: datetime, end: datetime) -> None:
    with _LOCK:
        _TRUE_UNTIL[key] = (start, end)
        while len(_TRUE_UNTIL) > _REMEMBERED:
            _TRUE_UNTIL.popitem(last=False)
