"""Fetching, acknowledging, saying statuses; and that other agencies' ids are like unknown ones."""

from __future__ import annotations

import base64
import hashlib
import uuid
from datetime import UTC, datetime

import pytest

from hub.edxml.content_ids import bare
from hub.signatures import jws
from hub.store import consignments
from hub.web.api.bodies import as_download, safe_name
from tests.support import envelopes as raw
from tests.support.scenes import PDF, document, signed, status_of, unsigned

NOBODY = "0198c0de-0000-7000-8000-000000000000"


def test_the_exact_bytes_come_back_with_their_digest(web):
    body = signed(document())
    web.as_("G22").send(body)
    web.drain()
    delivery = web.as_("H41").get("/inbox").json["items"][0]["delivery"]
    answer = web.as_("H41").get(f"/deliveries/{delivery}/envelope")
    digest = hashlib.sha256(body)
    assert answer.data == body
    assert answer.headers["X-Envelope-SHA256"] == digest.hexdigest()
    assert answer.headers["Content-Digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert answer.headers["Content-Length"] == str(len(body))
    assert answer.headers["Content-Type"] == "application/xml"
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_the_first_fetch_is_noted_once(web):
    view = web.placed()
    path = f"/deliveries/{view['deliveries'][0]['id']}/envelope"
    for _ in range(2):
        assert web.as_("H41").get(path).status_code == 200
    after = web.as_("G22").get(view["links"]["self"]).json
    assert after["deliveries"][0]["fetched_at"].endswith("+07:00")
    assert [event["kind"] for event in after["timeline"]].count("fetched") == 1


def test_a_head_request_does_not_count_as_fetched(web):
    view = web.placed()
    caller = web.as_("H41")
    address = f"/api/v1/deliveries/{view['deliveries'][0]['id']}/envelope"
    head = caller.client.head(address, headers={"Authorization": f"Bearer {caller.key}"})
    assert (head.status_code, head.data) == (200, b"")
    assert web.as_("G22").get(view["links"]["self"]).json["deliveries"][0]["fetched_at"] is None


def test_a_broken_download_goes_on_from_where_it_was(web):
    path = f"/deliveries/{web.delivery()}/envelope"
    caller = web.as_("H41")
    whole = caller.get(path)
    part = caller.get(path, headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.data) == (206, whole.data[100:200])
    assert "Content-Digest" not in part.headers
    assert part.headers["Repr-Digest"] == whole.headers["Content-Digest"]
    beyond = caller.get(path, headers={"Range": f"bytes={len(whole.data)}-"})
    assert (beyond.status_code, beyond.json["code"]) == (416, "request.range_not_satisfiable")
    assert beyond.headers["Content-Range"] == f"bytes */{len(whole.data)}"


def test_an_attachment_comes_decoded_and_is_never_shown(web):
    view = web.placed()
    answer = web.as_("H41").get(f"/deliveries/{view['deliveries'][0]['id']}/attachments/1")
    assert answer.data == PDF
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=cong-van.pdf;")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert view["header"]["attachments"][0]["sha256"] == hashlib.sha256(PDF).hexdigest()


@pytest.mark.parametrize("number", ["0", "2", "-1", "x", "1.0", "٣", "99999999999999999999"])
def test_an_attachment_that_is_not_there_is_not_found(web, number):
    answer = web.as_("H41").get(f"/deliveries/{web.delivery()}/attachments/{number}")
    assert (answer.status_code, answer.json["code"]) == (404, "thing.unknown")


def test_a_zipped_attachment_is_given_as_the_zip_that_was_signed(web):
    packed = raw.sdk_zip(PDF)
    body = raw.document(
        header=raw.message_header(
            sender=raw.FROM.replace("000.00.00.G99", "G22"), addressees=raw.TO.replace("H41.1.2", "H41")
        ),
        attachments=raw.attachment(raw.base64_text(packed)),
    )
    assert web.as_("G22").send(body).status_code == 201
    web.drain()
    delivery = web.as_("H41").get("/inbox").json["items"][0]["delivery"]
    answer = web.as_("H41").get(f"/deliveries/{delivery}/attachments/1")
    assert answer.data == packed
    assert answer.headers["Content-Type"] == "application/zip"
    assert "a.pdf.zip" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\a.exe", "a.exe"),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie x.pdf"),
        ("gpj\u202efdp.exe", "gpjfdp.exe"),
        ("", "file"),
        ("...", "file"),
        (".bashrc", "bashrc"),
        ("Tờ trình.pdf", "Tờ trình.pdf"),
        ("ợ" * 400 + ".pdf", "ợ" * 58 + ".pdf"),
    ],
)
def test_file_names_are_harmless(name, safe):
    assert safe_name(name) == safe
    shown = as_download(name)
    assert shown.isascii()
    assert not any(c in shown for c in '\r\n\\"')
    assert shown.startswith("attachment; filename=")


def test_acknowledging_gives_a_receipt_and_again_the_same(web):
    view = web.placed()
    delivery = view["deliveries"][0]["id"]
    path = f"/deliveries/{delivery}/ack"
    first = web.as_("H41").post(path, json={"sha256": view["sha256"].upper()})
    again = web.as_("H41").post(path)
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json["receipt"]["jws"] == again.json["receipt"]["jws"]
    claims = jws.verify_receipt(first.json["receipt"]["jws"], trusted=web.hub.key.certificates)
    assert (claims["event"], claims["delivery"], claims["recipient"]) == ("ContentHandover", delivery, "H41")
    after = web.as_("G22").get(view["links"]["self"]).json
    assert (after["state"], after["deliveries"][0]["state"]) == ("closed", "handed_over")
    assert web.as_("H41").get(f"/deliveries/{delivery}/envelope").status_code == 200


def test_a_wrong_digest_is_a_conflict_and_changes_nothing(web):
    delivery = web.delivery()
    answer = web.as_("H41").post(f"/deliveries/{delivery}/ack", json={"sha256": "0" * 64})
    assert (answer.status_code, answer.json["code"]) == (409, "delivery.digest_differs")
    assert len(web.as_("H41").get("/inbox").json["items"]) == 1


def test_refusing_needs_a_reason_and_is_final(web):
    delivery = web.delivery()
    path = f"/deliveries/{delivery}/ack"
    caller = web.as_("H41")
    without = caller.post(path, json={"outcome": "refused"})
    refused = caller.post(path, json={"outcome": "refused", "reason": "Gửi nhầm nơi nhận"})
    then_taken = caller.post(path)
    fetched = caller.get(f"/deliveries/{delivery}/envelope")
    assert (without.status_code, refused.status_code, then_taken.status_code) == (400, 200, 409)
    assert "«reason»" in without.json["detail"]
    assert refused.json["receipt"]["event"] == "ContentHandoverFailure"
    assert (fetched.status_code, fetched.json["code"]) == (409, "state.illegal_transition")


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (b'{"outcome": "thrown_away"}', "outcome"),
        (b'{"outcome": "handed_over", "force": true}', "force"),
        (b'{"sha256": 5}', "sha256"),
        (b"[]", "array"),
        (b"{", "truncated"),
        (b"[" * 60_000, ""),
        (b"\xff\xfe", ""),
        (b'{"outcome":"refused","reason":"a\\u0000b"}', "reason"),
        (b'{"outcome":"refused","reason":"' + b"x" * 1001 + b'"}', "reason"),
    ],
    ids=range(9),
)
def test_a_body_of_a_wrong_shape_is_refused_by_name(web, body, named):
    answer = web.as_("H41").post(f"/deliveries/{web.delivery()}/ack", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (400, "request.malformed")
    assert named in answer.json["detail_en"]


def test_a_json_body_is_bounded_and_must_be_json(web):
    path = f"/deliveries/{web.delivery()}/ack"
    large = web.as_("H41").post(path, data=b" " * 65_537, content_type="application/json")
    form = web.as_("H41").post(path, data={"outcome": "refused"})
    assert (large.status_code, large.json["code"]) == (413, "envelope.too_large")
    assert (form.status_code, form.json["code"]) == (415, "request.unsupported_media_type")


def test_statuses_come_in_any_order_and_the_current_one_never_goes_back(web):
    view = web.placed()
    path = f"/deliveries/{view['deliveries'][0]['id']}/status"
    caller = web.as_("H41")
    said = [caller.post(path, json={"code": code}) for code in ("01", "06", "03")]
    assert [(answer.status_code, answer.json["current"]) for answer in said] == [(201, "01"), (201, "06"), (201, "06")]
    after = web.as_("G22").get(view["links"]["self"]).json["deliveries"][0]
    assert after["status"] == {"code": "06", "name": {"vi": "Hoàn thành", "en": "completed"}}
    assert [entry["status"]["code"] for entry in after["statuses"]] == ["01", "06", "03"]
    assert said[0].json["receipt"]["event"] == "BusinessStatus"


def test_a_status_said_again_exactly_is_known(web):
    path = f"/deliveries/{web.delivery()}/status"
    body = {"code": "03", "description": "Đã tiếp nhận", "at": "2026-03-03T08:00:00+07:00"}
    first, again = (web.as_("H41").post(path, json=body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json["recorded"], again.json["recorded"]) == (True, False)
    assert again.json["receipt"] == first.json["receipt"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"code": "13"}, 403, "caller.not_allowed"),
        ({"code": "99"}, 400, "request.malformed"),
        ({}, 400, "request.malformed"),
        ({"code": "03", "at": "2026-03-03T08:00:00"}, 400, "request.malformed"),
        ({"code": "03", "at": "0001-01-01T00:00:00+14:00"}, 400, "request.malformed"),
        ({"code": "03", "at": "2100-01-01T00:00:00+07:00"}, 400, "request.malformed"),
        ({"code": "03", "description": "x" * 2001}, 400, "request.malformed"),
        ({"code": "03", "who": "me"}, 400, "request.malformed"),
    ],
)
def test_a_status_that_may_not_be_said_is_refused(web, body, status, code):
    answer = web.as_("H41").post(f"/deliveries/{web.delivery()}/status", json=body)
    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_an_edxml_status_message_moves_the_same_status(web):
    view = web.placed()
    with web.hub.database.reading() as connection:
        sent = consignments.get(connection, view["id"])
    message = unsigned(status_of(sent, "03", said_by="H41", at=datetime(2026, 3, 3, 1, tzinfo=UTC)))
    answer = web.as_("H41").send(message)
    assert answer.status_code == 201, answer.text
    web.drain()
    after = web.as_("G22").get(view["links"]["self"]).json["deliveries"][0]
    assert after["status"]["code"] == "03"
    assert web.as_("G22").get("/inbox").json["items"][0]["kind"] == "status"


IDS = [
    ("GET", "/consignments/{consignment}"),
    ("GET", "/deliveries/{delivery}/envelope"),
    ("GET", "/deliveries/{delivery}/attachments/1"),
    ("POST", "/deliveries/{delivery}/ack"),
    ("POST", "/deliveries/{delivery}/status"),
]


@pytest.mark.parametrize(("method", "path"), IDS)
def test_other_agencies_ids_are_answered_exactly_like_unknown_ones(web, method, path):
    view = web.placed()
    real = {"consignment": view["id"], "delivery": view["deliveries"][0]["id"]}
    wrong = [dict.fromkeys(real, odd) for odd in (NOBODY, "1", "..%2f", str(uuid.uuid4()).upper(), "'--")]
    strangers = ("H14",) if "consignment" in path else ("H14", "G22")  # the sender may not fetch as the recipient

    def ask(code: str, ids: dict[str, str]) -> tuple[int, dict]:
        caller = web.as_(code)
        body = {"json": {"code": "03"}} if path.endswith("status") else {}
        answer = caller.post(path.format(**ids), **body) if method == "POST" else caller.get(path.format(**ids))
        return answer.status_code, {k: v for k, v in answer.json.items() if k not in ("trace_id", "instance")}

    answers = [ask(code, ids) for code in strangers for ids in (real, *wrong)]
    odd_paths = [answer for answer in answers if answer[1]["code"] == "request.no_such_path"]
    assert len(odd_paths) <= len(strangers)  # `..%2f` decodes to a slash and matches no route
    rest = [answer for answer in answers if answer not in odd_paths]
    assert rest == [rest[0]] * len(rest)
    assert (rest[0][0], rest[0][1]["code"]) == (404, "thing.unknown")


def test_the_sender_may_speak_for_a_recipient_only_where_told(web):
    delivery = web.delivery(to="G30.1")
    assert web.as_("G30").get(f"/deliveries/{delivery}/envelope").status_code == 200
    assert web.as_("G30").post(f"/deliveries/{delivery}/ack").status_code == 200


def test_content_ids_in_the_header_are_bare(web):
    view = web.placed()
    content_id = view["header"]["attachments"][0]["content_id"]
    assert content_id == bare(content_id) == "209"
