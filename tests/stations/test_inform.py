"""INFORM: every status reaches the other party as one edXML message, in order, whatever dies in between."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from hub.domain.agencies import AgencyStatus
from hub.domain.deliveries import DeliveryState
from hub.domain.envelopes import Kind
from hub.domain.statuses import StatusCode
from hub.edxml.bounds import Bounds
from hub.edxml.reader import EnvelopeReader
from hub.edxml.validator import validate
from hub.stations import acknowledge, inform, receive, status
from hub.stations.acknowledge import Acknowledgement
from hub.stations.status import StatusSaid
from hub.store import agencies, deliveries, statuses_owed
from tests.stations.conftest import Crash, WatchedPort, at_once, snapshot

SAID_AT = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)


def say(scene, delivery, code, *, by="H41", words="đã vào sổ", at=SAID_AT):
    return status.run(StatusSaid(delivery.id, by, StatusCode(code), words, at), scene.hub).entry


def messages(scene, code="G22"):
    """The status messages in the agency's inbox, oldest first, as read from the bytes kept."""
    found = []
    for delivery in scene.inbox(code):
        consignment = scene.consignment(delivery.consignment_id)
        if consignment.kind == Kind.STATUS:
            reader = EnvelopeReader(Bounds(), new_spool=receive.spools_of(scene.hub))
            with scene.hub.payloads.open(consignment.sha256) as body:
                reader.feed(body.read())
            found.append(reader.close())
    return found


@pytest.fixture
def lying(scene):
    """A delivery in the inbox of H41, the only recipient."""
    _, made = scene.placed(1, to=("H41",))
    return made["H41"]


def test_the_owner_finds_an_edxml_status_message(scene, lying):
    say(scene, lying, "03")
    scene.drain()
    (reading,) = messages(scene)
    envelope, sent = reading.envelope, scene.consignment(lying.consignment_id)
    assert (envelope.kind, envelope.sender.organ_id, envelope.dialect) == (Kind.STATUS, "H41", "qcvn102-2016")
    assert envelope.sender.organ_name == "Ủy ban nhân dân tỉnh Mẫu"
    answered = envelope.status.response_for
    assert (answered.organ_id, answered.code, answered.document_id) == ("G22", sent.notation, sent.document_id)
    assert answered.issued_on == date(2026, 3, 2)
    said = envelope.status
    assert (said.status_code, said.description, said.at, said.staff) == ("03", "đã vào sổ", SAID_AT, None)
    assert [hop.organ_id for hop in envelope.trace] == [scene.hub.settings.name]
    assert not envelope.has_signature_element
    assert envelope.notes == ()
    assert validate(reading) == ()


def test_it_is_a_consignment_like_any_other_and_is_not_applied_again(scene, lying):
    entry = say(scene, lying, "03")
    scene.drain()
    (found,) = scene.inbox("G22")
    message = scene.consignment(found.consignment_id)
    assert scene.timeline(message.id)[:2] == ["accepted", "routed"]
    assert message.document_ref == scene.consignment(lying.consignment_id).document_ref
    assert scene.timeline(lying.consignment_id).count("status") == 1
    with scene.database.reading() as connection:
        (kept,) = deliveries.statuses_of(connection, lying.consignment_id)
    assert (kept.id, kept.consignment_id, kept.to_inform) == (entry.id, message.id, False)
    acknowledge.run(Acknowledgement(found.id, "G22"), scene.hub)
    assert scene.consignment(message.id).state == "closed"
    assert scene.inbox("G22") == []


def test_again_and_at_once_it_stays_one(scene, lying):
    entry = say(scene, lying, "03")
    assert at_once(lambda: inform.run(entry.id, scene.hub), workers=4) == [None] * 4
    before = snapshot(scene.database)
    inform.run(entry.id, scene.hub)
    assert snapshot(scene.database) == before
    scene.drain()
    assert len(messages(scene)) == 1


def test_an_unknown_status_is_nothing(scene):
    before = snapshot(scene.database)
    inform.run("00000000-0000-7000-8000-000000000000", scene.hub)
    assert snapshot(scene.database) == before


@pytest.mark.parametrize(
    "where",
    ["consignments.add", "conversations.take_turn", "statuses_owed.informed", "events.happened", "outbox.wake"],
)
def test_a_crash_leaves_it_owed_and_the_next_try_writes_it(scene, lying, monkeypatch, where):
    entry = say(scene, lying, "03")
    before = snapshot(scene.database)
    with monkeypatch.context() as patched:
        patched.setattr(f"hub.store.{where}", _die)
        with pytest.raises(Crash):
            inform.run(entry.id, scene.hub)
    assert snapshot(scene.database) == before
    inform.run(entry.id, scene.hub)
    scene.drain()
    assert len(messages(scene)) == 1


def test_the_bytes_of_a_second_try_are_the_same(scene, lying, monkeypatch):
    entry = say(scene, lying, "03")
    with scene.database.reading() as connection:
        first = inform._message(connection, entry, scene.hub)
    scene.clock.ahead += timedelta(hours=3)
    with scene.database.reading() as connection:
        assert inform._message(connection, entry, scene.hub) == first


def test_the_body_is_kept_outside_of_any_transaction(scene, lying, watch, monkeypatch):
    entry = say(scene, lying, "03")
    object.__setattr__(scene.hub, "payloads", WatchedPort(scene.hub.payloads, watch))
    inform.run(entry.id, scene.hub)
    assert watch.calls >= 3


def test_they_come_in_the_order_in_which_they_were_said(scene, lying):
    """The wake of the third is handled first: those before it are written before it."""
    entries = [say(scene, lying, code, at=SAID_AT + timedelta(minutes=n)) for n, code in enumerate(("01", "03", "06"))]
    inform.run(entries[2].id, scene.hub)
    scene.drain()
    assert [reading.envelope.status.status_code for reading in messages(scene)] == ["01", "03", "06"]


def test_two_recipients_are_told_apart(scene):
    _, made = scene.placed(1, to=("H41", "H14"))
    for code, delivery in made.items():
        say(scene, delivery, "03", by=code)
    scene.drain()
    assert sorted(reading.envelope.sender.organ_id for reading in messages(scene)) == ["H14", "H41"]


def test_the_hubs_01_comes_as_a_message_in_the_recipients_name(scene, lying):
    acknowledge.run(Acknowledgement(lying.id, "H41"), scene.hub)
    scene.drain()
    say(scene, lying, "01")  # its own, later
    scene.drain()
    (reading,) = messages(scene)
    assert reading.envelope.sender.organ_id == "H41"
    assert (reading.envelope.status.status_code, reading.envelope.status.description) == ("01", status.SEEN_BY_HUB)


def test_a_request_to_take_back_goes_to_the_recipient(scene, lying):
    acknowledge.run(Acknowledgement(lying.id, "H41"), scene.hub)
    scene.drain()
    say(scene, lying, "13", by="G22", words="gửi nhầm")
    scene.drain()
    (reading,) = messages(scene, "H41")
    status_said = reading.envelope.status
    assert (reading.envelope.sender.organ_id, status_said.response_for.organ_id) == ("G22", "H41")
    assert (status_said.status_code, status_said.description) == ("13", "gửi nhầm")


def test_a_request_for_a_copy_that_was_withdrawn_needs_no_message(scene, lying):
    entry = say(scene, lying, "13", by="G22")
    with scene.database.writing() as transaction:
        deliveries.move(transaction, lying, DeliveryState.WITHDRAWN, ended_at=scene.hub.now())
    scene.drain()
    assert messages(scene, "H41") == []
    with scene.database.reading() as connection:
        assert statuses_owed.get(connection, entry.id).to_inform is False


def test_words_that_xml_cannot_carry_do_not_stop_it(scene, lying):
    say(scene, lying, "02", words="sai nơi nhận \uffff <&> ]]>")
    scene.drain()
    (reading,) = messages(scene)
    assert reading.envelope.status.description == "sai nơi nhận \ufffd <&> ]]>"


def test_a_closed_owner_is_followed_to_its_successor(scene, lying):
    with scene.database.writing() as transaction:
        old = scene.agency("G22")
        closed = type(old)(old.code, old.name, status=AgencyStatus.CLOSED, successor="G30")
        agencies.keep(transaction, closed, now=scene.hub.now())
    say(scene, lying, "06")
    scene.drain()
    (reading,) = messages(scene, "G30")
    assert reading.envelope.status.response_for.organ_id == "G22"


def _die(*_: object, **__: object) -> None:
    raise Crash
