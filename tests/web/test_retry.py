"""POST …/retry: the sender sees what would be done and has it done; nobody else learns that there is something."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from hub.domain.agencies import AgencyStatus
from hub.domain.deliveries import DeliveryState
from hub.stations import expire
from hub.store import agencies, deliveries, tables
from hub.web.api import retry
from tests.stations.conftest import snapshot


@pytest.fixture
def gone(web):
    """A consignment whose one delivery has expired: its id and the delivery's."""
    if "retry" not in web.app.blueprints:
        web.app.register_blueprint(retry.routes())
    made = web.placed(1, to=("H41",))
    delivery = made["deliveries"][0]["id"]
    with web.hub.database.writing() as transaction:
        deliveries.change(transaction, delivery, expires_at=web.hub.now())
    expire.run(delivery, web.hub)
    return made["id"], delivery


def state(web, delivery):
    with web.hub.database.reading() as connection:
        return deliveries.get(connection, delivery).state


def ask(web, consignment, *, by="G22", **more):
    return web.as_(by).post(f"/consignments/{consignment}/retry", **more)


@pytest.mark.parametrize("body", [{}, {"json": {}}, {"json": {"apply": False}}])
def test_it_shows_and_does_nothing(web, gone, body):
    consignment, delivery = gone
    before = snapshot(web.hub.database)
    answer = ask(web, consignment, **body)
    assert answer.status_code == 200
    assert answer.json["applied"] is False
    (step,) = answer.json["steps"]
    assert (step["delivery"], step["recipient"], step["action"]) == (delivery, "H41", "deliver_again")
    assert step["why"]["vi"]
    assert step["why"]["en"]
    assert snapshot(web.hub.database) == before


def test_applied_it_is_done_once_and_audited(web, gone):
    consignment, delivery = gone
    first = ask(web, consignment, json={"apply": True}).json
    assert (first["applied"], [step["delivery"] for step in first["steps"]]) == (True, [delivery])
    assert state(web, delivery) is DeliveryState.DUE
    web.drain()
    assert ask(web, consignment, json={"apply": True}).json == {"applied": True, "steps": []}
    with web.hub.database.reading() as connection:
        rows = [(row.what, row.who) for row in connection.execute(sa.select(tables.audit))]
    assert rows == [("retry.applied", "agency:G22")]


@pytest.mark.parametrize("who", ["H41", "H14", "G30"])
def test_it_is_for_the_sender_alone(web, gone, who):
    """T3: another agency's id is answered exactly like one that does not exist."""
    consignment, delivery = gone
    answer = ask(web, consignment, by=who, json={"apply": True})
    unknown = ask(web, "00000000-0000-7000-8000-000000000000", by=who, json={"apply": True})
    assert (answer.status_code, answer.json["code"]) == (404, "thing.unknown")
    assert (unknown.status_code, unknown.json["code"]) == (404, "thing.unknown")
    assert state(web, delivery) is DeliveryState.EXPIRED


def test_a_suspended_sender_may_look_but_not_apply(web, gone):
    consignment, delivery = gone
    with web.hub.database.writing() as transaction:
        sender = agencies.require(transaction.connection, "G22")
        agencies.keep(transaction, replace(sender, status=AgencyStatus.SUSPENDED), now=web.hub.now())
    assert len(ask(web, consignment).json["steps"]) == 1
    refused = ask(web, consignment, json={"apply": True})
    assert (refused.status_code, refused.json["code"]) == (403, "agency.suspended")
    assert state(web, delivery) is DeliveryState.EXPIRED


@pytest.mark.parametrize("body", [b'{"apply": "yes"}', b'{"more": 1}', b"[]", b"\xff"])
def test_an_odd_body_is_refused(web, gone, body):
    answer = ask(web, gone[0], data=body, content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (400, "request.malformed")


def test_without_a_key_nothing_is_told(web, gone):
    answer = web.anonymous().post(f"/api/v1/consignments/{gone[0]}/retry", json={"apply": True})
    assert answer.status_code == 401
