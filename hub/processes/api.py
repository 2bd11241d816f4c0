"""API: the WSGI application behind gunicorn; streams to the payload store and inserts rows.

Owns: making the application of one worker.
Never: opens AMQP or reaches outward.
Source: design §4.
"""

from __future__ import annotations

from wsgiref.types import WSGIApplication

from hub import settings, wiring
from hub.processes import logs
from hub.web.app import create_app


def application() -> WSGIApplication:
    """The application of `hub run api`. Raises Misconfigured."""
    configured = settings.load()
    logs.configure(configured.log_format)
    return create_app(wiring.open_hub(configured))
