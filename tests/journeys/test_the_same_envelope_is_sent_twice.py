"""Idempotency as a sender sees it, also a hundred times at once."""

from __future__ import annotations

from tests.journeys.conftest import eventually, fresh


def test_the_same_envelope_is_sent_twice(place):
    body = fresh(to=("H41",))
    first, again = place.send(body), place.send(body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert first.json()["receipt"] == again.json()["receipt"]
    assert first.json()["id"] == again.json()["id"]


def test_the_same_key_with_other_bytes(place):
    body, key = fresh(to=("H41",)), f"key-{place.kind}"
    first = place.send(body, key=key)
    other = place.send(fresh(to=("H41",)), key=key)
    assert (first.status_code, other.status_code) == (201, 409)
    assert place.send(body, key=key).json()["receipt"] == first.json()["receipt"]


def test_a_hundred_at_once(place):
    body = fresh(to=("H41",))
    answers = place.send_many([body] * 100, at_once=50)
    assert {answer.status_code for answer in answers} == {200, 201}
    assert sum(answer.status_code == 201 for answer in answers) == 1
    assert len({answer.json()["receipt"] for answer in answers}) == 1
    (one,) = {answer.json()["id"] for answer in answers}
    assert eventually(lambda: place.all_in_hand([one], recipients=1))
    place.once_each([one], "H41")
