"""The declared PKI of the tests: who exists and what happened to whom is in declared_pki.yaml, not here.

Gives certificates, CRLs, OCSP answers and time stamps as they were at a moment, made by certomancer, which is
no part of the hub: what it says of CRLs and OCSP is an opinion of its own.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from asn1crypto import algos, ocsp, tsp
from certomancer.registry import ArchLabel, CertLabel, CertomancerConfig, KeyLabel, PKIArchitecture, ServiceLabel
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)

from hub.demo.pki import CrlBook, Identity
from hub.signatures import revocation
from hub.signatures.anchors import TrustAnchors

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
_DECLARED = Path(__file__).with_suffix(".yaml")


@cache
def architecture() -> PKIArchitecture:
    """The PKI with keys of this process (ECDSA P-256, because they are quickly made)."""
    declared = yaml.safe_load(_DECLARED.read_text("utf-8"))
    with TemporaryDirectory() as folder:
        for name in declared["keysets"]["all"]["keys"]:
            key = ec.generate_private_key(ec.SECP256R1())
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            (Path(folder) / f"{name}.pem").write_bytes(pem)
        config = CertomancerConfig(declared, key_search_dir=folder, lazy_load_keys=False)
    return config.get_pki_arch(ArchLabel("government"))


@cache
def certificate(name: str) -> x509.Certificate:
    """The certificate with this label."""
    return x509.load_der_x509_certificate(architecture().get_cert(CertLabel(name)).dump())


@cache
def identity(name: str) -> Identity:
    """Key, certificate and the certificates above it."""
    der = architecture().key_set.get_private_key(KeyLabel(name)).dump()
    above = [str(label) for label in architecture().get_chain(CertLabel(name))]
    issuers = tuple(certificate(label) for label in above if label != name)
    return Identity(load_der_private_key(der, None), certificate(name), issuers)


def anchors() -> TrustAnchors:
    """Both roots, and both good sub-CAs as the deployment keeps them."""
    return TrustAnchors.of([certificate(name) for name in ("root-g1", "root-g2", "sub-g1", "sub-g2")])


def crl(issuer: str, *, moment: datetime = NOW) -> bytes:
    """The CRL (DER) that the CA published last before the moment."""
    return architecture().service_registry.get_crl(ServiceLabel(issuer), at_time=moment).dump()


def crls(*, moment: datetime = NOW) -> tuple[bytes, ...]:
    """The last CRL of every CA."""
    names = [str(repository.label) for repository in architecture().service_registry.list_crl_repos()]
    return tuple(crl(name, moment=moment) for name in names)


def answer(responder: str, request: bytes, *, moment: datetime = NOW) -> bytes:
    """What the responder (good, unauthorised) answers at the moment to a request (DER)."""
    summoned = architecture().service_registry.summon_responder(ServiceLabel(responder), at_time=moment)
    return summoned.build_ocsp_response(ocsp.OCSPRequest.load(request)).dump()


def question(name: str) -> bytes:
    """The OCSP request (DER) that the hub would ask about a certificate."""
    one = identity(name)
    wanted = revocation.wanted_for((one.certificate, one.issuers[0]))
    return next(each.request for each in wanted if each.request)


def time_stamp(content: bytes, *, moment: datetime = NOW) -> bytes:
    """A time-stamp token (DER of the CMS) over the content, by the TSA."""
    algorithm = algos.DigestAlgorithm({"algorithm": "sha256"})
    imprint = {"hash_algorithm": algorithm, "hashed_message": sha256(content).digest()}
    request = tsp.TimeStampReq({"version": 1, "message_imprint": tsp.MessageImprint(imprint), "cert_req": True})
    stamper = architecture().service_registry.summon_timestamper(ServiceLabel("tsa"), at_time=moment)
    return stamper.request_tsa_response(request)["time_stamp_token"].dump()


def book(*, moment: datetime = NOW) -> CrlBook:
    """What the hub would have fetched at the moment: all CRLs."""
    return CrlBook.of(crls(moment=moment))


def later(*, days: int = 0, hours: int = 0, minutes: int = 0) -> datetime:
    """A moment after (or, negative, before) the moment of the tests."""
    return NOW + timedelta(days=days, hours=hours, minutes=minutes)
