"""Exports are read back: what a spreadsheet shows is what was written, and it computes nothing."""

from __future__ import annotations

import csv
import io
import itertools
import tracemalloc
import zipfile
from dataclasses import replace
from datetime import UTC, date, datetime

import openpyxl
import pytest
from openpyxl.utils.escape import unescape

from hub.reports import as_csv, as_xlsx
from hub.reports.as_csv import write_csv
from hub.reports.as_xlsx import write_xlsx
from hub.reports.made import Column, Kind, Made, Share, Table, Words
from tests.support import made_reports

COLUMNS = (
    Column("Trích yếu", kind=Kind.TEXT, width=40),
    Column("Số", kind=Kind.NUMBER, width=8),
    Column("Ngày", kind=Kind.DATE, width=12),
    Column("Giờ (giờ Việt Nam)", kind=Kind.TIME, width=20),
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


MADE = made_reports.report()
LINKS = ("javascript:alert(1)", "file:///etc/passwd", "https://a.example/\nx", "")


def made_csv(report: Made = MADE) -> list[list[str]]:
    text = b"".join(as_csv.write_made(report)).decode("utf-8")
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def made_xlsx(report: Made = MADE) -> bytes:
    file = io.BytesIO()
    as_xlsx.write_made(report, file)
    return file.getvalue()


def hostile_report(text: str) -> Made:
    words = Words(text, text)
    columns = (Column(text), Column(text, kind=Kind.SHARE))
    table = Table("t", words, columns, ((text, Share(1, 2, text, text)),), (words,))
    return replace(MADE, title=words, lines=(words,), tables=(table,), charts=(), notes=(words,), rule_pack=text)


class TestReportAsCsv:
    def test_a_share_stands_in_three_columns(self):
        lines = made_csv()
        titles = next(line for line in lines if line[0] == "Hạng")
        name = "Văn bản điện tử không gửi bản giấy"
        assert titles[:6] == ["Hạng", "Cơ quan, đơn vị", f"{name}: tử số", f"{name}: mẫu số", name, "So với kỳ trước"]
        row = next(line for line in lines if line[0] == "5")
        assert row[:6] == ["5", "Ủy ban nhân dân thành phố Hà Nội", "13345", "13902", "96,0 %", "-0,8 %"]
        nothing = next(line for line in lines if line[0] == "15")
        assert nothing[2:6] == ["0", "0", "–", "–"]

    def test_all_of_the_report_is_there_in_lines_of_one_width(self):
        lines = made_csv()
        assert {len(line) for line in lines} == {8}
        firsts = [line[0] for line in lines]
        for words in (MADE.title, *MADE.lines, *(table.title for table in MADE.tables), *MADE.notes):
            assert words.vi in firsts
        assert lines[-1][:2] == ["SHA-256 của dữ liệu", MADE.data_sha256]

    @pytest.mark.parametrize("text", DANGEROUS[:11])
    def test_w1_no_part_of_a_report_is_a_formula(self, text):
        fields = {field for line in made_csv(hostile_report(text)) for field in line}
        assert f"'{text}" in fields
        assert [
            field for field in fields if field.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))
        ] == []


class TestReportAsWorkbook:
    def test_figures_are_real_numbers_and_percentages(self):
        sheet = openpyxl.load_workbook(io.BytesIO(made_xlsx()))["1. Xếp hạng các đơn vị"]
        assert [cell.value for cell in sheet[1]] == [
            "Hạng",
            "Cơ quan, đơn vị",
            "Văn bản điện tử không gửi bản giấy",
            "Văn bản điện tử không gửi bản giấy: tử số",
            "Văn bản điện tử không gửi bản giấy: mẫu số",
            "So với kỳ trước",
        ]
        row = sheet[6]
        assert [cell.value for cell in row[:2]] == [5, "Ủy ban nhân dân thành phố Hà Nội"]
        assert row[2].value == pytest.approx(13345 / 13902)
        assert [cell.value for cell in row[3:5]] == [13345, 13902]
        assert row[5].value == pytest.approx(-0.008)
        assert [cell.data_type for cell in row] == ["n", "s", "n", "n", "n", "n"]
        assert [cell.number_format for cell in row] == ["#,##0", "General", "0.0 %", "#,##0", "#,##0", "0.0 %"]
        assert [cell.value for cell in sheet[16][:6]] == [15, "Kho bạc Nhà nước", "–", 0, 0, None]

    def test_each_figure_leads_to_its_documents(self):
        sheet = openpyxl.load_workbook(io.BytesIO(made_xlsx()))["1. Xếp hạng các đơn vị"]
        lists = [made_reports.LINK.format(4, side) for side in ("numerator", "numerator", "denominator")]
        assert [cell.hyperlink.target for cell in sheet[6][2:5]] == lists
        assert not any(cell.hyperlink for cell in sheet[6][:2])

    @pytest.mark.parametrize("link", LINKS)
    def test_w1_only_web_addresses_are_links(self, link):
        table = Table("t", Words("T", "T"), (Column("C", kind=Kind.SHARE),), ((Share(1, 2, link, link),),))
        sheet = openpyxl.load_workbook(io.BytesIO(made_xlsx(replace(MADE, tables=(table,))))).worksheets[1]
        assert [(cell.value, cell.hyperlink) for cell in sheet[2]] == [(0.5, None), (1, None), (2, None)]

    def test_titles_stay_in_sight_and_columns_are_as_wide_as_their_figures(self):
        book = openpyxl.load_workbook(io.BytesIO(made_xlsx()))
        assert book.sheetnames == ["Tóm tắt", "1. Xếp hạng các đơn vị", "2. Các loại ô"]
        for sheet in book.worksheets[1:]:
            assert sheet.freeze_panes == "A2"
            assert sheet.print_title_rows == "$1:$1"
            assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
            assert all(cell.font.bold for cell in sheet[1])
        widths = book.worksheets[1].column_dimensions
        assert [round(widths[name].width) for name in "ABCDEF"] == pytest.approx([8, 40, 22, 12, 12, 12], abs=1.5)

    def test_days_times_and_money_are_values_with_a_form(self):
        row = openpyxl.load_workbook(io.BytesIO(made_xlsx()))["2. Các loại ô"][2]
        assert row[2].value == datetime(2026, 3, 2)  # noqa: DTZ001 (a workbook knows no zones)
        assert row[3].value == datetime(2026, 10, 5, 8, 30, 5)  # noqa: DTZ001
        assert (row[-1].value, row[-1].number_format) == (12500000, '#,##0 "đ"')

    def test_the_first_sheet_says_which_rules_and_which_data(self):
        sheet = openpyxl.load_workbook(io.BytesIO(made_xlsx()))["Tóm tắt"]
        said = {row[0].value: row[1].value for row in sheet.iter_rows(max_col=2)}
        assert MADE.title.vi in said
        assert said["SHA-256 của dữ liệu"] == MADE.data_sha256
        assert said["Bộ quy tắc"] == "qd28-2018"
        assert said["Bảng 2"] == "Các loại ô"
        assert MADE.data_sha256[:16] in sheet.oddFooter.left.text

    @pytest.mark.parametrize("text", DANGEROUS)
    def test_w1_no_part_of_a_report_is_a_formula_or_a_link(self, text):
        content = made_xlsx(hostile_report(text))
        with zipfile.ZipFile(io.BytesIO(content)) as parts:
            sheets = [parts.read(name).decode() for name in parts.namelist() if "worksheets/sheet" in name]
            assert not any("externalLink" in name for name in parts.namelist())
        assert not any("<f>" in sheet for sheet in sheets)
        cells = [
            cell for sheet in openpyxl.load_workbook(io.BytesIO(content)) for row in sheet.iter_rows() for cell in row
        ]
        assert {cell.data_type for cell in cells} <= {"s", "n"}
        assert all(cell.hyperlink is None or text.startswith("http://mau.example") for cell in cells)

    def test_the_same_report_gives_the_same_bytes(self):
        assert made_xlsx() == made_xlsx()
        assert made_xlsx(replace(MADE, made_at=MADE.made_at.replace(year=2027))) != made_xlsx()
