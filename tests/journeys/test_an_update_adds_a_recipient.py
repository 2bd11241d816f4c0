"""An update corrects the subject and adds a recipient, which gets the document before the update."""

from __future__ import annotations

from tests.journeys.conftest import consignment_of, eventually, fresh
from tests.support.changes import update

NEW_SUBJECT = "V/v đính chính thời gian họp"


def test_an_update_adds_a_recipient(place):
    first, second = place.newcomers(2)
    holder, added, sender = place.clerk(first), place.clerk(second), place.clerk("G22")
    body = fresh(to=(first,))
    sent = consignment_of(place, place.send(body))
    assert eventually(holder.inbox)
    holder.take(holder.inbox()[0])
    assert register(sender, sent)["subject"] == "V/v thử nghiệm"

    told = update(sent, to=(first,), added=(second,), subject=NEW_SUBJECT)
    changed = consignment_of(place, place.send(told))
    assert eventually(lambda: len(added.inbox()) == 2)
    original, correction = added.inbox()
    assert (original["consignment"], correction["consignment"]) == (sent.id, changed.id)
    assert int(original["cursor"]) < int(correction["cursor"])
    assert (original["business_type"], correction["business_type"]) == ("new", "update")
    assert [original["duty"], correction["duty"]] == [None, None], "it had nothing that could be changed"
    assert (added.take(original), added.take(correction)) == (body, told)
    assert added.inbox() == []

    (asked,) = holder.inbox()
    assert (asked["consignment"], asked["subject"], asked["duty"]["kind"]) == (changed.id, NEW_SUBJECT, "update")
    assert sender.holdings(sent.id) == {first: "update_asked", second: "holds"}
    assert holder.say(asked["duty"]["delivery"], "15").status_code == 201
    holder.take(asked)
    assert holder.inbox() == []
    assert sender.holdings(sent.id) == {first: "holds", second: "holds"}
    assert eventually(lambda: "15" in sender.told(sent.document_id))

    line = register(sender, sent)
    assert line["subject"] == NEW_SUBJECT
    assert {one["code"] for one in line["receivers"]} == {first, second}
    copies = sender.get(f"/consignments/{changed.id}/copies")
    assert (copies["subject"], copies["described_by"]) == (NEW_SUBJECT, changed.id)
    for clerk in (holder, added):
        (theirs,) = clerk.get("/ledger/incoming", document_id=sent.document_id)["items"]
        assert theirs["subject"] == NEW_SUBJECT
    (expanded,) = [one for one in sender.sent(sent.id)["timeline"] if one["kind"] == "recipients_added"]
    assert expanded["facts"] == {"recipients": [second], "by": changed.id}
    assert eventually(lambda: place.closed(sent.id) and place.closed(changed.id))


def register(sender, sent):
    """The one line of the document in its sender's register."""
    (line,) = sender.get("/ledger/outgoing", document_id=sent.document_id)["items"]
    return line
