"""GET of the inbox: what waits for an agency, in an order that never skips, with a long poll.

Owns: the cursor, the waiting, the ETag of a page.
Never: holds a database connection while it waits.
Source: hub-api.v1.yaml; RFC 9110 §13 (If-None-Match); threats T9 (polling storms).
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from hub.domain.agencies import code_key
from hub.domain.duties import Duty
from hub.domain.periods import vietnam_time
from hub.domain.signatures import SignatureState
from hub.stations import Hub
from hub.store import deliveries, directory, duties
from hub.web import headers, identity
from hub.web.api import parameters, shown

LONGEST_WAIT_SECONDS = 30
LOOK_AGAIN_SECONDS = 5.0  # polling stays the truth: a ring of another process may be missed on SQLite
LAST_POSITION = 2**63 - 1


def routes() -> Blueprint:
    """The path /api/v1/inbox."""
    made = Blueprint("inbox", __name__, url_prefix=f"{shown.ROOT}/inbox")
    made.before_request(identity.authenticate)
    made.add_url_rule("", view_func=get, methods=["GET"])
    return made


def get() -> Response:
    """One page of what is in hand; waits until there is something new to say, at most `wait` seconds."""
    hub = identity.the_hub()
    after = parameters.number("after", default=0, least=0, most=LAST_POSITION)
    limit = parameters.number("limit", default=50, least=1, most=200)
    wait = parameters.number("wait", default=0, least=0, most=LONGEST_WAIT_SECONDS)
    written = parameters.words("agency", longest=200)
    with hub.database.reading() as connection:
        key = code_key(identity.spoken_for(connection, written).code)
    page, tag = _awaited(hub, key, after=after, limit=limit, wait_seconds=wait)
    response = Response(status=304) if _known(tag) else Response(page, content_type="application/json")
    response.set_etag(tag)
    response.headers["Cache-Control"] = headers.REVALIDATE
    return response


def _awaited(hub: Hub, key: str, *, after: int, limit: int, wait_seconds: int) -> tuple[bytes, str]:
    bell, topic = hub.database.bell, f"inbox:{key}"
    until = time.monotonic() + wait_seconds
    while True:
        token = bell.token(topic)
        items = _look(hub, key, after=after, limit=limit)
        page = msgspec.json.encode({"items": items, "next_after": items[-1]["cursor"] if items else str(after)})
        tag = hashlib.sha256(page).hexdigest()[:32]
        left = until - time.monotonic()
        is_news = not _known(tag) if request.if_none_match else bool(items)
        if is_news or left <= 0:
            return page, tag
        bell.wait(topic, token, timeout_seconds=min(left, LOOK_AGAIN_SECONDS))


def _known(tag: str) -> bool:
    return bool(request.if_none_match) and request.if_none_match.contains_weak(tag)


def _look(hub: Hub, key: str, *, after: int, limit: int) -> list[dict[str, Any]]:
    with hub.database.reading() as connection:
        found = deliveries.inbox(connection, key, after=after, limit=limit)
        names = directory.names_of(connection, {row.consignment_sender_key for _, row in found})
        asked = duties.asked_about(connection, {entry.same_as for entry, _ in found if entry.same_as})
    return [_item(delivery, row, names) | _asked(delivery, asked) for delivery, row in found]


def _about(said: dict[str, Any] | None) -> dict[str, str] | None:
    """The document that a status message is about, and its code; None for documents."""
    if said is None:
        return None
    answered = said["response_for"]
    return {"document_id": answered["document_id"], "notation": answered["code"], "status": said["status_code"]}


def _asked(notice: deliveries.Delivery, asked: dict[str, Duty]) -> dict[str, Any]:
    """What this message asks about a copy that the recipient holds, until when, and where it is answered."""
    duty = asked.get(notice.same_as or "")
    if duty is None:
        return {"duty": None}
    told = {"delivery": duty.delivery_id, "kind": duty.kind.value, "due_at": vietnam_time(duty.due_at)}
    return {"duty": told | {"answer": f"{shown.ROOT}/deliveries/{duty.delivery_id}/status"}}


def _item(delivery: deliveries.Delivery, row: Any, names: dict[str, str]) -> dict[str, Any]:
    address = f"{shown.ROOT}/deliveries/{delivery.id}"
    return {
        "cursor": str(delivery.position),
        "delivery": delivery.id,
        "consignment": delivery.consignment_id,
        "sender": row.consignment_sender_key,
        "sender_name": names.get(row.consignment_sender_key, ""),
        **shown.summary(row.consignment_header, kind=row.consignment_kind),
        "about": _about(row.consignment_header["status"]),
        "document_id": row.consignment_document_id,
        "notation": row.consignment_notation,
        "issued_on": row.consignment_issued_on.isoformat() if row.consignment_issued_on else None,
        "signature": SignatureState(row.consignment_signature_state).shown,
        "replaces_paper": row.consignment_replaces_paper,
        "attachments": len(row.consignment_header["attachments"]),
        "size_bytes": row.consignment_size_bytes,
        "sha256": row.consignment_sha256,
        "placed_at": vietnam_time(delivery.placed_at),
        "links": {"envelope": f"{address}/envelope", "ack": f"{address}/ack", "status": f"{address}/status"},
    }
