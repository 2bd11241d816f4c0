"""Receipts as compact JWS: signed by the hub, verified by anyone who holds the hub's certificate.

Owns: the one header form (ES256, receipt+jws, kid, x5c) and the canonical JSON of the claims.
Never: lets the header choose an algorithm, a key or an address; the certificate is pinned by the caller.
Source: RFC 7515; RFC 8725 (best practices: pin the algorithm, check typ); threats T7, E22.
"""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from hub.errors import ReceiptNotGenuine
from hub.signatures.keys import HubKey, kid_of

ALGORITHM = "ES256"
TYPE = "receipt+jws"
_MEMBERS = frozenset({"alg", "typ", "kid", "x5c"})
_LONGEST = 64 * 1024  # characters; a receipt has about 2 000


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """One spelling for one value: sorted keys, no blanks, UTF-8.

    >>> canonical_json({"b": 1, "a": "ệ"}).decode()
    '{"a":"ệ","b":1}'
    """
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8")


def sign_receipt(claims: Mapping[str, Any], key: HubKey) -> str:
    """The claims as a compact JWS with the hub's certificate chain in its header."""
    header = {
        "alg": ALGORITHM,
        "kid": key.kid,
        "typ": TYPE,
        "x5c": [_der_base64(certificate) for certificate in key.certificates],
    }
    signing_key = ECKey.import_key(key.private_key)
    return jws.serialize_compact(
        header, canonical_json(claims), signing_key, algorithms=[ALGORITHM], registry=_registry()
    )


def verify_receipt(receipt: str, *, trusted: Sequence[x509.Certificate], sha256: str = "") -> dict[str, Any]:
    """The claims of a receipt that one of the `trusted` hub certificates signed.

    Old certificates may stay among the trusted ones, so that receipts outlive a change of key (keys.trusted_of).
    With `sha256` (lower-case hex of the envelope's bytes) it must be the receipt of that very envelope.
    Raises: ReceiptNotGenuine for anything else, whatever the header says.
    """
    if len(receipt) > _LONGEST or receipt.count(".") != 2 or not receipt.isascii():
        raise ReceiptNotGenuine("no compact JWS")
    parts = [_part(part) for part in receipt.split(".")]
    header = _object(parts[0], "header")
    certificate = _pinned(header, trusted)
    public_key = ECKey.import_key(certificate.public_key())
    try:
        verified = jws.deserialize_compact(receipt, public_key, algorithms=[ALGORITHM], registry=_registry())
    except (JoseError, ValueError) as fault:
        raise ReceiptNotGenuine("the signature does not fit the receipt") from fault
    claims = _object(verified.payload, "claims")
    envelope = claims.get("envelope")
    if sha256 and not (isinstance(envelope, dict) and envelope.get("sha256") == sha256):
        raise ReceiptNotGenuine("the receipt is for another envelope")
    return claims


def _pinned(header: Mapping[str, Any], trusted: Sequence[x509.Certificate]) -> x509.Certificate:
    """The trusted certificate that the header names; the header's own copy is never used as a key."""
    if set(header) != _MEMBERS or header["alg"] != ALGORITHM or header["typ"] != TYPE:
        raise ReceiptNotGenuine("the header is not that of a receipt")
    chain = header["x5c"]
    if not isinstance(chain, list) or not chain:
        raise ReceiptNotGenuine("x5c is empty")
    for certificate in trusted:
        if chain[0] == _der_base64(certificate) and header["kid"] == kid_of(certificate):
            return _with_p256(certificate)
    raise ReceiptNotGenuine("the certificate is not one of the trusted ones")


def _with_p256(certificate: x509.Certificate) -> x509.Certificate:
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ReceiptNotGenuine("the certificate has no P-256 key")
    return certificate


def _object(content: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as fault:
        raise ReceiptNotGenuine(f"the {what} is no JSON object") from fault
    if not isinstance(value, dict):
        raise ReceiptNotGenuine(f"the {what} is no JSON object")
    return value


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a member is repeated")
    return value


def _part(text: str) -> bytes:
    """One part decoded; only the one spelling that base64url has for these bytes."""
    try:
        content = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError as fault:
        raise ReceiptNotGenuine("a part is no base64url") from fault
    if urlsafe_b64encode(content).rstrip(b"=").decode("ascii") != text:
        raise ReceiptNotGenuine("a part is no base64url")
    return content


def _registry() -> jws.JWSRegistry:
    """joserfc bounds a header at 512 bytes by default; a certificate chain is longer."""
    registry = jws.JWSRegistry(algorithms=[ALGORITHM])
    registry.max_header_length = _LONGEST
    return registry


def _der_base64(certificate: x509.Certificate) -> str:
    return b64encode(certificate.public_bytes(Encoding.DER)).decode("ascii")
