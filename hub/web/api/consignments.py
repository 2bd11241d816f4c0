"""POST and GET of consignments: the synchronous verdict, and what became of a sending.

Owns: streaming the body through the stations, the status code of each verdict, who may read a consignment.
Never: holds a body; answers before the record is durable.
Source: design §1; hub-api.v1.yaml.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, g, request
from werkzeug.exceptions import UnsupportedMediaType

from hub.domain.agencies import code_key
from hub.domain.consignments import ConsignmentState
from hub.domain.findings import Verdict
from hub.domain.personal_data import sees_staff
from hub.errors import NoSuchThing
from hub.stations import Hub, receive, record, verify
from hub.stations.receive import Arrival
from hub.stations.record import Answer
from hub.store import consignments, deliveries, directory, documents, duties, events, receipts
from hub.store.consignments import Consignment
from hub.web import identity, problems
from hub.web.api import bodies, parameters, shown

_XML = frozenset({"application/xml", "text/xml", "application/octet-stream"})
_FRESH = {Verdict.ACCEPTED: 201, Verdict.REJECTED: 422, Verdict.HELD: 202}
_REPEATED = _FRESH | {Verdict.ACCEPTED: 200}


def routes() -> Blueprint:
    """The paths under /api/v1/consignments."""
    made = Blueprint("consignments", __name__, url_prefix=f"{shown.ROOT}/consignments")
    made.before_request(identity.authenticate)
    made.add_url_rule("", view_func=post, methods=["POST"])
    made.add_url_rule("/<consignment_id>", view_func=get, methods=["GET"])
    made.add_url_rule("/<consignment_id>/copies", view_func=copies, methods=["GET"])
    return made


def post() -> Response:
    """Take one envelope; the answer is its verdict with a signed receipt."""
    hub = identity.the_hub()
    caller = identity.sending_caller()
    if request.mimetype not in _XML or request.content_encoding:
        raise UnsupportedMediaType("Content-Type: application/xml")
    arrival = Arrival(
        source=bodies.RequestBody(),
        caller=caller,
        received_at=hub.now(),
        trace_id=g.trace_id,
        length_bytes=request.content_length,
        idempotency_key=parameters.idempotency_key(),
    )
    return _answered(_judged(arrival, hub), hub)


def _judged(arrival: Arrival, hub: Hub) -> Answer:
    received = receive.run(arrival, hub)
    try:
        if received.known is not None:
            return record.replayed(received, hub)
        judged = verify.run(
            received.reading,
            hub,
            caller=arrival.caller,
            moment=arrival.received_at,
            open_body=received.draft.reopen,
        )
        return record.run(received, judged, hub)
    finally:
        received.release()


def _answered(answer: Answer, hub: Hub) -> Response:
    kept = answer.consignment
    verdict = shown.verdict(kept)
    status = (_REPEATED if answer.replayed else _FRESH)[verdict]
    response = bodies.json(shown.answer(kept, answer.receipt, replayed=answer.replayed), status=status)
    if answer.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    if verdict is not Verdict.REJECTED:
        response.headers["Location"] = f"{shown.ROOT}/consignments/{kept.id}"
    if verdict is Verdict.HELD:
        wait = kept.next_attempt_at - hub.now() if kept.next_attempt_at else timedelta(minutes=1)
        response.headers["Retry-After"] = problems.seconds(wait)
    return response


def get(consignment_id: str) -> Response:
    """All that is known of a sending, for its sender."""
    wanted, hub = parameters.path_id(consignment_id), identity.the_hub()
    with hub.database.reading() as connection:
        kept = consignments.get(connection, wanted)
        if kept is None or not may_read(connection, kept):
            raise NoSuchThing(f"no consignment {wanted} for {identity.caller().code}")
        return bodies.json(_whole(connection, kept, hub))


def copies(consignment_id: str) -> Response:
    """What each recipient holds now of the document that this sending is about, for its sender."""
    wanted, hub = parameters.path_id(consignment_id), identity.the_hub()
    with hub.database.reading() as connection:
        kept = consignments.get(connection, wanted)
        if kept is None or kept.document_ref is None or not identity.speaks_for(connection, kept.sender_key):
            raise NoSuchThing(f"no document of {wanted} for {identity.caller().code}")
        found = documents.get(connection, kept.document_ref)
        if found is None or not identity.speaks_for(connection, found.sender_key):
            raise NoSuchThing(f"{wanted} is about a document of another agency")
        held = documents.copies(connection, found.id)
        owed = duties.asked_about(connection, {copy.delivery_id for copy in held})
        names = directory.names_of(connection, {copy.recipient_key for copy in held})
    rules = hub.rules_on(hub.now())
    listed = [
        shown.copy(one, owed.get(one.delivery_id), name=names.get(one.recipient_key, ""), rules=rules) for one in held
    ]
    return bodies.json({**shown.registered(found), "copies": listed})


def may_read(connection: Any, kept: Consignment) -> bool:
    """The sender; and the caller whose sending was rejected, because it was told the verdict before."""
    own_failure = kept.state is ConsignmentState.REJECTED and kept.caller_key == code_key(identity.caller().code)
    return own_failure or identity.speaks_for(connection, kept.sender_key)


def _whole(connection: Any, kept: Consignment, hub: Hub) -> dict[str, Any]:
    issued = receipts.of_consignment(connection, kept.id)
    copies = deliveries.of_consignment(connection, kept.id)
    history = deliveries.statuses_of(connection, kept.id)
    names = directory.names_of(connection, {copy.recipient_key for copy in copies})
    rules = hub.rules_on(kept.received_at)
    parties = {kept.sender_key, *(copy.recipient_key for copy in copies)}
    return {
        **shown.answer(kept, record.submission_receipt(issued), replayed=False),
        "header": shown.header(kept, with_staff=sees_staff(identity.caller(), parties=parties)),
        "deliveries": [
            shown.delivery(copy, history, name=names.get(copy.recipient_key, ""), rules=rules) for copy in copies
        ],
        "receipts": [shown.receipt(one) for one in issued],
        "timeline": [shown.event(one) for one in events.timeline(connection, kept.id)],
    }
