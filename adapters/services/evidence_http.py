"""Fetches CRLs and OCSP answers over HTTP, or takes CRLs from a folder where there is no network.

Owns: which host may be asked, at which address, for how long and for how many bytes.
Never: follows a redirect, sends a cookie or a password, uses a proxy of the environment, parses an answer.
Source: RFC 5280 §4.2.1.13, RFC 6960 Appendix A.1 (OCSP over HTTP); threat T5 (SSRF); httpx documentation
(`sni_hostname`, `trace`).
"""

from __future__ import annotations

import hashlib
import socket
import ssl
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import unquote

import httpx
import structlog

from adapters.connections import Address, Deadline, meant
from hub.errors import EvidenceUnavailable

log = structlog.get_logger()

MOST_BYTES = 20 * 1024 * 1024  # half a million revoked certificates at 40 bytes each; Vietnam's largest CAs have less
LONGEST_URL = 2000


class EvidenceHttp:
    """An EvidenceSource. `hosts` are `host` (ports 80 and 443) or `host:port`; `host_map` says whom to ask instead.

    A private, loopback or link-local address is asked only when that address itself stands in `hosts` or is a
    target of `host_map`; a name that leads to one is refused.
    """

    def __init__(
        self,
        *,
        hosts: Collection[str],
        host_map: Mapping[str, str],
        mirror: Path | None,
        timeout_seconds: float = 30,
        max_bytes: int = MOST_BYTES,
    ) -> None:
        self._map = {old.lower(): new.lower() for old, new in host_map.items()}
        self._allowed = {host.lower() for host in hosts} | set(self._map.values())
        self._mirror = mirror
        self._timeout = timeout_seconds
        self._max_bytes = max_bytes
        self._seen: dict[Path, tuple[int, int]] = {}

    def may_ask(self, url: str) -> bool:
        """See hub.ports.EvidenceSource; a file of the mirror counts as an answer."""
        try:
            return self._in_mirror(url) is not None or bool(self._target(url))
        except EvidenceUnavailable:
            return False

    def fetch(self, url: str, request: bytes = b"") -> bytes:
        """See hub.ports.EvidenceSource; the mirror is looked into first (it has CRLs only)."""
        kept = None if request else self._in_mirror(url)
        if kept is not None:
            return self._read(kept)
        return self._asked(self._target(url), request)

    def mirrored(self) -> Iterator[tuple[str, bytes]]:
        """Name and bytes of every `*.crl` of the mirror that is new or changed since it was given out last.

        A file counts as given out when the next one is asked for; one that cannot be read is logged once.
        """
        for file, state in self._changed():
            try:
                content = self._read(file)
            except EvidenceUnavailable as trouble:
                log.warning("mirror_file_cannot_be_used", file=file.name, error=str(trouble))
            else:
                yield file.name, content
            self._seen[file] = state

    def _changed(self) -> list[tuple[Path, tuple[int, int]]]:
        if self._mirror is None:
            return []
        try:
            files = sorted(file for file in self._mirror.iterdir() if file.suffix.lower() == ".crl" and file.is_file())
            states = [(file, (file.stat().st_mtime_ns, file.stat().st_size)) for file in files]
        except OSError as trouble:
            raise EvidenceUnavailable(
                f"the mirror folder {self._mirror} cannot be read: {trouble.strerror}"
            ) from trouble
        return [(file, state) for file, state in states if self._seen.get(file) != state]

    def _in_mirror(self, url: str) -> Path | None:
        if self._mirror is None:
            return None
        last = unquote(url.split("?")[0].rsplit("/", 1)[-1])
        plain = (
            last and not last.startswith(".") and last.isprintable() and not set(last) & set("/\\") and len(last) < 200
        )
        names = [hashlib.sha256(url.encode()).hexdigest(), *([last] if plain else [])]
        return next((self._mirror / name for name in names if (self._mirror / name).is_file()), None)

    def _read(self, file: Path) -> bytes:
        try:
            with file.open("rb") as opened:
                content = opened.read(self._max_bytes + 1)
        except OSError as trouble:
            raise EvidenceUnavailable(f"{file.name} in the mirror cannot be read: {trouble.strerror}") from trouble
        if len(content) > self._max_bytes:
            raise EvidenceUnavailable(f"{file.name} in the mirror is larger than {self._max_bytes} bytes")
        return content

    def _target(self, url: str) -> _Target:
        """What is really asked. Raises EvidenceUnavailable when this deployment does not allow it."""
        asked = _parsed(url)
        if asked.scheme not in ("http", "https") or not _host(asked) or asked.userinfo:
            raise EvidenceUnavailable("only http:// and https:// without user and password can be asked")
        name = asked
        new = self._map.get(f"{_host(asked)}:{asked.port}") or self._map.get(_host(asked))
        if new:
            asked = _parsed(f"{asked.scheme}://{new}").copy_with(raw_path=asked.raw_path)
        place = asked.netloc.decode("ascii")
        usual = asked.port in (None, 80, 443)
        if place not in self._allowed and not (usual and self._allowed & {_host(asked), f"[{_host(asked)}]"}):
            raise EvidenceUnavailable(f"host {place} is not allowed; name it in evidence_hosts if it should be asked")
        if new and _literal(_host(asked)) is None:
            name = asked  # a name in place of a name; an address in place of a name leaves the name as it was
        return _Target(asked, name)

    def _asked(self, target: _Target, request: bytes) -> bytes:
        place = target.url.copy_with(host=str(_address(target.url)))
        headers = {"Host": target.name.netloc.decode("ascii"), "Accept-Encoding": "identity", "Accept": "*/*"}
        if request:
            headers["Content-Type"] = "application/ocsp-request"
        deadline = Deadline(self._timeout)
        extensions = {"trace": deadline.watch, "sni_hostname": _host(target.name)}
        verb, body = ("POST", request) if request else ("GET", None)
        client = httpx.Client(trust_env=False, follow_redirects=False, timeout=self._timeout, verify=_tls(place.scheme))
        try:
            with (
                deadline,
                client,
                client.stream(verb, place, content=body, headers=headers, extensions=extensions) as answer,
            ):
                return self._body(answer, deadline)
        except (httpx.HTTPError, httpx.StreamError, OSError) as trouble:
            if deadline.passed:
                raise EvidenceUnavailable(f"no whole answer within {self._timeout:g} seconds") from trouble
            raise EvidenceUnavailable(f"{_host(target.name)}: {trouble or type(trouble).__name__}") from trouble

    def _body(self, answer: httpx.Response, deadline: Deadline) -> bytes:
        if answer.is_redirect:
            where = answer.headers.get("location", "")[:200]
            raise EvidenceUnavailable(f"the server points to {where}; redirects are not followed, map the host instead")
        if answer.status_code != httpx.codes.OK:
            raise EvidenceUnavailable(f"the server answered {answer.status_code} {answer.reason_phrase}")
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise EvidenceUnavailable("the server compressed its answer although it was asked not to")
        body = bytearray()
        for chunk in answer.iter_raw():
            body += chunk
            if len(body) > self._max_bytes:
                raise EvidenceUnavailable(f"the answer is larger than {self._max_bytes} bytes")
        if deadline.passed or not body:
            raise httpx.ReadError("the answer is empty or broke off")
        return bytes(body)


@dataclass(frozen=True, slots=True)
class _Target:
    """Where to connect, and the name that the server and its TLS certificate must know."""

    url: httpx.URL
    name: httpx.URL


@cache  # reading the public roots takes a third of a second
def _tls(scheme: str) -> ssl.SSLContext:
    """Always verifying; public roots for https, none for http, where no TLS is spoken."""
    if scheme == "https":
        return httpx.create_ssl_context(trust_env=False)
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _parsed(url: str) -> httpx.URL:
    try:
        return httpx.URL(url if len(url) <= LONGEST_URL else "")
    except httpx.InvalidURL as wrong:
        raise EvidenceUnavailable(f"not a usable URL: {wrong}") from wrong


def _host(url: httpx.URL) -> str:
    return url.raw_host.decode("ascii")


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _address(url: httpx.URL) -> Address:
    """The one address that is checked and then connected to; there is no second resolution (DNS rebinding)."""
    host = _host(url)
    literal = _literal(host)
    if literal is not None:
        return literal  # it stands in the allow list itself
    try:
        found = socket.getaddrinfo(host, url.port or 80, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as trouble:
        raise EvidenceUnavailable(f"{host}: no address found ({trouble})") from trouble
    addresses = sorted((ip_address(str(entry[4][0]).split("%")[0]) for entry in found), key=lambda one: one.version)
    inside = [address for address in addresses if not _is_public(address)]
    if inside:
        fix = f"if that is right, set evidence_host_map to {host}={inside[0]}"
        raise EvidenceUnavailable(f"{host} leads to the internal address {inside[0]}; {fix}")
    return addresses[0]


def _is_public(address: Address) -> bool:
    """False for every address that is not one of the open internet, however it is wrapped into IPv6."""
    real = meant(address)
    return real.is_global and not real.is_multicast
