"""Conversations: everything that is sent about one document, in the order in which it was accepted.

Owns: the turns; who must wait for whom before a delivery goes to the same recipient.
Never: delivers; orders different documents against each other.
Source: field notes §"What none of them has" 10 (a recall never overtakes the original).
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import DeliveryState
from hub.store.deliveries import Delivery, read_delivery
from hub.store.engine import Transaction
from hub.store.life_tables import conversation_turns
from hub.store.tables import consignments, deliveries


def take_turn(transaction: Transaction, document_ref: str, consignment_id: str, *, speaker_key: str = "") -> None:
    """The next turn about a document; `speaker_key` is empty for its owner. The caller holds the document's lock."""
    said = {"document": document_ref, "speaker": speaker_key}
    turn = transaction.execute(_LAST, said).scalar_one()
    transaction.execute(
        conversation_turns.insert().values(
            document_ref=document_ref, speaker_key=speaker_key, turn=(turn or 0) + 1, consignment_id=consignment_id
        )
    )


def waits_to_be_routed(connection: Connection, consignment_id: str) -> bool:
    """True when an earlier turn of one of its conversations is not routed yet."""
    return connection.execute(_EARLIER_UNROUTED, {"of": consignment_id}).first() is not None


def next_to_route(connection: Connection, consignment_id: str) -> list[str]:
    """The accepted consignments with the next later turn after this one."""
    return list(dict.fromkeys(connection.execute(_LATER_UNROUTED, {"of": consignment_id}).scalars()))


def waits_behind(connection: Connection, delivery: Delivery) -> str | None:
    """The delivery to the same recipient that must go first, or None."""
    asked = {"of": delivery.consignment_id, "recipient": delivery.recipient_key}
    return connection.execute(_EARLIER_DUE, asked).scalars().first()


def wait_for(connection: Connection, delivery: Delivery) -> list[Delivery]:
    """Deliveries to the same recipient that may have waited for this one."""
    asked = {"of": delivery.consignment_id, "recipient": delivery.recipient_key}
    return [read_delivery(row) for row in connection.execute(_LATER_DUE, asked)]


_mine, _other = conversation_turns.alias("mine"), conversation_turns.alias("other")
_LAST = sa.select(sa.func.max(conversation_turns.c.turn)).where(
    conversation_turns.c.document_ref == sa.bindparam("document"),
    conversation_turns.c.speaker_key == sa.bindparam("speaker"),
)
_same_conversation = sa.and_(
    _mine.c.consignment_id == sa.bindparam("of"),
    _other.c.document_ref == _mine.c.document_ref,
    _other.c.speaker_key == _mine.c.speaker_key,
)
_unrouted = sa.and_(
    consignments.c.id == _other.c.consignment_id, consignments.c.state == ConsignmentState.ACCEPTED.value
)
_EARLIER_UNROUTED = (
    sa.select(_other.c.consignment_id).where(_same_conversation, _other.c.turn < _mine.c.turn, _unrouted).limit(1)
)
_LATER_UNROUTED = (
    sa.select(_other.c.consignment_id)
    .where(_same_conversation, _other.c.turn > _mine.c.turn, _unrouted)
    .order_by(_other.c.turn)
    .limit(20)
)
_due_there = sa.and_(
    deliveries.c.consignment_id == _other.c.consignment_id,
    deliveries.c.recipient_key == sa.bindparam("recipient"),
    deliveries.c.state == DeliveryState.DUE.value,
)
_EARLIER_DUE = sa.select(deliveries.c.id).where(_same_conversation, _other.c.turn < _mine.c.turn, _due_there).limit(1)
_LATER_DUE = (
    sa.select(deliveries)
    .where(_same_conversation, _other.c.turn > _mine.c.turn, _due_there)
    .order_by(_other.c.turn)
    .limit(20)
)
