"""Who calls, and for which agencies it may speak.

Owns: the bearer key, the states of an agency that stop a caller, the question `speaks_for`, when a system last called.
Never: keeps or logs a key; tells an unknown thing from another agency's.
Source: RFC 6750; Decision 28/2018/QĐ-TTg Art. 6(1) (authentic origin); threats T3 (other agencies' ids).
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import structlog
from flask import Response, after_this_request, current_app, g, request

from hub.domain.agencies import Agency, AgencyStatus, code_key, may_speak_for
from hub.errors import AgencySuspended, NoSuchThing, NotAllowed, NotAuthenticated
from hub.stations import Hub
from hub.store import agencies, radar

log = structlog.get_logger()
LONGEST_KEY = 200  # characters; ours have 47
EXTENSION = "hub"
_CALLS = "hub.calls"
_NOTED_EVERY = timedelta(minutes=1)  # per agency and process


class _Calls:
    """When each agency's call was last noted by this application; one entry per agency that ever called."""

    def __init__(self) -> None:
        self._lock, self._noted = threading.Lock(), dict[str, datetime]()

    def is_news(self, key: str, at: datetime) -> bool:
        """True when a minute has passed since the last time that this was said."""
        with self._lock:
            last = self._noted.get(key)
            if last is not None and at - last < _NOTED_EVERY:
                return False
            self._noted[key] = at
            return True


def the_hub() -> Hub:
    """The hub that this application serves."""
    return current_app.extensions[EXTENSION]


def authenticate() -> None:
    """Find the caller by its key, in one query. Raises NotAuthenticated; NotAllowed for a closed agency."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    key = key.strip()
    if scheme.lower() != "bearer" or not key or len(key) > LONGEST_KEY:
        raise NotAuthenticated("no bearer key")
    with the_hub().database.reading() as connection:
        found = agencies.of_key(connection, key)
    if found is None:
        raise NotAuthenticated("unknown or revoked key")
    g.caller, g.key_id = found
    if g.caller.status is AgencyStatus.CLOSED:
        raise NotAllowed(f"{g.caller.code} is closed", reason="closed")
    _note_call(g.caller)


def _note_call(agency: Agency) -> None:
    """The agency's system called: noted after the answer is made, when no other transaction of it is open."""
    key, now = code_key(agency.code), the_hub().now()
    calls: _Calls = current_app.extensions.setdefault(_CALLS, _Calls())
    if not calls.is_news(key, now):
        return

    @after_this_request
    def write(response: Response) -> Response:
        try:
            with the_hub().database.writing(repeatable=True, gives_way=True) as transaction:
                radar.seen(transaction, key, now)
        except Exception as trouble:  # the request was answered: a note that is missing does no harm
            log.warning("call_was_not_noted", agency=key, reason=type(trouble).__name__)
        return response


def caller() -> Agency:
    """The agency that calls; views behind `authenticate` always have one."""
    return g.caller


def sending_caller() -> Agency:
    """The caller, when it may send now. Raises AgencySuspended."""
    if caller().status is AgencyStatus.SUSPENDED:
        raise AgencySuspended(f"{caller().code} is suspended", agency=caller().code)
    return caller()


def speaks_for(connection: Any, key: str) -> bool:
    """True when the caller is the agency with this code key or may speak for it."""
    if code_key(caller().code) == key:
        return True
    named = agencies.find(connection, key)
    return named is not None and may_speak_for(caller(), named, look_up=lambda code: agencies.find(connection, code))


def spoken_for(connection: Any, written: str) -> Agency:
    """The agency that a parameter names, the caller when it names none. Raises NoSuchThing when it may not."""
    if not written:
        return caller()
    named = agencies.find(connection, code_key(written)) if code_key(written) else None
    if named is None or not speaks_for(connection, code_key(named.code)):
        raise NoSuchThing(f"{caller().code} does not speak for {written!r}")
    _note_call(named)
    return named
