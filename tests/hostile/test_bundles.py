"""Evidence bundles that somebody tampered with: each time the right thing is named first (E21, E22, E23, A3)."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest

from hub.bundles import contents, report, verification
from hub.domain.findings import describe
from hub.domain.seals import SealProof, SealStatement, leaf_of, proof_as_json
from hub.signatures import asic
from hub.signatures.anchors import Trust
from tests.bundles import workshop
from tests.bundles.workshop import Parts, changed_json, flipped, parts

ACCEPTANCE, HANDOVER = "receipts/001-SubmissionAcceptance.jws", "receipts/002-ContentHandover.jws"
TOKEN = "timestamps/seal-1.tst"


def first(made, bundle: bytes) -> tuple[str, str]:
    """The name of the step that failed first, and its code; its sentences must be whole."""
    trust = Trust.load(made.workshop.trust)
    judged = verification.verify(io.BytesIO(bundle), trust, pdfs=made.workshop.scene.hub.pdfs)
    assert judged.first_broken is not None, "the bundle passed"
    assert [step.check for step in judged.steps] == list(report.TITLES)
    words = describe(judged.first_broken.seen)
    assert "?" not in words.vi + words.en
    return judged.first_broken.check, judged.first_broken.seen.code


def by_the_hub(made, content: Parts) -> bytes:
    """As if the hub itself had signed these parts: what its signature cannot protect must be found otherwise."""
    return workshop.made(content, made.workshop.key)


@pytest.mark.parametrize(
    "name", ["envelope.edxml", "findings.json", "proofs.json", "index.json", ACCEPTANCE, HANDOVER, TOKEN, "README.txt"]
)
def test_one_bit_of_any_part(made, name):
    assert first(made, flipped(made.bundle, name)) == ("manifest", "bundle.digest_differs")


def test_one_bit_of_the_manifest_and_of_the_signature(made):
    assert first(made, flipped(made.bundle, asic.MANIFEST))[0] == "manifest"
    assert first(made, flipped(made.bundle, asic.SIGNATURE)) == ("hub_signature", "bundle.hub_signature_wrong")


def test_e22_a_container_signed_by_a_foreign_key(made):
    content = changed_json(parts(made.bundle), "findings.json", lambda record: record.update(replaces_paper=False))
    assert first(made, workshop.made(content, made.stranger)) == ("hub_signature", "bundle.hub_unknown")


def test_an_extra_file(made):
    container = asic.Container(io.BytesIO(made.bundle))
    manifest, signature = (container.read(name, most_bytes=1 << 20) for name in (asic.MANIFEST, asic.SIGNATURE))
    content = {**parts(made.bundle), "extra.txt": b"more"}
    whole = {"mimetype": asic.MIMETYPE, **content, asic.MANIFEST: manifest, asic.SIGNATURE: signature}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, part in whole.items():
            archive.writestr(zipfile.ZipInfo(name), part)
    assert first(made, out.getvalue()) == ("manifest", "bundle.not_listed")


def test_a_part_taken_out(made):
    content = parts(made.bundle)
    content.pop(HANDOVER)
    assert first(made, by_the_hub(made, content)) == ("contents", "bundle.part_missing")


def test_a_receipt_taken_out_of_the_index_too(made):
    """E22: the verdict's own receipt must be there."""
    content = parts(made.bundle)
    content.pop(ACCEPTANCE)

    def without(index):
        index["receipts"] = [one for one in index["receipts"] if one["file"] != ACCEPTANCE]

    def unproved(proofs):
        kept = json.loads(content["index.json"])["receipts"][0]["id"]
        proofs.pop(kept)

    content = changed_json(content, "proofs.json", unproved)
    content = changed_json(content, "index.json", without)
    assert first(made, by_the_hub(made, content)) == ("receipts", "bundle.receipt_of_verdict")


def test_e22_a_receipt_of_another_consignment(made):
    content = parts(made.bundle) | {ACCEPTANCE: parts(made.other)[ACCEPTANCE]}
    assert first(made, by_the_hub(made, content)) == ("receipts", "bundle.receipt_of_another")


def test_e22_a_receipt_in_another_s_place(made):
    content = parts(made.bundle)
    content[ACCEPTANCE], content[HANDOVER] = content[HANDOVER], content[ACCEPTANCE]
    assert first(made, by_the_hub(made, content)) == ("receipts", "bundle.receipt_says_otherwise")


def test_e22_a_receipt_with_an_altered_claim(made):
    content = parts(made.bundle)
    head, claims, signature = content[HANDOVER].split(b".")
    content[HANDOVER] = b".".join((head, claims[:-4] + b"AAAA", signature))
    assert first(made, by_the_hub(made, content)) == ("receipts", "bundle.receipt_not_genuine")


def test_the_envelope_of_another_sending(made):
    content = parts(made.bundle) | {"envelope.edxml": parts(made.other)["envelope.edxml"]}
    assert first(made, by_the_hub(made, content)) == ("envelope", "bundle.envelope_differs")


def test_another_digest_in_the_index(made):
    other = json.loads(parts(made.other)["index.json"])["envelope"]
    content = changed_json(parts(made.bundle), "index.json", lambda index: index.update(envelope=other))
    assert first(made, by_the_hub(made, content)) == ("envelope", "bundle.envelope_testified_otherwise")


def test_an_envelope_that_is_said_to_be_gone(made):
    gone = {"kept": False, "reason": "gone"}
    content = changed_json(parts(made.bundle), "index.json", lambda index: index["envelope"].update(gone))
    assert first(made, by_the_hub(made, content)) == ("contents", "bundle.part_unexpected")


@pytest.mark.parametrize(
    "change",
    [
        lambda record: record.update(replaces_paper=not record["replaces_paper"]),
        lambda record: record.update(rule_pack="other"),
        lambda record: record.update(sender="H14"),
        lambda record: record.update(document_id="other"),
        lambda record: record.update(received_at="2020-01-01T00:00:00+00:00"),
        lambda record: record["findings"].append(
            {"check": "a", "code": "b", "severity": "note", "where": "", "evidence": {}}
        ),
        lambda record: record["findings"].append(
            {"check": "a", "code": "b", "severity": "error", "where": "", "evidence": {}}
        ),
    ],
)
def test_a_changed_verdict(made, change):
    content = changed_json(parts(made.bundle), "findings.json", change)
    check, code = first(made, by_the_hub(made, content))
    assert code in {"bundle.verdict_differs", "bundle.envelope_judged_otherwise"}
    assert check in {"findings", "envelope_signature"}


def test_a_rejection_made_an_acceptance(made):
    content = changed_json(parts(made.bundle), "findings.json", lambda record: record.update(verdict="rejected"))
    assert first(made, by_the_hub(made, content)) == ("receipts", "bundle.receipt_of_verdict")


def test_a_changed_signature_report(made):
    content = changed_json(parts(made.bundle), "findings.json", lambda r: r["signature"].update(state="absent"))
    assert first(made, by_the_hub(made, content)) == ("envelope_signature", "bundle.envelope_judged_otherwise")


def test_p7_a_changed_report_of_a_pdf_signature(made):
    def worse(record):
        record["files"][0]["signatures"][1]["judgement"] = "invalid"

    content = changed_json(parts(made.bundle), "findings.json", worse)
    assert first(made, by_the_hub(made, content)) == ("pdf_signatures", "bundle.pdf_judged_otherwise")


def test_e20_the_revocation_evidence_taken_out(made):
    content = {name: part for name, part in parts(made.bundle).items() if not name.startswith("revocation/")}
    content = changed_json(content, "index.json", lambda index: index.update(revocation=[]))
    assert first(made, by_the_hub(made, content)) == ("envelope_signature", "bundle.envelope_judged_otherwise")


@pytest.mark.parametrize(
    "change",
    [
        lambda proof: proof.update(index=proof["index"] + 1),
        lambda proof: proof["path"].reverse() if len(set(proof["path"])) > 1 else proof["path"].pop(),
        lambda proof: proof["path"].append("00" * 32),
        lambda proof: proof["statement"].update(size=proof["statement"]["size"] + 1),
        lambda proof: proof["statement"].update(root="00" * 32),
        lambda proof: proof.update(head="00" * 32),
        lambda proof: proof.clear(),
    ],
)
def test_e23_a_changed_proof(made, change):
    content = changed_json(parts(made.bundle), "proofs.json", lambda proofs: change(next(iter(proofs.values()))))
    assert first(made, by_the_hub(made, content)) == ("proofs", "bundle.proof_wrong")


def test_e23_the_proof_of_another_receipt(made):
    theirs = next(iter(json.loads(parts(made.other)["proofs.json"]).values()))

    def swapped(proofs):
        proofs[min(proofs)] = theirs

    content = changed_json(parts(made.bundle), "proofs.json", swapped)
    assert first(made, by_the_hub(made, content)) == ("proofs", "bundle.proof_wrong")


def sealed_as(made, *seals: SealStatement) -> bytes:
    """The bundle with one seal of one leaf for each of the first receipts, whose roots fit; nothing is timestamped."""
    content = parts(made.bundle)
    content.pop(TOKEN)
    entries = json.loads(content["index.json"])["receipts"]
    proofs = {}
    for entry, seal in zip(entries, seals, strict=False):  # the last receipt (01) is not sealed yet
        leaf = leaf_of(content[entry["file"]].decode())
        proofs[entry["id"]] = proof_as_json(SealProof(replace(seal, root=leaf.hex()), 0, ()))
    return by_the_hub(made, content | {"proofs.json": json.dumps(proofs).encode()})


def seal(made, number: int, *, previous: str = "", early: timedelta = timedelta()) -> SealStatement:
    moment = made.workshop.scene.hub.now() - early
    return SealStatement(number, previous, "00" * 32, 1, moment)


def test_seals_of_a_chain_fit(made):
    first_seal = seal(made, 1)
    acceptance = leaf_of(parts(made.bundle)[ACCEPTANCE].decode()).hex()
    bundle = sealed_as(made, first_seal, seal(made, 2, previous=replace(first_seal, root=acceptance).head))
    trust = Trust.load(made.workshop.trust)
    judged = verification.verify(io.BytesIO(bundle), trust, pdfs=made.workshop.scene.hub.pdfs)
    assert judged.first_broken is None
    assert [step.seen.code for step in judged.steps if step.check == "timestamps"] == ["bundle.no_timestamp_yet"]


def test_e23_a_fork_and_a_missing_link(made):
    assert first(made, sealed_as(made, seal(made, 1), seal(made, 1))) == ("seals", "bundle.seal_twice")
    assert first(made, sealed_as(made, seal(made, 1), seal(made, 2))) == ("seals", "bundle.seal_unlinked")
    wrong = seal(made, 2, previous="00" * 32)
    assert first(made, sealed_as(made, seal(made, 1), wrong)) == ("seals", "bundle.seal_unlinked")
    assert first(made, sealed_as(made, seal(made, 1, previous="00" * 32), wrong)) == ("seals", "bundle.seal_unlinked")


def test_e23_a_seal_from_before_its_receipt(made):
    early = seal(made, 1, early=timedelta(hours=3))
    assert first(made, sealed_as(made, early, seal(made, 3, previous="00" * 32))) == (
        "seals",
        "bundle.seal_too_early",
    )


def test_e21_a_foreign_timestamp(made):
    """A genuine token for another digest, and a right one by an authority that nobody trusts."""
    stamps = workshop.Stamps(made.workshop.stamping.timestamping("TSA thu nghiem"))
    other = workshop.token(stamps, b"\x01" * 32)
    assert first(made, by_the_hub(made, parts(made.bundle) | {TOKEN: other})) == (
        "timestamps",
        "bundle.timestamp_wrong",
    )
    head = next(iter(json.loads(parts(made.bundle)["proofs.json"]).values()))["head"]
    foreign = workshop.token(workshop.foreign_stamps(), bytes.fromhex(head))
    assert first(made, by_the_hub(made, parts(made.bundle) | {TOKEN: foreign})) == (
        "timestamps",
        "bundle.timestamp_wrong",
    )


def test_e21_a_timestamp_from_before_the_seal(made):
    stamps = workshop.Stamps(made.workshop.stamping.timestamping("TSA thu nghiem"), late_by=-timedelta(hours=2))
    head = next(iter(json.loads(parts(made.bundle)["proofs.json"]).values()))["head"]
    early = workshop.token(stamps, bytes.fromhex(head))
    assert first(made, by_the_hub(made, parts(made.bundle) | {TOKEN: early})) == (
        "timestamps",
        "bundle.timestamp_wrong",
    )


def test_e21_a_timestamp_of_no_seal(made):
    content = parts(made.bundle)
    content["timestamps/seal-9.tst"] = content[TOKEN]
    assert first(made, by_the_hub(made, content)) == ("timestamps", "bundle.part_unexpected")


@pytest.mark.parametrize("name", ["index.json", "findings.json", "proofs.json"])
@pytest.mark.parametrize("junk", [b"", b"[]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"a": 1e999}', b"null"])
def test_junk_instead_of_json(made, name, junk):
    check, code = first(made, by_the_hub(made, parts(made.bundle) | {name: junk}))
    assert (check, code) == ("contents", "bundle.part_unreadable") or b"{" in junk


def test_a_bundle_of_another_version(made):
    content = changed_json(parts(made.bundle), "index.json", lambda index: index.update(version=2))
    assert first(made, by_the_hub(made, content)) == ("contents", "bundle.version_unknown")


def test_the_parts_of_two_sendings(made):
    content = parts(made.bundle) | {"findings.json": parts(made.other)["findings.json"]}
    assert first(made, by_the_hub(made, content)) == ("contents", "bundle.of_another")


def test_a3_containers_that_are_no_plain_zip(made):
    assert first(made, made.bundle[:-100]) == ("container", "bundle.container.truncated")
    assert first(made, made.bundle + b"\0") == ("container", "bundle.container.truncated")
    assert first(made, made.bundle + made.bundle)[0] == "container"
    assert first(made, made.bundle[:5000] + made.bundle[5001:])[0] == "container"


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-03-02T01:00:00", "", 7, None])
@pytest.mark.parametrize(("name", "field"), [("index.json", "made_at"), ("findings.json", "received_at")])
def test_moments_out_of_this_world(made, name, field, moment):
    content = changed_json(parts(made.bundle), name, lambda value: value.update({field: moment}))
    assert first(made, by_the_hub(made, content))[1] in {
        "bundle.part_unreadable",
        "bundle.timestamp_wrong",
        "bundle.envelope_judged_otherwise",
    }


def test_a3_more_receipts_than_may_be_held_in_memory(made, monkeypatch):
    monkeypatch.setitem(contents.MOST_BYTES_IN, contents.RECEIPTS, 100)
    assert first(made, made.bundle) == ("contents", "bundle.part_unreadable")


def test_wherever_a_bit_is_turned_nothing_else_is_believed(made):
    """Harmless bits are those of ZIP dates and versions: then every part is still what the hub signed."""
    trust, pdfs = Trust.load(made.workshop.trust), made.workshop.scene.hub.pdfs
    for place in range(0, len(made.bundle), len(made.bundle) // 20):
        changed = made.bundle[:place] + bytes([made.bundle[place] ^ 1]) + made.bundle[place + 1 :]
        judged = verification.verify(io.BytesIO(changed), trust, pdfs=pdfs)
        assert judged.first_broken is not None or parts(changed) == parts(made.bundle)
