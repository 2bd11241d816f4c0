"""Posts a notice as signed JSON to a system of an agency.

Owns: which address is connected to, for how long, how much of the answer is read.
Never: follows a redirect, uses a proxy of the environment, resolves a name twice, believes an answer but its number.
Source: threats T5 (SSRF), T6 (replay); RFC 7515; httpx documentation (`sni_hostname`, `trace`).
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpx

from hub.domain.notices import Notice, WebPlace, web_place
from hub.errors import NoticesUnavailable

MOST_BYTES = 64 * 1024  # of an answer
LONGEST_ERROR = 300
THIS_NETWORK = IPv4Network("0.0.0.0/8")  # RFC 1122 §3.2.1.3: leads to the machine itself on many systems
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are the IPv4 address that is really asked

Address = IPv4Address | IPv6Address


class NoticesWebhook:
    """A NoticeCarrier. `hosts` are `host` (port 443) or `host:port`; with `http://` before it there is no TLS.

    A private address is fine, since the host was named on purpose; loopback, link-local and multicast addresses are
    connected to only when they themselves stand in `hosts`, never through a name.
    """

    def __init__(self, hosts: Sequence[str], *, timeout_seconds: float = 10.0) -> None:
        self._hosts = tuple(hosts)
        self._timeout_seconds = timeout_seconds

    def send(self, notice: Notice) -> None:
        """See hub.ports.NoticeCarrier; any 2xx means that it was taken."""
        try:
            place = web_place(notice.address, self._hosts)
        except ValueError as wrong:
            raise NoticesUnavailable(str(wrong)) from wrong
        headers = {
            "Host": place.named,
            "Content-Type": "application/json",
            "X-Hub-Notice-Id": notice.notice_id,
            "X-Hub-Signature": notice.signature,
            "Accept-Encoding": "identity",
        }
        # The path is given as bytes beside the address: no second parser decides what the URL means
        url = httpx.URL(scheme=place.scheme, host=str(_address(place)), port=place.port)
        url = url.copy_with(raw_path=place.path.encode("ascii"))
        self._post(httpx.Request("POST", url, content=notice.body, headers=headers), place)

    def _post(self, request: httpx.Request, place: WebPlace) -> None:
        deadline = _Deadline(self._timeout_seconds)
        request.extensions = {
            "trace": deadline.watch,
            "sni_hostname": place.host,
            "timeout": httpx.Timeout(self._timeout_seconds).as_dict(),
        }
        client = httpx.Client(trust_env=False, follow_redirects=False, verify=_tls(place.scheme))
        try:
            with client, deadline:
                _judge(client.send(request, stream=True), deadline)
        except (httpx.HTTPError, httpx.StreamError, OSError, ValueError) as trouble:
            late = f"no whole answer within {self._timeout_seconds:g} seconds" if deadline.passed else ""
            words = late or str(trouble) or type(trouble).__name__
            raise NoticesUnavailable(f"{place.named}: {_one_line(words)}") from trouble


def _tls(scheme: str) -> ssl.SSLContext:
    """The machine's own trust for https, since a closed network has its own authority; none where no TLS is spoken."""
    return ssl.create_default_context() if scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _judge(answer: httpx.Response, deadline: _Deadline) -> None:
    """Raises NoticesUnavailable unless the server took it."""
    if answer.is_success:
        return
    if answer.is_redirect:
        where = _one_line(answer.headers.get("location", ""))
        raise NoticesUnavailable(f"the server points to {where}; redirects are not followed")
    said = bytearray()
    for chunk in answer.iter_raw():
        said += chunk[: MOST_BYTES - len(said)]
        if len(said) >= MOST_BYTES or deadline.passed:
            break
    words = _one_line(said[: 4 * LONGEST_ERROR].decode("utf-8", "replace"))
    raise NoticesUnavailable(f"the server answered {answer.status_code} {words}".rstrip())


def _address(place: WebPlace) -> Address:
    """The one address that is checked and then connected to; there is no second resolution (DNS rebinding)."""
    try:
        return ip_address(place.host)  # it stands in the allow-list itself
    except ValueError:
        found = _resolved(place)
    inside = [address for address in found if _is_never_meant(address)]
    if inside:
        raise NoticesUnavailable(f"{place.host} leads to {inside[0]}, which no agency's system can have")
    return found[0]


def _resolved(place: WebPlace) -> list[Address]:
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as trouble:
        raise NoticesUnavailable(f"{place.host}: no address found ({trouble})") from trouble
    return [ip_address(str(entry[4][0]).split("%")[0]) for entry in found]


def _is_never_meant(address: Address) -> bool:
    """True for loopback, link-local, multicast and the like, however it is wrapped into IPv6."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return _is_never_meant(inner)
    elif address in THIS_NETWORK or address.is_reserved:
        return True
    return address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified


def _one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)[:LONGEST_ERROR]


class _Deadline:
    """Ends the connection when the time for all of it is over; httpx bounds only each single wait."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    @property
    def passed(self) -> bool:
        return time.monotonic() >= self._ends

    def __enter__(self) -> _Deadline:
        self._timer.start()
        return self

    def __exit__(self, *_trouble: object) -> None:
        self._timer.cancel()
        with self._lock:
            if self._socket is not None:
                self._socket.close()

    def watch(self, event: str, info: Mapping[str, Any]) -> None:
        """httpx's trace: a second handle on the connection, which stays usable when TLS takes the first."""
        if event != "connection.connect_tcp.complete":
            return
        with self._lock:
            self._socket = info["return_value"].get_extra_info("socket").dup()
        if self.passed:
            self._end()

    def _end(self) -> None:
        with self._lock, suppress(OSError):  # the other side may have gone already
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)
