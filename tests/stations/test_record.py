"""RECORD: the answer is durable as a whole, or nothing happened; the same key gives the same receipt for ever."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from hub.domain.consignments import ConsignmentState
from hub.domain.envelopes import BusinessType, Paper
from hub.errors import PayloadsUnavailable, SameKeyDifferentContent
from hub.signatures import jws
from hub.stations import receive, record, verify
from hub.store import counted, events, receipts
from tests.stations.conftest import Crash, WatchedPort, at_once, snapshot
from tests.support.scenes import document, genuine, genuine_document, post, secret, signed, unsigned


def drafts(scene):
    return list((scene.folder / "payloads" / "drafts").iterdir())


def test_an_accepted_document_has_body_row_receipt_history_and_wakes(scene):
    body = signed(document(1))
    answer = scene.post(body)
    kept = scene.consignment(answer.consignment.id)
    assert (kept.state, kept.sender_key, kept.signature_state) == (ConsignmentState.ACCEPTED, "G22", "valid")
    assert scene.hub.payloads.open(kept.sha256).read() == body
    assert scene.receipts(kept.id) == ["SubmissionAcceptance"]
    assert scene.timeline(kept.id) == ["accepted", "overdue"]  # dated months ago
    assert [(row.station, row.work_id) for row in scene.owed()] == [("route", kept.id)]
    assert drafts(scene) == []


def test_the_receipt_tells_who_what_and_when(scene):
    answer = scene.post(signed(document(1)))
    said = jws.verify_receipt(answer.receipt.jws, trusted=scene.hub.key.certificates)
    assert said["event"] == "SubmissionAcceptance"
    assert said["envelope"] == {"sha256": answer.consignment.sha256, "size_bytes": answer.consignment.size_bytes}
    assert said["received_at"].endswith("+07:00")
    assert (said["sender"], said["jti"]) == ("G22", answer.receipt.receipt_id)


def test_a_rejected_document_is_answered_with_all_findings_and_wakes_nobody(scene):
    answer = scene.post(signed(document(1, to=("NOBODY", "H98"))))
    codes = {f.code for f in answer.consignment.findings}
    assert {"recipient.unknown", "recipient.closed"} <= codes
    assert scene.receipts(answer.consignment.id) == ["SubmissionRejection"]
    assert scene.owed() == []
    assert scene.counts() == {}


def test_a_secret_document_leaves_neither_body_nor_header(scene):
    answer = scene.post(secret(document(1), "Mật"))
    kept = scene.consignment(answer.consignment.id)
    assert kept.state is ConsignmentState.REJECTED
    assert (kept.body_kept, kept.header) == (False, {})
    assert not scene.hub.payloads.holds(kept.sha256)


def test_a_secret_document_leaves_no_subject_anywhere(scene):
    answer = scene.post(secret(document(1, subject="tên điệp viên"), "Tối mật"))
    assert answer.consignment.state is ConsignmentState.REJECTED
    assert "điệp viên" not in str(snapshot(scene.database))


def test_the_same_bytes_again_get_the_same_receipt_byte_for_byte(scene):
    body = signed(document(1))
    first = scene.post(body)
    before = snapshot(scene.database)
    again = scene.post(body)
    assert (again.replayed, again.receipt.jws) == (True, first.receipt.jws)
    assert snapshot(scene.database) == before


def test_a_rejection_is_replayed_too(scene):
    body = signed(document(1, to=("NOBODY",)))
    assert scene.post(body).receipt.jws == scene.post(body).receipt.jws


def test_the_same_key_with_other_bytes_is_refused_and_the_first_is_untouched(scene):
    first = scene.post(signed(document(1)), key="k-1")
    before = snapshot(scene.database)
    with pytest.raises(SameKeyDifferentContent):
        scene.post(signed(document(2)), key="k-1")
    assert snapshot(scene.database) == before
    assert scene.post(signed(document(1)), key="k-1").consignment.id == first.consignment.id
    assert drafts(scene) == []


def test_the_same_key_of_another_agency_is_another_key(scene):
    scene.post(signed(document(1)), key="k-1")
    other = scene.post(signed(document(1, sender="H14", to=("H41",))), caller="H14", key="k-1")
    assert not other.replayed


def test_two_racing_posts_with_one_key_and_other_bytes_leave_one(scene):
    bodies = [signed(document(number)) for number in (1, 2)]
    waiting = list(bodies)
    results = at_once(lambda: scene.post(waiting.pop(), key="k-1"))
    assert sorted(type(result).__name__ for result in results) == ["Answer", "SameKeyDifferentContent"]
    assert len(snapshot(scene.database)["consignments"]) == 1


def test_a_replay_after_a_restart_and_through_another_node(open_scene):
    body = signed(document(1))
    first = open_scene().post(body)
    assert open_scene().post(body).receipt.jws == first.receipt.jws


def test_another_caller_does_not_see_the_senders_receipt(scene):
    body = signed(document(1))
    first = scene.post(body)
    stolen = scene.post(body, caller="H14")
    assert not stolen.replayed
    assert stolen.consignment.state is ConsignmentState.REJECTED
    assert stolen.receipt.jws != first.receipt.jws
    assert scene.consignment(first.consignment.id).state is ConsignmentState.ACCEPTED


@pytest.mark.parametrize("where", ["hub.store.receipts.issue", "hub.store.events.happened", "hub.store.outbox.wake"])
def test_a_crash_in_the_middle_leaves_no_row(scene, crash_at, where):
    before = snapshot(scene.database)
    crash_at(where)
    with pytest.raises(Crash):
        scene.post(signed(document(1)))
    assert snapshot(scene.database) == before


def test_after_a_crash_the_sender_sends_again(scene, monkeypatch):
    body = signed(document(1))
    with monkeypatch.context() as patched:
        patched.setattr(events, "happened", lambda *_: (_ for _ in ()).throw(Crash()))
        with pytest.raises(Crash):
            scene.post(body)
    assert not scene.post(body).replayed


def test_nothing_is_recorded_when_the_body_cannot_be_kept(scene, monkeypatch):
    received = receive.run(scene.arrival(signed(document(1))), scene.hub)
    judged = verify.run(
        received.reading,
        scene.hub,
        caller=scene.agency("G22"),
        moment=scene.hub.now(),
        open_body=received.draft.reopen,
    )

    def full(*_: object) -> None:
        raise PayloadsUnavailable("no space left")

    monkeypatch.setattr(type(received.draft), "keep", full)
    before = snapshot(scene.database)
    with pytest.raises(PayloadsUnavailable):
        record.run(received, judged, scene.hub)
    received.release()
    assert snapshot(scene.database) == before


def test_the_body_is_durable_before_the_row(scene, monkeypatch):
    seen = []
    real = receipts.issue

    def look(transaction, receipt):
        seen.append(scene.hub.payloads.holds(answer_sha))
        real(transaction, receipt)

    body = signed(document(1))
    received = receive.run(scene.arrival(body), scene.hub)
    answer_sha = received.reading.sha256
    received.release()
    monkeypatch.setattr(receipts, "issue", look)
    scene.post(body)
    assert seen == [True]


def test_no_port_is_called_inside_a_transaction(scene, watch):
    hub = replace(scene.hub, payloads=WatchedPort(scene.hub.payloads, watch))
    arrival = scene.arrival(signed(document(1)))
    post(hub, arrival)
    assert watch.calls >= 4  # free_bytes, begin, write, keep
    post(hub, replace(arrival, source=io.BytesIO(signed(document(1)))))


def test_a_document_sent_again_counts_once_at_its_sender(scene):
    scene.accepted(1, to=("H41",), page=genuine("G22"))
    scene.accepted(1, to=("H41", "H14"), page=genuine("G22"))
    scene.drain()
    assert scene.counts()["G22", "sent"] == (1, 1, 0)


@pytest.mark.parametrize(("paper", "counted"), [(Paper.PAPER_FREE, (1, 1, 0)), (Paper.WITH_PAPER, (1, 0, 1))])
def test_paper_is_counted_as_it_was_said(scene, paper, counted):
    scene.accepted(1, paper=paper, page=genuine("G22"))
    scene.drain()
    assert scene.counts()["G22", "sent"] == counted


def test_what_goes_without_paper_and_does_not_replace_it_is_counted_apart(scene):
    """Decision 28/2018 Art. 4(2): without the signatures it is for information only."""
    told = scene.accepted(1)
    scene.drain()
    assert (told.paper, told.replaces_paper) == (0, False)
    assert {reason.code for reason in told.because} == {"legal_value.lacks"}
    assert scene.counts()["G22", "sent"] == (1, 0, 0)
    with scene.database.reading() as connection:
        (one,) = counted.read(connection, [told.id]).values()
    assert one.cell.paper == "not_replacing"


def test_notices_about_documents_are_not_counted(scene):
    scene.placed(1, page=genuine("G22"))
    answer = scene.post(signed(document(1, to=("H41",), business_type=BusinessType.RECALL)))
    scene.drain()
    assert answer.consignment.state is ConsignmentState.ACCEPTED
    assert scene.counts() == {("G22", "sent"): (1, 1, 0)}


def test_a_document_that_was_recalled_from_everybody_is_not_counted_any_more(scene):
    scene.placed(1, page=genuine("G22"))
    scene.post(signed(document(1, business_type=BusinessType.RECALL)))
    scene.drain()
    assert scene.counts() == {}


def test_two_racing_sendings_of_one_document_count_once(scene):
    waiting = [genuine_document(1, to=("H41",)), genuine_document(1, to=("H14",))]
    results = at_once(lambda: scene.post(waiting.pop()))
    assert [answer.consignment.state for answer in results] == [ConsignmentState.ACCEPTED] * 2
    scene.drain()
    assert scene.counts()["G22", "sent"] == (1, 1, 0)


def test_absurdly_long_identifiers_are_a_coded_answer(scene):
    long = "".join(f"{number:x}" for number in range(2000, 6000))
    answer = scene.post(unsigned(document(1, document_id=long, code_notation=long, subject=long)))
    assert answer.consignment.state in (ConsignmentState.ACCEPTED, ConsignmentState.REJECTED)
