"""Exports are read back: what a spreadsheet shows is what was written, and it computes nothing."""

from __future__ import annotations

import csv
import io
import itertools
import tracemalloc
import zipfile
from datetime import UTC, date, datetime

import openpyxl
import pytest
from openpyxl.utils.escape import unescape

from hub.reports import as_csv, as_xlsx
from hub.reports.as_csv import Column, Kind, write_csv
from hub.reports.as_xlsx import write_xlsx

COLUMNS = (
    Column("Trích yếu", Kind.TEXT, 40),
    Column("Số", Kind.NUMBER, 8),
    Column("Ngày", Kind.DATE, 12),
    Column("Giờ (giờ Việt Nam)", Kind.TIME, 20),
)
DAY, NOON = date(2026, 3, 2), datetime(2026, 3, 1, 18, 30, 5, tzinfo=UTC)
ROW = ("V/v thử nghiệm, “đầu tiên”\ndòng hai", -7, DAY, NOON)
DANGEROUS = [
    "=1+1",
    "=cmd|' /C calc'!A0",
    "+84 24 1234",
    "-1",
    "@SUM(A1:A9)",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1",
    "＝1+1",
    '=HYPERLINK("http://mau.example","x")',
    "http://mau.example",
    "mailto:a@mau.example",
    "{=1}",
    "<r><t>x</t></r>",
    "<r><t>x</t></r></is></c><c><f>1+1</f></c><c><is><r></r>",
    "0123",
    "1e9",
    "_x0041_",
    "'đã có dấu nháy",
]


def as_text(rows, columns=COLUMNS) -> str:
    return b"".join(write_csv(columns, rows)).decode("utf-8")


def read_csv(rows, columns=COLUMNS) -> list[list[str]]:
    return list(csv.reader(io.StringIO(as_text(rows, columns).removeprefix("\ufeff"), newline="")))


def made(rows, columns=COLUMNS, title: str = "Sổ văn bản đến") -> io.BytesIO:
    file = io.BytesIO()
    write_xlsx(columns, rows, file, title=title)
    return file


def read_xlsx(rows, columns=COLUMNS):
    return openpyxl.load_workbook(made(rows, columns), data_only=False)


def test_a_csv_has_its_mark_its_line_ends_and_vietnamese_time():
    text = as_text([ROW, ("", None, None, None)])
    assert text.startswith("\ufeffTrích yếu,Số,Ngày,Giờ (giờ Việt Nam)\r\n")
    assert read_csv([ROW])[1] == [ROW[0], "-7", "2026-03-02", "2026-03-02T01:30:05+07:00"]
    assert text.endswith('"\r\n,,,\r\n'.removeprefix('"'))


@pytest.mark.parametrize("text", DANGEROUS[:11])
def test_w1_a_csv_cell_is_never_a_formula(text):
    assert read_csv([(text,)], COLUMNS[:1])[1] == [f"'{text}"]
    title = (Column(text),)
    assert read_csv([], title)[0] == [f"'{text}"]


@pytest.mark.parametrize("text", ["V/v 1+1=2", "a@mau.example", "'=1", "Số 7-CV", ""])
def test_a_harmless_csv_cell_stays_as_it_is(text):
    assert as_csv.harmless(text) == text


def test_w7_a_long_csv_comes_in_pieces_and_holds_no_more_than_one():
    rows = (("x" * 1000, number, DAY, NOON) for number in itertools.count())
    pieces = write_csv(COLUMNS, rows)
    assert 64_000 < len(next(pieces)) < 70_000
    tracemalloc.start()
    total = sum(len(next(pieces)) for _ in range(50))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total > 3_000_000
    assert peak < 1_000_000


def test_a_workbook_holds_real_numbers_days_and_times():
    sheet = read_xlsx([ROW, ("", None, None, None)]).active
    assert [cell.value for cell in sheet[1]] == [column.title_vi for column in COLUMNS]
    assert [cell.value for cell in sheet[2]] == [
        ROW[0],
        -7,
        datetime(2026, 3, 2),  # noqa: DTZ001 (a workbook knows no zones)
        datetime(2026, 3, 2, 1, 30, 5),  # noqa: DTZ001
    ]
    assert [cell.data_type for cell in sheet[2]] == ["s", "n", "d", "d"]
    assert sheet["C2"].number_format == "dd/mm/yyyy"
    assert all(cell.font.bold for cell in sheet[1])
    assert sheet.freeze_panes == "A2"
    assert 39 < sheet.column_dimensions["A"].width < 42
    assert sheet.title == "Sổ văn bản đến"


@pytest.mark.parametrize("text", DANGEROUS)
def test_w1_a_text_in_a_workbook_is_that_text_and_nothing_else(text):
    file = made([(text,)], COLUMNS[:1])
    cell = openpyxl.load_workbook(file).active["A2"]
    with zipfile.ZipFile(file) as parts:
        names = parts.namelist()
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
    assert cell.data_type == "s"
    assert cell.hyperlink is None
    assert "<f>" not in sheet
    assert not any("externalLink" in name or ("rels" in name and "sheet" in name) for name in names)
    assert unescape(cell.value).lstrip(" ") == text.lstrip(" ")


def test_a_full_sheet_is_continued_on_the_next(monkeypatch):
    monkeypatch.setattr(as_xlsx, "ROWS_PER_SHEET", 3)
    book = read_xlsx([(f"{number}", number, DAY, NOON) for number in range(7)])
    assert book.sheetnames == ["Sổ văn bản đến", "Sổ văn bản đến (2)", "Sổ văn bản đến (3)"]
    assert [[row[1].value for row in sheet.iter_rows(min_row=2)] for sheet in book] == [[0, 1, 2], [3, 4, 5], [6]]
    assert all(sheet["A1"].value == "Trích yếu" and sheet.freeze_panes == "A2" for sheet in book)


def test_a_sheet_that_is_just_full_is_the_last(monkeypatch):
    monkeypatch.setattr(as_xlsx, "ROWS_PER_SHEET", 2)
    book = read_xlsx([(f"{number}", number, DAY, NOON) for number in range(2)])
    assert book.sheetnames == ["Sổ văn bản đến"]


def test_an_empty_workbook_has_its_titles():
    sheet = read_xlsx([]).active
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [[column.title_vi for column in COLUMNS]]


@pytest.mark.parametrize("text", ["đ" * 40_000, "😀" * 20_000, "x" * 32_767])
def test_a_text_too_long_for_a_cell_is_cut_and_says_so(text):
    value = read_xlsx([(text,)], COLUMNS[:1]).active["A2"].value
    assert len(value.encode("utf-16-le")) // 2 <= 32_767
    assert value == text or (value.endswith("…") and text.startswith(value[:-1]))


def test_a_name_that_no_sheet_may_have_is_made_one():
    book = openpyxl.load_workbook(made([], title="Sổ: H41/2026 [văn bản đến của đơn vị thử nghiệm]"))
    assert book.sheetnames == ["Sổ  H41 2026  văn bản đến của đ"]
