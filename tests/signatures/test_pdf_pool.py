"""PDF children for real: their limits, what happens when they reach one, threads, forks and what they leave behind."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import psutil
import pytest

from hub.errors import Deferral
from hub.signatures import pdf_child, pdf_oddities, pdf_pool, pdf_reading
from hub.signatures.pdf_facts import FileFacts
from hub.signatures.pdf_pool import PdfPool
from tests.support.pdf_files import MIB, plain, stream, world


@pytest.fixture(scope="module")
def pool() -> Iterator[PdfPool]:
    made = PdfPool(children=2, memory_bytes=512 * MIB, seconds=20)
    yield made
    made.close()


CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R /Own %s >>"


def endless() -> bytes:
    """A file made of nothing but objects: many seconds' work."""
    numbers = range(10, 400_000)
    own = b"[%s]" % b" ".join(b"%d 0 R" % number for number in numbers)
    return plain({1: CATALOGUE % own} | dict.fromkeys(numbers, b"<< /A [1 2 (x)] /B << /C /D >> >>"))


def _outcome(pool: PdfPool) -> FileFacts | Deferral:
    try:
        return asked(pool, plain())
    except Deferral as refused:
        return refused


def asked(pool: PdfPool, content: bytes) -> FileFacts:
    return pool.facts(BytesIO(content))


class TestLimits:
    def test_a_child_can_open_nothing_and_knows_nothing_of_the_hub(
        self, pool: PdfPool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HUB_DATABASE_URL", "postgresql://secret")
        fresh = PdfPool(children=1, memory_bytes=512 * MIB, seconds=7)
        assert asked(fresh, plain()).trouble == ""
        (process_id,) = fresh.process_ids()
        limits = Path(f"/proc/{process_id}/limits").read_text("ascii")
        rows = {row[:26].strip(): row[26:47].strip() for row in limits.splitlines()}
        assert rows["Max address space"] == str(512 * MIB)
        assert rows["Max open files"] == "4"  # with a job's file open, none is left
        assert (rows["Max file size"], rows["Max core file size"]) == ("0", "0")
        assert rows["Max cpu time"] not in ("unlimited", "")
        assert b"HUB_" not in Path(f"/proc/{process_id}/environ").read_bytes()
        fresh.close()

    def test_memory_ends_the_job_and_not_the_pool(self) -> None:
        pool = PdfPool(children=1, memory_bytes=112 * MIB, seconds=20)
        assert asked(pool, plain({1: CATALOGUE % b"9 0 R", 9: stream(b" " * 60 * MIB)})).trouble == "memory"
        assert asked(pool, plain()).trouble == ""
        pool.close()

    def test_processor_time_ends_the_child(self) -> None:
        child = pdf_pool._Child(2048 * MIB, 1)
        with tempfile.TemporaryFile() as file:
            file.write(endless())
            file.flush()
            assert child.ask(file.fileno(), 120).trouble == "processor"  # by itself: the clock gives it two minutes
        assert not child.usable
        assert child.process.returncode == -signal.SIGXCPU

    def test_a_child_that_stands_still_is_killed_by_the_clock(self) -> None:
        pool = PdfPool(children=1, memory_bytes=512 * MIB, seconds=1)
        asked(pool, plain())
        (process_id,) = pool.process_ids()
        os.kill(process_id, signal.SIGSTOP)
        began = time.monotonic()
        assert asked(pool, plain()).trouble == "time"
        assert time.monotonic() - began < 10
        assert not psutil.pid_exists(process_id), "killed and reaped"
        assert asked(pool, plain()).trouble == ""
        pool.close()

    def test_a_child_that_was_killed_between_jobs_is_replaced_unnoticed(self, pool: PdfPool) -> None:
        asked(pool, plain())
        for process_id in pool.process_ids():
            os.kill(process_id, signal.SIGKILL)
        assert asked(pool, plain()).trouble == ""


class TestFiles:
    def test_a_file_with_a_descriptor_is_not_read_here_and_keeps_its_place(self, pool: PdfPool) -> None:
        with tempfile.TemporaryFile() as file:
            file.write(world().twice)
            file.seek(5)
            assert len(pool.facts(file).fields) == 2
            assert file.tell() == 5

    def test_a_spool_in_memory_stays_in_memory(self, pool: PdfPool) -> None:
        with tempfile.SpooledTemporaryFile(max_size=MIB) as file:
            file.write(world().twice)
            assert len(pool.facts(file).fields) == 2  # type: ignore[arg-type]
            assert file.name is None, "it was not rolled over to the disk"

    def test_two_hundred_mebibytes_cost_this_process_nothing(self, pool: PdfPool) -> None:
        start = plain()
        with tempfile.TemporaryFile() as file:
            file.write(start)
            file.seek(200 * MIB, os.SEEK_SET)
            file.write(plain()[len(start) - 300 :])  # the end of a PDF, its table unreadable here
            before = psutil.Process().memory_info().rss
            assert pool.facts(file).size_bytes > 200 * MIB
            assert psutil.Process().memory_info().rss - before < 20 * MIB


class TestLife:
    def test_many_threads_share_few_children(self, pool: PdfPool) -> None:
        with ThreadPoolExecutor(6) as threads:
            told = list(threads.map(lambda _: asked(pool, world().once), range(12)))
        assert {len(one.fields) for one in told} == {1}
        assert len(pool.process_ids()) <= 2

    def test_it_starts_with_the_first_file_and_leaves_nothing(self) -> None:
        pool = PdfPool(children=1, memory_bytes=512 * MIB, seconds=20)
        assert pool.process_ids() == []
        asked(pool, plain())
        (process_id,) = pool.process_ids()
        pool.close()
        pool.close()
        assert not psutil.pid_exists(process_id)
        with pytest.raises(Deferral):
            asked(pool, plain())

    def test_a_child_that_cannot_start_is_trouble_of_this_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.executable", "/bin/false")
        pool = PdfPool(children=1, memory_bytes=512 * MIB, seconds=20)
        with pytest.raises(Deferral):
            asked(pool, plain())
        assert pool.process_ids() == []
        pool.close()

    def test_a_machine_without_room_for_a_process_is_not_now(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object, **__: object) -> None:
            raise BlockingIOError("Resource temporarily unavailable")

        monkeypatch.setattr(pdf_pool.subprocess, "Popen", full)
        lazy = PdfPool(children=1, memory_bytes=512 * MIB, seconds=20)
        with pytest.raises(Deferral, match="could not be started"):
            asked(lazy, plain())
        lazy.close()

    def test_nobody_waits_for_ever_while_slow_files_keep_all_children(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """P5: else the threads of the API that read slow files would be all of them."""
        one = PdfPool(children=1, memory_bytes=512 * MIB, seconds=1)
        with one._turn():  # another thread's file, which takes long
            assert isinstance(_outcome(one), Deferral)
        assert asked(one, plain()).trouble == ""
        one.close()

    def test_a_fork_has_children_of_its_own(self, pool: PdfPool) -> None:
        asked(pool, plain())
        ours = set(pool.process_ids())
        forked = os.fork()
        if forked == 0:
            try:
                told = asked(pool, plain())
                apart = not ours & set(pool.process_ids())
                pool.close()
                os._exit(0 if told.trouble == "" and apart else 1)
            finally:
                os._exit(2)
        assert os.waitpid(forked, 0)[1] == 0
        assert asked(pool, plain()).trouble == ""
        assert ours == set(pool.process_ids())

    def test_closing_ends_a_job_that_runs(self) -> None:
        pool = PdfPool(children=1, memory_bytes=512 * MIB, seconds=20)
        asked(pool, plain())
        (process_id,) = pool.process_ids()
        os.kill(process_id, signal.SIGSTOP)
        told: list[FileFacts | Deferral] = []
        thread = threading.Thread(target=lambda: told.append(_outcome(pool)))
        thread.start()
        time.sleep(0.3)
        pool.close()
        thread.join(20)
        assert not thread.is_alive()
        assert told


class TestReading:
    """The child's program in this process: what it says without a socket in between."""

    def test_a_file_that_is_none_is_unreadable(self) -> None:
        assert pdf_reading.read(BytesIO(b"hello"), 5).trouble == "unreadable"

    def test_nothing_is_active_or_hidden_in_a_plain_page(self) -> None:
        told = pdf_reading.read(BytesIO(world().twice), len(world().twice))
        assert (told.active, told.hidden, told.looked_through, told.revisions) == ([], [], True, 3)

    def test_the_walk_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pdf_oddities, "_MOST_OBJECTS", 3)
        assert not pdf_reading.read(BytesIO(world().once), len(world().once)).looked_through

    def test_no_more_is_read_than_the_file_has(self) -> None:
        with tempfile.TemporaryFile() as file:
            file.write(b"x" * 20_000)
            file.flush()
            with pdf_child._Bounded(pdf_child._Placed(file.fileno(), 20_000)) as bounded:
                bounded.seek(19_000)
                assert len(bounded.read(2_000_000_000)) == 1000
