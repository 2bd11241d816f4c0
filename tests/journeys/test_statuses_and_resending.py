"""Statuses in every order, and a document that is sent again to further recipients."""

from __future__ import annotations

import itertools

from tests.journeys.conftest import all_counted, consignment_of, eventually, fresh
from tests.support.scenes import document, signed, status_of, unsigned


def test_statuses_in_every_order(place):
    orders = list(itertools.permutations(["01", "03", "06"]))
    ids = [place.send(fresh(to=("H41",))).json()["id"] for _ in orders]
    assert eventually(lambda: place.all_in_hand(ids, recipients=1))
    for one, order in zip(ids, orders, strict=True):
        delivery = place.scene.deliveries(one)["H41"].id
        for code in order:
            said = place.client("H41").post(f"/deliveries/{delivery}/status", json={"code": code})
            assert said.status_code == 201, said.text
        (seen,) = place.client("G22").get(f"/consignments/{one}").json()["deliveries"]
        assert seen["status"]["code"] == "06"
        assert [entry["status"]["code"] for entry in seen["statuses"]] == list(order)


def test_a_status_comes_as_an_edxml_message_and_reaches_the_sender(place):
    sent = consignment_of(place, place.send(fresh(to=("H41",))))
    assert eventually(lambda: place.all_in_hand([sent.id], recipients=1))
    answer = place.send(unsigned(status_of(sent, "03", said_by="H41")), caller="H41")
    assert answer.status_code == 201, answer.text
    assert eventually(lambda: place.scene.deliveries(sent.id)["H41"].status_code == "03")
    assert eventually(lambda: answer.json()["id"] in {d.consignment_id for d in place.scene.inbox("G22", limit=5000)})


def test_a_status_of_a_document_never_received_is_refused(place):
    sent = consignment_of(place, place.send(fresh(to=("H41",))))
    answer = place.send(unsigned(status_of(sent, "06", said_by="H14")), caller="H14")
    assert answer.status_code == 422
    assert "status.unknown_document" in {finding["code"] for finding in answer.json()["findings"]}


def test_sent_again_to_further_recipients(place):
    number = 777
    first = place.send(signed(document(number, to=("H41",))))
    assert eventually(lambda: place.all_in_hand([first.json()["id"]], recipients=1))
    assert eventually(lambda: all_counted(place.scene))
    before = place.scene.counts()[("G22", "sent")]
    again = place.send(signed(document(number, to=("H41", "H14"))))
    assert again.status_code == 201, again.text
    codes = {finding["code"] for finding in again.json()["findings"]}
    assert {"duplicates.known_document", "duplicates.already_held"} <= codes
    one = again.json()["id"]
    assert eventually(lambda: place.scene.consignment(one).state == "routed")
    assert eventually(lambda: place.scene.deliveries(one)["H14"].state == "in_hand")
    assert place.scene.deliveries(one)["H41"].state == "already_held"
    assert [d.consignment_id for d in place.scene.inbox("H41", limit=5000)].count(one) == 0
    assert eventually(lambda: all_counted(place.scene))
    assert place.scene.counts()[("G22", "sent")] == before, "the same document counts once"
