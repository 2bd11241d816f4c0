"""What all tests share: the service fixtures, the marks, and the count of service tests skipped."""

from __future__ import annotations

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.support.fixtures import (  # noqa: F401 (fixtures are found by name)
    ctrl_c,
    make_postgres_database,
    postgres_admin_url,
    postgres_server,
    postgres_url,
    rabbit_server,
    rabbit_url,
    service_summary,
)
from tests.support.stacks import (  # noqa: F401
    database,
    database_url,
    make_fast_database,
    open_scene,
    postgres_database,
    postgres_scene,
    postgres_template,
    scene,
    sqlite_template,
)

# No test passes or fails on time: a machine may be busy.
settings.register_profile("hub", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hub")


def pytest_configure(config: pytest.Config) -> None:
    """The marks of this suite; logs as plain text (pretty tracebacks cost 60 ms each)."""
    config.addinivalue_line("markers", "slow: takes seconds (kills and restarts servers)")
    config.addinivalue_line("markers", "service: needs a real PostgreSQL or RabbitMQ")
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, structlog.stdlib.add_log_level, plain])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says how many service tests were skipped, and why."""
    service_summary(terminalreporter)
