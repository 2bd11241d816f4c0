"""A missing server skips loudly, with a count; under CI it fails."""

from __future__ import annotations

import pytest

from tests.support.private_server import Availability
from tests.support.servers import PrivateRabbit

pytest_plugins = ["pytester"]

CONFTEST = """
from tests.support.fixtures import *

def pytest_terminal_summary(terminalreporter):
    service_summary(terminalreporter)
"""
TESTS = """
import pytest

def test_one(rabbit_url): ...
def test_two(rabbit_url): ...
def test_three(): ...
def test_four(): pytest.skip("another reason")
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    missing = Availability(False, "apt-get install rabbitmq-server")
    monkeypatch.setattr(PrivateRabbit, "available", staticmethod(lambda: missing))
    monkeypatch.delenv("HUB_TEST_RABBIT_URL", raising=False)
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(TESTS)
    return pytester


def test_skips_are_counted_with_their_reason(suite, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    result = suite.runpytest()
    result.assert_outcomes(passed=1, skipped=3)
    result.stdout.fnmatch_lines(["SERVICE TESTS SKIPPED: 2 — apt-get install rabbitmq-server"])


def test_under_ci_such_a_skip_is_a_failure(suite, monkeypatch):
    monkeypatch.setenv("CI", "true")
    result = suite.runpytest()
    result.assert_outcomes(passed=1, skipped=1, errors=2)
    result.stdout.no_fnmatch_line("SERVICE TESTS SKIPPED*")


def test_a_url_from_the_environment_is_used_instead(rabbit_url, suite, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("HUB_TEST_RABBIT_URL", rabbit_url.split("?")[0])
    suite.runpytest().assert_outcomes(passed=3, skipped=1)
