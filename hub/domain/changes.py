"""Recall, update, replacement and take-back: what each recipient holds, and what a change does to its copy.

Owns: the state of a document at its sender, the word for what a recipient holds, the action per copy.
Never: writes; sends.
Source: Decision 28/2018/QĐ-TTg Art. 8(2), 9(2); Decree 30/2020/NĐ-CP Art. 18, Annex VI.III.8 (freeze, cancel, keep
metadata); domain notes §2.2, §2.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hub.domain.deliveries import DeliveryState
from hub.domain.duties import GIVING_UP, DutyKind, DutyOutcome

MOST_TARGETS = 100  # abuse bound: each is looked up and locked; one replacement rarely takes the place of ten


class DocumentState(StrEnum):
    """live; recalled: frozen, nothing more may be sent under it; replaced: by another document at every holder."""

    LIVE = "live"
    RECALLED = "recalled"
    REPLACED = "replaced"


DOCUMENT_STEPS: frozenset[tuple[DocumentState, DocumentState]] = frozenset(
    {(DocumentState.LIVE, DocumentState.RECALLED), (DocumentState.LIVE, DocumentState.REPLACED)}
)


class Holding(StrEnum):
    """What a recipient holds of a document now."""

    WAITING = "waiting"  # on its way or in the inbox, not taken
    FETCHED = "fetched"  # the bytes were taken, not acknowledged
    HOLDS = "holds"
    UPDATE_ASKED = "update_asked"
    GIVING_UP_ASKED = "giving_up_asked"  # recalled, removed, replaced or asked back; not answered yet
    KEEPS = "keeps"  # answered 16: it was asked to give it up and did not
    CANCELLED = "cancelled"  # answered 15
    WITHDRAWN = "withdrawn"
    REFUSED = "refused"
    EXPIRED = "expired"
    PASSED_ON = "passed_on"


class Action(StrEnum):
    """What a change does to one copy."""

    WITHDRAW = "withdraw"  # the recipient never took it: it never gets it
    ASK = "ask"  # a duty with a deadline
    NOTHING = "nothing"


LIVE = frozenset({Holding.WAITING, Holding.FETCHED, Holding.HOLDS, Holding.UPDATE_ASKED, Holding.KEEPS})
_ENDED = {
    DeliveryState.WITHDRAWN: Holding.WITHDRAWN,
    DeliveryState.REFUSED: Holding.REFUSED,
    DeliveryState.EXPIRED: Holding.EXPIRED,
    DeliveryState.PASSED_ON: Holding.PASSED_ON,
}


@dataclass(frozen=True, slots=True)
class Copy:
    """One recipient's copy of a document: its delivery and the latest change that was asked about it."""

    delivery_id: str
    consignment_id: str
    recipient_key: str
    state: DeliveryState
    fetched: bool = False
    status_code: str | None = None
    asked: DutyKind | None = None
    outcome: DutyOutcome | None = None
    replaced_by: str | None = None

    @property
    def untaken(self) -> bool:
        """True when the recipient never had the bytes."""
        return self.state is not DeliveryState.HANDED_OVER and not self.fetched

    @property
    def holding(self) -> Holding:
        """What the recipient holds."""
        if self.asked in GIVING_UP and self.outcome is not DutyOutcome.MOOT:  # also when its time was over since
            answers = {None: Holding.GIVING_UP_ASKED, DutyOutcome.ACCEPTED: Holding.CANCELLED}
            return answers.get(self.outcome, Holding.KEEPS)
        if self.state in _ENDED:
            return _ENDED[self.state]
        if self.asked is DutyKind.UPDATE and self.outcome is None:
            return Holding.UPDATE_ASKED
        if self.state is DeliveryState.HANDED_OVER:
            return Holding.HOLDS
        return Holding.FETCHED if self.fetched else Holding.WAITING


@dataclass(frozen=True, slots=True)
class Target:
    """A document that an envelope refers to; `ref` is None when this sender has none with that id.

    `held`: a consignment of it waits for its verdict. `copies`: one per recipient that ever had one; `coming`: the
    recipients to whom it is about to be routed; `to_groups`: among them are groups, whose members are not known yet.
    """

    document_id: str
    ref: str | None = None
    state: DocumentState = DocumentState.LIVE
    replaced_by: str = ""
    held: bool = False
    copies: tuple[Copy, ...] = ()
    coming: frozenset[str] = frozenset()
    to_groups: bool = False

    @property
    def holders(self) -> frozenset[str]:
        """The recipients that hold it or will."""
        return self.coming | {copy.recipient_key for copy in self.copies if copy.holding in LIVE}

    @property
    def had_it(self) -> frozenset[str]:
        """The recipients that ever had a copy, or will."""
        return self.coming | {copy.recipient_key for copy in self.copies}


def action(kind: DutyKind, copy: Copy) -> Action:
    """What a change of this kind does to a copy: withdrawn while nobody took it, else asked of the recipient.

    >>> action(DutyKind.RECALL, Copy("d", "c", "H41", DeliveryState.IN_HAND)).value
    'withdraw'
    >>> action(DutyKind.RECALL, Copy("d", "c", "H41", DeliveryState.HANDED_OVER)).value
    'ask'
    """
    if copy.holding not in LIVE:
        return Action.NOTHING
    if kind in GIVING_UP and copy.untaken:
        return Action.WITHDRAW
    return Action.ASK
