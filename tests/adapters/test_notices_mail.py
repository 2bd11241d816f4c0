"""Notices by mail, against a real SMTP server: TLS, login, refusals, a server that hangs up or is away."""

from __future__ import annotations

import socket
import threading
from dataclasses import replace
from email.utils import parsedate_to_datetime

import pytest

from adapters.services.notices_mail import NoticesMail
from hub.domain.notices import Enclosed
from hub.errors import Misconfigured, NoticesUnavailable
from tests.conformance.notice_carrier import NOTICE, NoticeCarrierConformance
from tests.support.mail_server import HOST, PASSWORD, USER, MailServer, certificate, speaking_tls
from tests.support.private_server import free_port

SENDER = "truc@hub.example.vn"
READER = "vanthu@h41.example.vn"
MAIL = replace(NOTICE, address=READER)


@pytest.fixture
def server():
    """A function that opens a mail server."""
    made: list[MailServer] = []

    def open_one(**kinds) -> MailServer:
        made.append(MailServer(**kinds).open())
        return made[-1]

    yield open_one
    for one in made:
        one.close()


@pytest.fixture
def tls(tmp_path, monkeypatch):
    """A server's TLS, which clients made from now on trust."""
    chain, key = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    return speaking_tls(chain, key)


def mailing(server: MailServer, **more) -> NoticesMail:
    return NoticesMail(server.url, sender=SENDER, timeout_seconds=5, **more)


def refusal(carrier: NoticesMail, **changes) -> str:
    with pytest.raises(NoticesUnavailable) as told:
        carrier.send(replace(MAIL, **changes))
    return str(told.value)


class TestNoticesMail(NoticeCarrierConformance):
    @pytest.fixture
    def address(self):
        return READER

    @pytest.fixture
    def mail(self, server):
        return server()

    @pytest.fixture
    def carrier(self, mail):
        return mailing(mail)

    @pytest.fixture
    def taken(self, mail):
        return lambda: [one["Message-ID"].strip("<>").partition("@")[0] for one in mail.taken]

    @pytest.fixture
    def away(self, mail):
        return mail.close


def test_the_mail_is_what_people_can_read(server):
    opened = server()
    mailing(opened).send(MAIL)
    (mail,) = opened.taken
    assert (mail["From"], mail["To"], mail["Subject"]) == (SENDER, READER, NOTICE.subject)
    assert mail["Message-ID"] == f"<{NOTICE.notice_id}@hub.example.vn>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(mail["Date"]).year >= 2026
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content_charset() == "utf-8"
    assert mail.get_content().replace("\r\n", "\n") == NOTICE.text


def test_files_arrive_byte_for_byte_under_their_names(server):
    opened = server()
    pdf, text = bytes(range(256)) * 4000, "số liệu;1\r\n.\r\n".encode()
    files = (Enclosed("báo cáo quý III.pdf", "application/pdf", pdf), Enclosed("so-lieu.csv", "text/csv", text))
    mailing(opened).send(replace(MAIL, attachments=files))
    (mail,) = opened.taken
    assert mail.get_content_type() == "multipart/mixed"
    assert mail.get_body().get_content().replace("\r\n", "\n") == NOTICE.text
    got = [
        (one.get_filename(), one.get_content_type(), one.get_payload(decode=True)) for one in mail.iter_attachments()
    ]
    assert got == [("báo cáo quý III.pdf", "application/pdf", pdf), ("so-lieu.csv", "text/csv", text)]


def test_no_file_name_becomes_a_header(server):
    opened = server()
    odd = Enclosed('a"\r\nX-Evil: 1\r\n\r\nbody.pdf', "application/pdf", b"x")
    mailing(opened).send(replace(MAIL, attachments=(odd,)))
    (mail,) = opened.taken
    (file,) = mail.iter_attachments()
    assert mail["X-Evil"] is file["X-Evil"] is None
    assert file.get_payload(decode=True) == b"x"


def test_no_name_becomes_a_header(server):
    opened = server()
    mailing(opened).send(replace(MAIL, subject="Sở\r\nBcc: evil@example.org\r\n\r\nbody", notice_id="a\r\nX-Evil: 1"))
    (mail,) = opened.taken
    assert mail["Bcc"] is None
    assert mail["X-Evil"] is None
    assert mail["Subject"] == "Sở  Bcc: evil@example.org    body"
    assert mail.get_content().startswith("Trục thử")


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # aiosmtpd does not count TLS from the beginning as TLS
@pytest.mark.parametrize("scheme", ["starttls", "tls"])
def test_over_tls_with_a_login(server, tls, scheme):
    opened = server(scheme=scheme, tls=tls, auth=True)
    mailing(opened, user=USER, password=PASSWORD).send(MAIL)
    assert len(opened.taken) == len(opened.logins) == 1
    wrong = mailing(opened, user=USER, password="wrong-secret")
    assert "535" in refusal(wrong)
    assert "wrong-secret" not in refusal(wrong)
    assert len(opened.taken) == 1


@pytest.mark.parametrize("scheme", ["starttls", "tls"])
def test_a_certificate_of_nobody_gets_no_mail(server, tmp_path, monkeypatch, scheme):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    opened = server(scheme=scheme, tls=speaking_tls(*certificate(tmp_path)))
    assert "certificate" in refusal(mailing(opened))
    assert opened.taken == []


def test_a_certificate_of_another_host_gets_no_mail(server, tmp_path, monkeypatch):
    chain, key = certificate(tmp_path, name="192.0.2.7")
    monkeypatch.setenv("SSL_CERT_FILE", str(chain))
    opened = server(scheme="starttls", tls=speaking_tls(chain, key))
    assert "127.0.0.1" in refusal(mailing(opened))
    assert opened.taken == []


def test_a_server_without_tls_is_not_used_when_tls_is_wanted(server):
    opened = server()
    carrier = NoticesMail(f"starttls://{HOST}:{opened.port}", sender=SENDER, timeout_seconds=5)
    assert "STARTTLS" in refusal(carrier)
    assert opened.taken == []


def test_a_refused_recipient_is_said_in_the_servers_words(server):
    opened = server(refused=frozenset({READER}))
    assert "550 5.1.1 no such mailbox" in refusal(mailing(opened))
    assert opened.taken == []


def test_a_server_that_hangs_up(server):
    opened = server(goodbye=True)
    assert refusal(mailing(opened))
    assert opened.taken == []


def test_a_server_that_is_away_and_comes_back(server):
    opened = server()
    opened.close()
    carrier = mailing(opened)
    assert f"{HOST}:{opened.port}" in refusal(carrier)
    opened.open()
    carrier.send(MAIL)
    assert len(opened.taken) == 1


def test_a_server_that_says_nothing_is_not_waited_for():
    with socket.create_server((HOST, free_port())) as silent:
        carrier = NoticesMail(f"plain://{HOST}:{silent.getsockname()[1]}", sender=SENDER, timeout_seconds=0.2)
        assert "timed out" in refusal(carrier)


def test_a_rude_goodbye_after_the_mail_is_no_failure():
    """A mail that the server took must not be sent again because QUIT went wrong."""
    taken = threading.Event()
    with socket.create_server((HOST, 0)) as listening:
        thread = threading.Thread(target=_rude, args=(listening, taken), daemon=True)
        thread.start()
        NoticesMail(f"plain://{HOST}:{listening.getsockname()[1]}", sender=SENDER, timeout_seconds=5).send(MAIL)
        thread.join(5)
    assert taken.is_set()


def _rude(listening: socket.socket, taken: threading.Event) -> None:
    connection, _ = listening.accept()
    with connection, connection.makefile("rwb") as lines:
        for answer in (b"220 hi", b"250 mail.test", b"250 OK", b"250 OK", b"354 go on"):
            lines.write(answer + b"\r\n")
            lines.flush()
            lines.readline()
        while lines.readline().strip() != b".":
            pass
        taken.set()
        lines.write(b"250 OK\r\n")
        lines.flush()
        lines.readline()
        lines.write(b"554 no goodbye here\r\n")
        lines.flush()


@pytest.mark.parametrize(
    ("server_url", "more"),
    [
        ("mail.example.vn", {}),
        ("smtp://mail.example.vn", {}),
        ("tls://", {}),
        ("tls://user:secret@mail.example.vn", {}),
        ("tls://mail.example.vn:99999", {}),
        ("tls://mail.example.vn/path", {}),
        ("tls://mail.example.vn", {"sender": ""}),
        ("tls://mail.example.vn", {"sender": "Trục <truc@example.vn>"}),
        ("tls://mail.example.vn", {"user": "x"}),
        ("tls://mail.example.vn", {"user": "x", "password": "hidden-word-ệ"}),
        ("plain://mail.example.vn", {"user": "x", "password": "hidden-word"}),
    ],
)
def test_wrong_settings_are_named(server_url, more):
    with pytest.raises(Misconfigured, match=r"^mail_") as told:
        NoticesMail(server_url, **{"sender": SENDER} | more)
    assert "hidden-word" not in str(told.value)


def test_the_usual_ports(monkeypatch):
    asked: list[tuple[str, int]] = []

    def nobody(address, *_more, **_kinds):
        asked.append(address)
        raise ConnectionRefusedError("nobody")

    monkeypatch.setattr("socket.create_connection", nobody)
    for scheme in ("starttls", "tls", "plain"):
        assert "nobody" in refusal(NoticesMail(f"{scheme}://mail.example.vn", sender=SENDER))
    assert asked == [("mail.example.vn", port) for port in (587, 465, 25)]
