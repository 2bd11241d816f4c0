"""The quick way of reading hexadecimal strings gives what pyHanko's own gives, and stops at the same place."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfReadError

from hub.signatures import pdf_speed

LIBRARY = pdf_speed._byte_by_byte


def outcome(read, content: bytes) -> tuple:
    stream = io.BytesIO(b"//" + content)
    stream.seek(2)
    try:
        found = read(stream)
    except (PdfReadError, ValueError) as refusal:
        return type(refusal), str(refusal)
    return type(found), bytes(getattr(found, "original_bytes", found)), str(found), stream.tell()


@pytest.mark.parametrize(
    "content",
    [b"<>", b"<0>", b"<aF0>x", b"<" + b"00" * 70_000 + b">tail", b"<00 11\n22>", b"<0g>", b"<00", b"<", b"<00%x\n11>",
     b"<FEFF00410042>", b"<EFBBBF41>", b"<" + b"a" * 255 + b">", b"<" + b"b" * 254 + b">", b"<" + b"c" * 2303 + b"> >"],
)  # fmt: skip
def test_the_same_string_and_the_same_place(content):
    assert outcome(pdf_speed.read_hex_string, content) == outcome(LIBRARY, content)


@given(st.binary(max_size=40), st.text(alphabet="0123456789abcdefABCDEF", max_size=600))
def test_whatever_stands_there(noise, digits):
    for content in (b"<" + noise + b">", b"<" + digits.encode() + noise, b"<" + digits.encode() + b">" + noise):
        assert outcome(pdf_speed.read_hex_string, content) == outcome(LIBRARY, content)


def test_the_child_reads_this_way(monkeypatch):
    monkeypatch.setattr(generic, "read_hex_string_from_stream", LIBRARY)
    pdf_speed.quicken()
    asked = []
    monkeypatch.setattr(pdf_speed, "_up_to_its_end", lambda stream: asked.append(stream.tell()) or b"<4142>")
    found = generic.read_object(io.BytesIO(b"<4142>"), generic.Reference(1, 0))
    assert (found.original_bytes, asked) == (b"AB", [0])
