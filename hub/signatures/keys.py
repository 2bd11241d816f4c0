"""The hub's own key, with which it signs receipts.

Owns: how the key and its certificate are kept in files and read back; the change to a new key.
Never: gives up a key before the next one is durable, or a certificate at all: receipts would lose their proof.
Source: design §6 (ES256 receipts); RFC 7638 for the idea of a key's thumbprint as its name; threat E22.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hub.errors import Misconfigured
from hub.signatures.anchors import Trust

KEY_FILE = "hub-key.pem"
CERTIFICATE_FILE = "hub-certificate.pem"
NEXT_FOLDER = "next"  # below the key's folder, while a new key is being made
_VALID_FOR = timedelta(days=3650)
_SHAPE = "a PEM file with an EC P-256 private key (PKCS#8), readable by the hub alone"


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


def load_hub_key(key_path: Path, certificate_path: Path, passphrase: str = "") -> HubKey:
    """The key with its certificate chain, own certificate first; `passphrase` opens an encrypted key.

    Raises: Misconfigured naming `signing_key`, `signing_key_passphrase` or `signing_certificate` when a file
    cannot be read, holds something else, or the two do not belong together; it never repeats the passphrase.
    """
    key = _private_key(key_path, passphrase)
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
        if (key_path.parent / NEXT_FOLDER).is_dir():
            fix += " A change of key was interrupted: run `hub key roll` again."
        raise Misconfigured("signing_certificate", shape, fix)
    return HubKey(key, tuple(chain), kid_of(chain[0]))


def trusted_of(key: HubKey, trust: Trust) -> tuple[x509.Certificate, ...]:
    """The certificates whose receipts this hub calls its own: the key's of today, then those kept of old keys."""
    current = key.certificates[0]
    return (current, *(old for old in trust.hub if old != current))


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


def roll_hub_key(folder: Path, keep: Path) -> HubKey:
    """A new key in `folder` in place of the old one; the old certificate stays in `keep`, so that receipts hold.

    Whatever moment it is interrupted at, running it again completes it; the old private key is gone at the end.
    Raises: Misconfigured when there is no key yet, or a folder cannot be written.
    """
    key_path, certificate_path = folder / KEY_FILE, folder / CERTIFICATE_FILE
    new_key, new_certificate = folder / NEXT_FOLDER / KEY_FILE, folder / NEXT_FOLDER / CERTIFICATE_FILE
    half_done = new_certificate.exists() and not new_key.exists()  # the key is in its place, the certificate not yet
    try:
        if not half_done:
            _kept(load_hub_key(key_path, certificate_path).certificates[0], keep)
        if not half_done and not new_certificate.exists():
            create_hub_key(folder / NEXT_FOLDER)
        if not half_done:
            _moved(new_key, key_path)
        _moved(new_certificate, certificate_path)
        shutil.rmtree(folder / NEXT_FOLDER)  # what a crash left there of files in the making
    except OSError as fault:
        raise Misconfigured("signing_key", _SHAPE, f"{folder.name}: {fault.strerror}; run this again.") from fault
    return load_hub_key(key_path, certificate_path)


def _kept(certificate: x509.Certificate, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    name = certificate.fingerprint(hashes.SHA256()).hex()
    _placed(folder / f"hub-{name[:16]}.pem", lambda: certificate.public_bytes(serialization.Encoding.PEM))


def _moved(source: Path, target: Path) -> None:
    """One step, durable before the next begins."""
    os.replace(source, target)
    _synced(source.parent)
    _synced(target.parent)


def _private_key(path: Path, passphrase: str) -> object:
    content = _content(path, "signing_key")
    encrypted = b"ENCRYPTED" in content
    shape = "the passphrase of signing_key, given as a secret"
    if encrypted and not passphrase:
        raise Misconfigured("signing_key_passphrase", shape, f"{path.name} is encrypted and no passphrase is set.")
    if passphrase and not encrypted:
        raise Misconfigured("signing_key_passphrase", shape, f"{path.name} is not encrypted; leave it empty.")
    try:
        return serialization.load_pem_private_key(content, password=passphrase.encode("utf-8") or None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        if encrypted:
            fix = f"The passphrase that is set does not open {path.name}."
            raise Misconfigured("signing_key_passphrase", shape, fix) from None  # what failed may quote secrets
        raise Misconfigured("signing_key", _SHAPE, f"{path.name} holds no such key.") from fault


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
    _synced(path.parent)


def _synced(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


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
