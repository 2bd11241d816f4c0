"""The bound on the whole time of a connection, and the address that is meant however it is written."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest

from adapters import connections
from adapters.connections import Address, Deadline, meant

CONNECTED = "connection.connect_tcp.complete"
LONG, SHORT = 60.0, 0.05  # seconds


class Stream:
    """What httpx's trace gives out: a stream that knows its socket."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner = inner

    def get_extra_info(self, name: str) -> socket.socket:
        assert name == "socket"
        return self._inner


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Our end of a connection and the other side's."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.settimeout(10)
    yield ours, theirs
    ours.close()
    theirs.close()


def connected(deadline: Deadline, ours: socket.socket) -> None:
    deadline.watch(CONNECTED, {"return_value": Stream(ours)})


def timers() -> int:
    return sum(isinstance(one, threading.Timer) for one in threading.enumerate())


class TestMeant:
    @pytest.mark.parametrize("written", ["127.0.0.1", "93.184.215.14", "0.0.0.0", "255.255.255.255"])  # noqa: S104
    def test_ipv4_is_meant_as_it_stands(self, written):
        address = IPv4Address(written)
        assert meant(address) is address

    @pytest.mark.parametrize("written", ["::1", "::", "fe80::1%eth0", "fd00::1", "ff02::1", "2606:2800:21f:cb07::1"])
    def test_ipv6_that_carries_nothing_is_meant_as_it_stands(self, written):
        address = IPv6Address(written)
        assert meant(address) is address

    @pytest.mark.parametrize(
        ("written", "inner"),
        [
            ("::ffff:127.0.0.1", "127.0.0.1"),
            ("::ffff:a9fe:a9fe", "169.254.169.254"),
            ("::ffff:0:0", "0.0.0.0"),  # noqa: S104 - falsy as a number, still the address that is meant
            ("64:ff9b::127.0.0.1", "127.0.0.1"),
            ("64:ff9b::5db8:d70e", "93.184.215.14"),
            ("64:ff9b::", "0.0.0.0"),  # noqa: S104
            ("64:ff9b::ffff:ffff", "255.255.255.255"),
            ("2002:7f00:1::", "127.0.0.1"),
            ("2002:a9fe:a9fe:1234::1", "169.254.169.254"),
            ("2001:0:4136:e378:8000:63bf:80ff:fffe", "127.0.0.1"),  # Teredo hides the client's address by inverting it
        ],
    )
    def test_the_ipv4_address_inside_is_meant(self, written, inner):
        """T5: mapped, NAT64, 6to4 and Teredo are other spellings of an address that the hub may not ask."""
        assert meant(ip_address(written)) == IPv4Address(inner)

    @pytest.mark.parametrize(
        "written", ["64:ff9b::1:0:0", "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", "64:ff9b:1::7f00:1"]
    )
    def test_beside_the_well_known_prefix_nothing_is_carried(self, written):
        address = IPv6Address(written)
        assert address not in connections.NAT64
        assert meant(address) is address

    def test_what_is_meant_is_an_address_and_is_meant_itself(self):
        for written in ("::ffff:7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::1", "10.0.0.1"):
            found = meant(ip_address(written))
            assert isinstance(found, Address)
            assert meant(found) == found


class TestDeadline:
    def test_it_has_not_passed_while_there_is_time(self):
        assert not Deadline(LONG).passed

    def test_it_passes_though_nothing_was_connected(self):
        with Deadline(SHORT) as deadline:
            time.sleep(2 * SHORT)
            assert deadline.passed

    def test_a_wait_for_the_other_side_ends_with_the_time(self, line):
        ours, _ = line
        began = time.monotonic()
        with Deadline(SHORT) as deadline:
            connected(deadline, ours)
            assert ours.recv(1) == b"", "woken by the deadline, not by the socket's own timeout"
            assert deadline.passed
        assert time.monotonic() - began < 5

    def test_an_answer_that_trickles_ends_with_the_time(self, line):
        """T5: each single wait is short, the whole is not."""
        ours, theirs = line
        got = 0
        with Deadline(4 * SHORT) as deadline:
            connected(deadline, ours)
            with suppress(BrokenPipeError):  # the end may come between the look at the clock and the next sign
                while not deadline.passed:
                    theirs.sendall(b".")
                    got += len(ours.recv(1))
                    time.sleep(SHORT / 5)
            time.sleep(SHORT)
            with pytest.raises(BrokenPipeError):
                ours.sendall(b".")
        assert got > 1

    def test_a_connection_that_came_too_late_is_ended_at_once(self, line):
        ours, _ = line
        with Deadline(SHORT) as deadline:
            time.sleep(2 * SHORT)
            connected(deadline, ours)
            assert ours.recv(1) == b""

    def test_it_still_ends_the_connection_when_tls_has_taken_the_first_handle(self, line):
        ours, theirs = line
        with Deadline(SHORT) as deadline:
            connected(deadline, ours)
            taken = socket.socket(fileno=ours.detach())
            with taken:
                taken.settimeout(10)
                assert taken.recv(1) == b""
        assert theirs.recv(1) == b""

    def test_within_the_time_the_connection_is_left_alone(self, line):
        ours, theirs = line
        with Deadline(LONG) as deadline:
            connected(deadline, ours)
            theirs.sendall(b"!")
            assert ours.recv(1) == b"!"
        ours.sendall(b"?")
        assert theirs.recv(1) == b"?", "only the second handle was closed"

    def test_nothing_ends_after_the_block(self, line):
        ours, theirs = line
        with Deadline(SHORT) as deadline:
            connected(deadline, ours)
        time.sleep(2 * SHORT)
        ours.sendall(b"?")
        assert theirs.recv(1) == b"?"

    def test_its_handle_and_its_timer_are_gone_after_the_block_also_after_trouble(self, line):
        ours, theirs = line
        before = timers()
        with pytest.raises(ZeroDivisionError):
            self.troubled(ours, before)
        ours.close()
        assert theirs.recv(1) == b"", "no other handle keeps the connection open"
        ended = time.monotonic() + 5
        while timers() > before and time.monotonic() < ended:
            time.sleep(0.01)
        assert timers() == before

    @staticmethod
    def troubled(ours: socket.socket, timers_before: int) -> None:
        with Deadline(LONG) as deadline:
            connected(deadline, ours)
            assert timers() == timers_before + 1
            raise ZeroDivisionError

    @pytest.mark.parametrize("event", ["connection.connect_tcp.started", "connection.start_tls.complete", ""])
    def test_other_events_are_not_looked_at(self, event):
        with Deadline(LONG) as deadline:
            deadline.watch(event, {})

    def test_a_connection_that_is_gone_already_is_no_trouble(self):
        with socket.socket(socket.AF_INET) as unconnected, Deadline(0) as deadline:
            assert deadline.passed
            connected(deadline, unconnected)  # ends it at once, which the system refuses
