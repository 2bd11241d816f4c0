"""What is allowed in attachments, as dated data, and what was seen in one attachment, as facts.

Owns: AttachmentRules and their reading from the rule pack; FileFacts, Trouble.
Never: opens a file; weighs a fact (hub/checks/attachments.py does, with these rules).
Source: Decree 30/2020/NĐ-CP Art. 21, Annex I; hostile tests A2, A3, A6, A7 (threats).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from hub.domain.findings import Severity


class ScannerDemand(StrEnum):
    """require: a file that was not scanned is held; note: it is told when a scanner should have looked."""

    REQUIRE = "require"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class ArchiveBounds:
    """How far an archive is looked into (A3); `ratio` is unpacked/packed bytes, `depth` archives within archives."""

    entries: int
    inflated_bytes: int
    ratio: int
    depth: int
    nested_bytes: int
    seconds: int


@dataclass(frozen=True, slots=True)
class AttachmentRules:
    """Allowed media types with the extensions that fit them (lower case, no dot), refused ones, and severities."""

    types: Mapping[str, frozenset[str]]
    refused_types: frozenset[str]
    refused_extensions: frozenset[str]
    unlisted: Severity
    unknown: Severity
    name_differs: Severity
    macros: Severity
    polyglot: Severity
    pdf_not_first: Severity
    unseen: Severity
    scan_skipped: Severity
    scanner: ScannerDemand
    archives: ArchiveBounds

    def refuses(self, name: str, media_type: str) -> bool:
        """True when a file may not travel, for what it is or for what its name would start."""
        return media_type in self.refused_types or extension_of(name) in self.refused_extensions


def read_attachment_rules(raw: Mapping[str, object]) -> AttachmentRules:
    """The `[attachments]` table of a rule pack. Raises KeyError, TypeError or ValueError for any other shape."""
    told = dict(raw)
    types, archives = _table(told.pop("types")), _table(told.pop("archives"))
    return AttachmentRules(
        types={media_type: _words(extensions) for media_type, extensions in types.items()},
        refused_types=_words(told.pop("refused_types")),
        refused_extensions=_words(told.pop("refused_extensions")),
        scanner=ScannerDemand(told.pop("scanner")),
        archives=ArchiveBounds(**{name: _positive(value) for name, value in archives.items()}),
        **{name: Severity(value) for name, value in told.items()},
    )


def extension_of(name: str) -> str:
    """The extension by which a computer opens the file: lower case, no dot, no blanks after it.

    >>> extension_of("Quyết định.PDF ")
    'pdf'
    >>> extension_of("Quyết định 12.2026")
    '2026'
    """
    _, dot, extension = name.rstrip(" .").rpartition(".")
    return extension.strip().lower() if dot else ""


class Kind(StrEnum):
    """What can be wrong inside a file; the finding is called `attachments.<value>`."""

    MACROS = "macros"
    POLYGLOT = "polyglot"
    PDF_NOT_FIRST = "pdf_not_first"
    ENTRY_REFUSED = "entry_refused"
    ENTRY_PATH = "entry_path"
    BOMB = "bomb"
    TOO_MANY_ENTRIES = "too_many_entries"
    TOO_DEEP = "too_deep"
    TOO_SLOW = "too_slow"
    OVERLAPPING = "overlapping"
    AMBIGUOUS = "ambiguous"
    SIZES_LIE = "sizes_lie"
    ENCRYPTED = "encrypted"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing seen inside a file; `entry` is the name within the archive, as written there, or empty."""

    kind: Kind
    entry: str = ""


class Scanned(Protocol):
    """A scanner's answer, as in hub.ports.ScanResult; both empty: it looked at everything and found nothing."""

    @property
    def threat(self) -> str:
        """The name of what it found."""

    @property
    def skipped(self) -> str:
        """Why it did not look to the end."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What was seen in one attachment; `media_type` is that of the file inside the SDK's one-file ZIP.

    `scan` None: no scanner looked; `scan_failed`: one should have, but could not be reached.
    """

    media_type: str
    troubles: tuple[Trouble, ...] = ()
    scan: Scanned | None = None
    scan_failed: bool = False


def _table(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r} is not a table")
    return value


def _words(value: object) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise TypeError(f"{value!r} is not a list of words")
    return frozenset(word.lower() for word in value)


def _positive(value: object) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"{value!r} is not a whole number above 0")
    return value
