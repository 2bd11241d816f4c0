"""Bodies that pass through: the request as a source of bytes, answers as streams of a kept payload.

Owns: reading from the server's socket, safe file names, digests in headers.
Never: holds a whole body in memory.
Source: RFC 9530 (Content-Digest, Repr-Digest); RFC 6266 and RFC 8187 (file names); threats A1, A8.
"""

from __future__ import annotations

import unicodedata
from base64 import b64encode
from typing import Any
from urllib.parse import quote

import msgspec
from flask import Response, request

from hub.domain.file_names import safe_name
from hub.errors import ClientGone

CHUNK_BYTES = 256 * 1024


class RequestBody:
    """The raw body of the current request; see hub.stations.receive.Source."""

    def __init__(self) -> None:
        self._stream = request.stream

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes. Raises ClientGone."""
        try:
            return self._stream.read(size)
        except Exception as broken:  # each server has its own classes for a lost or garbled body
            raise ClientGone(f"{type(broken).__name__}: {broken}") from broken


def json(value: Any, *, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(msgspec.json.encode(value), status=status, content_type="application/json")


def digest_field(sha256: str) -> str:
    """A hex SHA-256 as RFC 9530 writes it.

    >>> digest_field("00" * 32)
    'sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:'
    """
    return f"sha-256=:{b64encode(bytes.fromhex(sha256)).decode()}:"


def as_download(name: str) -> str:
    """A Content-Disposition that only saves, never shows, under a harmless name.

    >>> as_download("../Tờ trình.pdf")
    "attachment; filename=To_trinh.pdf; filename*=UTF-8''T%E1%BB%9D%20tr%C3%ACnh.pdf"
    """
    safe = safe_name(name)
    bare = unicodedata.normalize("NFKD", safe.replace("đ", "d").replace("Đ", "D")).encode("ascii", "ignore").decode()
    ascii_name = "".join(c if c.isalnum() or c in "._-" else "_" for c in bare).lstrip(".") or "file"
    return f"attachment; filename={ascii_name}; filename*=UTF-8''{quote(safe, safe='')}"
