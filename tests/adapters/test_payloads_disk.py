"""Bodies in a folder: the promises of the port, and what only a disk can do wrong."""

from __future__ import annotations

import os
import resource
import stat
import time
from pathlib import Path

import pytest

from adapters.services import payloads_disk
from adapters.services.payloads_disk import STALE_DRAFT_SECONDS, PayloadsDisk
from hub.errors import PayloadsUnavailable
from tests.conformance.payload_store import PayloadStoreConformance, digest, keep


class TestPayloadsDisk(PayloadStoreConformance):
    def make(self, tmp_path):
        return PayloadsDisk(tmp_path / "payloads")


@pytest.fixture
def store(tmp_path):
    return PayloadsDisk(tmp_path / "payloads")


def files(tmp_path: Path) -> list[Path]:
    return [place for place in tmp_path.rglob("*") if place.is_file()]


def test_a_kept_body_is_read_only(store, tmp_path):
    keep(store, b"abc")
    (kept,) = files(tmp_path)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o440


def test_a_body_is_durable_before_it_has_its_name(store, monkeypatch):
    steps = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(handle: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file"
        steps.append(f"fsync {kind}")
        real_sync(handle)

    def replace(source: object, target: object) -> None:
        steps.append("rename")
        real_replace(source, target)

    monkeypatch.setattr(payloads_disk.os, "fsync", sync)
    monkeypatch.setattr(payloads_disk.os, "replace", replace)
    keep(store, b"abc")
    assert steps == ["fsync file", "fsync folder", "rename", "fsync folder"]


def write_much(draft) -> None:
    for _ in range(10):
        draft.write(b"x" * 3000)


def test_a_full_disk_is_not_now_and_leaves_nothing(store, tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    draft = store.begin()
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(PayloadsUnavailable):
            write_much(draft)
        draft.discard()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(tmp_path) == []


def test_a_start_removes_what_a_crash_left_and_nothing_younger(tmp_path):
    store = PayloadsDisk(tmp_path / "payloads")
    old, young = store.begin(), store.begin()
    for draft in (old, young):
        draft.write(b"abc")
    long_ago = time.time() - STALE_DRAFT_SECONDS - 60
    left = sorted((tmp_path / "payloads" / "drafts").iterdir())
    os.utime(left[0], (long_ago, long_ago))
    PayloadsDisk(tmp_path / "payloads")
    assert sorted((tmp_path / "payloads" / "drafts").iterdir()) == left[1:]
    old.discard()
    young.discard()


def test_a_draft_that_vanishes_during_the_start_is_no_trouble(tmp_path, monkeypatch):
    draft = PayloadsDisk(tmp_path / "payloads").begin()
    real = Path.iterdir

    def then_gone(folder: Path):
        found = list(real(folder))
        draft.discard()
        return iter(found)

    monkeypatch.setattr(Path, "iterdir", then_gone)
    PayloadsDisk(tmp_path / "payloads")


def test_a_folder_that_cannot_be_made_is_not_now(tmp_path):
    (tmp_path / "payloads").write_text("a file is in the way")
    with pytest.raises(PayloadsUnavailable):
        PayloadsDisk(tmp_path / "payloads")


def test_the_name_is_the_digest(store, tmp_path):
    sha256 = keep(store, b"abc")
    assert sha256 == digest(b"abc")
    assert [place.name for place in files(tmp_path)] == [sha256]
