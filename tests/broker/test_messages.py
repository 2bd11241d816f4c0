"""The wire form of a wake: what is written is read again, anything else is refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.broker import messages
from hub.broker.messages import MalformedWake, Wake
from hub.errors import HubError

GOOD = {"outbox_id": 7, "station": "deliver", "work_id": "d-1", "lane": "urgent", "trace_id": "t-1"}
PRINTABLE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=128)


@given(
    outbox_id=st.integers(0, 2**63 - 1),
    station=st.sampled_from(["route", "deliver", "inform", "tally"]),
    lane=st.sampled_from(["urgent", "normal", "bulk"]),
    work_id=PRINTABLE,
    trace_id=PRINTABLE,
)
def test_what_is_written_is_read_again_and_is_small(**fields):
    body = messages.encode(Wake(**fields))
    assert messages.decode(body) == Wake(**fields)
    assert len(body) < 1000


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_and_never_anything_worse(body):
    with pytest.raises(MalformedWake):
        messages.decode(body)


@pytest.mark.parametrize(
    "change",
    [
        {"station": "verify"},
        {"lane": "express"},
        {"lane": None},
        {"outbox_id": "7"},
        {"outbox_id": -1},
        {"outbox_id": 2**63},
        {"outbox_id": 1.5},
        {"work_id": ""},
        {"work_id": "x" * 129},
        {"work_id": "line\nbreak"},
        {"work_id": "văn bản"},
        {"trace_id": "a b"},
        {"document": "not here"},
    ],
)
def test_a_field_of_another_shape_is_refused(change):
    assert messages.decode(json.dumps(GOOD).encode()) == Wake(**GOOD)
    with pytest.raises(MalformedWake):
        messages.decode(json.dumps(GOOD | change).encode())


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"7", b"{}", b'{"outbox_id":1', b"\xff\xfe", b"[" * 900, b" " * 1001]
)
def test_what_is_no_wake_is_refused(body):
    with pytest.raises(MalformedWake) as caught:
        messages.decode(body)
    assert isinstance(caught.value, HubError)
    assert not caught.value.retryable


def test_a_good_body_that_is_padded_beyond_the_bound_is_refused():
    with pytest.raises(MalformedWake, match="1000"):
        messages.decode(json.dumps(GOOD).encode() + b" " * 1000)


def test_a_wake_that_could_not_be_read_is_never_written():
    with pytest.raises(MalformedWake):
        messages.encode(Wake(outbox_id=1, station="route", work_id="two words", lane="normal"))


def test_tally_and_inform_have_one_queue_and_the_others_one_per_lane():
    assert messages.routing_key(Wake(**GOOD)) == "deliver.urgent"
    for station in ("tally", "inform"):
        assert messages.routing_key(Wake(**(GOOD | {"station": station}))) == station
