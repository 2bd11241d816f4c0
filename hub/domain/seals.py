"""Seals: a Merkle root over a batch of receipts, linked to the seal before, so that no receipt can vanish unseen.

Owns: what a seal states, its bytes and their digest (the head), the proof of one receipt.
Never: stores, signs or timestamps; the timestamp of a seal is for the 32 bytes of its head.
Source: design §6; RFC 6962 §2.1; RFC 3161 §2.4.1 (message imprint).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from hub.domain import merkle

MOST_RECEIPTS = 4096  # in one seal; its leaves take 128 KiB and a proof at most 12 hashes
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SealStatement:
    """What seal `number` (from 1) says; `previous` is the head before it (empty for the first), `root` is hex."""

    number: int
    previous: str
    root: str
    size: int
    sealed_at: datetime

    @property
    def head(self) -> str:
        """The SHA-256 of the statement's bytes, lower-case hex: it stands for this seal and all before it."""
        return sha256(statement_bytes(self)).hexdigest()


@dataclass(frozen=True, slots=True)
class SealProof:
    """That one receipt is leaf `index` (from 0) of a seal; `path` lowest first, `token` is the seal's timestamp."""

    statement: SealStatement
    index: int
    path: tuple[bytes, ...]
    token: bytes | None = None

    def proves(self, jws: str) -> bool:
        """True when the seal is really over this receipt (compact JWS)."""
        said = self.statement
        if not _DIGEST.fullmatch(said.root):
            return False
        leaf = leaf_of(jws)
        return merkle.included(leaf, self.path, index=self.index, size=said.size, root=bytes.fromhex(said.root))


def leaf_of(jws: str) -> bytes:
    """The leaf hash of a receipt: that of its compact JWS in ASCII."""
    return merkle.leaf_hash(jws.encode("utf-8"))  # a genuine one is ASCII; an altered row must not stop the audit


def statement_bytes(statement: SealStatement) -> bytes:
    """The one spelling of a statement: JSON with sorted keys and no blanks, ASCII.

    >>> statement_bytes(SealStatement(1, "", "ab", 2, datetime(2026, 3, 2, tzinfo=UTC))).decode()
    '{"number":1,"previous":"","root":"ab","sealed_at":"2026-03-02T00:00:00.000000Z","size":2}'
    """
    return json.dumps(_members(statement), sort_keys=True, separators=(",", ":")).encode("ascii")


def proof_as_json(proof: SealProof) -> dict[str, Any]:
    """The proof for programs, without the timestamp: `statement`, `head`, `index` and `path` in hex."""
    return {
        "statement": _members(proof.statement),
        "head": proof.statement.head,
        "index": proof.index,
        "path": [beside.hex() for beside in proof.path],
    }


def proof_from_json(value: Mapping[str, Any], *, token: bytes | None = None) -> SealProof:
    """The proof back from its JSON. Raises ValueError for any other shape, or a head that does not fit."""
    try:
        said = value["statement"]
        statement = SealStatement(
            number=_whole(said["number"]),
            previous=str(said["previous"]),
            root=_hex(said["root"]),
            size=_whole(said["size"]),
            sealed_at=datetime.strptime(said["sealed_at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC),
        )
        path = tuple(bytes.fromhex(_hex(beside)) for beside in value["path"])
        proof = SealProof(statement, _whole(value["index"]), path, token)
    except (KeyError, TypeError, IndexError, AttributeError) as fault:
        raise ValueError(f"not a proof: {fault}") from fault
    if value.get("head") != statement.head:
        raise ValueError("the head is not that of the statement")
    return proof


def _members(statement: SealStatement) -> dict[str, Any]:
    moment = statement.sealed_at.astimezone(UTC)
    return {
        "number": statement.number,
        "previous": statement.previous,
        "root": statement.root,
        "sealed_at": moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "size": statement.size,
    }


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"not a whole number: {value!r}")
    return value


def _hex(value: Any) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise ValueError(f"not a SHA-256 in hex: {value!r}")
    return value
