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

    already_held: the recipient has the same attachments of this document from an earlier consignment;
    withdrawn: recalled or replaced before the recipient took it; needless: a notice about a copy that the recipient
    never took; expired: the time to live ended, the sender has a negative receipt; passed_on: the recipient was
    closed, its successor has a delivery instead.
    """

    DUE = "due"
    IN_HAND = "in_hand"
    HANDED_OVER = "handed_over"
    REFUSED = "refused"
    ALREADY_HELD = "already_held"
    WITHDRAWN = "withdrawn"
    NEEDLESS = "needless"
    EXPIRED = "expired"
    PASSED_ON = "passed_on"


STEPS: frozenset[tuple[DeliveryState, DeliveryState]] = frozenset(
    {
        (DeliveryState.DUE, DeliveryState.IN_HAND),
        *((DeliveryState.DUE, end) for end in (DeliveryState.HANDED_OVER, DeliveryState.REFUSED)),
        *((DeliveryState.IN_HAND, end) for end in (DeliveryState.HANDED_OVER, DeliveryState.REFUSED)),
        *((DeliveryState.DUE, end) for end in (DeliveryState.WITHDRAWN, DeliveryState.EXPIRED)),
        *((DeliveryState.IN_HAND, end) for end in (DeliveryState.WITHDRAWN, DeliveryState.EXPIRED)),
        (DeliveryState.DUE, DeliveryState.PASSED_ON),
        (DeliveryState.IN_HAND, DeliveryState.PASSED_ON),
        (DeliveryState.EXPIRED, DeliveryState.DUE),  # `hub retry`, by a person who was shown what it does
    }
)
FIRST = frozenset({DeliveryState.DUE, DeliveryState.ALREADY_HELD, DeliveryState.NEEDLESS})  # in which it is made
FINAL = frozenset(DeliveryState) - {DeliveryState.DUE, DeliveryState.IN_HAND}


class Cause(StrEnum):
    """Why the last attempt to hand a delivery over did not succeed."""

    NONE = ""
    UNREACHABLE = "unreachable"  # the recipient's system did not answer
    QUOTA = "quota"  # it answered that it takes no more for now, or its inbox is full
    REFUSING = "refusing"  # it answered with an error of its own


RETRY_SCHEDULE: tuple[timedelta, ...] = tuple(
    timedelta(seconds=seconds) for seconds in (30, 120, 600, 1800, 3600, 7200)
)


def wait_before(attempt: int) -> timedelta:
    """How long to wait after the given failed attempt (1 = first); the last step repeats.

    >>> wait_before(1).seconds, wait_before(99).seconds
    (30, 7200)
    """
    return RETRY_SCHEDULE[min(attempt, len(RETRY_SCHEDULE)) - 1]
