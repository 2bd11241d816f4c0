"""NOTICES: a thousand stuck documents make one mail, nothing new makes none, what cannot be sent is sent later."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from adapters.services.notices_mail import NoticesMail
from hub.domain.causes import Stuck, StuckCause
from hub.domain.notices import CarrierKind, Notice
from hub.errors import NoticesUnavailable, StoreUnavailable
from hub.processes import notices as process
from hub.stations import new_id
from hub.store import notices as store
from hub.store.notices import Subscriber
from tests.stations.conftest import at_once
from tests.support.mail_server import MailServer

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # where no SQL is at stake


class Carrier:
    """Takes notices, or does not, as a test says."""

    def __init__(self) -> None:
        self.taken: list[Notice] = []
        self.trouble: Exception | None = None

    def send(self, notice: Notice) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.taken.append(notice)


class Office:
    """A hub whose radar sees `stuck`, with a carrier; time moves by `ahead`."""

    def __init__(self, scene, monkeypatch) -> None:
        self.scene = scene
        self.carrier = Carrier()
        self.stuck: list[Stuck] = []
        self.hub = replace(scene.hub, carriers=dict.fromkeys(CarrierKind, self.carrier))
        self.ids: dict[str, str] = {}
        monkeypatch.setattr(process.radar, "look", lambda *_, **__: SimpleNamespace(stuck=tuple(self.stuck)))

    def subscribe(self, agency_key: str | None, address: str) -> None:
        self.ids[address] = new_id()
        one = Subscriber(self.ids[address], agency_key, CarrierKind.MAIL, address, self.hub.now())
        with self.hub.database.writing() as transaction:
            assert store.add(transaction, one)

    def later(self, by: timedelta) -> dict[str, dict]:
        """Time goes by, a look, all that is due is sent; what each address got."""
        self.scene.clock.ahead += by
        before = len(self.carrier.taken)
        process.tick(self.hub)
        while process.send_tick(self.hub):
            continue
        new = self.carrier.taken[before:]
        assert len({notice.address for notice in new}) == len(new), "one notice each"
        return {notice.address: json.loads(notice.body) for notice in new}

    def marks(self):
        with self.hub.database.reading() as connection:
            return store.marks(connection)

    def result(self, address: str):
        with self.hub.database.reading() as connection:
            return store.last_result(connection, self.ids[address])


@pytest.fixture
def office(scene, monkeypatch):
    return Office(scene, monkeypatch)


def stuck(hub, *, sender: str = "G22", must_act: str = "H41", cause: StuckCause = StuckCause.NEVER_FETCHED) -> Stuck:
    item = new_id()
    return Stuck(
        item=item,
        cause=cause,
        consignment_id=new_id(),
        delivery_id=item,
        sender_key=sender,
        recipient_key="H41",
        must_act=must_act,
        since=hub.now() - HOUR,
        urgency=0,
        document_id=f"doc-{item}",
        notation=f"{item[-6:]}/CV",
        evidence={},
    )


def notations(body: dict) -> list[str]:
    return sorted(item["notation"] for item in body["items"])


def test_a_thousand_stuck_documents_make_one_mail(scene, monkeypatch):
    office = Office(scene, monkeypatch)
    office.stuck = [stuck(scene.hub) for _ in range(1000)]
    office.subscribe(None, "quantri@hub.vn")
    server = MailServer().open()
    try:
        carriers = {CarrierKind.MAIL: NoticesMail(server.url, sender="truc@hub.vn", timeout_seconds=10)}
        hub = replace(office.hub, carriers=carriers)
        process.tick(hub)
        while process.send_tick(hub):
            continue
        scene.clock.ahead += 2 * HOUR
        process.tick(hub)
        assert not process.send_tick(hub), "nothing is new, nothing is sent"
    finally:
        server.close()
    (mail,) = server.taken
    assert "1000 văn bản" in mail["Subject"]
    assert mail.get_content().count("  - ") == 2 * 20
    assert len(office.marks()) == 1000


@on_sqlite
def test_each_agency_hears_of_what_it_sent_and_what_it_must_do(office):
    for key, address in ((None, "hub@x"), ("G22", "g22@x"), ("H41", "h41@x"), ("H14", "h14@x")):
        office.subscribe(key, address)
    sent = stuck(office.hub)
    held = stuck(office.hub, must_act="", sender="H14", cause=StuckCause.HELD_EVIDENCE)
    office.stuck = [sent, held]
    got = office.later(MINUTE)
    assert notations(got["hub@x"]) == sorted([sent.notation, held.notation])
    assert notations(got["g22@x"]) == notations(got["h41@x"]) == [sent.notation]
    assert notations(got["h14@x"]) == [held.notation]


@on_sqlite
def test_at_most_one_notice_an_hour_holds_all_that_is_new(office):
    office.subscribe("H41", "h41@x")
    office.stuck = [stuck(office.hub)]
    assert len(office.later(MINUTE)) == 1
    for _ in range(3):
        office.stuck.append(stuck(office.hub))
        assert office.later(10 * MINUTE) == {}
    got = office.later(31 * MINUTE)
    assert notations(got["h41@x"]) == sorted(item.notation for item in office.stuck[1:])
    assert office.later(61 * MINUTE) == {}


@on_sqlite
def test_what_still_does_not_move_is_told_again_the_next_day(office):
    office.subscribe("H41", "h41@x")
    office.stuck = [stuck(office.hub)]
    assert len(office.later(MINUTE)) == 1
    assert office.later(23 * HOUR) == {}
    assert len(office.later(HOUR)) == 1
    assert office.later(2 * HOUR) == {}


@on_sqlite
def test_what_moves_again_is_forgotten_and_new_when_it_comes_back(office):
    office.subscribe("H41", "h41@x")
    office.stuck = [one] = [stuck(office.hub)]
    office.later(MINUTE)
    office.stuck = []
    assert office.later(2 * HOUR) == {}
    assert office.marks() == {}
    office.stuck = [one]
    assert len(office.later(2 * HOUR)) == 1


@on_sqlite
def test_one_who_comes_later_hears_of_all(office):
    office.subscribe("H41", "h41@x")
    office.stuck = [stuck(office.hub)]
    office.later(MINUTE)
    office.subscribe(None, "hub@x")
    assert list(office.later(5 * MINUTE)) == ["hub@x"]


@on_sqlite
def test_the_radar_is_looked_at_once_a_minute(office, monkeypatch):
    looks: list[int] = []
    monkeypatch.setattr(process.radar, "look", lambda *_, **__: looks.append(1) or SimpleNamespace(stuck=()))
    for _ in range(5):
        process.tick(office.hub)
    assert len(looks) == 1
    office.later(MINUTE)
    assert len(looks) == 2
    office.later(-HOUR)
    assert len(looks) == 3, "a clock that was set back does not stop it"


@on_sqlite
def test_a_mark_is_written_once_an_hour(office):
    office.stuck = [stuck(office.hub)]
    office.later(MINUTE)
    (first,) = office.marks().values()
    office.later(30 * MINUTE)
    assert list(office.marks().values()) == [first]
    office.later(31 * MINUTE)
    (again,) = office.marks().values()
    assert again.first_seen_at == first.first_seen_at
    assert again.seen_at > first.seen_at + HOUR


@on_sqlite
def test_a_cut_look_forgets_nothing_too_soon(office, monkeypatch):
    monkeypatch.setattr(process, "MOST_STUCK", 2)
    office.stuck = all_of_it = [stuck(office.hub) for _ in range(3)]
    office.later(MINUTE)
    office.stuck = all_of_it[:2]
    office.later(MINUTE)
    assert len(office.marks()) == 3
    for _ in range(4):
        office.later(HOUR)
    assert len(office.marks()) == 2


def test_a_carrier_that_is_away_is_asked_again_and_gets_it_once(office):
    office.subscribe("H41", "h41@x")
    office.stuck = [stuck(office.hub)]
    office.carrier.trouble = NoticesUnavailable("mail server away")
    assert office.later(MINUTE) == {}
    assert office.result("h41@x").last_error == "mail server away"
    office.carrier.trouble = None
    assert office.later(30 * timedelta(seconds=1)) == {}, "not before its time"
    (body,) = office.later(MINUTE).values()
    assert len(body["items"]) == 1
    assert office.later(20 * HOUR) == {}
    assert office.result("h41@x").sent_at is not None
    assert office.result("h41@x").attempts == 2


@on_sqlite
def test_after_a_day_it_is_given_up(office):
    office.subscribe("H41", "h41@x")
    office.stuck = [stuck(office.hub)]
    office.carrier.trouble = NoticesUnavailable("away")
    office.later(MINUTE)
    office.stuck = []
    for _ in range(26):
        office.later(HOUR)
    assert office.result("h41@x").given_up_at is not None
    office.carrier.trouble = None
    assert office.later(HOUR) == {}


@on_sqlite
def test_a_defect_of_one_carrier_is_kept_as_its_result(office):
    office.subscribe("H41", "h41@x")
    office.stuck = [stuck(office.hub)]
    office.carrier.trouble = RuntimeError("a defect")
    office.later(MINUTE)
    assert office.result("h41@x").last_error == "unexpected: RuntimeError"


@on_sqlite
def test_without_a_carrier_the_setting_is_named(office):
    office.subscribe("H41", "h41@x")
    office.stuck = [stuck(office.hub)]
    office.hub = replace(office.hub, carriers={})
    office.later(MINUTE)
    assert "HUB_MAIL_SERVER" in office.result("h41@x").last_error


def test_several_processes_send_each_notice_once(office):
    for number in range(6):
        office.subscribe(None, f"a{number}@x")
    office.stuck = [stuck(office.hub)]
    process.tick(office.hub)

    def send_all() -> None:
        while process.send_tick(office.hub):
            continue

    at_once(send_all, workers=3)
    assert sorted(notice.address for notice in office.carrier.taken) == [f"a{number}@x" for number in range(6)]


def test_a_crash_after_sending_repeats_the_same_notice(office, monkeypatch):
    office.subscribe("H41", "h41@x")
    office.stuck = [stuck(office.hub)]
    with monkeypatch.context() as crashing:
        crashing.setattr(store, "sent", lambda *_, **__: (_ for _ in ()).throw(StoreUnavailable("away")))
        with pytest.raises(StoreUnavailable):
            office.later(MINUTE)
    assert not process.send_tick(office.hub), "it is claimed"
    office.later(process.CLAIMED_FOR)
    first, second = office.carrier.taken
    assert (first.notice_id, first.body, first.text) == (second.notice_id, second.body, second.text)
    assert not process.send_tick(office.hub)


def test_an_expired_delivery_is_told_to_its_sender_once(office):
    consignment, copies = office.scene.placed(to=("H41",))
    for key, address in (("G22", "g22@x"), ("H41", "h41@x")):
        office.subscribe(key, address)
    with office.hub.database.writing() as transaction:
        store.expired(transaction, copies["H41"].id, at=office.hub.now())
    got = office.later(MINUTE)
    assert list(got) == ["g22@x"]
    assert [one["consignment_id"] for one in got["g22@x"]["expired"]] == [consignment.id]
    assert office.later(61 * MINUTE) == {}
    assert office.later(3 * HOUR) == {}
    assert office.marks() == {}


def test_the_real_radar_makes_a_notice_without_what_is_private(scene):
    consignment, _ = scene.placed(to=("H41",))
    carrier = Carrier()
    hub = replace(scene.hub, carriers={CarrierKind.MAIL: carrier})
    with hub.database.writing() as transaction:
        store.add(transaction, Subscriber(new_id(), "G22", CarrierKind.MAIL, "g22@x", hub.now()))
    process.tick(hub)
    assert not process.send_tick(hub)
    scene.clock.ahead += 30 * HOUR
    process.tick(hub)
    assert process.send_tick(hub)
    (notice,) = carrier.taken
    assert consignment.id in notice.body.decode()
    assert "1/CV" in notice.text
    for private in ("V/v thử nghiệm", "Lê Thị Mẫu", "Vụ trưởng"):
        assert private not in notice.text + notice.subject + notice.body.decode()


@on_sqlite
def test_the_thread_survives_trouble_and_stops_when_told(office, monkeypatch):
    rounds, stop = [], threading.Event()

    def failing(_hub: object) -> bool:
        rounds.append(1)
        if len(rounds) == 4:
            stop.set()
            return False
        if len(rounds) == 1:
            return True
        raise [StoreUnavailable("away"), RuntimeError("a defect")][len(rounds) - 2]

    monkeypatch.setattr(process, "send_tick", failing)
    monkeypatch.setattr(process, "AFTER_TROUBLE_SECONDS", 0.01)
    process.run(office.hub, stop)
    assert len(rounds) == 4
