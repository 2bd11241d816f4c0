"""GET of the radar and of the open duties: what does not move, and what the caller owes.

Owns: the cursor, the form on the wire; rows are shown only to the sender and to the recipient of the document.
Never: shows subjects, staff or other agencies' rows.
Source: hub-api.v1.yaml; Decision 28/2018/QĐ-TTg Art. 8(2), 9(2); threats T3 (other agencies' ids).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response

from hub.domain.agencies import code_key
from hub.domain.causes import EndingCertificate, Place, Stuck
from hub.domain.duties import CHANGES, DutyKind
from hub.domain.envelopes import Urgency
from hub.domain.periods import vietnam_time
from hub.domain.statuses import StatusCode
from hub.errors import BadRequest
from hub.reports import radar as report
from hub.store import directory, radar
from hub.store.radar import Owed
from hub.web import identity, language
from hub.web.api import bodies, parameters, shown

MOST_ROWS = 500
_CURSOR = re.compile(r"([0-9]{1,3})\.([0-9]{1,12})\.([0-9]{6})\.([0-9a-f-]{36})", re.ASCII)
_LAST_SECOND = 253_402_300_799  # the end of the year 9999
_ANSWERS = {
    DutyKind.RECEIPT: (StatusCode.RECEIVED_BY_AGENCY, StatusCode.DECLINED),
    DutyKind.AT_ONCE: (StatusCode.RECEIVED_BY_AGENCY, StatusCode.DECLINED),
    DutyKind.PROCESSING: (StatusCode.COMPLETED, StatusCode.DECLINED),
}
_OF_CHANGES = (StatusCode.CHANGE_ACCEPTED, StatusCode.CHANGE_DECLINED)


def routes() -> Blueprint:
    """The paths /api/v1/radar and /api/v1/duties."""
    made = Blueprint("radar", __name__, url_prefix=shown.ROOT)
    made.before_request(identity.authenticate)
    made.add_url_rule("/radar", view_func=get_radar, methods=["GET"])
    made.add_url_rule("/duties", view_func=get_duties, methods=["GET"])
    return made


def get_radar() -> Response:
    """What an agency sent and does not move, and what waits for its acting; the most urgent first."""
    hub = identity.the_hub()
    written, after = parameters.words("agency", longest=200), _place(parameters.words("after", longest=80))
    limit = parameters.number("limit", default=100, least=1, most=MOST_ROWS)
    with hub.database.reading() as connection:
        key = code_key(identity.spoken_for(connection, written).code)
        seen = report.look(connection, hub.settings, hub.now(), agency_key=key, limit=limit, after=after)
    answer = {
        "agency": key,
        "total": seen.total,
        "counts": {cause.value: many for cause, many in sorted(seen.counts.items())},
        "items": [_item(one, key) for one in seen.stuck],
        "next_after": _cursor(seen.next) if seen.next else None,
        "certificates": [_certificate(one) for one in seen.certificates],
    }
    return bodies.json(answer)


def get_duties() -> Response:
    """What an agency owes about documents that it received, the earliest deadline first."""
    hub = identity.the_hub()
    written = parameters.words("agency", longest=200)
    limit = parameters.number("limit", default=100, least=1, most=MOST_ROWS)
    with hub.database.reading() as connection:
        key = code_key(identity.spoken_for(connection, written).code)
        owed = radar.duties_of(connection, key, limit=limit)
        names = directory.names_of(connection, {one.sender_key for one in owed})
    return bodies.json({"agency": key, "items": [_duty(one, names, hub.now()) for one in owed]})


def _place(text: str) -> Place | None:
    """The cursor of the page before. Raises BadRequest for what none of our pages gave."""
    if not text:
        return None
    found = _CURSOR.fullmatch(text)
    if found is None or int(found[2]) > _LAST_SECOND:
        raise BadRequest(f"after={text[:40]!r}", field="after", expected="next_after")
    since = datetime.fromtimestamp(int(found[2]), UTC).replace(microsecond=int(found[3]))
    return Place(int(found[1]), since, found[4])


def _cursor(place: Place) -> str:
    return f"{place.urgency}.{int(place.since.timestamp())}.{place.since.microsecond:06}.{place.item}"


def _item(one: Stuck, key: str) -> dict[str, Any]:
    words = report.sentences(one)
    return {
        "item": one.item,
        "cause": one.cause.value,
        "message": language.both(words.vi, words.en),
        "fix": language.both(words.fix_vi, words.fix_en),
        "source": words.source,
        "must_act": one.must_act,
        "mine": one.must_act == key,
        "since": vietnam_time(one.since),
        "urgency": Urgency(one.urgency).name.lower(),
        "sender": one.sender_key,
        "recipient": one.recipient_key,
        "document_id": one.document_id,
        "notation": one.notation,
        "consignment": one.consignment_id,
        "delivery": one.delivery_id,
        "facts": one.evidence,
        "links": _links(one, key),
    }


def _links(one: Stuck, key: str) -> dict[str, str]:
    """To the consignment for its sender; to what a recipient does with its delivery."""
    links: dict[str, str] = {}
    if one.sender_key == key:
        links["consignment"] = f"{shown.ROOT}/consignments/{one.consignment_id}"
    if one.recipient_key == key and one.delivery_id:
        links |= _delivery_links(one.delivery_id)
    return links


def _delivery_links(delivery_id: str) -> dict[str, str]:
    address = f"{shown.ROOT}/deliveries/{delivery_id}"
    return {name: f"{address}/{name}" for name in ("envelope", "ack", "status")}


def _certificate(one: EndingCertificate) -> dict[str, Any]:
    return {
        "agency": one.agency_key,
        "agency_name": one.agency_name,
        "subject": one.subject,
        "ends_at": vietnam_time(one.ends_at),
        "ended": one.ended,
    }


def _duty(one: Owed, names: dict[str, str], now: datetime) -> dict[str, Any]:
    answers = _OF_CHANGES if one.kind in CHANGES else _ANSWERS[one.kind]
    return {
        "delivery": one.delivery_id,
        "consignment": one.consignment_id,
        "document_id": one.document_id,
        "notation": one.notation,
        "sender": one.sender_key,
        "sender_name": names.get(one.sender_key, ""),
        "kind": one.kind.value,
        "asked_by": one.asked_by,
        "opened_at": vietnam_time(one.opened_at),
        "due_at": vietnam_time(one.due_at),
        "overdue": one.due_at <= now,
        "article": one.article,
        "answers": [code.value for code in answers],
        "links": {"status": _delivery_links(one.delivery_id)["status"]},
    }
