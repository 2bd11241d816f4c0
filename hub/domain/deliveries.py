"""A delivery: one recipient's copy of a consignment.

Owns: its technical states, the allowed steps, the retry schedule.
Never: mixes the technical state with the recipient's administrative status (hub/domain/statuses.py).
Source: design §5; Decision 28/2018/QĐ-TTg Art. 8(2) (the sender follows that it reached the right receiver).
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum


class DeliveryState(StrEnum):
    """due: to be handed over; in_hand: in the recipient's inbox or being pushed; handed_over: acknowledged.

    already_held: the recipient has the same attachments of this document from an earlier consignment.
    """

    DUE = "due"
    IN_HAND = "in_hand"
    HANDED_OVER = "handed_over"
    REFUSED = "refused"
    ALREADY_HELD = "already_held"


STEPS: frozenset[tuple[DeliveryState, DeliveryState]] = frozenset(
    {
        (DeliveryState.DUE, DeliveryState.IN_HAND),
        (DeliveryState.DUE, DeliveryState.HANDED_OVER),
        (DeliveryState.DUE, DeliveryState.REFUSED),
        (DeliveryState.IN_HAND, DeliveryState.HANDED_OVER),
        (DeliveryState.IN_HAND, DeliveryState.REFUSED),
    }
)
FINAL = frozenset({DeliveryState.HANDED_OVER, DeliveryState.REFUSED, DeliveryState.ALREADY_HELD})

RETRY_SCHEDULE: tuple[timedelta, ...] = tuple(
    timedelta(seconds=seconds) for seconds in (30, 120, 600, 1800, 3600, 7200)
)


def wait_before(attempt: int) -> timedelta:
    """How long to wait after the given failed attempt (1 = first); the last step repeats.

    >>> wait_before(1).seconds, wait_before(99).seconds
    (30, 7200)
    """
    return RETRY_SCHEDULE[min(attempt, len(RETRY_SCHEDULE)) - 1]
