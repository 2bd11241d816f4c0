"""A bounded look into one attachment: what it really is, and what an archive holds, without unpacking it to disk.

Owns: the budget of the looks into one envelope (entries, bytes, seconds), ratio, depth, and what is found on the way.
Never: writes a named file; holds more than `nested_bytes` per level; trusts a size that an archive declares.
Source: hostile tests A3, A7 (threats); PKWARE APPNOTE 4.3; RFC 1951, RFC 1952.
"""

from __future__ import annotations

import io
import struct
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from hub.domain.attachment_rules import AttachmentRules, FileFacts, Kind, Trouble
from hub.domain.envelopes import Attachment
from hub.domain.file_names import DANGERS, oddities
from hub.edxml import media
from hub.edxml.bounds import MIB, Bounds

BLOCK_BYTES: Final = 64 * 1024
RATIO_FREE_BYTES: Final = 16 * MIB  # a small file may be packed as well as it likes
MOST_OF_A_KIND: Final = 5  # troubles told of one attachment: a hundred small ones must not hide a large one
LONGEST_TOLD_CHARS: Final = 200
ENTERED: Final = frozenset({media.ZIP, media.GZIP})
# Archives for which no reader is at hand.
CLOSED: Final = frozenset(
    {
        "application/x-7z-compressed",
        "application/vnd.rar",
        "application/x-tar",
        "application/x-xz",
        "application/x-bzip2",
    }
)
# Office documents hold pictures and web pages as parts of themselves.
_PARTS_OF_OFFICE: Final = frozenset({"image/svg+xml", "text/html"})
_LOCAL_HEADER_BYTES: Final = 30
_UTF8_NAMES: Final = 0x800


@dataclass(slots=True)
class Budget:
    """What the looks into all attachments of one envelope may still cost together."""

    entries: int
    inflated_bytes: int
    seconds: float


def budget_of(rules: AttachmentRules) -> Budget:
    """A fresh budget, for one envelope."""
    return Budget(rules.archives.entries, rules.archives.inflated_bytes, rules.archives.seconds)


def examine(
    spool: BinaryIO,
    attachment: Attachment,
    rules: AttachmentRules,
    *,
    budget: Budget | None = None,
    new_spool: Callable[[], BinaryIO] = tempfile.TemporaryFile,
) -> FileFacts:
    """What the file is and what troubles are inside it; the spool is left rewound. Never raises for a bad file.

    The file inside the SDK's one-file ZIP is looked at as if it had come alone: when it is an archive itself, it is
    kept in a `new_spool` meanwhile. A directory that cannot be read is not told again: the reader has a finding.
    `budget` is shared by the attachments of one envelope; without it this one has a budget of its own.
    """
    budget = budget or budget_of(rules)
    look = _Look(rules, budget, packed_bytes=attachment.size_bytes)
    spool.seek(0)
    head = spool.read(media.HEAD_BYTES)
    if attachment.zip_entry:
        with new_spool() as kept:
            media_type = look.wrapped(spool, kept)
    else:
        media_type = look.file(spool, head, said=attachment.media_type)
    spool.seek(0)
    look.settle()
    return FileFacts(media_type, tuple(look.troubles))


class _Sample:
    """The beginning of a stream, and all of it in `kept` when it turns out to be an archive that is not too large."""

    def __init__(self, kept: BinaryIO, *, most_bytes: int) -> None:
        self.kept, self.head, self.is_whole = kept, b"", True
        self._most_bytes, self._size_bytes, self._keeping = most_bytes, 0, True

    @property
    def media_type(self) -> str:
        """By magic, once all was fed."""
        return media.by_magic(self.head)

    def feed(self, piece: bytes) -> None:
        """Takes the next bytes."""
        undecided = len(self.head) < media.HEAD_BYTES
        if undecided:
            self.head += piece[: media.HEAD_BYTES - len(self.head)]
        if not self._keeping:
            return
        self._size_bytes += len(piece)
        if self._size_bytes > self._most_bytes:
            self._keeping = self.is_whole = False
        elif undecided and len(self.head) == media.HEAD_BYTES and self.media_type not in ENTERED:
            self._keeping = False
        else:
            self.kept.write(piece)


@dataclass(frozen=True, slots=True)
class _Stream:
    """The bytes that come out of a place in a file."""

    file: BinaryIO
    start: int
    pieces: Iterator[bytes]

    def packed_bytes(self) -> int:
        """How many bytes of the file were read for what came out so far."""
        return self.file.tell() - self.start


class _Look:
    """One look into one attachment."""

    def __init__(self, rules: AttachmentRules, budget: Budget, *, packed_bytes: int) -> None:
        self.troubles: list[Trouble] = []
        self._rules, self._bounds, self._budget = rules, rules.archives, budget
        self._bytes_left = max(RATIO_FREE_BYTES, self._bounds.ratio * packed_bytes)
        self._until = time.monotonic() + budget.seconds
        self._over = False

    def settle(self) -> None:
        """Takes the time that was used off the budget."""
        self._budget.seconds = self._until - time.monotonic()

    def file(self, file: BinaryIO, head: bytes, *, said: str) -> str:
        """Look at a whole file; `said` is its type by magic. Gives the type that holds."""
        found = self._disguised(head, said)
        if said in ENTERED or said in CLOSED or said in media.IN_ZIP:
            self._enter(file, said, level=1, name="")
        elif media.has_zip_behind(file, said):
            self._note(Kind.POLYGLOT)
        return found

    def wrapped(self, file: BinaryIO, kept: BinaryIO) -> str:
        """Look at the one file inside the SDK's ZIP, to be kept in `kept` when it is an archive; gives its type."""
        opened = media.open_zip(file, bounds=Bounds())
        entry = next(iter(opened[0].infolist()), None) if opened else None
        if entry is None or not self._is_plain(file, [entry]):
            return media.OCTETS
        sample = self._sample_of(file, entry, kept=kept, most_bytes=self._bounds.inflated_bytes)
        if sample is None:
            return media.OCTETS
        found = self._disguised(sample.head, sample.media_type)
        if sample.media_type in ENTERED or sample.media_type in CLOSED:
            return self._enter(sample.kept, sample.media_type, level=1, name="")
        return found

    def _disguised(self, head: bytes, said: str) -> str:
        """The type that holds when a PDF header stands behind something else (A7)."""
        if media.pdf_header_at(head, said) < 0:
            return said
        plain = said == media.OCTETS or said.startswith("text/")
        self._note(Kind.PDF_NOT_FIRST if plain else Kind.POLYGLOT)
        return media.PDF if plain else said

    def _enter(self, file: BinaryIO, media_type: str, *, level: int, name: str) -> str:
        """Look into an archive; gives its type more exactly."""
        if media_type in CLOSED:
            self._note(Kind.UNREADABLE, name)
        elif media_type != media.GZIP:
            return self._zip(file, level=level, name=name)
        elif level > self._bounds.depth:
            self._note(Kind.TOO_DEEP, name)
        else:
            empty = _Sample(io.BytesIO(), most_bytes=self._bounds.nested_bytes)
            sample = self._streamed(_Stream(file, 0, self._members(file, name)), empty, declared=None, name=name)
            self._inner(sample, level=level, name=name, office=False)
        return media_type

    # -- ZIP -------------------------------------------------------------------------------------------------

    def _zip(self, file: BinaryIO, *, level: int, name: str) -> str:
        opened = media.open_zip(file, bounds=Bounds())
        if opened is None:
            if level > 1:
                self._note(Kind.UNREADABLE, name)
            return media.ZIP
        entries, media_type = opened[0].infolist(), opened[1]
        office = media_type in media.OFFICE
        if level > self._bounds.depth:
            if not office:
                self._note(Kind.TOO_DEEP, name)
            return media_type
        if office and any(entry.filename.lower().endswith("vbaproject.bin") for entry in entries):
            self._note(Kind.MACROS, name)
        if self._count(len(entries)) and self._is_plain(file, entries):
            for entry in entries:
                self._entry(file, entry, level=level, office=office)
        return media_type

    def _entry(self, file: BinaryIO, entry: zipfile.ZipInfo, *, level: int, office: bool) -> None:
        if self._over:
            return
        name = entry.filename
        if DANGERS.intersection(oddities(entry.orig_filename.replace("\\", "/"))) - {"hidden_program"}:
            self._note(Kind.ENTRY_PATH, name)
        if not office and self._rules.refuses(name, ""):
            self._note(Kind.ENTRY_REFUSED, name)
        sample = self._sample_of(file, entry, kept=io.BytesIO(), most_bytes=self._bounds.nested_bytes)
        self._inner(sample, level=level, name=name, office=office)

    def _sample_of(self, file: BinaryIO, entry: zipfile.ZipInfo, *, kept: BinaryIO, most_bytes: int) -> _Sample | None:
        """The entry's beginning, after all of its bytes went by; None when nobody can read it."""
        method = {zipfile.ZIP_STORED: _stored, zipfile.ZIP_DEFLATED: _inflated}.get(entry.compress_type)
        if entry.flag_bits & 1:
            self._note(Kind.ENCRYPTED, entry.filename)
            return None
        if method is None:
            self._note(Kind.UNREADABLE, entry.filename)
            return None
        start = _data_start(file, entry)
        stream = _Stream(file, start, method(file, start, entry.compress_size))
        sample = _Sample(kept, most_bytes=most_bytes)
        return self._streamed(stream, sample, declared=entry.file_size, name=entry.filename)

    def _is_plain(self, file: BinaryIO, entries: list[zipfile.ZipInfo]) -> bool:
        """False when programs would unpack different files from it, or the same bytes many times (Fifield)."""
        met: set[str] = set()
        end = 0
        for entry in sorted(entries, key=lambda one: one.header_offset):
            name = entry.orig_filename.replace("\\", "/").casefold()
            start = _data_start(file, entry)
            if name in met or start < 0:
                self._note(Kind.AMBIGUOUS, entry.filename)
                return False
            if entry.header_offset < end:
                self._note(Kind.OVERLAPPING, entry.filename)
                return False
            met.add(name)
            end = start + entry.compress_size
        if sum(entry.file_size for entry in entries) > min(self._bytes_left, self._budget.inflated_bytes):
            self._stop(Kind.BOMB)
        return not self._over

    # -- one stream of bytes ---------------------------------------------------------------------------------

    def _members(self, file: BinaryIO, name: str) -> Iterator[bytes]:
        """The content of all members of a gzip, one after the other."""
        file.seek(0)
        left = b""
        while (left := left or file.read(BLOCK_BYTES)) and self._count(1):
            engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
            while left and not engine.eof:
                yield from _unpacked(engine, left)
                left = engine.unused_data if engine.eof else file.read(BLOCK_BYTES)
            if not engine.eof:
                self._note(Kind.UNREADABLE, name)

    def _streamed(self, stream: _Stream, sample: _Sample, *, declared: int | None, name: str) -> _Sample | None:
        """Lets everything pass by the sample; None when the look ended there."""
        real_bytes = 0
        try:
            for piece in stream.pieces:
                real_bytes += len(piece)
                sample.feed(piece)
                if real_bytes > RATIO_FREE_BYTES + self._bounds.ratio * stream.packed_bytes():
                    self._stop(Kind.BOMB, name)
                if not self._may_spend(len(piece)) or (declared is not None and real_bytes > declared):
                    break
        except zlib.error:
            self._note(Kind.UNREADABLE, name)
            return None
        if not self._over and declared is not None and real_bytes != declared:
            self._stop(Kind.SIZES_LIE, name)
        return None if self._over else sample

    def _inner(self, sample: _Sample | None, *, level: int, name: str, office: bool) -> None:
        """What an entry turns out to be; of an office document's parts only the bytes are counted."""
        if sample is None:
            return
        seen = sample.media_type
        if self._rules.refuses("", seen) and not (office and seen in _PARTS_OF_OFFICE):
            self._note(Kind.ENTRY_REFUSED, name)
        elif office or (seen not in ENTERED and seen not in CLOSED):
            return
        elif seen in ENTERED and not sample.is_whole:
            self._note(Kind.UNREADABLE, name)
        else:
            self._enter(sample.kept, seen, level=level + 1, name=name)

    # -- the budget ------------------------------------------------------------------------------------------

    def _may_spend(self, size_bytes: int) -> bool:
        self._bytes_left -= size_bytes
        self._budget.inflated_bytes -= size_bytes
        if min(self._bytes_left, self._budget.inflated_bytes) < 0:
            self._stop(Kind.BOMB)
        elif time.monotonic() > self._until:
            self._stop(Kind.TOO_SLOW)
        return not self._over

    def _count(self, entries: int) -> bool:
        self._budget.entries -= entries
        if self._budget.entries < 0:
            self._stop(Kind.TOO_MANY_ENTRIES)
        return not self._over

    def _note(self, kind: Kind, entry: str = "") -> None:
        trouble = Trouble(kind, entry[:LONGEST_TOLD_CHARS])
        told = [one for one in self.troubles if one.kind is kind]
        if len(told) < MOST_OF_A_KIND and trouble not in told:
            self.troubles.append(trouble)

    def _stop(self, kind: Kind, entry: str = "") -> None:
        self._note(kind, entry)
        self._over = True


# -- bytes out of an archive -----------------------------------------------------------------------------------


def _data_start(file: BinaryIO, entry: zipfile.ZipInfo) -> int:
    """Where the entry's bytes begin; -1 when what stands there is not the entry that the directory names."""
    if entry.header_offset < 0:
        return -1
    file.seek(entry.header_offset)
    header = file.read(_LOCAL_HEADER_BYTES)
    if len(header) < _LOCAL_HEADER_BYTES or not header.startswith(b"PK\x03\x04"):
        return -1
    name_bytes, extra_bytes = struct.unpack_from("<HH", header, 26)
    name = file.read(name_bytes)
    if name != entry.orig_filename.encode("utf-8" if entry.flag_bits & _UTF8_NAMES else "cp437"):
        return -1
    return entry.header_offset + _LOCAL_HEADER_BYTES + name_bytes + extra_bytes


def _stored(file: BinaryIO, start: int, size_bytes: int) -> Iterator[bytes]:
    """The bytes as they are, as many as there are."""
    file.seek(start)
    left = size_bytes
    while left > 0 and (chunk := file.read(min(BLOCK_BYTES, left))):
        left -= len(chunk)
        yield chunk


def _inflated(file: BinaryIO, start: int, size_bytes: int) -> Iterator[bytes]:
    """The inflated bytes, in pieces of at most a block however well they are packed."""
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    for chunk in _stored(file, start, size_bytes):
        yield from _unpacked(engine, chunk)


def _unpacked(engine: zlib._Decompress, chunk: bytes) -> Iterator[bytes]:
    """All that this input gives."""
    while not engine.eof:
        piece = engine.decompress(chunk, BLOCK_BYTES)
        chunk = engine.unconsumed_tail
        yield piece
        if not chunk and len(piece) < BLOCK_BYTES:
            return
