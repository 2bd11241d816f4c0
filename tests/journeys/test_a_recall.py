"""A recall before the recipient fetched the document, and after it, as both parties see it."""

from __future__ import annotations

from dataclasses import replace

from tests.journeys.clerks import gone
from tests.journeys.conftest import consignment_of, eventually, fresh
from tests.support.changes import recall


def test_recalled_before_it_was_fetched(place):
    (commune,) = place.newcomers(1)
    clerk, sender = place.clerk(commune), place.clerk("G22")
    sent = consignment_of(place, place.send(fresh(to=(commune,))))
    assert eventually(clerk.inbox)
    (item,) = clerk.inbox()

    notice = consignment_of(place, place.send(recall(sent, to=(commune,))))
    assert eventually(lambda: place.closed(notice.id) and place.closed(sent.id))
    assert clerk.inbox() == []
    address = f"/deliveries/{item['delivery']}"
    assert gone(clerk.client.get(f"{address}/envelope"))
    assert gone(clerk.client.get(f"{address}/attachments/1"))
    assert gone(clerk.client.post(f"{address}/ack", json={}))
    assert clerk.get("/duties")["items"] == []

    seen = sender.sent(sent.id)
    assert [(one["recipient"], one["state"]) for one in seen["deliveries"]] == [(commune, "withdrawn")]
    assert not {"fetched", "handed_over"} & {event["kind"] for event in seen["timeline"]}
    receipts = sender.receipts(sent.id, trusted=place.scene.hub.key.certificates)
    (withdrawn,) = [one for one in receipts if one["event"] == "ContentWithdrawal"]
    assert (withdrawn["recipient"], withdrawn["delivery"]) == (commune, item["delivery"])
    assert withdrawn["envelope"]["sha256"] == sent.sha256
    assert "thu hồi" in withdrawn["reason"]
    kept = sender.get(f"/consignments/{sent.id}/copies")
    assert (kept["state"], kept["copies"][0]["holding"]["code"]) == ("recalled", "withdrawn")
    assert [one["state"] for one in sender.sent(notice.id)["deliveries"]] == ["needless"]
    again_refused(place, sent, commune)


def test_recalled_after_it_was_fetched(place):
    (commune,) = place.newcomers(1)
    clerk, sender = place.clerk(commune), place.clerk("G22")
    sent = consignment_of(place, place.send(fresh(to=(commune,))))
    assert eventually(clerk.inbox)
    (item,) = clerk.inbox()
    clerk.take(item)

    consignment_of(place, place.send(recall(sent, to=(commune,))))
    assert eventually(clerk.inbox)
    (asked,) = clerk.inbox()
    duty = asked["duty"]
    assert (asked["business_type"], duty["kind"], duty["delivery"]) == ("recall", "recall", item["delivery"])
    assert sender.holdings(sent.id) == {commune: "giving_up_asked"}
    assert [(one["kind"], one["due_at"]) for one in clerk.get("/duties")["items"] if one["kind"] == "recall"] == [
        ("recall", duty["due_at"])
    ]
    assert clerk.client.get(f"/deliveries/{item['delivery']}/envelope").status_code == 200, "it has it until it answers"

    answer = clerk.client.post(duty["answer"].removeprefix("/api/v1"), json={"code": "15", "description": "đã huỷ"})
    assert answer.status_code == 201, answer.text
    clerk.take(asked)
    assert eventually(lambda: "15" in sender.told(sent.document_id))
    assert sender.told(sent.document_id) == ["01", "15"], "the hub's own 01 first, each once"
    kept = sender.get(f"/consignments/{sent.id}/copies")
    assert (kept["state"], kept["copies"][0]["holding"]["code"]) == ("recalled", "cancelled")
    assert gone(clerk.client.get(f"/deliveries/{item['delivery']}/envelope"))
    assert clerk.inbox() == []
    kinds = [event["kind"] for event in sender.sent(sent.id)["timeline"]]
    assert kinds.index("duty_opened") < kinds.index("duty_answered") < kinds.index("copy_cancelled")
    assert "recall" not in {one["kind"] for one in clerk.get("/duties")["items"]}
    again_refused(place, sent, commune)


def again_refused(place, sent, commune):
    """A second recall is told so; another agency does not even learn that there is such a document (threat T2)."""
    again = place.send(recall(sent, to=(commune,), subject="V/v thu hồi lần hai"))
    assert again.status_code == 422
    assert "change.already_recalled" in {one["code"] for one in again.json()["findings"]}
    stranger = place.send(recall(replace(sent, sender_key="H14"), to=(commune,)), caller="H14")
    assert stranger.status_code == 422
    assert "change.unknown_document" in {one["code"] for one in stranger.json()["findings"]}
