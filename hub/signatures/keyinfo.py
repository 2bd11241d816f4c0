"""Which certificate a signature says it was made with.

Owns: reading ds:KeyInfo; the choice of the leaf; what a certificate must let us read.
Never: believes the certificate (trust.py does) or any bare key that the document brings.
Source: XML-Signature 1.1 §4.5; threats E14, E16.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from hub.domain.findings import Finding, Severity
from hub.domain.signatures import SignerCertificate
from hub.signatures import trees
from hub.signatures.trees import ds

CHECK = "signature"
MOST_CERTIFICATES = 5  # leaf, two sub-CAs, root, one spare; more is work for nothing

_DSIG11 = "{http://www.w3.org/2009/xmldsig11#}"
#: What the library raises, early or late, for bytes that are no certificate of its liking.
_NO_CERTIFICATE = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
#: Hints that name the certificate; they are neither needed nor used.
_HINTS = frozenset({ds("X509SubjectName"), ds("X509IssuerSerial"), ds("X509SKI")})


@dataclass(frozen=True, slots=True)
class KeyInfo:
    """The leaf and the certificates beside it, or the findings that say why there is none.

    `unreadable` is the reason why a certificate is no certificate (the SDK's sample holds a stump).
    """

    leaf: x509.Certificate | None = None
    others: tuple[x509.Certificate, ...] = ()
    findings: tuple[Finding, ...] = ()
    unreadable: str = ""


def read(signature: trees.Element) -> KeyInfo:
    """The certificates of ds:KeyInfo; exactly one X509Data, and nothing that fetches or replaces a key."""
    holder = signature.find(ds("KeyInfo"))
    if holder is None:
        return KeyInfo(findings=(_error("signature.certificate_missing", signature),))
    stray = [one for one in holder if one.tag not in {ds("X509Data"), ds("KeyName"), ds("KeyValue")}]
    data = holder.findall(ds("X509Data"))
    if stray or len(data) > 1:
        what = trees.local_name(stray[0]) if stray else "X509Data"
        return KeyInfo(findings=(_error("signature.key_info_refused", holder, element=what),))
    found = data[0].findall(ds("X509Certificate")) if data else []
    if not found:
        return KeyInfo(findings=(_error("signature.certificate_missing", holder),))
    odd = [one for one in data[0] if one.tag not in _HINTS and one.tag != ds("X509Certificate")]
    if odd or len(found) > MOST_CERTIFICATES:
        what = trees.local_name(odd[0]) if odd else f"X509Certificate × {len(found)}"
        return KeyInfo(findings=(_error("signature.key_info_refused", data[0], element=what),))
    return _chosen(holder, found)


def described(leaf: x509.Certificate) -> SignerCertificate:
    """The leaf as the value that the rest of the hub keeps and shows."""
    return SignerCertificate(
        subject=leaf.subject.rfc4514_string(),
        issuer=leaf.issuer.rfc4514_string(),
        serial=format(leaf.serial_number, "x"),
        sha256=hexadecimal_sha256(leaf),
        not_before=leaf.not_valid_before_utc,
        not_after=leaf.not_valid_after_utc,
        pem=leaf.public_bytes(Encoding.PEM).decode("ascii"),
    )


def hexadecimal_sha256(certificate: x509.Certificate) -> str:
    """The SHA-256 of the certificate's DER in hex."""
    return sha256(certificate.public_bytes(Encoding.DER)).hexdigest()


def _chosen(holder: trees.Element, elements: Sequence[trees.Element]) -> KeyInfo:
    certificates = []
    for element in elements:
        der = trees.strict_base64(element.text)
        certificate = _certificate(der) if der else None
        if certificate is None:
            return KeyInfo(unreadable=trees.path_of(element))
        if certificate not in certificates:
            certificates.append(certificate)
    leaf = leaf_of(certificates)
    if leaf is None:
        return KeyInfo(findings=(_error("signature.certificate_ambiguous", holder),))
    if not all(_same_key(value, leaf) for value in holder.findall(ds("KeyValue"))):
        return KeyInfo(findings=(_error("signature.key_mismatch", holder),))
    return KeyInfo(leaf, tuple(one for one in certificates if one != leaf))


def leaf_of(certificates: Sequence[x509.Certificate]) -> x509.Certificate | None:
    """The one certificate that issued none of the others; a CA only when there is nothing else."""
    issuers = {
        issuer
        for issuer in certificates
        for below in certificates
        if below is not issuer and below.issuer == issuer.subject
    }
    ends = [one for one in certificates if one not in issuers]
    if len(ends) > 1:
        ends = [one for one in ends if not _is_ca(one)]
    return ends[0] if len(ends) == 1 else None


def _is_ca(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _certificate(der: bytes) -> x509.Certificate | None:
    """The certificate when every field that is used later can be read (the library reads lazily)."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        known = (
            certificate.subject,
            certificate.issuer,
            certificate.public_key(),
            certificate.signature_hash_algorithm,
            certificate.extensions,
            certificate.not_valid_before_utc,
            certificate.not_valid_after_utc,
        )
    except _NO_CERTIFICATE:
        return None
    usable = all(part is not None for part in known[:3]) and certificate.serial_number > 0
    return certificate if usable else None


def _same_key(value: trees.Element, leaf: x509.Certificate) -> bool:
    """True when a KeyValue beside the certificate names the certificate's own key."""
    key = leaf.public_key()
    kind = next(value.iterchildren(etree.Element), None)
    if kind is None or len(value) != 1:
        return False
    if isinstance(key, rsa.RSAPublicKey) and kind.tag == ds("RSAKeyValue"):
        numbers = key.public_numbers()
        return (_number(kind, "Modulus"), _number(kind, "Exponent")) == (numbers.n, numbers.e)
    if isinstance(key, ec.EllipticCurvePublicKey) and kind.tag == _DSIG11 + "ECKeyValue":
        point = trees.strict_base64(kind.findtext(_DSIG11 + "PublicKey"))
        return point == key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return False


def _number(holder: trees.Element, name: str) -> int | None:
    content = trees.strict_base64(holder.findtext(ds(name)))
    return int.from_bytes(content, "big") if content else None


def _error(code: str, element: trees.Element, /, **evidence: str) -> Finding:
    return Finding(CHECK, code, Severity.ERROR, trees.path_of(element), evidence)
