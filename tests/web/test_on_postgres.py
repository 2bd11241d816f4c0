"""The same API over PostgreSQL: the questions that the two databases could answer differently."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import hubs
from tests.support.scenes import document, genuine, signed, unsigned
from tests.web.conftest import Web

pytestmark = pytest.mark.service


@pytest.fixture
def web(tmp_path: Path, postgres_url: str) -> Iterator[Web]:
    hub = hubs.make_hub(tmp_path / "hub", postgres_url)
    yield Web(hub, hubs.make_keys(hub))
    hub.close()


def fully_electronic(web, code: str, query: str) -> dict:
    figures = web.as_(code).get(f"/reports/paper-free{query}").json["figures"]
    return next(one for one in figures if one["indicator"] == "fully_electronic")


def test_a_document_crosses_and_is_counted(web):
    view = web.placed(page=genuine("G22"))
    delivery = view["deliveries"][0]["id"]
    recipient = web.as_("H41")
    assert recipient.get(f"/deliveries/{delivery}/envelope").headers["X-Envelope-SHA256"] == view["sha256"]
    word = {"code": "03", "at": "2026-03-03T08:00:00+07:00"}
    said = [recipient.post(f"/deliveries/{delivery}/status", json=word).status_code for _ in range(2)]
    acknowledged = [recipient.post(f"/deliveries/{delivery}/ack").json["receipt"]["jws"] for _ in range(2)]
    assert said == [201, 200]
    assert acknowledged[0] == acknowledged[1]
    web.drain()
    assert web.as_("G22").get(view["links"]["self"]).json["state"] == "closed"
    assert fully_electronic(web, "G22", "")["percent_vi"] == "100,0 %"
    listed = web.as_("G22").get("/reports/paper-free/fully_electronic/documents").json
    assert [item["identity"]["notation"] for item in listed["items"]] == [view["header"]["notation"]]


def test_many_posts_at_once_are_one_consignment(web):
    body, answers, start = signed(document()), [], threading.Barrier(30)

    def post() -> None:
        caller = web.as_("G22")
        start.wait()
        answers.append(caller.send(body))

    threads = [threading.Thread(target=post) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [200] * 29 + [201]
    assert len({answer.json["receipt"] for answer in answers}) == 1


def test_the_directory_is_searched_and_reports_go_below(web):
    found = web.as_("H41").get("/agencies", query_string={"q": "ỦY BAN"}).json["items"]
    assert [item["code"] for item in found] == ["H14", "H41"]
    assert web.as_("G30").send(unsigned(document(sender="G30.1"))).status_code == 201
    web.drain()
    assert fully_electronic(web, "G30", "?scope=below&compare=true")["denominator"]["seen"] == 1
    assert fully_electronic(web, "G30", "")["denominator"]["seen"] == 0


def test_odd_characters_never_reach_the_database(web):
    caller = web.as_("H41")
    odd = [caller.get("/agencies?q=a%00b"), caller.get("/inbox?agency=%00"), caller.get("/consignments/%00")]
    assert [answer.status_code for answer in odd] == [400, 400, 404]
    delivery = web.delivery()
    for text in ("a\x00b", "a\ud800b"):
        answer = caller.post(f"/deliveries/{delivery}/ack", json={"outcome": "refused", "reason": text})
        assert answer.status_code == 400


def test_a_long_poll_is_woken_by_a_commit(web, monkeypatch):
    monkeypatch.setattr("hub.web.api.inbox.LOOK_AGAIN_SECONDS", 60)  # only the bell can wake it
    answers: list = []
    poll = threading.Thread(target=lambda: answers.append(web.as_("H41").get("/inbox?wait=30")))
    poll.start()
    time.sleep(0.5)
    began = time.monotonic()
    web.placed()
    poll.join(timeout=60)
    assert len(answers[0].json["items"]) == 1
    assert time.monotonic() - began < 25
