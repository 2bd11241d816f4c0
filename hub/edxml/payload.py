"""One attachment while it passes: base64 in, file bytes and their hash out.

Owns: the spool (a seekable temporary file) and the figures taken while writing it.
Never: holds the file in memory; looks at names.
Source: issue 1 part 1 (decoded while it arrives, hashed as it passes).
"""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from hub.edxml.base64_stream import Base64Stream


class Payload:
    """`offset_bytes`, `length_bytes`: the base64 text in the bytes received; the rest describes the file."""

    __slots__ = (
        "_closed",
        "_decoder",
        "_hash",
        "flaw",
        "length_bytes",
        "offset_bytes",
        "size_bytes",
        "spool",
    )

    def __init__(self, offset_bytes: int, *, spool: BinaryIO) -> None:
        self.offset_bytes, self.length_bytes, self.size_bytes = offset_bytes, 0, 0
        self.spool = spool
        self.flaw = ""
        self._decoder = Base64Stream()
        self._hash = hashlib.sha256()
        self._closed = False

    @property
    def sha256(self) -> str:
        """Hex of the bytes in the spool."""
        return self._hash.hexdigest()

    def feed(self, text: bytes) -> None:
        """Decodes and keeps a piece of the base64 text."""
        self.length_bytes += len(text)
        decoded = self._decoder.feed(text)
        if decoded:
            self.size_bytes += len(decoded)
            self._hash.update(decoded)
            self.spool.write(decoded)

    def interrupt(self, what: str) -> None:
        """The text is not plain text: `what` (comment, cdata, element) stood in it."""
        self.flaw = what

    def close(self) -> None:
        """Ends the text; a flawed attachment is emptied, so that nobody can take half of it for the file."""
        if self._closed:
            return
        self._closed = True
        self._decoder.close()
        self.flaw = self.flaw or self._decoder.flaw
        if self.flaw:
            self.spool.seek(0)
            self.spool.truncate()
            self.size_bytes, self._hash = 0, hashlib.sha256()
        self.spool.seek(0)
