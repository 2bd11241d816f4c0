"""kill -9 under load: nothing is lost, nothing arrives twice."""

from __future__ import annotations

import threading

import pytest

from tests.journeys.conftest import eventually, fresh

DOCUMENTS = 100


@pytest.mark.timeout(300)
def test_a_worker_dies_in_the_middle(production):
    bodies = [fresh(to=("H41", "H14")) for _ in range(DOCUMENTS)]
    answers = []
    sending = threading.Thread(target=lambda: answers.extend(production.send_many(bodies, at_once=3)))
    sending.start()
    for name in (*production.workers, *production.workers):
        production.kill(name)
        production.restart(name)
    sending.join(120)
    assert {answer.status_code for answer in answers} == {201}
    ids = [answer.json()["id"] for answer in answers]
    assert len(set(ids)) == DOCUMENTS
    assert eventually(lambda: production.all_in_hand(ids, recipients=2))
    production.once_each(ids, "H41")
    production.once_each(ids, "H14")


@pytest.mark.timeout(300)
def test_the_relay_dies_in_the_middle(production):
    production.kill("relay")
    ids = [production.send(fresh(to=("H41",))).json()["id"] for _ in range(10)]
    assert not production.all_in_hand(ids, recipients=1)
    production.restart("relay")
    assert eventually(lambda: production.all_in_hand(ids, recipients=1))
    production.once_each(ids, "H41")


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_embedded_hub_dies_in_the_middle(embedded_place):
    bodies = [fresh(to=("H41",)) for _ in range(DOCUMENTS)]
    ids = [answer.json()["id"] for answer in embedded_place.send_many(bodies, at_once=8)]
    embedded_place.kill("serve")
    embedded_place.restart("serve")
    assert eventually(lambda: embedded_place.all_in_hand(ids, recipients=1))
    embedded_place.once_each(ids, "H41")
