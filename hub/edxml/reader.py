"""Reads an edXML message while it arrives: one Envelope, the attachments as files, the skeleton.

Owns: the order of the work: scan with bounds, one small tree, layout, attachments, header.
Never: parses the skeleton twice, keeps a base64 text, closes spools of a finished reading.
Source: issue 1 part 1; domain notes §2.6; hostile tests E1-E6, A1, A4 (threats).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from hub.domain.envelopes import Envelope
from hub.domain.findings import Finding
from hub.edxml import attachment_list, dialects, header
from hub.edxml.bounds import Bounds
from hub.edxml.scanner import BLOCK_BYTES, Scan, Scanner
from hub.edxml.tree import Log, parse

__all__ = ["Bounds", "EnvelopeReader", "Reading"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read.

    `skeleton`: the bytes received from the first `<` on, base64 texts left out, otherwise byte for byte.
    `spools`: the decoded attachments by content id, rewound; whoever holds the reading closes them.
    `sha256`: hex of all bytes fed. `payload_findings`: what is wrong with attachments.
    """

    envelope: Envelope
    skeleton: bytes
    spools: Mapping[str, BinaryIO]
    size_bytes: int
    sha256: str
    payload_findings: tuple[Finding, ...]


class EnvelopeReader:
    """Feed it the bytes in any pieces, then close it; abandon it when anything goes wrong."""

    def __init__(self, bounds: Bounds, *, new_spool: Callable[[], BinaryIO], block_bytes: int = BLOCK_BYTES) -> None:
        """`new_spool` gives one seekable binary file for each attachment."""
        self._bounds = bounds
        self._scanner = Scanner(bounds, new_spool=new_spool, block_bytes=block_bytes)

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes. Raises: NotEdxml, DangerousXml, TooLarge as early as they can be told."""
        self._scanner.feed(chunk)

    def close(self) -> Reading:
        """The reading of all bytes fed. Raises: NotEdxml, DangerousXml, TooLarge."""
        return _reading(self._scanner.close(), self._bounds)

    def abandon(self) -> None:
        """Closes the spools; safe at any time and more than once."""
        self._scanner.abandon()


def _reading(scan: Scan, bounds: Bounds) -> Reading:
    log, payload_log = Log(), Log()
    if scan.has_bom:
        log.note("bom", "/", seen="EF BB BF")
    if scan.junk:
        log.note("junk", "/", seen=scan.junk.decode("utf-8", "replace"), count=str(len(scan.junk)))
    layout = dialects.locate(parse(scan.skeleton), log)
    attached = attachment_list.read(layout, scan.payloads, log=log, payload_log=payload_log, bounds=bounds)
    envelope = header.read(layout, attached.attachments, log=log)
    return Reading(
        envelope=envelope,
        skeleton=scan.skeleton,
        spools=attached.spools,
        size_bytes=scan.size_bytes,
        sha256=scan.sha256,
        payload_findings=tuple(payload_log.findings),
    )
