"""The attacks E15 and E16 on envelope signatures, each by its number: algorithms, values, certificates."""

from __future__ import annotations

import itertools
from base64 import b64decode, b64encode
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from hub.demo import pki as demo
from hub.demo.pki import Flaws, Identity
from hub.domain.signatures import SignatureState
from hub.signatures import algorithms
from hub.signatures.trees import ds
from tests.signatures.builder import Case, codes, part, pki, refused, seal, signed

Tree = etree._Element
WAYS = {"by-parts": None, "whole-text": ("",)}


P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


# --- E15 algorithms and values ----------------------------------------------------------------------------

DS = "http://www.w3.org/2000/09/xmldsig#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"


@pytest.mark.parametrize(
    "algorithm",
    [
        MORE + "rsa-md5",
        MORE + "rsa-sha224",
        MORE + "rsa-ripemd160",
        DS + "hmac-sha1",
        MORE + "hmac-sha256",
        MORE + "hmac-sha512",
        "http://www.w3.org/2009/xmldsig11#dsa-sha256",
        "http://www.w3.org/2007/05/xmldsig-more#rsa-pss",
        MORE + "RSA-SHA256",
        "",
    ],
)
def test_e15_signature_method_outside_the_table(algorithm: str) -> None:
    refused(
        signed().changed(lambda root: part(root, ds("SignatureMethod")).set("Algorithm", algorithm)),
        "signature.algorithm_refused",
    )


@pytest.mark.parametrize("algorithm", ["http://www.w3.org/2001/04/xmldsig-more#md5", MORE + "sha224", ""])
def test_e15_digest_outside_the_table(algorithm: str) -> None:
    refused(
        signed().changed(lambda root: part(root, ds("DigestMethod")).set("Algorithm", algorithm)),
        "signature.algorithm_refused",
    )


@pytest.mark.parametrize("name", ["SignatureMethod", "DigestMethod"])
def test_e15_sha1_is_legacy(name: str) -> None:
    old = DS + ("rsa-sha1" if name == "SignatureMethod" else "sha1")
    report = signed().changed(lambda root: part(root, ds(name)).set("Algorithm", old)).judged()
    assert (report.state, codes(report)) == (SignatureState.LEGACY, ["signature.legacy"])


@pytest.mark.parametrize("name", ["CanonicalizationMethod", "Transform"])
def test_e15_misspelt_canonicalization_is_legacy(name: str) -> None:
    """Sample `edoc_new` and the SDK write it; nobody knows what was digested, so nothing is covered."""

    def misspell(root: Tree) -> None:
        list(root.iter(ds(name)))[-1].set("Algorithm", algorithms.MISSPELT_C14N)

    report = signed().changed(misspell).judged()
    assert (report.state, codes(report)) == (SignatureState.LEGACY, ["signature.legacy"])
    assert (report.trusted, report.coverage.header, report.coverage.whole) == (False, False, False)


@pytest.mark.parametrize(
    "algorithm", [f"{algorithms.EXC_C14N}WithComments", f"{algorithms.C14N}#WithComments", "urn:x"]
)
def test_e13_e19_canonicalization_of_the_signed_info_outside_the_table(algorithm: str) -> None:
    def put(root: Tree) -> None:
        part(root, ds("CanonicalizationMethod")).set("Algorithm", algorithm)

    refused(signed().changed(put), "signature.canonicalization_refused")


@pytest.mark.parametrize("bits", ["0", "1", "8"])
def test_e15_hmac_output_length(bits: str) -> None:
    def cut(root: Tree) -> None:
        etree.SubElement(part(root, ds("SignatureMethod")), ds("HMACOutputLength")).text = bits

    refused(signed().changed(cut), "signature.algorithm_refused")


def test_e15_weak_rsa_and_unlisted_curve() -> None:
    weak = pki().agency_seal("Bộ A", "G22", flaws=demo.WEAK_KEY)
    refused(signed(by=weak), "signature.weak_key")
    curve = ec.generate_private_key(ec.SECP521R1())
    assert algorithms.weakness(curve.public_key()) == "EC secp521r1"


def test_e15_pss_and_pkcs1_are_not_interchangeable() -> None:
    pss = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1"
    refused(signed().replaced(MORE + "rsa-sha256", pss), "signature.value_mismatch")
    refused(signed().replaced(MORE + "rsa-sha256", MORE + "ecdsa-sha256"), "signature.key_mismatch")


def ecdsa_case() -> Case:
    return signed(by=pki().agency_seal("Bộ EC", "G23", flaws=Flaws(key="ec-p256")))


def with_value(case: Case, value: bytes) -> Case:
    def put(root: Tree) -> None:
        part(root, ds("SignatureValue")).text = b64encode(value).decode()

    return case.changed(put)


@pytest.mark.parametrize(("r", "s"), list(itertools.product((0, 1, P256_ORDER), repeat=2)))
def test_e15_ecdsa_trivial_numbers(r: int, s: int) -> None:
    refused(with_value(ecdsa_case(), r.to_bytes(32, "big") + s.to_bytes(32, "big")), "signature.value_mismatch")


def test_e15_ecdsa_der_padded_and_cut() -> None:
    case = ecdsa_case()
    value = b64decode(part(case.root, ds("SignatureValue")).text)
    r, s = int.from_bytes(value[:32], "big"), int.from_bytes(value[32:], "big")
    for other in (encode_dss_signature(r, s), b"\0" + value[:32] + b"\0" + value[32:], value[:-1], value + b"\0"):
        refused(with_value(case, other), "signature.value_mismatch")


def test_e15_the_malleable_twin_of_an_ecdsa_value_signs_the_same_document() -> None:
    """(r, n-s) verifies wherever (r, s) does: the value is no identity of a document, our digests are."""
    case = ecdsa_case()
    value = b64decode(part(case.root, ds("SignatureValue")).text)
    twin = (P256_ORDER - int.from_bytes(value[32:], "big")).to_bytes(32, "big")
    report = with_value(case, value[:32] + twin).judged()
    assert (report.state, report.coverage.whole) == (SignatureState.VALID, True)


@pytest.mark.parametrize("name", ["SignatureValue", "DigestValue"])
@pytest.mark.parametrize("spoil", ["!", "====", "-_", "é"])
def test_e15_lenient_base64(name: str, spoil: str) -> None:
    def put(root: Tree) -> None:
        element = part(root, ds(name))
        element.text = (element.text or "") + spoil

    refused(signed().changed(put), "signature.malformed")


def test_e15_unused_bits_of_base64() -> None:
    def put(root: Tree) -> None:
        element = part(root, ds("DigestValue"))
        text = element.text or ""
        assert text.endswith("=")
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        element.text = text[:-2] + alphabet[alphabet.index(text[-2]) + 1] + "="

    refused(signed().changed(put), "signature.malformed")


@pytest.mark.parametrize("size_bytes", [0, 16, 31, 33])
def test_e15_digest_of_another_length(size_bytes: int) -> None:
    def put(root: Tree) -> None:
        part(root, ds("DigestValue")).text = b64encode(bytes(size_bytes)).decode()

    refused(signed().changed(put), "signature.malformed")


# --- E16 keys and certificates ----------------------------------------------------------------------------


def attacker() -> Identity:
    return pki().self_signed("kẻ tấn công")


def with_certificates(*certificates: object) -> Callable[[Tree], None]:
    def put(root: Tree) -> None:
        data = part(root, ds("X509Data"))
        data[:] = []
        for one in certificates:
            holder = etree.SubElement(data, ds("X509Certificate"))
            holder.text = b64encode(one.public_bytes(Encoding.DER)).decode()

    return put


def test_e16_attacker_signs_with_his_own_certificate() -> None:
    report = signed(by=attacker()).judged()
    assert (report.state, report.trusted) == (SignatureState.VALID, False)
    assert codes(report) == ["certificate.self_signed"]


def test_e16_certificate_of_another_does_not_fit_the_value() -> None:
    other = pki().agency_seal("Bộ B", "G30")
    refused(signed().changed(with_certificates(*other.chain)), "signature.value_mismatch")
    refused(signed(by=attacker()).changed(with_certificates(*seal().chain)), "signature.value_mismatch")


@pytest.mark.parametrize("first", [True, False])
def test_e16_two_unrelated_certificates(first: bool) -> None:
    pair = [seal().certificate, attacker().certificate]
    case = signed().changed(with_certificates(*(pair if first else reversed(pair))))
    refused(case, "signature.certificate_ambiguous")


def test_e16_order_of_a_real_chain_does_not_matter() -> None:
    for order in itertools.permutations([*seal().chain, pki().root.certificate]):
        report = signed().changed(with_certificates(*order)).judged()
        assert (report.state, report.trusted) == (SignatureState.VALID, True)


def test_e16_too_many_certificates() -> None:
    refused(signed().changed(with_certificates(*[seal().certificate] * 6)), "signature.key_info_refused")


def test_e16_bare_keys_and_names() -> None:
    def only_name(root: Tree) -> None:
        info = part(root, ds("KeyInfo"))
        info[:] = []
        etree.SubElement(info, ds("KeyName")).text = "seal"

    def other_key(root: Tree) -> None:
        value = etree.SubElement(part(root, ds("KeyInfo")), ds("KeyValue"))
        rsa = etree.SubElement(value, ds("RSAKeyValue"))
        etree.SubElement(rsa, ds("Modulus")).text = b64encode(b"\x01" * 256).decode()
        etree.SubElement(rsa, ds("Exponent")).text = "AQAB"

    refused(signed().changed(only_name), "signature.certificate_missing")
    refused(signed().changed(other_key), "signature.key_mismatch")
    refused(
        signed().changed(lambda root: part(root, ds("Signature")).remove(part(root, ds("KeyInfo")))),
        "signature.certificate_missing",
    )


def test_e16_the_same_key_as_key_value_is_accepted() -> None:
    def same_key(root: Tree) -> None:
        numbers = seal().certificate.public_key().public_numbers()
        value = etree.SubElement(part(root, ds("KeyInfo")), ds("KeyValue"))
        rsa = etree.SubElement(value, ds("RSAKeyValue"))
        etree.SubElement(rsa, ds("Modulus")).text = b64encode(numbers.n.to_bytes(256, "big")).decode()
        etree.SubElement(rsa, ds("Exponent")).text = "AQAB"

    assert signed().changed(same_key).judged().state is SignatureState.VALID


def test_e16_stump_of_a_certificate_is_legacy() -> None:
    def cut(root: Tree) -> None:
        part(root, ds("X509Certificate")).text = "MIIFqTCCBJG="

    assert signed().changed(cut).judged().state is SignatureState.LEGACY


@pytest.mark.parametrize(
    ("flaws", "code"),
    [
        (demo.EXPIRED, "certificate.expired"),
        (demo.NOT_YET_VALID, "certificate.not_yet_valid"),
        (demo.WRONG_KEY_USAGE, "certificate.wrong_key_usage"),
        (demo.SERVER_ONLY, "certificate.wrong_key_usage"),
    ],
)
def test_e16_certificates_that_may_not_sign_now(flaws: Flaws, code: str) -> None:
    report = signed(by=pki().agency_seal("Bộ A", "G22", flaws=flaws)).judged()
    assert (report.trusted, codes(report)) == (False, [code])


def test_e16_agency_certificate_as_issuer() -> None:
    below = pki().agency_seal("Bộ giả", "G31", issuer=pki().authority("không phải CA", flaws=demo.NOT_A_CA))
    report = signed(by=below).judged()
    assert (report.trusted, codes(report)) == (False, ["certificate.not_a_ca"])
