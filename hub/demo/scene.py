"""What every chapter of the story uses: the players, the letters, and the moves that are always checked alike.

Owns: posting with its checks, handing over with its checks, waiting for what happens by itself.
Never: decides what comes next (story.py, trials.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from hub.demo.clients import PATIENCE_SECONDS, Answer, ReceiptBook
from hub.demo.documents import status_in
from hub.demo.plot import Letters
from hub.demo.stage import Player, Role
from hub.demo.tell import Step, Teller
from hub.domain.receipts import ReceiptEvent
from hub.domain.statuses import StatusCode

_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Sent:
    """A sending that the hub accepted: whose it is, and the document's own id."""

    role: Role
    document_id: str


@dataclass(slots=True)
class Scene:
    """One performance; `first` is the consignment of the first letter, `sent` all accepted ones by their ids.

    `results` is what the end shows.
    """

    tell: Teller
    players: Mapping[str, Player]
    book: ReceiptBook
    letters: Letters
    folder: Path
    payloads: Path
    first: str = ""
    sent: dict[str, Sent] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)
    _posted: int = 0

    def of(self, role: Role) -> Player:
        """The player of a role."""
        return self.players[role.agency.code]

    def post(self, role: Role, envelope: bytes, *, name: str, key: str = "") -> Answer:
        """Keep the envelope in the folder under a telling name and post it as the role's agency."""
        self._posted += 1
        (self.folder / "envelopes" / f"{self._posted:02d}-{name}.edxml").write_bytes(envelope)
        return self.of(role).system.send(envelope, key=key)

    def accepted(self, step: Step, role: Role, *, envelope: bytes, name: str, key: str = "") -> Answer:
        """Post what must be accepted; status, verdict and signed receipt are checked."""
        answer = self.post(role, envelope, name=name, key=key)
        step.expect("HTTP", 201, answer.status)
        step.expect("kết luận / verdict", "accepted", answer.part("verdict"))
        claims = self.book.take(answer.part("receipt"))
        step.expect("biên nhận / receipt", ReceiptEvent.SUBMISSION_ACCEPTANCE.value, claims["event"])
        step.expect("lượt gửi trong biên nhận / consignment", answer.part("id"), claims["consignment"])
        self.sent[answer.part("id")] = Sent(role, answer.part("document_id"))
        return answer

    def rejected(
        self, step: Step, role: Role, *, envelope: bytes, name: str, code: str, also: Sequence[str] = ()
    ) -> Answer:
        """Post what must be rejected with this error first, and with no others than `also`; the receipt says so too.

        Shows the hub's sentence.
        """
        answer = self.post(role, envelope, name=name)
        step.expect("HTTP", 422, answer.status)
        step.expect("kết luận / verdict", "rejected", answer.part("verdict"))
        errors = [finding for finding in answer.part("findings") if finding["severity"] == "error"]
        seen = list(dict.fromkeys(finding["code"] for finding in errors))
        step.expect("lỗi / errors", [code, *also], seen)
        claims = self.book.take(answer.part("receipt"))
        step.expect("biên nhận / receipt", ReceiptEvent.SUBMISSION_REJECTION.value, claims["event"])
        step.expect("lỗi trong biên nhận / in the receipt", True, code in [f["code"] for f in claims["findings"]])
        step.note(f"{errors[0]['message']['vi']}  [{code}]")
        return answer

    def handed_over(self, step: Step, role: Role, *, consignment: str, envelope: bytes) -> dict[str, Any]:
        """The role's agency takes a document, and its sender hears 01 in the role's name; the inbox item."""
        item = self.taken(step, role, consignment=consignment, envelope=envelope)
        self.told(step, by=role, code=StatusCode.ARRIVED, about=consignment)
        return item

    def taken(self, step: Step, role: Role, *, consignment: str, envelope: bytes) -> dict[str, Any]:
        """The role's agency gets the consignment, has exactly these bytes, and takes it over; its inbox item."""
        player = self.of(role)
        item = player.system.awaited(consignment)
        fetched = player.system.fetch(item)
        digest = hashlib.sha256(envelope).hexdigest()
        step.expect("SHA-256", digest, hashlib.sha256(fetched).hexdigest())
        claims = player.system.acknowledge(item, digest)
        expected = (ReceiptEvent.CONTENT_HANDOVER.value, consignment, role.agency.code)
        seen = (claims["event"], claims["consignment"], claims["recipient"])
        step.expect("biên nhận bàn giao / receipt", list(expected), list(seen))
        return item

    def told(self, step: Step, *, by: Role, code: str, about: str) -> None:
        """The sender of a document finds this status of `by` in its inbox as an edXML message, and takes it over."""
        sent, speaker = self.sent[about], by.agency.code
        system = self.of(sent.role).system
        item = system.awaited_status(speaker)
        message = system.fetch(item)
        report = status_in(message)
        seen = [report.status_code, report.response_for.document_id] if report else []
        step.expect(f"bản tin trạng thái của {speaker} / status message", [code, sent.document_id], seen)
        system.acknowledge(item, hashlib.sha256(message).hexdigest())

    def digest_of_kept(self, envelope: bytes) -> bool:
        """True when the hub's payload store holds a body with the digest of these bytes."""
        return any(self.payloads.rglob(hashlib.sha256(envelope).hexdigest()))


def settled(look: Callable[[], Any], wanted: object) -> Any:
    """What `look` gives once it is what is wanted, or what it gave last when patience ended."""
    until = monotonic() + PATIENCE_SECONDS
    seen = look()
    while seen != wanted and monotonic() < until:
        sleep(_POLL_SECONDS)
        seen = look()
    return seen
