"""The signature and digest algorithms that the hub believes, as a table with dates.

Owns: which algorithm URI is accepted since and until when, and its digest, key family and least key size.
Never: computes a signature. Widening the profile is one dated line here, never a flag.
Source: XML-Signature 1.1 §6, RFC 9231; key sizes and hashes by NIST SP 800-131A rev. 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

_DS = "http://www.w3.org/2000/09/xmldsig#"
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_MORE_2007 = "http://www.w3.org/2007/05/xmldsig-more#"
_ENC = "http://www.w3.org/2001/04/xmlenc#"

EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
ENVELOPED = _DS + "enveloped-signature"
CANONICALIZATIONS = frozenset({EXC_C14N, C14N})

#: Sample `edoc_new` and the SDK write this address for exclusive C14N; no such algorithm exists.
MISSPELT_C14N = "http://www.w3.org/TR/xml-exc-c14n#"

#: SHA-1 is broken for signatures (collisions since 2017); what uses it is old, not forged: state *legacy*.
SHA1_ALGORITHMS = frozenset(
    {
        _DS + "sha1",
        _DS + "rsa-sha1",
        _DS + "dsa-sha1",
        _MORE + "ecdsa-sha1",
        _MORE_2007 + "sha1-rsa-MGF1",
    }
)

RSA_LEAST_BITS = 2048
CURVES = (ec.SECP256R1, ec.SECP384R1)

#: When this table began to hold; nothing signed earlier is judged by it differently.
_START = datetime(2016, 4, 1, tzinfo=UTC)  # QCVN 102:2016 was issued
_NO_END = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Digest:
    """A digest algorithm, accepted in [since, until)."""

    uri: str
    hashlib_name: str
    size_bytes: int
    since: datetime = _START
    until: datetime = _NO_END


@dataclass(frozen=True, slots=True)
class Method:
    """A signature method, accepted in [since, until); `scheme` is `pkcs1`, `pss` or `ecdsa`."""

    uri: str
    scheme: str
    digest: type[hashes.HashAlgorithm]
    since: datetime = _START
    until: datetime = _NO_END


DIGESTS = {
    row.uri: row
    for row in (
        Digest(_ENC + "sha256", "sha256", 32),
        Digest(_MORE + "sha384", "sha384", 48),
        Digest(_ENC + "sha512", "sha512", 64),
    )
}
METHODS = {
    row.uri: row
    for row in (
        Method(_MORE + "rsa-sha256", "pkcs1", hashes.SHA256),
        Method(_MORE + "rsa-sha384", "pkcs1", hashes.SHA384),
        Method(_MORE + "rsa-sha512", "pkcs1", hashes.SHA512),
        Method(_MORE_2007 + "sha256-rsa-MGF1", "pss", hashes.SHA256),
        Method(_MORE_2007 + "sha384-rsa-MGF1", "pss", hashes.SHA384),
        Method(_MORE_2007 + "sha512-rsa-MGF1", "pss", hashes.SHA512),
        Method(_MORE + "ecdsa-sha256", "ecdsa", hashes.SHA256),
        Method(_MORE + "ecdsa-sha384", "ecdsa", hashes.SHA384),
        Method(_MORE + "ecdsa-sha512", "ecdsa", hashes.SHA512),
    )
}
SHA256 = _ENC + "sha256"


def digest_in_force(uri: str, moment: datetime) -> Digest | None:
    """The digest with this URI if it is accepted at the moment, else None."""
    row = DIGESTS.get(uri)
    return row if row and row.since <= moment < row.until else None


def method_in_force(uri: str, moment: datetime) -> Method | None:
    """The signature method with this URI if it is accepted at the moment, else None."""
    row = METHODS.get(uri)
    return row if row and row.since <= moment < row.until else None


def method_for(key: Any, *, scheme: str = "", digest: type[hashes.HashAlgorithm] = hashes.SHA256) -> Method:
    """The method with which a private key signs; RSA means PKCS#1 v1.5 unless `scheme` says `pss`.

    Raises: ValueError when the table has no such pair.
    """
    wanted = "ecdsa" if isinstance(key, ec.EllipticCurvePrivateKey) else scheme or "pkcs1"
    for row in METHODS.values():
        if row.scheme == wanted and row.digest is digest:
            return row
    raise ValueError(f"no signature method for {wanted} with {digest.name}")


def weakness(key: Any) -> str:
    """Why a public key is not believed, in a few words; empty when it is strong enough."""
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < RSA_LEAST_BITS:
            return f"RSA {key.key_size} bit"
        return "" if key.public_numbers().e > 2 else "RSA, e ≤ 2"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "" if isinstance(key.curve, CURVES) else f"EC {key.curve.name}"
    return type(key).__name__


def fits(method: Method, key: Any) -> bool:
    """True when the public key is of the family that the method needs."""
    family = ec.EllipticCurvePublicKey if method.scheme == "ecdsa" else rsa.RSAPublicKey
    return isinstance(key, family)


def rsa_padding(method: Method) -> padding.AsymmetricPadding:
    """PKCS#1 v1.5, or PSS with MGF1 of the same digest and a salt of its size (RFC 9231 §2.3.10)."""
    if method.scheme == "pkcs1":
        return padding.PKCS1v15()
    digest = method.digest()
    return padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
