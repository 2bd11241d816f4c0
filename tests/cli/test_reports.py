"""`hub reports`: every report on the screen and in every form, the lists behind the figures, and who read them."""

from __future__ import annotations

import csv
import io
import json
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from hub import reports as every_report
from hub.__main__ import cli
from hub.cli import counted_documents, making
from hub.cli.reports import COMMANDS
from hub.cli.reports import reports as command
from hub.domain.envelopes import Paper
from hub.domain.periods import vietnam_day
from hub.domain.rules import pack_on
from hub.errors import NoSuchThing, UnknownAgency
from hub.reports.made import Column, Kind, Made, Table, Words
from hub.stations import utc_now
from hub.store import tables
from tests.support.scenes import Scene, genuine_document


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Scene]:
    """Three documents of G22, two of them without paper; the tests only read (and their reading is audited)."""
    folder = tmp_path_factory.mktemp("country")
    (folder / "hub.sqlite3").write_bytes(sqlite_template.read_bytes())
    opened = Scene(folder)
    for number, paper in enumerate((Paper.PAPER_FREE, Paper.PAPER_FREE, Paper.WITH_PAPER), start=900):
        opened.post(genuine_document(number, to=("H41",), paper=paper))
    opened.drain()
    yield opened
    opened.close()


@pytest.fixture
def country(filled: Scene, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The database that the command opens by its settings."""
    for name in ("HUB_DATABASE_URL", "HUB_BROKER_URL", "HUB_SETTINGS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HUB_DATA_DIR", str(filled.hub.settings.data_dir))
    return filled


def run(*words: str) -> Result:
    result = CliRunner().invoke(command, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def audit(country: Scene) -> list[tuple[str, dict[str, str]]]:
    with country.database.reading() as connection:
        rows = connection.execute(sa.select(tables.audit.c.what, tables.audit.c.facts)).all()
    return [tuple(row) for row in rows if row.what.startswith("reports.")]


def test_every_command_is_there_and_explains_itself() -> None:
    for name in COMMANDS:
        told = CliRunner().invoke(cli, ["reports", name, "--help"])
        assert told.exit_code == 0, name
        assert " / " in told.output, name
    assert CliRunner().invoke(cli, ["reports", "nothing"]).exit_code == 2


def test_the_list_names_every_report_indicator_and_type() -> None:
    told = run("list").output
    rules = pack_on(vietnam_day(utc_now()))
    for name in (
        *(one.report_id for one in every_report.REPORTS),
        *(one.indicator_id for one in rules.indicators),
        *(one.type_id for one in rules.document_types),
    ):
        assert name in told


@pytest.mark.parametrize("report", [one.report_id for one in every_report.REPORTS])
def test_every_report_is_told_on_the_screen(country: Scene, report: str) -> None:
    told = run("make", report, "--agency", "G22", "--compare")
    assert every_report.report(report).title.vi in told.output
    assert "SHA-256" in told.output


def test_the_screen_says_the_figures(country: Scene) -> None:
    told = run("make", "paper-free").output
    assert "2/3 66,7 %" in told
    assert "Phạm vi: Toàn bộ các cơ quan" in told
    nothing = run("make", "paper-free", "--agency", "H14", "--scope", "below").output
    assert "2/3" not in nothing
    assert "0/0 –" in nothing


@pytest.mark.parametrize("form", making.FORMS)
def test_a_file_in_every_form_is_its_owners_alone_and_is_never_overwritten(
    country: Scene, tmp_path: Path, form: str
) -> None:
    file = tmp_path / f"ty-le{form}"
    assert run("make", "paper-free", "--out", str(file)).stdout.strip() == str(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    body = file.read_bytes()
    begins = {".pdf": b"%PDF-", ".xlsx": b"PK", ".csv": "\ufeff".encode(), ".json": b"{", ".svg": b"<svg"}
    assert body.startswith(begins[form])
    again = run("make", "paper-free", "--out", str(file))
    assert again.exit_code == 1
    assert "đã có" in again.stderr
    assert file.read_bytes() == body
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".report")] == []


def test_the_machine_readable_figures_of_the_file(country: Scene, tmp_path: Path) -> None:
    file = tmp_path / "ty-le.json"
    run("make", "paper-free", "--out", str(file))
    found = {one["indicator"]: one for one in json.loads(file.read_text("utf-8"))["figures"]}
    one = found["fully_electronic"]
    assert (one["numerator"], one["denominator"]) == ({"seen": 2, "declared": 0}, {"seen": 3, "declared": 0})
    assert (one["percent_vi"], one["value"]) == ("66,7 %", "0.666667")


def test_a_chart_is_chosen_by_its_name(country: Scene, tmp_path: Path) -> None:
    names = ("league", "parts")
    for name in names:
        run("make", "paper-free", "--chart", name, "--out", str(tmp_path / f"{name}.svg"))
    assert (tmp_path / "league.svg").read_text() != (tmp_path / "parts.svg").read_text()
    unknown = run("make", "paper-free", "--chart", "none", "--out", str(tmp_path / "none.svg"))
    assert unknown.exit_code == 2
    assert "league" in unknown.stderr
    assert run("make", "paper-free", "--chart", "league").exit_code == 2


def test_as_known_on_a_day_before_there_is_nothing(country: Scene) -> None:
    yesterday = vietnam_day(utc_now()) - timedelta(days=1)
    period = f"{yesterday - timedelta(days=1)}..{vietnam_day(utc_now())}"
    assert "2/3 66,7 %" in run("make", "paper-free", "--period", period).output
    assert "2/3 66,7 %" not in run("make", "paper-free", "--period", period, "--known-on", str(yesterday)).output


@pytest.mark.parametrize(
    "words",
    [
        ("--period", "2026-Q5"),
        ("--known-on", "2999-01-01"),
        ("--type", "bai_tho"),
        ("--scope", "unit"),
        ("--scope", "hub", "--agency", "G22"),
        ("--level", "1", "--scope", "below"),
        ("--out", "bao-cao.docx"),
    ],
)
def test_what_cannot_be_is_refused(country: Scene, words: tuple[str, ...]) -> None:
    assert run("make", "paper-free", *words).exit_code == 2


def test_an_unknown_agency_is_named(country: Scene) -> None:
    with pytest.raises(UnknownAgency):
        run("make", "paper-free", "--agency", "NOBODY")


def test_the_documents_of_a_side_are_as_many_as_the_figure_says(country: Scene) -> None:
    assert counted_documents.documents.name == "documents"
    told = run("documents", "fully_electronic", "--side", "denominator")
    assert len(told.stdout.splitlines()) == 3
    assert "denominator: 3 (" in told.stderr
    some = run("documents", "fully_electronic", "--limit", "1")
    assert len(some.stdout.splitlines()) == 1
    assert "còn nữa" in some.stderr
    agencies = run("documents", "agencies_connected", "--side", "denominator", "--limit", "1000")
    assert f"denominator: {len(agencies.stdout.splitlines())} (" in agencies.stderr


@pytest.mark.parametrize("form", [".csv", ".xlsx"])
def test_the_file_of_a_list_adds_up_to_the_figure(country: Scene, tmp_path: Path, form: str) -> None:
    file = tmp_path / f"van-ban{form}"
    run("documents", "fully_electronic", "--side", "denominator", "--agency", "G22", "--out", str(file))
    if form == ".csv":
        rows = list(csv.reader(io.StringIO(file.read_text("utf-8-sig"), newline="")))
    else:
        rows = [[cell.value for cell in row] for row in openpyxl.load_workbook(file).active.iter_rows()]
    assert sum(int(row[1]) for row in rows[1:]) == 3
    assert run("documents", "fully_electronic", "--out", str(tmp_path / "a.pdf")).exit_code == 2


def test_w8_reading_a_list_is_audited(country: Scene) -> None:
    before = audit(country)
    run("documents", "fully_electronic", "--period", "2026", "--agency", "G22", "--scope", "below")
    with pytest.raises(NoSuchThing):
        run("documents", "nothing")
    facts = {"indicator": "fully_electronic", "side": "numerator", "scope": "below G22", "period": "2026"}
    assert audit(country)[len(before) :] == [("reports.documents_read", facts)]


def test_a_terminal_obeys_nothing_and_long_tables_say_what_is_left_out() -> None:
    columns = (Column("Đơn vị", "Unit"), Column("Số", "Number", Kind.NUMBER))
    rows = tuple((f"\x1b[2J{number}" + "x" * 60, number * 1000) for number in range(making.MOST_ROWS + 2))
    day = vietnam_day(utc_now())
    made = Made(
        *("thu", Words("Thử", "Test"), (), (Table("main", Words("Chính", "Main"), columns, rows),), (), ()),
        *("qd28-2018", day, utc_now()),
    )
    told = "\n".join(making.lines(made))
    assert "\x1b" not in told
    assert "49.000" in told
    assert "50.000" not in told
    assert "2 dòng nữa" in told
