"""What every payload store promises (hub.ports.PayloadStore); an adapter's test inherits the suite.

A test class gives the factory: `def make(self, tmp_path) -> PayloadStore`; each call opens the same place again.
"""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

import pytest

from hub.errors import PayloadsUnavailable
from hub.ports import PayloadStore
from tests.stations.conftest import at_once


def digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def keep(store: PayloadStore, body: bytes) -> str:
    draft = store.begin()
    draft.write(body)
    draft.keep(digest(body))
    return digest(body)


class PayloadStoreConformance:
    """Inherit it and write `make`."""

    def make(self, tmp_path: Path) -> PayloadStore:
        raise NotImplementedError

    @pytest.fixture
    def store(self, tmp_path: Path) -> PayloadStore:
        return self.make(tmp_path)

    def test_what_was_kept_comes_back_byte_for_byte(self, store):
        body = secrets.token_bytes(300_001)
        draft = store.begin()
        for start in range(0, len(body), 70_000):
            draft.write(body[start : start + 70_000])
        draft.keep(digest(body))
        with store.open(digest(body)) as kept:
            assert kept.read() == body
            kept.seek(5)
            assert kept.read(3) == body[5:8]

    def test_an_empty_body_is_a_body(self, store):
        with store.open(keep(store, b"")) as kept:
            assert kept.read() == b""

    def test_nothing_is_visible_before_it_is_kept(self, store):
        draft = store.begin()
        draft.write(b"abc")
        assert not store.holds(digest(b"abc"))
        with pytest.raises(PayloadsUnavailable):
            store.open(digest(b"abc"))
        draft.discard()

    def test_a_draft_can_be_read_while_it_is_open(self, store):
        draft = store.begin()
        draft.write(b"abc")
        with draft.reopen() as first:
            assert first.read() == b"abc"
        draft.write(b"def")
        with draft.reopen() as second:
            second.seek(2)
            assert second.read() == b"cdef"
        draft.discard()

    def test_what_was_discarded_is_gone(self, store):
        draft = store.begin()
        draft.write(b"abc")
        draft.discard()
        draft.discard()
        assert not store.holds(digest(b"abc"))

    def test_a_discard_after_keeping_is_harmless(self, store):
        draft = store.begin()
        draft.write(b"abc")
        draft.keep(digest(b"abc"))
        draft.discard()
        with store.open(digest(b"abc")) as kept:
            assert kept.read() == b"abc"

    def test_keeping_the_same_twice_is_harmless(self, store):
        assert keep(store, b"abc") == keep(store, b"abc")
        with store.open(digest(b"abc")) as kept:
            assert kept.read() == b"abc"

    def test_a_reader_is_not_disturbed_by_a_second_keeping(self, store):
        with store.open(keep(store, b"abc")) as kept:
            keep(store, b"abc")
            assert kept.read() == b"abc"

    def test_many_keep_the_same_at_once(self, store):
        results = at_once(lambda: keep(store, b"the same"), workers=8)
        assert set(results) == {digest(b"the same")}
        with store.open(digest(b"the same")) as kept:
            assert kept.read() == b"the same"

    def test_what_was_kept_is_there_after_a_restart(self, store, tmp_path):
        keep(store, b"abc")
        with self.make(tmp_path).open(digest(b"abc")) as kept:
            assert kept.read() == b"abc"

    def test_an_open_draft_of_another_process_survives_a_start(self, store, tmp_path):
        draft = store.begin()
        draft.write(b"abc")
        again = self.make(tmp_path)
        draft.keep(digest(b"abc"))
        assert again.holds(digest(b"abc"))

    def test_what_is_not_there_is_unavailable(self, store):
        assert not store.holds("0" * 64)
        with pytest.raises(PayloadsUnavailable):
            store.open("0" * 64)

    @pytest.mark.parametrize("name", ["", "../../etc/passwd", "0" * 63, "A" * 64, "0" * 63 + "\n", "/" * 64])
    def test_only_digests_are_names(self, store, name):
        for ask in (store.open, store.holds):
            with pytest.raises(ValueError, match="SHA-256"):
                ask(name)

    def test_the_space_left_is_a_number_of_bytes(self, store):
        assert store.free_bytes() > 0
