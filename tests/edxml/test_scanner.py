"""The reading depends on the bytes alone, never on the pieces or the blocks in which they are worked on."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.edxml.reader import Bounds, EnvelopeReader, Reading
from tests.support import envelopes as built
from tests.support.envelopes import read


def _facts(reading: Reading) -> tuple[object, ...]:
    files = {key: spool.read() for key, spool in reading.spools.items()}
    return reading.envelope, reading.skeleton, files, reading.size_bytes, reading.sha256, reading.payload_findings


SUBJECTS = [
    b"\xef\xbb\xbf1212" + built.document().replace(b"\n", b"\r\n"),
    built.flat(),
    built.document(
        attachments=built.attachment("QUJD\r\nRA==")
        + built.attachment("QUJ!RA==", content_id="2")
        + built.attachment("QU<!-- x -->JD", content_id="3")
        + built.attachment("", content_id="4")
    ),
    built.status(),
]


@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("block_bytes", [1, 2, 3, 7, 64, 1000])
def test_the_size_of_the_inner_blocks_changes_nothing(subject, block_bytes):
    reader = EnvelopeReader(Bounds(), new_spool=io.BytesIO, block_bytes=block_bytes)
    reader.feed(subject)
    assert _facts(reader.close()) == _facts(read(subject))


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 4000), max_size=12), subject=st.sampled_from(SUBJECTS))
def test_the_pieces_that_arrive_change_nothing(cuts, subject):
    reader = EnvelopeReader(Bounds(), new_spool=io.BytesIO, block_bytes=97)
    edges = [0, *sorted(min(cut, len(subject)) for cut in cuts), len(subject)]
    for start, end in pairwise(edges):
        reader.feed(subject[start:end])
    assert _facts(reader.close()) == _facts(read(subject))
