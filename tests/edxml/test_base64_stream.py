"""The streaming decoder agrees with the standard library on what is well-formed, and with nothing else."""

from __future__ import annotations

import base64
import binascii
import io
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.edxml.base64_stream import Base64Stream
from hub.edxml.payload import Payload


def decoded(text: bytes, cuts: list[int]) -> bytes | None:
    """The decoded bytes, or None when a flaw was met."""
    stream, out = Base64Stream(), b""
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    for start, end in pairwise(edges):
        out += stream.feed(text[start:end])
    stream.close()
    return None if stream.flaw else out


CUTS = st.lists(st.integers(0, 60), max_size=5)


@settings(max_examples=200, deadline=None)
@given(content=st.binary(max_size=60), cuts=CUTS, width=st.integers(1, 80))
def test_what_was_encoded_comes_back(content, cuts, width):
    text = base64.b64encode(content)
    lines = b"\r\n".join(text[at : at + width] for at in range(0, len(text), width))
    assert decoded(lines, cuts) == content


@settings(max_examples=400, deadline=None)
@given(text=st.text("AQRz+/= \n!-", max_size=16).map(str.encode), cuts=CUTS)
def test_only_the_one_canonical_text_of_some_bytes_is_accepted(text, cuts):
    dense = text.translate(None, b" \t\r\n")
    try:
        content = base64.b64decode(dense, validate=True)
    except binascii.Error:
        content = None
    canonical = content is not None and base64.b64encode(content) == dense
    assert decoded(text, cuts) == (content if canonical else None)


def test_a_flawed_payload_is_emptied_and_its_figures_match_the_spool():
    payload = Payload(0, spool=io.BytesIO())
    payload.feed(b"QUJD" * 10)
    payload.feed(b"!")
    payload.close()
    payload.close()
    assert payload.flaw
    assert payload.spool.read() == b""
    assert payload.size_bytes == 0
