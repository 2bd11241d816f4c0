"""Every refusal and fault as RFC 9457 problem details, with our stable codes and both languages.

Owns: the mapping from HubErrors and the web framework's errors to `application/problem+json`.
Never: shows a traceback, a path, a statement or another agency's data.
Source: RFC 9457; design §7.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta

import msgspec
import structlog
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestedRangeNotSatisfiable
from werkzeug.routing import RoutingException

from hub.domain.findings import describe_error, error_sentences
from hub.errors import ClientGone, Deferral, HubError, NotAuthenticated, TooLarge

log = structlog.get_logger()
TYPE = "application/problem+json"
RETRY_AFTER = timedelta(seconds=5)  # when a deferral names no time of its own
_HTTP_CODES = {
    404: "request.no_such_path",
    405: "request.method_not_allowed",
    413: "envelope.too_large",
    415: "request.unsupported_media_type",
    416: "request.range_not_satisfiable",
}


def register(app: Flask) -> None:
    """Every exception of every view becomes a problem."""
    app.register_error_handler(HubError, of_hub_error)
    app.register_error_handler(HTTPException, of_http_error)
    app.register_error_handler(Exception, of_bug)


def of_hub_error(error: HubError) -> Response:
    """A HubError in the words of its class."""
    if isinstance(error, Deferral):
        log.warning("request_was_deferred", code=error.code, reason=str(error))
    elif error.http >= 500:
        log.error("request_failed", code=error.code, exc_info=error)
    else:
        log.info("request_was_refused", code=error.code, reason=str(error))
    response = problem(error.code, status=error.http, facts=error.facts)
    if isinstance(error, NotAuthenticated):
        response.headers["WWW-Authenticate"] = 'Bearer realm="hub"'
    if isinstance(error, TooLarge | ClientGone):
        response.headers["Connection"] = "close"  # the rest of the body is not read
    if error.retryable or error.retry_after is not None:
        response.headers["Retry-After"] = seconds(error.retry_after or RETRY_AFTER)
    return response


def of_http_error(error: HTTPException) -> Response | HTTPException:
    """What the framework refuses by itself: unknown paths, methods, types, ranges."""
    if isinstance(error, RoutingException) or error.code is None or error.code < 400:
        return error
    facts = {"method": request.method, "expected": str(error.description)}
    code = _HTTP_CODES.get(error.code, "request.refused" if error.code < 500 else "hub.error")
    response = problem(code, status=error.code, facts=facts)
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods))
    if isinstance(error, RequestedRangeNotSatisfiable) and error.length is not None:
        response.headers["Content-Range"] = f"{error.units} */{error.length}"
    return response


def of_bug(error: Exception) -> Response:
    """Anything unexpected: the traceback goes to the log, only the trace id to the caller."""
    log.error("request_failed", code=HubError.code, exc_info=error)
    return problem(HubError.code, status=500, facts={})


def problem(code: str, *, status: int, facts: Mapping[str, str]) -> Response:
    """One problem document; `facts` fill its sentences."""
    words, titles = describe_error(code, facts), error_sentences()[code]
    body = {
        "type": f"urn:hub:problem:{code}",
        "title": titles["title_vi"],
        "title_en": titles["title_en"],
        "status": status,
        "code": code,
        "detail": words.vi,
        "detail_en": words.en,
        "fix": words.fix_vi,
        "fix_en": words.fix_en,
        "source": words.source,
        "trace_id": g.get("trace_id", ""),
        "instance": f"urn:hub:trace:{g.get('trace_id', '')}",
    }
    return Response(msgspec.json.encode(body), status=status, content_type=TYPE)


def seconds(wait: timedelta) -> str:
    """A Retry-After value: whole seconds, at least one."""
    return str(max(1, math.ceil(wait.total_seconds())))
