"""The paper-free report over the API: the figures move with what is sent, and are one's own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.domain.envelopes import Paper
from hub.domain.periods import vietnam_day
from tests.support import envelopes as raw
from tests.support.scenes import document, genuine, unsigned


def report(web, code: str, query: str = "") -> dict:
    answer = web.as_(code).get(f"/reports/paper-free?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


def test_nothing_sent_has_no_ratio(shared):
    total = report(shared, "G22")["total"]
    assert total["ratio"] == {"numerator": 0, "denominator": 0, "value": None, "percent_vi": "–"}


def test_the_ratio_of_the_sender_moves_with_each_document(web):
    for number, paper in enumerate((Paper.PAPER_FREE, Paper.PAPER_FREE, Paper.WITH_PAPER), start=1):
        web.placed(number, paper=paper, page=genuine("G22"))
    facts = report(web, "G22")
    today = vietnam_day(web.hub.now())
    assert facts["total"] == {
        "sent": 3,
        "received": 0,
        "paper_free": 2,
        "with_paper": 1,
        "not_replacing": 0,
        "not_said": 0,
        "ratio": {"numerator": 2, "denominator": 3, "value": "0.666667", "percent_vi": "66,7 %"},
    }
    assert facts["rows"][0]["agency"] == "G22"
    assert facts["rows"][0]["days"] == [{"day": today.isoformat(), **facts["total"]}]
    assert (facts["from"], facts["to"]) == (today.replace(day=1).isoformat(), today.isoformat())
    assert facts["rule_pack"]["id"] == "qd28-2018"
    assert "28/2018/QĐ-TTg" in facts["legal_basis"]["vi"]
    assert facts["formula"]["vi"]
    assert facts["formula"]["en"]


def test_a_document_that_does_not_say_paper_is_counted_apart(web):
    sender = raw.FROM.replace("000.00.00.G99", "G22")
    header = raw.message_header(sender=sender, addressees=raw.TO.replace("H41.1.2", "H41"))
    assert web.as_("G22").send(raw.document(header=header, trace=raw.TRACE)).status_code == 201
    web.drain()
    total = report(web, "G22")["total"]
    assert (total["sent"], total["not_said"], total["ratio"]["value"]) == (1, 1, "0.000000")


def test_the_same_document_sent_twice_counts_once(web):
    body = unsigned(document())
    for key in ("a", "b"):
        assert web.as_("G22").send(body, key=key).status_code == 201
    web.drain()
    assert report(web, "G22")["total"]["sent"] == 1


def test_received_counts_at_the_recipient_once_it_took_the_document(web):
    delivery = web.delivery()
    assert report(web, "H41")["total"]["received"] == 0
    web.as_("H41").post(f"/deliveries/{delivery}/ack")
    web.drain()
    assert report(web, "H41")["total"]["received"] == 1


def test_an_agency_sees_those_below_it_and_nobody_else(web):
    for number, sender in enumerate(("G30.1", "G30"), start=1):
        assert web.as_("G30").send(unsigned(document(number, sender=sender))).status_code == 201
    web.drain()
    whole = report(web, "G30", "below=true")
    assert {row["agency"]: row["sent"] for row in whole["rows"]} == {"G30": 1, "G30.1": 1}
    assert whole["total"]["sent"] == 2
    assert report(web, "G30")["total"]["sent"] == 1
    assert report(web, "G30", "agency=G30.1")["total"]["sent"] == 1
    assert report(web, "H41", "agency=H41.1.2")["total"]["sent"] == 0  # a parent, though it does not speak for it
    for stranger in ("H41", "G30.1"):
        answer = web.as_(stranger).get("/reports/paper-free?agency=G30")
        assert (answer.status_code, answer.json["code"]) == (404, "thing.unknown")


def test_days_are_inclusive_at_both_ends(web):
    web.placed()
    today = vietnam_day(web.hub.now())
    yesterday, tomorrow = today - timedelta(days=1), today + timedelta(days=1)
    assert report(web, "G22", f"from={today}&to={today}")["total"]["sent"] == 1
    assert report(web, "G22", f"from={yesterday}&to={yesterday}")["total"]["sent"] == 0
    assert report(web, "G22", f"from={tomorrow}&to={tomorrow}")["total"]["sent"] == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=2026-02-30", "from"),
        ("to=20260301", "to"),
        ("from=2026-03-02&to=2026-03-01", "from"),
        ("from=2025-01-01&to=2026-01-02", "from"),
        ("from=1999-12-31", "from"),
        ("to=2018-09-05", "to"),
        ("below=yes", "below"),
    ],
)
def test_bad_periods_are_refused_and_named(shared, query, field):
    answer = shared.as_("G22").get(f"/reports/paper-free?{query}")
    assert (answer.status_code, answer.json["code"]) == (400, "request.malformed")
    assert f"«{field}»" in answer.json["detail"]


def test_a_leap_year_is_not_too_long(shared):
    assert report(shared, "G22", "from=2024-01-01&to=2024-12-31")["total"]["sent"] == 0
