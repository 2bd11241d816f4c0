"""Consuming from a real RabbitMQ: acknowledgement, dead letters, lanes, heartbeats, graceful stop."""

from __future__ import annotations

import threading
import time

import pytest
from structlog.contextvars import get_contextvars

from hub.broker import messages, topology
from hub.broker.messages import Wake
from hub.errors import AgencyUnreachable, BrokerUnavailable, Misconfigured, NoSuchThing
from tests.broker.conftest import Queues, eventually, wake
from tests.support.private_server import free_port

pytestmark = pytest.mark.service


def empty(queues: Queues) -> bool:
    return not any(queues.depths().values())


def test_every_wake_is_handled_and_acknowledged(publisher, queues: Queues, run_consumer):
    seen, contexts = [], []

    def handle(wake: Wake) -> None:
        seen.append(wake)
        contexts.append(get_contextvars())

    running = run_consumer(handle)
    wakes = [wake(n) for n in range(300)]
    publisher.publish(wakes, timeout_seconds=60)
    assert eventually(lambda: len(seen) == 300)
    running.stop()
    assert seen == wakes
    assert contexts[5] == {"trace_id": "trace-5", "station": "route", "work_id": "work-5"}
    assert empty(queues)


def test_a_deferral_is_acknowledged_because_the_schedule_owns_the_retry(publisher, queues: Queues, run_consumer):
    seen = []

    def handle(wake: Wake) -> None:
        seen.append(wake.outbox_id)
        raise AgencyUnreachable("down for a day")

    running = run_consumer(handle)
    publisher.publish([wake(1), wake(2)], timeout_seconds=60)
    assert eventually(lambda: len(seen) == 2)
    running.stop()
    assert seen == [1, 2]
    assert empty(queues)


@pytest.mark.parametrize("trouble", [ZeroDivisionError, NoSuchThing, SystemExit])
def test_anything_else_is_dead_lettered_once_and_the_worker_lives_on(publisher, queues, run_consumer, trouble):
    seen = []

    def handle(wake: Wake) -> None:
        seen.append(wake.outbox_id)
        if wake.outbox_id == 1:
            raise trouble("a defect")

    run_consumer(handle)
    publisher.publish([wake(1), wake(2)], timeout_seconds=60)
    assert eventually(lambda: queues.depths()[topology.DEAD] == 1)
    assert eventually(lambda: seen == [1, 2])
    assert messages.decode(queues.take_all(topology.DEAD)[0]) == wake(1)
    assert seen == [1, 2]


@pytest.mark.parametrize("body", [b"", b"\x00\xff", b"<edXML/>", b"{}", b"x" * 200_000])
def test_poison_goes_to_the_dead_letters_and_never_to_the_work(queues: Queues, run_consumer, publisher, body):
    seen = []
    queues.put("route.urgent", body, headers={"long": "h" * 10_000})
    run_consumer(lambda wake: seen.append(wake.outbox_id))
    publisher.publish([wake(1)], timeout_seconds=60)
    assert eventually(lambda: queues.depths()[topology.DEAD] == 1)
    assert eventually(lambda: seen == [1])
    assert queues.take_all(topology.DEAD) == [body]


def test_urgent_wakes_overtake_a_backlog_of_the_other_lanes(publisher, queues: Queues, run_consumer):
    publisher.publish([wake(n, lane="bulk") for n in range(20)], timeout_seconds=60)
    publisher.publish([wake(n) for n in range(100, 120)], timeout_seconds=60)
    publisher.publish([wake(n, lane="urgent") for n in range(200, 220)], timeout_seconds=60)
    seen: list[int] = []
    late = threading.Event()

    def handle(wake: Wake) -> None:
        time.sleep(0.03)
        seen.append(wake.outbox_id)
        if len(seen) == 25:
            late.set()

    run_consumer(handle, prefetch=5)
    assert late.wait(20)
    publisher.publish([wake(300, lane="urgent")], timeout_seconds=60)
    assert eventually(lambda: len(seen) == 61)
    urgent = [seen.index(number) for number in range(200, 220)]
    assert max(urgent) < 30  # some others go first only while an urgent one is on its way here
    assert seen.index(300) < 50
    assert [number for number in seen if number < 100] == list(range(20))


@pytest.mark.slow
def test_long_work_does_not_starve_the_heartbeats(publisher, queues: Queues, rabbit_url, run_consumer):
    seen = []

    def handle(wake: Wake) -> None:
        time.sleep(7)  # three heartbeats and a half
        seen.append(wake.outbox_id)

    run_consumer(handle, url=f"{rabbit_url}&heartbeat=2")
    publisher.publish([wake(1)], timeout_seconds=60)
    assert eventually(lambda: seen)
    time.sleep(0.3)
    assert seen == [1]
    assert empty(queues)


def test_stop_finishes_and_acknowledges_the_work_in_hand_and_gives_back_the_rest(publisher, queues, run_consumer):
    entered, seen = threading.Event(), []

    def handle(wake: Wake) -> None:
        entered.set()
        time.sleep(1.5)
        seen.append(wake.outbox_id)

    running = run_consumer(handle)
    publisher.publish([wake(1), wake(2), wake(3)], timeout_seconds=60)
    assert entered.wait(10)
    running.stop()
    assert running.error is None
    assert seen == [1]
    assert eventually(lambda: queues.depths()["route.normal"] == 2)
    left = {messages.decode(body).outbox_id for body in queues.take_all("route.normal")}
    assert left == {2, 3}


def test_stop_without_work_is_quick(queues: Queues, run_consumer):
    running = run_consumer(lambda _: None)
    time.sleep(0.5)
    began = time.monotonic()
    running.stop()
    assert time.monotonic() - began < 2.5


def test_a_deleted_queue_is_declared_again_and_consumed(publisher, queues: Queues, run_consumer):
    seen = []
    run_consumer(lambda wake: seen.append(wake.outbox_id))
    publisher.publish([wake(1)], timeout_seconds=60)
    assert eventually(lambda: seen == [1])
    queues.channel().queue_delete(queues.prefix + "route.normal")
    assert eventually(lambda: publisher.publish([wake(2)], timeout_seconds=60) == {2})
    assert eventually(lambda: seen == [1, 2])


def test_a_queue_with_other_arguments_ends_the_process_with_the_fix(queues: Queues, run_consumer):
    channel = queues.channel()
    channel.queue_delete(queues.prefix + "tally")
    channel.queue_declare(queues.prefix + "tally", durable=True, arguments={"x-queue-type": "quorum"})
    running = run_consumer(lambda _: None)
    assert eventually(lambda: not running.alive)
    assert isinstance(running.error, Misconfigured)
    assert "Drain and delete" in str(running.error)


def test_without_a_broker_it_gives_up_after_its_time(run_consumer):
    running = run_consumer(lambda _: None, url=f"amqp://u:p@127.0.0.1:{free_port()}/", give_up_seconds=0.5)
    assert eventually(lambda: not running.alive)
    assert isinstance(running.error, BrokerUnavailable)
