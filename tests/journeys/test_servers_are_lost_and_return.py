"""RabbitMQ and PostgreSQL go away under the hub and come back."""

from __future__ import annotations

import httpx
import pytest

from tests.journeys.conftest import eventually, fresh


@pytest.mark.timeout(300)
def test_the_broker_is_lost_and_returns(production):
    before = [production.send(fresh(to=("H41", "H14"))).json()["id"] for _ in range(5)]
    production.kill("rabbit")
    meanwhile = [production.send(fresh(to=("H41", "H14"))) for _ in range(15)]
    assert {answer.status_code for answer in meanwhile} == {201}
    assert httpx.get(f"{production.url}/readyz", timeout=30).status_code == 200
    production.restart("rabbit")
    ids = before + [answer.json()["id"] for answer in meanwhile]
    assert eventually(lambda: production.all_in_hand(ids, recipients=2))
    for code in ("H41", "H14"):
        production.once_each(ids, code)


@pytest.mark.timeout(300)
def test_the_database_is_lost_and_returns(production):
    before = [production.send(fresh(to=("H41",))).json()["id"] for _ in range(10)]
    body = fresh(to=("H41",))
    production.kill("postgres")
    refused = production.send(body)
    assert refused.status_code == 503, refused.text
    assert refused.json()["code"] == "store.unavailable"
    assert int(refused.headers["Retry-After"]) > 0
    assert httpx.get(f"{production.url}/readyz", timeout=30).status_code == 503
    assert httpx.get(f"{production.url}/healthz", timeout=30).status_code == 200
    production.restart("postgres")
    assert eventually(lambda: httpx.get(f"{production.url}/readyz", timeout=30).status_code == 200, seconds=100)
    again = production.send(body)
    assert again.status_code == 201, again.text
    ids = [*before, again.json()["id"]]
    assert eventually(lambda: production.all_in_hand(ids, recipients=1))
    production.once_each(ids, "H41")
