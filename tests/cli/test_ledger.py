"""`hub ledger`: the registers on the screen and in a file that only its owner reads; each reading is audited."""

from __future__ import annotations

import csv
import io
import stat

import openpyxl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from hub.cli.ledger import ledger as command
from hub.errors import UnknownAgency
from hub.store import tables
from hub.store.engine import Database
from tests.support.registers import Registers
from tests.support.scenes import prepared

PRIVATE = ("Riêng Tư", "rieng-tu@mau.example", "0900000000")


@pytest.fixture
def database(tmp_path, monkeypatch):
    for name in ("HUB_DATABASE_URL", "HUB_BROKER_URL", "HUB_SETTINGS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "data"))
    url = f"sqlite:///{tmp_path / 'data' / 'hub.sqlite3'}"
    prepared(url)
    opened = Database(url)
    registers = Registers()
    for number in range(1, 6):
        ref = registers.document(number, f"Kế hoạch \x1b[Ksố {number}")
        registers.delivery(ref, "H41", arrival_year=2026, arrival_number=100 + number)
    registers.write(opened)
    yield opened
    opened.close()


def run(*words: str):
    result = CliRunner().invoke(command, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_register_is_told_newest_first(database):
    lines = run("incoming", "000.00.00.H41").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["105", "104", "103", "102", "101"]
    assert "5/CV" in lines[0]
    assert "G22" in lines[0]
    assert "Đã đến" in lines[0]
    assert "H41" in run("outgoing", "G22").stdout


def test_a_terminal_obeys_nothing_that_was_sent(database):
    told = run("outgoing", "G22").stdout
    assert "Kế hoạch  [Ksố 5" in told
    assert "\x1b" not in told


def test_options_narrow_and_what_is_left_is_said(database):
    found = run(
        "outgoing", "G22", "--q", "ke hoach so 3", "--partner", "H41", "--from", "2026-03-02", "--to", "2026-03-02"
    )
    assert len(found.stdout.splitlines()) == 1
    assert "3/CV" in found.stdout
    some = run("outgoing", "G22", "--limit", "2")
    assert len(some.stdout.splitlines()) == 2
    assert "còn nữa" in some.stderr
    assert "Không có văn bản nào" in run("outgoing", "G22", "--state", "recalled").stderr
    assert "Không có văn bản nào" in run("outgoing", "G22", "--urgency", "express").stderr
    assert len(run("outgoing", "G22", "--urgency", "normal").stdout.splitlines()) > 1


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_a_file_holds_all_and_is_its_owners_alone(database, tmp_path, suffix):
    file = tmp_path / f"so{suffix}"
    assert run("outgoing", "G22", "--limit", "1", "--out", str(file)).stdout.strip() == str(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    if suffix == ".csv":
        found = [row[3] for row in csv.reader(io.StringIO(file.read_text("utf-8-sig"), newline=""))]
    else:
        found = [row[3].value for row in openpyxl.load_workbook(file).active.iter_rows()]
    assert found[1:] == ["5/CV", "4/CV", "3/CV", "2/CV", "1/CV"]
    assert not any(word.encode() in file.read_bytes() for word in PRIVATE)
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".ledger")] == []


def test_a_file_that_is_there_stays(database, tmp_path):
    file = tmp_path / "so.csv"
    file.write_text("của người khác")
    again = run("outgoing", "G22", "--out", str(file))
    assert again.exit_code == 1
    assert "đã có" in again.stderr
    assert file.read_text() == "của người khác"


def test_what_cannot_be_is_named(database, tmp_path):
    assert run("outgoing", "G22", "--out", str(tmp_path / "so.pdf")).exit_code == 2
    assert run("outgoing", "G22", "--out", str(tmp_path / "none" / "so.csv")).exit_code == 1
    assert run("outgoing", "G22", "--state", "x").exit_code == 2
    with pytest.raises(UnknownAgency):
        run("outgoing", "NOBODY")


def test_w8_each_reading_is_audited(database):
    run("incoming", "H41")
    with database.reading() as connection:
        rows = connection.execute(sa.select(tables.audit.c.what, tables.audit.c.facts)).all()
    assert [tuple(row) for row in rows] == [("ledger.read", {"agency": "H41", "side": "incoming"})]
