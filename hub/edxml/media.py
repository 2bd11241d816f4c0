"""What a file really is, by its first bytes; and whether a ZIP is the axis SDK's one-file wrapping.

Owns: the list of magics, the look into a ZIP directory within bounds.
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
ZIP: Final = "application/zip"
OCTETS: Final = "application/octet-stream"
_OOXML: Final = "application/vnd.openxmlformats-officedocument."
_MAGICS: Final = (
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", ZIP),
    (b"PK\x05\x06", ZIP),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"{\\rtf", "application/rtf"),
    (b"\x1f\x8b", "application/gzip"),
    (b"MZ", "application/vnd.microsoft.portable-executable"),
    (b"\x7fELF", "application/x-executable"),
)
_OOXML_PARTS: Final = (
    ("word/", _OOXML + "wordprocessingml.document"),
    ("xl/", _OOXML + "spreadsheetml.sheet"),
    ("ppt/", _OOXML + "presentationml.presentation"),
)
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
    return _text_type(head)


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
    if start.startswith(("<!doctype html", "<html")):
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
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError):
        return Look(ZIP, trouble="broken")


def _inside(archive: zipfile.ZipFile, name: str, *, bounds: Bounds) -> Look:
    entries = archive.infolist()
    names = [entry.filename for entry in entries]
    if "[Content_Types].xml" in names:
        for folder, media_type in _OOXML_PARTS:
            if any(entry.startswith(folder) for entry in names):
                return Look(media_type)
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


def _directory_is_small(spool: BinaryIO, bounds: Bounds) -> bool:
    """A ZIP directory is read whole by the library, so its declared size is bounded first (A3)."""
    size = spool.seek(0, 2)
    spool.seek(max(0, size - 65_557))
    tail = spool.read(65_557)
    at = tail.rfind(_END_OF_DIRECTORY)
    if at < 0 or len(tail) - at < 22:
        return True  # no directory at all: the library says that it is broken
    entries, directory_bytes = struct.unpack_from("<HI", tail, at + 10)
    return entries <= bounds.zip_entries and directory_bytes <= 4 * MIB
