"""The inbox: its order, its cursor, the long poll, 304, and who may look into it."""

from __future__ import annotations

import threading
import time

import pytest

from hub.store import deliveries
from tests.support.scenes import document, genuine, signed


def cursors(answer) -> list[str]:
    return [item["cursor"] for item in answer.json["items"]]


def test_an_item_tells_what_a_clerk_needs(web):
    view = web.placed(7, subject="V/v họp giao ban")
    item = web.as_("H41").get("/inbox").json["items"][0]
    assert item["consignment"] == view["id"]
    assert item["delivery"] == view["deliveries"][0]["id"]
    assert (item["sender"], item["sender_name"]) == ("G22", "Văn phòng Thử nghiệm")
    assert (item["subject"], item["notation"], item["issued_on"]) == ("V/v họp giao ban", "7/CV", "2026-03-02")
    assert (item["urgency"], item["business_type"], item["paper"]) == ("normal", "new", "paper_free")
    assert (item["sha256"], item["size_bytes"]) == (view["sha256"], view["size_bytes"])
    assert item["placed_at"].endswith("+07:00")
    assert (item["signature"], item["replaces_paper"]) == ("valid", False)


def test_an_item_tells_whether_to_wait_for_paper(web):
    web.placed(8, page=genuine("G22"))
    (item,) = web.as_("H41").get("/inbox").json["items"]
    assert (item["signature"], item["replaces_paper"]) == ("valid", True)


def test_pages_follow_each_other_without_gaps(web):
    for number in range(1, 6):
        web.placed(number)
    caller = web.as_("H41")
    first = caller.get("/inbox?limit=2")
    second = caller.get(f"/inbox?limit=2&after={first.json['next_after']}")
    third = caller.get(f"/inbox?limit=2&after={second.json['next_after']}")
    assert [cursors(page) for page in (first, second, third)] == [["1", "2"], ["3", "4"], ["5"]]
    assert caller.get(f"/inbox?after={third.json['next_after']}").json == {"items": [], "next_after": "5"}


def test_what_was_acknowledged_is_gone(web):
    delivery = web.delivery()
    caller = web.as_("H41")
    assert len(caller.get("/inbox").json["items"]) == 1
    assert caller.post(f"/deliveries/{delivery}/ack").status_code == 200
    assert caller.get("/inbox").json["items"] == []


def test_the_same_page_again_is_not_sent_again(web):
    web.placed()
    caller = web.as_("H41")
    tag = caller.get("/inbox").headers["ETag"]
    again = caller.get("/inbox", headers={"If-None-Match": tag})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == tag
    web.placed(2)
    assert caller.get("/inbox", headers={"If-None-Match": tag}).status_code == 200


def test_a_changed_page_answers_a_waiting_poll_even_when_it_became_empty(web):
    delivery = web.delivery()
    caller = web.as_("H41")
    tag = caller.get("/inbox").headers["ETag"]
    caller.post(f"/deliveries/{delivery}/ack")
    began = time.monotonic()
    answer = caller.get("/inbox?wait=20", headers={"If-None-Match": tag})
    assert answer.json["items"] == []
    assert time.monotonic() - began < 5


def test_a_long_poll_wakes_and_holds_no_connection_while_it_waits(web, monkeypatch):
    monkeypatch.setattr("hub.web.api.inbox.LOOK_AGAIN_SECONDS", 60)  # only the bell can wake it
    answers: list = []
    poll = threading.Thread(target=lambda: answers.append(web.as_("H41").get("/inbox?wait=30")))
    poll.start()
    time.sleep(0.5)
    assert answers == []
    assert web.hub.database.engine.pool.checkedout() == 0
    began = time.monotonic()
    web.placed()
    poll.join(timeout=60)
    assert len(answers[0].json["items"]) == 1
    assert time.monotonic() - began < 25


def test_a_long_poll_ends_empty_when_nothing_comes(web):
    began = time.monotonic()
    answer = web.as_("H41").get("/inbox?wait=1")
    assert (answer.status_code, answer.json) == (200, {"items": [], "next_after": "0"})
    assert 0.9 < time.monotonic() - began < 25


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=9223372036854775808", "after"),
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=", "limit"),
        ("wait=31", "wait"),
        ("wait=1.5", "wait"),
        ("wait=٣", "wait"),
        ("agency=%00", "agency"),
    ],
)
def test_a_bad_number_is_refused_and_named(shared, query, field):
    answer = shared.as_("H41").get(f"/inbox?{query}")
    assert (answer.status_code, answer.json["code"]) == (400, "request.malformed")
    assert f"«{field}»" in answer.json["detail"]


def test_one_reads_only_ones_own_inbox_or_that_of_whom_one_speaks_for(web):
    web.placed(to=("G30.1",))
    assert len(web.as_("G30").get("/inbox?agency=G30.1").json["items"]) == 1
    refused = [web.as_("H41").get(f"/inbox?agency={code}") for code in ("G30.1", "Q99", "a b")]
    assert [(answer.status_code, answer.json["code"]) for answer in refused] == [(404, "thing.unknown")] * 3


def test_positions_are_per_agency_and_in_the_order_of_placing(web):
    answers = [web.as_("G22").send(signed(document(number))) for number in (1, 2, 3)]
    assert [answer.status_code for answer in answers] == [201] * 3
    web.drain()
    for code in ("H41", "H14"):
        assert cursors(web.as_(code).get("/inbox")) == ["1", "2", "3"]
    with web.hub.database.reading() as connection:
        assert deliveries.inbox(connection, "G22", after=0, limit=9) == []
