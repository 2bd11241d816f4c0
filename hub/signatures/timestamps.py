"""RFC 3161 timestamps: asking for one, reading the answer, judging a token now or years later.

Owns: every reason for which a token proves nothing, each with its own finding code.
Never: opens a connection, or takes a certificate of the token for a trusted one (the given judge decides).
Source: RFC 3161 §2.3, §2.4; RFC 5652 §5.4 (signed attributes); RFC 5816 (ESSCertIDv2); threats E21.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256

from asn1crypto import cms, tsp
from asn1crypto.core import Asn1Value, Sequence
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub.domain.evidence import EvidenceBook, EvidenceWanted
from hub.domain.findings import Finding, Severity, describe
from hub.errors import TimestampsUnavailable
from hub.signatures import trust
from hub.signatures.anchors import Trust

CHECK = "timestamp"
CLOCKS_DIFFER = timedelta(minutes=5)  # between the hub's clock and the authority's
MOST_BYTES = 256 * 1024  # of a token; one with its chain has about 6 KB
_DIGESTS = {"sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}
_GRANTED = ("granted", "granted_with_mods")

#: Is this authority's certificate trusted for timestamps at that moment? (leaf, others in the token, genTime)
ChainJudge = Callable[[x509.Certificate, tuple[x509.Certificate, ...], datetime], Iterable[Finding]]


@dataclass(frozen=True, slots=True)
class Timestamp:
    """What a token says: `digest` existed at `gen_time`; `certificate` is the authority's, `others` came along."""

    token: bytes
    gen_time: datetime
    serial: str
    policy: str
    digest: bytes
    nonce: int | None
    certificate: x509.Certificate
    others: tuple[x509.Certificate, ...]


@dataclass(frozen=True, slots=True)
class TokenReport:
    """The judgement of one token; `timestamp` is None when it could not even be read."""

    timestamp: Timestamp | None = None
    findings: tuple[Finding, ...] = ()

    @property
    def valid(self) -> bool:
        """True when nothing is wrong and nothing is left open."""
        return self.timestamp is not None and all(f.severity in _HARMLESS for f in self.findings)

    @property
    def invalid(self) -> bool:
        """True when something is wrong; neither valid nor invalid means undetermined."""
        return any(f.severity is Severity.ERROR for f in self.findings)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token must be for: the SHA-256 `digest`, its time not before and not after (None: any).

    `nonce` and `policy` as they were asked for (None and empty: any).
    """

    digest: bytes
    not_before: datetime | None = None
    not_after: datetime | None = None
    nonce: int | None = None
    policy: str = ""


def chain_judge(anchors: Trust, evidence: EvidenceBook, wanted: list[EvidenceWanted] | None = None) -> ChainJudge:
    """Judges authorities by trusted roots and revocation evidence; `wanted` collects what to fetch about them."""

    def judge(leaf: x509.Certificate, others: tuple[x509.Certificate, ...], moment: datetime) -> tuple[Finding, ...]:
        report = trust.chain(
            leaf,
            others,
            anchors.timestamping,
            moment=moment,
            evidence=evidence,
            usage=trust.Usage.TIMESTAMPING,
        )
        if wanted is not None:
            wanted.extend(report.wanted)
        return report.findings

    return judge


def request(digest: bytes, *, policy: str = "") -> tuple[bytes, int]:
    """The DER TimeStampReq for a SHA-256 digest, and its nonce; the authority's certificate is asked for."""
    nonce = secrets.randbits(64)
    asked = {
        "version": "v1",
        "message_imprint": {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": digest},
        "nonce": nonce,
        "cert_req": True,
    }
    if policy:
        asked["req_policy"] = policy
    return tsp.TimeStampReq(asked).dump(), nonce


def read_response(der: bytes, expected: Expected, *, judge: ChainJudge) -> Timestamp:
    """The timestamp of a TimeStampResp, verified except for what `judge` leaves open.

    Raises: TimestampsUnavailable with the authority's refusal, or with the first thing that is wrong.
    """
    try:
        answer = _strictly(_Response, der)
        status = answer["status"]["status"].native
        words = "; ".join(answer["status"]["status_string"].native or ())[:200]
        failure = ", ".join(sorted(answer["status"]["fail_info"].native or ()))
        token = answer["time_stamp_token"].dump() if status in _GRANTED else b""
    except (ValueError, TypeError, KeyError) as fault:
        raise TimestampsUnavailable("the answer is no RFC 3161 response") from fault
    if status not in _GRANTED:
        raise TimestampsUnavailable(f"the authority answered {status}: {failure or '-'} {words!r}")
    report = verify_token(token, expected, judge=judge)
    if report.timestamp is None or report.invalid:
        raise TimestampsUnavailable("; ".join(f"{f.code}: {describe(f).en}" for f in report.findings))
    return report.timestamp


def verify_token(token: bytes, expected: Expected, *, judge: ChainJudge) -> TokenReport:
    """The judgement of a token (DER ContentInfo): its form, its signature, what it is for, then the chain.

    A token whose form, signature or subject is wrong gets that one finding; the chain is judged at its own time.
    """
    try:
        timestamp = _read(token)
        _compare(timestamp, expected)
    except _Wrong as wrong:
        return TokenReport(findings=(wrong.finding,))
    return TokenReport(timestamp, tuple(judge(timestamp.certificate, timestamp.others, timestamp.gen_time)))


class _Response(Sequence):
    """RFC 3161 §2.4.2; asn1crypto's own demands a token even of a refusal."""

    _fields = [("status", tsp.PKIStatusInfo), ("time_stamp_token", cms.ContentInfo, {"optional": True})]  # noqa: RUF012


class _Wrong(Exception):
    def __init__(self, code: str, /, **evidence: str) -> None:
        super().__init__(code)
        self.finding = Finding(CHECK, f"timestamp.{code}", Severity.ERROR, "", evidence)


_HARMLESS = (Severity.NOTE, Severity.WARNING)


def _read(token: bytes) -> Timestamp:
    """The token's words, once its own signature over them has been checked."""
    if len(token) > MOST_BYTES:
        raise _Wrong("unreadable", reason=f"{len(token)} bytes")
    try:
        content = _strictly(cms.ContentInfo, token)
        if content["content_type"].native != "signed_data":
            raise _Wrong("not_a_timestamp", found=content["content_type"].native)
        signed = content["content"]
        kind = signed["encap_content_info"]["content_type"].native
        if kind != "tst_info":
            raise _Wrong("not_a_timestamp", found=kind)
        if len(signed["signer_infos"]) != 1:
            raise _Wrong("several_signers", count=str(len(signed["signer_infos"])))
        certificate, others = _certificates(signed)
        body = bytes(signed["encap_content_info"]["content"])
        _check_signature(signed["signer_infos"][0], body, certificate)
        _check_usage(certificate)
        return replace(_stated(body), token=token, certificate=certificate, others=others)
    except (ValueError, TypeError, KeyError, UnsupportedAlgorithm) as fault:
        raise _Wrong("unreadable", reason=str(fault)[:200]) from fault


def _stated(body: bytes) -> Timestamp:
    info = _strictly(tsp.TSTInfo, body)
    imprint = info["message_imprint"]
    if imprint["hash_algorithm"]["algorithm"].native != "sha256":
        raise _Wrong("weak_algorithm", algorithm=imprint["hash_algorithm"]["algorithm"].native)
    return Timestamp(
        token=b"",
        gen_time=info["gen_time"].native,
        serial=f"{info['serial_number'].native:x}",
        policy=info["policy"].dotted,
        digest=imprint["hashed_message"].native,
        nonce=info["nonce"].native,
        certificate=None,  # type: ignore[arg-type]  # filled in by the caller, with what signed these words
        others=(),
    )


def _compare(timestamp: Timestamp, expected: Expected) -> None:
    if not hmac.compare_digest(timestamp.digest, expected.digest):
        raise _Wrong("other_digest", found=timestamp.digest.hex(), wanted=expected.digest.hex())
    if expected.nonce is not None and timestamp.nonce != expected.nonce:
        raise _Wrong("other_nonce")
    if expected.policy and timestamp.policy != expected.policy:
        raise _Wrong("other_policy", found=timestamp.policy, wanted=expected.policy)
    times = {"time": timestamp.gen_time.isoformat()}
    if expected.not_before is not None and timestamp.gen_time < expected.not_before - CLOCKS_DIFFER:
        raise _Wrong("too_early", **times, since=expected.not_before.isoformat())
    if expected.not_after is not None and timestamp.gen_time > expected.not_after + CLOCKS_DIFFER:
        raise _Wrong("in_the_future", **times, until=expected.not_after.isoformat())


def _certificates(signed: cms.SignedData) -> tuple[x509.Certificate, tuple[x509.Certificate, ...]]:
    """The signer's certificate, found by the signer's identifier, and the others."""
    found = [choice.chosen for choice in signed["certificates"] if choice.name == "certificate"]
    carried = list({one.dump(): one for one in found}.values())  # some authorities send their own twice
    sid = signed["signer_infos"][0]["sid"]
    if sid.name == "issuer_and_serial_number":
        wanted = (sid.chosen["issuer"].dump(), sid.chosen["serial_number"].native)
        own = [one for one in carried if (one.issuer.dump(), one.serial_number) == wanted]
    else:
        own = [one for one in carried if one.key_identifier == sid.chosen.native]
    if len(own) != 1:
        raise _Wrong("no_certificate")
    others = tuple(x509.load_der_x509_certificate(one.dump()) for one in carried if one is not own[0])
    return x509.load_der_x509_certificate(own[0].dump()), others


def _check_signature(signer: cms.SignerInfo, body: bytes, certificate: x509.Certificate) -> None:
    digest = signer["digest_algorithm"]["algorithm"].native
    if digest not in _DIGESTS:
        raise _Wrong("weak_algorithm", algorithm=str(digest))
    if _only(signer, "content_type").native != "tst_info":
        raise _Wrong("not_a_timestamp", found=str(_only(signer, "content_type").native))
    if not hmac.compare_digest(_only(signer, "message_digest").native, _hashed(digest, body)):
        raise _Wrong("content_changed")
    _check_signing_certificate(signer, certificate)
    attributes = signer["signed_attrs"].untag().dump(force=True)  # RFC 5652 §5.4: signed as an explicit SET OF
    try:
        _verify(certificate, signer, attributes)
    except InvalidSignature as fault:
        raise _Wrong("wrong_signature") from fault


def _verify(certificate: x509.Certificate, signer: cms.SignerInfo, content: bytes) -> None:
    key, signature = certificate.public_key(), signer["signature"].native
    algorithm = signer["signature_algorithm"]
    scheme = algorithm.signature_algo
    if scheme == "rsassa_pkcs1v15":
        name = signer["digest_algorithm"]["algorithm"].native  # what rsaEncryption leaves open
    if scheme != "rsassa_pkcs1v15" or algorithm["algorithm"].native != "rsassa_pkcs1v15":
        name = algorithm.hash_algo
    if name not in _DIGESTS:
        raise _Wrong("weak_algorithm", algorithm=str(name))
    chosen = _DIGESTS[name]()
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048 and scheme == "rsassa_pkcs1v15":
        key.verify(signature, content, padding.PKCS1v15(), chosen)
    elif isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048 and scheme == "rsassa_pss":
        pss = padding.PSS(padding.MGF1(chosen), salt_length=chosen.digest_size)
        key.verify(signature, content, pss, chosen)
    elif isinstance(key, ec.EllipticCurvePublicKey) and scheme == "ecdsa":
        key.verify(signature, content, ec.ECDSA(chosen))
    else:
        raise _Wrong("weak_algorithm", algorithm=f"{scheme} / {getattr(key, 'key_size', '?')}")


def _check_signing_certificate(signer: cms.SignerInfo, certificate: x509.Certificate) -> None:
    """The signed attributes must name the certificate, else another one with the same key could be put there."""
    der = certificate.public_bytes(Encoding.DER)
    for name in ("signing_certificate_v2", "signing_certificate"):
        found = _only(signer, name, needed=False)
        if found is None:
            continue
        first = found["certs"][0]
        # RFC 3161 itself knows only the SHA-1 form; it binds against a second preimage, which is still hard
        kind = first["hash_algorithm"]["algorithm"].native if name.endswith("v2") else "sha1"
        if kind not in (*_DIGESTS, "sha1"):
            raise _Wrong("weak_algorithm", algorithm=str(kind))
        if not hmac.compare_digest(first["cert_hash"].native, _hashed(kind, der)):
            raise _Wrong("other_certificate")
        return
    raise _Wrong("certificate_not_named")


def _check_usage(certificate: x509.Certificate) -> None:
    """RFC 3161 §2.3: one extended key usage, timeStamping, and critical."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound as fault:
        raise _Wrong("wrong_usage", subject=certificate.subject.rfc4514_string()) from fault
    if not usage.critical or list(usage.value) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise _Wrong("wrong_usage", subject=certificate.subject.rfc4514_string())


def _only(signer: cms.SignerInfo, name: str, *, needed: bool = True) -> Asn1Value | None:
    """The one value of a signed attribute; twice the same attribute is a game that readers play differently."""
    found = [one["values"] for one in signer["signed_attrs"] if one["type"].native == name]
    if not found and not needed:
        return None
    if len(found) != 1 or len(found[0]) != 1:
        raise ValueError(f"the signed attribute {name} is there {len(found)} times")
    return found[0][0]


def _strictly(kind: type[Asn1Value], der: bytes) -> Asn1Value:
    """Read with nothing after the end. Raises ValueError."""
    return kind.load(der, strict=True)


def _hashed(name: str, content: bytes) -> bytes:
    if name == "sha256":
        return sha256(content).digest()
    kind = hashes.SHA1() if name == "sha1" else _DIGESTS[name]()  # noqa: S303 - see _check_signing_certificate
    digest = hashes.Hash(kind)
    digest.update(content)
    return digest.finalize()
