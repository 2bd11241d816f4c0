"""Each question with envelopes that pass, that fail and, where that exists, that cannot be told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub import checks
from hub.checks import (
    duplicates,
    manifest,
    recipients,
    secrecy,
    sender,
    signature,
    status_target,
    structure,
)
from hub.domain.agencies import Resolution
from hub.domain.envelopes import BusinessType, ManifestEntry
from hub.domain.evidence import EvidenceKind, EvidenceWanted
from hub.domain.findings import Finding, Severity, Verdict, catalogue, verdict_of
from hub.domain.signatures import Coverage, SignatureState
from tests.checks.conftest import said, with_rules
from tests.support.scenes import PDF, document, genuine_document, seal, secret, signed, status_of, unsigned


def codes(findings) -> dict[str, str]:
    return {finding.code: finding.severity.value for finding in findings}


def reading_of(candidate, **facts):
    reading = candidate.reading
    return replace(candidate, reading=replace(reading, envelope=replace(reading.envelope, **facts)))


def test_a_good_document_is_accepted_without_a_word(judge):
    judged = judge(genuine_document(1))
    assert (judged.findings, judged.verdict) == ((), Verdict.ACCEPTED)
    assert judged.candidate.legal_value.replaces_paper


def test_all_faults_are_told_at_once_in_the_order_of_the_policy(judge):
    body = signed(document(1, to=("NOBODY",), attachments=(), manifest=()), by="H14")
    judged = judge(body)
    order = [check.CHECK for check in checks.ORDER]
    met = [order.index(f.check) for f in judged.findings if f.check in order]
    assert {"recipient.unknown", "manifest.no_attachment", "signature.not_of_the_sender"} <= set(codes(judged.findings))
    assert met == sorted(met)


def test_the_names_of_the_checks_are_their_own():
    names = [check.CHECK for check in checks.ORDER]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "body",
    [
        secret(document(1), "Mật"),
        signed(document(1, to=("NOBODY", "H98", "H99", "G66", "H41", "H41")), by="H14"),
        unsigned(document(1, sender="G77")),
    ],
)
def test_every_code_that_a_check_gives_can_be_said(judge, body):
    assert set(codes(judge(body).findings)) <= set(catalogue())


class TestSecrecy:
    def test_passes(self, judge):
        assert said(judge(signed(document(1))), "secrecy") == {}

    @pytest.mark.parametrize("level", ["Mật", "TỐI  MẬT", "tuyệt mật"])
    def test_fails(self, judge, level):
        judged = judge(secret(document(1), level))
        assert said(judged, "secrecy") == {"secrecy.marked": "error"}
        (finding,) = [f for f in judged.findings if f.code == "secrecy.marked"]
        assert finding.evidence["level"] == " ".join(level.casefold().split())

    def test_an_unknown_marking_is_not_let_through_and_not_repeated(self, judge):
        (finding,) = secrecy.judge(reading_of(judge(signed(document(1))).candidate, secrecy="mật danh 007"))
        assert (finding.severity, finding.evidence["level"]) == (Severity.ERROR, "?")


class TestStructure:
    def test_passes(self, judge):
        assert list(structure.judge(judge(signed(document(1))).candidate)) == []

    def test_fails_with_every_violation(self, judge):
        judged = judge(unsigned(document(1, subject="", document_type_name="")))
        assert "schema.required" in codes(structure.judge(judged.candidate))
        assert len([f for f in judged.findings if f.code == "schema.required"]) >= 2

    def test_what_was_bent_is_a_note(self, judge):
        body = signed(document(1)).replace(b"<?xml", b"\xef\xbb\xbf<?xml", 1)
        notes = codes(structure.judge(judge(body).candidate))
        assert notes
        assert set(notes.values()) == {"note"}


class TestSender:
    def test_passes(self, judge):
        assert said(judge(signed(document(1))), "sender") == {}
        assert said(judge(signed(document(1, sender="000.00.00.g22"), by="G22")), "sender") == {}

    @pytest.mark.parametrize(
        ("written", "caller", "code"),
        [
            ("NOBODY", "G22", "sender.unknown"),
            ("H98", "G22", "sender.closed"),
            ("G66", "G66", "sender.suspended"),
            ("H14", "G22", "sender.not_the_caller"),
            ("G30.1", "G22", "sender.not_the_caller"),
            ("G30", "G30.1", "sender.not_the_caller"),
            ("H41.1.2", "H41", "sender.not_the_caller"),
        ],
    )
    def test_fails(self, judge, written, caller, code):
        judged = judge(unsigned(document(1, sender=written)), caller=caller)
        assert said(judged, "sender") == {code: "error"}

    def test_an_ancestor_that_was_told_so_may_send(self, judge):
        assert said(judge(unsigned(document(1, sender="G30.1")), caller="G30"), "sender") == {}

    def test_an_old_code_of_its_own_is_only_warned_about(self, judge):
        assert said(judge(unsigned(document(1, sender="H99")), caller="H14"), "sender") == {
            "sender.old_code": "warning"
        }

    def test_a_look_alike_is_unknown(self, judge):
        assert said(judge(unsigned(document(1, sender="Н41")), caller="H41"), "sender") == {"sender.unknown": "error"}


class TestRecipients:
    def test_passes(self, judge):
        assert said(judge(signed(document(1, to=("H41", "000.00.00.H14")))), "recipient") == {}

    def test_fails(self, judge):
        found = said(judge(signed(document(1, to=("NOBODY", "H98")))), "recipient")
        assert found == {"recipient.unknown": "error", "recipient.closed": "error"}

    def test_each_fault_names_its_place(self, judge):
        judged = judge(signed(document(1, to=("H41", "NOBODY"))))
        (finding,) = [f for f in judged.findings if f.code == "recipient.unknown"]
        assert (finding.where, finding.evidence["agency"]) == ("To[2]/OrganId", "NOBODY")

    def test_what_is_only_said(self, judge):
        found = said(judge(signed(document(1, to=("H99", "G66", "H41", "h41")))), "recipient")
        assert found == {
            "recipient.successor": "note",
            "recipient.suspended": "warning",
            "recipient.repeated": "note",
        }

    def test_nobody_is_no_recipient(self, judge):
        candidate = replace(judge(signed(document(1))).candidate, recipients=())
        assert codes(recipients.judge(candidate)) == {"recipient.none": "error"}


class TestManifest:
    def test_passes(self, judge):
        assert list(manifest.judge(judge(signed(document(1))).candidate)) == []

    @pytest.mark.parametrize(
        ("announced", "code"),
        [
            (("209", "210"), "manifest.attachment_missing"),
            ((), "manifest.attachment_not_announced"),
            (("209", "209"), "manifest.repeated"),
        ],
    )
    def test_fails(self, judge, announced, code):
        entries = tuple(ManifestEntry(one, "application/pdf", "a.pdf") for one in announced)
        candidate = reading_of(judge(signed(document(1))).candidate, manifest=entries)
        assert codes(manifest.judge(candidate))[code] == "error"

    def test_a_document_without_a_file_is_none_but_a_recall_needs_no_file(self, judge):
        bare = {"attachments": (), "manifest": ()}
        candidate = judge(signed(document(1, **bare))).candidate
        assert codes(manifest.judge(candidate)) == {"manifest.no_attachment": "error"}
        recall = judge(signed(document(1, business_type=BusinessType.RECALL, **bare))).candidate
        assert list(manifest.judge(recall)) == []


class TestSignature:
    def test_passes(self, judge):
        assert said(judge(signed(document(1))), "signature") == {}
        assert said(judge(signed(document(1, sender="G77"), by="G77"), caller="G77"), "signature") == {}

    def test_absence_is_the_agencys_policy(self, judge):
        assert said(judge(unsigned(document(1))), "signature") == {"signature.absent": "warning"}
        required = judge(unsigned(document(1, sender="G77")), caller="G77")
        assert (said(required, "signature"), required.verdict) == ({"signature.absent": "error"}, Verdict.REJECTED)

    def test_another_agencys_seal_fails(self, judge):
        judged = judge(signed(document(1), by="H14"))
        assert said(judged, "signature") == {"signature.not_of_the_sender": "error"}

    def test_an_unregistered_seal_of_the_right_name_fails(self, judge):
        stranger = seal("G22-other")
        assert stranger.certificate != seal("G22").certificate
        judged = judge(signed(document(1), by="G22-other"))
        assert "signature.not_of_the_sender" in said(judged, "signature")

    def test_a_parents_seal_passes_where_it_may_speak(self, judge):
        assert said(judge(signed(document(1, sender="G30.1"), by="G30"), caller="G30"), "signature") == {}

    def test_changed_after_signing_fails(self, judge):
        body = signed(document(1)).replace("thử nghiệm".encode(), "giả mạo".encode())
        assert judge(body).verdict is Verdict.REJECTED

    def test_an_attachment_swapped_after_signing_fails(self, judge):
        judged = judge(signed(document(1), pdf=PDF + b" "))
        assert judged.verdict is Verdict.REJECTED
        assert said(judged, "signature")

    def test_where_it_is_required_legacy_and_partial_are_not_enough(self, judge):
        candidate = judge(signed(document(1, sender="G77"), by="G77"), caller="G77").candidate
        legacy = replace(candidate, signature=replace(candidate.signature, state=SignatureState.LEGACY))
        assert codes(signature.judge(legacy)) == {"signature.required": "error"}
        partial = replace(candidate, signature=replace(candidate.signature, coverage=Coverage(header=True)))
        assert codes(signature.judge(partial)) == {"signature.must_cover_all": "error"}

    def test_cannot_tell_is_kept_for_later(self, judge):
        candidate = judge(signed(document(1))).candidate
        later = Finding("signature", "signature.absent", Severity.TRY_LATER)
        wanted = EvidenceWanted(EvidenceKind.CRL, "0" * 64, "http://crl.example/ca.crl")
        unsure = replace(candidate, signature=replace(candidate.signature, findings=(later,), wanted=(wanted,)))
        assert verdict_of(signature.judge(unsure)) is Verdict.HELD

    def test_what_nobody_can_be_asked_for_is_not_waited_for(self, judge):
        candidate = judge(signed(document(1))).candidate
        later = Finding("signature", "certificate.revocation_unknown", Severity.TRY_LATER)
        unsure = replace(candidate, signature=replace(candidate.signature, findings=(later,)))
        assert codes(signature.judge(unsure)) == {"certificate.revocation_unknown": "warning"}


class TestDuplicates:
    @pytest.fixture
    def known(self, desk):
        desk.post(signed(document(50, to=("H41",))))
        desk.drain()
        return desk

    def test_passes(self, judge):
        assert said(judge(signed(document(51))), "duplicates") == {}

    def test_known_and_already_held_are_notes(self, judge, known):
        found = said(judge(signed(document(50, to=("H41", "H14")))), "duplicates")
        assert found == {"duplicates.known_document": "note", "duplicates.already_held": "note"}

    def test_changed_attachments_are_what_the_rule_pack_says(self, judge, known):
        other = b"%PDF-1.7 other"
        judged = judge(signed(document(50, to=("H41",), pdf=other), pdf=other))
        assert said(judged, "duplicates") == {"duplicates.changed_attachments": "warning"}
        strict = with_rules(judged.candidate, changed_attachments=Severity.ERROR)
        assert codes(duplicates.judge(strict)) == {"duplicates.changed_attachments": "error"}

    def test_the_same_number_under_another_id_is_warned_about(self, judge, known):
        judged = judge(signed(document(50, to=("H41",), document_id="G22,2026/03/02,50/KHAC")))
        assert said(judged, "duplicates") == {"duplicates.same_number": "warning"}

    def test_a_rejected_sending_is_no_known_document(self, judge, desk):
        desk.post(signed(document(52, to=("NOBODY",))))
        assert said(judge(signed(document(52))), "duplicates") == {}

    def test_a_recall_is_about_a_known_document_and_not_a_duplicate(self, judge, known):
        judged = judge(signed(document(50, to=("H41",), business_type=BusinessType.RECALL)))
        assert said(judged, "duplicates") == {}


class TestStatusTarget:
    @pytest.fixture
    def sent(self, desk):
        sent = desk.post(signed(document(60, to=("H41",)))).consignment
        desk.drain()
        return sent

    def test_passes(self, judge, sent):
        assert said(judge(unsigned(status_of(sent, "03", said_by="H41")), caller="H41"), "status") == {}

    def test_fails_for_one_who_never_received_it(self, judge, sent):
        found = said(judge(unsigned(status_of(sent, "03", said_by="H14")), caller="H14"), "status")
        assert found == {"status.unknown_document": "error"}

    def test_fails_for_a_code_that_does_not_exist(self, judge, sent):
        judged = judge(unsigned(status_of(sent, "99", said_by="H41")), caller="H41")
        assert said(judged, "status")["status.unknown_code"] == "error"

    def test_a_recall_is_asked_by_the_owner_only(self, judge, sent):
        assert said(judge(unsigned(status_of(sent, "13", said_by="G22", to="H41"))), "status") == {}
        stranger = judge(unsigned(status_of(sent, "13", said_by="H14", to="H41")), caller="H14")
        assert said(stranger, "status") == {"status.unknown_document": "error"}

    def test_a_document_is_no_status(self, judge):
        assert list(status_target.judge(judge(signed(document(1))).candidate)) == []


def test_who_is_meant_is_told_by_the_resolution(judge):
    candidate = replace(judge(signed(document(1))).candidate, sender=Resolution("X", None))
    assert codes(sender.judge(candidate)) == {"sender.unknown": "error"}
