"""The template and what comes back in it: every field, every fault by row and column, whose figures they are."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime
from pathlib import Path

import openpyxl
import pytest
import xlsxwriter

from hub.domain.agencies import Agency, code_key
from hub.domain.declarations import KIND_WORDS, DeclaredKind
from hub.domain.findings import error_sentences
from hub.domain.rules import pack_on
from hub.errors import DeclarationsRefused
from hub.reports import declared_table, uploaded_rows
from hub.reports.declared_table import FIELDS, Line, declared, line_of, lines
from hub.reports.uploaded_rows import CSV, XLSX

TYPES = pack_on(date(2026, 10, 1)).document_types
PAPER = DeclaredKind.SENT_PAPER_ONLY
DAY_0 = date(1899, 12, 30)
GOOD = {"period": "2026-09", "kind": "sent_paper_only", "count": "5", "declared_by": "Nguyễn Thị Mẫu"}


def table(*rows: list[object], titles: list[str] | None = None) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([titles or [one.title_vi for one in FIELDS], *rows])
    return text.getvalue().encode()


def workbook(*rows: list[object]) -> bytes:
    """The template itself, with rows written below its explanations."""
    made = io.BytesIO()
    declared_table.template_xlsx(TYPES, made)
    book = openpyxl.load_workbook(made)
    for row, cells in enumerate(rows, start=3):
        for place, cell in enumerate(cells, start=1):
            book.active.cell(row, place).value = cell
    filled = io.BytesIO()
    book.save(filled)
    return filled.getvalue()


def read(body: bytes, media_type: str = CSV):
    return lines(uploaded_rows.read(body, media_type), TYPES)


def faults(body: bytes, media_type: str = CSV) -> list[tuple[int, str, str]]:
    """Those of a table that is refused as a whole."""
    with pytest.raises(DeclarationsRefused) as refused:
        read(body, media_type)
    return [(one.row, one.field, one.code.removeprefix("declaration.")) for one in refused.value.faults]


def wrong(**cells) -> list[tuple[str, str]]:
    line, found = line_of(7, GOOD | cells, types=TYPES, day_0=DAY_0)
    assert (line is None) is bool(found)
    assert all(one.row == 7 for one in found)
    return [(one.field, one.code.removeprefix("declaration.")) for one in found]


def good(**cells) -> Line:
    line, found = line_of(7, GOOD | cells, types=TYPES, day_0=DAY_0)
    assert line is not None, found
    return line


class TestTemplate:
    def test_as_it_is_it_declares_nothing(self):
        made = io.BytesIO()
        declared_table.template_xlsx(TYPES, made)
        assert faults(declared_table.template_csv()) == [(0, "file", "empty")]
        assert faults(made.getvalue(), XLSX) == [(0, "file", "empty")]

    def test_filled_in_with_real_days_and_numbers_it_comes_back(self):
        first, last = datetime(2026, 9, 1), datetime(2026, 9, 30)  # noqa: DTZ001 (a workbook has no zones)
        by_days = ["H41", None, first, last, KIND_WORDS[PAPER][0], "Công văn", 1234, "Trần Văn Mẫu", "theo sổ", None]
        by_period = [None, "2026-Q3", None, None, "Số lãnh đạo tại ngày cuối kỳ", None, 12, "Trần Văn Mẫu", None, None]
        found, bad = read(workbook(by_days, by_period), XLSX)
        assert bad == []
        september = (date(2026, 9, 1), date(2026, 9, 30))
        assert found == [
            Line(3, "H41", *september, PAPER, "cong_van", 1234, "Trần Văn Mẫu", "theo sổ"),
            Line(4, "", date(2026, 7, 1), date(2026, 9, 30), DeclaredKind.LEADERS, "", 12, "Trần Văn Mẫu"),
        ]

    def test_the_workbook_offers_every_kind_and_type_and_stays_at_the_top(self):
        made = io.BytesIO()
        declared_table.template_xlsx(TYPES, made)
        book = openpyxl.load_workbook(made)
        offered = [[cell.value for cell in column if cell.value] for column in book["Danh mục"].iter_cols()]
        assert offered[0][1:] == [vi for vi, _ in KIND_WORDS.values()]
        assert offered[1][1:] == [one.vi for one in TYPES]
        assert book.active.freeze_panes == "A3"
        allowed = {
            str(one.sqref).rstrip("0123456789")[0]: one.type for one in book.active.data_validations.dataValidation
        }
        assert allowed == {"C": "date", "D": "date", "E": "list", "F": "list", "G": "whole"}

    def test_every_word_that_is_offered_is_taken_back(self):
        for kind, words in KIND_WORDS.items():
            assert {good(kind=word).kind for word in (*words, kind.value, words[0].upper())} == {kind}
        for one in TYPES:
            assert good(document_type=one.vi).document_type == one.type_id


class TestFields:
    def test_periods_and_days(self):
        assert (good(period="2026-9M").first_day, good(period="2026-9M").last_day) == (
            date(2026, 1, 1),
            date(2026, 9, 30),
        )
        days = {"period": "", "from": "1/9/2026", "to": 46295.0}
        assert (good(**days).first_day, good(**days).last_day) == (date(2026, 9, 1), date(2026, 9, 30))
        assert wrong(period="2026-13") == [("period", "malformed")]
        assert wrong(period="") == [("period", "missing")]
        assert wrong(**{"from": "01/09/2026"}) == [("period", "malformed")], "a period and a day"
        assert wrong(period="", **{"from": "30/09/2026", "to": "01/09/2026"}) == [("to", "malformed")]
        assert wrong(period="", **{"from": "31/09/2026", "to": "2026-09-30"}) == [("from", "malformed")]
        assert wrong(period="", **{"from": 12.5, "to": "2026-09-30"}) == [("from", "malformed")]

    @pytest.mark.parametrize(
        ("written", "count"), [("0", 0), ("1.234", 1234), (1234.0, 1234), ("100000000", 100_000_000)]
    )
    def test_counts(self, written, count):
        assert good(count=written).count == count

    @pytest.mark.parametrize("written", ["-1", "1,5", 1.5, "12.34", "1e3", "١", "100000001", "=1+1", float("1e300")])
    def test_what_is_no_count(self, written):
        assert wrong(count=written) == [("count", "malformed")]

    def test_all_that_is_wrong_in_a_row_is_named(self):
        bad = {"kind": "giấy", "document_type": "Thư tình", "count": "", "declared_by": " ", "corrects": "12"}
        assert wrong(**bad) == [
            ("kind", "malformed"),
            ("count", "missing"),
            ("document_type", "malformed"),
            ("declared_by", "missing"),
            ("corrects", "malformed"),
        ]

    def test_texts_are_bounded_printable_and_composed(self):
        assert good(declared_by="  Nguyê\u0303n\u00a0Mẫu ").declared_by == "Nguyễn Mẫu"
        assert good(note="một\nhai").note == "một\nhai"
        assert wrong(declared_by="a\nb") == wrong(declared_by="x" * 201) == [("declared_by", "malformed")]
        assert wrong(note="\x1b[2J") == wrong(note="x" * 2001) == [("note", "malformed")]
        assert good(corrects="0190AAAA-0000-7000-8000-000000000001").corrects == "0190aaaa-0000-7000-8000-000000000001"


class TestColumns:
    def test_a_letterhead_above_and_columns_in_any_order(self):
        body = table(
            ["KÊ KHAI QUÝ III"],
            ["count", "Người kê khai", "LOẠI SỐ LIỆU", "period"],
            ["# giải thích"],
            ["7", "Trần Văn Mẫu", PAPER.value, "2026-Q3"],
            titles=["ỦY BAN NHÂN DÂN"],
        )
        found, bad = read(body)
        assert bad == []
        assert [(one.row, one.count) for one in found] == [(5, 7)]

    def test_columns_that_lack_are_unknown_or_doubled(self):
        assert faults(table(titles=["Kỳ", "Số lượng", "Người kê khai", "Cột lạ"])) == [
            (0, "file", "column_unknown"),
            (0, "kind", "column_missing"),
        ]
        titles = ["from", "kind", "count", "count", "declared_by"]
        assert faults(table(titles=titles)) == [(0, "file", "column_unknown"), (0, "period", "column_missing")]
        assert faults(table(titles=["a", "b"])) == [(0, "file", "empty")]

    def test_rows_are_bounded(self, monkeypatch):
        monkeypatch.setattr(declared_table, "MOST_ROWS", 2)
        row = ["", "2026-09", "", "", PAPER.value, "", "1", "Mẫu", "", ""]
        assert len(read(table(row, row))[0]) == 2
        assert faults(table(row, row, row)) == [(4, "file", "too_many_rows")]

    def test_good_rows_and_the_faults_of_the_others_come_together(self):
        row = ["", "2026-09", "", "", PAPER.value, "", "1", "Mẫu", "", ""]
        found, bad = read(table(row, [*row[:6], "x", *row[7:]], row))
        assert [one.row for one in found] == [2, 4]
        assert [(one.row, one.field) for one in bad] == [(3, "count")]
        assert bad[0].facts["seen"] == "x"


def test_every_fault_has_its_sentences_and_every_sentence_its_fault():
    folder = Path(declared_table.__file__).parents[1]
    written = "".join(file.read_text("utf-8") for file in folder.rglob("*.py"))
    raised = set(re.findall(r'"(declaration\.\w+)"', written))
    assert raised == {code for code in error_sentences() if code.startswith("declaration.")}


def test_whose_figures_they_are():
    own, child, other = Agency("H41", "Tỉnh"), Agency("H41.1", "Sở"), Agency("G22", "Bộ")
    directory = {code_key(one.code): one for one in (own, child, other)} | {"000.00.00.H41": own}
    at, numbers = datetime(2026, 10, 5, tzinfo=UTC), iter(range(100))

    def handed(*codes: str, by: Agency | None = own):
        rows = [
            Line(n, code, date(2026, 9, 1), date(2026, 9, 30), PAPER, "", 1, "Mẫu") for n, code in enumerate(codes, 1)
        ]
        found, bad = declared(
            rows, own=by, find=directory.get, may=lambda one: by is None or one in (own, child),
            new_id=lambda: str(next(numbers)), at=at,
        )  # fmt: skip
        return [(row, one.agency_key, one.caller_key) for row, one in found], [(one.row, one.code) for one in bad]

    assert handed("", "h41", "000.00.00.H41", "H41.1") == (
        [(1, "H41", "H41"), (2, "H41", "H41"), (3, "H41", "H41"), (4, "H41.1", "H41")],
        [],
    )
    unknown = "declaration.agency_unknown"
    assert handed("G22", "X1", "/", "H41.1") == ([(4, "H41.1", "H41")], [(1, unknown), (2, unknown), (3, unknown)])
    assert handed("", "G22", by=None) == ([(2, "G22", "")], [(1, unknown)])


def test_a_workbook_of_another_program_with_days_from_1904():
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"date_1904": True}) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["from", "to", "kind", "count", "declared_by"])
        sheet.write_datetime(1, 0, datetime(2026, 9, 1))  # noqa: DTZ001 (a workbook has no zones)
        sheet.write_datetime(1, 1, datetime(2026, 9, 30))  # noqa: DTZ001
        sheet.write_row(1, 2, [PAPER.value, 3, "Mẫu"])
    (found,), bad = read(file.getvalue(), XLSX)
    assert (found.first_day, found.last_day, found.count, bad) == (date(2026, 9, 1), date(2026, 9, 30), 3, [])
