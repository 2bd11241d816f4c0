"""Subscribers, pending notices and marks as kept: attempts by the schedule, no notice lost or taken twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.domain.notices import CarrierKind, Letter
from hub.stations import new_id
from hub.store import notices as store
from hub.store.notices import Made, Subscriber

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
LETTER = Letter("Văn bản", "Nội dung", {"kind": "radar", "items": [{"notation": "1/CV"}]})


def subscriber(**changes) -> Subscriber:
    facts = {"id": new_id(), "agency_key": "H41", "kind": CarrierKind.MAIL, "address": "a@b.vn", "added_at": NOW}
    return Subscriber(**facts | changes)


def added(database, **changes) -> Subscriber:
    one = subscriber(**changes)
    with database.writing() as transaction:
        assert store.add(transaction, one)
    return one


def made(database, to: Subscriber, *, at: datetime = NOW) -> str:
    notice_id = new_id()
    with database.writing() as transaction:
        assert store.make(transaction, [Made(notice_id, to.id, LETTER)], at=at) == 1
    return notice_id


def due(database, now: datetime = NOW):
    with database.reading() as connection:
        return store.due(connection, now, limit=10)


def result(database, of: Subscriber):
    with database.reading() as connection:
        return store.last_result(connection, of.id)


def marks(database):
    with database.reading() as connection:
        return store.marks(connection)


def test_the_same_subscriber_is_kept_once(database):
    first = added(database)
    added(database, agency_key=None)
    added(database, kind=CarrierKind.WEBHOOK)
    with database.writing() as transaction:
        assert not store.add(transaction, subscriber())
        assert store.end(transaction, first.id, at=NOW)
        assert not store.end(transaction, first.id, at=NOW)
        assert store.add(transaction, subscriber())
    with database.reading() as connection:
        assert len(store.live(connection)) == 3
        assert store.get(connection, first.id) is None


def test_a_notice_comes_back_as_it_was_made(database):
    one = added(database, address="vanthu@h41.vn")
    notice_id = made(database, one)
    (pending,) = due(database)
    assert (pending.id, pending.kind, pending.address) == (notice_id, CarrierKind.MAIL, "vanthu@h41.vn")
    assert pending.letter == LETTER
    assert due(database, NOW - MINUTE) == []


def test_only_one_claims_it(database):
    made(database, added(database))
    (pending,) = due(database)
    with database.writing() as transaction:
        assert store.claim(transaction, pending, until=NOW + HOUR)
        assert not store.claim(transaction, pending, until=NOW + HOUR)
    assert due(database) == []
    assert len(due(database, NOW + HOUR)) == 1


def test_attempts_follow_the_schedule_until_a_day_is_over(database):
    one = added(database)
    made(database, one)
    now, pauses = NOW, []
    while waiting := due(database, now):
        with database.writing() as transaction:
            given_up = store.failed(transaction, waiting[0], at=now, error="away\r\nand more")
        assert result(database, one).last_error == "away  and more"
        if given_up:
            break
        (next_one,) = due(database, now + HOUR)
        pauses.append((next_one.next_attempt_at - now) // MINUTE)
        now = next_one.next_attempt_at
    assert pauses[:6] == [1, 5, 15, 60, 60, 60]
    assert timedelta(hours=24) <= now - NOW < timedelta(hours=25)
    assert result(database, one).given_up_at == now
    assert due(database, now + 99 * HOUR) == []


def test_a_sent_notice_is_never_due_again(database):
    one = added(database)
    made(database, one)
    (pending,) = due(database)
    with database.writing() as transaction:
        store.sent(transaction, pending, at=NOW + MINUTE)
    last = result(database, one)
    assert (last.sent_at, last.attempts, last.last_error) == (NOW + MINUTE, 1, "")
    assert due(database, NOW + 99 * HOUR) == []


def test_nothing_more_goes_to_one_who_was_removed(database):
    one = added(database)
    made(database, one)
    (pending,) = due(database)
    with database.writing() as transaction:
        store.end(transaction, one.id, at=NOW)
        assert store.make(transaction, [Made(new_id(), one.id, LETTER)], at=NOW) == 0
        store.failed(transaction, pending, at=NOW, error="was being sent at that moment")
    assert due(database, NOW + 99 * HOUR) == []
    assert result(database, one).given_up_at == NOW


def test_the_newest_of_each_and_old_ones_go(database):
    one, other = added(database), added(database, agency_key="H14")
    for at in (NOW, NOW + HOUR):
        made(database, one, at=at)
        with database.writing() as transaction:
            store.sent(transaction, due(database, at)[0], at=at)
    with database.reading() as connection:
        assert store.last_made(connection, [one.id, other.id]) == {one.id: NOW + HOUR}
    later = NOW + store.KEPT_FOR + 2 * HOUR
    with database.writing() as transaction:
        store.make(transaction, [Made(new_id(), other.id, LETTER)], at=later)
    assert result(database, one) is not None, "only the subscriber's own old ones go"
    with database.writing() as transaction:
        store.make(transaction, [Made(new_id(), one.id, LETTER)], at=later)
        store.end(transaction, one.id, at=later)
    assert result(database, one).made_at == later


def test_marks_of_more_things_than_one_statement_takes(database):
    keys = {(new_id(), cause) for cause in ("never_fetched", "unreachable") for _ in range(store.CHUNK + 1)}
    some = sorted(keys)[: store.CHUNK + 7]
    with database.writing() as transaction:
        store.see(transaction, keys, at=NOW)
        store.see_again(transaction, some, at=NOW + HOUR)
        store.noticed(transaction, some, at=NOW)
    found = marks(database)
    assert {key for key, mark in found.items() if mark.seen_at == NOW + HOUR} == set(some)
    assert {mark.first_seen_at for mark in found.values()} == {NOW}
    with database.writing() as transaction:
        store.forget(transaction, some)
    assert set(marks(database)) == keys - set(some)


def test_an_expired_delivery_is_found_with_its_sender(scene):
    _, copies = scene.placed(to=("H41", "H14"))
    with scene.database.writing() as transaction:
        store.expired(transaction, copies["H41"].id, at=NOW)
        store.expired(transaction, copies["H41"].id, at=NOW + HOUR)
    with scene.database.reading() as connection:
        (one,) = store.expired_ones(connection, store.marks(connection))
    assert (one.delivery_id, one.sender_key, one.recipient_key, one.at) == (copies["H41"].id, "G22", "H41", NOW)
    assert one.notation == "1/CV"


@pytest.mark.parametrize("seconds", [0, 1])
def test_the_due_are_in_order_and_bounded(database, seconds):
    one = added(database)
    wanted = [made(database, one, at=NOW + number * timedelta(seconds=seconds)) for number in range(3)]
    with database.reading() as connection:
        found = [pending.id for pending in store.due(connection, NOW + HOUR, limit=2)]
    assert len(found) == 2
    assert set(found) <= set(wanted)
    assert seconds == 0 or found == wanted[:2]
