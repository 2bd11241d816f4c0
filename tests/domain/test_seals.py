"""Seals: one spelling of what is stated, heads that link, proofs that go out and come back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest

from hub.domain import merkle, seals
from hub.domain.seals import SealProof, SealStatement, leaf_of, proof_as_json, proof_from_json, statement_bytes

AT = datetime(2026, 3, 2, 17, 30, 1, 250, tzinfo=UTC)
RECEIPTS = [f"header.{number}.signature" for number in range(5)]
LEAVES = [leaf_of(jws) for jws in RECEIPTS]
STATEMENT = SealStatement(2, "ab" * 32, merkle.root_of(LEAVES).hex(), 5, AT)


def proof(index: int) -> SealProof:
    return SealProof(STATEMENT, index, merkle.path_of(LEAVES, index), b"token")


def test_the_bytes_have_one_spelling_and_the_head_is_their_digest():
    written = statement_bytes(STATEMENT)
    assert b" " not in written
    assert list(json.loads(written)) == ["number", "previous", "root", "sealed_at", "size"]
    assert STATEMENT.head == sha256(written).hexdigest()
    hanoi = replace(STATEMENT, sealed_at=AT.astimezone(timezone(timedelta(hours=7))))
    assert statement_bytes(hanoi) == written


@pytest.mark.parametrize(
    "change",
    [
        {"number": 3},
        {"previous": ""},
        {"root": "00" * 32},
        {"size": 6},
        {"sealed_at": AT + timedelta(microseconds=1)},
    ],
    ids=str,
)
def test_whatever_is_changed_changes_the_head(change):
    assert replace(STATEMENT, **change).head != STATEMENT.head


def test_a_leaf_is_the_hash_of_the_compact_receipt():
    assert leaf_of("a.b.c") == sha256(b"\x00a.b.c").digest()


def test_a_proof_is_for_one_receipt():
    for index, jws in enumerate(RECEIPTS):
        assert proof(index).proves(jws)
        assert not proof(index).proves(jws + " ")
        assert not proof(index).proves(RECEIPTS[index - 1])
    assert not replace(proof(1), statement=replace(STATEMENT, size=3)).proves(RECEIPTS[1])
    assert not replace(proof(1), statement=replace(STATEMENT, root="no hex")).proves(RECEIPTS[1])


def test_a_proof_goes_out_as_json_and_comes_back():
    written = json.loads(json.dumps(proof_as_json(proof(3))))
    assert proof_from_json(written, token=b"token") == proof(3)
    assert written["head"] == STATEMENT.head


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value.pop("statement"),
        lambda value: value.update(path="abc"),
        lambda value: value.update(path=[1]),
        lambda value: value.update(index=-1),
        lambda value: value.update(index=True),
        lambda value: value.update(head="00" * 32),
        lambda value: value.pop("head"),
        lambda value: value["statement"].update(size="5"),
        lambda value: value["statement"].update(root="00"),
        lambda value: value["statement"].update(sealed_at=5),
        lambda value: value["statement"].update(sealed_at="yesterday"),
        lambda value: value["statement"].update(previous="cd" * 32),
        lambda value: value.update(statement=[]),
    ],
)
def test_other_shapes_are_refused(spoil):
    value = proof_as_json(proof(3))
    spoil(value)
    with pytest.raises(ValueError, match=r"not a|head|time data"):
        proof_from_json(value)


def test_a_seal_is_bounded():
    assert seals.MOST_RECEIPTS * merkle.HASH_BYTES == 128 * 1024
