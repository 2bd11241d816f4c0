"""The one message that travels through RabbitMQ: a wake, which says where there is work.

Owns: Wake, its wire form (JSON, under 1 kB) and its routing key.
Never: carries a document or anything of its contents; the database has the truth.
Source: design §0 point 3 (queue messages hold ids); threats T8 (poison messages).
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from hub.broker.topology import WITHOUT_LANES
from hub.errors import HubError

LARGEST_BYTES: Final = 1000  # a bound against abuse (T8): five ids are far below it
CONTENT_TYPE: Final = "application/json"

Station = Literal["route", "deliver", "inform", "tally"]
Lane = Literal["urgent", "normal", "bulk"]
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
TraceId = Annotated[str, msgspec.Meta(max_length=128, pattern=r"^[\x21-\x7e]*$")]


class MalformedWake(HubError):
    """A queue message is not a wake; it belongs in the dead-letter queue."""

    code = "broker.malformed_wake"


class Wake(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reason to run a station: `outbox_id` is the row that asked, `work_id` what the station works on."""

    outbox_id: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    station: Station
    work_id: Identifier
    lane: Lane
    trace_id: TraceId = ""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Wake)


def encode(wake: Wake) -> bytes:
    """The wire form of a wake, which `decode` will surely read again.

    Raises: MalformedWake when a field breaks the shape (it is never sent and then refused far away).

    >>> encode(Wake(outbox_id=7, station="tally", work_id="c1", lane="normal"))
    b'{"outbox_id":7,"station":"tally","work_id":"c1","lane":"normal","trace_id":""}'
    """
    body = _encoder.encode(wake)
    decode(body)
    return body


def decode(body: bytes) -> Wake:
    """The wake in a message body, every field checked.

    Raises: MalformedWake for anything else, however it is broken.

    >>> decode(b'{"outbox_id":7,"station":"tally","work_id":"c1","lane":"normal"}').work_id
    'c1'
    """
    if len(body) > LARGEST_BYTES:
        raise MalformedWake(f"the message has {len(body)} bytes; a wake has at most {LARGEST_BYTES}")
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedWake(f"the message is not a wake: {error}") from error


def routing_key(wake: Wake) -> str:
    """The logical name of the queue that this wake belongs in (topology.QUEUES).

    >>> routing_key(Wake(outbox_id=1, station="route", work_id="c1", lane="urgent"))
    'route.urgent'
    >>> routing_key(Wake(outbox_id=1, station="tally", work_id="c1", lane="urgent"))
    'tally'
    """
    return wake.station if wake.station in WITHOUT_LANES else f"{wake.station}.{wake.lane}"
