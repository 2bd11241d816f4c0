"""Receipts and their proofs in hostile hands: of another document, altered, of a rolled or foreign key (E22, E23)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace

import pytest

from hub.domain import merkle
from hub.domain.seals import SealProof, SealStatement, leaf_of
from hub.errors import ReceiptNotGenuine
from hub.signatures.anchors import Trust
from hub.signatures.jws import canonical_json, sign_receipt, verify_receipt
from hub.signatures.keys import HubKey, create_hub_key, roll_hub_key, trusted_of
from tests.support.sealed import AT, genuine, receipt_id, sha256_of


@pytest.fixture(scope="module")
def key(tmp_path_factory) -> HubKey:
    return create_hub_key(tmp_path_factory.mktemp("hub"))


@pytest.fixture(scope="module")
def foreign(tmp_path_factory) -> HubKey:
    return create_hub_key(tmp_path_factory.mktemp("foreign"))


def proofs(receipts: list[str]) -> list[SealProof]:
    leaves = [leaf_of(jws) for jws in receipts]
    statement = SealStatement(1, "", merkle.root_of(leaves).hex(), len(leaves), AT)
    return [SealProof(statement, index, merkle.path_of(leaves, index)) for index in range(len(leaves))]


def altered(jws: str, **changes) -> str:
    """The same receipt with other claims and the old signature."""
    head, claims, signature = jws.split(".")
    said = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4))) | changes
    return ".".join((head, urlsafe_b64encode(canonical_json(said)).rstrip(b"=").decode(), signature))


def test_e22_a_genuine_receipt_of_another_document(key):
    """E22: the hub signed it, but for other bytes."""
    receipt = genuine(1, key)
    claims = verify_receipt(receipt, trusted=key.certificates, sha256=sha256_of(1))
    assert claims["jti"] == receipt_id(1)
    with pytest.raises(ReceiptNotGenuine, match="another envelope"):
        verify_receipt(receipt, trusted=key.certificates, sha256=sha256_of(2))


@pytest.mark.parametrize("claims", [{}, {"envelope": "x"}, {"envelope": {}}, {"envelope": {"sha256": ""}}], ids=str)
def test_e22_a_receipt_that_names_no_document(key, claims):
    """E22: nothing said is not the same as the right thing said."""
    with pytest.raises(ReceiptNotGenuine, match="another envelope"):
        verify_receipt(sign_receipt(claims, key), trusted=key.certificates, sha256=sha256_of(1))


def test_e22_an_altered_digest(key):
    """E22: the digest in the claims is exchanged."""
    forged = altered(genuine(1, key), envelope={"sha256": sha256_of(2), "size_bytes": 7})
    with pytest.raises(ReceiptNotGenuine, match="signature does not fit"):
        verify_receipt(forged, trusted=key.certificates, sha256=sha256_of(2))


def test_e22_the_hub_key_was_rolled(tmp_path, foreign):
    """E22: an old receipt stays verifiable, by the kept certificate only; another hub's never was."""
    old = create_hub_key(tmp_path / "keys")
    receipt, strange = genuine(1, old), genuine(1, foreign)
    new = roll_hub_key(tmp_path / "keys", tmp_path / "trust" / "hub")
    trusted = trusted_of(new, Trust.load(tmp_path / "trust"))
    assert verify_receipt(receipt, trusted=trusted, sha256=sha256_of(1))["jti"] == receipt_id(1)
    for jws, certificates in ((receipt, new.certificates), (strange, trusted)):
        with pytest.raises(ReceiptNotGenuine, match="trusted"):
            verify_receipt(jws, trusted=certificates)


def test_e23_a_proof_holds_for_one_receipt_at_one_place(key):
    """E23: a proof borrowed from another receipt, moved, or of a tree said to be of another size."""
    receipts = [genuine(number, key) for number in range(1, 8)]
    made = proofs(receipts)
    for index, proof in enumerate(made):
        assert [proof.proves(jws) for jws in receipts] == [place == index for place in range(7)]
        assert not replace(proof, index=(index + 1) % 7).proves(receipts[index])
        assert not replace(proof, path=(*proof.path[::-1], bytes(32))).proves(receipts[index])
    grown = replace(made[6].statement, size=8)
    assert not replace(made[6], statement=grown).proves(receipts[6])


def test_e23_an_inner_node_is_no_receipt(key):
    """E23: two leaves given as one receipt, one level higher (second preimage)."""
    receipts = [genuine(number, key) for number in range(1, 5)]
    proof = proofs(receipts)[0]
    pair = b"".join(leaf_of(jws) for jws in receipts[:2]).decode("latin-1")
    shorter = replace(proof, path=proof.path[1:], statement=replace(proof.statement, size=2))
    assert not shorter.proves(pair)
    assert not shorter.proves("\x01" + pair)
