"""A thousand recipients of one envelope, named one by one and by a group; one of them that fails troubles nobody."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace

import pytest
import sqlalchemy as sa

from hub.domain.agencies import Agency
from hub.domain.deliveries import Cause
from hub.domain.groups import Group, GroupKind
from hub.ports import Refused, TryLater
from hub.stations import utc_now
from hub.store import agencies, groups, tables
from tests.journeys.conftest import eventually, fresh

MANY = 1000
PARENT, ALL = "V50", "TAT-CA-V50"
FEW = 200  # enough for every worker to meet the two that fail
COMMUNES = [f"{PARENT}.{number:04}" for number in range(MANY)]
GENEROUS_SECONDS = 120.0  # the figure is printed; this only finds what never ends


@pytest.mark.parametrize("place", ["embedded", pytest.param("production", marks=pytest.mark.long)], indirect=True)
def test_a_thousand_recipients(place):
    scene, store = place.scene, place.scene.folder / "payloads"
    a_thousand_communes(scene)
    bodies = {"one by one": fresh(to=COMMUNES), "by their group": fresh(to=(ALL,))}
    for how, body in bodies.items():
        before, started = kept_bodies(store), time.monotonic()
        answer = place.send(body)
        answered = time.monotonic() - started
        assert answer.status_code == 201, answer.text
        one = answer.json()["id"]
        assert eventually(lambda: states(scene, one) == {"in_hand": MANY}, seconds=GENEROUS_SECONDS)  # noqa: B023
        took = time.monotonic() - started
        print(f"{place.kind}, {how}: answered after {answered:.2f} s, {MANY} placed after {took:.2f} s")
        assert len(kept_bodies(store) - before) == 1, "one body, kept once"

    named, grouped = (scene.deliveries(one) for one in sent_to_them(scene))
    assert set(named) == set(grouped) == set(COMMUNES)
    assert {one.position for one in named.values()} == {1}
    assert {one.position for one in grouped.values()} == {2}, "a place of its own in each inbox"
    (last,) = {one.consignment_id for one in grouped.values()}
    sender = place.clerk("G22")
    (expanded,) = [one["facts"] for one in sender.sent(last)["timeline"] if one["kind"] == "group_expanded"]
    assert (expanded["group"], expanded["members"], sorted(expanded["recipients"])) == (ALL, MANY, COMMUNES)
    assert Counter(sender.holdings(last).values()) == {"waiting": MANY}
    with scene.database.writing() as transaction:
        place.keys[COMMUNES[-1]] = agencies.new_key(transaction, scene.agency(COMMUNES[-1]), now=utc_now())
    clerk = place.clerk(COMMUNES[-1])
    assert [clerk.take(item) for item in clerk.inbox()] == list(bodies.values())
    assert Counter(sender.holdings(last).values()) == {"waiting": MANY - 1, "holds": 1}


class Failing:
    """An adapter under which two agencies fail: one refuses everything, the other's system answers with errors."""

    def __init__(self, mailbox):
        self._mailbox, self.asked = mailbox, Counter()

    def hand_over(self, work):
        self.asked[work.recipient] += 1
        if work.recipient == COMMUNES[0]:
            return Refused("không nhận văn bản")
        if work.recipient == COMMUNES[1]:
            return TryLater("500 Internal Server Error", cause=Cause.REFUSING)
        return self._mailbox.hand_over(work)


def test_one_that_fails_does_not_touch_the_others(open_line):
    systems = []

    def failing(scene):
        a_thousand_communes(scene)
        systems.append(Failing(scene.hub.agencies["mailbox"]))
        scene.hub = replace(scene.hub, agencies={"mailbox": systems[0]})

    line = open_line(failing)
    scene, (system,) = line.scene, systems
    started = time.monotonic()
    sent = scene.post(fresh(to=COMMUNES[:FEW])).consignment
    wanted = {"in_hand": FEW - 2, "refused": 1, "due": 1}
    assert eventually(lambda: states(scene, sent.id) == wanted, seconds=GENEROUS_SECONDS)
    took = time.monotonic() - started
    print(f"{scene.database.engine.dialect.name}: {FEW - 2} placed beside two that fail after {took:.2f} s")
    made = scene.deliveries(sent.id)
    assert (made[COMMUNES[0]].state, made[COMMUNES[0]].reason) == ("refused", "không nhận văn bản")
    assert eventually(lambda: scene.deliveries(sent.id)[COMMUNES[1]].cause == Cause.REFUSING)
    assert {one.attempts for code, one in made.items() if code not in COMMUNES[:2]} == {1}
    assert set(system.asked.values()) == {1}, "nobody was asked twice"
    kinds = scene.timeline(sent.id)
    assert (kinds.count("placed"), kinds.count("refused"), kinds.count("deferred")) == (FEW - 2, 1, 1)
    assert scene.receipts(sent.id).count("ContentHandoverFailure") == 1


def a_thousand_communes(scene):
    """A province with a thousand communes, and a group that means all of them."""
    now = utc_now()
    common = {"status": "open", "changed_at": now, "parent_key": PARENT}
    rows = [{"code_key": code, "code": code, "name": f"Xã {code}", **common} for code in COMMUNES]
    with scene.database.writing() as transaction:
        agencies.keep(transaction, Agency(PARENT, "Tỉnh nghìn xã"), now=now)
        transaction.execute(sa.insert(tables.agencies), rows)
        groups.keep(transaction, Group(ALL, "Mọi xã", GroupKind.BELOW, PARENT), now=now)


def states(scene, consignment_id):
    """How many deliveries of a consignment are in each state."""
    found = sa.select(tables.deliveries.c.state, sa.func.count()).group_by(tables.deliveries.c.state)
    with scene.database.reading() as connection:
        rows = connection.execute(found.where(tables.deliveries.c.consignment_id == consignment_id))
        return {row[0]: row[1] for row in rows}


def sent_to_them(scene):
    """The consignments with a delivery to the first of them, in their places."""
    return [entry.consignment_id for entry in scene.inbox(COMMUNES[0])]


def kept_bodies(store):
    return {path.name for path in store.glob("???/*") if len(path.name) == 64}
