"""Chains: every way to fail has its own code, and a remembered chain is forgotten when its dates end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from hub.demo import pki as demo
from hub.demo.pki import Flaws, Identity
from hub.errors import Misconfigured
from hub.signatures import keyinfo, trust
from hub.signatures.trust import TrustAnchors
from tests.signatures.builder import NOW, anchors, pki, seal


def found(identity: Identity, *, trusted: TrustAnchors | None = None, moment=NOW) -> list[str]:
    trust.forget()
    known = anchors() if trusted is None else trusted
    findings = trust.chain(identity.certificate, identity.chain[1:], known, moment=moment)
    return [finding.code for finding in findings]


@pytest.mark.parametrize(
    ("flaws", "expected"),
    [
        (demo.SOUND, []),
        (demo.ONLY_NON_REPUDIATION, []),
        (Flaws(key_usage=frozenset({"digital_signature"})), []),
        (Flaws(key_usage=None), []),
        (demo.EXPIRED, ["certificate.expired"]),
        (demo.NOT_YET_VALID, ["certificate.not_yet_valid"]),
        (demo.WRONG_KEY_USAGE, ["certificate.wrong_key_usage"]),
        (demo.SERVER_ONLY, ["certificate.wrong_key_usage"]),
        (demo.WEAK_KEY, ["certificate.weak_key"]),
        (Flaws(critical_unknown=True), ["certificate.chain_refused"]),
        (replace(demo.EXPIRED, key="rsa-1024"), ["certificate.expired", "certificate.weak_key"]),
    ],
)
def test_leaf(flaws: Flaws, expected: list[str]) -> None:
    assert found(pki().agency_seal("Bộ thử", "G24", flaws=flaws)) == expected


def test_person_chains_like_a_seal() -> None:
    assert found(pki().person("Nguyễn Văn A", "Bộ A")) == []


def test_self_signed() -> None:
    assert found(pki().self_signed("tự ký")) == ["certificate.self_signed"]


def test_foreign_root() -> None:
    stranger = demo.DemoPki(moment=NOW, name="Goc la")
    assert found(stranger.agency_seal("Bộ A", "G22")) == ["certificate.untrusted"]


def test_foreign_root_with_the_same_name() -> None:
    name = f"{pki().name} RootCA"
    twin = pki().self_signed(name, flaws=replace(demo._AUTHORITY, key="ec-p384"))
    assert twin.certificate.subject == pki().root.certificate.subject
    assert found(pki().agency_seal("Bộ A", "G22", issuer=twin)) == ["certificate.untrusted"]


def test_middle_that_is_no_ca() -> None:
    middle = pki().authority("không phải CA", flaws=demo.NOT_A_CA)
    assert found(pki().agency_seal("Bộ B", "G25", issuer=middle)) == ["certificate.not_a_ca"]


def test_path_length() -> None:
    short = pki().short_authority("CA ngắn", path_length=0)
    below = pki().authority("CA dưới CA ngắn", issuer=short)
    assert found(pki().agency_seal("Bộ C", "G26", issuer=short)) == []
    assert found(pki().agency_seal("Bộ D", "G27", issuer=below)) == ["certificate.path_too_long"]


def test_expired_issuer_is_named_apart() -> None:
    flaws = replace(demo._AUTHORITY, valid_from=-timedelta(days=30), valid_for=timedelta(days=10))
    old = pki().authority("CA hết hạn", flaws=flaws)
    assert found(pki().agency_seal("Bộ E", "G28", issuer=old)) == ["certificate.issuer_expired"]


def test_an_authority_may_not_sign_documents() -> None:
    assert "certificate.is_authority" in found(pki().sub_ca)


def test_missing_sub_ca_is_untrusted_until_the_deployment_keeps_it() -> None:
    leaf = Identity(seal().key, seal().certificate)
    assert found(leaf) == ["certificate.untrusted"]
    kept = TrustAnchors.of([pki().root.certificate, pki().sub_ca.certificate])
    assert found(leaf, trusted=kept) == []


def test_a_sub_ca_alone_is_no_anchor() -> None:
    assert found(seal(), trusted=TrustAnchors.of([pki().sub_ca.certificate])) == ["certificate.untrusted"]


def test_remembered_chain_ends_with_its_dates() -> None:
    trust.forget()
    one = seal()
    assert trust.chain(one.certificate, one.chain[1:], anchors(), moment=NOW) == ()
    late = one.certificate.not_valid_after_utc + timedelta(seconds=1)
    codes = [f.code for f in trust.chain(one.certificate, one.chain[1:], anchors(), moment=late)]
    assert codes == ["certificate.expired"]
    assert trust.chain(one.certificate, one.chain[1:], TrustAnchors(), moment=NOW) != ()


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    trust.forget()
    monkeypatch.setattr(trust, "_REMEMBERED", 2)
    for number in range(4):
        one = pki().agency_seal(f"Bộ {number}", "G29", flaws=Flaws(key="ec-p256"))
        assert trust.chain(one.certificate, one.chain[1:], anchors(), moment=NOW) == ()
    assert len(trust._TRUE_UNTIL) == 2


def test_files_pem_with_several_and_der(tmp_path: Path) -> None:
    pem, der = tmp_path / "a.pem", tmp_path / "b.der"
    root, sub = pki().root.certificate, pki().sub_ca.certificate
    pem.write_bytes(root.public_bytes(Encoding.PEM) + sub.public_bytes(Encoding.PEM))
    der.write_bytes(root.public_bytes(Encoding.DER))
    assert TrustAnchors.load([pem]) == TrustAnchors((root,), (sub,))
    assert TrustAnchors.load([der]).roots == (root,)
    assert TrustAnchors.load([]) == TrustAnchors()


@pytest.mark.parametrize("content", [None, b"", b"nothing", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_unusable_file_names_the_setting(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "roots.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Misconfigured) as caught:
        TrustAnchors.load([path])
    assert caught.value.setting == "trust_anchors"


def test_no_changed_byte_of_a_certificate_is_trusted_or_crashes() -> None:
    der = bytearray(seal().certificate.public_bytes(Encoding.DER))
    looked_at = 0
    for position in range(0, len(der), 3):
        spoilt = bytes(der[:position]) + bytes([der[position] ^ 0x41]) + bytes(der[position + 1 :])
        certificate = keyinfo._certificate(spoilt)
        if certificate is not None:
            looked_at += 1
            assert trust.chain(certificate, seal().chain[1:], anchors(), moment=NOW) != ()
    assert looked_at > 50
