"""The list of tests that ran on real services says what is true."""

from __future__ import annotations

import pytest

from tests.support.services_seen import lines, services_of


@pytest.mark.parametrize(
    ("words", "services"),
    [
        (["tmp_path", "postgres_url"], {"PostgreSQL"}),
        (["rabbit_server"], {"RabbitMQ"}),
        (["database_url", "postgresql"], {"PostgreSQL"}),
        (["database_url", "sqlite"], set()),
        (["stack"], {"PostgreSQL", "RabbitMQ"}),
    ],
)
def test_services_follow_from_fixtures_and_parameters(words: list[str], services: set[str]) -> None:
    assert services_of(words) == services


def test_journeys_are_named_and_the_rest_is_counted() -> None:
    both = frozenset({"PostgreSQL", "RabbitMQ"})
    ran = {
        "tests/journeys/test_lost.py::test_the_broker_is_lost": both,
        "tests/store/test_x.py::test_a": frozenset({"PostgreSQL"}),
        "tests/store/test_x.py::test_b": frozenset({"PostgreSQL"}),
        "tests/store/test_x.py::test_c": frozenset(),
    }
    assert list(lines(ran)) == [
        "PostgreSQL: 3 tests",
        "RabbitMQ: 1 tests",
        "  journey  test_lost.py::test_the_broker_is_lost  (PostgreSQL, RabbitMQ)",
        "     2 in  tests/store/test_x.py",
    ]
