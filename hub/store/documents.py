"""The register of documents at their senders: one row per document, its state, and what each recipient holds now.

Owns: entering a document once, its description as it is now, freezing it, the copies.
Never: decides what a change does (hub/domain/changes.py).
Source: Decision 28/2018/QĐ-TTg Art. 10(2); Decree 30/2020/NĐ-CP Annex VI.III.8.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.agencies import plain
from hub.domain.changes import DOCUMENT_STEPS, Copy, DocumentState, Target
from hub.domain.consignments import ConsignmentState
from hub.domain.deliveries import DeliveryState
from hub.domain.duties import CHANGES, DutyKind, DutyOutcome
from hub.domain.envelopes import BusinessType
from hub.errors import IllegalTransition
from hub.store.consignments import Consignment
from hub.store.engine import Transaction
from hub.store.life_tables import documents, duties
from hub.store.tables import Name, consignments, deliveries


@dataclass(frozen=True, slots=True)
class Document:
    """One line of a sender's register; `described_by` is the consignment whose header holds the rest."""

    id: str
    sender_key: str
    document_id: str
    notation: str
    issued_on: date | None
    subject: str
    document_type: str
    urgency: int
    due_on: date | None
    state: DocumentState
    replaced_by: str | None
    described_by: str
    sent_at: datetime
    changed_at: datetime


def read_document(row: Any) -> Document:
    """A row of the table `documents` as a value."""
    values = {name: getattr(row, name) for name in Document.__slots__}
    return Document(**(values | {"state": DocumentState(row.state)}))


def get(connection: Connection, ref: str) -> Document | None:
    """The document with this reference, or None."""
    row = connection.execute(_BY_REF, {"ref": ref}).one_or_none()
    return read_document(row) if row is not None else None


def find(connection: Connection, sender_key: str, document_id: str) -> Document | None:
    """The document of this sender with this id, or None; nobody else's is ever found."""
    if not document_id:
        return None
    row = connection.execute(_KNOWN, {"sender": sender_key, "document": document_id}).one_or_none()
    return read_document(row) if row is not None else None


def target(connection: Connection, sender_key: str, document_id: str) -> Target:
    """What a message about this document of this sender refers to."""
    found = known(connection, sender_key, document_id)
    if found is None or found.ref is None:
        held = {"sender": sender_key, "document": document_id}
        waits = bool(document_id) and connection.execute(_HELD, held).first() is not None
        return Target(document_id, held=waits)
    unrouted = list(connection.execute(_UNROUTED, {"ref": found.ref}).scalars())
    coming = [one for header in unrouted for one in header.get("resolved_recipients", ())]
    return replace(
        found,
        copies=tuple(copies(connection, found.ref)),
        coming=frozenset(one["recipient"] for one in coming if "recipient" in one),
        to_groups=any("group" in one for one in coming),
    )


def enter(transaction: Transaction, consignment: Consignment) -> None:
    """Enter the document that its first accepted consignment carries (`document_ref` is the consignment's own id)."""
    row = {
        "id": consignment.id,
        "sender_key": consignment.sender_key,
        "document_id": consignment.document_id,
        "state": DocumentState.LIVE.value,
        "described_by": consignment.id,
        "sent_at": consignment.received_at,
        "changed_at": consignment.judged_at,
        **_description(consignment),
    }
    transaction.execute(documents.insert().inline(), row)


def describe(transaction: Transaction, ref: str, consignment: Consignment) -> None:
    """The document is described by this consignment's header from now on (an update)."""
    new = {"described_by": consignment.id, "changed_at": consignment.judged_at, **_description(consignment)}
    transaction.execute(sa.update(documents).where(documents.c.id == ref).values(new))


def move(
    transaction: Transaction, ref: str, to: DocumentState, *, at: datetime, replaced_by: str | None = None
) -> None:
    """Freeze a live document. Raises IllegalTransition when it is not live any more."""
    steps = [old.value for old, new in DOCUMENT_STEPS if new is to]
    allowed = sa.update(documents).where(documents.c.id == ref, documents.c.state.in_(steps))
    done = transaction.execute(allowed.values(state=to.value, changed_at=at, replaced_by=replaced_by))
    if done.rowcount != 1:
        raise IllegalTransition(f"{ref} → {to}", thing="document", state=to.value)


def copies(connection: Connection, ref: str) -> list[Copy]:
    """What each recipient that ever had a copy holds now: its newest copy and the latest change asked about it."""
    return list({copy.recipient_key: copy for copy in every_copy(connection, ref)}.values())


def every_copy(connection: Connection, ref: str) -> list[Copy]:
    """All copies that were ever sent, oldest first: a recipient has several when the attachments changed."""
    return [_copy(row) for row in connection.execute(_COPIES, {"ref": ref})]


def copy(connection: Connection, delivery_id: str) -> Copy:
    """The copy that this delivery, which exists, brought."""
    return _copy(connection.execute(_COPY, {"delivery": delivery_id}).one())


def known(connection: Connection, sender_key: str, document_id: str) -> Target | None:
    """The state of this sender's document without its copies; None when the register does not have it."""
    found = find(connection, sender_key, document_id)
    if found is None:
        return None
    newer = get(connection, found.replaced_by) if found.replaced_by else None
    return Target(document_id, ref=found.id, state=found.state, replaced_by=newer.document_id if newer else "")


def carrier(connection: Connection, ref: str) -> str:
    """The newest consignment that carries the document itself; it exists for every document."""
    return connection.execute(_CARRIER, {"ref": ref}).scalars().first() or ref


def _copy(row: Any) -> Copy:
    return Copy(
        delivery_id=row.id,
        consignment_id=row.consignment_id,
        recipient_key=row.recipient_key,
        state=DeliveryState(row.state),
        fetched=row.fetched_at is not None,
        status_code=row.status_code,
        asked=DutyKind(row.asked) if row.asked else None,
        outcome=DutyOutcome(row.outcome) if row.outcome else None,
        replaced_by=row.replaced_by,
    )


def _description(consignment: Consignment) -> Mapping[str, Any]:
    header = consignment.header
    due_on = header.get("due_on")
    return {
        "notation": consignment.notation,
        "issued_on": consignment.issued_on,
        "subject": header.get("subject", ""),
        "document_type": header.get("document_type_name", ""),
        "urgency": header.get("urgency", 0),
        "due_on": date.fromisoformat(due_on) if due_on else None,
        "plain": plain(f"{consignment.notation} {header.get('subject', '')}"),
    }


_BY_REF = sa.select(documents).where(documents.c.id == sa.bindparam("ref"))
_KNOWN = sa.select(documents).where(
    documents.c.sender_key == sa.bindparam("sender"),
    documents.c.document_id == sa.bindparam("document"),
    documents.c.document_id != "",
)
_HELD = (
    sa.select(consignments.c.id)
    .where(
        consignments.c.sender_key == sa.bindparam("sender"),
        consignments.c.document_id == sa.bindparam("document", type_=Name()),
        consignments.c.kind == "document",
        consignments.c.state == ConsignmentState.HELD.value,
        consignments.c.business_type.in_([BusinessType.NEW.value, BusinessType.REPLACE.value]),
    )
    .limit(1)
)
_CARRYING = [BusinessType.NEW.value, BusinessType.REPLACE.value]
_carriers = sa.and_(
    consignments.c.document_ref == sa.bindparam("ref"),
    consignments.c.kind == "document",
    consignments.c.business_type.in_(_CARRYING),
)
_UNROUTED = sa.select(consignments.c.header).where(_carriers, consignments.c.state == ConsignmentState.ACCEPTED.value)
_CARRIER = (
    sa.select(consignments.c.id)
    .where(_carriers, consignments.c.state.in_([ConsignmentState.ROUTED.value, ConsignmentState.CLOSED.value]))
    .order_by(consignments.c.received_at.desc())
    .limit(1)
)
_COPIES_OF = (
    sa.select(deliveries.c.id)
    .join(consignments, consignments.c.id == deliveries.c.consignment_id)
    .where(consignments.c.document_ref == sa.bindparam("ref"))
)


def _latest_asked(which: sa.ColumnElement[bool]) -> sa.Subquery:
    """The latest change asked about each copy."""
    newest = sa.func.row_number().over(
        partition_by=duties.c.delivery_id, order_by=(duties.c.opened_at.desc(), duties.c.id.desc())
    )
    return (
        sa.select(duties.c.delivery_id, duties.c.kind, duties.c.outcome, newest.label("rank"))
        .where(duties.c.kind.in_([kind.value for kind in CHANGES]), which)
        .subquery()
    )


_asked = _latest_asked(duties.c.delivery_id.in_(_COPIES_OF))
_asked_one = _latest_asked(duties.c.delivery_id == sa.bindparam("delivery"))
_COPY = (
    sa.select(deliveries, _asked_one.c.kind.label("asked"), _asked_one.c.outcome)
    .outerjoin(_asked_one, sa.and_(_asked_one.c.delivery_id == deliveries.c.id, _asked_one.c.rank == 1))
    .where(deliveries.c.id == sa.bindparam("delivery"))
)
_COPIES = (  # oldest first, so that the newest copy of a recipient is the one that stays
    sa.select(deliveries, _asked.c.kind.label("asked"), _asked.c.outcome)
    .join(consignments, consignments.c.id == deliveries.c.consignment_id)
    .outerjoin(_asked, sa.and_(_asked.c.delivery_id == deliveries.c.id, _asked.c.rank == 1))
    .where(
        _carriers,
        deliveries.c.state.notin_([DeliveryState.ALREADY_HELD.value, DeliveryState.NEEDLESS.value]),
    )
    .order_by(deliveries.c.created_at, deliveries.c.id)
)
