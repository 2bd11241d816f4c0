"""01 03 05 06 in every order, by messages and by JSON, repeated and late, and from one who never had the document."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from hub.domain.periods import vietnam_time
from tests.journeys.conftest import eventually, next_number
from tests.support.scenes import document, status_of, unsigned

CODES = ("01", "03", "05", "06")
ORDERS = list(itertools.permutations(CODES))
HANDLED = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)  # the times claimed are those of the law's order; what comes is not


@pytest.mark.parametrize("place", ["embedded", pytest.param("production", marks=pytest.mark.long)], indirect=True)
def test_statuses_in_every_wrong_order(place):
    (commune,) = place.newcomers(1)
    bodies = [unsigned(document(next_number(), to=(commune,))) for _ in ORDERS]
    ids = [answer.json()["id"] for answer in place.send_many(bodies, at_once=4)]
    assert eventually(lambda: place.all_in_hand(ids, recipients=1))
    papers = [Paper(place, one, commune) for one in ids]
    for number, (paper, order) in enumerate(zip(papers, ORDERS, strict=True)):
        if number % 3 == 0:
            paper.acknowledge()
        for position, code in enumerate(order):
            paper.say(code, by_message=bool((number >> position) & 1))
    assert eventually(lambda: all(set(CODES) <= set(paper.history()) for paper in papers), seconds=60)
    for number, (paper, order) in enumerate(zip(papers, ORDERS, strict=True)):
        paper.repeat(order[number % 4], by_message=bool(number & 1))
    papers[0].said_by_a_stranger()

    owner = place.clerk("G22")
    documents = [paper.sent.document_id for paper in papers]
    assert eventually(lambda: min(map(len, map(owner.all_told().__getitem__, documents))) >= len(CODES), seconds=60)
    repeated = [message for paper in papers for message in paper.repeated]
    assert len(repeated) == len(ORDERS) / 2
    assert eventually(lambda: all(place.closed(one) for one in repeated), seconds=60), "needless: its owner knows"
    told = owner.all_told()
    for paper in papers:
        assert told[paper.sent.document_id] == paper.new, "each new one once, in the order said"
        (seen,) = owner.sent(paper.sent.id)["deliveries"]
        assert seen["status"]["code"] == "06"
        assert sorted(paper.history()) == sorted([*CODES, "01"] if paper.acknowledged else CODES), "all of it, once"
        claimed = {(one["status"]["code"], one["said_at"]) for one in seen["statuses"]}
        assert {(code, vietnam_time(claims(code))) for code in CODES} <= claimed


def claims(code):
    """The time that a status says of itself: in the law's order, however it comes."""
    return HANDLED + timedelta(minutes=CODES.index(code))


class Paper:
    """One document and what its recipient says of it; `new` is what its owner must hear, in this order."""

    def __init__(self, place, consignment_id, commune):
        self.place, self.commune = place, commune
        self.sent = place.scene.consignment(consignment_id)
        self.delivery = place.scene.deliveries(consignment_id)[commune].id
        self.new, self.repeated, self.acknowledged = [], [], False

    def history(self):
        (seen,) = self.place.clerk("G22").sent(self.sent.id)["deliveries"]
        return [one["status"]["code"] for one in seen["statuses"]]

    def acknowledge(self):
        """It is taken before a word was said: the hub says 01 for its recipient, whose own 01 is no news then."""
        answer = self.place.client(self.commune).post(f"/deliveries/{self.delivery}/ack", json={})
        assert answer.status_code == 200, answer.text
        self.acknowledged = True
        self.new.append("01")

    def say(self, code, *, by_message):
        if by_message:
            self._message(code, key="")
        else:
            answer = self._json(code)
            assert (answer.status_code, answer.json()["recorded"]) == (201, True)
        if code not in self.new:
            self.new.append(code)

    def repeat(self, code, *, by_message):
        """Exactly the same once more, by either way."""
        if by_message:
            self.repeated.append(self._message(code, key=f"again-{self.sent.id}").json()["id"])
        else:
            answer = self._json(code)
            assert (answer.status_code, answer.json()["recorded"]) == (200, False)

    def _message(self, code, *, key):
        body = unsigned(status_of(self.sent, code, said_by=self.commune, at=claims(code)))
        answer = self.place.send(body, caller=self.commune, key=key)
        assert answer.status_code == 201, answer.text
        return answer

    def _json(self, code):
        return self.place.clerk(self.commune).say(self.delivery, code, at=claims(code).isoformat())

    def said_by_a_stranger(self):
        """Refused with a code by both ways, and nothing of it is kept (threat T2)."""
        body = unsigned(status_of(self.sent, "06", said_by="H14"))
        refused = self.place.send(body, caller="H14")
        assert refused.status_code == 422
        assert "status.unknown_document" in {one["code"] for one in refused.json()["findings"]}
        unseen = self.place.clerk("H14").say(self.delivery, "06")
        assert (unseen.status_code, unseen.json()["code"]) == (404, "thing.unknown")
