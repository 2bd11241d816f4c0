"""The web application: one Flask app over one Hub, with one access line per request.

Owns: putting the parts together, the trace id of a request, the access line.
Never: has global state; logs bodies, keys or queries.
Source: design §4 (api); W3C Trace Context §3.2 (traceparent).
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable

import structlog
from flask import Flask, Response, g, request

from hub.stations import Hub
from hub.web import headers, problems
from hub.web.api import (
    agencies,
    consignments,
    contract,
    declarations,
    deliveries,
    evidence,
    health,
    inbox,
    ledger,
    radar,
    reports,
    retry,
)
from hub.web.identity import EXTENSION

log = structlog.get_logger()
_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?", re.ASCII
)


def create_app(hub: Hub, *, publisher_connected: Callable[[], bool] | None = None) -> Flask:
    """The application; `publisher_connected` tells readyz about the broker where this process publishes itself."""
    app = Flask("hub.web", static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False  # `//api` is no path of ours, and no redirect
    app.extensions[EXTENSION] = hub
    problems.register(app)
    app.before_request(_begin)
    app.after_request(_end)
    app.teardown_request(_forget)
    of_documents = (consignments, retry, evidence, inbox, deliveries, radar, ledger)
    for part in (*of_documents, declarations, agencies, reports, contract):
        app.register_blueprint(part.routes())
    app.register_blueprint(health.routes(publisher_connected))
    return app


def _begin() -> None:
    g.began = time.perf_counter()
    g.trace_id = trace_id_of(request.headers.get("traceparent", ""))
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(trace_id=g.trace_id)


def trace_id_of(traceparent: str) -> str:
    """The caller's trace id when its header is valid, else a new one; 32 hex digits.

    >>> trace_id_of("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
    '4bf92f3577b34da6a3ce929d0e0e4736'
    """
    found = _TRACEPARENT.fullmatch(traceparent)
    return found[1] if found else secrets.token_hex(16)


def _end(response: Response) -> Response:
    response.headers["X-Trace-Id"] = g.trace_id
    caller = g.get("caller")
    log.info(
        "request_was_answered",
        method=request.method,
        path=request.url_rule.rule if request.url_rule else "-",
        status=response.status_code,
        milliseconds=round((time.perf_counter() - g.began) * 1000, 1),
        caller=caller.code if caller else "-",
    )
    return headers.protect(response)


def _forget(_error: BaseException | None) -> None:
    structlog.contextvars.clear_contextvars()
