"""Receipts in a database, many and quickly, without sending documents: what the sealing works on.

Owns: one consignment row to hang them on, genuine receipts (or only plausible ones), batches of seals.
Never: a second way to seal.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hub.domain.receipts import ReceiptEvent, Testimony, claims
from hub.domain.seals import MOST_RECEIPTS
from hub.signatures.jws import sign_receipt
from hub.signatures.keys import HubKey
from hub.store import seals, tables
from hub.store.engine import Database, Transaction

AT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
CONSIGNMENT = "00000000-0000-7000-8000-000000000001"


def receipt_id(number: int) -> str:
    return f"10000000-0000-7000-8000-{number:012d}"


def sha256_of(number: int) -> str:
    """The digest of the document that receipt `number` is about."""
    return f"{number:064x}"


def genuine(number: int, key: HubKey, *, hub_name: str = "hub") -> str:
    """A receipt that the key really signed."""
    testimony = Testimony(
        receipt_id=receipt_id(number),
        event=ReceiptEvent.SUBMISSION_ACCEPTANCE,
        at=AT,
        consignment_id=CONSIGNMENT,
        sender="G22",
        document_id=f"G22,2026/03/02,{number}/CV",
        sha256=sha256_of(number),
        size_bytes=7,
    )
    return sign_receipt(claims(testimony, hub_name=hub_name), key)


def plausible(number: int) -> str:
    """Text of the size of a receipt that nobody signed, where signatures do not matter."""
    return f"{number:01800d}.claims.signature"


def give(database: Database, numbers: range, jws: Callable[[int], str] = plausible) -> None:
    """Rows of unsealed receipts."""
    with database.writing() as transaction:
        transaction.insert_new(tables.consignments, _consignment())
        for first in range(numbers.start, numbers.stop, MOST_RECEIPTS):
            part = range(first, min(first + MOST_RECEIPTS, numbers.stop))
            transaction.execute(tables.receipts.insert(), [_row(number, jws(number)) for number in part])


def seal_all(database: Database, *, most: int, stamp: bool = False, now: datetime = AT) -> int:
    """Seal what waits in batches of `most`, a minute apart; returns how many seals were made."""
    made = 0
    while True:
        with database.writing() as transaction:
            if seals.seal_next(transaction, now=now + timedelta(minutes=made), stamp=stamp, most=most) is None:
                return made
        made += 1


def run(database: Database, *statements: object) -> None:
    """Do what somebody with a database console would do."""
    with database.writing() as transaction:
        for statement in statements:
            execute(transaction, statement)


def execute(transaction: Transaction, statement: object) -> None:
    transaction.execute(statement)  # type: ignore[arg-type]


def _row(number: int, jws: str) -> dict[str, object]:
    return {
        "id": receipt_id(number),
        "consignment_id": CONSIGNMENT,
        "event": ReceiptEvent.SUBMISSION_ACCEPTANCE.value,
        "issued_at": AT,
        "jws": jws,
    }


def _consignment() -> dict[str, object]:
    given = {
        "id": CONSIGNMENT,
        "kind": "document",
        "state": "accepted",
        "lane": "normal",
        "received_at": AT,
        "judged_at": AT,
        "size_bytes": 7,
        "business_type": 0,
        "body_kept": True,
        "header": {},
        "signature": {},
        "findings": [],
    }
    needed = [c.name for c in tables.consignments.columns if not c.nullable and c.server_default is None]
    return {name: given.get(name, "x") for name in needed}
