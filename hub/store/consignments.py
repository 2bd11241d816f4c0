"""Consignments: one row per sending, permanent, which is also the idempotency record.

Owns: inserting the judged row once, finding it again by key, moving its state under a lock.
Never: judges; holds bodies.
Source: design §1, §5; Decree 30/2020 Annex VI (duplicate document id; number + symbol + agency).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.consignments import STEPS, ConsignmentState, Lane
from hub.domain.deliveries import FINAL, DeliveryState
from hub.domain.findings import Finding, Severity
from hub.errors import IllegalTransition
from hub.store.engine import Transaction
from hub.store.life_tables import documents
from hub.store.tables import Name, consignments, deliveries


@dataclass(frozen=True, slots=True)
class Consignment:
    """One sending as kept; `header` is the envelope without its attachments' bytes, as plain JSON."""

    id: str
    caller_key: str
    key_scope: str
    idempotency_key: str
    sender_key: str
    kind: str
    state: ConsignmentState
    lane: Lane
    sha256: str
    size_bytes: int
    body_kept: bool
    document_id: str
    notation: str
    issued_on: date | None
    attachments_sha256: str
    business_type: int
    paper: int | None
    signature_state: str
    header: dict[str, Any]
    signature: dict[str, Any]
    files: list[dict[str, Any]]
    replaces_paper: bool
    because: tuple[Finding, ...]
    findings: tuple[Finding, ...]
    rule_pack: str
    trace_id: str
    received_at: datetime
    judged_at: datetime
    next_attempt_at: datetime | None = None
    document_ref: str | None = None

    @property
    def urgency(self) -> int:
        """The urgency that the envelope states."""
        return int(self.header.get("urgency", 0))

    @property
    def due_on(self) -> date | None:
        """The day until which the document asks to be handled."""
        named = self.header.get("due_on")
        return date.fromisoformat(named) if named else None


@dataclass(frozen=True, slots=True)
class Brief:
    """A consignment without its header, which may name a thousand recipients and is long to read.

    `urgency` and `due_on` are those of the document that it is about, as its register has them now.
    """

    id: str
    sender_key: str
    kind: str
    state: ConsignmentState
    business_type: int
    document_id: str
    document_ref: str | None
    sha256: str
    size_bytes: int
    paper: int | None
    replaces_paper: bool
    trace_id: str
    received_at: datetime
    urgency: int
    due_on: date | None


def brief(connection: Connection, consignment_id: str) -> Brief | None:
    """What is needed of a consignment to move one of its deliveries; None when it does not exist."""
    row = connection.execute(_BRIEF, {"id": consignment_id}).one_or_none()
    return Brief(**(dict(row._mapping) | {"state": ConsignmentState(row.state)})) if row is not None else None


def _read(row: Any) -> Consignment:
    values = dict(row._mapping)
    values["state"] = ConsignmentState(values["state"])
    values["lane"] = Lane(values["lane"])
    for name in ("findings", "because"):
        values[name] = tuple(
            Finding(f["check"], f["code"], Severity(f["severity"]), f["where"], f["evidence"]) for f in values[name]
        )
    return Consignment(**values)


def _findings(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    return [
        {"check": f.check, "code": f.code, "severity": f.severity.value, "where": f.where, "evidence": dict(f.evidence)}
        for f in findings
    ]


def add(transaction: Transaction, consignment: Consignment) -> bool:
    """Insert the row; False when this idempotency key was used before in its scope (the transaction goes on)."""
    values = {name: getattr(consignment, name) for name in Consignment.__slots__}
    values |= {"state": consignment.state.value, "lane": consignment.lane.value}
    values |= {"findings": _findings(consignment.findings), "because": _findings(consignment.because)}
    return transaction.insert_new(consignments, values)


def by_key(connection: Connection, key_scope: str, idempotency_key: str) -> Consignment | None:
    """The consignment made under this key, whenever that was."""
    row = connection.execute(_BY_KEY, {"scope": key_scope, "key": idempotency_key}).one_or_none()
    return _read(row) if row is not None else None


def get(connection: Connection, consignment_id: str) -> Consignment | None:
    """The consignment with this id, or None."""
    row = connection.execute(_BY_ID, {"id": consignment_id}).one_or_none()
    return _read(row) if row is not None else None


def lock(transaction: Transaction, consignment_id: str) -> Consignment | None:
    """The consignment, locked until the transaction ends; None when it does not exist."""
    row = transaction.execute(_LOCKED, {"id": consignment_id}).one_or_none()
    return _read(row) if row is not None else None


def lock_documents(transaction: Transaction, many: Iterable[tuple[str, str]]) -> None:
    """Lock several documents (sender key, document id), always in the same order, so that none waits in a circle."""
    for sender_key, document_id in sorted(set(many)):
        lock_document(transaction, sender_key, document_id)


def lock_document(transaction: Transaction, sender_key: str, document_id: str) -> None:
    """One at a time for everything that asks 'is this document known?' (SQLite has one writer anyway)."""
    if transaction.connection.dialect.name == "postgresql":
        same = sa.literal(sender_key) + " " + sa.literal(document_id, Name())
        number = sa.func.hashtextextended(same, 0)
        transaction.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))


def lock_of_delivery(transaction: Transaction, delivery_id: str) -> bool:
    """Lock the consignment to which a delivery belongs; False when there is none."""
    return transaction.execute(_LOCKED_OF_DELIVERY, {"delivery": delivery_id}).one_or_none() is not None


def move(
    transaction: Transaction, consignment: Consignment, to: ConsignmentState, *, next_attempt_at: datetime | None = None
) -> None:
    """Take one allowed step. Raises IllegalTransition for any other."""
    if (consignment.state, to) not in STEPS:
        raise IllegalTransition(f"{consignment.id}: {consignment.state} → {to}", thing="consignment", state=to.value)
    transaction.execute(_MOVED, {"of": consignment.id, "to": to.value, "until": next_attempt_at})


def reopen(transaction: Transaction, consignment_id: str) -> None:
    """closed → routed when a delivery is added to it; the caller holds its lock. Nothing when it is open."""
    transaction.execute(_REOPENED, {"of": consignment_id})


def close_if_ended(transaction: Transaction, consignment_id: str) -> bool:
    """routed → closed when no delivery is under way; the caller holds the consignment's lock."""
    return transaction.execute(_CLOSED, {"of": consignment_id}).rowcount == 1


def judged_again(transaction: Transaction, consignment: Consignment) -> None:
    """Write the new verdict of a held consignment: state, findings, signature, times."""
    if (ConsignmentState.HELD, consignment.state) not in STEPS:
        raise IllegalTransition(f"{consignment.id}: held → {consignment.state}", thing="consignment", state="held")
    values = {name: getattr(consignment, name) for name in _JUDGED_AGAIN}
    values |= {"state": consignment.state.value, "findings": _findings(consignment.findings)}
    values["because"] = _findings(consignment.because)
    transaction.execute(sa.update(consignments).where(consignments.c.id == consignment.id).values(values))


def postpone(transaction: Transaction, consignment_id: str, until: datetime) -> None:
    """The clock looks at it again at `until`."""
    transaction.execute(
        sa.update(consignments).where(consignments.c.id == consignment_id).values(next_attempt_at=until)
    )


def claim(transaction: Transaction, consignment: Consignment, until: datetime) -> bool:
    """Put a due row off until `until`; False when it moved since it was read, so that nobody needs to wake it."""
    unmoved = sa.and_(
        consignments.c.id == consignment.id,
        consignments.c.state == consignment.state.value,
        consignments.c.next_attempt_at == consignment.next_attempt_at,
    )
    return transaction.execute(sa.update(consignments).where(unmoved).values(next_attempt_at=until)).rowcount == 1


def due(connection: Connection, now: datetime, *, limit: int) -> list[Consignment]:
    """Held or accepted consignments whose time has come, longest waiting first."""
    rows = connection.execute(
        sa.select(consignments)
        .where(consignments.c.next_attempt_at.isnot(None), consignments.c.next_attempt_at <= now)
        .order_by(consignments.c.next_attempt_at)
        .limit(limit)
    )
    return [_read(row) for row in rows]


def earlier_of_document(connection: Connection, sender_key: str, document_id: str) -> list[Consignment]:
    """Accepted consignments of the same document of the same sender, oldest first (at most 50)."""
    if not document_id:
        return []
    rows = connection.execute(_EARLIER, {"sender": sender_key, "document": document_id})
    return [_read(row) for row in rows]


def same_notation(
    connection: Connection, sender_key: str, notation: str, *, year: int, document_id: str
) -> Consignment | None:
    """An accepted document of the sender with this number and symbol in this year but another document id."""
    asked = {"sender": sender_key, "notation": notation, "document": document_id}
    asked |= {"first": date(year, 1, 1), "last": date(year, 12, 31)}
    row = connection.execute(_SAME_NOTATION, asked).one_or_none()
    return _read(row) if row is not None else None


_JUDGED_AGAIN = (
    "signature_state",
    "signature",
    "files",
    "replaces_paper",
    "rule_pack",
    "judged_at",
    "next_attempt_at",
    "lane",
    "header",
    "document_ref",
)
_PROMISED = [state.value for state in (ConsignmentState.ACCEPTED, ConsignmentState.ROUTED, ConsignmentState.CLOSED)]
_UNDER_WAY = [state.value for state in DeliveryState if state not in FINAL]

# Statements of the hot path are made once: SQLAlchemy keeps what it derived from them.
_BY_ID = sa.select(consignments).where(consignments.c.id == sa.bindparam("id"))
# Not the key: who only refers to the row (an event of it) never waits, and so never in a circle.
_LOCKED = _BY_ID.with_for_update(key_share=True)
_BRIEF = (
    sa.select(
        *(consignments.c[name] for name in Brief.__slots__ if name not in ("urgency", "due_on")),
        sa.func.coalesce(documents.c.urgency, 0).label("urgency"),
        documents.c.due_on,
    )
    .outerjoin(documents, documents.c.id == consignments.c.document_ref)
    .where(consignments.c.id == sa.bindparam("id"))
)
_LOCKED_OF_DELIVERY = (
    sa.select(consignments.c.id)
    .where(
        consignments.c.id
        == sa.select(deliveries.c.consignment_id).where(deliveries.c.id == sa.bindparam("delivery")).scalar_subquery()
    )
    .with_for_update(key_share=True)
)
_OF = consignments.c.id == sa.bindparam("of")
_MOVED = sa.update(consignments).where(_OF).values(state=sa.bindparam("to"), next_attempt_at=sa.bindparam("until"))
_OPEN = sa.select(deliveries.c.id).where(
    deliveries.c.consignment_id == sa.bindparam("of"), deliveries.c.state.in_(_UNDER_WAY)
)
_CLOSED = (
    sa.update(consignments)
    .where(_OF, consignments.c.state == ConsignmentState.ROUTED.value, ~_OPEN.exists())
    .values(state=ConsignmentState.CLOSED.value)
)
_REOPENED = (
    sa.update(consignments)
    .where(_OF, consignments.c.state == ConsignmentState.CLOSED.value)
    .values(state=ConsignmentState.ROUTED.value)
)
_BY_KEY = sa.select(consignments).where(
    consignments.c.key_scope == sa.bindparam("scope"), consignments.c.idempotency_key == sa.bindparam("key")
)
_ACCEPTED_DOCUMENT = sa.and_(consignments.c.kind == "document", consignments.c.state.in_(_PROMISED))
_SAME_DOCUMENT = sa.and_(
    consignments.c.sender_key == sa.bindparam("sender"),
    consignments.c.document_id == sa.bindparam("document"),
    _ACCEPTED_DOCUMENT,
)
_EARLIER = sa.select(consignments).where(_SAME_DOCUMENT).order_by(consignments.c.received_at).limit(50)
_SAME_NOTATION = (
    sa.select(consignments)
    .where(
        consignments.c.sender_key == sa.bindparam("sender"),
        consignments.c.notation == sa.bindparam("notation"),
        consignments.c.issued_on.between(sa.bindparam("first"), sa.bindparam("last")),
        consignments.c.document_id != sa.bindparam("document"),
        _ACCEPTED_DOCUMENT,
    )
    .limit(1)
)
