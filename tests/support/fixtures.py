"""Fixtures that give a test its own database and its own queues, and the loud count of service skips.

Owns: which server is used (environment first, else a private one per session) and what is cleaned up.
Never: starts anything that no test asked for.
"""

from __future__ import annotations

import os
import secrets
import signal
from collections.abc import Callable, Iterator

import pika
import psycopg
import pytest
from psycopg import sql

from hub.broker import topology
from hub.broker.endpoints import endpoints
from tests.support.servers import PrivatePostgres, PrivateRabbit

POSTGRES_VARIABLE = "HUB_TEST_POSTGRES_URL"
RABBIT_VARIABLE = "HUB_TEST_RABBIT_URL"
MARK = "service not available:"


def unavailable(advice: str) -> None:
    """Skip the test, counted at the end of the run; under CI=true fail it."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{MARK} {advice} (a skip of this kind is a failure under CI)")
    pytest.skip(f"{MARK} {advice}")


def service_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line at the end of the run when tests were skipped for want of a server."""
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if MARK in str(report.longrepr)]
    if skipped:
        reasons = sorted({str(report.longrepr[2]).split(MARK)[1].strip() for report in skipped})
        terminalreporter.section("service tests")
        terminalreporter.line(f"SERVICE TESTS SKIPPED: {len(skipped)} — {'; '.join(reasons)}", red=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PrivatePostgres]:
    """A private PostgreSQL that a test may kill and restart; never the one from the environment."""
    found = PrivatePostgres.available()
    if not found.ok:
        unavailable(found.advice)
    with PrivatePostgres() as server:
        yield server


@pytest.fixture(scope="session")
def rabbit_server() -> Iterator[PrivateRabbit]:
    """A private RabbitMQ that a test may kill and restart; never the one from the environment."""
    found = PrivateRabbit.available()
    if not found.ok:
        unavailable(found.advice)
    with PrivateRabbit() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_admin_url(request: pytest.FixtureRequest) -> str:
    """A server on which databases may be created: HUB_TEST_POSTGRES_URL or a private one."""
    return os.environ.get(POSTGRES_VARIABLE) or request.getfixturevalue("postgres_server").url


@pytest.fixture(scope="session")
def make_postgres_database(postgres_admin_url: str) -> Iterator[Callable[..., str]]:
    """A function: `make_postgres_database(template="template1")` gives the URL of a new database.

    To start each test from a migrated state, migrate one database once and name it as the template
    (nobody may be connected to it); `psycopg.conninfo` or SQLAlchemy tell its name from its URL.
    """
    made: list[str] = []

    def make(*, template: str = "template1") -> str:
        name = f"hub_test_{secrets.token_hex(6)}"
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with psycopg.connect(postgres_admin_url, autocommit=True) as connection:
            connection.execute(create.format(sql.Identifier(name), sql.Identifier(template)))
        made.append(name)
        return _with_database(postgres_admin_url, name)

    yield make
    with psycopg.connect(postgres_admin_url, autocommit=True) as connection:
        for name in made:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
            connection.execute(drop.format(sql.Identifier(name)))


@pytest.fixture
def postgres_url(make_postgres_database: Callable[..., str]) -> str:
    """An empty database for this test alone (`postgresql://…`, which SQLAlchemy 2.1 opens by psycopg 3)."""
    return make_postgres_database()


@pytest.fixture
def rabbit_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A broker URL with a name prefix for this test alone; its queues are deleted afterwards."""
    server = os.environ.get(RABBIT_VARIABLE) or request.getfixturevalue("rabbit_server").url
    url = with_prefix(server, f"test-{secrets.token_hex(4)}.")
    yield url
    delete_topology(url)


def with_prefix(url: str, prefix: str) -> str:
    """The broker URL with a name prefix of its own."""
    return f"{url}{'&' if '?' in url else '?'}prefix={prefix}"


def delete_topology(url: str) -> None:
    """Remove every queue and exchange of the hub under the URL's prefix."""
    endpoint = endpoints(url)[0]
    connection = pika.BlockingConnection(endpoint.parameters)
    channel = connection.channel()
    for queue in topology.QUEUES:
        channel.queue_delete(endpoint.prefix + queue.name)
    for exchange in (topology.WORK_EXCHANGE, topology.DEAD):
        channel.exchange_delete(endpoint.prefix + exchange)
    connection.close()


def _with_database(url: str, name: str) -> str:
    server, _, _ = url.rpartition("/")
    return f"{server}/{name}"


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """Presses Ctrl-C, also in a run that a script put into the background: such a run ignores it from the start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)
