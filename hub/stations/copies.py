"""A new copy for a recipient: what a delivery is when it is made.

Owns: its time to live, when the clock looks after it first.
Never: writes it.
Source: the rule pack's `time_to_live`; design §5.
"""

from __future__ import annotations

from hub.domain.deliveries import DeliveryState
from hub.domain.envelopes import Urgency
from hub.stations import RESCUE_AFTER, Hub, new_id
from hub.store.consignments import Consignment
from hub.store.deliveries import Delivery

LONGEST_ADDRESSEE = 200


def due(consignment: Consignment, recipient_key: str, addressee: str, hub: Hub) -> Delivery:
    """A delivery that is to be handed over; after its time to live it expires."""
    now = hub.now()
    urgency = Urgency(consignment.header.get("urgency", 0))
    return Delivery(
        id=new_id(),
        consignment_id=consignment.id,
        recipient_key=recipient_key,
        addressee=addressee[:LONGEST_ADDRESSEE],
        state=DeliveryState.DUE,
        lane=consignment.lane,
        created_at=now,
        next_attempt_at=now + RESCUE_AFTER,
        expires_at=now + hub.rules_on(consignment.received_at).time_to_live[urgency],
    )
