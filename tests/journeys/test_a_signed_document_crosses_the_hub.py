"""From the sender's post to the sender's view of what each recipient did with it, over HTTP."""

from __future__ import annotations

import hashlib

from hub.signatures.jws import verify_receipt
from tests.journeys.conftest import all_counted, eventually, fresh, fresh_genuine


def test_a_signed_document_crosses_the_hub(place):
    body = fresh_genuine(to=("H41", "000.00.00.H14"))
    cursor = max((entry.position for entry in place.scene.inbox("H41", limit=5000)), default=0)
    assert eventually(lambda: all_counted(place.scene)), "what others sent before is counted by now"
    before = place.scene.counts()

    sent = place.send(body)
    assert sent.status_code == 201, sent.text
    answer = sent.json()
    assert (answer["verdict"], answer["signature"]["state"]) == ("accepted", "valid")
    assert [(file["state"], len(file["signatures"])) for file in answer["files"]] == [("valid", 2)]
    assert answer["replaces_paper"]["answer"] is True
    trusted = place.scene.hub.key.certificates
    said = verify_receipt(answer["receipt"], trusted=trusted)
    assert said["envelope"]["sha256"] == hashlib.sha256(body).hexdigest()

    clerk = place.client("H41")
    (item,) = clerk.get("/inbox", params={"after": cursor, "wait": 25}).json()["items"]
    assert item["consignment"] == answer["id"]
    delivery = f"/deliveries/{item['delivery']}"
    got = clerk.get(f"{delivery}/envelope")
    assert got.content == body
    assert got.headers["X-Envelope-SHA256"] == said["envelope"]["sha256"]

    taken = clerk.post(f"{delivery}/ack", json={"outcome": "handed_over", "sha256": said["envelope"]["sha256"]})
    assert verify_receipt(taken.json()["receipt"]["jws"], trusted=trusted)["event"] == "ContentHandover"
    for code in ("01", "03", "06"):
        assert clerk.post(f"{delivery}/status", json={"code": code}).status_code == 201
    other = place.client("H14")
    assert eventually(lambda: "H14" in place.scene.deliveries(answer["id"]))
    assert eventually(lambda: place.scene.deliveries(answer["id"])["H14"].state == "in_hand")
    theirs = place.scene.deliveries(answer["id"])["H14"].id
    assert other.post(f"/deliveries/{theirs}/ack", json={"outcome": "refused", "reason": "nhầm"}).status_code == 200

    seen = place.client("G22").get(f"/consignments/{answer['id']}").json()
    assert seen["state"] == "closed"
    states = {d["recipient"]: (d["state"], (d["status"] or {}).get("code")) for d in seen["deliveries"]}
    assert states == {"H41": ("handed_over", "06"), "H14": ("refused", None)}
    events = [verify_receipt(receipt["jws"], trusted=trusted)["event"] for receipt in seen["receipts"]]
    assert sorted(events) == sorted(
        ["SubmissionAcceptance", "ContentHandover", "ContentHandoverFailure", *["BusinessStatus"] * 4]
    )

    def moved(code, direction, by):
        old, new = before.get((code, direction), (0, 0, 0)), place.scene.counts().get((code, direction), (0, 0, 0))
        return tuple(b - a for a, b in zip(old, new, strict=True)) == by

    assert eventually(lambda: moved("G22", "sent", (1, 1, 0)))
    assert eventually(lambda: moved("H41", "received", (1, 1, 0)))
    assert moved("H14", "received", (0, 0, 0))


def test_a_document_with_a_broken_signature_gets_all_findings_and_reaches_nobody(place):
    body = fresh(to=("H41", "NOBODY")).replace("V/v thử".encode(), "V/v khác".encode())
    sent = place.send(body)
    assert sent.status_code == 422
    codes = {finding["code"] for finding in sent.json()["findings"]}
    assert "recipient.unknown" in codes
    assert any(code.startswith("signature.") for code in codes)
    said = verify_receipt(sent.json()["receipt"], trusted=place.scene.hub.key.certificates)
    assert said["event"] == "SubmissionRejection"
    assert place.scene.deliveries(sent.json()["id"]) == {}
