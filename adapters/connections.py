"""What every outward HTTP connection of an adapter needs: a bound on the whole time, and the address that is meant.

Owns: ending a connection whose time is over; unwrapping IPv4 addresses that IPv6 carries.
Never: opens a connection; decides which addresses are allowed.
Source: threats T5 (SSRF, response bombs); RFC 4291 §2.5.5, RFC 3056, RFC 4380, RFC 6052 (IPv4 in IPv6).
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Any

NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are the IPv4 address that is really asked

Address = IPv4Address | IPv6Address


def meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 address carries, else the address itself.

    >>> from ipaddress import ip_address
    >>> str(meant(ip_address("::ffff:7f00:1"))), str(meant(ip_address("64:ff9b::a9fe:a9fe")))
    ('127.0.0.1', '169.254.169.254')
    """
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1] or address


class Deadline:
    """Ends the connection when the time for the whole answer is over; httpx bounds only each single wait."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    @property
    def passed(self) -> bool:
        """True when the time is over."""
        return time.monotonic() >= self._ends

    def __enter__(self) -> Deadline:
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
