"""What a file is by its bytes: every magic, texts that look like one, containers, and two files in one."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from hub.edxml import media
from hub.edxml.bounds import Bounds

OOXML = "application/vnd.openxmlformats-officedocument."


def packed(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return out.getvalue()


def type_of(content: bytes, name: str = "a") -> str:
    return media.look(io.BytesIO(content), name, bounds=Bounds()).media_type


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"%PDF-1.7\n", "application/pdf"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), "application/x-ole-storage"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"II*\x00", "image/tiff"),
        (b"MM\x00*", "image/tiff"),
        (b"GIF89a", "image/gif"),
        (b"BM\x9a\x00\x00\x00\x00\x00", "image/bmp"),
        (b"{\\rtf1", "application/rtf"),
        (b"\x1f\x8b\x08", "application/gzip"),
        (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
        (b"Rar!\x1a\x07\x01\x00", "application/vnd.rar"),
        (b"MZ\x90\x00\x03\x00", "application/vnd.microsoft.portable-executable"),
        (b"\x7fELF\x02", "application/x-executable"),
        (b"\xca\xfe\xba\xbe\x00", "application/java-vm"),
        (b"L\x00\x00\x00\x01\x14\x02\x00", "application/x-ms-shortcut"),
        (b"MSCF\x00\x00\x00\x00", "application/vnd.ms-cab-compressed"),
        (b"name" + bytes(253) + b"ustar\x00", "application/x-tar"),
        (b"#!/bin/sh\necho", "application/x-shellscript"),
        (b"<!-- a --><html>", "text/html"),
        (b"<svg onload='x'>", "image/svg+xml"),
        (b"<?xml version='1.0'?><a/>", "application/xml"),
        ("Kính gửi: Sở Mẫu".encode(), "text/plain"),
        (b"MZ and BM are the names of two districts", "text/plain"),
        (b"", media.OCTETS),
        (b"\x00\x01\x02", media.OCTETS),
    ],
)
def test_every_magic(head, media_type):
    assert media.by_magic(head) == media_type


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (packed(("[Content_Types].xml", b"<a/>"), ("word/document.xml", b"<a/>")), OOXML + "wordprocessingml.document"),
        (packed(("[Content_Types].xml", b"<a/>"), ("xl/workbook.xml", b"<a/>")), OOXML + "spreadsheetml.sheet"),
        (packed(("word/document.xml", b"<a/>")), media.ZIP),
        (packed(("META-INF/MANIFEST.MF", b""), ("A.class", b"")), "application/java-archive"),
        (packed(("a.pdf", b"%PDF-1.7"), ("b.pdf", b"%PDF-1.7")), media.ZIP),
        (packed(), media.ZIP),
    ],
)
def test_what_the_entries_make_of_a_zip(content, media_type):
    assert type_of(content) == media_type


@pytest.mark.parametrize(
    ("said", "media_type"),
    [
        (b"application/vnd.oasis.opendocument.text", "application/vnd.oasis.opendocument.text"),
        (b"application/vnd.etsi.asic-e+zip", "application/vnd.etsi.asic-e+zip"),
        (b"application/x-invented", media.ZIP),
        (b"text/html", media.ZIP),
        (b"\xff" * 100, media.ZIP),
        (b"application/vnd.oasis.opendocument.text" + b" " * 1000, media.ZIP),
    ],
)
def test_a_container_says_what_it_is_in_its_first_entry_and_is_not_believed_everything(said, media_type):
    content = packed(("mimetype", said), ("META-INF/manifest.xml", b"<a/>"), method=zipfile.ZIP_STORED)
    assert type_of(content) == media_type


def test_a3_a_wide_directory_record_is_bounded_like_the_narrow_one():
    """ZIP64: the narrow record says one entry, the wide one, which the library believes, says millions."""
    narrow = packed(("a.txt", b"abc"))
    at = narrow.rfind(b"PK\x05\x06")
    size = narrow.find(b"PK\x05\x06") - narrow.find(b"PK\x01\x02")

    def wide(entries: int, directory_bytes: int) -> bytes:
        start = narrow.find(b"PK\x01\x02")
        record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, entries, entries, directory_bytes, start)
        return narrow[:at] + record + struct.pack("<4sIQI", b"PK\x06\x07", 0, at, 1) + narrow[at:]

    assert media.look(io.BytesIO(wide(1, size)), "a.zip", bounds=Bounds()).trouble == ""
    assert media.look(io.BytesIO(wide(5_000_000, size)), "a.zip", bounds=Bounds()).trouble == "directory"
    assert media.look(io.BytesIO(wide(1, 1 << 40)), "a.zip", bounds=Bounds()).trouble == "directory"
    hidden = wide(1, size).replace(b"PK\x06\x06", b"XX\x06\x06")
    assert media.look(io.BytesIO(hidden), "a.zip", bounds=Bounds()).trouble == "directory"


@pytest.mark.parametrize(
    ("content", "at"),
    [
        (b"%PDF-1.7\n%PDF-1.4", -1),
        (b"\r\n%PDF-1.7\n", 2),
        (b"GIF89a" + bytes(100) + b"%PDF-1.4", 106),
        (b"x" * 1017 + b"%PDF-1.4", -1),
        (b"a text about %PDF- headers", -1),
        (packed(("a.pdf", b"%PDF-1.7\n"), method=zipfile.ZIP_STORED), -1),
        (packed(("a.bin", b"junk%PDF-1.7\n"), method=zipfile.ZIP_STORED), 39),
    ],
)
def test_a7_a_pdf_header_is_found_where_readers_look_for_it(content, at):
    assert media.pdf_header_at(content, media.by_magic(content)) == at


PDF = b"%PDF-1.7\n1 0 obj<<>>endobj\n"


@pytest.mark.parametrize(
    ("content", "behind"),
    [
        (PDF + b"%%EOF\n", False),
        (PDF + packed(("a.exe", b"MZ")), True),
        (PDF + packed(("a.exe", b"MZ")) + b"\n%%EOF\n", True),
        (PDF + b"stream\n" + packed(("a.docx", b"x")) + b"\nendstream\n%%EOF\n", False),
        (b"\xff\xd8\xff" + bytes(100) + packed(("a.exe", b"MZ")), True),
        (PDF + b"PK\x05\x06" + bytes(18), False),
        (PDF + b"PK\x05\x06", False),
        (b"PK\x05\x06" + b"\xff" * 18, False),
    ],
)
def test_a7_a_zip_behind_another_file_is_found(content, behind):
    assert media.has_zip_behind(io.BytesIO(content), media.by_magic(content)) is behind
