"""The hub's own key, with which it signs receipts.

Owns: how the key and its certificate are kept in files and read back.
Never: overwrites a key that exists; receipts made with it would lose their proof.
Source: design §6 (ES256 receipts); RFC 7638 for the idea of a key's thumbprint as its name.
"""

from __future__ import annotations

import os
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hub.errors import Misconfigured

KEY_FILE = "hub-key.pem"
CERTIFICATE_FILE = "hub-certificate.pem"
_VALID_FOR = timedelta(days=3650)
_SHAPE = "a PEM file with an EC P-256 private key (PKCS#8, not encrypted), readable by the hub alone"


@dataclass(frozen=True, slots=True)
class HubKey:
    """The private key, its certificates (own first) and `kid`, a name that follows from the public key."""

    private_key: ec.EllipticCurvePrivateKey
    certificates: tuple[x509.Certificate, ...]
    kid: str


def kid_of(certificate: x509.Certificate) -> str:
    """The SHA-256 of the public key (SubjectPublicKeyInfo) in unpadded base64url."""
    info = certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return urlsafe_b64encode(sha256(info).digest()).rstrip(b"=").decode("ascii")


def load_hub_key(key_path: Path, certificate_path: Path) -> HubKey:
    """The key with its certificate chain, own certificate first.

    Raises: Misconfigured naming `signing_key` or `signing_certificate` when a file cannot be read, holds something
    else, or the two do not belong together.
    """
    try:
        key = serialization.load_pem_private_key(_content(key_path, "signing_key"), password=None)
    except (ValueError, TypeError) as fault:
        raise Misconfigured("signing_key", _SHAPE, f"{key_path.name} holds no such key.") from fault
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Misconfigured("signing_key", _SHAPE, f"{key_path.name} holds a key of another kind.")
    shape = "a PEM file with the hub's certificate, then any certificates above it"
    try:
        chain = x509.load_pem_x509_certificates(_content(certificate_path, "signing_certificate"))
    except ValueError as fault:
        fix = f"{certificate_path.name} holds no certificate."
        raise Misconfigured("signing_certificate", shape, fix) from fault
    if chain[0].public_key() != key.public_key():
        fix = f"The first certificate of {certificate_path.name} is not that of {key_path.name}."
        raise Misconfigured("signing_certificate", shape, fix)
    return HubKey(key, tuple(chain), kid_of(chain[0]))


def create_hub_key(folder: Path) -> HubKey:
    """A new EC P-256 key with a self-signed certificate in `folder`, both files 0600 and durable.

    A key without a certificate, left by a crash between the two, is completed. Raises: Misconfigured when
    both are there already or the folder cannot be written.
    """
    key_path, certificate_path = folder / KEY_FILE, folder / CERTIFICATE_FILE
    if key_path.exists() and certificate_path.exists():
        raise Misconfigured("signing_key", _SHAPE, f"{KEY_FILE} exists already; it is never overwritten.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _placed(key_path, _new_key_pem)
        key = serialization.load_pem_private_key(_content(key_path, "signing_key"), password=None)
        _placed(certificate_path, lambda: _certificate_pem(key))
    except (OSError, ValueError) as fault:
        raise Misconfigured("signing_key", _SHAPE, f"{folder.name} is not usable: {fault}.") from fault
    return load_hub_key(key_path, certificate_path)


def _content(path: Path, setting: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise Misconfigured(setting, "a readable PEM file", f"{path.name}: {fault.strerror}.") from fault


def _placed(path: Path, content: Callable[[], bytes]) -> None:
    """Puts the content at the path in one step, unless another process was first."""
    if path.exists():
        return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # made 0600
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content())
            stream.flush()
            os.fsync(stream.fileno())
        _linked(name, path)
    finally:
        os.unlink(name)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _linked(name: str, path: Path) -> None:
    """A hard link is the one rename that refuses to overwrite; losing the race is as good as winning."""
    try:
        os.link(name, path)
    except FileExistsError:
        return


def _new_key_pem() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _certificate_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Truc lien thong - bien nhan")])
    start = datetime.now(UTC) - timedelta(minutes=5)  # clocks of those who verify may be late
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + _VALID_FOR)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)
