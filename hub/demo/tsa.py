"""A timestamp authority for the demo and the tests: it answers RFC 3161 requests, rightly or in a declared wrong way.

Owns: the ways in which a token may be wrong (`TokenFlaws`), and a small HTTP server in a thread.
Never: is used to prove anything real.
Source: RFC 3161 §2.4, §3.4 (HTTP); RFC 5652 §5.4; RFC 5816.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from asn1crypto import algos, cms, tsp
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding

from hub.demo.pki import Identity

POLICY = "1.3.6.1.4.1.99999.3.1"
MEDIA_TYPE = "application/timestamp-reply"


@dataclass(frozen=True, slots=True)
class TokenFlaws:
    """What is odd about an answer; the default has no flaw.

    `status` is the PKIStatus, `late_by` moves the time, `kind` is the content type of what is signed, `signers`
    how often it is signed, `names` the attribute that names the certificate (`signing_certificate`, the SHA-1
    form, or empty: none). `imprint` and `nonce` replace those asked for. `changed` alters the words after signing.
    """

    status: str = "granted"
    late_by: timedelta = timedelta()
    kind: str = "tst_info"
    signers: int = 1
    names: str = "signing_certificate_v2"
    names_other: bool = False
    imprint: bytes | None = None
    nonce: int | None = None
    changed: bool = False
    wrong_signature: bool = False
    without_certificates: bool = False
    certificates_twice: bool = False
    digest: str = "sha256"


SOUND = TokenFlaws()


def answer(request: bytes, identity: Identity, *, flaws: TokenFlaws = SOUND, now: datetime | None = None) -> bytes:
    """The DER TimeStampResp of this authority to a DER TimeStampReq."""
    if flaws.status not in ("granted", "granted_with_mods"):
        status = {"status": flaws.status, "status_string": ["not today"], "fail_info": {"time_not_available"}}
        return cms.core.Sequence({}).dump() if flaws.status == "nothing" else _refusal(status)
    asked = tsp.TimeStampReq.load(request)
    body = _words(asked, flaws, now or datetime.now(UTC)).dump()
    signed = _signed_data(body, identity, flaws)
    token = cms.ContentInfo({"content_type": "signed_data", "content": signed})
    return tsp.TimeStampResp({"status": {"status": flaws.status}, "time_stamp_token": token}).dump()


def token_of(response: bytes) -> bytes:
    """The DER token in a response that grants one."""
    return tsp.TimeStampResp.load(response)["time_stamp_token"].dump()


def _refusal(status: dict[str, Any]) -> bytes:
    """A response without a token, which asn1crypto cannot write: the sequence around the status alone."""
    inner = tsp.PKIStatusInfo(status).dump()
    return bytes([0x30, len(inner)]) + inner


def _words(asked: tsp.TimeStampReq, flaws: TokenFlaws, now: datetime) -> tsp.TSTInfo:
    imprint = asked["message_imprint"]
    if flaws.imprint is not None:
        imprint = tsp.MessageImprint({"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": flaws.imprint})
    stated: dict[str, Any] = {
        "version": "v1",
        "policy": asked["req_policy"].native or POLICY,
        "message_imprint": imprint,
        "serial_number": time.time_ns(),
        "gen_time": (now + flaws.late_by).replace(microsecond=0),
        "accuracy": {"seconds": 1},
    }
    nonce = flaws.nonce if flaws.nonce is not None else asked["nonce"].native
    return tsp.TSTInfo(stated | ({} if nonce is None else {"nonce": nonce}))


def _signed_data(body: bytes, identity: Identity, flaws: TokenFlaws) -> cms.SignedData:
    algorithm = algos.DigestAlgorithm({"algorithm": flaws.digest})
    signer = _signer_info(body, identity, flaws)
    carried = [] if flaws.without_certificates else [_asn1(one) for one in identity.chain]
    carried *= 2 if flaws.certificates_twice else 1
    shown = body[:-1] + bytes([body[-1] ^ 1]) if flaws.changed else body
    return cms.SignedData(
        {
            "version": "v3",
            "digest_algorithms": [algorithm],
            "encap_content_info": {"content_type": flaws.kind, "content": cms.ParsableOctetString(shown)},
            "certificates": carried,
            "signer_infos": [signer] * flaws.signers,
        }
    )


def _signer_info(body: bytes, identity: Identity, flaws: TokenFlaws) -> cms.SignerInfo:
    own = _asn1(identity.certificate)
    hashed = hashes.Hash(_HASHES[flaws.digest])
    hashed.update(body)
    attributes = [
        cms.CMSAttribute({"type": "content_type", "values": [flaws.kind]}),
        cms.CMSAttribute({"type": "message_digest", "values": [hashed.finalize()]}),
    ]
    if flaws.names:
        attributes.append(_naming(own.dump() + (b"!" if flaws.names_other else b""), flaws.names))
    signed = cms.CMSAttributes(attributes)
    signature = _sign(identity, signed.dump(), flaws.digest)
    if flaws.wrong_signature:
        signature = _sign(identity, signed.dump() + b"!", flaws.digest)
    family = "ecdsa" if isinstance(identity.key, ec.EllipticCurvePrivateKey) else "rsa"
    return cms.SignerInfo(
        {
            "version": "v1",
            "sid": {"issuer_and_serial_number": {"issuer": own.issuer, "serial_number": own.serial_number}},
            "digest_algorithm": {"algorithm": flaws.digest},
            "signature_algorithm": {"algorithm": f"{flaws.digest}_{family}"},
            "signed_attrs": signed,
            "signature": signature,
        }
    )


_HASHES = {"sha1": hashes.SHA1(), "sha256": hashes.SHA256(), "sha384": hashes.SHA384()}  # noqa: S303 - a flaw


def _naming(der: bytes, kind: str) -> cms.CMSAttribute:
    if kind == "signing_certificate_v2":
        value = tsp.SigningCertificateV2({"certs": [{"cert_hash": sha256(der).digest()}]})
    else:
        sha1 = hashes.Hash(hashes.SHA1())  # noqa: S303 - the older form of the attribute knows only this
        sha1.update(der)
        value = tsp.SigningCertificate({"certs": [{"cert_hash": sha1.finalize()}]})
    return cms.CMSAttribute({"type": kind, "values": [value]})


def _sign(identity: Identity, content: bytes, digest: str) -> bytes:
    if isinstance(identity.key, ec.EllipticCurvePrivateKey):
        return identity.key.sign(content, ec.ECDSA(_HASHES[digest]))
    return identity.key.sign(content, padding.PKCS1v15(), _HASHES[digest])


def _asn1(certificate: Any) -> asn1.Certificate:
    return asn1.Certificate.load(certificate.public_bytes(Encoding.DER))


@dataclass(slots=True)
class DemoTsa:
    """The authority as an HTTP service on a free port; `with` starts and stops it, `delay_seconds` makes it slow."""

    identity: Identity
    flaws: TokenFlaws = SOUND
    delay_seconds: float = 0.0
    answered: int = 0
    most_at_once: int = 0
    _busy: int = 0
    _lock: Any = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """Where it answers while it runs."""
        if self._server is None:
            raise RuntimeError("the authority is not running")
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def __enter__(self) -> DemoTsa:
        handler = type("Handler", (_Handler,), {"authority": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="tsa", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    def respond(self, request: bytes) -> bytes:
        """The answer, after the delay; counts how many are asked for at the same time."""
        with self._lock:
            self._busy += 1
            self.most_at_once = max(self.most_at_once, self._busy)
        try:
            self._stop.wait(self.delay_seconds)
            return answer(request, self.identity, flaws=self.flaws)
        finally:
            with self._lock:
                self._busy -= 1
                self.answered += 1


class _Handler(BaseHTTPRequestHandler):
    authority: DemoTsa

    def do_POST(self) -> None:
        """RFC 3161 §3.4: the request is the body, the answer too."""
        body = self.authority.respond(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        self.send_response(200)
        self.send_header("Content-Type", MEDIA_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The demo tells its own story."""
