"""A pytest plugin: at the end of a run, which tests really ran on PostgreSQL and on RabbitMQ, journeys first.

Owns: that list, as `make test` shows it.
Never: decides what runs.
Source: issue 1, "How it starts" (the suite names its RabbitMQ and PostgreSQL journeys).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from itertools import groupby

import pytest

SERVICES = {"postgres": "PostgreSQL", "rabbit": "RabbitMQ"}
JOURNEYS = "tests/journeys/"
WHOLE = {"stack", "production"}  # names of fixtures and parameters that start a whole production hub


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write on each report which services its test asked for, by the names of its fixtures and parameters: the
    report, unlike the item, comes back from the worker of a run on several cores.
    """
    report = yield
    report.on_services = sorted(services_of(_words(item)))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the tests that ran on real services."""
    ran = [report for word in ("passed", "failed") for report in terminalreporter.stats.get(word, [])]
    terminalreporter.section("on real services")
    for line in lines({report.nodeid: frozenset(getattr(report, "on_services", ())) for report in ran}):
        terminalreporter.line(line)


def _words(item: pytest.Item) -> list[str]:
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    return [*getattr(item, "fixturenames", ()), *(value for value in parameters.values() if isinstance(value, str))]


def services_of(words: Iterable[str]) -> frozenset[str]:
    """The services that fixtures and parameters of these names start."""
    names = list(words)
    if any(name in WHOLE for name in names):
        return frozenset(SERVICES.values())
    return frozenset(title for word, title in SERVICES.items() if any(word in name for name in names))


def lines(ran: dict[str, frozenset[str]]) -> Iterator[str]:
    """What to show: each journey with its services, then the other tests as counts per file."""
    on_services = {nodeid: services for nodeid, services in sorted(ran.items()) if services}
    for service in SERVICES.values():
        yield f"{service}: {sum(service in services for services in on_services.values())} tests"
    for nodeid, services in on_services.items():
        if nodeid.startswith(JOURNEYS):
            yield f"  journey  {nodeid.removeprefix(JOURNEYS)}  ({', '.join(sorted(services))})"
    others = [nodeid for nodeid in on_services if not nodeid.startswith(JOURNEYS)]
    for file, group in groupby(others, key=lambda nodeid: nodeid.split("::")[0]):
        yield f"  {len(list(group)):>4} in  {file}"
