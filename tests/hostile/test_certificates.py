"""The attack E16 on certificates: who may issue, who may sign, and chains that are made to cost much."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from hub.demo import pki as demo
from hub.demo.pki import DemoPki, Flaws
from hub.domain.evidence import NoEvidence
from hub.domain.signatures import Judgement
from tests.signatures.builder import NOW
from tests.signatures.chains import DAY, codes, is_valid, judged


@pytest.fixture(name="own")
def _own() -> DemoPki:
    """A PKI of the test's own, because it revokes in it."""
    return DemoPki(moment=NOW, name="Goc cua phep thu")


def limited(name: str) -> x509.NameConstraints:
    subject = x509.Name([x509.NameAttribute(NameOID.COUNTRY_NAME, name)])
    return x509.NameConstraints(permitted_subtrees=[x509.DirectoryName(subject)], excluded_subtrees=None)


CA = demo._AUTHORITY
ISSUERS = {
    "ca-false": (demo.NOT_A_CA, "certificate.not_a_ca"),
    "no-key-cert-sign": (replace(CA, key_usage=frozenset({"crl_sign"})), "certificate.not_a_ca"),
    "name-constraints": (replace(CA, extensions=(limited("LA"),)), "certificate.chain_refused"),
    "expired": (replace(CA, valid_from=-30 * DAY, valid_for=10 * DAY), "certificate.issuer_expired"),
    "not-yet-valid": (replace(CA, valid_from=DAY), "certificate.issuer_not_yet_valid"),
    "unknown-critical": (replace(CA, critical_unknown=True), "certificate.chain_refused"),
    "weak": (replace(CA, key="rsa-1024"), "certificate.weak_key"),
}


@pytest.mark.parametrize(("flaws", "code"), ISSUERS.values(), ids=ISSUERS.keys())
def test_e16_issuer_that_may_not_issue(own: DemoPki, flaws: Flaws, code: str) -> None:
    issuer = own.authority("CA loi", flaws=flaws)
    report = judged(own, own.agency_seal("Bộ A", "G22", issuer=issuer), own.evidence())
    assert codes(report) == [code]
    assert (report.judgement, report.revocation, report.wanted) == (Judgement.INVALID, "not_checked", ())


def test_e16_what_is_certainly_bad_is_not_held_for_evidence(own: DemoPki) -> None:
    issuer = own.authority("CA loi", flaws=replace(CA, extensions=(limited("LA"),)))
    report = judged(own, own.agency_seal("Bộ A", "G22", issuer=issuer), NoEvidence())
    assert (codes(report), report.judgement) == (["certificate.chain_refused"], Judgement.INVALID)


def test_e16_name_constraints_that_fit_are_no_fault(own: DemoPki) -> None:
    issuer = own.authority("CA rieng", flaws=replace(CA, extensions=(limited("VN"),)))
    is_valid(judged(own, own.agency_seal("Bộ A", "G22", issuer=issuer), own.evidence()))


@pytest.mark.parametrize(
    ("flaws", "code", "word"),
    [
        (demo.EXPIRED, "certificate.expired", "EXPIRED"),
        (demo.NOT_YET_VALID, "certificate.not_yet_valid", "NOT_YET_VALID"),
        (demo.WRONG_KEY_USAGE, "certificate.wrong_key_usage", "CHAIN_CONSTRAINTS_FAILURE"),
        (demo.SERVER_ONLY, "certificate.wrong_key_usage", "CHAIN_CONSTRAINTS_FAILURE"),
        (demo.WEAK_KEY, "certificate.weak_key", "CRYPTO_CONSTRAINTS_FAILURE"),
        (demo.TIMESTAMPING, "certificate.wrong_key_usage", "CHAIN_CONSTRAINTS_FAILURE"),
    ],
)
def test_e16_leaf_by_etsi_word(own: DemoPki, flaws: Flaws, code: str, word: str) -> None:
    report = judged(own, own.agency_seal("Bộ A", "G22", flaws=flaws))
    assert (codes(report), report.sub_indication, report.judgement) == ([code], word, Judgement.INVALID)


def test_e16_path_length_and_self_signed(own: DemoPki) -> None:
    short = own.short_authority("CA ngan", path_length=0)
    below = own.agency_seal("Bộ A", "G22", issuer=own.authority("CA duoi", issuer=short))
    assert codes(judged(own, below)) == ["certificate.path_too_long"]
    alone = judged(own, own.self_signed("tự ký"))
    assert (codes(alone), alone.sub_indication) == (["certificate.self_signed"], "NO_CERTIFICATE_CHAIN_FOUND")


def test_e16_certificates_in_circles_cost_little(own: DemoPki) -> None:
    """Thirty CAs of one name and key that all issue each other: nobody walks all their orders."""
    stranger = DemoPki(moment=NOW, name="Goc la")
    ring = [stranger.authority("vòng", issuer=stranger.authority("vòng")) for _ in range(30)]
    leaf = stranger.agency_seal("Bộ A", "G22", issuer=ring[0])
    started = time.perf_counter()
    report = judged(own, leaf, others=tuple(one.certificate for one in ring))
    assert time.perf_counter() - started < 5
    assert report.judgement is Judgement.INVALID
    assert {"certificate.untrusted", "certificate.path_too_long"} & set(codes(report))


def test_e16_a_rolled_over_root_key_does_not_speak_for_the_new_one(own: DemoPki) -> None:
    twin = own.self_signed(f"{own.name} RootCA", flaws=replace(CA, key="ec-p384"))
    leaf = own.agency_seal("Bộ A", "G22", issuer=twin)
    report = judged(own, leaf, others=(twin.certificate,))
    assert codes(report) == ["certificate.untrusted"]
