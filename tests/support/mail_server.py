"""A real SMTP server on this machine: TLS of both kinds, AUTH, refusals, a server that hangs up.

Owns: the server, what it took, a certificate of its own that a client trusts when it is told to.
Never: relays anything.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.support.private_server import free_port

HOST = "127.0.0.1"
USER, PASSWORD = "truc", "of-one-test"


@dataclass(slots=True)
class MailServer:
    """Takes mail until `close`; `scheme` as in HUB_MAIL_SERVER. `refused` answers 550, `goodbye` hangs up at DATA."""

    scheme: str = "plain"
    tls: ssl.SSLContext | None = None
    auth: bool = False
    refused: frozenset[str] = frozenset()
    goodbye: bool = False
    port: int = field(default_factory=free_port)
    taken: list[EmailMessage] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    _controller: Controller | None = None

    @property
    def url(self) -> str:
        """As HUB_MAIL_SERVER names it."""
        return f"{self.scheme}://{HOST}:{self.port}"

    def open(self) -> MailServer:
        """Begin, or begin again on the same port."""
        kinds: dict[str, Any] = {}
        if self.scheme == "tls":
            kinds["ssl_context"] = self.tls
        if self.scheme == "starttls":
            kinds |= {"tls_context": self.tls, "require_starttls": True}
        if self.auth:
            kinds |= {"authenticator": self._login, "auth_required": True, "auth_require_tls": self.scheme != "tls"}
        self._controller = Controller(self, hostname=HOST, port=self.port, server_hostname="mail.test", **kinds)
        self._controller.start()
        return self

    def close(self) -> None:
        """End; harmless twice."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_RCPT(
        self, _server: SMTP, _session: object, envelope: Any, address: str, _options: list[str]
    ) -> str:
        if address in self.refused:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: object, envelope: Any) -> str:
        if self.goodbye:
            server.transport.close()
            return "421 goodbye"
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.taken.append(message)
        return "250 OK"

    def _login(self, _server: SMTP, _session: object, _envelope: object, mechanism: str, data: Any) -> AuthResult:
        genuine = isinstance(data, LoginPassword) and data == LoginPassword(USER.encode(), PASSWORD.encode())
        self.logins.append(mechanism)
        return AuthResult(success=genuine, handled=False)


def certificate(folder: Path, *, name: str = HOST) -> tuple[Path, Path]:
    """A certificate for `name` (an address) that signs itself, and its key, as PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test server")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain, private = folder / "server.pem", folder / "server-key.pem"
    chain.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return chain, private


def speaking_tls(chain: Path, private: Path) -> ssl.SSLContext:
    """What a server needs to speak TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, private)
    return context
