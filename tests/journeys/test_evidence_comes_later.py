"""A signer whose CA has said nothing yet: the document is held, and goes its way as soon as the list came."""

from __future__ import annotations

import itertools

from hub.domain.agencies import Agency
from hub.signatures.jws import verify_receipt
from hub.signatures.keyinfo import described
from hub.stations import utc_now
from hub.store import agencies
from tests.journeys.conftest import eventually, fresh
from tests.support import scenes
from tests.support.scenes import pki

_names = itertools.count(1)


def test_a_held_document_is_accepted_when_its_evidence_came(place, monkeypatch):
    authority = pki().authority(f"CA moi {place.kind} {next(_names)}")
    seal = pki().agency_seal("Con dấu mới", "G22", issuer=authority)
    registered(place, seal)
    monkeypatch.setattr(scenes, "seal", lambda _: seal)

    sent = place.send(fresh(to=("H41",)))
    assert sent.status_code == 202, sent.text
    answer = sent.json()
    assert (answer["verdict"], answer["signature"]["state"], answer["receipt"]) == ("held", "undetermined", None)
    assert "certificate.revocation_unknown" in {f["code"] for f in answer["findings"] if f["severity"] == "try_later"}
    assert place.scene.deliveries(answer["id"]) == {}

    unfinished = place.mirror / f"{place.kind}.part"
    unfinished.write_bytes(pki().crl(authority))
    unfinished.rename(place.mirror / f"{place.kind}.crl")
    assert eventually(lambda: place.scene.consignment(answer["id"]).state in ("routed", "closed"), seconds=120)

    seen = place.client("G22").get(f"/consignments/{answer['id']}").json()
    assert (seen["verdict"], seen["signature"]["state"]) == ("accepted", "valid")
    said = verify_receipt(seen["receipt"], trusted=place.scene.hub.key.certificates)
    assert said["event"] == "SubmissionAcceptance"
    assert [event["kind"] for event in seen["timeline"]][:2] == ["held", "accepted"]
    assert eventually(lambda: {d.state for d in place.scene.deliveries(answer["id"]).values()} == {"in_hand"})


def test_a_seal_that_its_ca_revoked_is_refused(place, monkeypatch):
    authority = pki().authority(f"CA rut {place.kind} {next(_names)}")
    seal = pki().agency_seal("Con dấu bị thu hồi", "G22", issuer=authority)
    registered(place, seal)
    pki().revoke(seal, at=pki().moment)
    (place.mirror / f"revoked-{place.kind}.crl").write_bytes(pki().crl(authority, moment=utc_now()))
    monkeypatch.setattr(scenes, "seal", lambda _: seal)
    answer = place.send(fresh(to=("H41",)))
    assert answer.status_code in (202, 422)
    held = answer.json()["id"]
    assert eventually(lambda: place.scene.consignment(held).state == "rejected", seconds=120)
    seen = place.client("G22").get(f"/consignments/{held}").json()
    assert "certificate.revoked" in {finding["code"] for finding in seen["findings"]}
    assert seen["signature"]["state"] == "invalid"


def registered(place, seal):
    held = described(seal.certificate)
    certificate = agencies.AgencyCertificate(held.sha256, held.subject, held.not_after, held.pem, None)
    with place.scene.database.writing() as transaction:
        agencies.keep_certificate(transaction, Agency("G22", ""), certificate, now=utc_now())
