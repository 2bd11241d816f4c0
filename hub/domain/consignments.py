"""A consignment: one sending of one envelope, from arrival to closing.

Owns: its states, the allowed steps between them, the lane that its urgency takes.
Never: stores anything.
Source: design §5; Decision 28/2018/QĐ-TTg Art. 6(2) (urgent documents first).
"""

from __future__ import annotations

from enum import StrEnum

from hub.domain.envelopes import Urgency


class ConsignmentState(StrEnum):
    """accepted and later states are promises; rejected is final."""

    HELD = "held"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    ROUTED = "routed"
    CLOSED = "closed"


class Lane(StrEnum):
    """Separate queues, so that a backlog never slows an urgent telegram."""

    URGENT = "urgent"
    NORMAL = "normal"
    BULK = "bulk"


STEPS: frozenset[tuple[ConsignmentState, ConsignmentState]] = frozenset(
    {
        (ConsignmentState.HELD, ConsignmentState.ACCEPTED),
        (ConsignmentState.HELD, ConsignmentState.REJECTED),
        (ConsignmentState.ACCEPTED, ConsignmentState.ROUTED),
        (ConsignmentState.ROUTED, ConsignmentState.CLOSED),
        (ConsignmentState.CLOSED, ConsignmentState.ROUTED),  # a recipient was added, or an expired copy is tried again
    }
)


def lane_of(urgency: Urgency, *, recipients: int, bulk_from: int) -> Lane:
    """Urgent goes first; a sending to `bulk_from` recipients or more goes beside the daily traffic.

    >>> lane_of(Urgency.EXPRESS, recipients=500, bulk_from=100).value
    'urgent'
    """
    if urgency is not Urgency.NORMAL:
        return Lane.URGENT
    return Lane.BULK if recipients >= bulk_from else Lane.NORMAL
