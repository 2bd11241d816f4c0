"""Chains: every way to fail has its own code, and a remembered chain is forgotten when its dates end."""

from __future__ import annotations

import timeit
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from hub.demo import pki as demo
from hub.demo.pki import Flaws, Identity
from hub.domain.evidence import NoEvidence
from hub.domain.signatures import Judgement
from hub.errors import Misconfigured
from hub.signatures import keyinfo, trust
from hub.signatures.anchors import Trust, TrustAnchors
from hub.signatures.trust import ChainReport, Usage
from tests.signatures.builder import NOW, anchors, evidence, pki, seal

TIME_STAMPING = ExtendedKeyUsageOID.TIME_STAMPING


def found(identity: Identity, *, trusted: TrustAnchors | None = None, moment=NOW) -> list[str]:
    trust.forget()
    known = anchors() if trusted is None else trusted
    report = judged(identity, trusted=known, moment=moment)
    assert report.trusted == (not report.findings) == (report.sub_indication == "") == (report.revocation == "good")
    return [finding.code for finding in report.findings]


def judged(identity: Identity, *, trusted: TrustAnchors | None = None, moment=NOW, book=None, **more) -> ChainReport:
    return trust.chain(
        identity.certificate,
        identity.chain[1:],
        anchors() if trusted is None else trusted,
        moment=moment,
        evidence=book or evidence(),
        **more,
    )


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


def test_time_stamping_is_an_usage_of_its_own() -> None:
    stamping = {"usage": Usage.TIMESTAMPING}
    assert judged(pki().timestamping(), **stamping).trusted
    assert found(pki().timestamping()) == ["certificate.wrong_key_usage"]
    for flaws in (
        demo.SOUND,
        replace(demo.TIMESTAMPING, critical_purposes=False),
        replace(demo.TIMESTAMPING, extended_key_usage=(TIME_STAMPING, ExtendedKeyUsageOID.CLIENT_AUTH)),
    ):
        report = judged(pki().timestamping("TSA sai", flaws=flaws), **stamping)
        assert [finding.code for finding in report.findings] == ["certificate.wrong_key_usage"]


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
    assert judged(one).trusted
    late = one.certificate.not_valid_after_utc + timedelta(seconds=1)
    assert [finding.code for finding in judged(one, moment=late).findings] == ["certificate.expired"]
    assert not judged(one, trusted=TrustAnchors()).trusted


def test_remembered_chain_ends_with_its_evidence() -> None:
    trust.forget()
    book = evidence()
    assert judged(seal(), book=book).trusted
    assert judged(seal(), book=book, moment=NOW + timedelta(days=6)).trusted
    late = judged(seal(), book=book, moment=NOW + timedelta(days=7))
    assert (late.judgement, late.sub_indication) == (Judgement.UNDETERMINED, "TRY_LATER")
    assert judged(seal(), book=NoEvidence()).judgement is Judgement.UNDETERMINED


def test_remembered_chain_is_forgotten_when_the_evidence_changes() -> None:
    trust.forget()
    own = demo.DemoPki(moment=NOW, name="Goc rieng")
    one, roots = own.agency_seal("Bộ A", "G22"), TrustAnchors.of([own.root.certificate])
    assert judged(one, trusted=roots, book=own.evidence()).trusted
    own.revoke(one, at=NOW)
    codes = [finding.code for finding in judged(one, trusted=roots, book=own.evidence()).findings]
    assert codes == ["certificate.revoked"]


def test_evidence_of_the_future_is_not_remembered_for_later_moments() -> None:
    trust.forget()
    own = demo.DemoPki(moment=NOW, name="Goc rieng")
    one, roots = own.agency_seal("Bộ A", "G22"), TrustAnchors.of([own.root.certificate])
    own.revoke(one, at=NOW + timedelta(minutes=30))
    book = own.evidence(moment=NOW + timedelta(hours=2))
    assert judged(one, trusted=roots, book=book).trusted
    assert judged(one, trusted=roots, book=book, moment=NOW - timedelta(minutes=1)).trusted
    later = judged(one, trusted=roots, book=book, moment=NOW + timedelta(minutes=31))
    assert later.sub_indication == "REVOKED"


def test_a_remembered_chain_costs_well_below_a_millisecond() -> None:
    book = evidence()
    judged(seal(), book=book)
    fastest = min(timeit.repeat(lambda: judged(seal(), book=book), number=10, repeat=20)) / 10
    assert fastest < 0.001


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    trust.forget()
    monkeypatch.setattr(trust, "_REMEMBERED", 2)
    for number in range(4):
        one = pki().agency_seal(f"Bộ {number}", "G29", flaws=Flaws(key="ec-p256"))
        assert judged(one).trusted
    assert len(trust._MEMORY) == 2


def test_files_pem_with_several_and_der(tmp_path: Path) -> None:
    folder = tmp_path / "government"
    folder.mkdir()
    root, sub = pki().root.certificate, pki().sub_ca.certificate
    (folder / "a.pem").write_bytes(root.public_bytes(Encoding.PEM) + sub.public_bytes(Encoding.PEM))
    assert Trust.load(tmp_path).government == Trust.load(tmp_path).signing == TrustAnchors((root,), (sub,))
    (folder / "a.pem").unlink()
    (folder / "b.der").write_bytes(root.public_bytes(Encoding.DER))
    assert Trust.load(tmp_path).signing.roots == (root,)
    assert Trust.load(tmp_path / "nowhere") == Trust()


@pytest.mark.parametrize("content", [b"", b"nothing", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_unusable_file_names_the_setting(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / "public"
    folder.mkdir()
    (folder / "roots.pem").write_bytes(content)
    with pytest.raises(Misconfigured) as caught:
        Trust.load(tmp_path)
    assert caught.value.setting == "trust_dir"


def test_no_changed_byte_of_a_certificate_is_trusted_or_crashes() -> None:
    der = bytearray(seal().certificate.public_bytes(Encoding.DER))
    looked_at, book = 0, evidence()
    for position in range(0, len(der), 3):
        spoilt = bytes(der[:position]) + bytes([der[position] ^ 0x41]) + bytes(der[position + 1 :])
        certificate = keyinfo._certificate(spoilt)
        if certificate is not None:
            looked_at += 1
            report = judged(Identity(seal().key, certificate, seal().issuers), book=book)
            assert report.findings
            assert report.judgement is Judgement.INVALID
    assert looked_at > 50
