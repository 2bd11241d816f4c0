"""`hub connections`: the plan of one agency, of many from a table, the list by level with days; changes are audited."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
import xlsxwriter
from click.testing import CliRunner, Result

from hub.__main__ import cli
from hub.cli import connections as module
from hub.domain.agencies import Agency
from hub.domain.scopes import Scope, ScopeKind
from hub.errors import UnknownAgency
from hub.store import agencies, connections, radar, report_tables, schema, tables
from hub.store.engine import Database
from tests.support.scenes import people

MORNING = datetime(2026, 9, 30, 2, tzinfo=UTC)
TITLES = ["Mã đơn vị", "Kết nối đến hết ngày"]


@pytest.fixture
def database(tmp_path: Path, monkeypatch) -> Iterator[Database]:
    """A migrated hub with the cast, as the commands find it in the environment."""
    for name in ("HUB_DATABASE_URL", "HUB_BROKER_URL", "HUB_SETTINGS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "data"))
    opened = Database(f"sqlite:///{tmp_path / 'data' / 'hub.sqlite3'}")
    schema.upgrade(opened)
    people(opened)
    yield opened
    opened.close()


def run(*words: str) -> Result:
    result = CliRunner().invoke(cli, ["connections", *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def planned(database: Database) -> dict[str, date | None]:
    with database.reading() as connection:
        return {one.agency_key: one.planned_on for one in connections.plans(connection, scope=Scope(ScopeKind.HUB))}


def rows(database: Database) -> int:
    with database.reading() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(report_tables.connection_plans)).scalar_one()


def audited(database: Database) -> list[tuple[str, dict]]:
    with database.reading() as connection:
        return [(row.what, row.facts) for row in connection.execute(sa.select(tables.audit))]


def table(folder: Path, *lines: list[str], titles: list[str] | None = None) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=";").writerows([titles or TITLES, *lines])
    file = folder / "ke-hoach.csv"
    file.write_text(text.getvalue(), "utf-8")
    return str(file)


def test_one_agency_is_planned_moved_and_taken_out(database):
    assert (
        "H41: kết nối đến hết ngày / to be connected by 30/09/2026" in run("plan", "000.00.00.h41", "2026-09-30").output
    )
    assert "không đổi" in run("plan", "H41", "30/09/2026").output
    run("plan", "H41", "2026-12-31")
    assert planned(database) == {"H41": date(2026, 12, 31)}
    assert "không có kế hoạch" in run("unplan", "H41").output
    assert planned(database) == {}
    assert rows(database) == 3, "earlier plans are kept"
    assert [facts for _, facts in audited(database)] == [
        {"agency": "H41", "planned_on": "2026-09-30"},
        {"agency": "H41", "planned_on": "2026-12-31"},
        {"agency": "H41", "planned_on": ""},
    ]
    with pytest.raises(UnknownAgency):
        run("plan", "NOBODY", "2026-09-30")
    assert run("plan", "H41", "31/09/2026").exit_code == 2


def test_many_from_a_csv(database, tmp_path):
    run("plan", "G77", "2026-09-30")
    lines = (["000.00.00.H41", "30/09/2026"], ["h14", "2026-12-31"], ["G77", "Bỏ"], ["G22", ""], ["", ""])
    file = table(tmp_path, *lines)
    assert "3 đơn vị / agencies, 3 thay đổi" in run("upload", file).output
    assert planned(database) == {"H41": date(2026, 9, 30), "H14": date(2026, 12, 31)}
    assert "3 đơn vị / agencies, 0 thay đổi" in run("upload", file).output
    assert audited(database)[1] == (
        "connections.uploaded",
        {"file": "ke-hoach.csv", "agencies": "3", "changed": "3"},
    )


def test_many_from_a_workbook_with_real_days(database, tmp_path):
    file = tmp_path / "ke-hoach.xlsx"
    with xlsxwriter.Workbook(str(file)) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Tên đơn vị", "planned_on", "code"])
        sheet.write_row(1, 0, ["Tỉnh", "", "H41"])
        sheet.write_datetime(1, 1, datetime(2026, 9, 30))  # noqa: DTZ001 (a workbook has no zones)
    assert "1 thay đổi" in run("upload", str(file)).output
    assert planned(database) == {"H41": date(2026, 9, 30)}


def test_every_fault_is_told_and_nothing_is_written(database, tmp_path, monkeypatch):
    bad = (
        ["NOBODY", "30/09/2026"],
        ["H41", "31/09/2026"],
        ["H14", "2026-09-30"],
        ["h14", "2026-10-31"],
        ["\x1b[2J", "bỏ"],
    )
    ran = run("upload", table(tmp_path, *bad))
    assert ran.exit_code == 1
    for told in ("row 2: mã «NOBODY»", "row 3, «Kết nối", "«31/09/2026»", "row 5: đơn vị H14 lặp", "row 6: mã « [2J»"):
        assert told in ran.stderr
    assert "\x1b" not in ran.stderr
    assert rows(database) == 0
    assert audited(database) == []
    monkeypatch.setattr(module, "MOST_TOLD", 1)
    assert "… +3" in run("upload", table(tmp_path, *bad)).stderr


def test_what_is_no_plan_is_named(database, tmp_path, monkeypatch):
    assert (
        "Thiếu hoặc lặp cột / columns missing or doubled: «Mã đơn vị»"
        in run("upload", table(tmp_path, titles=["x", "planned_on"])).stderr
    )
    assert "«Kết nối đến hết ngày»" in run("upload", table(tmp_path, titles=[*TITLES, "planned_on"])).stderr
    (tmp_path / "a.csv").write_bytes(b"")
    assert "Bảng trống" in run("upload", str(tmp_path / "a.csv")).stderr
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    assert "XLSX" in run("upload", str(tmp_path / "a.xlsx")).stderr
    (tmp_path / "a.txt").write_bytes(b"")
    assert run("upload", str(tmp_path / "a.txt")).exit_code == 2
    monkeypatch.setattr(module, "MOST_ROWS", 2)
    assert "at most 2" in run("upload", table(tmp_path, ["H41", "bỏ"], ["H14", "bỏ"])).stderr
    assert rows(database) == 0


def test_the_template_holds_everybody_and_comes_back_as_it_is(database, tmp_path):
    with database.writing() as transaction:
        agencies.keep(transaction, Agency("X1", "=HYPERLINK(1)"), now=MORNING)
    run("plan", "H41", "2026-09-30")
    file = tmp_path / "mau.csv"
    run("template", str(file))
    found = {row[0]: row[1:] for row in csv.reader(io.StringIO(file.read_text("utf-8-sig"), newline=""))}
    assert found["H41"] == ["30/09/2026", "Ủy ban nhân dân tỉnh Mẫu"]
    assert found["X1"] == ["", "'=HYPERLINK(1)"]
    assert "H41.1.2" in found
    assert "1 đơn vị / agencies, 0 thay đổi" in run("upload", str(file)).output
    assert run("template", str(file)).exit_code == 1
    assert run("template", str(tmp_path / "none" / "mau.csv")).exit_code == 1


def test_the_list_by_level_with_days(database):
    run("plan", "H41", "2026-09-30")
    run("plan", "H14", "2026-09-30")
    run("plan", "H41.1.2", "2999-06-30")
    with database.writing() as transaction:
        radar.seen(transaction, "H41", MORNING)
        radar.seen(transaction, "G22", MORNING)
    now = run("list").stdout
    first, second = (next(line for line in now.splitlines() if line.startswith(f"Cấp / level {n}")) for n in (1, 2))
    assert "2 đã kết nối / connected, 2 trong kế hoạch / planned, 1 quá hạn / overdue" in first
    assert "0 đã kết nối / connected, 1 trong kế hoạch / planned, 0 quá hạn / overdue" in second
    lines = {line.split()[1]: line for line in now.splitlines() if line.startswith("  ")}
    assert list(lines) == ["H14", "H41", "G22", "H41.1.2"], "by level, then by day"
    assert "planned 30/09/2026  đã kết nối từ / connected since 30/09/2026" in lines["H41"]
    assert "planned 30/09/2026  quá hạn / overdue" in lines["H14"]
    assert "planned –  đã kết nối" in lines["G22"]
    assert "planned 30/06/2999  chưa đến hạn / not due" in lines["H41.1.2"]
    below = run("list", "--below", "H41").stdout
    assert "Ủy ban nhân dân tỉnh Khác" not in below
    assert "Sở Mẫu" in below
    assert "level 1" not in run("list", "--level", "2").stdout
    assert run("list", "--level", "1", "--below", "H41").exit_code == 2


def test_the_list_of_a_past_day_is_what_was_known_then(database):
    with database.writing() as transaction:
        connections.plan(transaction, "H41", date(2026, 9, 30), at=MORNING, by="x")
        radar.seen(transaction, "H41", MORNING)
    run("plan", "H41", "2026-12-31")
    eve, day = (run("list", "--on", on).stdout for on in ("2026-09-29", "2026-09-30"))
    assert "Đến hết ngày / at the end of 29/09/2026" in eve
    assert "H41" not in eve
    assert "kế hoạch / planned 30/09/2026  đã kết nối" in day
