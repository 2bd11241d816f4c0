"""A bundle holds what proves a sending, says the same for the same facts, and outlives the hub's key."""

from __future__ import annotations

import hashlib
import io
import json
import tracemalloc
from dataclasses import replace

import pytest

from hub.bundles import collect, contents, readme, report, verification
from hub.domain.findings import describe
from hub.errors import NoSuchThing
from hub.signatures import asic, jws
from hub.signatures.anchors import Trust
from hub.signatures.keys import create_hub_key
from tests.bundles import workshop
from tests.support import envelopes as raw
from tests.support import scenes


def judged(made, bundle: bytes, trust: Trust | None = None) -> report.Report:
    known = trust or Trust.load(made.workshop.trust)
    return verification.verify(io.BytesIO(bundle), known, pdfs=made.workshop.scene.hub.pdfs)


def marks(judgement: report.Report) -> dict[str, str]:
    return {step.check: step.mark.value for step in judgement.steps}


def codes(judgement: report.Report) -> dict[str, str]:
    return {step.check: step.seen.code for step in judgement.steps}


def test_a_bundle_has_everything(made):
    names = list(workshop.parts(made.bundle))
    assert [name for name in names if "/" not in name] == [
        "README.txt", "envelope.edxml", "findings.json", "proofs.json", "index.json",
    ]  # fmt: skip
    assert [name for name in names if name.startswith("receipts/")] == [
        "receipts/001-SubmissionAcceptance.jws",
        "receipts/002-ContentHandover.jws",
        "receipts/003-BusinessStatus.jws",
    ]
    folders = [name.partition("/")[0] for name in names if "/" in name]
    assert folders.count("revocation") == 4  # roots and issuing CAs of the signers and of the timestamp authority
    assert folders.count("timestamps") == 1
    signers = [name for name in names if name.startswith("certificates/signer-")]
    assert len(signers) >= 2


def test_the_envelope_is_byte_for_byte_what_was_received(made):
    consignment = made.workshop.scene.consignment(made.consignment_id)
    envelope = workshop.parts(made.bundle)["envelope.edxml"]
    assert hashlib.sha256(envelope).hexdigest() == consignment.sha256


def test_the_index_and_the_verdict_are_readable(made):
    parts = workshop.parts(made.bundle)
    index, record = json.loads(parts["index.json"]), json.loads(parts["findings.json"])
    assert index["consignment"] == record["consignment"] == made.consignment_id
    assert index["envelope"]["kept"] is True
    assert record["verdict"] == "accepted"
    assert record["replaces_paper"] is True
    assert [one["judgement"] for one in record["files"][0]["signatures"]] == ["valid", "valid"]
    assert all(row["vi"] and row["en"] for row in (*record["findings"], *record["because"]))
    assert parts["README.txt"].decode() == readme.TEXT
    assert "hub verify" in readme.TEXT


def test_every_step_holds(made):
    judgement = judged(made, made.bundle)
    assert set(marks(judgement).values()) == {"sound"}, list(report.lines(judgement))
    assert list(marks(judgement)) == list(report.TITLES)
    assert judgement.first_broken is None


def test_the_report_is_a_numbered_list_in_two_languages(made):
    told = list(report.lines(judged(made, made.bundle)))
    assert told[0].startswith(" 1 ✓ Gói chứa: ")
    assert told[1].strip().startswith("Container: ")
    assert told[-1].startswith("✓")
    assert not any("?" in line for line in told)


def test_the_report_for_programs_says_the_same(made):
    facts = report.as_json(judged(made, made.bundle))
    assert facts["sound"] is True
    assert facts["first_broken"] is None
    assert [step["number"] for step in facts["steps"]] == list(range(1, len(report.TITLES) + 1))


def test_the_same_facts_give_the_same_bytes_but_for_moment_and_signature(made):
    again = workshop.parts(made.workshop.bundle(made.consignment_id))
    first = workshop.parts(made.bundle)
    assert list(first) == list(again)
    assert [name for name in first if first[name] != again[name]] == ["index.json"]
    both = [json.loads(one["index.json"]) for one in (first, again)]
    assert {key for key in both[0] if both[0][key] != both[1][key]} == {"made_at"}


def test_an_old_bundle_stays_verifiable_after_the_key_rolled(made, tmp_path):
    """E22: receipts by the old key, the container by the new one; both certificates are in trust/hub."""
    new = create_hub_key(tmp_path / "new")
    rolled = replace(made.workshop.scene.hub, key=new)
    out = io.BytesIO()
    collect.write(collect.gathered(made.consignment_id, rolled), rolled, out)
    trust = Trust.load(made.workshop.trust)
    both = replace(trust, hub=(*new.certificates, *trust.hub))
    assert judged(made, made.bundle, both).first_broken is None
    assert judged(made, out.getvalue(), both).first_broken is None
    assert codes(judged(made, out.getvalue()))["hub_signature"] == "bundle.hub_unknown"
    only_new = replace(trust, hub=new.certificates)
    assert codes(judged(made, out.getvalue(), only_new))["receipts"] == "bundle.receipt_not_genuine"


def test_what_is_not_sealed_yet_is_told_and_no_fault(tmp_path):
    opened = workshop.opened(tmp_path)
    sent = opened.sent()
    bundle = opened.bundle(sent)
    judgement = verification.verify(io.BytesIO(bundle), Trust.load(opened.trust), pdfs=opened.scene.hub.pdfs)
    opened.scene.close()
    assert judgement.first_broken is None
    waiting = {step.check: step for step in judgement.steps if step.mark is report.Mark.ABSENT}
    assert set(waiting) == {"proofs", "seals", "timestamps", "unsealed"}
    assert "001-SubmissionAcceptance" in describe(waiting["unsealed"].seen).en


def test_a_pdf_in_the_sdks_zip_is_judged_again_like_any_other(made):
    """The axis SDK wraps each file in a ZIP of its own; the station looks through it, and so does the verifier."""
    page = raw.sdk_zip(scenes.genuine("G22"))
    answer = made.workshop.scene.post(scenes.signed(scenes.document(61, pdf=page), pdf=page))
    assert [one["judgement"] for one in answer.consignment.files[0]["signatures"]] == ["valid", "valid"]
    judgement = judged(made, made.workshop.bundle(answer.consignment.id))
    assert codes(judgement)["pdf_signatures"] == "bundle.pdf_judged_again"
    assert judgement.first_broken is None


def test_a_sending_from_before_revocation_was_asked_has_a_sound_bundle(made):
    """What an older program recorded: no evidence, no report of files, no word about paper in its receipt."""
    facts = collect.gathered(made.consignment_id, made.workshop.scene.hub)
    known = {
        name: value for name, value in facts.consignment.signature.items() if name not in ("evidence", "chain_pem")
    }
    old = replace(facts.consignment, signature=known, files=[], replaces_paper=False, because=())
    first, *others = facts.receipts
    claims = jws.verify_receipt(first.jws, trusted=made.workshop.key.certificates)
    del claims["replaces_paper"]
    said = replace(first, jws=jws.sign_receipt(claims, made.workshop.key))
    out = io.BytesIO()
    collect.write(replace(facts, consignment=old, receipts=[said, *others], proofs={}, evidence=[]),
                  made.workshop.scene.hub, out)  # fmt: skip
    judgement = judged(made, out.getvalue())
    assert judgement.first_broken is None, judgement.first_broken
    assert codes(judgement)["envelope_signature"] == "bundle.judged_before_evidence"
    assert codes(judgement)["pdf_signatures"] == "bundle.judged_before_evidence"


def test_a_secret_document_s_bundle_says_why_the_envelope_is_absent(made):
    scene = made.workshop.scene
    answer = scene.post(scenes.secret(scenes.document(77), "Mật"))
    assert answer.consignment.state == "rejected"
    bundle = made.workshop.bundle(answer.consignment.id)
    judgement = judged(made, bundle)
    assert "envelope.edxml" not in workshop.parts(bundle)
    assert judgement.first_broken is None, list(report.lines(judgement))
    assert codes(judgement)["envelope"] == "bundle.envelope_secret"
    assert codes(judgement)["findings"] == "bundle.verdict_testified"


def test_a_rejected_document_s_bundle_is_sound(made):
    """What was wrong with the document is no fault of the bundle that proves it."""
    scene = made.workshop.scene
    body = scenes.signed(scenes.document(78), by="H14")
    answer = scene.post(body)
    assert answer.consignment.state == "rejected"
    judgement = judged(made, made.workshop.bundle(answer.consignment.id))
    assert judgement.first_broken is None, list(report.lines(judgement))
    assert codes(judgement)["envelope_signature"] == "bundle.envelope_judged_again"


def test_an_unsigned_document_s_bundle_is_sound_and_says_so(made):
    answer = made.workshop.scene.post(scenes.unsigned(scenes.document(79)))
    judgement = judged(made, made.workshop.bundle(answer.consignment.id))
    assert judgement.first_broken is None, list(report.lines(judgement))
    assert codes(judgement)["envelope_signature"] == "bundle.envelope_not_signed"


def test_a_held_document_has_a_bundle_without_receipts(made, monkeypatch):
    consignment, _ = made.workshop.scene.held(monkeypatch)
    judgement = judged(made, made.workshop.bundle(consignment.id))
    assert judgement.first_broken is None, list(report.lines(judgement))
    assert codes(judgement)["receipts"] == "bundle.no_receipt_yet"


def test_an_unknown_consignment_has_no_bundle(made):
    with pytest.raises(NoSuchThing):
        collect.gathered("00000000-0000-7000-8000-00000000dead", made.workshop.scene.hub)


def test_a_machine_that_trusts_nobody_believes_nothing(made):
    told = codes(judged(made, made.bundle, Trust()))
    assert told["manifest"] == "bundle.manifest_agrees"
    assert told["hub_signature"] == "bundle.hub_unknown"
    assert told["receipts"] == "bundle.receipt_not_genuine"
    assert told["envelope_signature"] == "bundle.envelope_judged_otherwise"
    assert told["pdf_signatures"] == "bundle.pdf_judged_otherwise"
    assert told["timestamps"] == "bundle.timestamp_wrong"


def test_receipts_of_the_bundle_verify_by_themselves(made):
    parts = workshop.parts(made.bundle)
    trust = Trust.load(made.workshop.trust)
    for name in (one for one in parts if one.startswith("receipts/")):
        claims = jws.verify_receipt(parts[name].decode(), trusted=trust.hub)
        assert claims["consignment"] == made.consignment_id


def test_a_large_envelope_is_never_held_in_memory(made, monkeypatch, tmp_path):
    """64 MiB pass through the writer and the digests; what is held at once stays below 8 MiB."""
    hub = made.workshop.scene.hub
    large = hashlib.sha256(bytes(64 << 20)).hexdigest()
    facts = collect.gathered(made.consignment_id, hub)
    facts = replace(facts, consignment=replace(facts.consignment, sha256=large, size_bytes=64 << 20))
    (tmp_path / "large").write_bytes(bytes(64 << 20))
    monkeypatch.setattr(type(hub.payloads), "holds", lambda self, sha256: True)
    monkeypatch.setattr(type(hub.payloads), "open", lambda self, sha256: (tmp_path / "large").open("rb"))
    with (tmp_path / "out").open("w+b") as out:
        tracemalloc.start()
        collect.write(facts, hub, out)
        assert asic.Container(out).digest("envelope.edxml") == large
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8 << 20


def test_layout_names_are_kept():
    """Files of old bundles must be found by new programs."""
    assert (contents.FORMAT, contents.VERSION) == ("truc-lien-thong/evidence", 1)
    assert contents.token_name(12) == "timestamps/seal-12.tst"
