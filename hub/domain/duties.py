"""A duty: what a recipient owes about one copy, until when, by which article; and how it ended.

Owns: the kinds of duties and their outcomes, which answer ends which.
Never: computes a deadline (hub/domain/deadlines.py).
Source: Decision 28/2018/QĐ-TTg Art. 6(2), 8(2), 9(2); Decree 30/2020/NĐ-CP Art. 4, 18, 21.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.domain.statuses import StatusCode


class DutyKind(StrEnum):
    """sending is the sender's own (an event, never a row); the last five are changes, answered by 15 or 16."""

    SENDING = "sending"
    AT_ONCE = "at_once"
    RECEIPT = "receipt"
    PROCESSING = "processing"
    RECALL = "recall"
    UPDATE = "update"
    REPLACE = "replace"
    REMOVE = "remove"
    TAKE_BACK = "take_back"


class DutyOutcome(StrEnum):
    """met: done; accepted, declined: answered by 15, 16; moot: nothing is owed any more."""

    MET = "met"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    MOOT = "moot"


CHANGES = frozenset({DutyKind.RECALL, DutyKind.UPDATE, DutyKind.REPLACE, DutyKind.REMOVE, DutyKind.TAKE_BACK})
GIVING_UP = CHANGES - {DutyKind.UPDATE}  # when accepted, the copy is cancelled at the recipient

_ENDS = {
    DutyKind.AT_ONCE: frozenset(StatusCode) - {StatusCode.RECALL_REQUESTED},
    DutyKind.RECEIPT: frozenset(StatusCode) - {StatusCode.RECALL_REQUESTED},
    DutyKind.PROCESSING: frozenset({StatusCode.COMPLETED, StatusCode.DECLINED}),
}


@dataclass(frozen=True, slots=True)
class Duty:
    """One duty about one delivery; `asked_by` is the consignment that asked for a change, `article` its law."""

    id: str
    delivery_id: str
    kind: DutyKind
    opened_at: datetime
    due_at: datetime
    article: str
    asked_by: str | None = None
    ended_at: datetime | None = None
    outcome: DutyOutcome | None = None
    overdue_at: datetime | None = None


def met_by(code: StatusCode) -> frozenset[DutyKind]:
    """The duties that a status ends, changes apart.

    >>> sorted(kind.value for kind in met_by(StatusCode.COMPLETED))
    ['at_once', 'processing', 'receipt']
    """
    return frozenset(kind for kind, codes in _ENDS.items() if code in codes)
