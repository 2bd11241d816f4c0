"""Bodies in a folder, addressed by content: `abc/<sha256>`, written once, read-only after.

Owns: durability (temp file, fsync, rename, fsync of the folder).
Never: trusts a name from outside; the only names are digests.
Source: design §2; POSIX rename(2), fsync(2).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from hub.errors import PayloadsUnavailable

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
STALE_DRAFT_SECONDS = 24 * 3600  # a draft older than any request is what a crash left behind


class PayloadsDisk:
    """A payload store in one folder; several processes may share it."""

    def __init__(self, folder: Path) -> None:
        """Makes the folder. Raises PayloadsUnavailable when it cannot be written."""
        self._folder = folder
        self._drafts = folder / "drafts"
        with _translated():
            self._drafts.mkdir(parents=True, exist_ok=True)
            self._sweep()

    def begin(self) -> DiskDraft:
        """See hub.ports.PayloadStore."""
        return DiskDraft(self)

    def open(self, sha256: str) -> BinaryIO:
        """See hub.ports.PayloadStore."""
        with _translated():
            return self.place(sha256).open("rb")

    def holds(self, sha256: str) -> bool:
        """See hub.ports.PayloadStore."""
        return self.place(sha256).is_file()

    def free_bytes(self) -> int:
        """See hub.ports.PayloadStore."""
        with _translated():
            return shutil.disk_usage(self._folder).free

    def place(self, sha256: str) -> Path:
        """Where a body with this digest lies or would lie. Raises ValueError for what is no digest."""
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"not a SHA-256: {sha256!r}")
        return self._folder / sha256[:3] / sha256  # 4096 folders: soon all there, so a body costs no mkdir

    def new_draft(self) -> BinaryIO:
        """An open temporary file in the store's own file system."""
        with _translated():
            return tempfile.NamedTemporaryFile(dir=self._drafts, delete=False)  # type: ignore[return-value]

    def prepare(self, folder: Path) -> None:
        """Make a folder for bodies, durably."""
        if not folder.is_dir():
            folder.mkdir(exist_ok=True)
            sync_folder(folder.parent)

    def _sweep(self) -> None:
        old = time.time() - STALE_DRAFT_SECONDS
        for draft in self._drafts.iterdir():
            with suppress(FileNotFoundError):  # another process keeps or discards it at this moment
                if draft.stat().st_mtime < old:
                    draft.unlink()


class DiskDraft:
    """A body that is arriving, in a temporary file of the store."""

    def __init__(self, store: PayloadsDisk) -> None:
        self._store = store
        self._file = store.new_draft()
        self._path = Path(self._file.name)

    def write(self, chunk: bytes) -> None:
        """See hub.ports.Draft."""
        with _translated():
            self._file.write(chunk)

    def reopen(self) -> BinaryIO:
        """See hub.ports.Draft."""
        with _translated():
            self._file.flush()
            return self._path.open("rb")

    def keep(self, sha256: str) -> None:
        """See hub.ports.Draft."""
        place = self._store.place(sha256)
        with _translated():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._store.prepare(place.parent)
            os.chmod(self._path, 0o440)
            os.replace(self._path, place)
            sync_folder(place.parent)

    def discard(self) -> None:
        """See hub.ports.Draft."""
        with suppress(OSError):  # closing writes what was buffered; on a full disk that fails again
            self._file.close()
        with _translated():
            self._path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as trouble:
        raise PayloadsUnavailable(str(trouble)) from trouble
