"""A telegram that nobody fetches: overdue with its article, expired with a signed receipt, delivered again by hand."""

from __future__ import annotations

from datetime import timedelta

from hub.domain.envelopes import Urgency
from hub.domain.periods import vietnam_time
from hub.signatures.jws import verify_receipt
from hub.stations import retry
from hub.store import duties
from hub.store.standing import Scope, ScopeKind
from tests.journeys.clerks import gone
from tests.journeys.conftest import eventually, fresh

LIVES = timedelta(hours=24)
MINUTE = timedelta(minutes=1)


def test_an_expired_telegram(open_line):
    line = open_line()
    scene, sender, clerk = line.scene, line.clerk("G22"), line.clerk("H41")
    sent = scene.post(fresh(to=("H41",), urgency=Urgency.EXPRESS)).consignment
    assert eventually(clerk.inbox)
    (item,) = clerk.inbox()
    assert item["urgency"] == "express"
    address = f"/consignments/{sent.id}"

    assert overdue_after(line, timedelta(minutes=29)) == {}
    assert sender.get("/radar")["items"] == []
    (at_once,) = overdue_after(line, timedelta(minutes=31)).values()
    assert (at_once["kind"], at_once["recipient"]) == ("at_once", "H41")
    assert "Điều 6 khoản 2" in at_once["article"]
    (stuck,) = sender.get("/radar")["items"]
    assert (stuck["cause"], stuck["must_act"], stuck["urgency"]) == ("never_fetched", "H41", "express")

    overdue = overdue_after(line, LIVES - MINUTE)
    assert overdue == promised(scene, item["delivery"]), "each once, by its own article"
    assert scene.deliveries(sent.id)["H41"].state == "in_hand"
    assert planned(scene, sent) == []

    line.at(LIVES + MINUTE)
    assert sender.sent(sent.id)["state"] == "closed"
    assert clerk.inbox() == []
    assert gone(clerk.client.get(f"/deliveries/{item['delivery']}/envelope"))
    (refusal,) = [one for one in sender.sent(sent.id)["receipts"] if one["event"] == "AcceptanceRejectionExpiry"]
    testified = verify_receipt(refusal["jws"], trusted=scene.hub.key.certificates, sha256=sent.sha256)
    assert (testified["event"], testified["recipient"]) == ("AcceptanceRejectionExpiry", "H41")
    assert testified["delivery"] == item["delivery"]
    assert "24 giờ" in testified["reason"]
    assert sender.holdings(sent.id) == {"H41": "expired"}
    line.tick()
    assert scene.receipts(sent.id).count("AcceptanceRejectionExpiry") == 1, "said once"

    (step,) = planned(scene, sent)
    assert (step.action, step.item, step.recipient_key) == ("deliver_again", item["delivery"], "H41")
    shown = sender.client.post(f"{address}/retry", json={})
    assert (shown.json()["applied"], [one["action"] for one in shown.json()["steps"]]) == (False, ["deliver_again"])
    assert clerk.inbox() == [], "showing it moved nothing"
    done = sender.client.post(f"{address}/retry", json={"apply": True})
    assert [one["delivery"] for one in done.json()["steps"]] == [item["delivery"]]
    assert not retry.run(step, scene.hub), "a step is done once"
    assert eventually(clerk.inbox)
    (again,) = clerk.inbox()
    assert (again["delivery"], again["sha256"]) == (item["delivery"], item["sha256"])
    line.at(LIVES + timedelta(hours=23))
    assert [one["delivery"] for one in clerk.inbox()] == [item["delivery"]], "it has a whole time to live again"
    clerk.take(again)
    assert eventually(lambda: scene.consignment(sent.id).state == "closed")
    events = [one["event"] for one in sender.receipts(sent.id, trusted=scene.hub.key.certificates)]
    assert events.index("AcceptanceRejectionExpiry") < events.index("ContentHandover")
    assert sender.holdings(sent.id) == {"H41": "holds"}
    assert planned(scene, sent) == []


def overdue_after(line, ahead):
    """Kind → the facts of the overdue events of everything sent, after the clock has come there."""
    line.at(ahead)
    (sent,) = line.clerk("G22").get("/ledger/outgoing")["items"]
    told = [one for one in line.clerk("G22").sent(sent["id"])["timeline"] if one["kind"] == "overdue"]
    told = [one["facts"] for one in told if one["delivery"]]
    assert len({one["kind"] for one in told}) == len(told)
    return {one["kind"]: one for one in told}


def promised(scene, delivery):
    """What must be overdue by then: the duties themselves say it, whatever the day on which this runs."""
    with scene.database.reading() as connection:
        owed = duties.of_deliveries(connection, [delivery])
    assert {one.kind for one in owed} == {"at_once", "receipt"}
    due = [one for one in owed if one.due_at <= scene.hub.now()]
    return {
        one.kind.value: {
            "kind": one.kind.value,
            "due_at": vietnam_time(one.due_at),
            "article": one.article,
            "recipient": "H41",
        }
        for one in due
    }


def planned(scene, sent):
    with scene.database.reading() as connection:
        return retry.plan(connection, Scope(ScopeKind.CONSIGNMENT, sent.id), scene.hub)
