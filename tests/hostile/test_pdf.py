"""Attacks on signed PDF files, each by its number (P1-P7): shadows, odd ranges, wrapping, bombs, others' seals."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import pytest
from asn1crypto import cms
from asn1crypto import x509 as asn1
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.crypt import StandardSecurityHandler
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.pdf_utils.writer import copy_into_new_writer
from pyhanko.sign.general import as_signing_certificate, as_signing_certificate_v2

from hub.demo.pki import SOUND, DemoPki
from hub.domain.findings import Severity
from hub.domain.signatures import Changes, Judgement, PdfReport, Role
from hub.signatures.pdf import PdfJudge
from tests.support.pdf_files import (
    AGENCY,
    CODE,
    MIB,
    NOW,
    SWAPPED,
    codes,
    edit_cms,
    field_number,
    object_of,
    place_of,
    plain,
    range_of,
    second_document,
    signature_value,
    stream,
    update,
    with_field,
    with_packed_catalogue,
    with_range,
    with_text_field,
    world,
)

INVALID, VALID = Judgement.INVALID, Judgement.VALID
CHANGED = "pdf.changed_after_signing"


@pytest.fixture(scope="module")
def judge() -> Iterator[PdfJudge]:
    made = PdfJudge(children=1, memory_bytes=512 * MIB, seconds=20)
    yield made
    made.close()


def sealed(content: bytes) -> bytes:
    return world().sign(content, world().seal, "Seal")


def broken(report: PdfReport, code: str, number: int = 1) -> bool:
    """True when the signature is invalid for this reason."""
    return report.signatures[number - 1].judgement is INVALID and code in codes(report, number)


class TestShadows:
    """P1: content prepared before the signature and shown after it (hide, replace, hide and replace)."""

    def test_p1_hide_a_cover_that_is_taken_away_after_signing(self, judge: PdfJudge) -> None:
        cover = stream(b"1 1 1 rg 0 600 595 242 re f")
        page = object_of(plain(), 3).replace(b"/Contents 5 0 R", b"/Contents [5 0 R 9 0 R]")
        prepared = sealed(plain({3: page, 9: cover}))
        assert world().judge(judge, prepared).signatures[0].judgement is VALID
        report = world().judge(judge, update(prepared, {9: stream(b"")}))
        assert broken(report, CHANGED)
        assert report.signatures[0].changes is Changes.CONTENT

    def test_p1_hide_by_freeing_the_cover(self, judge: PdfJudge) -> None:
        page = object_of(plain(), 3).replace(b"/Contents 5 0 R", b"/Contents [5 0 R 9 0 R]")
        prepared = sealed(plain({3: page, 9: stream(b"0 600 595 242 re f")}))
        freed = update(prepared, places={9: 0}).replace(b"0000000000 00000 n", b"0000000000 00001 f")
        assert broken(world().judge(judge, freed), CHANGED)

    def test_p1_replace_the_font(self, judge: PdfJudge) -> None:
        font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding << /Differences [49 /nine] >> >>"
        assert broken(world().judge(judge, update(world().once, {4: font})), CHANGED)

    def test_p1_replace_what_a_form_field_shows(self, judge: PdfJudge) -> None:
        prepared = sealed(with_text_field(b"10 dong"))
        before = world().judge(judge, prepared)
        assert before.signatures[0].judgement is VALID
        assert codes(before) == {"pdf.fillable"}
        field = object_of(prepared, 9).replace(b"10 dong", b"99 dong")
        report = world().judge(judge, update(prepared, {9: field}))
        assert broken(report, CHANGED)
        assert report.signatures[0].changes in (Changes.FORM_OR_NOTES, Changes.CONTENT)

    def test_p1_hide_and_replace_with_a_second_catalogue(self, judge: PdfJudge) -> None:
        prepared = sealed(plain(second_document()))
        before = world().judge(judge, prepared)
        assert before.signatures[0].judgement is VALID
        assert codes(before) == {"pdf.hidden_pages"}, "signed well, but shadowed: at least a warning"
        gone = update(prepared, places={20: place_of(prepared, 20)}, root=20)
        assert broken(world().judge(judge, gone), "pdf.signature_removed")
        form = re.search(rb"/AcroForm (\d+ 0 R|<<.*?>>)", object_of(prepared, 1), re.DOTALL)[0]
        kept = update(prepared, {20: b"<< /Type /Catalog /Pages 21 0 R %s >>" % form}, root=20)
        assert broken(world().judge(judge, kept), CHANGED)

    def test_p1_hide_and_replace_by_pointing_a_number_elsewhere(self, judge: PdfJudge) -> None:
        prepared = sealed(plain(unlisted=[b"5 0 obj\n%s\nendobj\n" % SWAPPED]))
        before = world().judge(judge, prepared)
        assert before.signatures[0].judgement is VALID
        assert codes(before) == {"pdf.hidden_objects"}
        hidden = [one.start(1) for one in re.finditer(rb"\n(5) 0 obj", prepared)][1]
        assert broken(world().judge(judge, update(prepared, places={5: hidden})), CHANGED)

    @pytest.mark.parametrize("number", [2, 3, 5])
    def test_p1_no_object_of_the_page_may_be_written_anew(self, judge: PdfJudge, number: int) -> None:
        anew = {2: b"<< /Type /Pages /Kids [] /Count 0 >>", 3: b"<< /Type /Page /Parent 2 0 R >>", 5: SWAPPED}
        report = world().judge(judge, update(world().twice, {number: anew[number]}))
        assert broken(report, CHANGED, 1)
        assert broken(report, CHANGED, 2)


class TestAnomalies:
    """P2: coverage that is not whole, attributes that were touched or do not fit."""

    def test_p2_a_range_that_ends_before_the_file_does(self, judge: PdfJudge) -> None:
        report = world().judge(judge, with_range(world().once, lambda r: [r[0], r[1], r[2], r[3] - 40]))
        assert broken(report, "pdf.coverage_unclear")
        assert report.signatures[0].sub_indication in ("HASH_FAILURE", "FORMAT_FAILURE")

    def test_p2_attributes_that_were_changed_after_signing(self, judge: PdfJudge) -> None:
        def edit(signed: cms.SignedData) -> None:
            digest = attribute(signed, "message_digest")
            digest["values"] = [bytes(32)]

        report = world().judge(judge, edit_cms(world().once, edit))
        assert broken(report, "pdf.digest_differs")
        assert "pdf.value_wrong" in codes(report, 1)

    def test_p2_a_signature_value_of_another_key(self, judge: PdfJudge) -> None:
        report = world().judge(judge, edit_cms(world().once, lambda signed: None, by=world().seal))
        assert broken(report, "pdf.value_wrong")
        assert report.signatures[0].sub_indication == "SIG_CRYPTO_FAILURE"

    def test_p2_a_wrong_content_type(self, judge: PdfJudge) -> None:
        def edit(signed: cms.SignedData) -> None:
            attribute(signed, "content_type")["values"] = ["enveloped_data"]

        report = world().judge(judge, edit_cms(world().once, edit, by=world().person))
        assert broken(report, "pdf.signature_malformed")
        assert report.signatures[0].sub_indication == "FORMAT_FAILURE"

    def test_p2_the_old_attribute_is_told_and_a_missing_one_too(self, judge: PdfJudge) -> None:
        def older(signed: cms.SignedData) -> None:
            named = attribute(signed, "signing_certificate_v2")
            named["type"], named["values"] = "signing_certificate", [as_signing_certificate(leaf(signed))]

        def without(signed: cms.SignedData) -> None:
            rest = [one for one in attributes(signed) if one["type"].native != "signing_certificate_v2"]
            signed["signer_infos"][0]["signed_attrs"] = cms.CMSAttributes(rest)

        for edit in (older, without):
            report = world().judge(judge, edit_cms(world().once, edit, by=world().person))
            assert report.signatures[0].judgement is VALID
            assert codes(report, 1) == {"pdf.certificate_not_bound"}

    def test_p2_a_certificate_that_the_signer_did_not_name(self, judge: PdfJudge) -> None:
        def edit(signed: cms.SignedData) -> None:
            seal = asn1.Certificate.load(world().seal.certificate.public_bytes(Encoding.DER))
            attribute(signed, "signing_certificate_v2")["values"] = [as_signing_certificate_v2(seal)]

        report = world().judge(judge, edit_cms(world().once, edit, by=world().person))
        assert broken(report, "pdf.certificate_swapped")
        assert report.signatures[0].sub_indication == "SIG_CONSTRAINTS_FAILURE"

    def test_p2_two_signers_in_one_signature(self, judge: PdfJudge) -> None:
        def edit(signed: cms.SignedData) -> None:
            signed["signer_infos"].append(signed["signer_infos"][0].copy())

        assert broken(world().judge(judge, edit_cms(world().once, edit)), "pdf.signature_malformed")

    def test_p2_no_certificate_at_all(self, judge: PdfJudge) -> None:
        def edit(signed: cms.SignedData) -> None:
            signed["certificates"] = cms.CertificateSet([])

        report = world().judge(judge, edit_cms(world().once, edit))
        assert broken(report, "pdf.certificate_missing")
        assert (report.signatures[0].certificate, report.signatures[0].role) == (None, Role.UNKNOWN)


class TestForgeries:
    """P3: universal forgery (USF), incremental saving (ISA), wrapping (SWA), from our own signed files."""

    VALUES = (
        b"/Contents () /ByteRange [0 10 20 30]",
        b"/Contents <00> /ByteRange [0 10 20 30]",
        b"/Contents null /ByteRange [0 10 20 30]",
        b"/Contents <3000>",
        b"/ByteRange [0 10 20 30]",
        b"/Contents <3000> /ByteRange null",
        b"/Contents <3000> /ByteRange [0 -1 -2 -3]",
        b"",
    )

    @pytest.mark.parametrize("value", VALUES, ids=str)
    def test_p3_usf_values_that_cannot_be_signatures(self, judge: PdfJudge, value: bytes) -> None:
        dictionary = b"<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /ETSI.CAdES.detached %s >>" % value
        assert broken(world().judge(judge, with_field(dictionary)), "pdf.signature_malformed")

    @pytest.mark.parametrize(
        "change",
        [
            lambda r: [0, 0, 0, 0],
            lambda r: [0, r[1]],
            lambda r: [1, r[1] - 1, r[2], r[3]],
            lambda r: [0, r[1], r[2], -r[3]],
            lambda r: [0, r[1], r[2], 10**12],
            lambda r: [0, r[1] - 8, r[2], r[3]],
            lambda r: [*r, 0, 0],
        ],
    )
    def test_p3_usf_odd_ranges(self, judge: PdfJudge, change: Callable[[list[int]], list[int]]) -> None:
        report = world().judge(judge, with_range(world().once, change))
        assert [one.judgement for one in report.signatures] == [INVALID]

    def test_p3_usf_contents_taken_away_from_a_real_signature(self, judge: PdfJudge) -> None:
        for name, other in ((b"/Contents", b"/Kontents"), (b"/ByteRange", b"/ByteRongo")):
            place = world().once.rindex(name + b" ")
            spoiled = world().once[:place] + other + world().once[place + len(name) :]
            assert broken(world().judge(judge, spoiled), "pdf.signature_malformed")

    def test_p3_isa_a_new_page_without_any_signature(self, judge: PdfJudge) -> None:
        pages = {2: b"<< /Type /Pages /Kids [3 0 R 30 0 R] /Count 2 >>", 30: object_of(plain(), 3), 31: SWAPPED}
        report = world().judge(judge, update(world().twice, pages))
        assert broken(report, CHANGED, 1)
        assert broken(report, CHANGED, 2)

    def test_p3_isa_without_a_table_or_a_trailer(self, judge: PdfJudge) -> None:
        for tail in (
            b"5 0 obj\n%s\nendobj\n" % SWAPPED,
            b"5 0 obj\n%s\nendobj\ntrailer\n<< /Root 1 0 R >>\n" % SWAPPED,
        ):
            report = world().judge(judge, world().twice + tail)
            assert not any(one.judgement is VALID and one.number == 2 for one in report.signatures)

    def test_p3_swa_the_second_part_moved_and_foreign_objects_between(self, judge: PdfJudge) -> None:
        _, first, start, length = range_of(world().once)
        foreign = b"\n5 0 obj\n%s\nendobj\n" % SWAPPED
        moved = start + len(foreign)
        wrapped = world().once[:start] + foreign + world().once[start : start + length]
        wrapped = with_range(wrapped, lambda r: [0, first, moved, length])
        report = world().judge(judge, wrapped)
        assert report.signatures == () or report.signatures[0].judgement is INVALID

    def test_p3_swa_a_signature_copied_below_another_document(self, judge: PdfJudge) -> None:
        fields = {7: object_of(world().once, field_number(world().once))}
        copied = update(plain({5: SWAPPED}), fields | {8: signature_value(world().once), 1: CATALOGUE})
        report = world().judge(judge, copied)
        assert [one.judgement for one in report.signatures] == [INVALID]


class TestAppended:
    """P4: what stands after the last signature."""

    def test_p4_bytes_after_the_end(self, judge: PdfJudge) -> None:
        report = world().judge(judge, world().twice + b"<script>alert(1)</script>")
        assert broken(report, "pdf.bytes_after_signature", 2)
        assert report.signatures[0].judgement is VALID, "the person's revision is as it was"

    def test_p4_an_empty_revision_is_no_change(self, judge: PdfJudge) -> None:
        report = world().judge(judge, update(world().twice, {40: b"null"}))
        assert report.signatures[1].changes in (Changes.NONE, Changes.VALIDATION_DATA)

    def test_p4_a_hidden_increment_below_the_signature(self, judge: PdfJudge) -> None:
        report = world().judge(judge, update(world().once, {5: SWAPPED}))
        assert broken(report, CHANGED)
        again = world().sign(update(world().once, {5: SWAPPED}), world().seal, "Seal")
        report = world().judge(judge, again)
        assert broken(report, CHANGED, 1)
        assert report.signatures[1].judgement is VALID, "the seal covers what it saw; the person signed something else"

    def test_p4_a_hybrid_table_after_signing(self, judge: PdfJudge) -> None:
        rows = b"".join(n.to_bytes(1) + place.to_bytes(4) + b"\0" for n, place in ((1, place_of(world().once, 5)),))
        entries = b"/Type /XRef /Size 60 /W [1 4 1] /Index [50 1]"
        hidden = world().once + b"\n60 0 obj\n%s\nendobj\n" % stream(rows, entries)
        place = place_of(hidden, 60)
        report = world().judge(judge, update(hidden, {51: b"null"}, entries=b"/XRefStm %d" % place))
        assert "pdf.hybrid_references" in codes(report)
        assert broken(report, "pdf.hybrid_after_signing")


class TestCostly:
    """P5: files that cannot be read, cost too much, or would run something."""

    def test_p5_encrypted(self, judge: PdfJudge) -> None:
        writer = copy_into_new_writer(PdfFileReader(BytesIO(plain())))
        writer._assign_security_handler(StandardSecurityHandler.build_from_pw("x"))
        out = BytesIO()
        writer.write(out)
        report = world().judge(judge, out.getvalue())
        assert (codes(report), report.signatures) == ({"pdf.encrypted"}, ())
        assert report.findings[0].severity is Severity.WARNING, "left open: neither valid nor broken"

    def test_p5_an_object_stream_that_unpacks_to_very_much(self, judge: PdfJudge) -> None:
        packed = zlib.compress(b" " * 80 * MIB, 1)
        bomb = stream(packed, b"/Type /ObjStm /N 50000 /First 600000 /Filter /FlateDecode")
        report = world().judge(judge, with_packed_catalogue(bomb))
        assert codes(report) <= {"pdf.too_expensive", "pdf.unreadable"}
        assert (len(report.findings), report.signatures) == (1, ())
        assert world().judge(judge, world().once).signatures[0].judgement is VALID, "the judge lives on"

    def test_p5_a_page_tree_that_holds_itself(self, judge: PdfJudge) -> None:
        tree = {2: b"<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 2 /Parent 2 0 R >>"}
        report = world().judge(judge, plain(tree))
        assert (report.findings, report.signatures) == ((), ())
        after = world().judge(judge, update(world().once, tree))
        assert not any(one.judgement is VALID for one in after.signatures)

    def test_p5_a_field_tree_that_holds_itself(self, judge: PdfJudge) -> None:
        form = b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [7 0 R] >> >>"
        report = world().judge(judge, plain({1: form, 7: b"<< /T (a) /Kids [7 0 R] >>"}))
        assert codes(report) == {"pdf.unreadable"}

    @pytest.mark.parametrize(
        ("entry", "word"),
        [
            (b"/OpenAction << /S /JavaScript /JS (app.alert) >>", "JavaScript"),
            (b"/OpenAction << /S /J#61vaScript >>", "JavaScript"),
            (b"/AA << /WC << /S /Launch /F (calc.exe) >> >>", "Launch"),
            (b"/Names << /EmbeddedFiles << /Names [] >> >>", "EmbeddedFiles"),
        ],
    )
    def test_p5_what_would_run_is_told(self, judge: PdfJudge, entry: bytes, word: str) -> None:
        catalogue = b"<< /Type /Catalog /Pages 2 0 R %s >>" % entry
        report = world().judge(judge, sealed(plain({1: catalogue})))
        assert codes(report) == {"pdf.active_content"}
        assert report.findings[0].evidence["what"] == word
        assert report.signatures[0].judgement is VALID

    def test_p5_two_gigabytes_declared(self, judge: PdfJudge) -> None:
        big = b"<< /Length 2147483647 >>\nstream\nshort\nendstream"
        report = world().judge(judge, plain({1: b"<< /Type /Catalog /Pages 2 0 R /Own 9 0 R >>", 9: big}))
        assert (report.signatures, codes(report) <= {"pdf.unreadable", "pdf.too_expensive"}) == ((), True)

    def test_p5_a_thousand_signature_fields(self, judge: PdfJudge) -> None:
        numbers = range(10, 1010)
        fields = b" ".join(b"%d 0 R" % number for number in numbers)
        many = {number: b"<< /FT /Sig /T (S%d) /V << /SubFilter /x >> >>" % number for number in numbers}
        catalogue = b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [%s] >> >>" % fields
        report = world().judge(judge, plain({1: catalogue} | many))
        assert (codes(report), report.signatures) == ({"pdf.too_expensive"}, ())


class TestWhose:
    def test_p6_the_report_names_the_agency_of_the_seal_and_not_the_sender(self, judge: PdfJudge) -> None:
        other = world().pki.agency_seal("Sở Nội vụ tỉnh Lào Cai", "000.06.38.H38")
        signature = world().judge(judge, world().sign(world().once, other, "Seal")).signatures[1]
        assert signature.judgement is VALID
        assert (signature.role, signature.agency_code) == (Role.AGENCY_SEAL, "000.06.38.H38")
        assert signature.organisation == "Sở Nội vụ tỉnh Lào Cai"

    def test_p6_a_seal_with_the_senders_name_from_nowhere_is_not_valid(self, judge: PdfJudge) -> None:
        stranger = DemoPki(moment=NOW, name="Người lạ").agency_seal(AGENCY, CODE)
        signature = world().judge(judge, world().sign(world().once, stranger, "Seal")).signatures[1]
        assert (signature.judgement, signature.trusted) == (INVALID, False)

    def test_p7_one_of_two_signatures_is_invalid_and_the_other_is_told_as_it_is(self, judge: PdfJudge) -> None:
        expired = world().pki.agency_seal("Sở Cũ", "000.01.38.H38", flaws=replace(SOUND, valid_for=timedelta(days=3)))
        late = NOW + timedelta(days=3)
        report = world().judge(judge, world().sign(world().once, expired, "Seal"), moment=late)
        assert [one.judgement for one in report.signatures] == [VALID, INVALID]
        assert report.signatures[1].sub_indication == "EXPIRED"

    def test_p7_the_second_value_is_spoiled(self, judge: PdfJudge) -> None:
        report = world().judge(judge, edit_cms(world().twice, lambda signed: None, by=world().person))
        assert [one.judgement for one in report.signatures] == [VALID, INVALID]


CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [7 0 R] /SigFlags 3 >> >>"


def attributes(signed: cms.SignedData) -> cms.CMSAttributes:
    return signed["signer_infos"][0]["signed_attrs"]


def attribute(signed: cms.SignedData, name: str) -> cms.CMSAttribute:
    return next(one for one in attributes(signed) if one["type"].native == name)


def leaf(signed: cms.SignedData) -> asn1.Certificate:
    return signed["certificates"][0].chosen
