"""Reports and lists as files: which form the caller wants, and workbooks that wait on disk until they have gone.

Owns: the choice by name or by Accept, the answer of a file.
Never: holds a workbook in memory.
Source: RFC 9110 §12.5.1 (Accept); RFC 6266 (file names); threats W1, W7.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import IO

from flask import Response, request

from hub.errors import NoSuchThing
from hub.web.api import bodies

FORMATS: Mapping[str, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
    "svg": "image/svg+xml",
}
TABLES = {form: FORMATS[form] for form in ("json", "csv", "xlsx")}
_TEXTS = ("csv", "svg")


def wanted(ending: str, allowed: Mapping[str, str]) -> str:
    """The form that the ending of the address names, else the best that the caller accepts. Raises NoSuchThing."""
    if ending:
        if ending not in allowed:
            raise NoSuchThing(f"no form {ending[:20]!r}")
        return ending
    best = request.accept_mimetypes.best_match(list(allowed.values()), default=allowed["json"])
    return next(form for form, media in allowed.items() if media == best)


def answer(body: bytes | str | Iterable[bytes], form: str, *, name: str) -> Response:
    """A file that is saved under a harmless name."""
    kind = f"{FORMATS[form]}; charset=utf-8" if form in _TEXTS else FORMATS[form]
    found = Response(body, content_type=kind, headers={"Content-Disposition": bodies.as_download(f"{name}.{form}")})
    found.vary.add("Accept")
    return found


def written(write: Callable[[IO[bytes]], None]) -> Iterator[bytes]:
    """What `write` puts into a file, piece by piece; what fails, fails before the answer has begun."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 (it is closed when the answer has gone)
    try:
        write(file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return _pieces(file)


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(bodies.CHUNK_BYTES):
            yield piece
