"""A commune's system is offline for a day; it comes back, gets everything in order, nothing twice."""

from __future__ import annotations

from datetime import timedelta

from tests.journeys.conftest import eventually, fresh
from tests.support.changes import update

COMMUNE, AWAKE = "H41.1.2", "H14"
HOUR = timedelta(hours=1)


def test_a_day_offline_and_back(open_line):
    line = open_line()
    scene = line.scene
    sender, commune, awake = (line.clerk(code) for code in ("G22", COMMUNE, AWAKE))
    assert commune.inbox() == awake.inbox() == []  # both called; then the commune's line is cut

    bodies = [fresh(to=(COMMUNE, AWAKE)) for _ in range(3)]
    sent = [placed(line, bodies[0])]
    line.at(2 * HOUR)
    sent.append(placed(line, bodies[1]))
    line.at(4 * HOUR)
    corrected = update(sent[0], to=(COMMUNE, AWAKE), subject="V/v đính chính")
    sent.append(placed(line, corrected))
    line.at(6 * HOUR)
    sent.append(placed(line, bodies[2]))
    untouched = [one.id for one in (sent[1], sent[3])]
    assert stuck(sender, untouched) == {}, "some hours are no trouble"

    line.at(27 * HOUR)
    assert len(awake.inbox()) == 4  # it calls every day, but fetches nothing
    assert stuck(sender, untouched) == {
        (untouched[0], AWAKE): "never_fetched",
        (untouched[0], COMMUNE): "recipient_offline",
    }
    line.at(31 * HOUR)
    seen = stuck(sender, untouched)
    assert {cause for (_, code), cause in seen.items() if code == COMMUNE} == {"recipient_offline"}
    assert {cause for (_, code), cause in seen.items() if code == AWAKE} == {"never_fetched"}
    assert len(seen) == 4
    assert {one["must_act"] for one in sender.get("/radar")["items"]} == {COMMUNE, AWAKE}

    items = commune.inbox()
    assert [item["consignment"] for item in items] == [one.id for one in sent], "in the order in which it was sent"
    assert [item["duty"]["kind"] if item["duty"] else None for item in items] == [None, None, "update", None]
    assert [commune.take(item) for item in items] == [bodies[0], bodies[1], corrected, bodies[2]]
    assert commune.say(items[2]["duty"]["delivery"], "15").status_code == 201
    assert commune.inbox() == []
    assert not {one for one in stuck(sender, [one.id for one in sent]) if one[1] == COMMUNE}
    line.at(32 * HOUR)
    assert commune.inbox() == [], "nothing comes twice"
    for one in sent:
        copy, kinds = scene.deliveries(one.id)[COMMUNE], scene.timeline(one.id)
        assert (copy.state, copy.attempts) == ("handed_over", 1)
        assert (kinds.count("placed"), kinds.count("handed_over")) == (2, 1), "once at each recipient"
        assert scene.receipts(one.id).count("ContentHandover") == 1
    assert eventually(lambda: len([one for one in sender.inbox() if one["kind"] == "status"]) == 4, seconds=20)
    assert sender.told(sent[0].document_id) == ["01", "15"]
    assert sender.told(sent[1].document_id) == sender.told(sent[3].document_id) == ["01"]


def placed(line, body):
    """Sent, and in the inbox of both."""
    sent = line.scene.post(body).consignment
    assert eventually(lambda: [one.state for one in line.scene.deliveries(sent.id).values()] == ["in_hand"] * 2)
    return sent


def stuck(sender, consignments):
    """(consignment, recipient) → the cause on the radar of what was sent, of these consignments."""
    items = sender.get("/radar")["items"]
    return {(one["consignment"], one["recipient"]): one["cause"] for one in items if one["consignment"] in consignments}
