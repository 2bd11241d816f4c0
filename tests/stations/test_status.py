"""STATUS: who may say what; late, twice, in every order, about a notice, by the hub; what it changes and what not."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from hub.domain.consignments import ConsignmentState
from hub.domain.duties import DutyKind, DutyOutcome
from hub.domain.envelopes import Business, BusinessType, Replacement
from hub.domain.statuses import StatusCode
from hub.errors import NoSuchThing
from hub.stations import acknowledge, duties, ending, inform, status
from hub.stations.acknowledge import Acknowledgement
from hub.stations.status import StatusSaid
from hub.store import deliveries, events
from hub.store import duties as duty_rows
from tests.stations.conftest import Crash, at_once, snapshot
from tests.support.scenes import status_of, unsigned

SAID_AT = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)


def said(delivery, code, *, by="H41", at=SAID_AT, words="ghi chú"):
    return StatusSaid(delivery.id, by, StatusCode(code), words, at)


def history(scene, consignment_id):
    with scene.database.reading() as connection:
        return deliveries.statuses_of(connection, consignment_id)


def waking(scene):
    """The ids of the statuses about which a message is owed, as the outbox has them."""
    return [row.work_id for row in scene.owed() if row.station == "inform"]


def told(scene, consignment_id, kind):
    with scene.database.reading() as connection:
        return [event.facts for event in events.timeline(connection, consignment_id) if event.kind == kind]


def ask(scene, delivery, kind):
    """A change that the owner asks about this copy, as hub/stations/change.py does."""
    with scene.database.writing() as transaction:
        copy = ending.locked(transaction, delivery.id)
        of = ending.consignment_of(transaction, copy)
        return duties.asked(transaction, copy, of, kind, asked_by=of.id, hub=scene.hub)


def outcomes(scene, delivery):
    """What became of each change asked about the copy, oldest first."""
    with scene.database.reading() as connection:
        return [d.outcome for d in duty_rows.of_deliveries(connection, [delivery.id]) if d.kind in ASKED]


ASKED = (DutyKind.RECALL, DutyKind.UPDATE, DutyKind.TAKE_BACK)


@pytest.fixture
def lying(scene):
    """A delivery in the inbox of H41, the only recipient."""
    _, made = scene.placed(1, to=("H41",))
    return made["H41"]


@pytest.fixture
def taken(scene, lying):
    """The delivery, taken by H41."""
    acknowledge.run(Acknowledgement(lying.id, "H41"), scene.hub)
    return scene.delivery(lying.id)


@pytest.mark.parametrize("who", ["H14", "G22", "NOBODY"])
def test_nobody_else_may_say_it(scene, lying, who):
    """T2: a status from someone who is not a party."""
    before = snapshot(scene.database)
    for code in ("01", "06", "15", "16"):
        with pytest.raises(NoSuchThing):
            status.run(said(lying, code, by=who), scene.hub)
    assert snapshot(scene.database) == before


@pytest.mark.parametrize("who", ["H41", "H14", "NOBODY"])
def test_taking_back_is_asked_by_the_owner_only(scene, lying, who):
    with pytest.raises(NoSuchThing):
        status.run(said(lying, "13", by=who), scene.hub)
    assert status.run(said(lying, "13", by="G22"), scene.hub).new


def test_an_unknown_delivery_is_no_thing(scene):
    unknown = StatusSaid("00000000-0000-7000-8000-000000000000", "H41", StatusCode("01"), "", None)
    with pytest.raises(NoSuchThing):
        status.run(unknown, scene.hub)


@pytest.mark.parametrize("where", ["receipts.issue", "events.happened", "deliveries.change", "deliveries.add_status"])
def test_a_crash_while_a_status_is_kept_leaves_nothing(scene, lying, monkeypatch, where):
    before = snapshot(scene.database)
    with monkeypatch.context() as patched:
        patched.setattr(f"hub.store.{where}", _die)
        with pytest.raises(Crash):
            status.run(said(lying, "03"), scene.hub)
    assert snapshot(scene.database) == before
    assert status.run(said(lying, "03"), scene.hub).receipt.event == "BusinessStatus"


@pytest.mark.parametrize("at", [SAID_AT, None])
def test_a_status_said_twice_is_kept_once_with_one_receipt(scene, lying, at):
    first = status.run(said(lying, "01", at=at), scene.hub)
    before = snapshot(scene.database)
    again = status.run(said(lying, "01", at=at), scene.hub)
    assert (first.new, again.new) == (True, False)
    assert (again.entry, again.receipt) == (first.entry, first.receipt)
    assert snapshot(scene.database) == before


def test_without_a_time_only_the_last_word_is_a_repetition(scene, lying):
    words = [status.run(said(lying, code, at=None), scene.hub).new for code in ("05", "06", "06", "05")]
    assert words == [True, True, False, True]
    assert status.run(said(lying, "05", at=None, words="lý do khác"), scene.hub).new


def test_a_status_said_by_many_at_once_is_kept_once(scene, lying):
    results = at_once(lambda: status.run(said(lying, "01"), scene.hub), workers=6)
    assert sum(recorded.new for recorded in results) == 1
    assert len({recorded.receipt.jws for recorded in results}) == 1
    assert scene.receipts(lying.consignment_id).count("BusinessStatus") == 1
    assert len(waking(scene)) == 1


@pytest.mark.parametrize("order", list(itertools.permutations(["01", "03", "06"])))
def test_statuses_in_every_order_end_at_the_furthest(postgres_scene, order):
    _, made = postgres_scene.placed(1, to=("H41",))
    for minute, code in enumerate(order):
        status.run(said(made["H41"], code, at=SAID_AT + timedelta(minutes=minute)), postgres_scene.hub)
    assert postgres_scene.delivery(made["H41"].id).status_code == "06"
    assert [entry.code for entry in history(postgres_scene, made["H41"].consignment_id)] == list(order)


def test_racing_statuses_end_at_the_furthest(scene, lying):
    waiting = ["01", "03", "04", "05", "06"]
    at_once(lambda: status.run(said(lying, waiting.pop()), scene.hub), workers=5)
    assert scene.delivery(lying.id).status_code == "06"


def test_a_status_may_come_after_the_closing_and_does_not_open_it(scene, taken):
    assert status.run(said(taken, "06"), scene.hub).informs
    assert scene.consignment(taken.consignment_id).state is ConsignmentState.CLOSED
    assert scene.delivery(taken.id).status_code == "06"


def test_a_ring_follows_each_word(scene, lying):
    topic = f"consignment:{lying.consignment_id}"
    before = scene.database.bell.token(topic)
    status.run(said(lying, "01"), scene.hub)
    if scene.database.is_sqlite:
        assert scene.database.bell.token(topic) != before


# -- the message that is owed ----------------------------------------------------------------------------------


def test_a_word_of_the_system_owes_a_message_and_one_that_was_a_message_does_not(scene, lying):
    spoken = status.run(said(lying, "03"), scene.hub)
    assert spoken.entry.to_inform
    assert waking(scene) == [spoken.entry.id]
    other = StatusSaid(lying.id, "H41", StatusCode("05"), "", SAID_AT, consignment_id=lying.consignment_id)
    written = status.run(other, scene.hub)
    assert (written.entry.to_inform, written.informs) == (False, True)
    assert waking(scene) == [spoken.entry.id]


def test_a_message_of_its_own_that_overtakes_the_hubs_is_the_one(scene, lying):
    spoken = status.run(said(lying, "03"), scene.hub)
    own = StatusSaid(lying.id, "H41", StatusCode("03"), "ghi chú", SAID_AT, consignment_id=lying.consignment_id)
    again = status.run(own, scene.hub)
    assert (again.new, again.informs) == (False, True)
    inform.run(spoken.entry.id, scene.hub)
    (entry,) = history(scene, lying.consignment_id)
    assert (entry.to_inform, entry.consignment_id) == (False, lying.consignment_id)
    assert not status.run(own, scene.hub).informs


# -- 01 by the hub -----------------------------------------------------------------------------------------------


def test_the_hub_says_01_for_who_has_taken_it(scene, taken):
    (entry,) = history(scene, taken.consignment_id)
    assert (entry.code, entry.said_by, entry.by_hub, entry.to_inform) == ("01", "H41", True, True)
    assert entry.description == status.SEEN_BY_HUB
    assert taken.status_code == "01"
    assert told(scene, taken.consignment_id, "status")[0]["by_hub"] is True


def test_the_hub_is_silent_when_the_system_has_spoken(scene, lying):
    status.run(said(lying, "03"), scene.hub)
    acknowledge.run(Acknowledgement(lying.id, "H41"), scene.hub)
    assert [entry.code for entry in history(scene, lying.consignment_id)] == ["03"]
    assert scene.delivery(lying.id).status_code == "03"


@pytest.mark.parametrize("at", [SAID_AT, None])
def test_the_systems_own_01_is_kept_and_nobody_is_told_twice(scene, taken, at):
    before = waking(scene)
    own = status.run(said(taken, "01", at=at, words=status.SEEN_BY_HUB), scene.hub)
    assert (own.new, own.informs, own.entry.by_hub, own.entry.to_inform) == (True, False, False, False)
    assert [entry.code for entry in history(scene, taken.consignment_id)] == ["01", "01"]
    assert waking(scene) == before
    assert scene.delivery(taken.id).status_code == "01"


# -- long after --------------------------------------------------------------------------------------------------


def test_a_word_about_what_ended_long_ago_is_kept_quietly(scene, taken):
    status.run(said(taken, "03", at=None), scene.hub)  # nothing is owed any more
    before, topic = waking(scene), f"consignment:{taken.consignment_id}"
    token = scene.database.bell.token(topic)
    scene.clock.ahead += timedelta(days=91)
    late = status.run(said(taken, "06", at=None), scene.hub)
    assert (late.new, late.informs, late.entry.to_inform) == (True, False, False)
    assert late.receipt.event == "BusinessStatus"
    assert waking(scene) == before
    assert scene.database.bell.token(topic) == token
    assert told(scene, taken.consignment_id, "status")[-1]["quiet"] is True
    assert scene.delivery(taken.id).status_code == "06"


def test_89_days_are_not_long_ago(scene, taken):
    scene.clock.ahead += timedelta(days=89)
    late = status.run(said(taken, "06", at=None), scene.hub)
    assert late.informs
    assert "quiet" not in told(scene, taken.consignment_id, "status")[-1]


def test_an_answer_is_never_too_late(scene, taken):
    scene.clock.ahead += timedelta(days=400)
    ask(scene, taken, DutyKind.RECALL)
    assert status.run(said(taken, "15"), scene.hub).informs


def test_a_request_to_take_back_is_never_quiet(scene, taken):
    scene.clock.ahead += timedelta(days=400)
    assert status.run(said(taken, "13", by="G22"), scene.hub).informs


# -- answers -----------------------------------------------------------------------------------------------------


def test_answers_are_history_and_not_the_current_status(scene, lying):
    status.run(said(lying, "03"), scene.hub)
    status.run(said(lying, "15"), scene.hub)
    assert scene.delivery(lying.id).status_code == "03"


@pytest.mark.parametrize(
    ("code", "kind", "outcome", "word"),
    [
        ("15", DutyKind.RECALL, DutyOutcome.ACCEPTED, "copy_cancelled"),
        ("16", DutyKind.RECALL, DutyOutcome.DECLINED, "copy_kept"),
        ("15", DutyKind.TAKE_BACK, DutyOutcome.ACCEPTED, "copy_cancelled"),
        ("15", DutyKind.UPDATE, DutyOutcome.ACCEPTED, None),
        ("16", DutyKind.UPDATE, DutyOutcome.DECLINED, None),
    ],
)
def test_an_answer_ends_the_duty_and_says_what_becomes_of_the_copy(scene, taken, code, kind, outcome, word):
    ask(scene, taken, kind)
    status.run(said(taken, code), scene.hub)
    assert outcomes(scene, taken) == [outcome]
    found = {w: told(scene, taken.consignment_id, w) for w in ("copy_cancelled", "copy_kept")}
    expected = {"recipient": "H41", "kind": kind.value}
    assert found == {w: [expected] if w == word else [] for w in found}


def test_an_answer_to_nothing_is_kept_and_cancels_nothing(scene, taken):
    assert status.run(said(taken, "15"), scene.hub).new
    assert told(scene, taken.consignment_id, "copy_cancelled") == []


def test_the_same_answer_without_a_time_answers_the_next_question(scene, taken):
    ask(scene, taken, DutyKind.UPDATE)
    answers = [status.run(said(taken, "15", at=None, words=""), scene.hub).new for _ in range(2)]
    ask(scene, taken, DutyKind.RECALL)
    answers += [status.run(said(taken, "15", at=None, words=""), scene.hub).new for _ in range(2)]
    assert answers == [True, False, True, False]
    assert outcomes(scene, taken) == [DutyOutcome.ACCEPTED, DutyOutcome.ACCEPTED]


def test_racing_answers_end_the_duty_once(scene, taken):
    ask(scene, taken, DutyKind.RECALL)
    waiting = ["15", "16"]
    at_once(lambda: status.run(said(taken, waiting.pop()), scene.hub))
    words = told(scene, taken.consignment_id, "copy_cancelled") + told(scene, taken.consignment_id, "copy_kept")
    assert len(words) == 1
    assert len(outcomes(scene, taken)) == 1


def test_an_answer_about_the_notice_is_about_the_copy(scene, taken):
    notice = scene.accepted(1, to=("H41",), business_type=BusinessType.RECALL)
    scene.drain()
    about_it = scene.deliveries(notice.id)["H41"]
    assert outcomes(scene, taken) == [None]
    answer = status.run(said(about_it, "15"), scene.hub)
    assert answer.entry.delivery_id == about_it.id
    assert outcomes(scene, taken) == [DutyOutcome.ACCEPTED]
    assert told(scene, taken.consignment_id, "copy_cancelled") == [{"recipient": "H41", "kind": "recall"}]
    assert status.run(said(about_it, "15"), scene.hub).receipt == answer.receipt


def test_an_answer_about_the_replacement_is_about_the_copy_that_it_replaces(scene, taken):
    old = scene.consignment(taken.consignment_id)
    answer = _replaced(scene, old)
    assert status.run(said(answer, "15"), scene.hub).new
    assert [f["kind"] for f in told(scene, old.id, "copy_cancelled")] == ["replace"]


def test_of_a_request_to_take_back_only_the_answer_may_be_said(scene, taken):
    sent = scene.consignment(taken.consignment_id)
    asked = scene.post(unsigned(status_of(sent, "13", said_by="G22", to="H41"))).consignment
    scene.drain()
    request = scene.deliveries(asked.id)["H41"]
    with pytest.raises(NoSuchThing):
        status.run(said(request, "03"), scene.hub)
    assert status.run(said(request, "16"), scene.hub).new
    assert told(scene, sent.id, "copy_kept") == [{"recipient": "H41", "kind": "take_back"}]


def test_nothing_is_said_about_a_status_message(scene, taken):
    sent = scene.consignment(taken.consignment_id)
    message = scene.post(unsigned(status_of(sent, "03", said_by="H41")), caller="H41").consignment
    scene.drain()
    told_owner = scene.deliveries(message.id)["G22"]
    for code in ("01", "15"):
        with pytest.raises(NoSuchThing):
            status.run(said(told_owner, code, by="G22"), scene.hub)


def _replaced(scene, old):
    """The delivery to H41 of a document that replaces `old`."""
    business = Business(BusinessType.REPLACE, "thay thế", replacements=(Replacement(old.document_id, ("H41",)),))
    newer = scene.accepted(2, to=("H41",), business=business)
    scene.drain()
    return scene.deliveries(newer.id)["H41"]


def _die(*_: object, **__: object) -> None:
    raise Crash
