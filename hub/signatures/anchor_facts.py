"""What an administrator must know of a certificate before trusting it, as values.

Owns: telling root, sub-CA and leaf apart; the hosts that a certificate names.
Never: trusts anything; judges a date (the caller knows the moment).
Source: RFC 5280 §4.2.1.3, §4.2.1.9, §4.2.1.13, §4.2.2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from hub.domain.signatures import SignerCertificate
from hub.errors import Misconfigured
from hub.signatures.algorithms import weakness
from hub.signatures.anchors import SHAPE, certificates_in
from hub.signatures.keyinfo import described
from hub.signatures.revocation import UNREADABLE, ca_wanted, issuer_key


class Standing(StrEnum):
    """Where a certificate stands in its hierarchy."""

    ROOT = "root"
    SUB_CA = "sub-CA"
    LEAF = "leaf"


@dataclass(frozen=True, slots=True)
class AnchorFacts:
    """One certificate of a trust file.

    `weak` says why its key is not believed (empty: strong). `proven` is False for a root whose own signature fails.
    `ca_key` names it in the evidence cache as the CA that speaks. `hosts` are where it points for CRLs and OCSP.
    """

    certificate: SignerCertificate
    standing: Standing
    weak: str
    proven: bool
    ca_key: str
    hosts: tuple[str, ...]


def facts_in(path: Path) -> list[AnchorFacts]:
    """The certificates of one file. Raises Misconfigured when it cannot be read or holds none."""
    try:
        return [_facts(one) for one in certificates_in(path)]
    except UNREADABLE as fault:
        raise Misconfigured("trust_dir", SHAPE, f"{path.name} holds a certificate that is broken: {fault}") from fault


def hosts_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The hosts (with a port where one is written) that the certificate names for CRLs and OCSP."""
    urls = [one.url for one in ca_wanted((certificate,))]
    for access in _extension(certificate, x509.AuthorityInformationAccess) or ():
        if access.access_method == AuthorityInformationAccessOID.OCSP:
            urls.append(str(access.access_location.value))
    return tuple(sorted({urlsplit(url).netloc.lower() for url in urls} - {""}))


def pem_of(path: Path) -> bytes:
    """All certificates of the file as PEM, in their order, without whatever else stood there."""
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates_in(path))


def _facts(certificate: x509.Certificate) -> AnchorFacts:
    standing = _standing(certificate)
    return AnchorFacts(
        certificate=described(certificate),
        standing=standing,
        weak=weakness(certificate.public_key()),
        proven=standing is not Standing.ROOT or _signed_itself(certificate),
        ca_key=issuer_key(certificate.subject),
        hosts=hosts_of(certificate),
    )


def _standing(certificate: x509.Certificate) -> Standing:
    """A self-issued certificate that says nothing of being a CA is a root of the old kind (version 1)."""
    constraints = _extension(certificate, x509.BasicConstraints)
    self_issued = certificate.subject == certificate.issuer
    if constraints is None:
        return Standing.ROOT if self_issued and certificate.version is x509.Version.v1 else Standing.LEAF
    usage = _extension(certificate, x509.KeyUsage)
    if not constraints.ca or (usage is not None and not usage.key_cert_sign):
        return Standing.LEAF
    return Standing.ROOT if self_issued else Standing.SUB_CA


def _signed_itself(certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(certificate)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def _extension(certificate: x509.Certificate, kind: type[x509.ExtensionType]) -> Any:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
