"""What a file really is, by its first bytes; and whether a ZIP is the axis SDK's one-file wrapping.

Owns: the list of magics, the look into a ZIP directory within bounds, files that are two things at once.
Never: trusts a name or a declared type; unpacks more than a first block.
Source: domain notes §2.6 (ContentTransferEncoded); hostile tests A2, A3, A7; PKWARE APPNOTE 4.3.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from dataclasses import dataclass
from typing import BinaryIO, Final

from hub.edxml.bounds import MIB, Bounds

HEAD_BYTES: Final = 4096
PDF: Final = "application/pdf"
ZIP: Final = "application/zip"
GZIP: Final = "application/gzip"
JAVA: Final = "application/java-archive"
OCTETS: Final = "application/octet-stream"
_OOXML: Final = "application/vnd.openxmlformats-officedocument."
_MAGICS: Final = (
    (b"%PDF-", PDF),
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"{\\rtf", "application/rtf"),
    (b"\x1f\x8b", GZIP),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\xfd7zXZ\x00", "application/x-xz"),
    (b"BZh", "application/x-bzip2"),
    (b"MSCF\x00\x00\x00\x00", "application/vnd.ms-cab-compressed"),
    (b"\x7fELF", "application/x-executable"),
    (b"\xca\xfe\xba\xbe", "application/java-vm"),
    (b"\xcf\xfa\xed\xfe", "application/x-mach-binary"),
    (b"\xce\xfa\xed\xfe", "application/x-mach-binary"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"),
)
# Two letters are too few to be told from the beginning of a text: these count only when it is none.
_SHORT_MAGICS: Final = ((b"MZ", "application/vnd.microsoft.portable-executable"), (b"BM", "image/bmp"))
_TAR: Final = (257, b"ustar")
_OOXML_PARTS: Final = (
    ("word/", _OOXML + "wordprocessingml.document"),
    ("xl/", _OOXML + "spreadsheetml.sheet"),
    ("ppt/", _OOXML + "presentationml.presentation"),
)
# ODF 1.3 part 2 §3.3 and ETSI EN 319 162-1 §4.4.2: the first entry, stored, says what the container is.
_MIMETYPE_ENTRY: Final = "mimetype"
_CONTAINERS: Final = frozenset(
    {
        "application/vnd.oasis.opendocument.text",
        "application/vnd.oasis.opendocument.spreadsheet",
        "application/vnd.oasis.opendocument.presentation",
        "application/vnd.oasis.opendocument.graphics",
        "application/vnd.etsi.asic-e+zip",
        "application/vnd.etsi.asic-s+zip",
    }
)
OFFICE: Final = frozenset(media_type for _, media_type in _OOXML_PARTS) | frozenset(
    media_type for media_type in _CONTAINERS if ".oasis." in media_type
)
IN_ZIP: Final = frozenset({ZIP, JAVA}) | OFFICE | _CONTAINERS  # what is packed as a ZIP
# The SDK names the only entry `<uuid>.<extension>` (domain notes §2.6).
_SDK_ENTRY: Final = re.compile(r"[0-9a-f-]{36}\.[^/\\]{1,64}", re.IGNORECASE)
_REAL_ZIPS: Final = (
    ".zip",
    ".docx",
    ".xlsx",
    ".pptx",
    ".docm",
    ".xlsm",
    ".odt",
    ".ods",
    ".odp",
    ".jar",
    ".asice",
)
_END_OF_DIRECTORY: Final = b"PK\x05\x06"
_ENTRY_OF_DIRECTORY: Final = b"PK\x01\x02"
_LOCATOR_64: Final = b"PK\x06\x07"
_END_OF_DIRECTORY_64: Final = b"PK\x06\x06"
LARGEST_DIRECTORY_BYTES: Final = 4 * MIB
_PDF_HEADER: Final = re.compile(rb"%PDF-[12]\.[0-9]")
_PDF_HEADER_BYTES: Final = 1024  # readers look for it so far (ISO 32000-1 Annex H.3, note 13)
_TAIL_BYTES: Final = 65_557  # the longest end of a ZIP directory, with its comment
# What the library raises for archives made by an enemy.
BROKEN_ZIP: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen: the type by magic, the wrapped entry's name or empty, and a ZIP's trouble or empty."""

    media_type: str
    zip_entry: str = ""
    trouble: str = ""


def look(spool: BinaryIO, name: str, *, bounds: Bounds) -> Look:
    """Tells what the file is; the spool is left rewound. `name` is the attachment's name."""
    spool.seek(0)
    media_type = by_magic(spool.read(HEAD_BYTES))
    found = _look_into_zip(spool, name, bounds=bounds) if media_type == ZIP else Look(media_type)
    spool.seek(0)
    return found


def by_magic(head: bytes) -> str:
    """The media type that the first bytes show.

    >>> by_magic(b"%PDF-1.7 ...")
    'application/pdf'
    """
    for magic, media_type in _MAGICS:
        if head.startswith(magic):
            return media_type
    seen = _text_type(head)
    if seen != OCTETS:
        return seen
    at, magic = _TAR
    if head.startswith(magic, at):
        return "application/x-tar"
    return next((media_type for magic, media_type in _SHORT_MAGICS if head.startswith(magic)), OCTETS)


def _text_type(head: bytes) -> str:
    if not head:
        return OCTETS
    try:
        # The head may end inside a character: up to three bytes of it are left out.
        text = head.decode("utf-8-sig", errors="strict" if len(head) < HEAD_BYTES else "ignore")
    except UnicodeDecodeError:
        return OCTETS
    if any(ord(c) < 32 and c not in "\t\r\n\f" for c in text) or "\x7f" in text:
        return OCTETS
    start = text.lstrip().lower()[:1024]
    if start.startswith("#!"):
        return "application/x-shellscript"
    if start.startswith(("<!doctype html", "<html")) or (start.startswith("<!--") and "<html" in start):
        return "text/html"
    if start.startswith("<svg") or (start.startswith("<?xml") and "<svg" in start):
        return "image/svg+xml"
    if start.startswith("<?xml") or re.match(r"<[a-z_][\w.:-]*[\s/>]", start):
        return "text/html" if re.search(r"<(script|body|head)[\s>]", start) else "application/xml"
    return "text/plain"


def _look_into_zip(spool: BinaryIO, name: str, *, bounds: Bounds) -> Look:
    if not _directory_is_small(spool, bounds):
        return Look(ZIP, trouble="directory")
    try:
        with zipfile.ZipFile(spool) as archive:
            return _inside(archive, name, bounds=bounds)
    except BROKEN_ZIP:
        return Look(ZIP, trouble="broken")


def _inside(archive: zipfile.ZipFile, name: str, *, bounds: Bounds) -> Look:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    container = _container_type(archive)
    if container != ZIP:
        return Look(container)
    wrapped = len(entries) == 1 and _SDK_ENTRY.fullmatch(names[0]) and not name.lower().endswith(_REAL_ZIPS)
    if not wrapped:
        return Look(ZIP)
    entry = entries[0]
    if entry.file_size > bounds.zip_inflated_bytes or entry.file_size > bounds.zip_ratio * max(
        entry.compress_size, 1024
    ):
        return Look(ZIP, trouble="bomb")
    with archive.open(entry) as inner:
        inner.read(HEAD_BYTES)
    return Look(ZIP, zip_entry=entry.filename)


def _container_type(archive: zipfile.ZipFile) -> str:
    """What the entries make of a ZIP: an office document, a signature container, a Java program, or only a ZIP."""
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    if "[Content_Types].xml" in names:
        for folder, media_type in _OOXML_PARTS:
            if any(name.startswith(folder) for name in names):
                return media_type
    first = min(entries, key=lambda entry: entry.header_offset, default=None)
    if first is not None and first.filename == _MIMETYPE_ENTRY and _is_short_and_plain(first):
        said = archive.read(first).decode("ascii", "replace").strip()
        return said if said in _CONTAINERS else ZIP
    return JAVA if "META-INF/MANIFEST.MF" in names else ZIP


def _is_short_and_plain(entry: zipfile.ZipInfo) -> bool:
    return entry.compress_type == zipfile.ZIP_STORED and entry.file_size <= 128 and not entry.flag_bits & 1


def open_zip(file: BinaryIO, *, bounds: Bounds) -> tuple[zipfile.ZipFile, str] | None:
    """The archive with its directory read, and its type; None when that is broken or larger than any honest one."""
    if not _directory_is_small(file, bounds):
        return None
    try:
        archive = zipfile.ZipFile(file)
        return archive, _container_type(archive)
    except BROKEN_ZIP:
        return None


def _directory_is_small(spool: BinaryIO, bounds: Bounds) -> bool:
    """A ZIP directory is read whole by the library, so its declared size is bounded first (A3)."""
    size = spool.seek(0, 2)
    spool.seek(max(0, size - _TAIL_BYTES))
    tail = spool.read(_TAIL_BYTES)
    at = tail.rfind(_END_OF_DIRECTORY)
    if at < 0 or len(tail) - at < 22:
        return True  # no directory at all: the library says that it is broken
    entries, directory_bytes = struct.unpack_from("<HI", tail, at + 10)
    if tail[max(0, at - 20) : at].startswith(_LOCATOR_64):
        # ZIP64: the library believes the wide record before the locator, whatever the narrow one says.
        record = tail[max(0, at - 76) : at - 20]
        if len(record) < 56 or not record.startswith(_END_OF_DIRECTORY_64):
            return False
        entries, directory_bytes = struct.unpack_from("<QQ", record, 32)
    return entries <= bounds.zip_entries and directory_bytes <= LARGEST_DIRECTORY_BYTES


def pdf_header_at(head: bytes, media_type: str) -> int:
    """Where a PDF header stands inside a file that begins as something else (A7); -1 when none does.

    A PDF that is the first entry of a ZIP, packed without compression, is where it should be.
    """
    found = _PDF_HEADER.search(head[:_PDF_HEADER_BYTES])
    if media_type == PDF or found is None:
        return -1
    if media_type == ZIP and len(head) >= 30 and found.start() == 30 + sum(struct.unpack_from("<HH", head, 26)):
        return -1
    return found.start()


def has_zip_behind(file: BinaryIO, media_type: str) -> bool:
    """True when a file that is no ZIP ends as one, so that unpackers would open it (A7).

    A ZIP that is attached inside a PDF is followed by the end of its stream and does not count.
    """
    size = file.seek(0, 2)
    file.seek(max(0, size - _TAIL_BYTES))
    tail = file.read(_TAIL_BYTES)
    at = tail.rfind(_END_OF_DIRECTORY)
    if at < 0 or len(tail) - at < 22:
        return False
    directory_bytes, _, comment_bytes = struct.unpack_from("<IIH", tail, at + 12)
    if media_type == PDF and b"endstream" in tail[at + 22 :]:
        return False
    if media_type != PDF and at + 22 + comment_bytes != len(tail):
        return False
    file.seek(max(0, size - len(tail) + at - directory_bytes))
    return file.read(4) == _ENTRY_OF_DIRECTORY
