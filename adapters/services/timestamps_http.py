"""An RFC 3161 timestamp authority over HTTP.

Owns: the transport: one POST, bounded in time and size.
Never: follows a redirect, obeys proxy variables, or believes the answer (hub/signatures/timestamps.py judges it).
Source: RFC 3161 §3.4.
"""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import httpx

from hub.errors import Misconfigured, TimestampsUnavailable

MOST_BYTES = 256 * 1024  # of an answer; one with the authority's chain has about 6 KB
CONNECT_SECONDS = 10.0


class TimestampsHttp:
    """Asks one authority; may be used by several threads. `timeout_seconds` bounds a whole answer."""

    def __init__(self, url: str, timeout_seconds: float = 150.0) -> None:
        """Opens no connection yet. Raises Misconfigured when `url` is none."""
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise Misconfigured("timestamp_url", "an http:// or https:// URL", f"{url!r} is none.")
        self._url = url
        self._timeout_seconds = timeout_seconds
        waits = httpx.Timeout(timeout_seconds, connect=min(CONNECT_SECONDS, timeout_seconds))
        self._client = httpx.Client(timeout=waits, follow_redirects=False, trust_env=False)

    def stamp(self, request: bytes) -> bytes:
        """See hub.ports.TimestampAuthority."""
        headers = {"Content-Type": "application/timestamp-query", "Accept-Encoding": "identity"}
        until = time.monotonic() + self._timeout_seconds
        try:
            with self._client.stream("POST", self._url, content=request, headers=headers) as answer:
                return self._read(answer, until)
        except (httpx.HTTPError, httpx.InvalidURL) as trouble:
            words = str(trouble) or type(trouble).__name__
            raise TimestampsUnavailable(f"the authority could not be asked: {words}") from trouble

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _read(self, answer: httpx.Response, until: float) -> bytes:
        if answer.status_code != 200:
            raise TimestampsUnavailable(f"the authority answered HTTP {answer.status_code}")
        media_type = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if media_type != "application/timestamp-reply":
            raise TimestampsUnavailable(f"the authority answered with {media_type[:80] or 'no content type'}")
        body = bytearray()
        for chunk in answer.iter_raw():
            body += chunk
            if len(body) > MOST_BYTES:
                raise TimestampsUnavailable(f"the authority answered with more than {MOST_BYTES} bytes")
            if time.monotonic() > until:
                raise TimestampsUnavailable(f"the answer was not complete after {self._timeout_seconds:.0f} seconds")
        return bytes(body)
