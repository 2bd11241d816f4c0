"""Hostile tests A1-A8 of the threat list, each under its number: files made to harm the hub or a receiver.

Proven elsewhere: A1 names of attachments and A4 (broken base64) in tests/hostile/test_parser.py, A1 names made
harmless in tests/domain/test_file_names.py, A6 over the scanner's socket in tests/adapters/test_scanner_clamd.py,
A8 over HTTP in tests/web/test_deliveries.py (`attachment`, `nosniff`, sandbox).
"""

from __future__ import annotations

import gzip
import io
import struct
import time
import tomllib
import tracemalloc
import zipfile
import zlib
from collections.abc import Sequence
from contextlib import nullcontext
from importlib.resources import files
from types import SimpleNamespace
from typing import BinaryIO

import pytest

from hub.checks import attachments as check
from hub.domain.attachment_rules import FileFacts, read_attachment_rules
from hub.domain.envelopes import Attachment
from hub.domain.findings import describe
from hub.edxml import archives, media
from hub.edxml.bounds import MIB, Bounds
from hub.ports import ScanResult
from tests.support import envelopes as built

PACK = tomllib.loads((files("schemas") / "rules" / "qd28-2018.toml").read_text("utf-8"))
RULES = read_attachment_rules(PACK["attachments"])
SECONDS_AT_MOST = 3.0
MEMORY_AT_MOST = 4 * MIB
EXE = b"MZ\x90\x00\x03\x00\x00\x00"


def examined(spool: BinaryIO, name: str) -> tuple[Attachment, FileFacts]:
    """An attachment and its facts, from a spool of any size, within the bounds of time."""
    size = spool.seek(0, io.SEEK_END)
    seen = media.look(spool, name, bounds=Bounds())
    attachment = Attachment("1", name, "", "", 0, 0, size, "", seen.media_type, seen.zip_entry)
    started = time.monotonic()
    facts = archives.examine(spool, attachment, RULES)
    assert time.monotonic() - started < SECONDS_AT_MOST
    return attachment, facts


def judged(content: bytes | BinaryIO, name: str = "a.zip", **more: object) -> dict[str, str]:
    """Code → severity of what the check says about a file."""
    spool = io.BytesIO(content) if isinstance(content, bytes) else content
    attachment, facts = examined(spool, name)
    told = FileFacts(facts.media_type, facts.troubles, **more)
    reading = SimpleNamespace(envelope=SimpleNamespace(attachments=(attachment,)))
    pack = SimpleNamespace(attachments=RULES)
    findings = list(check.judge(SimpleNamespace(reading=reading, files={"1": told}, rules=pack)))
    for finding in findings:
        words = describe(finding)
        assert "«?»" not in words.vi + words.en  # a fact that the check forgot
    return {finding.code: finding.severity.value for finding in findings}


def packed(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return out.getvalue()


def by_hand(
    entries: Sequence[tuple[bytes, bytes, int]], directory: Sequence[tuple[bytes, int, int, int]], *, method: int = 8
) -> bytes:
    """A ZIP that says anything: entries (name, packed bytes, size), directory (name, packed size, size, entry)."""
    out, offsets = b"", []
    for name, data, size in entries:
        offsets.append(len(out))
        out += struct.pack("<4sHHHIIIIHH", b"PK\x03\x04", 20, 0, method, 0, 0, len(data), size, len(name), 0)
        out += name + data
    start = len(out)
    for name, packed_size, size, number in directory:
        out += struct.pack(
            "<4sHHHHIIIIHHHHHII",
            *(b"PK\x01\x02", 20, 20, 0, method, 0, 0, packed_size, size, len(name), 0, 0, 0, 0, 0, offsets[number]),
        )
        out += name
    count = len(directory)
    return out + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(out) - start, start, 0)


def deflated(content: bytes) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return engine.compress(content) + engine.flush()


def ten_gigabytes_of_zeros() -> bytes:
    """Deflated zeros: one block of 16 MiB, byte-aligned, said again 640 times; about 10 MB."""
    engine = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = engine.compress(bytes(16 * MIB)) + engine.flush(zlib.Z_FULL_FLUSH)
    return block * 640 + engine.flush(zlib.Z_FINISH)


# -- A1 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["setup.exe", "a.PDF.exe", "a.js ", "a.lnk", "bao-cao.hta", "a.jar", "thư.html."])
def test_a1_a_name_that_starts_a_program_is_an_error_whatever_is_inside(name):
    assert judged(built.PDF, name)["attachments.refused_extension"] == "error"


@pytest.mark.parametrize(
    "name",
    ["../../x", "..\\..\\x.pdf", "C:\\x.pdf", "/etc/x", "CON", "nul.pdf", "a\u202efdp.txt", "a\nb.txt", "ok/../../x"],
)
def test_a1_a3_names_inside_an_archive_cannot_lead_out_of_its_folder(name):
    assert judged(packed((name, b"abc"))) == {"attachments.entry_path": "error"}


def test_a1_a_name_cut_by_nul_inside_an_archive_is_seen():
    content = packed(("setup.exe~.txt", b"abc")).replace(b"setup.exe~", b"setup.exe\0")
    assert judged(content) == {"attachments.entry_path": "error", "attachments.entry_refused": "error"}


# -- A2 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        EXE,
        b"\x7fELF\x02\x01",
        b"#!/bin/sh\nrm",
        b"<html><script>x()</script>",
        b"<svg onload='x()'/>",
        b"L\x00\x00\x00\x01\x14\x02\x00",
        packed(("META-INF/MANIFEST.MF", b""), ("a.txt", b"abc")),
        built.sdk_zip(EXE),
    ],
    ids=range(8),
)
def test_a2_a_program_named_as_a_document_is_an_error(content):
    assert judged(content, "Quyết định.pdf") == {"attachments.refused_type": "error"}


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (built.PDF, "a.docx", "name_differs"),
        (b"\x89PNG\r\n\x1a\n", "a.pdf", "name_differs"),
        (packed(("a.txt", b"a")), "a.docx", "name_differs"),
        (b"\x00\x01\x02\x03", "a.pdf", "unknown_type"),
        (b"\xfd7zXZ\x00" + bytes(10), "a.xz", "unlisted_type"),
    ],
    ids=range(5),
)
def test_a2_a_name_that_does_not_fit_is_a_warning(content, name, code):
    assert judged(content, name)[f"attachments.{code}"] == "warning"


# -- A3 ------------------------------------------------------------------------------------------------------


def test_a3_a_gzip_of_ten_gigabytes_is_given_up_at_once_in_small_memory():
    bomb = b"\x1f\x8b\x08\x00" + bytes(6) + ten_gigabytes_of_zeros() + bytes(8)
    spool = io.BytesIO(bomb)
    tracemalloc.start()
    try:
        assert judged(spool, "a.gz") == {"attachments.bomb": "error"}
        assert tracemalloc.get_traced_memory()[1] < MEMORY_AT_MOST
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("declared", "code"), [(10 * 1024 * MIB % 2**32, "bomb"), (1000, "sizes_lie"), (0, "sizes_lie")]
)
def test_a3_a5_a_zip_of_ten_gigabytes_is_given_up_whatever_it_declares(declared, code):
    data = ten_gigabytes_of_zeros()
    bomb = by_hand([(b"a.txt", data, declared)], [(b"a.txt", len(data), declared, 0)])
    assert judged(bomb) == {f"attachments.{code}": "error"}


def nested(levels: int, width: int, leaf: bytes) -> bytes:
    content = leaf
    for level in range(levels):
        content = packed(*[(f"{level}-{number}.zip", content) for number in range(width)])
    return content


def test_a3_nested_bombs_end_at_the_second_level():
    """Like 42.zip: sixteen archives in sixteen archives in … around a large file of zeros."""
    assert judged(nested(5, 16, bytes(4_000_000))) == {"attachments.too_deep": "error"}
    assert judged(gzip.compress(gzip.compress(gzip.compress(b"abc"))), "a.gz") == {"attachments.too_deep": "error"}


def test_a3_what_all_levels_unpack_to_counts_together():
    leaf = packed(("zeros.txt", bytes(15_000_000)))
    several = packed(*[(f"{number}.zip", leaf + bytes([number])) for number in range(4)])
    assert judged(several) == {"attachments.bomb": "error"}


def test_a3_an_archive_that_holds_itself_ends():
    inner = packed(("a.zip", b""))
    for _ in range(6):
        inner = packed(("a.zip", inner))
    assert judged(inner) == {"attachments.too_deep": "error"}


def test_a3_overlapping_entries_as_in_fifields_bomb_are_an_error():
    kernel = deflated(bytes(1_000_000))
    header = struct.pack("<4sHHHIIIIHH", b"PK\x03\x04", 20, 0, 8, 0, 0, len(kernel), 1_000_000, 5, 0) + b"b.txt"
    inner = header + kernel
    quoted = b"\x00" + struct.pack("<HH", len(header), 0xFFFF ^ len(header)) + header + kernel
    bomb = by_hand([(b"a.txt", quoted, 1_000_040)], [(b"a.txt", len(quoted), 1_000_040, 0)])
    offset = bomb.find(inner)
    directory = bomb.find(b"PK\x01\x02")
    second = bytearray(bomb[directory : directory + 46] + b"b.txt")
    struct.pack_into("<II", second, 20, len(kernel), 1_000_000)
    struct.pack_into("<I", second, 42, offset)
    end = bytearray(bomb[-22:])
    struct.pack_into("<HHI", end, 8, 2, 2, 2 * 51)
    assert judged(bomb[:-22] + bytes(second) + bytes(end)) == {"attachments.overlapping": "error"}


def test_a3_the_same_bytes_under_many_names_are_an_error():
    data = deflated(bytes(1_000_000))
    names = [b"%04d.txt" % number for number in range(900)]
    bomb = by_hand([(names[0], data, 1_000_000)], [(name, len(data), 1_000_000, 0) for name in names])
    assert judged(bomb) == {"attachments.ambiguous": "error"}


@pytest.mark.parametrize("second", ["a.txt", "A.TXT", "x\\..\\a.txt"])
def test_a3_a_name_used_twice_is_an_error(second):
    with pytest.warns(UserWarning, match="Duplicate") if second == "a.txt" else nullcontext():
        content = packed(("a.txt", b"one"), (second, b"two"))
    code = "entry_path" if ".." in second else "ambiguous"
    assert judged(content) == {f"attachments.{code}": "error"}


def test_a3_an_entry_that_its_own_header_calls_otherwise_is_an_error():
    data = deflated(b"abc")
    lying = by_hand([(b"a.exe", data, 3)], [(b"a.txt", len(data), 3, 0)])
    assert judged(lying) == {"attachments.ambiguous": "error"}


def test_a3_more_entries_than_the_directory_admits_are_an_error():
    content = bytearray(packed(*[(f"{number}", b"") for number in range(5000)]))
    struct.pack_into("<HH", content, content.rfind(b"PK\x05\x06") + 8, 1, 1)
    assert judged(bytes(content)) == {"attachments.too_many_entries": "error"}


def test_a3_a_gzip_of_countless_empty_members_ends():
    assert judged(gzip.compress(b"") * 200_000, "a.gz") == {"attachments.too_many_entries": "error"}


def test_a3_entries_with_a_password_are_told():
    content = bytearray(packed(("a.txt", b"secret")))
    struct.pack_into("<H", content, 6, 1)
    struct.pack_into("<H", content, content.find(b"PK\x01\x02") + 8, 1)
    assert judged(bytes(content)) == {"attachments.encrypted": "warning"}


@pytest.mark.parametrize(
    "entry",
    [("a.pdf.exe", b"abc"), ("a.txt", EXE), ("x/y/run.ps1", b"dir"), ("a.html", b"<html>"), ("a.svg", b"<svg>")],
)
def test_a3_a_program_inside_an_archive_is_an_error_also_one_level_down(entry):
    assert judged(packed(entry)) == {"attachments.entry_refused": "error"}
    assert judged(packed(("inner.zip", packed(entry)))) == {"attachments.entry_refused": "error"}
    assert judged(gzip.compress(packed(entry)), "a.gz") == {"attachments.entry_refused": "error"}


@pytest.mark.parametrize("seed", range(40))
def test_a3_a5_broken_archives_are_findings_and_never_exceptions(seed):
    """An archive with bits changed, and cut, in places that follow from the seed."""
    content = bytearray(packed(("a.pdf", built.PDF * 20), ("b.zip", packed(("c.txt", b"c" * 500))), ("d.exe", EXE)))
    for step in range(1 + seed % 4):
        content[(seed * 7919 + step * 104_729) % len(content)] ^= 1 << (seed + step) % 8
    judged(bytes(content))
    judged(bytes(content[: len(content) - seed * 5]))
    judged(gzip.compress(bytes(content))[: 600 - seed * 10], "a.gz")


# -- A5 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", [0, 2, 4, 2_000_000])
def test_a5_a_size_that_is_not_true_is_an_error(declared):
    for method, data in ((8, deflated(b"abc")), (0, b"abc")):
        lying = by_hand([(b"a.txt", data, declared)], [(b"a.txt", len(data), declared, 0)], method=method)
        assert judged(lying) == {"attachments.sizes_lie": "error"}


def test_a5_a_packed_size_beyond_the_end_of_the_file_is_an_error():
    lying = by_hand([(b"a.txt", b"abc", 3)], [(b"a.txt", 1_000_000, 1_000_000, 0)], method=0)
    assert judged(lying) == {"attachments.sizes_lie": "error"}


# -- A6 ------------------------------------------------------------------------------------------------------


def test_a6_what_the_scanner_names_is_an_error():
    assert judged(built.PDF, "a.pdf", scan=ScanResult(threat="Eicar-Test-Signature")) == {
        "attachments.malware": "error"
    }


# -- A7 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (built.PDF + packed(("setup.exe", EXE)), "a.pdf"),
        (b"GIF89a" + bytes(200) + b"%PDF-1.7\n", "a.gif"),
        (packed(("a.bin", bytes(100) + b"%PDF-1.4\n"), method=zipfile.ZIP_STORED), "a.zip"),
        (b"\xff\xd8\xff\xe0" + bytes(200) + packed(("a.class", b"\xca\xfe\xba\xbe")), "a.jpg"),
        (built.sdk_zip(b"GIF89a" + bytes(200) + b"%PDF-1.7\n"), "a.gif"),
    ],
    ids=range(5),
)
def test_a7_two_files_in_one_are_an_error(content, name):
    assert judged(content, name) == {"attachments.polyglot": "error"}


@pytest.mark.parametrize("before", [b"\r\n", b"\xef\xbb\xbf", bytes(500), b"Date: today\n\n"], ids=range(4))
def test_a7_a_pdf_that_does_not_begin_the_file_is_a_warning_and_is_still_a_pdf(before):
    assert judged(before + built.PDF, "a.pdf") == {"attachments.pdf_not_first": "warning"}


def test_a7_a_document_attached_inside_a_pdf_is_no_polyglot():
    content = built.PDF + b"stream\n" + packed(("a.xml", b"<a/>")) + b"\nendstream\nendobj\n%%EOF\n"
    assert judged(content, "a.pdf") == {}


# -- A8 ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.svg", "a.html", "a.xhtml", "a.mht", "a.pdf"])
@pytest.mark.parametrize("content", [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<!DOCTYPE html><p>"])
def test_a8_pages_that_could_run_scripts_are_refused_before_anyone_could_be_served_one(content, name):
    assert judged(content, name) == {"attachments.refused_type": "error"}
