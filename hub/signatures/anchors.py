"""The certificates that this deployment trusts, by purpose, from files that an administrator put there.

Owns: the folder layout (government/, public/, timestamping/, hub/), TrustAnchors and Trust.
Never: reads the system's trust store; judges a chain (trust.py).
Source: domain notes §6 (two generations of government roots, leaf-only signatures); dependencies §3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from hub.errors import Misconfigured

SHAPE = "files with certificates, PEM (one or more) or DER (one)"


class Purpose(StrEnum):
    """What an anchor is trusted for: state signers, public CAs' signers, timestamps, the receipts of hubs."""

    GOVERNMENT = "government"
    PUBLIC = "public"
    TIMESTAMPING = "timestamping"
    HUB = "hub"


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
        object.__setattr__(self, "digest", digest_of(self.roots) + digest_of(self.helpers))

    @classmethod
    def of(cls, certificates: Iterable[x509.Certificate]) -> TrustAnchors:
        """Roots and helpers told apart."""
        roots, helpers = [], []
        for certificate in certificates:
            (roots if certificate.subject == certificate.issuer else helpers).append(certificate)
        return cls(tuple(roots), tuple(helpers))


@dataclass(frozen=True, slots=True)
class Trust:
    """Everything that is trusted; `hub` are certificates (old ones too) with which hubs signed receipts."""

    government: TrustAnchors = field(default_factory=TrustAnchors)
    public: TrustAnchors = field(default_factory=TrustAnchors)
    timestamping: TrustAnchors = field(default_factory=TrustAnchors)
    hub: tuple[x509.Certificate, ...] = ()
    signing: TrustAnchors = field(init=False)

    def __post_init__(self) -> None:
        """`signing` is what a document's signer may chain to: government and public together."""
        both = (*self.government.roots, *self.public.roots), (*self.government.helpers, *self.public.helpers)
        object.__setattr__(self, "signing", TrustAnchors(*both))

    @classmethod
    def load(cls, folder: Path) -> Trust:
        """All certificates of the folder, each below its purpose; a missing folder means that nothing is trusted.

        Raises: Misconfigured naming `trust_dir` when a file cannot be read or holds no certificate.
        """
        found = {purpose: _in_folder(folder / purpose.value) for purpose in Purpose}
        return cls(
            government=TrustAnchors.of(found[Purpose.GOVERNMENT]),
            public=TrustAnchors.of(found[Purpose.PUBLIC]),
            timestamping=TrustAnchors.of(found[Purpose.TIMESTAMPING]),
            hub=tuple(found[Purpose.HUB]),
        )


def certificates_in(path: Path) -> list[x509.Certificate]:
    """The certificates of one file. Raises Misconfigured when it cannot be read or holds none."""
    try:
        content = path.read_bytes()
        if b"-----BEGIN" in content:
            return x509.load_pem_x509_certificates(content)
        return [x509.load_der_x509_certificate(content)]
    except OSError as trouble:
        raise Misconfigured("trust_dir", SHAPE, f"{path.name} cannot be read: {trouble.strerror}.") from trouble
    except ValueError as trouble:
        raise Misconfigured("trust_dir", SHAPE, f"{path.name} holds no readable certificate.") from trouble


def digest_of(group: Sequence[x509.Certificate]) -> bytes:
    """One digest for these certificates in this order."""
    return sha256(b"".join(sha256(one.public_bytes(Encoding.DER)).digest() for one in group)).digest()


def _in_folder(folder: Path) -> list[x509.Certificate]:
    if not folder.is_dir():
        return []
    files = sorted(file for file in folder.iterdir() if file.is_file() and not file.name.startswith("."))
    return [certificate for file in files for certificate in certificates_in(file)]
