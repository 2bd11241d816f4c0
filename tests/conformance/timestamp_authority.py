"""What every TimestampAuthority must do, and an authority's certificate for the tests.

A new adapter's test calls `conforms` with the adapter and what it is connected to.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub.demo.pki import DemoPki, Flaws, Identity
from hub.errors import TimestampsUnavailable
from hub.ports import TimestampAuthority
from hub.signatures.timestamps import Expected, read_response, request


@cache
def pki() -> DemoPki:
    """One root for all authorities of the tests."""
    return DemoPki(name="Dau thoi gian thu nghiem")


@cache
def authority(
    *,
    key: str = "ec-p256",
    usages: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.TIME_STAMPING,),
    critical: bool = True,
) -> Identity:
    """A timestamp authority below the root; its extended key usage as told."""
    plain = pki().agency_seal(f"TSA {key}", "", flaws=Flaws(key=key))
    builder = (
        x509.CertificateBuilder()
        .subject_name(plain.certificate.subject)
        .issuer_name(plain.certificate.issuer)
        .public_key(plain.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(plain.certificate.not_valid_before_utc)
        .not_valid_after(plain.certificate.not_valid_after_utc)
    )
    for extension in plain.certificate.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=critical)
    return Identity(plain.key, builder.sign(pki().sub_ca.key, hashes.SHA256()), plain.issuers)


def conforms(adapter: TimestampAuthority) -> None:
    """It answers a request with a timestamp for exactly that digest, and each one anew."""
    digest = sha256(b"conformance").digest()
    serials = set()
    for _ in range(2):
        asked, nonce = request(digest)
        found = read_response(
            adapter.stamp(asked), Expected(digest, not_after=datetime.now(UTC), nonce=nonce), judge=lambda *_: ()
        )
        serials.add(found.serial)
    assert len(serials) == 2


def refuses(adapter: TimestampAuthority, words: str) -> None:
    """What cannot be had is TimestampsUnavailable, in words."""
    with pytest.raises(TimestampsUnavailable, match=words):
        adapter.stamp(request(sha256(b"conformance").digest())[0])
