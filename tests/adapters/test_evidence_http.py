"""Fetching evidence over HTTP: the promises of the port, and every way in which a server may be hostile (T5)."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from adapters.services import evidence_http
from adapters.services.evidence_http import EvidenceHttp
from hub.errors import EvidenceUnavailable
from tests.conformance.evidence_source import CRL, EvidenceSourceConformance, Server, gives, server  # noqa: F401


class TestEvidenceHttp(EvidenceSourceConformance):
    def make(self, tmp_path, server):  # noqa: F811
        return EvidenceHttp(hosts=[f"127.0.0.1:{server.port}"], host_map={}, mirror=None, timeout_seconds=5)


def asking(server: Server, **changes) -> EvidenceHttp:  # noqa: F811
    wanted = {"hosts": [f"127.0.0.1:{server.port}"], "host_map": {}, "mirror": None, "timeout_seconds": 5}
    return EvidenceHttp(**wanted | changes)


def closed(**changes) -> EvidenceHttp:
    return EvidenceHttp(**{"hosts": [], "host_map": {}, "mirror": None} | changes)


def refusal(source: EvidenceHttp, url: str, request: bytes = b"") -> str:
    with pytest.raises(EvidenceUnavailable) as told:
        source.fetch(url, request)
    return str(told.value)


def leads_to(monkeypatch, *addresses: str) -> list[str]:
    """Every name resolves to these; returns the names that were looked up."""
    asked: list[str] = []

    def resolve(host: str, port: int, *_more: object, **_kind: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(evidence_http.socket, "getaddrinfo", resolve)
    return asked


class TestWhoMayBeAsked:
    @pytest.mark.parametrize(
        ("url", "allowed"),
        [
            ("http://crl.ca.vn/a.crl", True),
            ("https://CRL.ca.vn/a.crl", True),
            ("http://crl.ca.vn:443/a.crl", True),
            ("http://crl.ca.vn:8080/a.crl", False),
            ("http://odd.ca.vn:8080/a.crl", True),
            ("http://odd.ca.vn/a.crl", False),
            ("http://crl.ca.vn./a.crl", False),
            ("http://crl.ca.vn.evil.org/a.crl", False),
            ("http://user@crl.ca.vn/a.crl", False),
            ("http://user:pass@crl.ca.vn/a.crl", False),
            ("http://evil.org#@crl.ca.vn/", False),
            ("http://evil.org\\@crl.ca.vn/", False),
            ("http://crl.ca.vn/" + "a" * 3000, False),
            ("ldap://crl.ca.vn/cn=ca", False),
        ],
    )
    def test_scheme_host_and_port_must_be_allowed(self, url, allowed):
        assert closed(hosts=["crl.ca.vn", "odd.ca.vn:8080"]).may_ask(url) is allowed

    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "169.254.169.254", "[::1]", "[::ffff:7f00:1]", "2130706433", "0x7f.1", "0", "localhost"]
    )
    def test_internal_addresses_are_not_asked_without_being_named(self, host):
        """T5."""
        source = closed(hosts=["crl.ca.vn"])
        assert not source.may_ask(f"http://{host}/")
        assert "not allowed" in refusal(source, f"http://{host}/")

    @pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "0177.0.0.1", "localhost"])
    def test_a_name_that_is_a_disguised_inner_address_is_refused_even_when_named(self, host):
        """T5: decimal and hexadecimal addresses are names to us; the resolver shows what they are."""
        told = refusal(closed(hosts=[host]), f"http://{host}/")
        assert "internal address" in told or "no address found" in told or "not a usable URL" in told, told

    @pytest.mark.parametrize(
        "address",
        ["127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104
         "::1", "::ffff:7f00:1", "fe80::1%eth0", "fd00::1", "2002:7f00:1::", "64:ff9b::a9fe:a9fe"],
    )  # fmt: skip
    def test_a_name_that_leads_inside_is_refused(self, monkeypatch, address):
        """T5: also when one of several addresses is a public one."""
        leads_to(monkeypatch, "93.184.215.14", address)
        told = refusal(closed(hosts=["crl.ca.vn"]), "http://crl.ca.vn/a.crl")
        assert "internal address" in told
        assert "evidence_host_map" in told, "the administrator of an inner network reads what to do"

    @pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07::1", "64:ff9b::5db8:d70e"])
    def test_addresses_of_the_open_internet_are_fine(self, address):
        assert evidence_http._is_public(ip_address(address))


class TestWhereItConnects:
    def test_the_address_that_was_checked_is_the_one_connected_to(self, server, monkeypatch):  # noqa: F811
        """T5, DNS rebinding: the name is resolved once; what it says a second later does not matter."""
        server.answers["/a.crl"] = gives(CRL)
        asked = leads_to(monkeypatch, "127.0.0.1")
        monkeypatch.setattr(evidence_http, "_is_public", lambda address: True)
        place = f"crl.ca.vn:{server.port}"
        assert asking(server, hosts=[place]).fetch(f"http://{place}/a.crl") == CRL
        assert asked == ["crl.ca.vn", "127.0.0.1"], "the second look-up is for an address, which cannot change"
        assert server.asked[0][2]["host"] == place

    def test_an_old_host_is_asked_at_its_new_name(self, server, monkeypatch):  # noqa: F811
        """ocsp.ca.ptc of old certificates (domain notes §6); the new host knows itself by its own name."""
        server.answers["/a.crl?x=1"] = gives(CRL)
        leads_to(monkeypatch, "127.0.0.1")
        monkeypatch.setattr(evidence_http, "_is_public", lambda address: True)
        source = closed(host_map={"OCSP.ca.ptc": f"ocsp.ca.vn:{server.port}"})
        assert source.may_ask("http://ocsp.ca.ptc/a.crl")
        assert source.fetch("http://ocsp.ca.ptc/a.crl?x=1") == CRL
        assert server.asked[0][2]["host"] == f"ocsp.ca.vn:{server.port}"

    def test_a_name_can_be_pinned_to_an_inner_address_and_keeps_its_name(self, server):  # noqa: F811
        server.answers["/a.crl"] = gives(CRL)
        source = closed(host_map={"crl.ca.vn": f"127.0.0.1:{server.port}"})
        assert source.fetch("http://crl.ca.vn/a.crl") == CRL
        assert server.asked[0][2]["host"] == "crl.ca.vn"

    def test_the_environment_has_no_say(self, server, monkeypatch):  # noqa: F811
        """A proxy of the environment would be asked for what was checked for this machine."""
        server.answers["/a.crl"] = gives(CRL)
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        assert asking(server).fetch(server.url("/a.crl")) == CRL

    def test_nothing_of_one_answer_travels_with_the_next_question(self, server):  # noqa: F811
        server.answers["/a.crl"] = gives(CRL, set_cookie="id=1; Path=/")
        source = asking(server)
        source.fetch(server.url("/a.crl"))
        source.fetch(server.url("/a.crl"))
        assert "cookie" not in server.asked[1][2]

    def test_tls_is_verified_against_the_name_that_was_meant(self, server, tmp_path, monkeypatch):  # noqa: F811
        """The connection goes to a checked address, the certificate must still be that of the host."""
        certificate = speaks_tls(server, tmp_path, name="crl.ca.vn")
        server.answers["/a.crl"] = gives(CRL)
        place = f"127.0.0.1:{server.port}"
        source = closed(host_map={"crl.ca.vn": place, "other.ca.vn": place}, timeout_seconds=5)
        assert "CERTIFICATE_VERIFY_FAILED" in refusal(source, "https://crl.ca.vn/a.crl"), "nobody vouches for it"
        trusting = ssl.create_default_context(cafile=certificate)
        monkeypatch.setattr(evidence_http, "_tls", lambda scheme: trusting)
        assert source.fetch("https://crl.ca.vn/a.crl") == CRL
        assert "mismatch" in refusal(source, "https://other.ca.vn/a.crl")

    def test_a_server_without_tls_is_not_asked_in_clear(self, server):  # noqa: F811
        server.answers["/a.crl"] = gives(CRL)
        assert refusal(asking(server), server.url("/a.crl").replace("http:", "https:"))
        assert server.asked == []


def speaks_tls(server: Server, folder: Path, *, name: str) -> Path:  # noqa: F811
    """From now on the server speaks TLS with a certificate of its own making; returns the certificate's file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    (folder / "certificate.pem").write_bytes(made.public_bytes(Encoding.PEM))
    server.speak_tls(folder / "certificate.pem", folder / "key.pem")
    return folder / "certificate.pem"


class TestHowMuchAndHowLong:
    def test_a_body_may_be_as_large_as_the_limit(self, server):  # noqa: F811
        server.answers["/a.crl"] = gives(b"x" * 1000)
        assert len(asking(server, max_bytes=1000).fetch(server.url("/a.crl"))) == 1000
        assert "larger" in refusal(asking(server, max_bytes=999), server.url("/a.crl"))

    def test_an_endless_body_ends(self, server):  # noqa: F811
        """T5, response bomb."""

        def endless(request) -> None:
            request.send_response(200)
            request.end_headers()
            while not server.stopping.is_set():
                request.wfile.write(b"x" * 65536)

        server.answers["/a.crl"] = endless
        assert "larger than 1000000" in refusal(asking(server, max_bytes=1_000_000), server.url("/a.crl"))

    @pytest.mark.parametrize("slow_part", ["headers", "body", "body without length"])
    def test_a_slow_server_is_given_up(self, server, slow_part):  # noqa: F811
        """T4/T5: each byte comes within the time-out of one wait, the whole never ends."""

        def slow(request) -> None:
            if slow_part == "headers":
                request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            else:
                request.send_response(200)
                if slow_part == "body":
                    request.send_header("content-length", "100000")
                request.end_headers()
            while not server.stopping.wait(0.05):
                request.wfile.write(b"x")
                request.wfile.flush()

        server.answers["/a.crl"] = slow
        started = time.monotonic()
        assert "within 0.4 seconds" in refusal(asking(server, timeout_seconds=0.4), server.url("/a.crl"))
        assert time.monotonic() - started < 2

    def test_a_server_that_says_nothing_is_given_up(self, server):  # noqa: F811
        server.answers["/a.crl"] = lambda request: server.stopping.wait(5) and None
        assert "within 0.3 seconds" in refusal(asking(server, timeout_seconds=0.3), server.url("/a.crl"))

    @pytest.mark.parametrize("body", [b"", b"half"])
    def test_an_answer_that_breaks_off_is_none(self, server, body):  # noqa: F811
        server.answers["/a.crl"] = gives(body, content_length="100")
        assert refusal(asking(server), server.url("/a.crl"))

    def test_an_empty_answer_is_none(self, server):  # noqa: F811
        server.answers["/a.crl"] = gives(b"")
        assert "empty" in refusal(asking(server), server.url("/a.crl"))

    def test_a_compressed_answer_is_not_unpacked(self, server):  # noqa: F811
        """A bomb of a thousand times its size would be counted too late."""
        server.answers["/a.crl"] = gives(b"\x1f\x8b\x08", content_encoding="gzip")
        assert "compressed" in refusal(asking(server), server.url("/a.crl"))
        assert server.asked[0][2]["accept-encoding"] == "identity"

    def test_nothing_is_left_open(self, server):  # noqa: F811
        server.answers["/a.crl"] = gives(CRL)
        source = asking(server)
        source.fetch(server.url("/a.crl"))
        before = threads_and_files()
        for _ in range(5):
            source.fetch(server.url("/a.crl"))
            with pytest.raises(EvidenceUnavailable):
                source.fetch("http://nobody.example/")
        assert threads_and_files() <= before + 1


def threads_and_files() -> int:
    deadline = time.monotonic() + 1
    while any(
        thread.name.startswith("Thread-") and "process_request" in thread.name for thread in threading.enumerate()
    ):
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return len(os.listdir("/proc/self/fd")) + sum(isinstance(t, threading.Timer) for t in threading.enumerate())


class TestMirror:
    URL = "http://crl.ca.vn/public/ca.crl?x=1"

    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        (tmp_path / "mirror").mkdir()
        return tmp_path / "mirror"

    @pytest.mark.parametrize("name", ["ca.crl", hashlib.sha256(URL.encode()).hexdigest()])
    def test_a_file_stands_for_its_url(self, folder, name):
        source = closed(mirror=folder)
        assert not source.may_ask(self.URL)
        (folder / name).write_bytes(CRL)
        assert source.may_ask(self.URL)
        assert source.fetch(self.URL) == CRL

    def test_it_has_no_answers_to_questions(self, folder):
        (folder / "ca.crl").write_bytes(CRL)
        assert "not allowed" in refusal(closed(mirror=folder), self.URL, b"question")

    @pytest.mark.parametrize("last", ["..%2f..%2fsecret", "%2e%2e", "..", "%5csecret", ".hidden", "a%00b", "x" * 300])
    def test_only_the_folder_is_read(self, folder, last):
        (folder / ".hidden").write_bytes(b"no")
        (folder.parent / "secret").write_bytes(b"no")
        assert not closed(mirror=folder).may_ask(f"http://crl.ca.vn/{last}")

    def test_crl_files_are_given_out_when_new_or_changed(self, folder):
        source = closed(mirror=folder)
        (folder / "a.crl").write_bytes(b"one")
        (folder / "B.CRL").write_bytes(b"two")
        (folder / "note.txt").write_bytes(b"three")
        assert dict(source.mirrored()) == {"a.crl": b"one", "B.CRL": b"two"}
        assert list(source.mirrored()) == []
        (folder / "a.crl").write_bytes(b"changed")
        assert list(source.mirrored()) == [("a.crl", b"changed")]

    def test_a_file_that_was_not_taken_comes_again(self, folder):
        source = closed(mirror=folder)
        (folder / "a.crl").write_bytes(b"one")
        assert next(source.mirrored()) == ("a.crl", b"one")  # and then the database was away
        assert list(source.mirrored()) == [("a.crl", b"one")]

    def test_a_file_that_is_too_large_is_left_out(self, folder):
        source = closed(mirror=folder, max_bytes=10)
        (folder / "a.crl").write_bytes(b"x" * 11)
        (folder / "b.crl").write_bytes(b"x" * 10)
        assert [name for name, _ in source.mirrored()] == ["b.crl"]
        assert "larger" in refusal(source, "http://crl.ca.vn/a.crl")

    def test_a_folder_that_is_away_is_said(self, folder):
        folder.rmdir()
        with pytest.raises(EvidenceUnavailable, match="mirror"):
            list(closed(mirror=folder).mirrored())
