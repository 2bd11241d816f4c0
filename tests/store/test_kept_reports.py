"""Kept reports and their mails: each day of a schedule once, each mail tried on its own, given up and begun again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from hub.domain.periods import PeriodKind
from hub.domain.schedules import PAUSES, Schedule, Wish
from hub.domain.scopes import Scope, ScopeKind
from hub.stations import new_id
from hub.store import kept_reports as store
from hub.store import schedules
from hub.store.kept_reports import Kept, KeptFile, Mail
from hub.store.report_tables import kept_reports, report_mails
from tests.stations.conftest import at_once
from tests.support.plans import plan_of

NOW = datetime(2026, 10, 1, 0, 0, tzinfo=UTC)
FILES = (KeptFile("a.json", "application/json", "ab" * 32, 12), KeptFile("a.pdf", "application/pdf", "cd" * 32, 345))
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def schedule_id(database) -> str:
    one = Schedule(new_id(), "paper_free", Wish(Scope(ScopeKind.HUB)), PeriodKind.MONTH, (), NOW, date(2026, 10, 1))
    with database.writing() as transaction:
        schedules.add(transaction, one)
    return one.id


def report(schedule_id: str | None, **changes) -> Kept:
    one = Kept(
        id=new_id(),
        schedule_id=schedule_id,
        report="paper_free",
        asked={"period": "2026-09", "formats": ["pdf"], "scope": {"kind": "hub", "agency": "", "level": 0}},
        known_on=date(2026, 9, 30),
        made_at=NOW,
        data_sha256="ef" * 32,
        files=FILES,
        jws="a.b.c",
    )
    return replace(one, **changes)


def kept(database, one: Kept, *readers: str, at: datetime | None = NOW, why: str = "") -> bool:
    with database.writing() as transaction:
        if new := store.keep(transaction, one):
            store.owe(transaction, one.id, readers, at=at, why=why)
        return new


def the_mails(database, one: Kept) -> list[Mail]:
    with database.reading() as connection:
        return store.mails(connection, [one.id])[one.id]


def test_a_report_is_kept_whole_and_found_again(database, schedule_id):
    first, second = report(schedule_id), report(schedule_id, known_on=date(2026, 10, 31))
    by_hand = report(None)
    for one in (first, second, by_hand):
        assert kept(database, one)
    with database.reading() as connection:
        assert store.get(connection, first.id) == first
        assert store.get(connection, new_id()) is None
        assert store.newest(connection, limit=2) == [by_hand, second]
        assert store.newest_of(connection, schedule_id) == second
        assert store.of_day(connection, schedule_id, first.known_on) == first
        assert store.of_day(connection, schedule_id, date(2026, 9, 29)) is None


def test_a_schedule_has_each_day_once_whoever_is_first(database, schedule_id):
    outcomes: list[bool] = []
    at_once(lambda: outcomes.append(kept(database, report(schedule_id), "a@b.vn")), workers=4)
    assert sorted(outcomes) == [False, False, False, True]
    with database.reading() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(kept_reports)).scalar_one() == 1
        assert connection.execute(sa.select(sa.func.count()).select_from(report_mails)).scalar_one() == 1


def test_each_mail_is_tried_on_its_own(database, schedule_id):
    one = report(schedule_id)
    kept(database, one, "a@b.vn", "c@d.vn", "a@b.vn")
    with database.reading() as connection:
        assert store.due_mails(connection, NOW - timedelta(seconds=1), limit=9) == []
        first, second = store.due_mails(connection, NOW, limit=9)
    with database.writing() as transaction:
        assert store.claim(transaction, first, until=NOW + timedelta(minutes=10))
        assert not store.claim(transaction, first, until=NOW + timedelta(minutes=10))
        store.sent(transaction, first, at=NOW)
        assert store.claim(transaction, second, until=NOW + timedelta(minutes=10))
        assert not store.failed(transaction, second, at=NOW, error="550\r\nno such mailbox")
    sent, waiting = the_mails(database, one)
    assert (sent.sent_at, sent.attempts, sent.next_attempt_at, sent.given_up) == (NOW, 1, None, False)
    assert (waiting.attempts, waiting.next_attempt_at) == (1, NOW + PAUSES[0])
    assert waiting.last_error == "550  no such mailbox"


def test_a_mail_is_given_up_after_its_last_try_and_can_be_begun_again(database, schedule_id):
    one = report(schedule_id)
    kept(database, one, "a@b.vn", "c@d.vn")
    gone = the_mails(database, one)[1]
    with database.writing() as transaction:
        store.sent(transaction, gone, at=NOW)
    for tries in range(1, len(PAUSES) + 2):
        (mail, _) = the_mails(database, one)
        assert not mail.given_up
        with database.writing() as transaction:
            assert store.failed(transaction, mail, at=NOW, error="away") is (tries == len(PAUSES) + 1)
    assert the_mails(database, one)[0].given_up
    with database.reading() as connection:
        assert store.due_mails(connection, NOW + timedelta(days=365), limit=9) == []
    with database.writing() as transaction:
        assert store.send_again(transaction, one.id, at=NOW) == 1, "whom it reached gets no second one"
    again, _ = the_mails(database, one)
    assert (again.attempts, again.next_attempt_at, again.last_error) == (0, NOW, "")


def test_what_is_not_to_be_mailed_waits_for_nobody(database, schedule_id):
    one = report(schedule_id)
    kept(database, one, "a@b.vn", at=None, why="no server")
    (mail,) = the_mails(database, one)
    assert mail.given_up
    assert (mail.attempts, mail.last_error) == (0, "no server")


def test_how_the_mails_stand(database, schedule_id):
    one, old = report(schedule_id), report(None, made_at=NOW - timedelta(days=60))
    kept(database, one, "1@x.vn", "2@x.vn", "3@x.vn", "4@x.vn")
    kept(database, old, "5@x.vn", at=None, why="long ago")
    sent, failing, given_up, _ = the_mails(database, one)
    with database.writing() as transaction:
        store.sent(transaction, sent, at=NOW)
        store.failed(transaction, failing, at=NOW, error="away")
        store.failed(transaction, replace(given_up, attempts=len(PAUSES)), at=NOW, error="away")
    with database.reading() as connection:
        found = store.standing(connection, since=NOW - timedelta(days=30), many=1)
        assert (found.sent, found.waiting, found.failing, found.given_up) == (1, 1, 1, 1)
        patient = store.standing(connection, since=NOW - timedelta(days=30), many=2)
        assert (patient.waiting, patient.failing) == (2, 0)
        empty = store.standing(connection, since=NOW + timedelta(days=1), many=1)
        assert (empty.sent, empty.given_up) == (0, 0)


def test_a_mail_is_about_a_report_that_is_kept(database):
    with pytest.raises(IntegrityError), database.writing() as transaction:
        store.owe(transaction, new_id(), ["a@b.vn"], at=NOW, why="")


@on_sqlite
@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda c: store.due_mails(c, NOW, limit=20), "ix_report_mails_owed"),
        (lambda c: store.mails(c, ["x"]), "sqlite_autoindex_report_mails"),
        (lambda c: store.of_day(c, "x", NOW.date()), "sqlite_autoindex_kept_reports"),
        (lambda c: store.newest_of(c, "x"), "sqlite_autoindex_kept_reports"),
        (lambda c: store.newest(c, limit=20), "sqlite_autoindex_kept_reports"),
    ],
)
def test_every_question_has_its_index(database, ask, index):
    assert index in plan_of(database, ask)
