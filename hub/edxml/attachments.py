"""Serves an attachment from its place in the envelope as received.

Owns: the second decoding of the same base64 text, as strict as the first.
Never: keeps a decoded copy; what is kept for good is the envelope.
Source: issue 1 part 1; hostile test A3 (threats) for the bounds of unpacking.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from hub.domain.envelopes import Attachment
from hub.edxml.base64_stream import Base64Stream
from hub.edxml.bounds import MIB
from hub.errors import NotEdxml, TooLarge

BLOCK_BYTES = 64 * 1024


def open_attachment(envelope_file: BinaryIO, attachment: Attachment) -> Iterator[bytes]:
    """The decoded bytes in pieces. Raises: NotEdxml when the text at that place is not what was read."""
    envelope_file.seek(attachment.offset_bytes)
    decoder, left = Base64Stream(), attachment.length_bytes
    while left > 0:
        text = envelope_file.read(min(BLOCK_BYTES, left))
        if not text:
            raise NotEdxml("envelope file is too short", reason="malformed", where=attachment.content_id)
        left -= len(text)
        yield decoder.feed(text)
    decoder.close()
    if decoder.flaw:
        raise NotEdxml(f"base64: {decoder.flaw}", reason="malformed", where=attachment.content_id)


def open_wrapped(spool: BinaryIO, attachment: Attachment, *, limit_bytes: int = 512 * MIB) -> Iterator[bytes]:
    """The one file inside the SDK's ZIP, in pieces. Raises: TooLarge over the limit, NotEdxml when broken."""
    spool.seek(0)
    given = 0
    try:
        with zipfile.ZipFile(spool) as archive, archive.open(attachment.zip_entry) as inner:
            while piece := inner.read(BLOCK_BYTES):
                given += len(piece)
                if given > limit_bytes:
                    raise TooLarge(
                        "inflated",
                        reason="zip_inflated_bytes",
                        limit=str(limit_bytes),
                        where=attachment.content_id,
                    )
                yield piece
    except (zipfile.BadZipFile, zlib.error, KeyError, EOFError, NotImplementedError, RuntimeError) as error:
        raise NotEdxml(f"zip: {error}", reason="zip", where=attachment.content_id) from error
