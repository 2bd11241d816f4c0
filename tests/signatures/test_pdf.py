"""PDF signatures as agencies make them: order, times, roles, chains, algorithms, and what follows a signature."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
from asn1crypto import crl
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.validation.dss import DocumentSecurityStore

from hub.demo import pdf
from hub.demo.pki import SOUND, WEAK_KEY, CrlBook, DemoPki
from hub.demo.signing import Habits, Look, sign_pdf
from hub.domain.evidence import NoEvidence
from hub.domain.findings import describe
from hub.domain.roles import Fact, RoleRule, SubjectFacts, read_role_rules, role_of
from hub.domain.signatures import Changes, Judgement, Role
from hub.errors import Misconfigured
from hub.signatures.anchors import Trust
from hub.signatures.pdf import PdfJudge
from tests.support.pdf_files import AGENCY, CODE, MIB, NOW, World, codes, plain, update, with_field, world

THEN = NOW - timedelta(days=500)
VALID, INVALID, UNDETERMINED = Judgement.VALID, Judgement.INVALID, Judgement.UNDETERMINED


@pytest.fixture(scope="module")
def judge() -> Iterator[PdfJudge]:
    made = PdfJudge(children=1, memory_bytes=512 * MIB, seconds=20)
    yield made
    made.close()


def signed_long_ago(*, stamped: bool) -> tuple[World, bytes]:
    """A file with a seal that lived for one year, and the world of that time."""
    old = world("Trục cũ", moment=THEN)
    seal = old.pki.agency_seal("Sở Nội vụ", "000.06.38.H38", flaws=replace(SOUND, valid_for=timedelta(days=365)))
    return old, old.sign(plain(), seal, "Seal", at=THEN, stamped=stamped)


class TestOrder:
    def test_a_person_signs_and_then_the_agency_seals(self, judge: PdfJudge) -> None:
        report = world().judge(judge, world().twice)
        person, seal = report.signatures
        assert (person.judgement, seal.judgement) == (VALID, VALID)
        assert (person.field, person.role) == ("Person", Role.PERSONAL_SIGNATURE)
        assert (seal.field, seal.role) == ("Seal", Role.AGENCY_SEAL)
        assert (person.changes, seal.changes) == (Changes.FURTHER_SIGNATURE, Changes.NONE)
        assert (person.covers_whole_file, seal.covers_whole_file) == (False, True)
        assert (person.bytes_after > 0, seal.bytes_after) == (True, 0)
        assert (seal.organisation, seal.agency_code) == (AGENCY, CODE)
        assert (seal.digest, seal.algorithm, seal.revocation) == ("sha256", "rsassa_pkcs1v15/sha256", "good")
        assert (seal.sub_indication, seal.findings, report.findings) == ("", (), ())

    def test_only_the_leaf_is_in_the_file_and_the_chain_comes_from_the_anchors(self, judge: PdfJudge) -> None:
        signature = world().judge(judge, world().once).signatures[0]
        assert len(signature.chain_pem) == 3
        assert signature.evidence

    def test_a_file_without_signatures_has_an_empty_report(self, judge: PdfJudge) -> None:
        report = world().judge(judge, plain())
        assert (report.signatures, report.findings, report.wanted) == ((), (), ())

    def test_a_file_that_names_no_signed_range_costs_no_child(self) -> None:
        lazy = PdfJudge(children=1, memory_bytes=512 * MIB, seconds=20)
        unsigned = pdf.page("Công văn", ["Kính gửi: Bộ Tài chính"], made_at=NOW)
        assert world().judge(lazy, unsigned).signatures == ()
        assert lazy.process_ids() == []
        lazy.close()

    def test_visible_blocks_change_nothing(self, judge: PdfJudge) -> None:
        page = pdf.page("Công văn", ["Kính gửi: Bộ Tài chính"], made_at=NOW)
        one = sign_pdf(page, by=world().person, field="Person", look=Look.PERSON, at=NOW)
        two = sign_pdf(one, by=world().seal, field="Seal", look=Look.AGENCY, at=NOW)
        report = world().judge(judge, two)
        assert [one.judgement for one in report.signatures] == [VALID, VALID]
        assert report.findings == ()

    def test_validation_data_after_the_last_signature_is_harmless(self, judge: PdfJudge) -> None:
        writer = IncrementalPdfFileWriter(BytesIO(world().twice))
        store = DocumentSecurityStore(writer)
        writer.root["/DSS"] = writer.add_object(store.as_pdf_object())
        writer.update_root()
        out = BytesIO()
        writer.write(out)
        report = world().judge(judge, out.getvalue())
        assert [one.judgement for one in report.signatures] == [VALID, VALID]
        assert report.signatures[1].changes is Changes.VALIDATION_DATA

    def test_lists_that_the_file_carries_count_where_the_hub_has_none(self, judge: PdfJudge) -> None:
        """PAdES B-LT: the revocation lists lie in the file itself; the CA's signature on them is what is believed."""
        bare = world().judge(judge, world().twice, evidence=NoEvidence())
        assert {one.sub_indication for one in bare.signatures} == {"TRY_LATER"}
        kept = BytesIO(world().twice)
        lists = [crl.CertificateList.load(der) for der in world().pki.crls(moment=NOW)]
        DocumentSecurityStore.add_dss(kept, sig_contents=None, crls=lists)
        report = world().judge(judge, kept.getvalue(), evidence=NoEvidence())
        assert [one.judgement for one in report.signatures] == [VALID, VALID]
        assert report.signatures[1].changes is Changes.VALIDATION_DATA

    def test_a_list_of_a_stranger_in_the_file_proves_nothing(self, judge: PdfJudge) -> None:
        kept = BytesIO(world().twice)
        lists = [crl.CertificateList.load(der) for der in world("Trục lạ").pki.crls(moment=NOW)]
        DocumentSecurityStore.add_dss(kept, sig_contents=None, crls=lists)
        report = world().judge(judge, kept.getvalue(), evidence=NoEvidence())
        assert {one.judgement for one in report.signatures} == {UNDETERMINED}

    def test_line_ends_that_a_transport_added_are_harmless(self, judge: PdfJudge) -> None:
        assert world().judge(judge, world().twice + b"\r\n").signatures[1].judgement is VALID


class TestTimes:
    def test_a_claimed_time_seven_hours_ahead_is_tolerated_and_not_used(self, judge: PdfJudge) -> None:
        signed = world().sign(plain(), world().seal, "Seal", stamped=True, habits=Habits(claimed_hours_wrong=7))
        signature = world().judge(judge, signed).signatures[0]
        assert signature.judgement is VALID
        assert signature.claimed_at == NOW + timedelta(hours=7)
        assert signature.timestamped_at == NOW

    def test_an_expired_certificate_with_a_timestamp_of_its_lifetime_is_fine(self, judge: PdfJudge) -> None:
        old, signed = signed_long_ago(stamped=True)
        book = CrlBook.of([*old.pki.crls(moment=THEN), *old.pki.crls(moment=NOW)])
        signature = old.judge(judge, signed, moment=NOW, evidence=book).signatures[0]
        assert (signature.judgement, signature.sub_indication, signature.timestamped_at) == (VALID, "", THEN)

    def test_without_the_timestamp_it_is_expired(self, judge: PdfJudge) -> None:
        old, signed = signed_long_ago(stamped=False)
        signature = old.judge(judge, signed, moment=NOW).signatures[0]
        assert (signature.judgement, signature.sub_indication) == (INVALID, "EXPIRED")

    def test_a_timestamp_that_is_not_trusted_proves_nothing(self, judge: PdfJudge) -> None:
        signed = world().sign(plain(), world().seal, "Seal", stamped=True)
        alone = Trust(government=world().trust.government)
        report = world().judge(judge, signed, trust=alone)
        assert report.signatures[0].timestamped_at is None
        assert codes(report, 1) == {"pdf.timestamp_untrusted"}
        assert report.signatures[0].judgement is VALID

    @pytest.mark.parametrize("flaws", [{"imprint": b"\x01" * 32}, {"wrong_signature": True}], ids=str)
    def test_a_wrong_timestamp_proves_and_breaks_nothing(self, judge: PdfJudge, flaws: dict[str, object]) -> None:
        wrong = world().stamps(NOW, **flaws)
        signed = sign_pdf(plain(), by=world().seal, field="S", at=NOW, timestamper=wrong)
        report = world().judge(judge, signed)
        assert report.signatures[0].timestamped_at is None
        assert "pdf.timestamp_wrong" in codes(report, 1)

    def test_a_timestamp_from_the_future_is_refused(self, judge: PdfJudge) -> None:
        signed = sign_pdf(
            plain(), by=world().seal, field="S", at=NOW, timestamper=world().stamps(NOW + timedelta(days=1))
        )
        assert codes(world().judge(judge, signed), 1) == {"pdf.timestamp_wrong"}

    def test_a_document_timestamp_proves_the_time_of_the_signatures_below_it(self, judge: PdfJudge) -> None:
        report = world().judge(judge, world().document_timestamp(world().twice))
        assert [one.timestamped_at for one in report.signatures] == [NOW, NOW]
        assert [one.judgement for one in report.signatures] == [VALID, VALID]

    def test_revoked_after_the_timestamp_is_valid_and_before_it_is_not(self, judge: PdfJudge) -> None:
        own = World("Trục riêng", NOW)
        own.pki.revoke(own.seal, at=NOW - timedelta(hours=2))
        book = CrlBook.of([*own.pki.crls(), *own.pki.crls(moment=NOW - timedelta(hours=3))])
        late = own.judge(judge, own.sign(plain(), own.seal, "Seal", stamped=True), evidence=book).signatures[0]
        assert (late.judgement, late.sub_indication, late.revocation) == (INVALID, "REVOKED", "revoked")
        early = own.sign(plain(), own.seal, "Seal", at=NOW - timedelta(hours=3), stamped=True)
        assert own.judge(judge, early, evidence=book).signatures[0].judgement is VALID


class TestTrust:
    def test_without_evidence_a_signature_is_undetermined_and_says_what_is_wanted(self, judge: PdfJudge) -> None:
        report = world().judge(judge, world().twice, evidence=NoEvidence())
        assert [one.judgement for one in report.signatures] == [UNDETERMINED, UNDETERMINED]
        assert {one.sub_indication for one in report.signatures} == {"TRY_LATER"}
        assert report.wanted
        assert not any(one.trusted for one in report.signatures)

    def test_an_expired_signer_whose_timestamp_waits_for_evidence_is_not_yet_failed(self, judge: PdfJudge) -> None:
        old, signed = signed_long_ago(stamped=True)
        report = old.judge(judge, signed, moment=NOW, evidence=NoEvidence())
        assert (report.signatures[0].judgement, report.signatures[0].sub_indication) == (UNDETERMINED, "TRY_LATER")
        assert "pdf.timestamp_awaited" in codes(report, 1)
        assert report.wanted

    def test_a_stranger_is_never_trusted(self, judge: PdfJudge) -> None:
        stranger = DemoPki(moment=NOW, name="Người lạ").agency_seal(AGENCY, CODE)
        signature = world().judge(judge, world().sign(plain(), stranger, "S")).signatures[0]
        assert (signature.judgement, signature.sub_indication) == (INVALID, "NO_CERTIFICATE_CHAIN_FOUND")
        assert signature.role is Role.AGENCY_SEAL, "the role is a guess from the name, and only that"


class TestAlgorithms:
    @pytest.mark.parametrize("digest", ["sha384", "sha512"])
    def test_long_digests_are_believed(self, judge: PdfJudge, digest: str) -> None:
        signed = world().sign(plain(), world().seal, "S", habits=Habits(digest=digest))
        assert world().judge(judge, signed).signatures[0].judgement is VALID

    def test_sha1_is_refused(self, judge: PdfJudge) -> None:
        signed = world().sign(plain(), world().seal, "S", habits=Habits(digest="sha1"))
        report = world().judge(judge, signed)
        assert report.signatures[0].sub_indication == "CRYPTO_CONSTRAINTS_FAILURE"
        assert (report.signatures[0].judgement, codes(report, 1)) == (INVALID, {"pdf.algorithm_refused"})

    def test_a_short_key_is_refused(self, judge: PdfJudge) -> None:
        weak = world().pki.agency_seal("Sở Y tế", "000.07.38.H38", flaws=WEAK_KEY)
        signature = world().judge(judge, world().sign(plain(), weak, "S")).signatures[0]
        assert (signature.judgement, signature.sub_indication) == (INVALID, "CRYPTO_CONSTRAINTS_FAILURE")

    def test_an_elliptic_curve_is_believed(self, judge: PdfJudge) -> None:
        seal = world().pki.agency_seal("Sở Y tế", "000.07.38.H38", flaws=replace(SOUND, key="ec-p256"))
        signature = world().judge(judge, world().sign(plain(), seal, "S")).signatures[0]
        assert (signature.judgement, signature.algorithm) == (VALID, "ecdsa/sha256")

    def test_the_older_kind_with_sha256_is_read(self, judge: PdfJudge) -> None:
        habits = Habits(sub_filter=SigSeedSubFilter.ADOBE_PKCS7_DETACHED)
        signature = world().judge(judge, world().sign(plain(), world().seal, "S", habits=habits)).signatures[0]
        assert signature.judgement is VALID

    @pytest.mark.parametrize("kind", [b"adbe.x509.rsa_sha1", b"adbe.pkcs7.sha1", b"Own.kind"])
    def test_other_kinds_are_refused_and_never_overlooked(self, judge: PdfJudge, kind: bytes) -> None:
        value = b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /%s /Contents <00> /ByteRange [0 1 2 3] >>" % kind
        report = world().judge(judge, with_field(value))
        assert (report.signatures[0].judgement, codes(report, 1)) == (INVALID, {"pdf.kind_refused"})


class TestRoles:
    RULES = read_role_rules(
        [
            {"role": "personal_signature", "has": ["personal_id"]},
            {"role": "agency_seal", "has": ["organization_identifier"], "lacks": ["title"]},
            {"role": "agency_seal", "common_name": "(UBND|Sở)\\s"},
            {"role": "personal_signature", "has": ["organisation"]},
        ]
    )

    @pytest.mark.parametrize(
        ("subject", "role"),
        [
            (SubjectFacts("UBND tỉnh", "UBND tỉnh", "CCCD:012345678901"), Role.PERSONAL_SIGNATURE),
            (SubjectFacts("Văn thư", AGENCY, has=frozenset({Fact.ORGANIZATION_IDENTIFIER})), Role.AGENCY_SEAL),
            (SubjectFacts("SỞ TÀI CHÍNH", "Tỉnh"), Role.AGENCY_SEAL),
            (SubjectFacts("Nguyễn Văn A", AGENCY, "MST:0123"), Role.PERSONAL_SIGNATURE),
            (SubjectFacts("Nguyễn Văn A", ""), Role.UNKNOWN),
        ],
    )
    def test_the_first_rule_that_fits_decides(self, subject: SubjectFacts, role: Role) -> None:
        assert role_of(subject, self.RULES) is role

    @pytest.mark.parametrize(
        "row",
        [
            {"role": "king"},
            {"has": ["crown"]},
            {"common_name": "("},
            {"hass": []},
            {"has": "title"},
            {"name_is_organisation": "yes"},
        ],
    )
    def test_a_wrong_row_stops_the_start(self, row: dict[str, object]) -> None:
        with pytest.raises(Misconfigured, match="row 2"):
            read_role_rules([{"role": "unknown"}, {"role": "unknown", **row}])

    def test_the_name_may_be_asked_not_to_be_the_organisations(self) -> None:
        rule = RoleRule(Role.PERSONAL_SIGNATURE, name_is_organisation=False)
        assert rule.fits(SubjectFacts("Hoa", AGENCY))
        assert not rule.fits(SubjectFacts(AGENCY.upper(), AGENCY))


def test_every_finding_can_be_told(judge: PdfJudge) -> None:
    report = world().judge(judge, update(world().twice, {5: b"<< >>"}))
    for finding in (*report.findings, *(each for one in report.signatures for each in one.findings)):
        assert "?" not in describe(finding).vi
