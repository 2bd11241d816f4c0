"""What takes days in life: the clock is moved, the stations and the broker are real."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hub.ports import Delivered, TryLater
from tests.journeys.conftest import eventually
from tests.support.scenes import document, signed


class DownForADay:
    """An agency's system that answers again after a day."""

    def __init__(self, scene) -> None:
        self._scene, self.asked = scene, []

    def hand_over(self, work):
        if work.recipient == "G22":  # the sender hears that it arrived
            return Delivered("đã nhận")
        self.asked.append(work.attempt)
        if self._scene.clock.ahead < timedelta(days=1):
            return TryLater("không kết nối được")
        return Delivered("đã nhận")


def test_the_recipient_is_down_for_a_day(open_line):
    systems = []

    def down(scene):
        systems.append(DownForADay(scene))
        scene.hub = replace(scene.hub, agencies={"mailbox": systems[0]})

    line = open_line(down)
    scene, (system,) = line.scene, systems
    sent = scene.post(signed(document(1, to=("H41",)))).consignment
    assert eventually(lambda: system.asked == [1], seconds=20)
    while scene.clock.ahead < timedelta(days=1):
        asked = len(system.asked)
        assert eventually(lambda: scene.deliveries(sent.id)["H41"].attempts == len(system.asked), seconds=20)
        scene.clock.ahead = scene.deliveries(sent.id)["H41"].next_attempt_at - sent.received_at + timedelta(seconds=1)
        line.tick()
        assert eventually(lambda: len(system.asked) > asked, seconds=20)  # noqa: B023
    assert eventually(lambda: scene.consignment(sent.id).state == "closed", seconds=20)
    assert system.asked == list(range(1, len(system.asked) + 1))
    assert 10 < len(system.asked) < 25
    kinds = scene.timeline(sent.id)
    assert (kinds.count("deferred"), kinds.count("handed_over")) == (len(system.asked) - 1, 1)
    assert scene.receipts(sent.id).count("ContentHandover") == 1


def test_a_held_consignment_is_judged_again(open_line, monkeypatch):
    line = open_line()
    held, arrive = line.scene.held(monkeypatch)
    line.scene.clock.ahead = timedelta(minutes=6)
    line.tick()
    assert line.scene.consignment(held.id).state == "held"
    arrive()
    line.scene.clock.ahead = timedelta(minutes=13)
    line.tick()
    assert eventually(lambda: len(line.scene.deliveries(held.id)) == 2, seconds=20)
    assert eventually(lambda: {d.state for d in line.scene.deliveries(held.id).values()} == {"in_hand"}, seconds=20)
    assert line.scene.receipts(held.id) == ["SubmissionAcceptance"]


def test_a_held_consignment_expires(open_line, monkeypatch):
    line = open_line()
    held, _ = line.scene.held(monkeypatch)
    line.scene.clock.ahead = timedelta(hours=71)
    line.tick()
    assert line.scene.consignment(held.id).state == "held"
    line.scene.clock.ahead = timedelta(hours=73)
    line.tick()
    ended = line.scene.consignment(held.id)
    assert (ended.state, line.scene.receipts(held.id)) == ("rejected", ["SubmissionRejection"])
    assert "held.expired" in {finding.code for finding in ended.findings}
