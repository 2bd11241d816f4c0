"""CHANGE: recall, update and replacement, one by one, at the recipients' copies."""

from __future__ import annotations

import pytest

from hub.domain.changes import DocumentState, Holding
from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import DeliveryState
from hub.domain.duties import DutyKind, DutyOutcome
from hub.errors import CopyGone
from hub.stations import deliver, route
from hub.store import documents
from tests.support import changes
from tests.support.changes import (
    away,
    codes,
    drained,
    every_duty,
    fetch,
    holdings,
    over,
    owed,
    said,
    sent,
    state_of,
    taken,
)
from tests.support.scenes import document, signed

ALL = ("H41", "H14")
RACES = 5
ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # the machine runs on both


# Recall


def test_a_recall_withdraws_what_nobody_took_and_asks_for_the_rest(scene):
    original, made = scene.placed(1, to=ALL)
    taken(scene, made["H14"])
    recall = sent(scene, changes.recall(original, to=ALL))
    assert holdings(scene, original) == {"H41": "withdrawn", "H14": "giving_up_asked"}
    assert state_of(scene, original) is DocumentState.RECALLED
    assert scene.inbox("H41") == []
    (notice,) = scene.inbox("H14")
    assert (notice.consignment_id, notice.same_as) == (recall.id, made["H14"].id)
    assert scene.deliveries(recall.id)["H41"].state is DeliveryState.NEEDLESS
    assert "ContentWithdrawal" in scene.receipts(original.id)
    assert scene.timeline(original.id).count("withdrawn") == 1
    with pytest.raises(CopyGone):
        taken(scene, made["H41"])
    assert not fetch(scene, made["H41"])


@ON_SQLITE
def test_what_was_fetched_and_not_acknowledged_is_asked_for(scene):
    original, made = scene.placed(1, to=("H41",))
    assert fetch(scene, made["H41"])
    sent(scene, changes.recall(original, to=("H41",)))
    assert holdings(scene, original) == {"H41": "giving_up_asked"}
    assert owed(scene, made["H41"]) == [DutyKind.RECALL]


@ON_SQLITE
@pytest.mark.parametrize(
    ("code", "outcome", "holding"),
    [("15", DutyOutcome.ACCEPTED, Holding.CANCELLED), ("16", DutyOutcome.DECLINED, Holding.KEEPS)],
)
@pytest.mark.parametrize("about", ["copy", "notice"])
def test_the_answer_to_a_recall_is_kept_once(scene, about, code, outcome, holding):
    original, made = scene.placed(1, to=("H41",))
    taken(scene, made["H41"])
    recall = sent(scene, changes.recall(original, to=("H41",)))
    spoken_of = made["H41"] if about == "copy" else scene.deliveries(recall.id)["H41"]
    assert said(scene, spoken_of, code).new
    assert not said(scene, spoken_of, code).new
    assert every_duty(scene, made["H41"])[DutyKind.RECALL] is outcome
    assert holdings(scene, original) == {"H41": holding.value}
    assert scene.timeline(original.id).count("duty_answered") == 1


@ON_SQLITE
def test_nothing_is_owed_any_more_about_a_cancelled_copy(scene):
    original, made = scene.placed(1, to=("H41",))
    taken(scene, made["H41"])
    sent(scene, changes.update(original, to=("H41",), subject="V/v khác"))
    sent(scene, changes.recall(original, to=("H41",)))
    said(scene, made["H41"], "15")
    assert holdings(scene, original) == {"H41": "cancelled"}
    assert owed(scene, made["H41"]) == []


@ON_SQLITE
def test_a_cancelled_copy_is_in_no_inbox(scene):
    original, made = scene.placed(1, to=("H41",))
    fetch(scene, made["H41"])
    sent(scene, changes.recall(original, to=("H41",)))
    said(scene, made["H41"], "15")
    assert made["H41"].id not in {one.id for one in scene.inbox("H41")}


@ON_SQLITE
def test_a_recalled_copy_that_was_fetched_stays_asked_for_when_its_time_is_over(scene):
    """Expiry ends the hand-over; it does not take back the bytes that the recipient has."""
    original, made = scene.placed(1, to=("H41",))
    fetch(scene, made["H41"])
    sent(scene, changes.recall(original, to=("H41",)))
    over(scene, made["H41"])
    said(scene, made["H41"], "15")
    assert every_duty(scene, made["H41"])[DutyKind.RECALL] is DutyOutcome.ACCEPTED


@ON_SQLITE
def test_an_update_that_was_asked_does_not_save_an_untaken_copy_from_the_recall(scene):
    original, made = scene.placed(1, to=("H41",))
    sent(scene, changes.update(original, to=("H41",), subject="V/v khác"))
    sent(scene, changes.recall(original, to=("H41",)))
    assert scene.delivery(made["H41"].id).state is DeliveryState.WITHDRAWN
    assert owed(scene, made["H41"]) == []


@ON_SQLITE
def test_every_copy_of_a_recalled_document_is_withdrawn(scene):
    """The same document was sent twice with other attachments: both copies lie in the inbox, both must go."""
    first, made = scene.placed(1, to=("H41",))
    other = b"%PDF-1.7 other"
    again = sent(scene, signed(document(1, to=("H41",), pdf=other), pdf=other))
    copies = [made["H41"], scene.deliveries(again.id)["H41"]]
    assert [one.id for one in scene.inbox("H41")] == [one.id for one in copies]
    sent(scene, changes.recall(first, to=("H41",)))
    assert [scene.delivery(one.id).state for one in copies] == [DeliveryState.WITHDRAWN] * 2
    assert scene.inbox("H41") == []


@ON_SQLITE
def test_the_older_copy_that_was_taken_is_asked_for_when_the_newer_is_withdrawn(scene):
    first, made = scene.placed(1, to=("H41",))
    taken(scene, made["H41"])
    other = b"%PDF-1.7 other"
    sent(scene, signed(document(1, to=("H41",), pdf=other), pdf=other))
    sent(scene, changes.recall(first, to=("H41",)))
    assert owed(scene, made["H41"]) == [DutyKind.RECALL]


@ON_SQLITE
def test_one_answer_to_the_notice_answers_for_every_copy(scene):
    first, made = scene.placed(1, to=("H41",))
    other = b"%PDF-1.7 other"
    again = sent(scene, signed(document(1, to=("H41",), pdf=other), pdf=other))
    held = [made["H41"], scene.deliveries(again.id)["H41"]]
    for one in held:
        taken(scene, one)
    recall = sent(scene, changes.recall(first, to=("H41",)))
    assert [owed(scene, one) for one in held] == [[DutyKind.RECALL]] * 2
    said(scene, scene.deliveries(recall.id)["H41"], "15")
    assert [owed(scene, one) for one in held] == [[], []]


@ON_SQLITE
def test_a_recall_from_some_leaves_the_others_and_the_document_live(scene):
    original, made = scene.placed(1, to=ALL)
    answer = scene.post(changes.recall(original, to=("H41",)))
    assert codes(answer) == {"change.others_hold"}
    scene.drain()
    assert holdings(scene, original) == {"H41": "withdrawn", "H14": "waiting"}
    assert state_of(scene, original) is DocumentState.LIVE
    sent(scene, changes.recall(original, to=("H14",)))
    assert state_of(scene, original) is DocumentState.RECALLED
    assert holdings(scene, original) == {"H41": "withdrawn", "H14": "withdrawn"}
    assert fetch(scene, made["H14"]) is False


@pytest.mark.parametrize("hurry", ["before routing", "after routing"])
def test_a_recall_before_the_original_is_routed_waits_its_turn(scene, hurry):
    original = scene.accepted(1, to=ALL)
    recall = scene.post(changes.recall(original, to=ALL)).consignment
    assert recall.state is ConsignmentState.ACCEPTED
    if hurry == "before routing":
        route.run(recall.id, scene.hub)
        assert scene.consignment(recall.id).state is ConsignmentState.ACCEPTED
        assert scene.deliveries(recall.id) == {}
    route.run(original.id, scene.hub)
    assert recall.id in {row.work_id for row in scene.owed() if row.station == "route"}
    route.run(recall.id, scene.hub)
    assert holdings(scene, original) == {"H41": "withdrawn", "H14": "withdrawn"}
    scene.drain()
    assert scene.inbox("H41") == scene.inbox("H14") == []


# Update


def test_an_update_reopens_the_closed_sending_for_a_recipient_that_it_adds(scene):
    original, made = scene.placed(1, to=("H41",))
    taken(scene, made["H41"])
    assert scene.consignment(original.id).state is ConsignmentState.CLOSED
    update = sent(scene, changes.update(original, to=("H41",), added=("H14",)))
    assert scene.consignment(original.id).state is ConsignmentState.ROUTED
    assert [one.consignment_id for one in scene.inbox("H14")] == [original.id, update.id]
    assert holdings(scene, original) == {"H41": "update_asked", "H14": "waiting"}
    taken(scene, scene.deliveries(original.id)["H14"])
    assert scene.consignment(original.id).state is ConsignmentState.CLOSED
    assert scene.timeline(original.id).count("recipients_added") == 1


@ON_SQLITE
def test_an_added_recipient_gets_the_document_before_the_update_whoever_is_quicker(scene):
    original, _ = scene.placed(1, to=("H41",))
    update = scene.post(changes.update(original, to=("H41",), added=("H14",))).consignment
    route.run(update.id, scene.hub)
    notice = scene.deliveries(update.id)["H14"]
    deliver.run(notice.id, scene.hub)
    assert scene.inbox("H14") == []
    deliver.run(scene.deliveries(original.id)["H14"].id, scene.hub)
    assert notice.id in {row.work_id for row in scene.owed() if row.station == "deliver"}
    scene.drain()
    assert [one.consignment_id for one in scene.inbox("H14")] == [original.id, update.id]


@ON_SQLITE
def test_two_updates_that_add_the_same_recipient_give_it_one_copy(scene):
    """The second was accepted before the first was routed; the sending that it reopens must close again."""
    original, made = scene.placed(1, to=("H41",))
    taken(scene, made["H41"])
    bodies = [changes.update(original, to=("H41",), added=("H14",), subject=text) for text in ("V/v một", "V/v hai")]
    first, second = [scene.post(body).consignment for body in bodies]
    assert {first.state, second.state} == {ConsignmentState.ACCEPTED}
    route.run(first.id, scene.hub)
    deliver.run(scene.deliveries(original.id)["H14"].id, scene.hub)
    taken(scene, scene.deliveries(original.id)["H14"])
    assert scene.consignment(original.id).state is ConsignmentState.CLOSED
    scene.drain()
    assert sorted(scene.deliveries(original.id)) == ["H14", "H41"]
    assert scene.consignment(original.id).state is ConsignmentState.CLOSED


@ON_SQLITE
@pytest.mark.parametrize("was_taken", [True, False])
def test_an_update_removes_one_recipient(scene, was_taken):
    original, made = scene.placed(1, to=ALL)
    if was_taken:
        taken(scene, made["H41"])
    update = sent(scene, changes.update(original, to=("H14",), removed=("H41",)))
    assert holdings(scene, original)["H41"] == ("giving_up_asked" if was_taken else "withdrawn")
    assert holdings(scene, original)["H14"] == "update_asked"
    told = scene.deliveries(update.id)["H41"].state
    assert told is (DeliveryState.IN_HAND if was_taken else DeliveryState.NEEDLESS)
    assert owed(scene, made["H41"]) == ([DutyKind.REMOVE] if was_taken else [])


@ON_SQLITE
def test_an_update_asks_each_holder_that_it_is_sent_to(scene):
    original, made = scene.placed(1, to=ALL)
    sent(scene, changes.update(original, to=("H41",), subject="V/v khác"))
    assert holdings(scene, original) == {"H41": "update_asked", "H14": "waiting"}
    said(scene, made["H41"], "15")
    assert every_duty(scene, made["H41"])[DutyKind.UPDATE] is DutyOutcome.ACCEPTED
    assert holdings(scene, original)["H41"] == "waiting"


@ON_SQLITE
@pytest.mark.parametrize("ended", ["expired", "withdrawn"])
def test_an_update_does_not_reach_whom_the_document_never_reached(scene, ended):
    """It waits behind the document; when that never comes, the update must not come alone."""
    original = scene.accepted(1, to=("H41",))
    hub = away(scene, "H41")
    drained(scene, hub)
    copy = scene.deliveries(original.id)["H41"]
    scene.post(changes.update(original, to=("H41",), subject="V/v khác"))
    drained(scene, hub)
    assert scene.inbox("H41") == []
    if ended == "expired":
        over(scene, copy)
    else:
        scene.post(changes.recall(original, to=("H41",)))
    scene.drain()
    assert scene.inbox("H41") == []


# Replacement


@pytest.mark.parametrize("was_taken", [True, False])
def test_a_replacement_links_old_and_new_at_each_recipient(scene, was_taken):
    original, made = scene.placed(1, to=ALL)
    if was_taken:
        for one in made.values():
            taken(scene, one)
    new = sent(scene, changes.replacement(original, 2, to=ALL))
    with scene.database.reading() as connection:
        old = documents.get(connection, original.document_ref)
    assert (old.state, old.replaced_by) == (DocumentState.REPLACED, new.id)
    for code in ALL:
        assert scene.delivery(made[code].id).replaced_by == new.id
        copy = scene.deliveries(new.id)[code]
        assert [one.id for one in scene.inbox(code)] == [copy.id]
        assert copy.same_as == (made[code].id if was_taken else None)
    expected = "giving_up_asked" if was_taken else "withdrawn"
    assert holdings(scene, original) == {"H41": expected, "H14": expected}
    assert holdings(scene, new) == {"H41": "waiting", "H14": "waiting"}


@ON_SQLITE
def test_a_replacement_at_one_agency_leaves_the_others_alone(scene):
    original, made = scene.placed(1, to=ALL)
    for one in made.values():
        taken(scene, one)
    sent(scene, changes.replacement(original, 2, to=ALL, organs=("H41",)))
    assert holdings(scene, original) == {"H41": "giving_up_asked", "H14": "holds"}
    assert state_of(scene, original) is DocumentState.LIVE


@ON_SQLITE
def test_who_does_not_get_the_new_document_is_not_asked_for_the_old(scene):
    """To leaves a holder out: it keeps what it has, and the old document is not frozen before it got the new one."""
    original, made = scene.placed(1, to=ALL)
    for one in made.values():
        taken(scene, one)
    answer = scene.post(changes.replacement(original, 2, to=("H41",)))
    assert "change.replacer_not_addressed" in codes(answer)
    scene.drain()
    assert holdings(scene, original) == {"H41": "giving_up_asked", "H14": "holds"}
    assert (owed(scene, made["H41"]), owed(scene, made["H14"])) == ([DutyKind.REPLACE], [])
    assert scene.delivery(made["H14"].id).replaced_by is None
    assert state_of(scene, original) is DocumentState.LIVE
    sent(scene, changes.replacement(original, 2, to=("H14",)))
    assert holdings(scene, original) == {"H41": "giving_up_asked", "H14": "giving_up_asked"}
    assert state_of(scene, original) is DocumentState.REPLACED


@ON_SQLITE
def test_a_replacement_may_be_sent_to_further_recipients(scene):
    original, _ = scene.placed(1, to=("H41",))
    new = sent(scene, changes.replacement(original, 2, to=("H41",)))
    again = sent(scene, changes.replacement(original, 2, to=("H14",)))
    assert again.document_ref == new.id
    assert [one.consignment_id for one in scene.inbox("H14")] == [again.id]
    assert holdings(scene, new) == {"H41": "waiting", "H14": "waiting"}


@ON_SQLITE
def test_who_keeps_the_old_copy_is_not_asked_again_when_the_new_goes_to_others(scene):
    original, made = scene.placed(1, to=("H41",))
    taken(scene, made["H41"])
    sent(scene, changes.replacement(original, 2, to=("H41",)))
    said(scene, made["H41"], "16")
    sent(scene, changes.replacement(original, 2, to=("H14",)))
    assert owed(scene, made["H41"]) == []


@ON_SQLITE
def test_an_answer_about_the_new_document_is_one_about_the_old_copy(scene):
    original, made = scene.placed(1, to=("H41",))
    taken(scene, made["H41"])
    new = sent(scene, changes.replacement(original, 2, to=("H41",)))
    said(scene, scene.deliveries(new.id)["H41"], "15")
    assert holdings(scene, original) == {"H41": "cancelled"}
    assert holdings(scene, new) == {"H41": "waiting"}
