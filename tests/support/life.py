"""A small model of what a document's life must be: who holds what, who is asked what, what lies in which inbox.

Owns: the rules as the law and the issue tell them, written once more, without a database and without workers.
Never: asks the hub; imports anything of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

GIVING_UP = frozenset({"recall", "replace", "remove", "take_back"})
LIVE = frozenset({"waiting", "fetched", "holds", "update_asked", "keeps"})
PATH = {"01": 1, "03": 2, "04": 3, "05": 4, "02": 5, "06": 6}
UNDER_WAY = frozenset({"due", "in_hand"})


@dataclass(slots=True)
class Asked:
    """A change that a recipient was asked for; `outcome` is None until it answers or nothing is owed any more."""

    kind: str
    outcome: str | None = None


@dataclass(slots=True, eq=False)
class Item:
    """What is on its way to one recipient: a copy of a document, or a notice about one."""

    sending: Sending
    recipient: str
    state: str = "due"
    fetched: bool = False
    deferred: bool = False
    status: str | None = None
    spoke: bool = False
    asked: list[Asked] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str]:
        return self.sending.id, self.recipient

    @property
    def untaken(self) -> bool:
        return self.state != "handed_over" and not self.fetched

    @property
    def open(self) -> list[Asked]:
        return [one for one in self.asked if one.outcome is None]

    @property
    def holding(self) -> str:
        last = self.asked[-1] if self.asked else Asked("")
        if last.kind in GIVING_UP and last.outcome != "moot":
            return {None: "giving_up_asked", "accepted": "cancelled", "declined": "keeps"}[last.outcome]
        if self.state not in UNDER_WAY | {"handed_over"}:
            return self.state
        if last.kind == "update" and last.outcome is None:
            return "update_asked"
        if self.state == "handed_over":
            return "holds"
        return "fetched" if self.fetched else "waiting"

    @property
    def readable(self) -> bool:
        return self.state in ("in_hand", "handed_over") and self.holding != "cancelled"

    def say(self, code: str) -> None:
        self.spoke = True
        self.status = max((one for one in (self.status, code) if one), key=PATH.__getitem__)

    def take(self) -> None:
        self.state = "handed_over"
        if self.sending.carries and not self.spoke:
            self.say("01")

    def end(self, state: str) -> None:
        """Refused, withdrawn or expired; who has the bytes still owes an answer when only the time was over."""
        self.state = state
        stays = GIVING_UP if state == "expired" and self.fetched else frozenset()
        for one in self.open:
            one.outcome = None if one.kind in stays else "moot"

    def answer(self, code: str) -> None:
        """15 or 16 to the newest change that is open."""
        if not self.open:
            return
        newest = self.open[-1]
        newest.outcome = "accepted" if code == "15" else "declined"
        if newest.outcome == "accepted" and newest.kind in GIVING_UP:
            for other in self.open:
                other.outcome = "moot"
            if self.state == "in_hand":
                self.state = "withdrawn"

    def touch(self, kind: str) -> str:
        """What a change does to this copy."""
        if self.holding not in LIVE:
            return "nothing"
        if kind in GIVING_UP and self.untaken:
            self.end("withdrawn")
            return "withdraw"
        self.asked.append(Asked(kind))
        return "ask"


@dataclass(slots=True, eq=False)
class Paper:
    """A document of the sender: its state and the copies, by recipient."""

    document_id: str
    ref: str
    state: str = "live"
    replaced_by: Paper | None = None
    copies: dict[str, Item] = field(default_factory=dict)
    coming: tuple[str, ...] = ()

    @property
    def holders(self) -> set[str]:
        return set(self.coming) | {one.recipient for one in self.copies.values() if one.holding in LIVE}

    @property
    def had_it(self) -> set[str]:
        return set(self.coming) | set(self.copies)


@dataclass(slots=True, eq=False)
class Sending:
    """An accepted consignment; `own` is the document that it carries, `about` the one that it changes."""

    id: str
    kind: str
    to: tuple[str, ...]
    own: Paper | None = None
    about: Paper | None = None
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    organs: tuple[str, ...] = ()
    routed: bool = False
    items: dict[str, Item] = field(default_factory=dict)

    @property
    def carries(self) -> bool:
        return self.own is not None

    @property
    def papers(self) -> set[Paper]:
        return {one for one in (self.own, self.about) if one is not None}


class Life:
    """All sendings in the order in which they were accepted, and every inbox."""

    def __init__(self) -> None:
        self.sendings: list[Sending] = []
        self.inbox: dict[str, list[Item]] = {}

    @property
    def items(self) -> list[Item]:
        return [item for sending in self.sendings for item in sending.items.values()]

    @property
    def papers(self) -> list[Paper]:
        return [sending.own for sending in self.sendings if sending.own is not None]

    def accept(self, sending: Sending) -> None:
        """It takes its turn, and its documents are frozen at the sender when nobody else is left to hold them."""
        self.sendings.append(sending)
        about = sending.about
        if sending.own is not None:
            sending.own.coming = sending.to
        if about is None:
            return
        if not about.holders <= set(sending.to):
            return
        if sending.kind == "recall":
            about.state = "recalled"
        if sending.kind == "replace" and about.holders <= set(sending.organs or about.holders):
            about.state, about.replaced_by = "replaced", sending.own

    def is_next(self, sending: Sending) -> bool:
        """True when everything before it in its conversations is routed."""
        before = self.sendings[: self.sendings.index(sending)]
        return not any(one.papers & sending.papers and not one.routed for one in before)

    def route(self, sending: Sending) -> None:
        """It takes effect at the copies, and each recipient gets its item."""
        sending.routed = True
        touched: dict[str, str] = {}
        for copy in list(sending.about.copies.values()) if sending.about else ():
            kind = _asked_of(sending, copy.recipient)
            if kind:
                touched[copy.recipient] = copy.touch(kind)
        self._add(sending)
        for recipient in dict.fromkeys((*sending.to, *sending.removed, *sending.added)):
            item = Item(sending, recipient)
            sending.items[recipient] = item
            if sending.own is not None:
                sending.own.copies[recipient] = item
            elif _needless(sending, recipient, touched.get(recipient)):
                item.state = "needless"
        if sending.own is not None:
            sending.own.coming = ()

    def _add(self, sending: Sending) -> None:
        if not sending.added or sending.about is None:
            return
        carrier = next(one for one in self.sendings if one.own is sending.about)
        for recipient in sending.added:
            if recipient not in sending.about.copies:
                carrier.items[recipient] = sending.about.copies[recipient] = Item(carrier, recipient)

    def deliver(self, item: Item, *, away: bool) -> None:
        """One attempt to hand it over."""
        if item.state != "due" or self._waits(item):
            return
        copy = item.sending.about.copies.get(item.recipient) if item.sending.about else None
        if not item.sending.carries and copy is not None and copy.untaken and copy.state not in UNDER_WAY:
            item.end("withdrawn")
        elif away:
            item.deferred = True
        else:
            item.state = "in_hand"
            self.inbox.setdefault(item.recipient, []).append(item)

    def _waits(self, item: Item) -> bool:
        before = self.sendings[: self.sendings.index(item.sending)]
        return any(
            one.papers & item.sending.papers
            and item.recipient in one.items
            and one.items[item.recipient].state == "due"
            for one in before
        )

    def lies_there(self, recipient: str) -> list[Item]:
        """What waits in an inbox, in the order in which it was placed."""
        return [item for item in self.inbox.get(recipient, ()) if item.state == "in_hand"]


def _asked_of(sending: Sending, recipient: str) -> str | None:
    if sending.kind == "replace":
        gets_it = recipient in sending.to and recipient in (sending.organs or sending.to)
        return "replace" if gets_it else None
    if sending.kind == "update" and recipient in sending.removed:
        return "remove"
    return sending.kind if recipient in sending.to else None


def _needless(sending: Sending, recipient: str, done: str | None) -> bool:
    if sending.kind == "take_back":
        return done == "withdraw"
    return done != "ask" and recipient not in sending.added
