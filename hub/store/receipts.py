"""The receipts that the hub has signed; once written they never change.

Owns: writing and reading them.
Never: signs.
Source: design §6.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.engine import Transaction
from hub.store.tables import receipts


@dataclass(frozen=True, slots=True)
class Receipt:
    """One signed receipt; `jws` is the compact serialisation, given out byte for byte."""

    receipt_id: str
    consignment_id: str
    delivery_id: str | None
    event: str
    issued_at: datetime
    jws: str


def issue(transaction: Transaction, receipt: Receipt) -> None:
    """Keep a receipt for good."""
    row = {
        "id": receipt.receipt_id,
        "consignment_id": receipt.consignment_id,
        "delivery_id": receipt.delivery_id,
        "event": receipt.event,
        "issued_at": receipt.issued_at,
        "jws": receipt.jws,
    }
    transaction.execute(_INSERT, row)


_INSERT = receipts.insert().inline()


def get(connection: Connection, receipt_id: str) -> Receipt:
    """The receipt with this id, which exists. Raises NoResultFound."""
    return _read(connection.execute(sa.select(receipts).where(receipts.c.id == receipt_id)).one())


def of_consignment(connection: Connection, consignment_id: str) -> list[Receipt]:
    """All receipts of a consignment and its deliveries, oldest first."""
    rows = connection.execute(
        sa.select(receipts).where(receipts.c.consignment_id == consignment_id).order_by(receipts.c.number)
    )
    return [_read(row) for row in rows]


def _read(row: Any) -> Receipt:
    return Receipt(row.id, row.consignment_id, row.delivery_id, row.event, row.issued_at, row.jws)
