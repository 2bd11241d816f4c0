"""`hub agencies`: lists come in, keys are shown once, every change is audited, mistakes are named."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from hub.cli.agencies import agencies as command
from hub.domain.agencies import AgencyStatus
from hub.domain.signature_policy import Demand, Level, PolicyRow
from hub.errors import IllegalTransition, Misconfigured, UnknownAgency
from hub.store import agencies, directory, policies, schema, tables
from hub.store.engine import Database
from tests.support.scenes import seal

HEAD = "code,name_vi,status,successor,source,note\n"
LEVEL_1 = Path(__file__).resolve().parents[3] / "shared" / "level1-codes.csv"


@pytest.fixture
def database(tmp_path, monkeypatch):
    for name in ("HUB_DATABASE_URL", "HUB_BROKER_URL", "HUB_SETTINGS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "data"))
    opened = Database(f"sqlite:///{tmp_path / 'data' / 'hub.sqlite3'}")
    schema.upgrade(opened)
    yield opened
    opened.close()


def run(*words: str):
    result = CliRunner().invoke(command, list(words), catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def one(database, code):
    with database.reading() as connection:
        return agencies.require(connection, code)


def policy_of(database, code):
    with database.reading() as connection:
        return policies.of_agency(connection, code)


def audit(database):
    with database.reading() as connection:
        return list(connection.execute(sa.select(tables.audit.c.what)).scalars())


def imported(tmp_path, text, *, encoding="utf-8"):
    file = tmp_path / "list.csv"
    file.write_bytes(text.encode(encoding))
    return run("import", str(file))


def test_a_list_comes_in_with_aliases_successors_and_dates(database, tmp_path):
    text = HEAD + "H41,Nghệ An,open,,Phụ lục,\nH99,Cũ,closed 2025-07-01,H41,,\nH98,Không rõ,closed,,,\n"
    assert "3 mới" in imported(tmp_path, text).output
    assert one(database, "000.00.00.h41").code == "H41"
    old = one(database, "H99")
    assert (old.status, old.successor, old.valid_until.isoformat()) == (AgencyStatus.CLOSED, "H41", "2025-07-01")
    assert one(database, "H98").valid_until is None
    assert audit(database) == ["agencies.imported"]


def test_the_same_list_again_changes_and_adds_nothing(database, tmp_path):
    text = HEAD + "H41,Nghệ An,open,,,\n"
    imported(tmp_path, text)
    before = one(database, "H41")
    assert "0 mới / new, 0 cập nhật / changed, 1 giữ nguyên" in imported(tmp_path, text).output
    assert one(database, "H41") == before
    assert "0 mới / new, 1 cập nhật / changed, 0 giữ" in imported(tmp_path, text.replace("Nghệ", "Tỉnh Nghệ")).output
    assert one(database, "H41").name == "Tỉnh Nghệ An"


def test_what_was_set_by_hand_outlives_an_import(database, tmp_path):
    imported(tmp_path, HEAD + "H41,Nghệ An,open,,,\n")
    run("add", "H41", "Nghệ An", "--speaks-for-descendants")
    run("policy", "H41", "agency_seal", "require")
    imported(tmp_path, HEAD + "h41,Tỉnh Nghệ An,open,,,\n")
    found = one(database, "H41")
    assert (found.name, found.speaks_for_descendants) == ("Tỉnh Nghệ An", True)
    assert policy_of(database, "H41") == [PolicyRow(Demand.AGENCY_SEAL, Level.REQUIRE)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("code,name_vi\nH41,x\n", "list.csv"),
        (HEAD + "H41,x,gone,,,\n", ":2"),
        (HEAD + "H40,x,open,,,\nH41,x,closed 2025-13-01,,,\n", ":3"),
        (HEAD + "H40,x,open,,,\nH41,x\n", ":3"),
        (HEAD + "H/41,x,open,,,\n", ":2"),
        (HEAD + "Ｈ41,x,open,,,\n", ":2"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_kept(database, tmp_path, text, line):
    with pytest.raises(Misconfigured, match=line):
        imported(tmp_path, text)
    with database.reading() as connection:
        assert directory.page(connection, after="", limit=9) == []


def test_another_encoding_is_no_list(database, tmp_path):
    with pytest.raises(Misconfigured, match="UTF-8"):
        imported(tmp_path, HEAD + "H41,Nghệ An,open,,,\n", encoding="utf-16")


def test_the_published_list_of_level_1(database):
    if not LEVEL_1.exists():
        pytest.skip("../shared/level1-codes.csv is not here")
    with LEVEL_1.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert f"{len({row['code'].strip().upper() for row in rows})} mới" in run("import", str(LEVEL_1)).output


def test_adding_again_changes_only_what_is_given(database):
    run("add", "G22", "VPCP", "--speaks-for-descendants", "--alias", "VPCP")
    assert "Đã sửa" in run("add", "G22", "Văn phòng Chính phủ").output
    found = one(database, "VPCP")
    assert (found.name, found.speaks_for_descendants) == ("Văn phòng Chính phủ", True)
    run("add", "G22", "Văn phòng Chính phủ", "--speaks-for-itself", "--status", "suspended")
    found = one(database, "G22")
    assert (found.speaks_for_descendants, found.status) == (False, AgencyStatus.SUSPENDED)
    assert audit(database) == ["agencies.added", "agencies.changed", "agencies.changed"]


def test_a_demand_is_set_shown_and_taken_back(database):
    run("add", "H41", "Nghệ An")
    assert "theo bộ quy tắc" in run("policy", "H41").output
    set_until = run("policy", "h41", "agency_seal", "ignore", "--until", "2027-06-30", "--document-type", "Giấy Mời")
    assert "đến hết / until 2027-06-30" in set_until.output
    run("policy", "H41", "personal_signature", "require")
    shown = run("policy", "H41").output.splitlines()
    assert [line.split()[1:3] for line in shown] == [["agency_seal", "ignore"], ["personal_signature", "require"]]
    assert "giấy mời" in shown[0]
    run("policy", "H41", "agency_seal", "default", "--document-type", "giấy mời")
    assert policy_of(database, "H41") == [PolicyRow(Demand.PERSONAL_SIGNATURE, Level.REQUIRE)]
    assert audit(database) == ["agencies.added", *["agencies.policy_set"] * 3]


@pytest.mark.parametrize("words", [("agency_seal",), ("seal", "require"), ("agency_seal", "perhaps")])
def test_half_a_demand_is_refused(database, words):
    run("add", "H41", "Nghệ An")
    assert run("policy", "H41", *words).exit_code == 2
    assert policy_of(database, "H41") == []


@pytest.mark.parametrize("code", ["", "../x", "H 41", "H" * 65])
def test_what_cannot_be_a_code_is_refused(database, code):
    with pytest.raises(UnknownAgency):
        run("add", code, "x")
    assert audit(database) == []


def test_a_key_is_shown_once_and_kept_as_a_hash(database):
    run("add", "G22", "VPCP")
    key = run("key", "G22").stdout.strip()
    assert len(key) > 43
    assert key not in str(database_rows(database))
    with database.reading() as connection:
        agency, key_id = agencies.of_key(connection, key)
        assert agencies.of_key(connection, key + "x") is None
    assert agency.code == "G22"
    assert key_id in run("keys", "G22").output
    assert key not in run("keys", "G22").output


def test_two_keys_live_at_a_time_and_a_revoked_one_is_dead_at_once(database):
    run("add", "G22", "VPCP")
    first = run("key", "G22").stdout.strip()
    run("key", "G22")
    with pytest.raises(IllegalTransition):
        run("key", "G22")
    with database.reading() as connection:
        _, key_id = agencies.of_key(connection, first)
    assert run("revoke-key", key_id).exit_code == 0
    assert run("revoke-key", key_id).exit_code == 1
    with database.reading() as connection:
        assert agencies.of_key(connection, first) is None
    run("key", "G22")


def test_a_certificate_belongs_to_one_agency(database, tmp_path):
    run("add", "G22", "VPCP")
    run("add", "H41", "Nghệ An")
    file = tmp_path / "seal.pem"
    file.write_bytes(seal("G22").chain_pem())
    assert "sha256" in run("certificate", "G22", str(file)).output
    run("certificate", "G22", str(file))
    with pytest.raises(IllegalTransition):
        run("certificate", "H41", str(file))


def test_a_certificate_may_be_taken_back(database, tmp_path):
    run("add", "G22", "VPCP")
    file = tmp_path / "seal.pem"
    file.write_bytes(seal("G22").chain_pem())
    sha256 = run("certificate", "G22", str(file)).output.split()[-1]
    assert run("withdraw-certificate", sha256.upper()).exit_code == 0
    with database.reading() as connection:
        assert agencies.certificate_holder(connection, sha256) is None
        audited = connection.execute(sa.select(tables.audit).order_by(tables.audit.c.number.desc())).first()
    assert (audited.what, audited.facts["sha256"]) == ("agencies.certificate_withdrawn", sha256)
    assert run("withdraw-certificate", sha256).exit_code == 1
    assert run("certificate", "G22", str(file)).exit_code == 0


def test_the_list_shows_status_and_successor(database, tmp_path):
    imported(tmp_path, HEAD + "H41,Nghệ An,open,,,\nH99,Cũ,closed,H41,,\n")
    shown = run("list").output.splitlines()
    assert [line.split()[0] for line in shown] == ["H41", "H99"]
    assert "→ H41" in shown[1]
    assert run("list", "--after", "h41").output.splitlines() == shown[1:]


def database_rows(database):
    with database.reading() as connection:
        return [list(connection.execute(sa.select(table))) for table in tables.metadata.sorted_tables]


def test_the_right_to_see_clerks_is_given_taken_and_outlives_an_import(database, tmp_path):
    imported(tmp_path, HEAD + "G22,Văn phòng,open,,,\n")
    assert not one(database, "G22").sees_staff
    run("add", "G22", "Văn phòng", "--sees-staff")
    imported(tmp_path, HEAD + "G22,Văn phòng mới,open,,,\n")
    assert one(database, "G22").sees_staff
    run("add", "G22", "Văn phòng mới", "--sees-no-staff")
    assert not one(database, "G22").sees_staff
