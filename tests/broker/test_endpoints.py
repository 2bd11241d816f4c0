"""Reading the broker URL, and the waits between attempts."""

from __future__ import annotations

from itertools import islice

import pytest

from hub.broker.endpoints import delays, endpoints
from hub.errors import Misconfigured


def test_a_url_is_read_with_our_defaults():
    (found,) = endpoints("amqp://user:p%40ss@broker/van-ban")
    assert (found.parameters.host, found.parameters.port) == ("broker", 5672)
    assert found.parameters.virtual_host == "van-ban"
    assert found.parameters.credentials.password == "p@ss"
    assert found.parameters.heartbeat == 30
    assert found.prefix == ""
    assert "p@ss" not in found.address


def test_several_nodes_prefix_and_own_heartbeat():
    first, second = endpoints("amqp://u:p@one/v?prefix=a.&heartbeat=7, amqps://u:p@two/v?prefix=a.")
    assert (first.prefix, second.prefix) == ("a.", "a.")
    assert first.parameters.heartbeat == 7
    assert second.parameters.port == 5671
    assert second.parameters.ssl_options is not None


@pytest.mark.parametrize(
    "url",
    ["", " , ", "http://one/", "one:5672", "amqp://u:p@one:port/", "amqp://one/?colour=red", "amqp://u@one/"],
)
def test_a_bad_url_names_the_setting_and_the_fix(url):
    with pytest.raises(Misconfigured, match="broker URL"):
        endpoints(url)


def test_the_waits_grow_to_half_a_minute_and_are_spread():
    waits = list(islice(delays(), 8))
    for wait, expected in zip(waits, (1, 2, 5, 10, 30, 30, 30, 30), strict=True):
        assert expected * 0.8 <= wait <= expected * 1.2
    assert waits != list(islice(delays(), 8))
