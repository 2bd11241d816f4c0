"""ASiC-E containers with CAdES: files, a manifest of their digests, the hub's signature over the manifest.

Owns: the one form we write (all parts stored, one after another) and read; anything else is Malformed.
Never: inflates, follows a path, reads beyond its bounds; knows what the files mean (hub/bundles).
Source: ETSI EN 319 162-1 §4.4 and annex A (ASiC-E with CAdES), EN 319 122-1 (CAdES-B); threats A3.
"""

from __future__ import annotations

import asyncio
import io
import re
import struct
import zipfile
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, BinaryIO

from asn1crypto import cms, keys
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pyhanko.sign.signers.pdf_cms import SimpleSigner
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import extract_certs_for_validation, validate_sig_integrity
from pyhanko_certvalidator.registry import SimpleCertificateStore

from hub.signatures import trees
from hub.signatures.keys import HubKey

MIMETYPE = b"application/vnd.etsi.asic-e+zip"
MANIFEST = "META-INF/ASiCManifest001.xml"
SIGNATURE = "META-INF/signature001.p7s"
NAMESPACE = "http://uri.etsi.org/02918/v1.2.1#"
CHUNK_BYTES = 1 << 20

MOST_PARTS = 20_000  # a document to thousands of recipients has about three receipts for each
MOST_BYTES = 2**31 - 1  # of a container; no ZIP64 is ever needed
LONGEST_NAME = 120
_MOST_DIRECTORY_BYTES = MOST_PARTS * (46 + LONGEST_NAME)
_MOST_MANIFEST_BYTES = MOST_PARTS * 512
_MOST_SIGNATURE_BYTES = 256 * 1024
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?", re.ASCII)
_DATE = (1980, 1, 1, 0, 0, 0)  # the first moment that ZIP can write: the same facts give the same bytes
_END = struct.Struct("<4s4H2IH")
_LOCAL = struct.Struct("<4s5H3I2H")
_SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_TYPES = {"edxml": "application/xml", "json": "application/json", "txt": "text/plain", "jws": "application/jose",
          "pem": "application/x-pem-file", "crl": "application/pkix-crl", "ocsp": "application/ocsp-response",
          "tst": "application/vnd.etsi.timestamp-token"}  # fmt: skip


class Malformed(ValueError):
    """The container is not read further; `code` is one word for the cause, `name` the part (ours, made safe)."""

    def __init__(self, code: str, name: str = "") -> None:
        super().__init__(f"{code} {name}".strip())
        self.code, self.name = code, name


class NotSigned(ValueError):
    """The signature does not prove the manifest; `stranger` is the certificate when only its owner is unknown."""

    def __init__(self, why: str, stranger: str = "") -> None:
        super().__init__(why)
        self.stranger = stranger


class ContainerWriter:
    """Writes one container; parts are streamed, in the order in which they are added."""

    def __init__(self, out: BinaryIO) -> None:
        """`out` is a seekable file, empty; it stays open."""
        self._archive = zipfile.ZipFile(out, "w", zipfile.ZIP_STORED, allowZip64=False)
        self._digests: dict[str, str] = {}
        self._write("mimetype", (MIMETYPE,))

    def add(self, name: str, chunks: Iterable[bytes]) -> str:
        """Takes one part; gives the hex SHA-256 of what was written. Raises: ValueError for a name twice or odd."""
        if name in self._digests or not _plain(name) or name.startswith("META-INF/"):
            raise ValueError(f"part {name!r}")
        self._digests[name] = self._write(name, chunks)
        return self._digests[name]

    def seal(self, key: HubKey) -> None:
        """Writes manifest and signature and ends the container."""
        manifest = manifest_of(self._digests)
        self._write(MANIFEST, (manifest,))
        self._write(SIGNATURE, (signature_over(manifest, key),))
        self._archive.close()

    def _write(self, name: str, chunks: Iterable[bytes]) -> str:
        running = sha256()
        with self._archive.open(zipfile.ZipInfo(name, _DATE), "w") as part:
            for chunk in chunks:
                running.update(chunk)
                part.write(chunk)
        return running.hexdigest()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the bytes of a part lie in the container."""

    offset_bytes: int
    size_bytes: int


class Container:
    """An opened container: every byte of the file belongs to exactly one part or to the ZIP directory."""

    def __init__(self, file: BinaryIO) -> None:
        """`file` is seekable and stays open. Raises: Malformed."""
        self._file = file
        self.places: Mapping[str, Place] = _places(file)

    def open(self, name: str) -> BinaryIO:
        """The bytes of a part, seekable. Raises: KeyError."""
        return io.BufferedReader(_Slice(self._file, self.places[name]), CHUNK_BYTES)

    def read(self, name: str, *, most_bytes: int) -> bytes:
        """A small part whole. Raises: KeyError; Malformed `too_large` over the bound."""
        if self.places[name].size_bytes > most_bytes:
            raise Malformed("too_large", name)
        with self.open(name) as part:
            return part.read()

    def digest(self, name: str) -> str:
        """Hex SHA-256 of a part, streamed."""
        running = sha256()
        with self.open(name) as part:
            while chunk := part.read(CHUNK_BYTES):
                running.update(chunk)
        return running.hexdigest()

    def listed(self) -> dict[str, str]:
        """Part name to hex SHA-256 as the manifest says. Raises: KeyError, Malformed."""
        return manifest_read(self.read(MANIFEST, most_bytes=_MOST_MANIFEST_BYTES))

    def data_names(self) -> list[str]:
        """The parts that a manifest must list, in their order."""
        return [name for name in self.places if name not in ("mimetype", MANIFEST, SIGNATURE)]

    def signed_by(self, trusted: Sequence[x509.Certificate]) -> x509.Certificate:
        """The trusted certificate whose key signed the manifest. Raises: KeyError, Malformed, NotSigned."""
        manifest = self.read(MANIFEST, most_bytes=_MOST_MANIFEST_BYTES)
        return signer_of(manifest, self.read(SIGNATURE, most_bytes=_MOST_SIGNATURE_BYTES), trusted)


def is_container(file: BinaryIO) -> bool:
    """True when the file begins as every ASiC-E container does; whether it is whole is another question."""
    file.seek(0)
    begin = file.read(_LOCAL.size + 8 + len(MIMETYPE))
    return begin[:4] == b"PK\x03\x04" and begin[_LOCAL.size :] == b"mimetype" + MIMETYPE


def manifest_of(digests: Mapping[str, str]) -> bytes:
    """The ASiCManifest for these parts (name to hex SHA-256); names are plain, so nothing needs escaping."""
    rows = [
        f'  <asic:DataObjectReference URI="{name}" MimeType="{_type_of(name)}">'
        f'<ds:DigestMethod Algorithm="{_SHA256}"/>'
        f"<ds:DigestValue>{b64encode(bytes.fromhex(digest)).decode()}</ds:DigestValue>"
        "</asic:DataObjectReference>\n"
        for name, digest in digests.items()
    ]
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<asic:ASiCManifest xmlns:asic="{NAMESPACE}" xmlns:ds="{trees.DS}">\n'
        f'  <asic:SigReference URI="{SIGNATURE}" MimeType="application/pkcs7-signature"/>\n'
    )
    return (head + "".join(rows) + "</asic:ASiCManifest>\n").encode("ascii")


def manifest_read(manifest: bytes) -> dict[str, str]:
    """Name to hex SHA-256. Raises: Malformed unless these are exactly the bytes that `manifest_of` writes."""
    try:
        root = trees.parse(manifest)
    except trees.Unreadable as fault:
        raise Malformed("manifest", MANIFEST) from fault
    digests: dict[str, str] = {}
    for reference in root.iterfind(f"{{{NAMESPACE}}}DataObjectReference"):
        value = trees.strict_base64(reference.findtext(trees.ds("DigestValue")))
        name = reference.get("URI") or ""
        if value is None or name in digests or not _plain(name):
            raise Malformed("manifest", MANIFEST)
        digests[name] = value.hex()
    if manifest_of(digests) != manifest:
        raise Malformed("manifest", MANIFEST)
    return digests


def signature_over(manifest: bytes, key: HubKey) -> bytes:
    """A detached CAdES-B signature (DER) with the hub's certificate chain inside."""
    chain = [asn1.Certificate.load(one.public_bytes(Encoding.DER)) for one in key.certificates]
    private = key.private_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    signer = SimpleSigner(
        signing_cert=chain[0],
        signing_key=keys.PrivateKeyInfo.load(private),
        cert_registry=SimpleCertificateStore.from_certs(chain[1:]),
        embed_roots=True,
    )
    return asyncio.run(signer.async_sign_general_data(manifest, "sha256", use_cades=True)).dump()


def chain_pem(key: HubKey) -> list[str]:
    """The hub's certificates as PEM, its own first."""
    return [one.public_bytes(Encoding.PEM).decode("ascii") for one in key.certificates]


def signer_of(manifest: bytes, signature: bytes, trusted: Sequence[x509.Certificate]) -> x509.Certificate:
    """The certificate among `trusted` whose key signed the manifest; old ones may stay there for old containers.

    The signature's own certificates are never trusted, only compared. Raises: NotSigned.
    """
    try:
        content = cms.ContentInfo.load(signature, strict=True)
        if content["content_type"].native != "signed_data" or len(content["content"]["signer_infos"]) != 1:
            raise NotSigned("one signature is expected")
        certificate = extract_certs_for_validation(content["content"]).signer_cert
        pinned = {one.public_bytes(Encoding.DER): one for one in trusted}.get(certificate.dump())
        if pinned is None:
            raise NotSigned("the certificate is not one of the trusted ones", certificate.subject.human_friendly)
        info = content["content"]["signer_infos"][0]
        if info["digest_algorithm"]["algorithm"].native != "sha256":
            raise NotSigned("SHA-256 is expected")
        genuine = validate_sig_integrity(info, certificate, "data", sha256(manifest).digest())
    except (SignatureValidationError, ValueError, TypeError, KeyError, NotImplementedError) as fault:
        raise fault if isinstance(fault, NotSigned) else NotSigned(str(fault)) from fault
    if genuine != (True, True):
        raise NotSigned("the signature does not fit the manifest")
    return pinned


def _places(file: BinaryIO) -> dict[str, Place]:
    start = _directory_start(file)
    try:
        entries = zipfile.ZipFile(file).infolist()
    except (zipfile.BadZipFile, NotImplementedError, UnicodeDecodeError, ValueError, struct.error) as fault:
        raise Malformed("directory") from fault
    found: dict[str, Place] = {}
    known: set[str] = set()
    offset = 0
    for entry in entries:
        name = entry.orig_filename
        if not _plain(name):
            raise Malformed("name", _shown(name))
        if name.lower() in known:
            raise Malformed("duplicate", name)
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise Malformed("compressed", name)
        data = _data_start(file, entry, offset)
        known.add(name.lower())
        found[name] = Place(data, entry.file_size)
        offset = data + entry.file_size
    if offset != start:
        raise Malformed("hidden")
    return found


def _directory_start(file: BinaryIO) -> int:
    """Where the ZIP directory begins; its size is known before anything of it is read."""
    size = file.seek(0, io.SEEK_END)
    if size > MOST_BYTES:
        raise Malformed("too_large")
    if size < _END.size:
        raise Malformed("truncated")
    file.seek(size - _END.size)
    mark, disk, first, here, count, length, start, comment = _END.unpack(file.read(_END.size))
    if mark != b"PK\x05\x06":
        raise Malformed("truncated")
    if (disk, first, comment) != (0, 0, 0) or here != count or start + length + _END.size != size:
        raise Malformed("hidden")
    if count > MOST_PARTS or length > _MOST_DIRECTORY_BYTES:
        raise Malformed("too_large")
    return start


def _data_start(file: BinaryIO, entry: zipfile.ZipInfo, offset: int) -> int:
    """The local header must follow the part before and say what the directory says, so that all readers agree."""
    file.seek(offset)
    header = file.read(_LOCAL.size)
    if entry.header_offset != offset or len(header) != _LOCAL.size:
        raise Malformed("hidden", entry.orig_filename)
    mark, _, flags, method, _, _, crc, packed, size, name_length, extra = _LOCAL.unpack(header)
    said = (mark, flags, method, crc, packed, size, extra)
    if said != (b"PK\x03\x04", 0, 0, entry.CRC, entry.compress_size, entry.file_size, 0):
        raise Malformed("hidden", entry.orig_filename)
    if entry.flag_bits or entry.extra or entry.comment:
        raise Malformed("hidden", entry.orig_filename)
    if file.read(name_length) != entry.orig_filename.encode("ascii"):
        raise Malformed("hidden", entry.orig_filename)
    return offset + _LOCAL.size + name_length


class _Slice(io.RawIOBase):
    """A window on the container; several may be open, each keeps its own position."""

    def __init__(self, file: BinaryIO, place: Place) -> None:
        self._file, self._place, self._position = file, place, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._place.size_bytes}[whence]
        self._position = max(0, start + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        left = max(0, self._place.size_bytes - self._position)
        self._file.seek(self._place.offset_bytes + self._position)
        piece = self._file.read(min(left, len(buffer)))
        buffer[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)


def _plain(name: str) -> bool:
    return len(name) <= LONGEST_NAME and _NAME.fullmatch(name) is not None


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else "·" for c in name[:LONGEST_NAME])


def _type_of(name: str) -> str:
    return _TYPES.get(name.rpartition(".")[2], "application/octet-stream")
