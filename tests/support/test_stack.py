"""The stack that journeys and `make stack` use: it starts, loses a process, gets it back, leaves nothing behind."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.fixtures import unavailable
from tests.support.servers import PrivatePostgres, PrivateRabbit
from tests.support.stack import PROCESSES, Stack, table


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    for server in (PrivatePostgres.available(), PrivateRabbit.available()):
        if not server.ok:
            unavailable(server.advice)
    with Stack(tmp_path / "stack", settings={"HUB_NAME": "test-hub"}) as started:
        yield started
        pids = [process.pid for process in started.processes.values()]
    assert not any(pid is not None and psutil.pid_exists(pid) for pid in pids), "a process was left behind"


@pytest.mark.service
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_process_is_killed_and_comes_back(stack: Stack) -> None:
    assert set(stack.processes) == set(PROCESSES)
    assert stack.env["HUB_NAME"] == "test-hub"
    assert "relay" in table(stack)
    before = stack.processes["relay"].pid
    stack.kill("relay")
    assert not psutil.pid_exists(before)
    with urllib.request.urlopen(f"{stack.url}/readyz", timeout=5) as answer:
        assert answer.status == 200, "the API does not need the relay"
    stack.restart("relay")
    assert stack.processes["relay"].pid not in (None, before)
    assert stack.hub("db", "upgrade")
