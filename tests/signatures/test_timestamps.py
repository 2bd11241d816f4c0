"""Timestamps: a real token is believed, every other one is refused with its own reason (E21)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256

import pytest
from asn1crypto import cms, keys, tsp
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID
from pyhanko.sign.timestamps import DummyTimeStamper
from pyhanko_certvalidator.registry import SimpleCertificateStore

from hub.demo.pki import DemoPki, Flaws, Identity
from hub.demo.tsa import POLICY, SOUND, TokenFlaws, answer, token_of
from hub.domain.findings import Finding, Severity, describe
from hub.errors import TimestampsUnavailable
from hub.signatures import timestamps
from hub.signatures.timestamps import Expected, read_response, request, verify_token
from tests.conformance.timestamp_authority import authority

DIGEST = sha256(b"the head of a seal").digest()
NOW = datetime.now(UTC)


def trusting(leaf, others, moment):
    return ()


def made(flaws: TokenFlaws = SOUND, *, identity: Identity | None = None) -> tuple[bytes, Expected]:
    """A response, and what it should be for."""
    asked, nonce = request(DIGEST)
    expected = Expected(DIGEST, not_before=NOW, not_after=NOW, nonce=nonce)
    return answer(asked, identity or authority(), flaws=flaws, now=NOW), expected


def codes(token: bytes, expected: Expected) -> list[str]:
    report = verify_token(token, expected, judge=trusting)
    assert report.invalid == bool(report.findings)
    assert report.valid != report.invalid
    assert all("?" not in describe(finding).vi + describe(finding).en for finding in report.findings)
    return [finding.code for finding in report.findings]


@pytest.mark.parametrize("key", ["rsa-2048", "ec-p256", "ec-p384"])
@pytest.mark.parametrize(
    "flaws", [SOUND, TokenFlaws(names="signing_certificate"), TokenFlaws(digest="sha384")], ids=str
)
def test_a_real_timestamp_is_read(key, flaws):
    identity = authority(key=key)
    response, expected = made(flaws, identity=identity)
    found = read_response(response, expected, judge=trusting)
    assert found.gen_time == NOW.replace(microsecond=0)
    assert (found.digest, found.policy, found.nonce) == (DIGEST, POLICY, expected.nonce)
    assert found.certificate == identity.certificate
    assert found.others == identity.chain[1:]
    again = verify_token(found.token, Expected(DIGEST), judge=trusting)
    assert again.valid
    assert again.timestamp == found


def test_a_token_of_another_producer_is_read():
    """pyHanko makes tokens in its own way: rsaEncryption without a digest, the SHA-1 name of the certificate."""
    identity = authority(key="rsa-2048")
    key = identity.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain = [asn1.Certificate.load(one.public_bytes(serialization.Encoding.DER)) for one in identity.chain]
    store = SimpleCertificateStore()
    store.register_multiple(chain)
    stamper = DummyTimeStamper(chain[0], keys.PrivateKeyInfo.load(key), certs_to_embed=store, fixed_dt=NOW)
    asked, nonce = request(DIGEST)
    response = stamper.request_tsa_response(tsp.TimeStampReq.load(asked)).dump()
    found = read_response(response, Expected(DIGEST, nonce=nonce), judge=trusting)
    assert found.certificate == identity.certificate


def test_the_request_is_a_request():
    asked = tsp.TimeStampReq.load(request(DIGEST, policy=POLICY)[0], strict=True)
    assert asked["message_imprint"]["hashed_message"].native == DIGEST
    assert asked["cert_req"].native is True
    assert asked["req_policy"].native == POLICY
    assert request(DIGEST)[1] != request(DIGEST)[1]


@pytest.mark.parametrize(
    ("flaws", "code"),
    [
        (TokenFlaws(imprint=sha256(b"other").digest()), "timestamp.other_digest"),
        (TokenFlaws(nonce=5), "timestamp.other_nonce"),
        (TokenFlaws(late_by=-timedelta(minutes=6)), "timestamp.too_early"),
        (TokenFlaws(late_by=timedelta(minutes=6)), "timestamp.in_the_future"),
        (TokenFlaws(kind="data"), "timestamp.not_a_timestamp"),
        (TokenFlaws(signers=2), "timestamp.several_signers"),
        (TokenFlaws(signers=0), "timestamp.several_signers"),
        (TokenFlaws(names=""), "timestamp.certificate_not_named"),
        (TokenFlaws(names_other=True), "timestamp.other_certificate"),
        (TokenFlaws(names="signing_certificate", names_other=True), "timestamp.other_certificate"),
        (TokenFlaws(changed=True), "timestamp.content_changed"),
        (TokenFlaws(wrong_signature=True), "timestamp.wrong_signature"),
        (TokenFlaws(without_certificates=True), "timestamp.no_certificate"),
        (TokenFlaws(digest="sha1"), "timestamp.weak_algorithm"),
    ],
    ids=str,
)
def test_e21_each_wrong_token_has_its_own_reason(flaws, code):
    """E21: imprint, nonce, time, content type, signers, signing certificate, digest, signature, algorithm."""
    response, expected = made(flaws)
    assert codes(token_of(response), expected) == [code]
    with pytest.raises(TimestampsUnavailable, match=code):
        read_response(response, expected, judge=trusting)


def test_e21_a_policy_that_was_not_asked_for():
    """E21: policy."""
    response, expected = made()
    assert codes(token_of(response), replace(expected, policy=POLICY)) == []
    assert codes(token_of(response), replace(expected, policy="1.2.3")) == ["timestamp.other_policy"]


@pytest.mark.parametrize(
    ("usages", "critical"),
    [
        ((), True),
        ((ExtendedKeyUsageOID.TIME_STAMPING,), False),
        ((ExtendedKeyUsageOID.EMAIL_PROTECTION,), True),
        ((ExtendedKeyUsageOID.TIME_STAMPING, ExtendedKeyUsageOID.EMAIL_PROTECTION), True),
        ((ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,), True),
    ],
    ids=str,
)
def test_e21_a_certificate_that_is_not_for_timestamps_alone(usages, critical):
    """E21: wrong extended key usage."""
    response, expected = made(identity=authority(usages=usages, critical=critical))
    assert codes(token_of(response), expected) == ["timestamp.wrong_usage"]


def test_e21_a_seal_is_no_timestamp_authority():
    """E21: the certificate of an agency, of the same root."""
    seal = pki().agency_seal("Bộ Thử", "G22")
    response, expected = made(identity=seal)
    assert codes(token_of(response), expected) == ["timestamp.wrong_usage"]


def test_a_weak_key_is_refused():
    response, expected = made(identity=authority(key="rsa-1024"))
    assert codes(token_of(response), expected) == ["timestamp.weak_algorithm"]


def test_the_chain_is_judged_at_the_time_of_the_token():
    response, expected = made()
    asked = []

    def judge(leaf: x509.Certificate, others, moment):
        asked.append((leaf, others, moment))
        return [Finding("timestamp", "certificate.untrusted", Severity.ERROR, "", {"subject": "x", "missing": "y"})]

    report = verify_token(token_of(response), expected, judge=judge)
    assert (report.valid, report.invalid) == (False, True)
    assert asked == [(authority().certificate, authority().chain[1:], NOW.replace(microsecond=0))]
    with pytest.raises(TimestampsUnavailable, match=r"certificate\.untrusted"):
        read_response(response, expected, judge=judge)


def test_what_the_chain_leaves_open_is_neither_valid_nor_invalid():
    response, expected = made()
    missing = Finding("timestamp", "certificate.untrusted", Severity.TRY_LATER, "", {"subject": "x", "missing": "y"})
    report = verify_token(token_of(response), expected, judge=lambda *_: [missing])
    assert (report.valid, report.invalid) == (False, False)
    assert read_response(response, expected, judge=lambda *_: [missing]).digest == DIGEST


@pytest.mark.parametrize("status", ["rejection", "waiting", "revocation_warning", "revocation_notification"])
def test_an_answer_that_grants_nothing(status):
    response, expected = made(TokenFlaws(status=status))
    with pytest.raises(TimestampsUnavailable, match=f"{status}.*time_not_available.*not today"):
        read_response(response, expected, judge=trusting)


def test_certificates_that_come_twice_count_once():
    response, expected = made(TokenFlaws(certificates_twice=True))
    assert read_response(response, expected, judge=trusting).others == authority().chain[1:]


def test_granted_with_modifications_is_granted():
    response, expected = made(TokenFlaws(status="granted_with_mods"))
    assert read_response(response, expected, judge=trusting).digest == DIGEST


@pytest.mark.parametrize(
    "answered", [b"", b"<html>no</html>", b"\x30\x00", b"\x30\x03\x02\x01\x00", b"\x30\x80"], ids=repr
)
def test_an_answer_that_is_no_response(answered):
    with pytest.raises(TimestampsUnavailable):
        read_response(answered, Expected(DIGEST), judge=trusting)


@pytest.mark.parametrize("token", [b"", b"rubbish", b"\x30\x00", b"\x30" * 5000], ids=lambda token: str(len(token)))
def test_rubbish_is_unreadable(token):
    assert codes(token, Expected(DIGEST)) == ["timestamp.unreadable"]


def test_a_token_without_end_and_one_with_something_after_it():
    token = token_of(made()[0])
    assert codes(token + b"\x00", Expected(DIGEST)) == ["timestamp.unreadable"]
    assert codes(token[:-1], Expected(DIGEST)) == ["timestamp.unreadable"]
    assert codes(b"\x30" * (timestamps.MOST_BYTES + 1), Expected(DIGEST)) == ["timestamp.unreadable"]
    other = cms.ContentInfo({"content_type": "data", "content": b"x"}).dump()
    assert codes(other, Expected(DIGEST)) == ["timestamp.not_a_timestamp"]


def test_whatever_bit_is_turned_nothing_else_is_believed():
    """A token with one bit changed is refused, or says what it said (bits that nobody reads)."""
    identity = authority(key="ec-p256")
    response, expected = made(identity=identity)
    token = token_of(response)
    sound = verify_token(token, expected, judge=trusting).timestamp
    for place in range(0, len(token), 11):
        spoilt = token[:place] + bytes([token[place] ^ 1]) + token[place + 1 :]
        found = verify_token(spoilt, expected, judge=trusting).timestamp
        if found is not None:
            assert (found.gen_time, found.digest, found.serial) == (sound.gen_time, sound.digest, sound.serial)
            assert found.certificate == sound.certificate


@cache
def pki() -> DemoPki:
    return DemoPki(name="Timestamps")


def test_the_flaws_of_the_authority_are_declared():
    assert authority(key="rsa-2048").key.key_size == 2048
    assert Flaws().key == "rsa-2048"
