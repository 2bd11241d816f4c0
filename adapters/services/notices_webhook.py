"""Posts a notice as signed JSON to a system of an agency.

Owns: which address is connected to, for how long, how much of the answer is read.
Never: follows a redirect, uses a proxy of the environment, resolves a name twice, believes an answer but its number.
Source: threats T5 (SSRF), T6 (replay); RFC 7515; httpx documentation (`sni_hostname`, `trace`).
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, ip_address

import httpx

from adapters.connections import Address, Deadline, meant
from hub.domain.notices import Notice, WebPlace, web_place
from hub.errors import NoticesUnavailable

MOST_BYTES = 64 * 1024  # of an answer
LONGEST_ERROR = 300
THIS_NETWORK = IPv4Network("0.0.0.0/8")  # RFC 1122 §3.2.1.3: leads to the machine itself on many systems


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
        deadline = Deadline(self._timeout_seconds)
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


def _judge(answer: httpx.Response, deadline: Deadline) -> None:
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
    real = meant(address)
    if isinstance(real, IPv4Address) and (real in THIS_NETWORK or real.is_reserved):
        return True
    return real.is_loopback or real.is_link_local or real.is_multicast or real.is_unspecified


def _one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)[:LONGEST_ERROR]
