"""What a receipt says: facts that are there, in Vietnamese time, and nothing that is absent."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from hub.domain import receipts
from hub.domain.findings import Finding, Severity
from hub.domain.receipts import ReceiptEvent, claims

AT = datetime(2026, 3, 2, 17, 30, tzinfo=UTC)
PLAIN = receipts.Testimony(
    receipt_id="r-1",
    event=ReceiptEvent.SUBMISSION_ACCEPTANCE,
    at=AT,
    consignment_id="c-1",
    sender="G22",
    document_id="",
    sha256="0" * 64,
    size_bytes=7,
)


def test_absent_facts_are_left_out():
    said = claims(PLAIN, hub_name="hub")
    assert set(said) == {"iss", "jti", "iat", "event", "event_time", "consignment", "sender", "envelope"}
    assert None not in said.values()


def test_times_are_vietnamese_and_whole_seconds_since_1970():
    said = claims(replace(PLAIN, received_at=AT), hub_name="hub")
    assert said["event_time"] == said["received_at"] == "2026-03-03T00:30:00.000+07:00"
    assert said["iat"] == int(AT.timestamp())


def test_findings_are_named_without_their_evidence():
    secret = Finding("secrecy", "secrecy.marked", Severity.ERROR, "OtherInfo", {"level": "tối mật"})
    said = claims(replace(PLAIN, findings=(secret,)), hub_name="hub")
    (finding,) = said["findings"]
    assert finding == {"check": "secrecy", "code": "secrecy.marked", "severity": "error", "where": "OtherInfo"}
    assert "tối mật" not in json.dumps(said, ensure_ascii=False)


def test_a_delivery_and_its_status_are_told():
    about = replace(PLAIN, delivery_id="d-1", recipient="H41", status_code="03", reason="xong", rule_pack="p")
    said = claims(about, hub_name="hub")
    assert (said["delivery"], said["recipient"], said["status_code"]) == ("d-1", "H41", "03")
    assert (said["reason"], said["rule_pack"]) == ("xong", "p")
