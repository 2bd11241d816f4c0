"""DUTIES: they begin with the copy, end with the recipient's word, and what was late is told once."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from hub.domain import rules
from hub.domain.duties import CHANGES, Duty, DutyKind, DutyOutcome
from hub.domain.envelopes import BusinessType, Kind, Urgency
from hub.domain.periods import VIETNAM
from hub.domain.rules import pack_on
from hub.domain.statuses import StatusCode
from hub.errors import Misconfigured
from hub.stations import duties as station
from hub.stations import new_id
from hub.store import duties, events
from tests.support.scenes import Scene

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=VIETNAM)
AT_NIGHT = datetime(2026, 2, 13, 23, 30, tzinfo=VIETNAM)  # a Friday, before the week of Tết

ANSWERS = {StatusCode.CHANGE_ACCEPTED: DutyOutcome.ACCEPTED, StatusCode.CHANGE_DECLINED: DutyOutcome.DECLINED}


class Office:
    """One routed document, its copy for H41, and a clock that stands where a test puts it."""

    def __init__(self, scene, **facts) -> None:
        self.scene, self.now = scene, MONDAY.astimezone(UTC)
        self.hub = replace(scene.hub, now=lambda: self.now)
        sent = scene.accepted(1, to=("H41",), **facts)
        scene.drain(only=("route",))
        self.consignment = replace(scene.consignment(sent.id), received_at=self.now)
        self.delivery = scene.deliveries(sent.id)["H41"]

    @contextmanager
    def writing(self) -> Iterator:
        with self.scene.database.writing() as transaction:
            yield transaction

    def placed(self) -> None:
        with self.writing() as transaction:
            station.placed(transaction, self.delivery, self.consignment, self.hub)

    def asked(self, kind: DutyKind = DutyKind.RECALL) -> Duty:
        with self.writing() as transaction:
            return station.asked(transaction, self.delivery, self.consignment, kind, asked_by=new_id(), hub=self.hub)

    def said(self, code: StatusCode) -> None:
        with self.writing() as transaction:
            station.said(transaction, self.delivery, code, self.hub)

    def answered(self, code: StatusCode) -> Duty | None:
        with self.writing() as transaction:
            return station.answered(transaction, self.delivery, code, self.hub)

    def duties(self) -> dict[str, Duty]:
        with self.scene.database.reading() as connection:
            return {duty.kind.value: duty for duty in duties.of_deliveries(connection, [self.delivery.id])}

    def told(self, *words: str) -> list[dict]:
        with self.scene.database.reading() as connection:
            happened = events.timeline(connection, self.consignment.id)
        return [one.facts | {"word": one.kind} for one in happened if one.kind in words and one.delivery_id]


def vietnam(day: int, hour: int, minute: int = 0, *, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=VIETNAM)


class TestPlaced:
    def test_a_common_document_is_received_the_same_day(self, scene):
        office = Office(scene)
        office.placed()
        (duty,) = office.duties().values()
        assert (duty.kind, duty.due_at, duty.opened_at) == (DutyKind.RECEIPT, vietnam(2, 17), office.now)
        assert "Nghị định 30/2020/NĐ-CP Điều 21" in duty.article
        assert duty.asked_by is None

    def test_a_telegram_before_tet_with_a_day_of_its_own(self, scene):
        office = Office(scene, urgency=Urgency.EXPRESS, due_on=date(2026, 2, 24))
        office.now = AT_NIGHT.astimezone(UTC)
        office.placed()
        assert {kind: duty.due_at for kind, duty in office.duties().items()} == {
            "at_once": AT_NIGHT + timedelta(minutes=30),
            "receipt": vietnam(23, 17, month=2),
            "processing": vietnam(24, 17, month=2),
        }

    def test_placed_twice_is_owed_once(self, scene):
        office = Office(scene, urgency=Urgency.URGENT)
        office.placed()
        first = office.duties()
        office.now += timedelta(days=1)
        office.placed()
        office.said(StatusCode.ARRIVED)
        office.placed()
        with scene.database.reading() as connection:
            all_of_them = duties.of_deliveries(connection, [office.delivery.id])
        assert sorted(duty.id for duty in all_of_them) == sorted(duty.id for duty in first.values())

    def test_a_copy_that_expired_and_came_again_is_owed_again(self, scene):
        office = Office(scene)
        office.placed()
        with office.writing() as transaction:
            duties.end(transaction, office.delivery.id, frozenset(DutyKind), DutyOutcome.MOOT, at=office.now)
        office.now += timedelta(days=30)
        office.placed()
        with scene.database.reading() as connection:
            (again,) = duties.owed(connection, [office.delivery.id])
        assert again.opened_at == office.now

    def test_a_notice_about_a_document_is_none_itself_and_a_replacement_is_one(self, scene):
        office = Office(scene)
        original = office.consignment
        for business_type in (BusinessType.RECALL, BusinessType.UPDATE):
            office.consignment = replace(original, business_type=int(business_type))
            office.placed()
        office.consignment = replace(original, kind=Kind.STATUS.value)
        office.placed()
        assert office.duties() == {}
        office.consignment = replace(original, business_type=int(BusinessType.REPLACE))
        office.placed()
        assert set(office.duties()) == {"receipt"}

    def test_a_row_missing_in_the_pack_means_no_duty(self, scene, monkeypatch):
        pack = pack_on(date(2026, 3, 2))
        kept = tuple(row for row in pack.deadlines if row.kind is not DutyKind.RECEIPT)
        monkeypatch.setattr(rules, "_packs", lambda: (replace(pack, deadlines=kept),))
        office = Office(scene, urgency=Urgency.URGENT)
        office.placed()
        assert set(office.duties()) == {"at_once"}
        office.consignment = replace(office.consignment, header={})
        monkeypatch.setattr(rules, "_packs", lambda: (replace(pack, deadlines=()),))
        with pytest.raises(Misconfigured, match="recall"):
            office.asked()
        assert station.late_sending(office.consignment, office.hub) is None


class TestSaid:
    def test_the_first_word_ends_the_receipt_and_the_last_the_processing(self, scene):
        office = Office(scene, urgency=Urgency.URGENT, due_on=date(2026, 3, 6))
        office.placed()
        office.now += timedelta(minutes=5)
        office.said(StatusCode.ARRIVED)
        ended = {kind for kind, duty in office.duties().items() if duty.ended_at}
        assert ended == {"at_once", "receipt"}
        office.said(StatusCode.IN_PROGRESS)
        assert office.duties()["processing"].ended_at is None
        office.said(StatusCode.COMPLETED)
        assert {duty.outcome for duty in office.duties().values()} == {DutyOutcome.MET}
        assert office.duties()["receipt"].ended_at == office.now
        assert office.told("overdue") == []

    def test_a_word_that_comes_too_late_is_told_even_when_no_clock_ran(self, scene):
        office = Office(scene, urgency=Urgency.URGENT)
        office.placed()
        office.now += timedelta(minutes=31)
        office.said(StatusCode.ARRIVED)
        (late,) = office.told("overdue")
        assert (late["kind"], late["recipient"]) == ("at_once", "H41")
        assert late["due_at"] == "2026-03-02T09:30:00.000+07:00"
        assert office.duties()["at_once"].outcome is DutyOutcome.MET
        office.said(StatusCode.ASSIGNED)
        assert len(office.told("overdue")) == 1

    def test_a_change_is_not_ended_by_a_status(self, scene):
        office = Office(scene)
        office.asked()
        office.said(StatusCode.COMPLETED)
        assert office.duties()["recall"].ended_at is None


class TestAsked:
    def test_a_recall_is_owed_by_the_end_of_the_next_working_day(self, scene):
        office = Office(scene)
        office.now = AT_NIGHT.astimezone(UTC)
        duty = office.asked()
        assert duty.due_at == vietnam(23, 17, month=2)
        assert office.duties() == {"recall": duty}
        (told,) = office.told("duty_opened")
        assert told == {
            "word": "duty_opened",
            "kind": "recall",
            "due_at": "2026-02-23T17:00:00.000+07:00",
            "article": duty.article,
            "recipient": "H41",
        }
        assert "Điều 9" in duty.article

    def test_every_change_has_a_deadline(self, scene):
        office = Office(scene, urgency=Urgency.EXPRESS)
        assert {office.asked(kind).due_at for kind in CHANGES} == {vietnam(3, 17)}
        assert len(office.duties()) == 5


class TestAnswered:
    def test_15_accepts_and_16_declines(self, scene):
        office = Office(scene)
        for code, outcome in ANSWERS.items():
            asked = office.asked()
            office.now += timedelta(minutes=10)
            answer = office.answered(code)
            assert answer == replace(asked, ended_at=office.now, outcome=outcome)
            assert office.duties()["recall"] == answer
            assert office.answered(code) is None
        assert [(told["kind"], told["outcome"]) for told in office.told("duty_answered")] == [
            ("recall", "accepted"),
            ("recall", "declined"),
        ]

    def test_the_newest_change_is_answered_first(self, scene):
        office = Office(scene)
        office.asked(DutyKind.UPDATE)
        office.now += timedelta(minutes=1)
        office.asked(DutyKind.RECALL)
        assert office.answered(StatusCode.CHANGE_ACCEPTED).kind is DutyKind.RECALL
        assert office.answered(StatusCode.CHANGE_DECLINED).kind is DutyKind.UPDATE

    def test_what_was_not_asked_or_is_no_answer_ends_nothing(self, scene):
        office = Office(scene)
        office.placed()
        assert office.answered(StatusCode.CHANGE_ACCEPTED) is None
        assert office.duties()["receipt"].ended_at is None
        office.asked()
        assert office.answered(StatusCode.COMPLETED) is None
        assert office.duties()["recall"].ended_at is None

    def test_an_answer_that_comes_too_late_is_told(self, scene):
        office = Office(scene)
        office.asked()
        office.now = vietnam(4, 8).astimezone(UTC)
        office.answered(StatusCode.CHANGE_ACCEPTED)
        assert [told["word"] for told in office.told("overdue", "duty_answered")] == ["overdue", "duty_answered"]


@pytest.fixture(scope="module")
def office(tmp_path_factory, sqlite_template) -> Iterator[Office]:
    """For what writes nothing: a document issued on Monday 2 March."""
    folder = tmp_path_factory.mktemp("office")
    shutil.copy(sqlite_template, folder / "hub.sqlite3")
    scene = Scene(folder)
    yield Office(scene)
    scene.close()


class TestLateSending:
    def late(self, office: Office, received_at: datetime, **facts):
        return station.late_sending(replace(office.consignment, received_at=received_at, **facts), office.hub)

    def test_until_the_next_working_morning_after_the_day_of_issue(self, office):
        assert self.late(office, vietnam(2, 23, 59)) is None
        assert self.late(office, vietnam(3, 11, 30)) is None
        event = self.late(office, vietnam(3, 11, 31))
        assert (event.kind, event.at, event.consignment_id) == ("overdue", office.now, office.consignment.id)
        assert event.delivery_id is None
        assert event.facts["kind"] == "sending"
        assert event.facts["due_at"] == "2026-03-03T11:30:00.000+07:00"
        assert "Điều 6 khoản 2" in event.facts["article"]

    def test_signed_before_tet_and_sent_after_it(self, office):
        friday = {"issued_on": date(2026, 2, 13)}
        assert self.late(office, vietnam(23, 11, 0, month=2), **friday) is None
        assert self.late(office, vietnam(23, 14, 0, month=2), **friday) is not None

    def test_the_timestamp_of_the_seal_tells_the_day_of_signing(self, office):
        seals = [
            {"role": "agency_seal", "timestamped_at": "2026-03-02T02:00:00Z"},
            {"role": "agency_seal", "timestamped_at": "2026-03-04T17:30:00Z"},  # the 5th in Vietnam
            {"role": "personal_signature", "timestamped_at": "2026-03-09T02:00:00Z"},
            {"role": "agency_seal", "timestamped_at": None},
        ]
        further = {"signatures": [{"role": "agency_seal", "timestamped_at": "2026-03-12T02:00:00Z"}]}
        files = {"files": [{"signatures": seals}, further]}
        assert self.late(office, vietnam(6, 11, 0), **files) is None
        assert self.late(office, vietnam(6, 11, 31), **files).facts["due_at"] == "2026-03-06T11:30:00.000+07:00"
        unstamped = {"files": [{"signatures": seals[2:]}]}
        assert self.late(office, vietnam(6, 11, 0), **unstamped).facts["due_at"].startswith("2026-03-03")

    @pytest.mark.parametrize("issued_on", [None, date(2026, 3, 20), date(2026, 3, 21), date.max])
    def test_no_day_or_a_later_one_is_never_late(self, office, issued_on):
        assert self.late(office, vietnam(20, 9), issued_on=issued_on) is None

    def test_a_day_at_the_beginning_of_time_is_late_and_no_fault(self, office):
        assert self.late(office, vietnam(20, 9), issued_on=date.min) is not None

    def test_a_recall_is_no_sending_of_a_document(self, office):
        assert self.late(office, vietnam(20, 9), business_type=int(BusinessType.RECALL)) is None
        assert self.late(office, vietnam(20, 9), kind="status") is None
