"""Evidence as values: what is read, what is refused, until when it is fresh, and where more is to be had."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from hub.demo.pki import DemoPki, Flaws
from hub.domain.evidence import EvidenceKind
from hub.signatures import revocation
from hub.signatures.revocation import Freshness
from tests.signatures.builder import NOW, pki, seal
from tests.support import declared_pki as declared

KIND = EvidenceKind
SUB_CA_KEY = sha256(pki().sub_ca.certificate.subject.public_bytes()).hexdigest()


def test_issuer_key_is_one_for_the_ca_its_certificates_its_lists_and_its_answers() -> None:
    crl = revocation.read_crl(pki().crl(pki().sub_ca))
    answer = revocation.read_ocsp(declared.answer("good", declared.question("agency-a")))
    assert revocation.issuer_key(seal().certificate) == crl.issuer_key == SUB_CA_KEY
    assert revocation.issuer_key(pki().sub_ca.certificate.subject) == SUB_CA_KEY
    assert answer.issuer_key == revocation.issuer_key(declared.certificate("agency-a"))


def test_a_crl_as_a_piece() -> None:
    der = pki().crl(pki().sub_ca)
    piece = revocation.read_crl(der)
    assert (piece.kind, piece.der, piece.sha256) == (KIND.CRL, der, sha256(der).hexdigest())
    assert (piece.this_update, piece.next_update) == (NOW - timedelta(hours=1), NOW + timedelta(days=7, hours=-1))


def test_an_answer_as_a_piece() -> None:
    piece = revocation.read_ocsp(declared.answer("good", declared.question("agency-a")))
    assert (piece.kind, piece.this_update) == (KIND.OCSP, declared.NOW)
    assert piece.next_update == declared.later(hours=4)
    assert revocation.answers(piece, declared.certificate("agency-a"))
    assert not revocation.answers(piece, declared.certificate("person-a"))


def test_an_answer_that_does_not_name_its_ca_needs_the_question() -> None:
    authority, leaf = pki().sub_ca, seal().certificate
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=leaf,
        issuer=authority.certificate,
        algorithm=hashes.SHA1(),  # noqa: S303
        cert_status=ocsp.OCSPCertStatus.GOOD,
        this_update=NOW,
        next_update=None,
        revocation_time=None,
        revocation_reason=None,
    )
    der = (
        builder.responder_id(ocsp.OCSPResponderEncoding.HASH, authority.certificate)
        .sign(authority.key, hashes.SHA256())
        .public_bytes(Encoding.DER)
    )
    with pytest.raises(ValueError, match="for which CA"):
        revocation.read_ocsp(der)
    piece = revocation.read_ocsp(der, asked=SUB_CA_KEY)
    assert (piece.issuer_key, piece.next_update) == (SUB_CA_KEY, None)
    assert revocation.until(piece) == NOW + revocation.WITHOUT_NEXT_UPDATE


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (-66, Freshness.NOT_YET_VALID),
        (-65, Freshness.FRESH),
        (0, Freshness.FRESH),
        (7 * 24 * 60 - 60 + 5, Freshness.FRESH),
        (7 * 24 * 60 - 60 + 6, Freshness.STALE),
    ],
)
def test_freshness_within_five_minutes(minutes: int, expected: Freshness) -> None:
    piece = revocation.read_crl(pki().crl(pki().sub_ca))
    assert revocation.freshness(piece, moment=NOW + timedelta(minutes=minutes)) is expected


def weak_crl() -> bytes:
    """A CRL whose algorithm says SHA-1 (the signature is not right, but nobody comes so far)."""
    ecdsa_sha256, ecdsa_sha1 = bytes.fromhex("06082a8648ce3d040302"), bytes.fromhex("06072a8648ce3d0401")
    der = pki().crl(pki().sub_ca)
    assert der.count(ecdsa_sha256) == 2
    pss = x509.load_der_x509_crl(der)
    assert pss.signature_algorithm_oid == x509.SignatureAlgorithmOID.ECDSA_WITH_SHA256
    return shortened(der, ecdsa_sha256, ecdsa_sha1)


def shortened(der: bytes, old: bytes, new: bytes) -> bytes:
    """Both algorithm identifiers replaced, and the lengths around them made right."""
    body = x509.load_der_x509_crl(der).tbs_certlist_bytes
    inner = body[4:] if body[1] == 0x82 else body[3:]
    tbs = sequence(inner.replace(sequence(old), sequence(new)))
    return sequence(tbs + sequence(new) + b"\x03\x03\x00\x30\x00")


def sequence(content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes([0x30, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x30, 0x80 | len(length)]) + length + content


def test_sha1_is_refused() -> None:
    with pytest.raises(ValueError, match="signed with sha1"):
        revocation.read_crl(weak_crl())


def test_rubbish_and_size_are_refused() -> None:
    crl = pki().crl(pki().sub_ca)
    answer = declared.answer("good", declared.question("agency-a"))
    unauthorized = ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.UNAUTHORIZED)
    for read, real, other in ((revocation.read_crl, crl, answer), (revocation.read_ocsp, answer, crl)):
        for content in (b"", b"nothing", real[:-1], real + b"\0", other, b"\x30\x80" * 5000):
            with pytest.raises(ValueError, match="no readable"):
                read(content)
    with pytest.raises(ValueError, match="unauthorized"):
        revocation.read_ocsp(unauthorized.public_bytes(Encoding.DER))
    with pytest.raises(ValueError, match="too large"):
        revocation.read_crl(bytes(revocation.MOST_CRL_BYTES + 1))
    with pytest.raises(ValueError, match="too large"):
        revocation.read_ocsp(bytes(revocation.MOST_OCSP_BYTES + 1))


def test_no_changed_byte_raises_anything_else() -> None:
    crl = pki().crl(pki().sub_ca)
    answer = declared.answer("good", declared.question("agency-a"))
    for read, real in ((revocation.read_crl, crl), (revocation.read_ocsp, answer)):
        for position in range(0, len(real), 2):
            spoilt = real[:position] + bytes([real[position] ^ 0x15]) + real[position + 1 :]
            try:
                piece = read(spoilt)
            except ValueError:
                continue
            assert piece.sha256 == sha256(spoilt).hexdigest()


def test_wanted_for_a_path_names_lists_first_and_nothing_of_the_root() -> None:
    path = (seal().certificate, pki().sub_ca.certificate, pki().root.certificate)
    wanted = revocation.wanted_for(path)
    root_key = revocation.issuer_key(pki().root.certificate.subject)
    expected = [(KIND.CRL, SUB_CA_KEY), (KIND.OCSP, SUB_CA_KEY), (KIND.CRL, root_key), (KIND.OCSP, root_key)]
    assert [(one.kind, one.issuer_key) for one in wanted] == expected
    assert all(one.url.startswith("http://") and one.url.split("/")[2].endswith(".invalid") for one in wanted)
    question = ocsp.load_der_ocsp_request(wanted[1].request)
    assert question.serial_number == seal().certificate.serial_number
    assert [bool(one.request) for one in wanted] == [False, True, False, True]
    assert revocation.wanted_for(path[2:]) == ()


def test_lists_to_keep_fresh_for_the_authorities() -> None:
    keep = revocation.ca_wanted([pki().root.certificate, pki().sub_ca.certificate, pki().sub_ca.certificate])
    assert [(one.kind, one.issuer_key) for one in keep] == [
        (KIND.CRL, revocation.issuer_key(pki().root.certificate.subject))
    ]


def points(*urls: str) -> x509.CRLDistributionPoints:
    names = [x509.UniformResourceIdentifier(url) for url in urls]
    return x509.CRLDistributionPoints([x509.DistributionPoint(names, None, None, None)])


def test_only_plain_http_addresses_are_wanted() -> None:
    urls = (
        "ldap://ca.invalid/cn=x",
        "file:///etc/passwd",
        "http://user:password@ca.invalid/x",
        "http:///nowhere",
        "http://[::1/x",
        "http://ca.invalid/a b",
        "http://ca.invalid/\r\nHost: other",
        "http://ca.invalid/" + "x" * 3000,
        "HTTPS://ca.invalid/good.crl",
    )
    own = DemoPki(moment=NOW, name="Goc rieng")
    bare = replaced_points(own, points(*urls))
    assert [one.url for one in revocation.ca_wanted([bare])] == ["HTTPS://ca.invalid/good.crl"]
    many = replaced_points(own, points(*(f"http://ca.invalid/{number}" for number in range(50))))
    assert len(revocation.ca_wanted([many])) == 4


def replaced_points(own: DemoPki, extension: x509.CRLDistributionPoints) -> x509.Certificate:
    """A certificate that names these addresses and a responder on ldap."""
    key = own.self_signed("khóa", flaws=Flaws(key="ec-p256")).key
    responder = x509.UniformResourceIdentifier("ldap://ca.invalid")
    access = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, responder)
    builder = (
        x509.CertificateBuilder()
        .subject_name(own.sub_ca.certificate.subject)
        .issuer_name(own.root.certificate.subject)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(extension, critical=False)
        .add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    )
    return builder.sign(own.root.key, hashes.SHA256())


def test_delta_lists_are_wanted_when_a_list_names_them() -> None:
    freshest = x509.FreshestCRL(list(points("http://ca.invalid/delta.crl")))
    piece = revocation.read_crl(pki().crl(pki().sub_ca, extensions=[freshest]))
    (wanted,) = revocation.deltas_wanted([piece])
    assert (wanted.kind, wanted.issuer_key, wanted.url) == (KIND.CRL, SUB_CA_KEY, "http://ca.invalid/delta.crl")


def test_listed_believes_only_the_issuers_own_key() -> None:
    own = DemoPki(moment=NOW, name="Goc rieng")
    one = own.agency_seal("Bộ A", "G22")
    own.revoke(one, at=NOW, reason=x509.ReasonFlags.key_compromise, invalid_since=NOW - timedelta(hours=3))
    piece = revocation.read_crl(own.crl(own.sub_ca))
    entry = revocation.listed(piece, one.certificate, own.sub_ca.certificate)
    assert entry == revocation.Listed(NOW - timedelta(hours=3), "keyCompromise")
    assert revocation.listed(piece, one.certificate, own.root.certificate) is None
    assert revocation.listed(piece, seal().certificate, own.sub_ca.certificate) is None
