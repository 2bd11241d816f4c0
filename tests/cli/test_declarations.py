"""`hub declarations`: the template out and back in, single entries, the list; faults by row; all of it audited."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from hub.__main__ import cli
from hub.cli import declarations as module
from hub.errors import DeclarationsRefused, UnknownAgency
from hub.store import report_tables, schema, tables
from hub.store.engine import Database
from tests.support.scenes import people

ROW = ["", "2026-03", "", "", "Gửi đi chỉ bằng bản giấy", "", "1.234", "Nguyễn Thị Mẫu", "", ""]


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
    result = CliRunner().invoke(cli, ["declarations", *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def refused(*words: str) -> Result:
    """The words of a command that kept nothing."""
    result = CliRunner().invoke(cli, ["declarations", *words])
    assert isinstance(result.exception, DeclarationsRefused), result.output
    return result


def kept(database: Database) -> list[tuple]:
    asked = report_tables.declarations.c
    with database.reading() as connection:
        rows = connection.execute(sa.select(asked.agency_key, asked.count, asked.caller_key).order_by(asked.number))
        return [tuple(row) for row in rows]


def audited(database: Database) -> list[tuple[str, dict]]:
    with database.reading() as connection:
        return [(row.what, row.facts) for row in connection.execute(sa.select(tables.audit))]


def filled(folder: Path, ending: str, *rows: list[str]) -> str:
    """The template as the command writes it, with rows below."""
    file = folder / f"bang{ending}"
    run("template", str(file))
    if ending == ".csv":
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows)
        file.write_bytes(file.read_bytes() + text.getvalue().encode())
        return str(file)
    book = openpyxl.load_workbook(file)
    for row in rows:
        book.active.append([cell or None for cell in row])
    book.save(file)
    return str(file)


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_a_filled_in_template_is_kept_once(database, tmp_path, ending):
    file = filled(tmp_path, ending, ROW, ["000.00.00.H14", *ROW[1:]])
    assert "2 kê khai mới / new entries, 0" in run("upload", file, "--agency", "h41").output
    assert kept(database) == [("H41", 1234, ""), ("H14", 1234, "")]
    assert "0 kê khai mới / new entries, 2" in run("upload", file, "--agency", "H41").output
    assert audited(database) == [
        ("declarations.uploaded", {"file": f"bang{ending}", "agency": "H41", "new": "2", "repeated": "0"}),
        ("declarations.uploaded", {"file": f"bang{ending}", "agency": "H41", "new": "0", "repeated": "2"}),
    ]


def test_every_fault_is_told_by_row_and_column_and_nothing_is_kept(database, tmp_path):
    bad = ["NOBODY", "2026-99", "", "", *ROW[4:6], "x", "", "", ""]
    told = refused("upload", filled(tmp_path, ".csv", ROW, bad, ["NOBODY", *ROW[1:]]), "--agency", "H41").stderr
    assert "Dòng / row 4, «Kỳ» (period): " in told
    assert "Dòng / row 4, «Số lượng» (count): " in told
    assert "Dòng / row 4, «Người kê khai» (declared_by): " in told
    assert "Dòng / row 5, «Mã đơn vị» (agency): Mã «NOBODY» không có trong danh bạ" in told
    assert "row 3" not in told
    assert kept(database) == []
    assert audited(database) == []


def test_rows_without_a_code_need_an_agency(database, tmp_path):
    assert "row 3, «Mã đơn vị»" in refused("upload", filled(tmp_path, ".csv", ROW)).stderr
    with pytest.raises(UnknownAgency):
        run("upload", str(tmp_path / "bang.csv"), "--agency", "NOBODY")
    assert kept(database) == []


def test_a_long_list_of_faults_ends(database, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MOST_TOLD", 2)
    told = refused("upload", filled(tmp_path, ".csv", *[["", "x", *ROW[2:]]] * 5)).stderr
    assert told.count("Dòng / row") == 2
    assert "3 lỗi nữa / and 3 more" in told


def test_what_is_no_table_is_named(database, tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    assert "Bảng / table: " in refused("upload", str(tmp_path / "a.xlsx")).stderr
    (tmp_path / "a.pdf").write_bytes(b"")
    assert run("upload", str(tmp_path / "a.pdf")).exit_code == 2
    assert run("template", str(tmp_path / "a.pdf")).exit_code == 2


def test_the_template_overwrites_nothing(database, tmp_path):
    file = tmp_path / "mau.csv"
    file.write_text("của người khác")
    again = run("template", str(file))
    assert (again.exit_code, "đã có" in again.stderr) == (1, True)
    assert file.read_text() == "của người khác"
    assert run("template", str(tmp_path / "none" / "mau.csv")).exit_code == 1


def test_one_entry_is_added_corrected_withdrawn_and_listed(database):
    entry = ("add", "H41", "2026-03", "sent_paper_only")
    by = ("--by", "Nguyễn Thị Mẫu")
    assert (
        "Đã ghi" in run(*entry, "120", *by, "--type", "Công văn", "--note", "theo \x1b[2Ksổ".replace("\x1b", "")).output
    )
    assert "Đã có từ trước" in run(*entry, "120", *by, "--type", "cong_van", "--note", "theo [2Ksổ").output
    first = run("list").stdout.split()[0]
    assert "dòng" not in first
    assert "overlaps" in str(refused(*entry, "100", *by, "--type", "Công văn").exception)
    run(*entry, "1000", *by, "--type", "Công văn", "--corrects", first)
    second = run("list", "--agency", "H41").stdout.split()[0]
    run(*entry, "0", *by, "--type", "Công văn", "--corrects", second)
    lines = run("list", "--agency", "H41", "--below").stdout.splitlines()
    assert len(lines) == 3
    assert "hủy / withdraws it" in lines[0]
    assert "1.000" in lines[1]
    assert f"thay cho / corrects {first}" in lines[1]
    assert "✗ đã được thay bởi" in lines[1]
    assert f"✗ đã được thay bởi / corrected by {second}" in lines[2]
    assert "Nguyễn Thị Mẫu, quản trị trục" in lines[2]
    assert "01/03/2026–31/03/2026" in lines[2]
    assert [what for what, _ in audited(database)].count("declarations.added") == 4
    assert ("declarations.read", {"agency": "H41", "scope": "below"}) in audited(database)


def test_the_list_is_narrowed_and_says_what_is_left(database):
    assert "Không có kê khai nào" in run("list").stderr
    for month in range(1, 5):
        run("add", "H41", f"2026-{month:02}", "leaders", str(month), "--by", "Mẫu")
    found = run("list", "--limit", "2")
    assert len(found.stdout.splitlines()) == 2
    assert "còn nữa" in found.stderr
    assert len(run("list", "--from", "2026-02-10", "--to", "01/03/2026").stdout.splitlines()) == 2
    assert run("list", "--agency", "H14").stdout == ""
    assert run("list", "--below").exit_code == 2


def test_what_cannot_be_declared_is_refused_in_words(database):
    told = refused("add", "H41", "2026-03", "leaders", "5", "--by", "Mẫu", "--type", "Công văn").stderr
    assert "«Loại văn bản» (document_type)" in told
    assert (
        "«Ghi chú» (note)"
        in refused("add", "H41", "2026-03", "leaders", "5", "--by", "Mẫu", "--note", "\x1b[2J").stderr
    )
    assert run("add", "H41", "2026-03", "leaders", "-1", "--by", "Mẫu").exit_code == 2
    assert run("add", "H41", "2026-03", "leaders", "5").exit_code == 2
