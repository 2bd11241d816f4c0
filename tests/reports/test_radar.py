"""The radar: one main cause per thing that does not move, who must act, exact counts, pages that never skip."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from hub.domain.causes import FOR_THE_HUB, FOR_THE_SENDER, Stuck, StuckCause
from hub.domain.deliveries import Cause
from hub.domain.duties import Duty, DutyKind, DutyOutcome
from hub.domain.findings import describe
from hub.reports import radar as report
from hub.reports.radar import Radar
from hub.stations import new_id
from hub.store import agencies, conversations, duties, radar, tables
from hub.store.agencies import AgencyCertificate
from hub.store.consignments import Consignment
from hub.store.life_tables import documents
from tests.support.scenes import Scene, document, genuine_document, signed

HOUR, DAY = timedelta(hours=1), timedelta(hours=24)


def look(scene: Scene, **more: Any) -> Radar:
    with scene.database.reading() as connection:
        return report.look(connection, scene.hub.settings, scene.hub.now(), **more)


def only(scene: Scene) -> Stuck:
    seen = look(scene)
    assert seen.total == len(seen.stuck) == 1, seen.counts
    assert "?" not in described(seen.stuck[0]), "every fact of the sentence is known"
    return seen.stuck[0]


def described(one: Stuck) -> str:
    words = report.sentences(one)
    return " ".join((words.vi, words.en, words.fix_vi, words.fix_en))


def change(scene: Scene, table: sa.Table, row_id: str, **facts: Any) -> None:
    if not facts:
        return
    with scene.database.writing() as transaction:
        transaction.execute(sa.update(table).where(table.c.id == row_id).values(**facts))


def waits(scene: Scene, **facts: Any) -> str:
    """A delivery to H41 that the hub has not handed over."""
    sent = scene.accepted(to=("H41",))
    scene.drain(only=("route",))
    delivery = scene.deliveries(sent.id)["H41"]
    change(scene, tables.deliveries, delivery.id, **facts)
    return delivery.id


def placed(scene: Scene, **facts: Any) -> str:
    _, found = scene.placed(to=("H41",))
    owes_nothing(scene)
    change(scene, tables.deliveries, found["H41"].id, **facts)
    return found["H41"].id


def taken(scene: Scene) -> str:
    return placed(scene, state="handed_over", next_attempt_at=None, expires_at=None, ended_at=scene.hub.now())


def owes_nothing(scene: Scene) -> None:
    """Only the duties that a test opens itself count in it."""
    with scene.database.writing() as transaction:
        transaction.execute(sa.text("DELETE FROM duties"))


def owes(scene: Scene, delivery_id: str, kind: DutyKind, *, due_in: timedelta) -> Duty:
    now = scene.hub.now()
    duty = Duty(new_id(), delivery_id, kind, now, now + due_in, "Điều 9 khoản 2")
    with scene.database.writing() as transaction:
        duties.open_all(transaction, [duty])
    return duty


def called(scene: Scene, code: str) -> None:
    with scene.database.writing() as transaction:
        radar.seen(transaction, code, scene.hub.now())


class TestWaitingDeliveries:
    def test_a_young_delivery_is_not_on_the_radar(self, postgres_scene: Scene) -> None:
        waits(postgres_scene, attempts=2, cause=Cause.UNREACHABLE.value)
        assert look(postgres_scene).total == 0

    def test_the_cause_of_the_last_attempt_is_told(self, scene: Scene) -> None:
        item = waits(scene, attempts=3, reason="HTTP 500")
        for cause in (Cause.UNREACHABLE, Cause.QUOTA, Cause.REFUSING):
            change(scene, tables.deliveries, item, cause=cause.value)
            found = only(scene)
            assert (found.item, found.cause.value, found.must_act) == (item, cause.value, "H41")
            assert found.evidence["attempts"] == "3"

    def test_a_delivery_that_nobody_tried_for_an_hour_is_for_the_hub(self, scene: Scene) -> None:
        waits(scene)
        scene.clock.ahead = HOUR + timedelta(minutes=1)
        found = only(scene)
        assert (found.cause, found.must_act) == (StuckCause.NOT_TRIED, "")

    def test_one_behind_an_earlier_sending_says_so(self, scene: Scene) -> None:
        first = waits(scene, attempts=5, cause="unreachable")
        second = scene.accepted(2, to=("H41",))
        scene.drain(only=("route",))
        earlier = scene.delivery(first)
        ref = scene.consignment(earlier.consignment_id).document_ref or earlier.consignment_id
        with scene.database.writing() as transaction:
            transaction.execute(sa.text("DELETE FROM conversation_turns"))
            enter(transaction, scene.consignment(earlier.consignment_id), ref)
            conversations.take_turn(transaction, ref, earlier.consignment_id)
            conversations.take_turn(transaction, ref, second.id)
        later = scene.deliveries(second.id)["H41"]
        with scene.database.reading() as connection:
            assert conversations.waits_behind(connection, later) == first
        scene.clock.ahead = HOUR + timedelta(minutes=1)
        found = {one.item: one.cause for one in look(scene).stuck}
        assert found == {first: StuckCause.UNREACHABLE, later.id: StuckCause.BEHIND}
        change(scene, tables.deliveries, first, attempts=0, cause="")
        assert look(scene).counts == {StuckCause.NOT_TRIED: 2}, "nobody was tried: the hub must act, not the recipient"

    def test_an_accepted_document_that_is_not_routed_is_for_the_hub(self, postgres_scene: Scene) -> None:
        sent = postgres_scene.accepted()
        postgres_scene.clock.ahead = HOUR + timedelta(minutes=1)
        found = only(postgres_scene)
        assert (found.item, found.cause, found.delivery_id) == (sent.id, StuckCause.NOT_TRIED, None)


def enter(transaction: Any, sent: Consignment, ref: str) -> None:
    """The line of the register, when the stations have not entered it."""
    known = transaction.execute(sa.text("SELECT 1 FROM documents WHERE id = :id"), {"id": ref}).first()
    if known is None:
        row = {name: getattr(sent, name) for name in ("sender_key", "document_id", "notation")}
        row |= {"id": ref, "subject": "", "document_type": "", "urgency": 0, "plain": "", "state": "live"}
        row |= {"described_by": ref, "sent_at": sent.received_at, "changed_at": sent.received_at}
        transaction.execute(documents.insert(), row)


class TestInboxes:
    def test_a_silent_system_is_offline_and_a_calling_one_has_not_fetched(self, scene: Scene) -> None:
        placed(scene)
        scene.clock.ahead = DAY - timedelta(minutes=5)
        assert look(scene).total == 0, "a day is the threshold"
        scene.clock.ahead = DAY + timedelta(minutes=5)
        found = only(scene)
        assert (found.cause, found.must_act) == (StuckCause.RECIPIENT_OFFLINE, "H41")
        called(scene, "H41")
        assert only(scene).cause is StuckCause.NEVER_FETCHED

    def test_a_suspended_recipient_is_for_the_hub(self, postgres_scene: Scene) -> None:
        placed(postgres_scene)
        with postgres_scene.database.writing() as transaction:
            transaction.execute(sa.update(tables.agencies).values(status="suspended"))
        postgres_scene.clock.ahead = 2 * DAY
        found = only(postgres_scene)
        assert (found.cause, found.must_act) == (StuckCause.RECIPIENT_SUSPENDED, "")

    def test_what_was_fetched_waits_for_its_acknowledgement(self, postgres_scene: Scene) -> None:
        postgres_scene.clock.ahead = timedelta()
        fetched = postgres_scene.hub.now() + 20 * HOUR
        placed(postgres_scene, fetched_at=fetched)
        postgres_scene.clock.ahead = 30 * HOUR
        assert look(postgres_scene).total == 0, "ten hours since it was fetched"
        postgres_scene.clock.ahead = 20 * HOUR + DAY + timedelta(minutes=1)
        found = only(postgres_scene)
        assert (found.cause, found.since) == (StuckCause.NOT_ACKNOWLEDGED, fetched)

    def test_an_urgent_one_is_seen_when_its_own_deadline_has_passed(self, scene: Scene) -> None:
        item = placed(scene)
        owes(scene, item, DutyKind.AT_ONCE, due_in=timedelta(minutes=30))
        assert look(scene).total == 0
        scene.clock.ahead = timedelta(minutes=31)
        assert only(scene).cause is StuckCause.RECIPIENT_OFFLINE
        scene.clock.ahead = 2 * DAY
        assert look(scene).total == 1, "in one branch only"

    def test_a_change_asked_is_the_main_cause(self, postgres_scene: Scene) -> None:
        item = placed(postgres_scene, fetched_at=postgres_scene.hub.now())
        owes(postgres_scene, item, DutyKind.RECALL, due_in=DAY)
        assert only(postgres_scene).cause is StuckCause.RECALL_PENDING
        postgres_scene.clock.ahead = 3 * DAY
        assert only(postgres_scene).cause is StuckCause.RECALL_PENDING


class TestDuties:
    def test_a_deadline_counts_when_it_has_passed(self, scene: Scene) -> None:
        item = taken(scene)
        for kind, cause in (
            (DutyKind.RECEIPT, StuckCause.STATUS_MISSING),
            (DutyKind.AT_ONCE, StuckCause.STATUS_MISSING),
            (DutyKind.PROCESSING, StuckCause.OVERDUE),
        ):
            duty = owes(scene, item, kind, due_in=HOUR)
            assert look(scene).total == 0
            scene.clock.ahead += 2 * HOUR
            found = only(scene)
            assert (found.cause, found.must_act, found.since) == (cause, "H41", duty.due_at)
            assert found.evidence["article"] == "Điều 9 khoản 2"
            owes_nothing(scene)

    def test_a_change_counts_from_the_moment_it_is_asked_until_it_is_answered(self, scene: Scene) -> None:
        item = taken(scene)
        duty = owes(scene, item, DutyKind.REPLACE, due_in=DAY)
        owes(scene, item, DutyKind.RECEIPT, due_in=-HOUR)
        owes(scene, item, DutyKind.PROCESSING, due_in=-DAY)
        assert only(scene).cause is StuckCause.RECALL_PENDING, "three duties, one main cause"
        with scene.database.writing() as transaction:
            duties.answer(transaction, duty, DutyOutcome.DECLINED, at=scene.hub.now())
        assert only(scene).cause is StuckCause.OVERDUE
        with scene.database.writing() as transaction:
            duties.end(transaction, item, {DutyKind.PROCESSING}, DutyOutcome.MET, at=scene.hub.now())
        assert only(scene).cause is StuckCause.STATUS_MISSING


class TestHeld:
    def test_a_held_document_names_what_is_missing(
        self, postgres_scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        held, _ = postgres_scene.held(monkeypatch)
        found = only(postgres_scene)
        assert (found.item, found.cause, found.must_act) == (held.id, StuckCause.HELD_EVIDENCE, "")
        assert found.evidence["codes"] == "signature.absent"

    def test_an_ended_certificate_is_for_the_sender_until_it_sends_again(self, scene: Scene) -> None:
        body = genuine_document(1)
        scene.clock.ahead = timedelta(days=365 * 30)
        answer = scene.post(body)
        assert answer.consignment.state == "rejected", answer.consignment.findings
        found = only(scene)
        assert (found.item, found.cause, found.must_act) == (answer.consignment.id, StuckCause.CERTIFICATE, "G22")
        again = scene.post(signed(document(1, to=("H41",)))).consignment
        assert [one.item for one in look(scene).stuck] == [again.id], "the newest attempt stands for the document"
        scene.clock.ahead += 2 * DAY
        assert look(scene).total == 0, "rejected today, not for ever"

    def test_one_rejected_for_something_else_is_no_trouble_of_a_certificate(self, postgres_scene: Scene) -> None:
        assert postgres_scene.post(signed(document(1, to=("NOWHERE",)))).consignment.state == "rejected"
        assert look(postgres_scene).total == 0

    def test_certificates_about_to_end_are_named(self, scene: Scene) -> None:
        now = scene.hub.now()
        with scene.database.writing() as transaction:
            transaction.execute(sa.delete(tables.agency_certificates))
            for code, *days in (("H41", 10), ("H14", -1), ("G77", 5, 400)):
                for number, day in enumerate(days):
                    one = AgencyCertificate(f"{code}{number}".ljust(64, "0"), code, now + day * DAY, "", None)
                    agencies.keep_certificate(transaction, scene.agency(code), one, now=now)
        seen = look(scene)
        assert [(one.agency_key, one.ended) for one in seen.certificates] == [("H14", True), ("H41", False)]
        assert [one.agency_key for one in look(scene, agency_key="H41").certificates] == ["H41"]


class TestPages:
    def test_urgent_first_then_the_longest_waiting_and_no_row_is_skipped(self, scene: Scene) -> None:
        rows = [many(scene, number) for number in range(1, 6)]
        with scene.database.writing() as transaction:
            transaction.execute(sa.text("UPDATE documents SET urgency = 3 WHERE id = :id"), {"id": rows[3][0]})
        scene.clock.ahead = 2 * DAY
        order = [one.item for one in look(scene).stuck]
        found, after = [], None
        while True:
            seen = look(scene, limit=2, after=after)
            assert (seen.total, sum(seen.counts.values())) == (5, 5), "counts are of everything"
            found += [one.item for one in seen.stuck]
            after = seen.next
            if after is None:
                break
        assert found == order
        assert sorted(found) == sorted(item for _, item in rows)

    def test_an_agency_sees_what_it_sent_and_what_it_must_act_on(self, postgres_scene: Scene) -> None:
        _, found = postgres_scene.placed(to=("H41", "H14"))
        owes_nothing(postgres_scene)
        postgres_scene.clock.ahead = 2 * DAY
        assert look(postgres_scene).total == look(postgres_scene, agency_key="G22").total == 2
        mine = look(postgres_scene, agency_key="H41")
        assert ([one.item for one in mine.stuck], mine.total) == ([found["H41"].id], 1)
        assert look(postgres_scene, agency_key="G77").total == 0


def many(scene: Scene, number: int) -> tuple[str, str]:
    sent, found = scene.placed(number, to=("H41",))
    owes_nothing(scene)
    return sent.document_ref or sent.id, found["H41"].id


def test_every_cause_has_its_sentences_and_its_actor() -> None:
    assert FOR_THE_HUB.isdisjoint(FOR_THE_SENDER)
    for cause in StuckCause:
        words = describe(report.finding(cause, {}))
        assert words.vi != words.en
        assert words.fix_vi
