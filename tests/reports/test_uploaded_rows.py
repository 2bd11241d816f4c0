"""Uploaded tables: read as other programs wrote them; bombs, tricks and broken files are refused in words."""

from __future__ import annotations

import csv
import io
import time
import zipfile
from datetime import date, datetime, timedelta

import openpyxl
import pytest
import xlsxwriter
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hub.errors import DeclarationsRefused
from hub.reports.uploaded_rows import CSV, MOST_COLUMNS, PART_BYTES, XLSX, read

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def rows(body: bytes, media_type: str = XLSX) -> list[tuple[int, tuple]]:
    return list(read(body, media_type).rows)


def reason(body: bytes, media_type: str = XLSX) -> str:
    with pytest.raises(DeclarationsRefused) as refused:
        rows(body, media_type)
    (fault,) = refused.value.faults
    assert (fault.code, fault.row, fault.field) == ("declaration.unreadable", 0, "file")
    return fault.facts["reason_en"]


def outcome(body: bytes, media_type: str) -> str:
    """What became of it: read, with something in every row, or the code of the refusal."""
    try:
        found = rows(body, media_type)
    except DeclarationsRefused as refused:
        return refused.faults[0].code
    return "read" if all(any(str(cell).strip() for cell in cells) for _, cells in found) else "empty rows"


class TestCsv:
    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    @pytest.mark.parametrize("delimiter", [",", ";", "\t"])
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_marks_delimiters_and_ends_of_lines(self, mark, delimiter, end):
        text = mark + end.join(delimiter.join(cells) for cells in (["Mã", "Kỳ"], ["", ""], ["H41", '"a,b;c"']))
        assert rows(text.encode(), CSV) == [(1, ("Mã", "Kỳ")), (3, ("H41", "a,b;c"))]

    def test_the_delimiter_may_be_said(self):
        assert rows(b"sep=;\r\na,x;b\r\n1;2", CSV) == [(2, ("a,x", "b")), (3, ("1", "2"))]

    def test_a_row_is_numbered_by_the_line_on_which_it_begins(self):
        assert rows(b'a,b\n"1\n2",x\n\n3,y\n', CSV) == [(1, ("a", "b")), (2, ("1\n2", "x")), (5, ("3", "y"))]

    def test_far_cells_are_left_out(self):
        assert len(rows(b"x" + b",x" * 1000, CSV)[0][1]) == MOST_COLUMNS

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            ("Mã,Kỳ".encode("utf-16"), "UTF-8"),
            ("Kê khai".encode("cp1252"), "UTF-8"),
            (b'a,b\n"1', "line 2 is no CSV"),
            (b'a,b\n"1"x,2', "line 2 is no CSV"),
            (b"a,b\n" + b"x" * 200_000, "line 2 is no CSV"),
        ],
    )
    def test_what_is_no_csv(self, body, words):
        assert words in reason(body, CSV)

    def test_nothing_is_no_row(self):
        assert rows(b"", CSV) == rows(b"\n\n,,\n", CSV) == []


# -- XLSX that other programs wrote ------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn")), max_size=12)
CELLS = st.one_of(st.none(), TEXTS, st.integers(-(10**9), 10**9), st.floats(-1e6, 1e6).map(lambda f: round(f, 3)))
TABLES = st.lists(st.lists(CELLS, max_size=5), max_size=6)


def expected(table: list[list[object]]) -> list[tuple[int, tuple]]:
    """What is left: values, without empty cells at the end, without empty rows."""
    found = []
    for number, cells in enumerate(table, start=1):
        seen = ["" if cell is None else cell if isinstance(cell, str) else float(cell) for cell in cells]
        while seen and seen[-1] == "":
            seen.pop()
        if any(str(cell).strip() for cell in seen):
            found.append((number, tuple(seen)))
    return found


def by_xlsxwriter(table: list[list[object]], **options: object) -> bytes:
    file = io.BytesIO()
    plain = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(file, plain | options) as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate(table):
            for column, cell in enumerate(cells):
                write = sheet.write_string if isinstance(cell, str) else sheet.write
                write(row, column, cell)
    return file.getvalue()


def by_openpyxl(table: list[list[object]]) -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row, cells in enumerate(table, start=1):
        for column, cell in enumerate(cells, start=1):
            place = book.active.cell(row, column)
            place.value, place.data_type = cell, "s" if isinstance(cell, str) else place.data_type
    book.save(file)
    return file.getvalue()


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(TABLES)
@example([["_x0041_", " a ", "<&>", "=1+1"], [], [None, None, 12]])
def test_a_workbook_is_read_as_it_was_written(table):
    wanted = expected(table)
    assert rows(by_xlsxwriter(table)) == wanted
    assert rows(by_xlsxwriter(table, in_memory=False, constant_memory=True)) == wanted, "texts inside the cells"


@settings(max_examples=40, deadline=None, derandomize=True, database=None)
@given(TABLES)
def test_it_agrees_with_another_reader(table):
    body = by_openpyxl(table)
    sheet = openpyxl.load_workbook(io.BytesIO(body)).active
    theirs = [[cell.value for cell in row] for row in sheet.iter_rows()]
    assert rows(body) == expected(theirs)


def test_days_are_numbers_from_the_day_0_of_the_workbook():
    for options, day_0 in (({}, date(1899, 12, 30)), ({"date_1904": True}, date(1904, 1, 1))):
        found = read(by_xlsxwriter([[datetime(2026, 9, 30)]], **options), XLSX)  # noqa: DTZ001 (a workbook has no zones)
        ((_, (number,)),) = found.rows
        assert found.day_0 == day_0
        assert day_0 + timedelta(days=number) == date(2026, 9, 30)


def test_the_first_sheet_that_is_shown_is_read():
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.active.append(["hidden"])
    book.active.sheet_state = "hidden"
    book.create_sheet("Kê khai").append(["shown"])
    book.create_sheet("x").append(["third"])
    book.save(file)
    assert rows(file.getvalue()) == [(1, ("shown",))]


def test_a_formula_is_worth_what_was_computed_when_it_was_saved():
    file = io.BytesIO()
    with xlsxwriter.Workbook(file) as book:
        sheet = book.add_worksheet()
        sheet.write_formula("A1", "=1+1", None, 2)
        sheet.write_formula("B1", '="a"&"b"', None, "ab")
        sheet.write_boolean("C1", 1 == 1)
    assert rows(file.getvalue()) == [(1, (2.0, "ab", "1"))]


# -- XLSX made by hand -------------------------------------------------------------------------------------------


def workbook(sheet: str, *, main: str = MAIN, texts: str | None = None, more: dict[str, str] | None = None,
             method: int = zipfile.ZIP_DEFLATED, prolog: str = "") -> bytes:  # fmt: skip
    """A workbook of the fewest parts; `more` replaces parts (None: leaves one out)."""
    links = f'<Relationship Id="r7" Type="{OFFICE}/worksheet" Target="sheets/one.xml"/>'
    links += f'<Relationship Id="r8" Type="{OFFICE}/sharedStrings" Target="/xl/texts.xml"/>' if texts else ""
    parts = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r1" Type="{OFFICE}/officeDocument" '
        'Target="xl/book.xml"/></Relationships>',
        "xl/book.xml": f'<workbook xmlns="{main}" xmlns:r="{OFFICE}"><sheets><sheet name="a" r:id="r7"/></sheets>'
        "</workbook>",
        "xl/_rels/book.xml.rels": f'<Relationships xmlns="{PACKAGE}">{links}</Relationships>',
        "xl/sheets/one.xml": f'{prolog}<worksheet xmlns="{main}"><sheetData>{sheet}</sheetData></worksheet>',
        **({"xl/texts.xml": f'<sst xmlns="{main}">{texts}</sst>'} if texts else {}),
        **(more or {}),
    }
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, text in parts.items():
            if text is not None:
                archive.writestr(name, text)
    return file.getvalue()


CELL = '<row><c t="inlineStr"><is><t>a</t></is></c></row>'


@pytest.mark.parametrize("main", [MAIN, STRICT])
def test_the_forms_of_the_standard(main):
    sheet = (
        '<row r="3"><c r="B3" t="s"><v>1</v></c><c><v>1e2</v></c><c t="d"><v>2026-09-30T00:00:00</v></c></row>'
        '<row><c t="e"><v>#N/A</v></c><c r="C4" t="inlineStr"><is><r><t>x</t></r><r><t xml:space="preserve"> y</t></r>'
        "<rPh><t>z</t></rPh></is></c></row><row r=\"9\"><c s='1'/></row>"
        '<extLst><ext><x:row xmlns:x="urn:x"><x:c><x:v>9</x:v></x:c></x:row></ext></extLst>'
    )
    texts = "<si><t>0</t></si><si><r><t>m</t></r><r><t>ã_x0020__x000A_</t></r><rPh sb='0'><t>no</t></rPh></si>"
    assert rows(workbook(sheet, main=main, texts=texts)) == [
        (3, ("", "mã \n", 100.0, "2026-09-30T00:00:00")),
        (4, ("#N/A", "", "x y")),
    ]


def test_numbers_that_are_none_stay_texts():
    cells = "".join(f"<c><v>{text}</v></c>" for text in ("nan", "inf", "1_0", "1e999", "١", "", "-0.5"))
    assert rows(workbook(f"<row>{cells}</row>")) == [(1, ("nan", "inf", "1_0", "1e999", "١", "", -0.5))]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not an XLSX file"),
        (b"PK\x03\x04nothing", "not an XLSX file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "not an XLSX file"),  # the older XLS
        (workbook(CELL, more={"[Content_Types].xml": None}), "not an XLSX file"),
        (workbook(CELL, more={"xl/_rels/book.xml.rels": None}), "broken"),
        (workbook(CELL, more={"_rels/.rels": f'<Relationships xmlns="{PACKAGE}"/>'}), "broken"),
        (workbook(CELL, more={"xl/sheets/one.xml": None}), "broken"),
        (workbook(CELL, more={"xl/book.xml": f'<workbook xmlns="{MAIN}"/>'}), "broken"),
        (workbook("<row>"), "broken"),
        (workbook('<row r="0"/>'), "broken"),
        (workbook('<row r="1048577"/>'), "broken"),
        (workbook('<row r="x"/>'), "broken"),
        (workbook('<row><c r="A"/></row>'), "broken"),
        (workbook('<row><c t="s"><v>5</v></c></row>', texts="<si><t>0</t></si>"), "broken"),
        (workbook(CELL)[:-30], "not an XLSX file"),
    ],
)
def test_what_is_no_workbook_or_a_broken_one(body, words):
    assert words in reason(body)


def test_a_shared_text_from_the_end_is_no_text():
    assert rows(workbook('<row><c t="s"><v>-1</v></c><c><v>1</v></c></row>', texts="<si><t>0</t></si>")) == [
        (1, ("", 1.0))
    ]


class TestHostile:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
    def test_a_doctype_in_any_encoding_and_part(self, encoding):
        laughs = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
        bad = f'{laughs}<worksheet xmlns="{MAIN}"><sheetData>{CELL}</sheetData></worksheet>'.encode(encoding)
        for part in ("xl/sheets/one.xml", "xl/book.xml", "_rels/.rels"):
            assert "DOCTYPE" in reason(workbook(CELL, more={part: bad}))

    def test_a_bomb_is_not_unpacked(self):
        body = workbook("", prolog=" " * (PART_BYTES + 1))
        assert len(body) < 100_000
        assert "too large" in reason(body)

    def test_a_method_without_bounds_is_not_unpacked(self):
        assert "broken" in reason(workbook(CELL, method=zipfile.ZIP_LZMA))

    def test_many_elements_and_one_endless_tag_end_soon(self):
        began = time.monotonic()
        assert "too large" in reason(workbook("<row/>" * 500_001))
        assert rows(workbook(f'<row x="{"y" * 20_000_000}"/>')) == []
        assert time.monotonic() - began < 20

    def test_a_link_outwards_is_not_followed(self, tmp_path):
        away = f'<Relationships xmlns="{PACKAGE}"><Relationship Id="r7" Type="{OFFICE}/worksheet" '
        for target in ('TargetMode="External" Target="file:///etc/passwd"/>', 'Target="../../../etc/passwd"/>'):
            body = workbook(CELL, more={"xl/_rels/book.xml.rels": f"{away}{target}</Relationships>"})
            assert "broken" in reason(body)

    def test_a_directory_of_thousands_is_not_read(self):
        more = {f"x{number}": "" for number in range(2000)}
        assert "not an XLSX file" in reason(workbook(CELL, more=more))

    def test_cells_far_away_take_no_room(self):
        sheet = '<row r="1048576"><c r="XFD1048576"><v>1</v></c><c r="B1048576"><v>2</v></c></row>'
        assert rows(workbook(sheet)) == [(1_048_576, ("", 2.0))]


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_a_damaged_workbook_is_read_or_refused_in_words(data):
    body = bytearray(workbook(CELL * 3, texts="<si><t>x</t></si>", method=zipfile.ZIP_STORED))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    assert outcome(bytes(body), XLSX) in ("read", "declaration.unreadable")


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_a_csv_or_refused_in_words(body):
    assert outcome(body, CSV) in ("read", "declaration.unreadable")


def test_a_csv_of_the_standard_library_is_read_back():
    table = [["a", "b"], ['x"y', "1\n2"], ["ệ", ";"]]
    text = io.StringIO(newline="")
    csv.writer(text).writerows(table)
    assert [list(cells) for _, cells in rows(text.getvalue().encode(), CSV)] == table
