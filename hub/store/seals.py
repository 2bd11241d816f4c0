"""The chain of seals over the receipts: the next link, the timestamps still owed, one proof, the walk.

Owns: which receipts are sealed next, that there is one chain however many sealers, the timestamp back-off.
Never: judges the chain (the audit does) or asks an authority.
Source: design §6; PostgreSQL documentation: a sequence's numbers are committed out of order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain import merkle
from hub.domain.seals import MOST_RECEIPTS, SealProof, SealStatement, leaf_of
from hub.store.engine import Transaction
from hub.store.tables import receipts, seals

_PAGE = 256  # rows fetched at a time: memory is bounded whatever waits


@dataclass(frozen=True, slots=True)
class Seal:
    """One row: the statement as its columns tell it, the `head` beside it, and its timestamp.

    `leaves` are the 32-byte hashes one after the other. `next_stamp_at` None: no timestamp is asked for (any more).
    """

    statement: SealStatement
    head: str
    leaves: bytes
    token: bytes | None
    stamped_at: datetime | None
    next_stamp_at: datetime | None
    stamp_failures: int
    last_error: str


@dataclass(frozen=True, slots=True)
class Owed:
    """A seal that waits for its timestamp; `due` is when it was due, `failures` counts the tries in vain."""

    number: int
    head: str
    sealed_at: datetime
    due: datetime
    failures: int


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A receipt as its row tells it; `leaf` None: not sealed yet."""

    number: int
    receipt_id: str
    consignment_id: str
    delivery_id: str | None
    event: str
    jws: str
    leaf: int | None


@dataclass(frozen=True, slots=True)
class Standing:
    """How the sealing stands: receipts that wait since when, timestamps that are owed and why they did not come."""

    unsealed: int
    oldest: datetime | None
    owed: int
    failures: int
    last_error: str


def standing(connection: Connection) -> Standing:
    """What is still to be done; quick, whatever was done."""
    open_receipts = sa.select(sa.func.count(), sa.func.min(receipts.c.issued_at)).where(receipts.c.seal.is_(None))
    unsealed, oldest = connection.execute(open_receipts).one()
    wanted = seals.c.next_stamp_at.isnot(None)
    owed = connection.execute(sa.select(sa.func.count()).select_from(seals).where(wanted)).scalar_one()
    worst = sa.select(seals.c.stamp_failures, seals.c.last_error).where(wanted, seals.c.stamp_failures > 0)
    row = connection.execute(worst.order_by(seals.c.stamp_failures.desc()).limit(1)).first()
    return Standing(unsealed, oldest, owed, *(row or (0, "")))


def last(connection: Connection) -> tuple[int, str, datetime] | None:
    """Number, head and time of the newest seal; None before the first."""
    newest = sa.select(seals.c.number, seals.c.head, seals.c.sealed_at).order_by(seals.c.number.desc()).limit(1)
    row = connection.execute(newest).first()
    return None if row is None else (row.number, row.head, row.sealed_at)


def waiting(connection: Connection, *, most: int) -> int:
    """How many receipts are not sealed yet, counted up to `most`."""
    found = sa.select(receipts.c.number).where(receipts.c.seal.is_(None)).limit(most).subquery()
    return connection.execute(sa.select(sa.func.count()).select_from(found)).scalar_one()


def seal_next(
    transaction: Transaction, *, now: datetime, stamp: bool, most: int = MOST_RECEIPTS
) -> SealStatement | None:
    """Seal up to `most` waiting receipts, oldest first; None when none waits.

    `stamp` says whether a timestamp will be asked for. Two sealers wait for each other and make one chain.
    """
    if transaction.connection.dialect.name == "postgresql":  # SQLite has one writer anyway
        transaction.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended("hub.seals", 0))))
    numbers, leaves = _next_leaves(transaction.connection, most)
    if not numbers:
        return None
    before = last(transaction.connection)
    root = merkle.root_of(leaves).hex()
    number, previous = (before[0] + 1, before[1]) if before else (1, "")
    statement = SealStatement(number, previous, root, len(leaves), now)
    transaction.execute(
        seals.insert(),
        {
            "number": number,
            "sealed_at": now,
            "size": statement.size,
            "leaves": b"".join(leaves),
            "root": root,
            "previous": previous,
            "head": statement.head,
            "next_stamp_at": now if stamp else None,
        },
    )
    transaction.execute(_MARK, [{"n": row, "s": number, "l": leaf} for leaf, row in enumerate(numbers)])
    return statement


def proof_of(connection: Connection, receipt_id: str) -> SealProof | None:
    """The proof of a receipt with its seal's timestamp; None while it is not sealed."""
    row = connection.execute(_SEAL_OF, {"id": receipt_id}).first()
    if row is None:
        return None
    leaves = _split(row.leaves)
    if not 0 <= row.leaf < len(leaves):
        return None  # a row that no seal covers; the audit names it
    return SealProof(_statement(row), row.leaf, merkle.path_of(leaves, row.leaf), row.token)


def unstamped(connection: Connection, now: datetime, *, limit: int) -> list[Owed]:
    """Seals whose timestamp is due, oldest first."""
    rows = connection.execute(
        sa.select(seals.c.number, seals.c.head, seals.c.sealed_at, seals.c.next_stamp_at, seals.c.stamp_failures)
        .where(seals.c.next_stamp_at <= now)
        .order_by(seals.c.next_stamp_at, seals.c.number)
        .limit(limit)
    )
    return [Owed(r.number, r.head, r.sealed_at, r.next_stamp_at, r.stamp_failures) for r in rows]


def claim(transaction: Transaction, owed: Owed, until: datetime) -> bool:
    """True for the one who may ask for this timestamp now; it comes due again at `until` if nothing is heard."""
    mine = (seals.c.number == owed.number) & (seals.c.next_stamp_at == owed.due)
    return transaction.execute(seals.update().where(mine).values(next_stamp_at=until)).rowcount == 1


def stamped(transaction: Transaction, number: int, token: bytes, *, at: datetime) -> None:
    """Keep a verified timestamp; the first one stays."""
    new = {"token": token, "stamped_at": at, "next_stamp_at": None, "last_error": ""}
    transaction.execute(seals.update().where(seals.c.number == number, seals.c.token.is_(None)).values(new))


def stamp_failed(transaction: Transaction, owed: Owed, *, error: str, next_at: datetime) -> None:
    """Remember why there is no timestamp yet, and when the next try is due."""
    new = {"stamp_failures": owed.failures + 1, "last_error": error, "next_stamp_at": next_at}
    transaction.execute(seals.update().where(seals.c.number == owed.number, seals.c.token.is_(None)).values(new))


def walk(connection: Connection) -> Iterator[Seal]:
    """All seals, first to last, in bounded memory."""
    found = sa.select(seals).order_by(seals.c.number).execution_options(yield_per=8)  # one has up to 128 KiB
    with connection.execute(found) as rows:  # one that is left in the middle must not stay open on the server
        yield from map(_seal, rows)


def receipts_of(connection: Connection, number: int | None) -> Iterator[SealedRow]:
    """The receipts of one seal in the order of its leaves; for None those not sealed, oldest first."""
    order = (receipts.c.number,) if number is None else (receipts.c.leaf, receipts.c.number)
    found = sa.select(*_SHOWN).where(receipts.c.seal.is_(None) if number is None else receipts.c.seal == number)
    with connection.execute(found.order_by(*order).execution_options(yield_per=_PAGE)) as rows:
        for row in rows:
            yield SealedRow(*row)


def place_of(connection: Connection, receipt_id: str) -> tuple[int | None, int | None] | None:
    """Where a receipt is said to be sealed (seal, leaf); None when there is no such receipt."""
    row = connection.execute(sa.select(receipts.c.seal, receipts.c.leaf).where(receipts.c.id == receipt_id)).first()
    return None if row is None else (row.seal, row.leaf)


def beyond(connection: Connection, number: int) -> tuple[str, int] | None:
    """A receipt (id, seal) that says it is sealed by a seal above `number` or below 1: there is no such seal."""
    outside = (receipts.c.seal > number) | (receipts.c.seal < 1)
    row = connection.execute(sa.select(receipts.c.id, receipts.c.seal).where(outside).order_by("seal").limit(1)).first()
    return None if row is None else (row.id, row.seal)


_SHOWN = (
    receipts.c.number,
    receipts.c.id,
    receipts.c.consignment_id,
    receipts.c.delivery_id,
    receipts.c.event,
    receipts.c.jws,
    receipts.c.leaf,
)
_WAITING = sa.select(receipts.c.number, receipts.c.jws).where(receipts.c.seal.is_(None))
_OLDEST_FIRST = {
    "postgresql": _WAITING.order_by(receipts.c.number),
    # SQLite prefers ix_receipts_seal, where those without a seal (and leaf) stand in the order of their numbers
    "sqlite": _WAITING.order_by(receipts.c.leaf, receipts.c.number),
}
_MARK = (
    receipts.update()
    .where(receipts.c.number == sa.bindparam("n"))
    .values(seal=sa.bindparam("s"), leaf=sa.bindparam("l"))
)
_SEAL_OF = (
    sa.select(seals, receipts.c.leaf)
    .join(receipts, receipts.c.seal == seals.c.number)
    .where(receipts.c.id == sa.bindparam("id"))
)


def _next_leaves(connection: Connection, most: int) -> tuple[list[int], list[bytes]]:
    numbers: list[int] = []
    leaves: list[bytes] = []
    waiting_now = _OLDEST_FIRST[connection.dialect.name].limit(most)
    for row in connection.execute(waiting_now.execution_options(yield_per=_PAGE)):
        numbers.append(row.number)
        leaves.append(leaf_of(row.jws))
    return numbers, leaves


def _split(leaves: bytes) -> Sequence[bytes]:
    return [leaves[at : at + merkle.HASH_BYTES] for at in range(0, len(leaves), merkle.HASH_BYTES)]


def _seal(row: Any) -> Seal:
    return Seal(
        statement=_statement(row),
        head=row.head,
        leaves=row.leaves,
        token=row.token,
        stamped_at=row.stamped_at,
        next_stamp_at=row.next_stamp_at,
        stamp_failures=row.stamp_failures,
        last_error=row.last_error,
    )


def _statement(row: Any) -> SealStatement:
    return SealStatement(row.number, row.previous, row.root, row.size, row.sealed_at)
