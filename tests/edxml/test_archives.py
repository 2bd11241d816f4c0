"""The look into attachments: honest files of every kind have no trouble, and it costs little."""

from __future__ import annotations

import gzip
import io
import itertools
import time
import tomllib
import tracemalloc
import zipfile
from dataclasses import replace
from importlib.resources import files
from types import SimpleNamespace

import pytest

from hub.domain.attachment_rules import FileFacts, Kind, Trouble, read_attachment_rules
from hub.domain.envelopes import Attachment
from hub.edxml import archives
from tests.support import envelopes as built

PACK = tomllib.loads((files("schemas") / "rules" / "qd28-2018.toml").read_text("utf-8"))
RULES = read_attachment_rules(PACK["attachments"])
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
UUID = "0b9f1c3e-5d2a-4c7b-9e8f-001122334455"


def packed(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return out.getvalue()


def docx(*more: tuple[str, bytes]) -> bytes:
    return packed(("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w/>" * 5000), *more)


def facts(content: bytes, name: str = "a.zip", *, rules=RULES) -> FileFacts:
    """What is seen in the content after it came as an attachment through the reader."""
    reading = built.read(built.document(attachments=built.attachment(built.base64_text(content, width=0), name=name)))
    (attachment,) = reading.envelope.attachments
    spool = reading.spools[attachment.content_id]
    spool.seek(7)
    seen = archives.examine(spool, attachment, rules)
    assert spool.tell() == 0
    assert spool.read() == content
    return seen


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (built.PDF, "application/pdf"),
        (b"", "application/octet-stream"),
        (b"Danh s\xc3\xa1ch", "text/plain"),
        (docx(), DOCX),
        (docx(("word/media/a.svg", b"<svg/>"), ("word/embeddings/b.xlsx", packed(("a", b"b")))), DOCX),
        (packed(("a.pdf", built.PDF), ("thư mục/b.docx", docx())), "application/zip"),
        (packed(("a.pdf", built.PDF), method=zipfile.ZIP_STORED), "application/zip"),
        (packed(("thu muc\\a.pdf", built.PDF)), "application/zip"),
        (packed(("a/", b""), ("a/b.txt", b"x" * 70_000)), "application/zip"),
        (packed(("inner.zip", packed(("a.docx", docx())))), "application/zip"),
        (packed(("zeros.txt", bytes(15_000_000))), "application/zip"),
        (gzip.compress(b"a,b\n" * 100_000), "application/gzip"),
        (gzip.compress(b"one") + gzip.compress(b"two"), "application/gzip"),
        (gzip.compress(packed(("a.pdf", built.PDF))), "application/gzip"),
    ],
    ids=range(14),
)
def test_honest_files_have_no_trouble(content, media_type):
    assert facts(content) == FileFacts(media_type)


@pytest.mark.parametrize(
    ("inner", "media_type"),
    [
        (built.PDF, "application/pdf"),
        (docx(), DOCX),
        (docx(("word/media/noise.bin", bytes(range(256)) * 10)), DOCX),
        (packed(("deep.zip", packed(("a.pdf", built.PDF)))), "application/zip"),
    ],
    ids=range(4),
)
def test_the_file_inside_the_sdk_s_zip_is_looked_at_as_if_it_had_come_alone(inner, media_type):
    extension = "docx" if media_type == DOCX else "pdf"
    assert facts(built.sdk_zip(inner, f"{UUID}.{extension}"), "a.pdf") == FileFacts(media_type)


def test_a_large_wrapped_document_is_known_for_what_it_is():
    rules = replace(RULES, archives=replace(RULES.archives, nested_bytes=1000))
    content = built.sdk_zip(docx(("word/media/a.png", bytes(5000))), f"{UUID}.docx")
    assert facts(content, "Kế hoạch", rules=rules) == FileFacts(DOCX)


@pytest.mark.parametrize(
    ("content", "kind", "entry"),
    [
        (docx(("word/vbaProject.bin", b"\xd0\xcf")), Kind.MACROS, ""),
        (packed(("tinh.docm", docx(("word/vbaProject.bin", b"\xd0\xcf")))), Kind.MACROS, "tinh.docm"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(100), Kind.UNREADABLE, ""),
        (b"Rar!\x1a\x07\x01\x00" + bytes(100), Kind.UNREADABLE, ""),
        (packed(("a.rar", b"Rar!\x1a\x07\x01\x00")), Kind.UNREADABLE, "a.rar"),
        (packed(("a.txt", b"abc" * 100), method=zipfile.ZIP_LZMA), Kind.UNREADABLE, "a.txt"),
        (gzip.compress(b"abc" * 1000)[:-20], Kind.UNREADABLE, ""),
        (gzip.compress(b"abc") + b"garbage", Kind.UNREADABLE, ""),
        (gzip.compress(b"MZ\x90\x00\x03"), Kind.ENTRY_REFUSED, ""),
        (packed(("broken.zip", packed(("a", b"b"))[:-30])), Kind.UNREADABLE, "broken.zip"),
    ],
    ids=lambda value: value.value if isinstance(value, Kind) else "",
)
def test_what_cannot_be_told_or_trusted_is_a_trouble_with_its_place(content, kind, entry):
    assert facts(content).troubles == (Trouble(kind, entry),)


def test_a_nested_archive_that_is_too_large_is_told_and_the_rest_is_still_looked_at():
    rules = replace(RULES, archives=replace(RULES.archives, nested_bytes=10_000))
    large = packed(("noise.bin", bytes(20_000)), method=zipfile.ZIP_STORED)
    seen = facts(packed(("large.zip", large), ("setup.exe", b"MZ\x90\x00")), rules=rules)
    assert seen.troubles == (Trouble(Kind.UNREADABLE, "large.zip"), Trouble(Kind.ENTRY_REFUSED, "setup.exe"))


def test_many_small_troubles_do_not_hide_a_large_one():
    noise = [(f"{number}.rar", b"Rar!\x1a\x07\x01\x00") for number in range(100)]
    kinds = [trouble.kind for trouble in facts(packed(*noise, ("setup.exe", b"MZ\x90\x00"))).troubles]
    assert kinds == [Kind.UNREADABLE] * archives.MOST_OF_A_KIND + [Kind.ENTRY_REFUSED]


def test_time_is_bounded(monkeypatch):
    monkeypatch.setattr(archives, "time", SimpleNamespace(monotonic=itertools.count().__next__))
    content = packed(("noise.bin", bytes(3_000_000)), method=zipfile.ZIP_STORED)
    assert facts(content).troubles == (Trouble(Kind.TOO_SLOW),)


def test_the_attachments_of_one_envelope_share_one_budget():
    spool = io.BytesIO(packed(*[(f"{n}.txt", bytes(1000)) for n in range(10)]))
    attachment = Attachment("1", "a.zip", "", "", 0, 0, spool.getbuffer().nbytes, "", "application/zip")

    def kinds(budget: archives.Budget) -> list[list[Kind]]:
        looks = [archives.examine(spool, attachment, RULES, budget=budget) for _ in range(3)]
        return [[trouble.kind for trouble in look.troubles] for look in looks]

    assert kinds(archives.budget_of(RULES)) == [[], [], []]
    assert kinds(archives.Budget(25, 1 << 30, 20)) == [[], [], [Kind.TOO_MANY_ENTRIES]]
    assert kinds(archives.Budget(4096, 25_000, 20)) == [[], [], [Kind.BOMB]]
    assert kinds(archives.Budget(4096, 1 << 30, -1)) == [[Kind.TOO_SLOW]] * 3
    left = archives.budget_of(RULES)
    archives.examine(spool, attachment, RULES, budget=left)
    assert 0 < left.seconds < RULES.archives.seconds


def test_a_plain_pdf_costs_less_than_a_millisecond():
    content = built.PDF + bytes(5_000_000) + b"%%EOF\n"
    reading = built.read(built.document(attachments=built.attachment(built.base64_text(content, width=0))))
    (attachment,), (spool,) = reading.envelope.attachments, reading.spools.values()
    costs = []
    for _ in range(20):
        started = time.perf_counter()
        archives.examine(spool, attachment, RULES)
        costs.append(time.perf_counter() - started)
    assert min(costs) < 0.001


def test_memory_stays_small_however_large_the_entries_are():
    content = packed(*[(f"{n}.bin", bytes(range(256)) * 20_000) for n in range(6)])  # 30 MB unpacked
    reading = built.read(built.document(attachments=built.attachment(built.base64_text(content, width=0))))
    (attachment,), (spool,) = reading.envelope.attachments, reading.spools.values()
    rules = replace(RULES, archives=replace(RULES.archives, ratio=5000))
    tracemalloc.start()
    try:
        assert archives.examine(spool, attachment, rules).troubles == ()
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
