"""RECEIVE: limits before and while reading, nothing half, an early answer to a known key."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from hub.errors import ClientGone, DangerousXml, NotEdxml, PayloadsUnavailable, TooLarge
from hub.settings import MIB
from hub.stations import receive
from tests.stations.conftest import snapshot
from tests.support.scenes import document, signed


def drafts(scene):
    return list((scene.folder / "payloads" / "drafts").iterdir())


class Endless:
    """A body without an end: it counts what was taken of it."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int, /) -> bytes:
        self.given += size
        return (b"<a>" if self.given == size else b"") + b"x" * (size - 3)


class HangsUp(io.BytesIO):
    """A client that goes away after its first words."""

    def read(self, size: int = -1, /) -> bytes:
        raise ClientGone("connection reset")


def test_what_was_received_is_readable_and_identified(scene):
    body = signed(document(1))
    received = receive.run(scene.arrival(body), scene.hub)
    assert received.idempotency_key == f"sha256:{received.reading.sha256}"
    assert (received.key_scope, received.known) == ("G22", None)
    assert received.draft.reopen().read() == body
    received.release()
    received.release()
    assert drafts(scene) == []


def test_the_scope_is_the_sender_for_whom_the_caller_speaks(scene):
    received = receive.run(scene.arrival(signed(document(1, sender="G30.1"), by="G30"), caller="G30"), scene.hub)
    assert received.key_scope == "G30.1"
    received.release()


def test_the_scope_is_the_caller_when_it_may_not_speak_for_the_sender(scene):
    received = receive.run(scene.arrival(signed(document(1)), caller="H14"), scene.hub)
    assert received.key_scope == "H14"
    received.release()


def test_too_much_is_refused_before_a_byte_is_read(open_scene):
    scene = open_scene(max_envelope_bytes=str(MIB))
    source = Endless()
    arrival = replace(scene.arrival(b""), source=source, length_bytes=MIB + 1)
    with pytest.raises(TooLarge):
        receive.run(arrival, scene.hub)
    assert (source.given, drafts(scene)) == (0, [])


def test_an_endless_body_is_cut_off(open_scene):
    scene = open_scene(max_envelope_bytes=str(MIB))
    source = Endless()
    with pytest.raises((TooLarge, NotEdxml)):
        receive.run(replace(scene.arrival(b""), source=source, length_bytes=None), scene.hub)
    assert source.given <= 2 * MIB
    assert drafts(scene) == []


@pytest.mark.parametrize("source", [HangsUp(), io.BytesIO(b"<a/>")])
def test_a_client_that_hangs_up_leaves_nothing(scene, source):
    before = snapshot(scene.database)
    with pytest.raises((ClientGone, NotEdxml)):
        receive.run(replace(scene.arrival(signed(document(1))), source=source), scene.hub)
    assert (snapshot(scene.database), drafts(scene)) == (before, [])


def test_half_a_body_is_no_body(scene):
    body = signed(document(1))
    arrival = replace(scene.arrival(body), source=io.BytesIO(body[:-40]))
    with pytest.raises(ClientGone):
        receive.run(arrival, scene.hub)
    assert drafts(scene) == []


@pytest.mark.parametrize(
    ("body", "error"),
    [(b"not xml at all", NotEdxml), (b"<!DOCTYPE a []><a/>", DangerousXml), (b"<other/>", NotEdxml), (b"", NotEdxml)],
)
def test_what_is_no_envelope_is_refused_and_forgotten(scene, body, error):
    with pytest.raises(error):
        receive.run(scene.arrival(body), scene.hub)
    assert drafts(scene) == []


def test_a_nearly_full_store_takes_nothing(open_scene):
    scene = open_scene(min_free_bytes=str(2**60))
    with pytest.raises(PayloadsUnavailable):
        receive.run(scene.arrival(signed(document(1))), scene.hub)
    assert drafts(scene) == []


def test_a_disk_that_fills_up_under_the_spools_is_not_now(scene, monkeypatch):
    class Full(io.BytesIO):
        def write(self, _: object, /) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(receive, "spools_of", lambda hub: Full)
    with pytest.raises(PayloadsUnavailable):
        receive.run(scene.arrival(signed(document(1))), scene.hub)
    assert drafts(scene) == []
