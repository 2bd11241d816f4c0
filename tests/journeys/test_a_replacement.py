"""A document is replaced: who has it is asked to give it up, who has not gets only the new one."""

from __future__ import annotations

from tests.journeys.clerks import gone
from tests.journeys.conftest import consignment_of, eventually, fresh, next_number
from tests.support.changes import recall, replacement


def test_a_replacement(place):
    early, late = place.newcomers(2)
    had_it, had_it_not, sender = place.clerk(early), place.clerk(late), place.clerk("G22")
    old = consignment_of(place, place.send(fresh(to=(early, late))))
    assert eventually(lambda: had_it.inbox() and had_it_not.inbox())
    (taken,), (untaken,) = had_it.inbox(), had_it_not.inbox()
    had_it.take(taken)

    body = replacement(old, next_number(), to=(early, late))
    new = consignment_of(place, place.send(body))
    assert eventually(lambda: place.all_in_hand([new.id], recipients=2))
    (only,) = had_it_not.inbox()
    assert (only["consignment"], only["business_type"], only["duty"]) == (new.id, "replace", None)
    assert gone(had_it_not.client.get(f"/deliveries/{untaken['delivery']}/envelope"))
    (asked,) = had_it.inbox()
    assert (asked["duty"]["kind"], asked["duty"]["delivery"]) == ("replace", taken["delivery"])

    assert had_it.say(asked["duty"]["delivery"], "15").status_code == 201
    assert had_it.take(asked) == had_it_not.take(only) == body
    assert gone(had_it.client.get(f"/deliveries/{taken['delivery']}/envelope"))
    assert had_it.inbox() == had_it_not.inbox() == []
    assert eventually(lambda: "15" in sender.told(old.document_id))

    before, after = (sender.get(f"/consignments/{one.id}/copies") for one in (old, new))
    assert (before["state"], before["replaced_by"]) == ("replaced", after["document"])
    assert sender.holdings(old.id) == {early: "cancelled", late: "withdrawn"}
    assert {copy["replaced_by"] for copy in before["copies"]} == {new.id}, "linked at each recipient"
    assert (after["state"], sender.holdings(new.id)) == ("live", {early: "holds", late: "holds"})
    (line,) = sender.get("/ledger/outgoing", document_id=old.document_id)["items"]
    assert line["other"]["replaced_by"] == new.document_id
    receipts = sender.receipts(old.id, trusted=place.scene.hub.key.certificates)
    assert [one["recipient"] for one in receipts if one["event"] == "ContentWithdrawal"] == [late]

    again = place.send(recall(old, to=(early,)))
    assert again.status_code == 422
    assert "change.already_replaced" in {one["code"] for one in again.json()["findings"]}
