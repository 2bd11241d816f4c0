"""Publishing with confirms to a real RabbitMQ."""

from __future__ import annotations

import threading
import time

import pytest

from hub.broker import messages, topology
from hub.broker.messages import MalformedWake, Wake
from hub.broker.publisher import Publisher
from hub.errors import BrokerUnavailable, Misconfigured
from tests.broker.conftest import Queues, eventually, wake
from tests.support.private_server import START_SECONDS, free_port

pytestmark = pytest.mark.service


def test_each_wake_is_confirmed_and_lies_in_its_queue(publisher, queues: Queues):
    wakes = [
        wake(1, lane="urgent"),
        wake(2),
        wake(3, lane="bulk"),
        wake(4, station="deliver", lane="urgent"),
        wake(5, station="tally", lane="urgent"),
        wake(6, station="tally", lane="bulk"),
    ]
    assert publisher.publish(wakes, timeout_seconds=60) == {1, 2, 3, 4, 5, 6}
    (body,) = queues.take_all("deliver.urgent")
    assert messages.decode(body) == wakes[3]
    assert {name: depth for name, depth in queues.depths().items() if depth} == {
        "route.urgent": 1,
        "route.normal": 1,
        "route.bulk": 1,
        "tally": 2,
    }


def test_a_batch_far_larger_than_the_window_is_confirmed(rabbit_url, queues: Queues):
    publisher = Publisher(rabbit_url, window=7)
    publisher.start()
    assert publisher.wait_connected(START_SECONDS)
    assert publisher.publish([wake(n) for n in range(500)], timeout_seconds=30) == set(range(500))
    publisher.stop()
    assert queues.depths()["route.normal"] == 500


def test_several_threads_publish_at_once(publisher, queues: Queues):
    results: list[set[int]] = []

    def publish(start: int) -> None:
        results.append(publisher.publish([wake(n) for n in range(start, start + 200)], timeout_seconds=30))

    threads = [threading.Thread(target=publish, args=(start,)) for start in (0, 1000, 2000)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(len(result) for result in results) == [200, 200, 200]
    assert queues.depths()["route.normal"] == 600


def test_an_empty_batch_is_nothing(publisher):
    assert publisher.publish([], timeout_seconds=1) == set()


def test_an_unroutable_wake_is_not_in_the_answer_and_is_an_alarm(publisher, queues: Queues):
    channel = queues.channel()
    channel.queue_unbind(queues.prefix + "route.bulk", queues.prefix + topology.WORK_EXCHANGE, "route.bulk")
    wakes = [wake(1), wake(2, lane="bulk"), wake(3), wake(2)]
    assert publisher.publish([*wakes[:3]], timeout_seconds=60) == {1, 3}
    assert publisher.unroutable == 1
    assert publisher.publish([wakes[3]], timeout_seconds=60) == {2}


def test_a_malformed_wake_is_refused_before_anything_is_sent(publisher, queues: Queues):
    with pytest.raises(MalformedWake):
        publisher.publish([wake(1), Wake(outbox_id=2, station="route", work_id=" ", lane="normal")], timeout_seconds=5)
    assert not any(queues.depths().values())


def test_time_over_returns_what_is_confirmed_and_the_publisher_goes_on(publisher, queues: Queues):
    assert publisher.publish([wake(n) for n in range(3000)], timeout_seconds=0.0) < set(range(3000))
    assert publisher.publish([wake(5000)], timeout_seconds=30) == {5000}
    assert queues.depths()["route.normal"] < 2000  # what nobody waits for any more is not sent


def test_no_more_than_the_window_awaits_its_confirm(rabbit_url, queues: Queues):
    publisher = Publisher(rabbit_url, window=7)
    publisher.start()
    assert publisher.wait_connected(START_SECONDS)
    thread = threading.Thread(target=lambda: publisher.publish([wake(n) for n in range(1000)], timeout_seconds=30))
    thread.start()
    outstanding = []
    while thread.is_alive():
        outstanding.append(len(publisher._session._outstanding))
    publisher.stop()
    assert 1 < max(outstanding) <= 7


def test_stop_lets_a_waiting_batch_go_with_what_was_confirmed(rabbit_url, queues: Queues):
    publisher = Publisher(rabbit_url, window=1)
    publisher.start()
    assert publisher.wait_connected(START_SECONDS)
    results: list[set[int]] = []
    everything = [wake(n) for n in range(20_000)]
    thread = threading.Thread(target=lambda: results.append(publisher.publish(everything, timeout_seconds=60)))
    thread.start()
    assert eventually(lambda: queues.depths()["route.normal"] > 50)
    publisher.stop()
    thread.join(5)
    assert not thread.is_alive()
    assert 50 < len(results[0]) < 20_000


def test_before_the_start_and_after_the_stop_it_is_unavailable(rabbit_url, queues: Queues):
    publisher = Publisher(rabbit_url)
    with pytest.raises(BrokerUnavailable):
        publisher.publish([wake(1)], timeout_seconds=1)
    publisher.start()
    assert publisher.wait_connected(START_SECONDS)
    publisher.stop()
    assert not publisher.connected
    with pytest.raises(BrokerUnavailable, match="stopped"):
        publisher.publish([wake(1)], timeout_seconds=1)


def test_nobody_there_is_unavailable_at_once_and_stop_is_quick():
    publisher = Publisher(f"amqp://u:p@127.0.0.1:{free_port()}/")
    publisher.start()
    assert not publisher.wait_connected(0.5)
    with pytest.raises(BrokerUnavailable):
        publisher.publish([wake(1)], timeout_seconds=5)
    began = time.monotonic()
    publisher.stop()
    assert time.monotonic() - began < 2


def test_the_next_node_is_tried_when_the_first_is_down(rabbit_url, queues: Queues):
    publisher = Publisher(f"amqp://u:p@127.0.0.1:{free_port()}/,{rabbit_url}")
    publisher.start()
    assert publisher.wait_connected(START_SECONDS)
    assert publisher.publish([wake(1)], timeout_seconds=60) == {1}
    publisher.stop()


def test_a_refused_topology_keeps_it_unconnected_and_says_why(rabbit_url, queues: Queues):
    channel = queues.channel()
    channel.queue_delete(queues.prefix + "tally")
    channel.queue_declare(queues.prefix + "tally", durable=True, arguments={"x-queue-type": "quorum"})
    publisher = Publisher(rabbit_url)
    publisher.start()
    assert eventually(lambda: "PRECONDITION" in publisher._trouble(publisher._session))
    with pytest.raises(BrokerUnavailable, match="PRECONDITION"):
        publisher.publish([wake(1)], timeout_seconds=1)
    publisher.stop()


def test_a_bad_url_is_told_at_once():
    with pytest.raises(Misconfigured):
        Publisher("http://broker/")
