"""What a recipient does with a delivery: fetch the exact bytes, acknowledge, say how it is handled.

Owns: streaming envelopes and attachments, the JSON of acknowledgements and statuses.
Never: shows another agency's delivery, or that it exists.
Source: hub-api.v1.yaml; Decision 28/2018/QĐ-TTg Art. 6(3), 9(2); threats A1, A8, T2, T3.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO, Literal

import msgspec
from flask import Blueprint, Response, request
from werkzeug.wsgi import FileWrapper

from hub.domain.changes import Holding
from hub.domain.deliveries import DeliveryState
from hub.domain.envelopes import Attachment
from hub.domain.statuses import SAID_BY_RECIPIENT, StatusCode
from hub.edxml.attachments import open_attachment
from hub.errors import BadRequest, CopyGone, IllegalTransition, NoSuchThing, NotAllowed
from hub.stations import acknowledge, fetch
from hub.stations import status as status_station
from hub.stations.acknowledge import Acknowledgement
from hub.stations.status import StatusSaid
from hub.store import consignments, deliveries, documents
from hub.store.consignments import Consignment
from hub.store.deliveries import Delivery
from hub.web import headers, identity
from hub.web.api import bodies, parameters, shown

_READABLE = frozenset({DeliveryState.IN_HAND, DeliveryState.HANDED_OVER})
_GONE = frozenset({DeliveryState.WITHDRAWN, DeliveryState.EXPIRED, DeliveryState.PASSED_ON})
_MOST_ATTACHMENTS_DIGITS = 4


class Ack(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST …/ack."""

    outcome: Literal["handed_over", "refused"] = "handed_over"
    sha256: str | None = None
    reason: str | None = None


class Status(msgspec.Struct, forbid_unknown_fields=True):
    """The body of POST …/status; `code` is checked by hand, so that the answer names it."""

    code: str = ""
    description: str = ""
    at: datetime | None = None


def routes() -> Blueprint:
    """The paths under /api/v1/deliveries/{id}."""
    made = Blueprint("deliveries", __name__, url_prefix=f"{shown.ROOT}/deliveries/<delivery_id>")
    made.before_request(identity.authenticate)
    made.add_url_rule("/envelope", view_func=envelope, methods=["GET"])
    made.add_url_rule("/attachments/<number>", view_func=attachment, methods=["GET"])
    made.add_url_rule("/ack", view_func=ack, methods=["POST"])
    made.add_url_rule("/status", view_func=status, methods=["POST"])
    return made


def envelope(delivery_id: str) -> Response:
    """The envelope byte for byte as it was received; one byte range may be asked for."""
    delivery, consignment = _readable(delivery_id)
    body = identity.the_hub().payloads.open(consignment.sha256)
    response = Response(FileWrapper(body, bodies.CHUNK_BYTES), content_type="application/xml", direct_passthrough=True)
    response.call_on_close(body.close)
    response.content_length = consignment.size_bytes
    response.set_etag(consignment.sha256)
    response.headers["Content-Disposition"] = bodies.as_download(f"{delivery.id}.edxml")
    response.headers["X-Envelope-SHA256"] = consignment.sha256
    response.headers["Repr-Digest"] = bodies.digest_field(consignment.sha256)
    response.headers["Cache-Control"] = headers.REVALIDATE
    _conditional(response, body, size_bytes=consignment.size_bytes)
    if response.status_code == 200:
        response.headers["Content-Digest"] = bodies.digest_field(consignment.sha256)
    if request.method == "GET" and response.status_code != 304:
        _taken_or_gone(delivery, body)
    return response


def _conditional(response: Response, body: BinaryIO, *, size_bytes: int) -> None:
    try:
        response.make_conditional(request, accept_ranges=True, complete_length=size_bytes)
    except BaseException:
        body.close()
        raise


def attachment(delivery_id: str, number: str) -> Response:
    """One attachment decoded from its place in the envelope; always saved, never shown."""
    if not number.isdecimal() or not number.isascii() or len(number) > _MOST_ATTACHMENTS_DIGITS:
        raise NoSuchThing(f"attachment {number[:40]!r}")
    delivery, consignment = _readable(delivery_id)
    listed = consignment.header["attachments"]
    if not 1 <= int(number) <= len(listed):
        raise NoSuchThing(f"{delivery.id} has {len(listed)} attachments")
    kept = msgspec.convert(listed[int(number) - 1], Attachment)
    body = identity.the_hub().payloads.open(consignment.sha256)
    _taken_or_gone(delivery, body)
    wrapped = bool(kept.zip_entry)  # the SDK's one-entry ZIP is given as it was signed, named as what it is
    response = Response(
        _pieces(body, kept),
        content_type="application/zip" if wrapped else kept.media_type,
        direct_passthrough=True,
    )
    response.call_on_close(body.close)
    response.content_length = kept.size_bytes
    response.headers["Content-Disposition"] = bodies.as_download(f"{kept.name}.zip" if wrapped else kept.name)
    response.headers["Content-Digest"] = response.headers["Repr-Digest"] = bodies.digest_field(kept.sha256)
    response.headers["Content-Security-Policy"] = headers.SANDBOX
    return response


def _pieces(body: BinaryIO, kept: Attachment) -> Iterator[bytes]:
    if kept.size_bytes:
        yield from open_attachment(body, kept)


def ack(delivery_id: str) -> Response:
    """Taken or refused; said again, the same receipt."""
    wanted, hub = parameters.path_id(delivery_id), identity.the_hub()
    said = parameters.json_body(Ack)
    reason = parameters.plain("reason", said.reason or "", longest=1000)
    taken = said.outcome == "handed_over"
    if not taken and not reason:
        raise BadRequest("refused without a reason", field="reason", expected="outcome=refused → reason")
    with hub.database.reading() as connection:
        delivery = _own(connection, wanted)
    receipt = acknowledge.run(
        Acknowledgement(
            delivery_id=wanted,
            recipient_key=delivery.recipient_key,
            taken=taken,
            sha256=parameters.plain("sha256", said.sha256 or "", longest=64),
            reason=reason,
        ),
        hub,
    )
    return bodies.json({"delivery": wanted, "state": said.outcome, "receipt": shown.receipt(receipt)})


def status(delivery_id: str) -> Response:
    """One administrative status of the recipient; exactly the same again changes nothing."""
    wanted, hub = parameters.path_id(delivery_id), identity.the_hub()
    said = parameters.json_body(Status)
    if said.code not in {code.value for code in StatusCode}:
        raise BadRequest(f"status {said.code[:40]!r}", field="code", expected=", ".join(sorted(SAID_BY_RECIPIENT)))
    description = parameters.plain("description", said.description, longest=2000)
    at = parameters.claimed_time("at", said.at, now=hub.now())
    with hub.database.reading() as connection:
        delivery = _own(connection, wanted)
    if StatusCode(said.code) not in SAID_BY_RECIPIENT:
        raise NotAllowed(f"{said.code} is the sender's word", reason=f"status {said.code}")
    recorded = status_station.run(
        StatusSaid(wanted, delivery.recipient_key, StatusCode(said.code), description, at), hub
    )
    with hub.database.reading() as connection:
        now_known = deliveries.get(connection, wanted)
    current = now_known.status_code if now_known else None
    answer = {
        "delivery": wanted,
        "recorded": recorded.new,
        "said": said.code,
        "at": shown.time_of(recorded.entry.said_at),
        "current": current,
        "receipt": shown.receipt(recorded.receipt),
    }
    return bodies.json(answer, status=201 if recorded.new else 200)


def _own(connection: Any, delivery_id: str) -> Delivery:
    """The caller's delivery. Raises NoSuchThing for another agency's exactly as for an unknown one."""
    delivery = deliveries.get(connection, delivery_id)
    if delivery is None or not identity.speaks_for(connection, delivery.recipient_key):
        raise NoSuchThing(f"no delivery {delivery_id} for {identity.caller().code}")
    return delivery


def _readable(delivery_id: str) -> tuple[Delivery, Consignment]:
    wanted = parameters.path_id(delivery_id)
    with identity.the_hub().database.reading() as connection:
        delivery = _own(connection, wanted)
        consignment = consignments.get(connection, delivery.consignment_id)
    if consignment is None:
        raise LookupError(f"delivery {wanted} without its consignment")
    _readable_or_raise(delivery)
    return delivery, consignment


def _readable_or_raise(delivery: Delivery) -> None:
    if delivery.state in _GONE:
        raise CopyGone(f"{delivery.id} is {delivery.state}", state=delivery.state.value)
    if delivery.state not in _READABLE:
        raise IllegalTransition(f"{delivery.id} is {delivery.state}", thing="delivery", state=delivery.state.value)


def _taken_or_gone(delivery: Delivery, body: BinaryIO) -> None:
    """The recipient has the bytes from now on, unless a recall was quicker: then it gets none of them."""
    try:
        _take(delivery)
    except BaseException:
        body.close()
        raise


def _take(delivery: Delivery) -> None:
    hub = identity.the_hub()
    if delivery.fetched_at is None:
        fetch.run(delivery, hub)
    with hub.database.reading() as connection:
        now_known = deliveries.get(connection, delivery.id)
        if now_known is None:
            raise LookupError(f"delivery {delivery.id} vanished")
        _readable_or_raise(now_known)
        if documents.copy(connection, delivery.id).holding is Holding.CANCELLED:
            raise CopyGone(f"{delivery.id} was cancelled", state=Holding.CANCELLED.value)
