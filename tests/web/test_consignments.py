"""Sending: verdicts, receipts, replays, conflicts, refusals; reading back what became of it."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.domain.envelopes import Paper
from hub.domain.findings import Finding, Severity
from hub.domain.periods import vietnam_day
from hub.domain.signature_policy import Demand, Level, PolicyRow
from hub.signatures import jws
from hub.store import agencies, policies
from tests.support import envelopes as raw
from tests.support.missing_evidence import NoEvidence
from tests.support.scenes import document, genuine, genuine_document, secret, signed, unsigned

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


def codes(answer) -> set[str]:
    return {finding["code"] for finding in answer.json["findings"]}


def test_a_signed_envelope_is_accepted_with_a_receipt_that_verifies(web):
    body = signed(document())
    answer = web.as_("G22").send(body)
    facts = answer.json
    assert answer.status_code == 201
    assert UUID.fullmatch(facts["id"])
    assert answer.headers["Location"] == f"/api/v1/consignments/{facts['id']}"
    assert (facts["verdict"], facts["state"], facts["replayed"]) == ("accepted", "accepted", False)
    assert facts["received_at"].endswith("+07:00")
    assert facts["size_bytes"] == len(body)
    assert facts["signature"]["state"] == "valid"
    assert facts["signature"]["coverage"]["whole"] is True
    assert "Con dấu G22" in facts["signature"]["signer"]["subject"]
    assert '"pem"' not in answer.text
    claims = jws.verify_receipt(facts["receipt"], trusted=web.hub.key.certificates)
    assert claims["envelope"] == {"sha256": facts["sha256"], "size_bytes": len(body)}
    assert (claims["event"], claims["consignment"]) == ("SubmissionAcceptance", facts["id"])


def test_an_unsigned_envelope_is_never_called_valid(web):
    answer = web.as_("G22").send(unsigned(document()))
    assert answer.status_code == 201
    told = answer.json["signature"]
    assert (told["state"], told["form"]) == ("not_cryptographic", "absent")
    assert answer.json["signature"]["signer"] is None
    assert answer.json["signature"]["words"]["vi"] == "Không có chữ ký số; bên gửi chỉ được nhận biết qua khóa truy cập"


def test_the_same_bytes_again_give_the_same_receipt(web):
    body = signed(document())
    first, second = (web.as_("G22").send(body) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert second.json["receipt"] == first.json["receipt"]
    assert second.json["id"] == first.json["id"]
    assert second.json["replayed"] is True


def test_the_same_key_and_other_bytes_is_a_conflict_and_the_first_stays(web):
    sender = web.as_("G22")
    first = sender.send(signed(document(1)), key="abc")
    conflict = sender.send(signed(document(2)), key="abc")
    assert (first.status_code, conflict.status_code) == (201, 409)
    assert conflict.json["code"] == "consignment.same_key_different_content"
    assert first.json["id"] in conflict.json["detail"]
    assert sender.get(f"/consignments/{first.json['id']}").json["receipt"] == first.json["receipt"]


def test_the_same_key_of_two_agencies_is_two_keys(web):
    assert web.as_("G22").send(signed(document(1)), key="abc").status_code == 201
    assert web.as_("H14").send(signed(document(1, sender="H14", to=("H41",))), key="abc").status_code == 201


def test_a_rejection_is_final_for_its_key_and_mended_with_a_new_one(web):
    sender, body = web.as_("G22"), signed(document(to=("Z99",)))
    first = sender.send(body, key="one")
    with web.hub.database.writing() as transaction:
        agencies.keep(transaction, agencies.Agency("Z99", "Đơn vị mới"), now=web.hub.now())
    again, fresh = sender.send(body, key="one"), sender.send(body, key="two")
    assert (first.status_code, again.status_code, fresh.status_code) == (422, 422, 201)
    assert "Location" not in first.headers
    assert [f["code"] for f in first.json["findings"] if f["severity"] == "error"] == ["recipient.unknown"]
    assert again.json["receipt"] == first.json["receipt"]
    assert again.headers["Idempotency-Replayed"] == "true"
    finding = first.json["findings"][0]
    assert "Z99" in finding["message"]["vi"]
    assert "Z99" in finding["message"]["en"]
    assert finding["fix"]["vi"]


def test_a_held_sending_says_when_to_look_again(web, monkeypatch):
    monkeypatch.setattr("hub.checks.ORDER", (NoEvidence(),))
    body = signed(document())
    held, again = (web.as_("G22").send(body) for _ in range(2))
    assert (held.status_code, again.status_code) == (202, 202)
    assert 1 <= int(held.headers["Retry-After"]) <= 300
    assert held.json["verdict"] == "held"
    assert held.json["receipt"] is None
    assert again.headers["Idempotency-Replayed"] == "true"


def test_a_hundred_posts_at_once_are_one_consignment(web):
    body, answers, start = signed(document()), [], threading.Barrier(100)

    def post() -> None:
        caller = web.as_("G22")
        start.wait()
        answers.append(caller.send(body))

    threads = [threading.Thread(target=post) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] * 99 + [201]
    assert len({answer.json["receipt"] for answer in answers}) == 1
    assert len({answer.json["id"] for answer in answers}) == 1
    assert list((web.hub.settings.data_dir / "payloads" / "drafts").iterdir()) == []


REFUSED = {
    "doctype": (raw.document(prolog="<!DOCTYPE edXML>"), "envelope.dangerous_xml"),
    "entity": (raw.document(header="<edXML:a>&xxe;</edXML:a>"), "envelope.dangerous_xml"),
    "not_xml": (b"%PDF-1.7 this is no XML at all, and it goes on for a while without any tag whatsoever", "not_edxml"),
    "empty": (b"", "envelope.not_edxml"),
    "wrong_root": (b"<html><body/></html>", "envelope.not_edxml"),
    "deep": (b"<a>" * 10_000, "envelope.too_large"),
    "cut": (raw.document()[:-40], "envelope.not_edxml"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_with_its_code_and_nothing_is_kept(web, name):
    body, code = REFUSED[name]
    answer = web.as_("G22").send(body)
    assert answer.status_code == (413 if name == "deep" else 400)
    assert answer.json["code"].endswith(code)
    assert answer.content_type == "application/problem+json"
    assert answer.json["fix"]
    assert list((web.hub.settings.data_dir / "payloads").glob("**/*.*")) == []
    assert list((web.hub.settings.data_dir / "payloads" / "drafts").iterdir()) == []


def tampered() -> bytes:
    return signed(document(sender="G22")).replace("V/v thử nghiệm".encode(), "V/v thử nghiêm".encode())


REJECTED = {
    "broken_base64": (lambda: unsigned(document()).replace(b"JVBERi0x", b"JVB*Ri0x"), "edxml.attachment.base64"),
    "manifest_differs": (lambda: raw.document(references=raw.reference("cid:2")), "manifest.attachment_missing"),
    "unknown_sender": (lambda: unsigned(document(sender="Q77")), "sender.unknown"),
    "unknown_recipient": (lambda: unsigned(document(to=("Q77",))), "recipient.unknown"),
    "closed_without_successor": (lambda: unsigned(document(to=("H98",))), "recipient.closed"),
    "not_the_caller": (lambda: unsigned(document(sender="H14", to=("H41",))), "sender.not_the_caller"),
    "tampered_after_signing": (tampered, "signature."),
    "seal_of_another": (lambda: signed(document(), by="H41"), "signature.not_of_the_sender"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_a_bad_document_is_rejected_with_findings_and_a_receipt(web, name):
    make, code = REJECTED[name]
    answer = web.as_("G22").send(make())
    assert answer.status_code == 422
    errors = {f["code"] for f in answer.json["findings"] if f["severity"] == "error"}
    assert any(found.startswith(code) for found in errors), errors
    assert answer.json["signature"]["state"] != "valid"
    claims = jws.verify_receipt(answer.json["receipt"], trusted=web.hub.key.certificates)
    assert claims["event"] == "SubmissionRejection"


def test_two_signatures_are_rejected(web):
    body = signed(document())
    start, end = body.index(b"<ds:Signature "), body.index(b"</ds:Signature>") + len(b"</ds:Signature>")
    answer = web.as_("G22").send(body[:end] + body[start:end] + body[end:])
    assert answer.status_code == 422
    assert answer.json["signature"]["state"] == "invalid"


def test_an_attachment_name_with_a_path_is_found(web):
    body = unsigned(document()).replace(b"cong-van.pdf", b"../../etc/a.pdf")
    answer = web.as_("G22").send(body)
    assert any("name" in code for code in codes(answer)), codes(answer)


def test_a_closed_recipient_is_followed_to_its_successor_and_said(web):
    view = web.placed(to=("H99",), page=genuine("G22"))
    assert [f["code"] for f in view["findings"]] == ["recipient.successor"]
    assert [(d["recipient"], d["addressee"], d["recipient_name"]) for d in view["deliveries"]] == [
        ("H14", "H99", "Ủy ban nhân dân tỉnh Khác")
    ]


def test_a_secret_marking_is_refused_and_neither_body_nor_header_is_kept(web):
    answer = web.as_("G22").send(secret(document(), "Mật"))
    assert answer.status_code == 422
    assert "secrecy.marked" in codes(answer)
    assert not web.hub.payloads.holds(answer.json["sha256"])
    view = web.as_("G22").get(answer.json["links"]["self"]).json
    assert view["header"] is None


def test_a_body_over_the_limit_is_refused_before_it_is_read(web):
    answer = web.as_("G22").send(b"<", environ_overrides={"CONTENT_LENGTH": str(2**40)})
    assert answer.status_code == 413
    assert answer.json["code"] == "envelope.too_large"
    assert answer.headers["Connection"] == "close"


def test_a_suspended_agency_reads_but_does_not_send(web):
    caller = web.as_("G66")
    refused = caller.send(unsigned(document(sender="G66")))
    assert (refused.status_code, refused.json["code"]) == (403, "agency.suspended")
    assert caller.get("/inbox").status_code == 200


def test_a_closed_agency_does_nothing(web):
    answer = web.as_("H99").get("/inbox")
    assert (answer.status_code, answer.json["code"]) == (403, "caller.not_allowed")


@pytest.mark.parametrize("key", ["", "x" * 151, "có dấu", "a b", "a\tb"])
def test_an_idempotency_key_of_a_wrong_shape_is_named(web, key):
    answer = web.as_("G22").post(
        "/consignments",
        data=b"<a/>",
        content_type="application/xml",
        headers={"Idempotency-Key": key.encode().decode("latin-1")},
    )
    assert (answer.status_code, answer.json["code"]) == (400, "request.malformed")
    assert "Idempotency-Key" in answer.json["detail"]


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [("application/json", ""), ("application/x-www-form-urlencoded", ""), ("", ""), ("application/xml", "gzip")],
)
def test_other_types_and_encodings_are_refused(web, content_type, encoding):
    headers = {"Content-Encoding": encoding} if encoding else {}
    answer = web.as_("G22").post("/consignments", data=b"<a/>", content_type=content_type, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (415, "request.unsupported_media_type")


def test_the_sender_sees_everything_about_its_sending(web):
    view = web.placed(to=("H41", "H14"), paper=Paper.WITH_PAPER)
    assert view["state"] == "routed"
    assert [d["state"] for d in view["deliveries"]] == ["in_hand", "in_hand"]
    assert view["header"]["paper"] == "with_paper"
    assert view["header"]["notation"] == "1/CV"
    assert view["header"]["attachments"][0]["name"] == "cong-van.pdf"
    assert [event["kind"] for event in view["timeline"]] == [
        "accepted",
        "overdue",  # it is dated months ago
        "routed",
        "placed",
        "placed",
    ]
    assert [receipt["event"] for receipt in view["receipts"]] == ["SubmissionAcceptance"]
    assert view["receipts"][0]["jws"] == view["receipt"]


def test_an_ancestor_that_speaks_for_its_descendants_may_send_and_read_for_them(web):
    answer = web.as_("G30").send(unsigned(document(sender="G30.1", to=("H41",))))
    assert answer.status_code == 201
    path = answer.json["links"]["self"]
    assert [web.as_(code).get(path).status_code for code in ("G30", "G30.1", "H41")] == [200, 200, 404]


def test_who_was_rejected_may_read_its_own_attempt(web):
    answer = web.as_("G22").send(unsigned(document(sender="H14", to=("H41",))))
    assert web.as_("G22").get(answer.json["links"]["self"]).status_code == 200


def test_a_finding_without_sentences_would_be_a_fault_not_a_leak(web, monkeypatch):
    class Odd:
        def judge(self, candidate):
            return [Finding("x", "no.such.code", Severity.NOTE)]

    monkeypatch.setattr("hub.checks.ORDER", (Odd(),))
    answer = web.as_("G22").send(unsigned(document()))
    assert (answer.status_code, answer.json["code"]) == (500, "hub.error")
    assert "no.such.code" not in answer.text
    assert "Traceback" not in answer.text


def test_what_is_demanded_of_one_agency_is_refused_with_its_reason_and_until_its_day(web):
    unsealed = signed(document(31))
    today = vietnam_day(web.hub.now())
    row = PolicyRow(Demand.AGENCY_SEAL, Level.REQUIRE, until=today)
    with web.hub.database.writing() as transaction:
        policies.keep(transaction, "G22", row, now=web.hub.now())
    refused = web.as_("G22").send(unsealed, key="demanded")
    assert refused.status_code == 422
    assert [f["code"] for f in refused.json["findings"] if f["severity"] == "error"] == ["pdf.not_sealed"]
    assert web.as_("G22").send(genuine_document(32)).status_code == 201
    with web.hub.database.writing() as transaction:
        policies.keep(transaction, "G22", replace(row, until=today - timedelta(days=1)), now=web.hub.now())
    assert web.as_("G22").send(unsealed, key="no-longer").status_code == 201


def test_the_answer_says_why_it_does_not_replace_paper(web):
    told = web.as_("G22").send(signed(document(33))).json["replaces_paper"]
    assert told["answer"] is False
    assert {(reason["code"], reason["where"]) for reason in told["because"]} == {("legal_value.lacks", "cid:209")}
    assert all("bản giấy" in reason["message"]["vi"] for reason in told["because"])


def test_each_signature_of_a_page_is_reported(web):
    (file,) = web.as_("G22").send(genuine_document(34)).json["files"]
    person, seal = file["signatures"]
    assert (person["role"]["code"], person["state"], person["changes"]) == (
        "personal_signature", "valid", "further_signature",
    )  # fmt: skip
    assert (seal["role"]["code"], seal["state"], seal["owner"]) == ("agency_seal", "valid", "G22")
    assert (seal["covers_whole_file"], seal["bytes_after"], seal["digest"]) == (True, 0, "sha256")
    assert person["bytes_after"] > 0
    assert seal["signer"]["subject"]
