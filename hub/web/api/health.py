"""healthz: the process lives. readyz: it can do its work now.

Owns: the list of checks of this process.
Never: asks for what this process does not need (the broker, for the API).
Source: design §4; hub-api.v1.yaml.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from flask import Blueprint, Response

from hub.errors import HubError
from hub.stations import Hub
from hub.store import schema
from hub.web import identity
from hub.web.api import bodies

log = structlog.get_logger()


def routes(publisher_connected: Callable[[], bool] | None) -> Blueprint:
    """The paths /healthz and /readyz; `publisher_connected` adds what is known of the broker."""

    def readyz() -> Response:
        """All checks of this process."""
        return _ready(identity.the_hub(), publisher_connected)

    made = Blueprint("health", __name__)
    made.add_url_rule("/healthz", view_func=healthz, methods=["GET"])
    made.add_url_rule("/readyz", view_func=readyz, methods=["GET"])
    return made


def healthz() -> Response:
    """The process answers; nothing else is asked."""
    return bodies.json({"status": "alive"})


def _ready(hub: Hub, publisher_connected: Callable[[], bool] | None) -> Response:
    checks = [_check("database", lambda: _database(hub)), _check("payloads", lambda: _payloads(hub))]
    ready = all(check["ok"] for check in checks)
    if publisher_connected is not None:
        connected = publisher_connected()
        words = "ok" if connected else "away; accepted documents wait in the outbox"
        checks.append({"name": "broker", "ok": connected, "required": False, "says": words})
    return bodies.json({"ready": ready, "checks": checks}, status=200 if ready else 503)


def _check(name: str, ask: Callable[[], str]) -> dict[str, Any]:
    """One check; what it says in detail goes to the log, not to strangers."""
    try:
        trouble = ask()
    except HubError as error:
        trouble = error.code
        log.warning("readiness_check_failed", check=name, reason=str(error))
    return {"name": name, "ok": not trouble, "required": True, "says": trouble or "ok"}


def _database(hub: Hub) -> str:
    return "" if schema.version(hub.database) == schema.newest() else "schema is not current: run `hub db upgrade`"


def _payloads(hub: Hub) -> str:
    if hub.payloads.free_bytes() < hub.settings.min_free_bytes:
        return "less space is free than min_free_bytes"
    hub.payloads.begin().discard()
    return ""
