"""Sends a notice as one plain-text mail by SMTP, with the files that it encloses.

Owns: the connection (TLS verified), the headers of the mail.
Never: lets a name from outside become a header; says a password over an open line.
Source: RFC 5321, RFC 5322, RFC 3207 (STARTTLS), RFC 8314 (implicit TLS), RFC 3834 (Auto-Submitted),
RFC 2183 (attachments).
"""

from __future__ import annotations

import smtplib
import socket
import ssl
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from urllib.parse import urlsplit

from hub.domain.notices import Notice, mail_address
from hub.errors import Misconfigured, NoticesUnavailable

PORTS = {"starttls": 587, "tls": 465, "plain": 25}
LONGEST_ERROR = 300


class NoticesMail:
    """A NoticeCarrier; opens one connection per notice."""

    def __init__(
        self, server: str, *, sender: str, user: str = "", password: str = "", timeout_seconds: float = 30.0
    ) -> None:
        """`server` is starttls://host:587, tls://host:465 or plain://host:25. Raises Misconfigured."""
        self._scheme, self._host, self._port = _server(server)
        try:
            self._sender = mail_address(sender)
        except ValueError as wrong:
            raise Misconfigured("mail_from", "the address from which notices come", f"{sender!r}: {wrong}.") from wrong
        if bool(user) != bool(password):
            raise Misconfigured("mail_user", "mail_user and mail_password go together", "Set both or none.")
        if not (user + password).isascii():  # smtplib can say no other
            raise Misconfigured("mail_password", "ASCII signs only, as mail_user", "Choose another password.")
        if user and self._scheme == "plain":
            raise Misconfigured("mail_server", "starttls:// or tls://", "A password is not sent over an open line.")
        self._user, self._password = user, password
        self._timeout_seconds = timeout_seconds

    def send(self, notice: Notice) -> None:
        """See hub.ports.NoticeCarrier; a repeated notice has the same Message-ID."""
        try:
            connection = self._connected()
        except (OSError, smtplib.SMTPException) as trouble:
            raise NoticesUnavailable(f"{self._host}:{self._port}: {_words(trouble)}") from trouble
        try:
            self._hand_over(connection, notice)
        except (OSError, ValueError, smtplib.SMTPException) as trouble:
            raise NoticesUnavailable(f"{self._host}:{self._port}: {_words(trouble)}") from trouble
        finally:
            connection.close()

    def _connected(self) -> smtplib.SMTP:
        here = socket.gethostname()  # smtplib's own way asks the DNS, which a closed network may not have
        if self._scheme == "tls":
            tls = ssl.create_default_context()
            return smtplib.SMTP_SSL(self._host, self._port, here, timeout=self._timeout_seconds, context=tls)
        return smtplib.SMTP(self._host, self._port, here, timeout=self._timeout_seconds)

    def _hand_over(self, connection: smtplib.SMTP, notice: Notice) -> None:
        if self._scheme == "starttls":
            connection.starttls(context=ssl.create_default_context())
        if self._user:
            connection.login(self._user, self._password)
        address = mail_address(notice.address)
        connection.send_message(self._message(notice, address), self._sender, [address])
        with suppress(OSError, smtplib.SMTPException):  # the server has the mail, however it says goodbye
            connection.quit()

    def _message(self, notice: Notice, address: str) -> EmailMessage:
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = address
        message["Subject"] = _one_line(notice.subject)
        message["Date"] = formatdate()
        message["Message-ID"] = f"<{_one_line(notice.notice_id)}@{self._sender.partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(notice.text, cte="quoted-printable")  # any server takes it: 7 bits, short lines
        for file in notice.attachments:
            kind, _, part = file.media_type.partition("/")
            message.add_attachment(file.content, maintype=kind, subtype=part, filename=_one_line(file.name))
        return message


def _server(text: str) -> tuple[str, str, int]:
    shape = "starttls://host:587, tls://host:465 or plain://host:25"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as wrong:
        raise Misconfigured("mail_server", shape, f"{wrong}.") from wrong
    if parts.scheme not in PORTS or not host or "@" in parts.netloc or parts.path.strip("/") or parts.query:
        raise Misconfigured("mail_server", shape, "User and password have settings of their own.")
    return parts.scheme, host, port or PORTS[parts.scheme]


def _one_line(text: str) -> str:
    return "".join(sign if sign.isprintable() else " " for sign in text)


def _words(trouble: Exception) -> str:
    """What the server said, without the password, which no error of smtplib repeats."""
    if isinstance(trouble, smtplib.SMTPRecipientsRefused):
        trouble = smtplib.SMTPResponseException(*next(iter(trouble.recipients.values())))
    if isinstance(trouble, smtplib.SMTPResponseException):
        said = trouble.smtp_error
        text = f"{trouble.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"
    else:
        text = str(trouble) or type(trouble).__name__
    return _one_line(text)[:LONGEST_ERROR]
