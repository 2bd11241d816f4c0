"""What callers write in paths, queries, headers and JSON bodies, checked once and named when wrong.

Owns: the reading of every parameter; BadRequest says which field and what was expected.
Never: touches an envelope's body (hub/web/api/bodies.py).
Source: hub-api.v1.yaml; threats T4 (oversized and odd input).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime, timedelta
from typing import TypeVar
from uuid import UUID

import msgspec
from flask import request
from werkzeug.exceptions import UnsupportedMediaType

from hub.errors import BadRequest, NoSuchThing, TooLarge
from hub.web.api.bodies import RequestBody

JSON_BYTES = 64 * 1024  # bound: an acknowledgement has about 200 bytes
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,19}", re.ASCII)
_KEY = re.compile(r"[\x21-\x7e]{1,150}", re.ASCII)
_EARLIEST_YEAR = 2000  # no electronic document of this kind is older
_CLOCK_TOLERANCE = timedelta(days=1)
T = TypeVar("T", bound=msgspec.Struct)


def path_id(text: str) -> str:
    """The id in a path. Raises NoSuchThing for what is no UUID, exactly as for an unknown one."""
    if not _UUID.fullmatch(text.lower()):
        raise NoSuchThing(f"not a UUID: {text[:40]!r}")
    return str(UUID(text))


def number(name: str, *, default: int, least: int, most: int) -> int:
    """A whole number from the query. Raises BadRequest."""
    text = request.args.get(name)
    if text is None:
        return default
    if not _DIGITS.fullmatch(text) or not least <= int(text) <= most:
        raise BadRequest(f"{name}={text[:40]!r}", field=name, expected=f"{least}..{most}")
    return int(text)


def flag(name: str) -> bool:
    """true or false from the query; absent is false. Raises BadRequest."""
    text = request.args.get(name, "false")
    if text not in ("true", "false"):
        raise BadRequest(f"{name}={text[:40]!r}", field=name, expected="true | false")
    return text == "true"


def day(name: str) -> date | None:
    """A day YYYY-MM-DD from the query. Raises BadRequest."""
    text = request.args.get(name)
    if text is None:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError as wrong:
        raise BadRequest(f"{name}={text[:40]!r}", field=name, expected="YYYY-MM-DD") from wrong
    if found.isoformat() != text or found.year < _EARLIEST_YEAR:
        raise BadRequest(f"{name}={text[:40]!r}", field=name, expected=f"YYYY-MM-DD, YYYY ≥ {_EARLIEST_YEAR}")
    return found


def words(name: str, *, longest: int) -> str:
    """A short text from the query in NFC, empty when absent. Raises BadRequest."""
    return plain(name, unicodedata.normalize("NFC", request.args.get(name, "")), longest=longest)


def plain(field: str, text: str, *, longest: int) -> str:
    """The text without blanks around it, when it has no control characters. Raises BadRequest."""
    odd = any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in text)
    if odd or len(text) > longest:
        raise BadRequest(f"{field}: odd or long text", field=field, expected=f"≤ {longest} printable characters")
    return text.strip()


def idempotency_key() -> str:
    """The header Idempotency-Key, empty when absent. Raises BadRequest."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise BadRequest("Idempotency-Key", field="Idempotency-Key", expected="1..150 visible ASCII characters")
    return key or ""


def claimed_time(field: str, at: datetime | None, *, now: datetime) -> datetime | None:
    """The time that a caller claims, None when it claims none. Raises BadRequest when it cannot be true."""
    if at is None:
        return None
    if at.tzinfo is None or at.year < _EARLIEST_YEAR or at.year > now.year + 1 or at > now + _CLOCK_TOLERANCE:
        raise BadRequest(f"{field}={at}", field=field, expected="YYYY-MM-DDThh:mm:ss+07:00, ≤ now + 24 h")
    return at


def json_body(kind: type[T]) -> T:
    """The JSON body as `kind`; an empty body has all defaults. Raises BadRequest, TooLarge."""
    raw = _whole_body()
    if raw and request.mimetype != "application/json":
        raise UnsupportedMediaType("application/json")
    try:
        return msgspec.json.decode(raw or b"{}", type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
        raise BadRequest(str(wrong), field="body", expected=f"JSON ({wrong})") from wrong


def _whole_body() -> bytes:
    body, raw = RequestBody(), b""
    while chunk := body.read(JSON_BYTES + 1 - len(raw)):
        raw += chunk
        if len(raw) > JSON_BYTES:
            raise TooLarge("JSON body", reason="json_body_bytes", limit=str(JSON_BYTES))
    return raw
