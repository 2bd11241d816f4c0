"""The table of workers, the heartbeat, the work that a wake starts."""

from __future__ import annotations

from datetime import timedelta

from hub.broker.messages import Wake
from hub.broker.topology import LANES, QUEUES, queues_of
from hub.processes import STATIONS, work_for
from hub.processes.loop import HEARTBEAT_EVERY, Heartbeat
from hub.processes.workers import WORKERS
from hub.store import heartbeats


def test_every_station_has_a_worker_and_every_queue_a_reader():
    read = [name for worker in WORKERS.values() for name in worker.queues]
    assert sorted(read) == sorted(name for station in STATIONS for name in queues_of(station))
    assert set(read) == {queue.name for queue in QUEUES if queue.exchange != queue.name}


def test_no_worker_takes_daily_traffic_before_what_is_urgent():
    for worker in WORKERS.values():
        lanes = [LANES.index(name.partition(".")[2]) for name in worker.queues if "." in name]
        assert lanes == sorted(lanes)


def test_a_wake_runs_its_station(scene):
    sent = scene.accepted(1)
    work_for(scene.hub)(Wake(outbox_id=1, station="route", work_id=sent.id, lane="normal"))
    assert scene.consignment(sent.id).state == "routed"


def test_a_heartbeat_is_written_at_most_every_ten_seconds(scene):
    heartbeat = Heartbeat(scene.hub, "relay")
    for facts in ({"n": 1}, {"n": 2}):
        heartbeat.beat(facts)
    assert _facts(scene) == {"n": 1}
    scene.clock.ahead = HEARTBEAT_EVERY + timedelta(seconds=1)
    heartbeat.beat({"n": 3})
    assert _facts(scene) == {"n": 3}


def _facts(scene):
    with scene.database.reading() as connection:
        ((process, (_, facts)),) = heartbeats.last(connection).items()
    assert process.startswith("relay@")
    return facts
