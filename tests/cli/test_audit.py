"""`hub audit chain`: a whole chain is said to be whole, a broken one is named at its first bad link (E23)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from hub.cli import audit
from hub.cli.audit import walked
from hub.demo.tsa import TokenFlaws, answer, token_of
from hub.domain import merkle
from hub.domain.evidence import NoEvidence
from hub.domain.seals import SealStatement, leaf_of
from hub.signatures.anchors import Trust, TrustAnchors
from hub.signatures.keys import create_hub_key, roll_hub_key
from hub.signatures.timestamps import request
from hub.store import seals
from hub.store.tables import receipts
from hub.store.tables import seals as table
from tests.conformance.timestamp_authority import authority, pki
from tests.support.sealed import genuine, give, receipt_id, run, seal_all

ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # what no database does differently
TRUST = Trust(timestamping=TrustAnchors.of([pki().root.certificate]))


@pytest.fixture
def hub(scene):
    """Ten genuine receipts in seals of four, four and two."""
    give(scene.database, range(1, 11), lambda number: genuine(number, scene.hub.key))
    seal_all(scene.database, most=4, now=scene.hub.now())
    return replace(scene.hub, trust=TRUST, book=NoEvidence())


def receipt(number: int):
    return receipts.update().where(receipts.c.id == receipt_id(number))


def seal(number: int):
    return table.update().where(table.c.number == number)


def chain(hub):
    with hub.database.reading() as connection:
        return list(seals.walk(connection))


def first_bad(hub, *, head: str = "") -> tuple[str, str]:
    bad = walked(hub, head=head).bad
    assert bad is not None
    assert bad.vi
    assert bad.en
    return bad.code, bad.where


def swap(hub, one: int, other: int) -> None:
    """Exchanges the places of two receipts in the tree."""
    with hub.database.reading() as connection:
        (seal_a, leaf_a), (seal_b, leaf_b) = (seals.place_of(connection, receipt_id(n)) for n in (one, other))
    away = receipt(one).values(seal=None, leaf=None)
    run(
        hub.database,
        away,
        receipt(other).values(seal=seal_a, leaf=leaf_a),
        receipt(one).values(seal=seal_b, leaf=leaf_b),
    )


def test_a_whole_chain(hub):
    give(hub.database, range(11, 14), lambda number: genuine(number, hub.key))
    heads = [link.head for link in chain(hub)]
    walk = walked(hub, head=heads[1])
    assert walk.bad is None
    assert (walk.seals, walk.receipts, walk.unsealed) == (3, 10, 3)
    assert (walk.head, walk.head_was_seal) == (heads[-1], 2)
    assert (walk.stamped, walk.undetermined) == (0, 0)


@ON_SQLITE
def test_an_empty_hub_is_whole(scene):
    assert walked(scene.hub).bad is None


def test_e23_a_row_is_deleted(hub):
    """E23: delete."""
    run(hub.database, receipts.delete().where(receipts.c.id == receipt_id(6)))
    code, where = first_bad(hub)
    assert code == "receipt.deleted"
    assert where == f"seal 2, leaf 1, hash {chain(hub)[1].leaves[32:64].hex()}"


@ON_SQLITE
@pytest.mark.parametrize("number", [1, 4, 10])
def test_e23_the_first_or_last_row_of_a_seal_is_deleted(hub, number):
    """E23: delete, at the edges."""
    run(hub.database, receipts.delete().where(receipts.c.id == receipt_id(number)))
    place = {1: "seal 1, leaf 0", 4: "seal 1, leaf 3", 10: "seal 3, leaf 1"}[number]
    code, where = first_bad(hub)
    assert (code, where.rpartition(", hash")[0]) == ("receipt.deleted", place)


@ON_SQLITE
def test_e23_a_row_is_taken_out_of_its_seal(hub):
    """E23: as good as deleted, also when it was sealed again later."""
    run(hub.database, receipt(6).values(seal=None, leaf=None))
    seal_all(hub.database, most=4, now=hub.now())
    assert first_bad(hub)[0] == "receipt.deleted"


def test_e23_a_row_is_altered(hub):
    """E23: alter; by a receipt that the hub really signed, which only the seal betrays."""
    run(hub.database, receipt(6).values(jws=genuine(6, hub.key)))
    assert first_bad(hub) == ("receipt.changed", f"seal 2, leaf 1, receipt {receipt_id(6)}")


@ON_SQLITE
def test_e23_a_row_says_something_else_than_its_receipt(hub):
    """E23: alter, beside the signed text."""
    run(hub.database, receipt(6).values(event="ContentHandover"))
    assert first_bad(hub) == ("receipt.row_changed", f"seal 2, leaf 1, receipt {receipt_id(6)}")


@ON_SQLITE
def test_e23_two_rows_exchange_their_ids(hub):
    """E23: reorder by identifier."""
    run(hub.database, *(receipt(a).values(id=b) for a, b in ((6, "x"), (7, receipt_id(6)))))
    run(hub.database, receipts.update().where(receipts.c.id == "x").values(id=receipt_id(7)))
    assert first_bad(hub)[0] == "receipt.row_changed"


@pytest.mark.parametrize("leaf", [4, None])
def test_e23_a_row_is_inserted(hub, leaf):
    """E23: insert into a seal, before, behind or without a place."""
    give(hub.database, range(50, 51), lambda number: genuine(number, hub.key))
    run(hub.database, receipt(50).values(seal=2, leaf=leaf))
    assert first_bad(hub) == ("receipt.inserted", f"seal 2, leaf {leaf}, receipt {receipt_id(50)}")


@ON_SQLITE
@pytest.mark.parametrize("sealed", [False, True])
def test_e23_a_forged_row_is_inserted_before_the_sealing(hub, tmp_path, sealed):
    """E23: insert; a seal is no testimony, the hub's signature is."""
    foreign = create_hub_key(tmp_path / "foreign")
    give(hub.database, range(50, 51), lambda number: genuine(number, foreign))
    if sealed:
        seal_all(hub.database, most=4, now=hub.now())
    code, where = first_bad(hub)
    assert code == "receipt.not_genuine"
    assert receipt_id(50) in where


@ON_SQLITE
@pytest.mark.parametrize("jws", ["", "a.b.c", "không phải biên nhận"])
def test_e23_rubbish_in_the_place_of_a_receipt(hub, jws):
    """E23: alter."""
    run(hub.database, receipt(6).values(jws=jws))
    assert first_bad(hub)[0] == "receipt.changed"


def test_e23_two_rows_are_reordered(hub):
    """E23: reorder within a seal."""
    swap(hub, 6, 7)
    assert first_bad(hub) == ("receipt.moved", f"seal 2, leaf 1, receipt {receipt_id(7)}")


@ON_SQLITE
def test_e23_two_rows_of_different_seals_are_reordered(hub):
    """E23: reorder across seals."""
    swap(hub, 2, 6)
    assert first_bad(hub) == ("receipt.changed", f"seal 1, leaf 1, receipt {receipt_id(6)}")


@ON_SQLITE
@pytest.mark.parametrize(
    "change",
    [
        {"root": "00" * 32},
        {"size": 3},
        {"leaves": b"\x00" * 128},
        {"leaves": b"short"},
        {"head": "11" * 32},
        {"previous": "22" * 32},
    ],
    ids=str,
)
def test_e23_a_seal_is_altered(hub, change):
    """E23: alter a seal."""
    run(hub.database, seal(2).values(**change))
    assert first_bad(hub) == ("seal.changed", "seal 2")


@ON_SQLITE
def test_e23_the_time_of_a_seal_is_altered(hub):
    """E23: alter."""
    run(hub.database, seal(2).values(sealed_at=hub.now() - timedelta(days=30)))
    assert first_bad(hub) == ("seal.changed", "seal 2")


def test_e23_a_seal_is_deleted(hub):
    """E23: delete a seal in the middle."""
    run(hub.database, table.delete().where(table.c.number == 2))
    assert first_bad(hub) == ("seal.deleted", "seal 2")


def test_e23_the_tail_is_cut_off(hub):
    """E23: truncate; the receipts betray it, and when they are cut too, only a head that was noted does."""
    noted = chain(hub)[-1].head
    run(hub.database, table.delete().where(table.c.number == 3))
    assert first_bad(hub) == ("seal.tail_cut", "seal 3")
    run(hub.database, receipts.delete().where(receipts.c.seal == 3))
    assert walked(hub).bad is None
    assert first_bad(hub, head=noted) == ("seal.head_unknown", "after seal 2")


def test_e23_the_chain_is_forked(hub):
    """E23: fork; a seal is made anew, consistent in itself, without one receipt."""
    noted = chain(hub)[-1].head
    run(hub.database, receipts.delete().where(receipts.c.id == receipt_id(8)))
    _make_anew(hub, 2)
    assert first_bad(hub) == ("seal.forked", "seal 3")
    _make_anew(hub, 3)
    assert walked(hub).bad is None
    assert first_bad(hub, head=noted) == ("seal.head_unknown", "after seal 3")


def _make_anew(hub, number: int) -> None:
    """What somebody would do who can write the database and knows the rules."""
    links = chain(hub)
    with hub.database.reading() as connection:
        leaves = [leaf_of(row.jws) for row in seals.receipts_of(connection, number)]
    root = merkle.root_of(leaves).hex()
    forged = SealStatement(number, links[number - 2].head, root, len(leaves), links[number - 1].statement.sealed_at)
    new = {"leaves": b"".join(leaves), "root": root, "size": len(leaves), "previous": forged.previous}
    run(hub.database, seal(number).values(head=forged.head, **new))


def stamp(hub, number: int, flaws: TokenFlaws | None = None) -> None:
    asked, _ = request(bytes.fromhex(chain(hub)[number - 1].head))
    token = token_of(answer(asked, authority(), flaws=flaws or TokenFlaws(), now=hub.now()))
    run(hub.database, seal(number).values(token=token, stamped_at=hub.now()))


def test_timestamps_are_counted_and_one_that_is_not_sure_is_not_called_valid(hub):
    stamp(hub, 1)
    walk = walked(hub)
    assert walk.bad is None
    assert (walk.stamped, walk.undetermined) == (0, 1)
    assert walk.reason  # the authority's CA says nothing about revocation here


@ON_SQLITE
def test_a_timestamp_is_valid_once_its_authority_is_known_to_be_unrevoked(hub):
    stamp(hub, 1)
    stamp(hub, 3)
    walk = walked(replace(hub, book=pki().evidence()))
    assert walk.bad is None
    assert (walk.stamped, walk.undetermined, walk.reason) == (2, 0, "")


@ON_SQLITE
def test_e21_a_seal_made_anew_loses_its_timestamp(hub):
    """E21, E23: a timestamp is what cannot be made anew."""
    stamp(hub, 2)
    run(hub.database, receipts.delete().where(receipts.c.id == receipt_id(8)))
    _make_anew(hub, 2)
    assert first_bad(hub) == ("seal.wrong_timestamp", "seal 2")


@ON_SQLITE
@pytest.mark.parametrize("flaws", [TokenFlaws(late_by=-timedelta(hours=1)), TokenFlaws(changed=True)], ids=str)
def test_e21_a_wrong_timestamp_in_the_database(hub, flaws):
    """E21: time before the seal; a changed token."""
    stamp(hub, 2, flaws)
    assert first_bad(hub) == ("seal.wrong_timestamp", "seal 2")


@ON_SQLITE
def test_e22_the_hub_key_was_rolled_and_the_chain_is_still_whole(scene, hub):
    """E22: receipts of the old key are believed as long as its certificate is kept, and no longer."""
    new = roll_hub_key(scene.folder / "keys", scene.folder / "trust" / "hub")
    give(hub.database, range(11, 13), lambda number: genuine(number, new))
    assert walked(replace(hub, key=new, trust=Trust.load(scene.folder / "trust"))).bad is None
    assert first_bad(replace(hub, key=new, trust=Trust()))[0] == "receipt.not_genuine"


@ON_SQLITE
def test_the_first_bad_link_is_named_not_the_last(hub):
    run(hub.database, receipt(10).values(jws="x"), receipt(3).values(jws="y"), seal(2).values(root="00" * 32))
    assert first_bad(hub) == ("receipt.changed", f"seal 1, leaf 2, receipt {receipt_id(3)}")


@ON_SQLITE
def test_the_command_ends_with_a_number(scene, hub, monkeypatch):
    monkeypatch.setenv("HUB_DATA_DIR", str(scene.folder))
    monkeypatch.setenv("HUB_TRUST_DIR", str(scene.folder / "trust"))
    whole = CliRunner().invoke(audit.audit, ["chain"])
    head = chain(hub)[-1].head
    assert (whole.exit_code, head in whole.output) == (0, True), whole.output
    assert "No timestamp vouches" in whole.output
    noted = CliRunner().invoke(audit.audit, ["chain", "--head", head.upper()])
    assert (noted.exit_code, "noted head: niêm phong / seal 3" in noted.output) == (0, True), noted.output
    run(hub.database, receipts.delete().where(receipts.c.id == receipt_id(6)))
    broken = CliRunner().invoke(audit.audit, ["chain"])
    assert broken.exit_code == 1
    assert "seal 2, leaf 1" in broken.output
    assert "first bad link" in broken.output
    assert CliRunner().invoke(audit.audit, ["chain", "--head", "abc"]).exit_code == 2


@ON_SQLITE
def test_a_terminal_sees_how_far_it_is(hub, monkeypatch, capsys):
    monkeypatch.setattr(audit, "_TELL_EVERY_SECONDS", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    walked(hub, tell=audit._Progress())
    assert "10 biên nhận" in capsys.readouterr().err


@ON_SQLITE
def test_the_walk_is_read_in_pages(hub):
    """Bounded memory: no statement of the walk is fetched as a whole."""
    seen = []
    sa.event.listen(hub.database.engine, "before_execute", lambda *call: seen.append(call[4]))
    assert walked(hub).bad is None
    pages = [options.get("yield_per") for options in seen]
    assert pages.count(8) == 1
    assert pages.count(256) == 4
