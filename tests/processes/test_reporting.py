"""REPORTING: a year of reports each made once, kept before it is mailed, mailed by a real server, nothing lost."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from adapters.services.notices_mail import NoticesMail
from hub.bundles import kept_reports
from hub.domain import schedules as days
from hub.domain.notices import CarrierKind, Notice
from hub.domain.periods import PeriodKind, vietnam_day
from hub.domain.schedules import Schedule, Wish
from hub.domain.scopes import Scope, ScopeKind
from hub.errors import NoticesUnavailable, PayloadsUnavailable, StoreUnavailable
from hub.processes import reporting as process
from hub.signatures.jws import verify_receipt
from hub.stations import new_id
from hub.store import closings
from hub.store import kept_reports as store
from hub.store import schedules as schedule_store
from hub.store.report_tables import kept_reports as kept_table
from tests.stations.conftest import at_once
from tests.support import reporting
from tests.support.mail_server import MailServer

BEGUN = datetime(2026, 1, 14, 3, tzinfo=UTC)
HUB = Scope(ScopeKind.HUB)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # where no SQL is at stake


class Carrier:
    """Takes mails, or does not take those to some addresses."""

    def __init__(self) -> None:
        self.taken: list[Notice] = []
        self.away_for: set[str] = set()

    def send(self, notice: Notice) -> None:
        if notice.address in self.away_for:
            raise NoticesUnavailable("550 5.1.1 no such mailbox")
        self.taken.append(notice)


class Office:
    """A hub at a time of its own, with schedules; `at` moves it to a moment and lets it do all that is due then."""

    def __init__(self, scene, monkeypatch) -> None:
        self.moment = BEGUN
        self.carrier = Carrier()
        self.hub = replace(scene.hub, carriers={CarrierKind.MAIL: self.carrier}, now=lambda: self.moment)
        monkeypatch.setattr(kept_reports, "made", reporting.made)

    def schedule(self, every: PeriodKind, *readers: str, formats: tuple[str, ...] = ("csv",), **wish) -> Schedule:
        asked = Wish(HUB, formats, **wish)
        next_day = days.first_due(every, vietnam_day(self.moment))
        one = Schedule(new_id(), "paper_free", asked, every, readers, self.moment, next_day)
        with self.hub.database.writing() as transaction:
            schedule_store.add(transaction, one)
        return one

    def at(self, moment: str | datetime) -> None:
        self.moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        self.work()

    def work(self) -> None:
        while process.make_tick(self.hub):
            continue
        while process.send_tick(self.hub):
            continue

    def kept(self) -> list[store.Kept]:
        with self.hub.database.reading() as connection:
            return store.newest(connection, limit=10_000)

    def mails(self, report_id: str) -> list[store.Mail]:
        with self.hub.database.reading() as connection:
            return store.mails(connection, [report_id])[report_id]


@pytest.fixture
def office(scene, monkeypatch):
    return Office(scene, monkeypatch)


@on_sqlite
@pytest.mark.parametrize("hours", [5, 29, 24 * 40, 24 * 400], ids=["often", "daily", "every 40 days", "once"])
def test_a_year_of_the_clock_makes_every_report_once(office, monkeypatch, hours):
    """Whenever the clock looks: often, or once after more than a year, when it catches all of it up."""
    monkeypatch.setattr(kept_reports, "FORMS", {"json": kept_reports.FORMS["json"]})
    for every in (PeriodKind.WEEK, PeriodKind.MONTH, PeriodKind.QUARTER, PeriodKind.HALF):
        office.schedule(every, formats=(), grace_days=3)
    end = BEGUN + timedelta(days=400)
    while office.moment < end:
        office.at(min(office.moment + timedelta(hours=hours), end))
    made = Counter(one.asked["period"] for one in office.kept())
    assert set(made.values()) == {1}
    kinds = Counter("W" if "-W" in one else "Q" if "Q" in one else "H" if "H" in one else "M" for one in made)
    assert kinds == {"W": 57, "M": 13, "Q": 4, "H": 2}
    for one in office.kept():
        assert vietnam_day(one.made_at) > one.known_on


def test_a_month_is_made_on_the_first_at_seven_and_mailed_to_each_reader(office):
    one = office.schedule(PeriodKind.MONTH, "a@b.vn", "c@d.vn")
    office.at("2026-02-01T06:59:59+07:00")
    assert office.kept() == []
    office.at("2026-02-01T07:00:00+07:00")
    (kept,) = office.kept()
    assert (kept.schedule_id, kept.asked["period"], kept.known_on.isoformat()) == (one.id, "2026-01", "2026-01-31")
    assert sorted(notice.address for notice in office.carrier.taken) == ["a@b.vn", "c@d.vn"]
    office.at("2026-02-27T07:00:00+07:00")
    assert len(office.kept()) == 1
    assert len(office.carrier.taken) == 2
    assert all(mail.sent_at is not None for mail in office.mails(kept.id))


def test_two_clocks_at_once_make_it_once(office):
    """Both see it due; on PostgreSQL the lock keeps one out, and behind it the row itself moves on once."""
    one = office.schedule(PeriodKind.QUARTER, "a@b.vn")
    office.moment = one.due_at
    outcomes: list[bool] = []
    at_once(lambda: outcomes.append(process.make_due(office.hub, one)), workers=2)
    assert sorted(outcomes) == [False, True]
    assert len(office.kept()) == 1
    at_once(office.work, workers=3)
    assert len(office.kept()) == 1
    assert [notice.address for notice in office.carrier.taken] == ["a@b.vn"]


def test_while_one_clock_leads_the_other_makes_nothing(postgres_scene, monkeypatch):
    office = Office(postgres_scene, monkeypatch)
    office.moment = office.schedule(PeriodKind.MONTH).due_at
    with office.hub.database.leading("reports") as mine:
        assert mine
        assert not process.make_tick(office.hub)
    assert process.make_tick(office.hub)


def test_a_crash_before_the_report_is_kept_makes_it_again(office, monkeypatch):
    one = office.schedule(PeriodKind.MONTH, "a@b.vn")
    office.moment = one.due_at
    with monkeypatch.context() as crashing:
        crashing.setattr(store, "owe", lambda *_, **__: (_ for _ in ()).throw(StoreUnavailable("away")))
        with pytest.raises(StoreUnavailable):
            process.make_tick(office.hub)
    assert office.kept() == []
    office.work()
    assert len(office.kept()) == 1
    assert len(office.carrier.taken) == 1


def test_a_crash_between_keeping_and_mailing_mails_what_was_kept(office):
    one = office.schedule(PeriodKind.MONTH, "a@b.vn")
    office.moment = one.due_at
    assert process.make_tick(office.hub)
    (kept,) = office.kept()
    assert office.carrier.taken == []  # the process dies here; another one starts
    office.work()
    assert [one.id for one in office.kept()] == [kept.id]
    assert [notice.notice_id.partition(".")[0] for notice in office.carrier.taken] == [kept.id]


def test_a_crash_after_mailing_repeats_the_same_mail(office, monkeypatch):
    office.moment = office.schedule(PeriodKind.MONTH, "a@b.vn").due_at
    process.make_tick(office.hub)
    with monkeypatch.context() as crashing:
        crashing.setattr(store, "sent", lambda *_, **__: (_ for _ in ()).throw(StoreUnavailable("away")))
        with pytest.raises(StoreUnavailable):
            process.send_tick(office.hub)
    assert not process.send_tick(office.hub), "it is claimed"
    office.at(office.moment + process.CLAIMED_FOR)
    first, second = office.carrier.taken
    assert (first.notice_id, first.body, first.text) == (second.notice_id, second.body, second.text)
    assert not process.send_tick(office.hub)


@on_sqlite
def test_what_is_not_counted_yet_is_waited_for(office, monkeypatch):
    office.moment = office.schedule(PeriodKind.MONTH).due_at
    with monkeypatch.context() as behind, capture_logs() as said:
        behind.setattr(closings, "uncounted", lambda *_, **__: True)
        for _ in range(3):
            office.work()
        assert office.kept() == []
    assert [one["event"] for one in said] == ["report_waits_for_the_tally"], "said once, not every five seconds"
    office.work()
    assert len(office.kept()) == 1


@on_sqlite
def test_a_report_that_fails_is_left_alone_for_a_while_and_stops_no_other(office, monkeypatch):
    broken = office.schedule(PeriodKind.MONTH, document_type="broken")
    fine = office.schedule(PeriodKind.MONTH)
    tries: list[datetime] = []

    def sometimes(hub, order):
        if order.wish.document_type == "broken":
            tries.append(hub.now())
            raise trouble
        return reporting.made(hub, order)

    monkeypatch.setattr(kept_reports, "made", sometimes)
    trouble: Exception = PayloadsUnavailable("disk full")
    office.at(broken.due_at)
    assert [one.schedule_id for one in office.kept()] == [fine.id]
    trouble = RuntimeError("a defect")
    for _ in range(120):
        office.at(office.moment + timedelta(minutes=1))
    assert 5 <= len(tries) <= 8, "after 2, 4, 8, 16, 32 minutes, then hourly"
    monkeypatch.setattr(kept_reports, "made", reporting.made)
    office.at(office.moment + timedelta(hours=1))
    assert {one.schedule_id for one in office.kept()} == {fine.id, broken.id}


@on_sqlite
def test_one_address_that_is_refused_holds_no_other_up_and_is_given_up(office):
    office.carrier.away_for = {"gone@b.vn"}
    office.at(office.schedule(PeriodKind.QUARTER, "a@b.vn", "gone@b.vn", "z@b.vn").due_at)
    (kept,) = office.kept()
    assert sorted(notice.address for notice in office.carrier.taken) == ["a@b.vn", "z@b.vn"]
    for _ in range(24 * 5):
        office.at(office.moment + timedelta(hours=1))
    gone = office.mails(kept.id)[1]
    assert gone.given_up
    assert gone.attempts == len(days.PAUSES) + 1
    assert "no such mailbox" in gone.last_error
    office.carrier.away_for = set()
    with office.hub.database.writing() as transaction:
        store.send_again(transaction, kept.id, at=office.moment)
    office.work()
    assert [notice.address for notice in office.carrier.taken][2:] == ["gone@b.vn"]


@on_sqlite
def test_without_a_mail_server_it_is_kept_and_that_is_said(office):
    office.hub = replace(office.hub, carriers={})
    office.at(office.schedule(PeriodKind.MONTH, "a@b.vn").due_at)
    (kept,) = office.kept()
    (mail,) = office.mails(kept.id)
    assert mail.given_up
    assert "HUB_MAIL_SERVER" in mail.last_error
    office.hub = replace(office.hub, carriers={CarrierKind.MAIL: office.carrier})
    office.work()
    assert office.carrier.taken == [], "an old report does not come as a surprise when a server is configured"


@on_sqlite
def test_a_carrier_that_is_taken_away_is_a_reason(office):
    office.moment = office.schedule(PeriodKind.MONTH, "a@b.vn").due_at
    process.make_tick(office.hub)
    office.hub = replace(office.hub, carriers={})
    office.work()
    (mail,) = office.mails(office.kept()[0].id)
    assert "HUB_MAIL_SERVER" in mail.last_error
    assert not mail.given_up


@on_sqlite
def test_a_file_that_is_gone_is_a_reason_too(office):
    office.moment = office.schedule(PeriodKind.MONTH, "a@b.vn").due_at
    process.make_tick(office.hub)
    (kept,) = office.kept()
    office.hub.payloads.place(kept.files[0].sha256).unlink()
    office.work()
    assert office.mails(kept.id)[0].attempts == 1
    assert office.carrier.taken == []


@on_sqlite
def test_a_defect_while_mailing_is_kept_as_its_result(office, monkeypatch):
    office.moment = office.schedule(PeriodKind.MONTH, "a@b.vn").due_at
    monkeypatch.setattr(kept_reports, "told", lambda *_: 1 / 0)
    office.work()
    assert office.mails(office.kept()[0].id)[0].last_error == "unexpected: ZeroDivisionError"


class TestByHand:
    def test_now_is_the_last_period_as_known_yesterday_and_mailed(self, office):
        one = office.schedule(PeriodKind.QUARTER, "a@b.vn")
        office.moment = datetime.fromisoformat("2026-02-17T10:00:00+07:00")
        kept, new = process.make_now(office.hub, one)
        assert new
        assert (kept.asked["period"], kept.known_on.isoformat()) == ("2025-Q4", "2026-02-16")
        assert process.make_now(office.hub, one) == (kept, False)
        office.work()
        assert len(office.carrier.taken) == 1

    def test_what_was_made_by_hand_before_its_time_is_not_made_again(self, office):
        one = office.schedule(PeriodKind.MONTH, "a@b.vn")
        office.moment = datetime.fromisoformat("2026-02-01T06:00:00+07:00")
        kept, _ = process.make_now(office.hub, one)
        office.at(one.due_at)
        assert [each.id for each in office.kept()] == [kept.id]
        assert len(office.carrier.taken) == 1
        office.at("2026-03-01T07:00:00+07:00")
        assert len(office.kept()) == 2

    def test_of_two_at_once_one_makes_it(self, office):
        one = office.schedule(PeriodKind.MONTH, "a@b.vn")
        office.moment = datetime.fromisoformat("2026-02-17T10:00:00+07:00")
        outcomes: list[tuple[store.Kept, bool]] = []
        at_once(lambda: outcomes.append(process.make_now(office.hub, one)), workers=3)
        assert sorted(new for _, new in outcomes) == [False, False, True]
        assert len({kept.id for kept, _ in outcomes}) == 1
        with office.hub.database.reading() as connection:
            assert connection.execute(sa.select(sa.func.count()).select_from(kept_table)).scalar_one() == 1

    @on_sqlite
    def test_not_before_all_is_counted(self, office, monkeypatch):
        one = office.schedule(PeriodKind.MONTH)
        monkeypatch.setattr(closings, "uncounted", lambda *_, **__: True)
        assert process.make_now(office.hub, one) is None


@on_sqlite
class TestByMail:
    @pytest.fixture
    def server(self, office):
        opened = MailServer().open()
        carriers = {CarrierKind.MAIL: NoticesMail(opened.url, sender="truc@hub.vn", timeout_seconds=10)}
        office.hub = replace(office.hub, carriers=carriers)
        yield opened
        opened.close()

    def test_a_reader_gets_figures_files_and_the_hubs_signature(self, office, server):
        office.at(office.schedule(PeriodKind.MONTH, "lanhdao@b.vn", formats=("csv", "xlsx")).due_at)
        (mail,) = server.taken
        (kept,) = office.kept()
        assert "Tháng 1 năm 2026" in mail["Subject"]
        text = mail.get_body().get_content()
        assert "99,8 % (18.274/18.302)" in text
        assert "January 2026" in text
        assert "lanhdao" not in text
        files = {one.get_filename(): one.get_payload(decode=True) for one in mail.iter_attachments()}
        assert sorted(name.rpartition(".")[2] for name in files) == ["csv", "jws", "xlsx"]
        jws = files.pop(kept_reports.signature_name(kept)).decode()
        claims = verify_receipt(jws, trusted=[office.hub.key.certificates[0]])
        signed = {file["name"]: file["sha256"] for file in claims["files"]}
        for name, body in files.items():
            assert hashlib.sha256(body).hexdigest() == signed[name]

    def test_what_is_too_large_is_not_enclosed(self, office, server, monkeypatch):
        monkeypatch.setattr(days, "ATTACHED_BYTES", 100)
        office.at(office.schedule(PeriodKind.MONTH, "a@b.vn").due_at)
        (mail,) = server.taken
        assert list(mail.iter_attachments()) == []
        assert f"hub reports kept {office.kept()[0].id} --out" in mail.get_content()

    def test_a_server_that_is_away_gets_it_later(self, office, server):
        server.close()
        office.at(office.schedule(PeriodKind.MONTH, "a@b.vn").due_at)
        assert server.taken == []
        server.open()
        office.at(office.moment + timedelta(minutes=1))
        assert len(server.taken) == 1


@on_sqlite
def test_the_thread_works_until_it_is_stopped_and_survives_troubles(office, monkeypatch):
    office.moment = office.schedule(PeriodKind.MONTH, "a@b.vn").due_at
    monkeypatch.setattr(process, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(process, "AFTER_TROUBLE_SECONDS", 0.01)
    troubles: list[Exception] = [StoreUnavailable("away"), RuntimeError("a defect")]
    real = process.make_tick

    def stumbling(hub):
        if troubles:
            raise troubles.pop()
        return real(hub)

    monkeypatch.setattr(process, "make_tick", stumbling)
    stop, sent = threading.Event(), threading.Event()
    monkeypatch.setattr(office.carrier, "send", lambda _notice: sent.set())
    thread = threading.Thread(target=process.run, args=(office.hub, stop))
    thread.start()
    assert sent.wait(20)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert troubles == []
