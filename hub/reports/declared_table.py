"""Declarations as a table: the template to fill in, and the rows that come back.

Owns: the columns with their titles and explanations, the reading of every field, faults named by row and field.
Never: writes a declaration (hub/store/declarations.py); takes one of a secret document.
Source: Decision 28/2018/QĐ-TTg Art. 1 (state secrets are outside), Art. 11; RFC 4180; threats W1.
"""

from __future__ import annotations

import csv
import io
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO, Any

import xlsxwriter

from hub.domain.agencies import Agency, code_key, plain
from hub.domain.declarations import KIND_WORDS, LONGEST_NAME, LONGEST_NOTE, MOST_COUNT, Declaration, DeclaredKind
from hub.domain.document_types import OTHER, DocumentType, type_of
from hub.domain.periods import period
from hub.errors import DeclarationsRefused, Fault
from hub.reports.uploaded_rows import Raw, Uploaded, day_of

MOST_ROWS = 10_000
TITLE = "Kê khai"
NOTE_MARK = "# "  # a row that begins so is an explanation
_TITLE_ROWS = 10  # titles stand among the first rows; letterheads may stand before them
_PERIODS = "2026-09, 2026-Q3, 2026-H1, 2026-9M, 2026-W40, 2026"
_COUNT = re.compile(r"\d{1,12}|\d{1,3}(?:\.\d{3}){1,3}", re.ASCII)  # thousands with a dot
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_WORKBOOK = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


@dataclass(frozen=True, slots=True)
class Field:
    """One column: its name in the API, its title, what is written in it."""

    name: str
    title_vi: str
    explained_vi: str
    width: int
    look: str = "@"


FIELDS = (
    Field("agency", "Mã đơn vị", "Mã định danh của đơn vị có số liệu; để trống: đơn vị nộp bảng này. "
          "KHÔNG kê khai văn bản chứa bí mật nhà nước.", 22),
    Field("period", "Kỳ", "Một trong các dạng 2026-09, 2026-Q3, 2026-H1, 2026-9M, 2026-W40, 2026; để trống nếu ghi hai "
          "cột ngày.", 14),
    Field("from", "Từ ngày", "Ngày đầu (dd/mm/yyyy), nếu không ghi kỳ.", 13, "dd/mm/yyyy"),
    Field("to", "Đến ngày", "Ngày cuối, tính cả ngày đó; không sau hôm nay.", 13, "dd/mm/yyyy"),
    Field("kind", "Loại số liệu", "Chọn trong danh sách.", 44),
    Field("document_type", "Loại văn bản", "Để trống: mọi loại gộp lại. Không kê khai cùng lúc gộp và từng loại.", 22),
    Field("count", "Số lượng", "Số văn bản của kỳ, không gồm văn bản đã qua trục; số nguyên từ 0.", 12, "0"),
    Field("declared_by", "Người kê khai", "Họ và tên, bắt buộc; chỉ đơn vị, đơn vị cấp trên và quản trị trục xem "
          "được.", 26),
    Field("note", "Ghi chú", "Nguồn số liệu, nếu cần.", 34),
    Field("corrects", "Thay cho", "Mã của kê khai được sửa, nếu là sửa; số lượng 0 là hủy kê khai đó.", 38),
)  # fmt: skip
BY_NAME = {one.name: one for one in FIELDS}
_NEEDED = ("kind", "count", "declared_by")
_TITLES = {plain(title): one.name for one in FIELDS for title in (one.title_vi, one.name)}
_KINDS = {plain(words): kind for kind, (vi, en) in KIND_WORDS.items() for words in (vi, en, kind.value)}


@dataclass(frozen=True, slots=True)
class Line:
    """One row that could be read; `agency` as it is written."""

    row: int
    agency: str
    first_day: date
    last_day: date
    kind: DeclaredKind
    document_type: str
    count: int
    declared_by: str
    note: str = ""
    corrects: str | None = None


# -- the template ------------------------------------------------------------------------------------------------


def template_csv() -> bytes:
    """Titles and a row of explanations, UTF-8 with its mark."""
    text = io.StringIO(newline="")
    text.write("\ufeff")
    csv.writer(text, lineterminator="\r\n").writerows([[one.title_vi for one in FIELDS], _explanations()])
    return text.getvalue().encode()


def template_xlsx(types: Sequence[DocumentType], file: IO[bytes]) -> None:
    """The same as a workbook with lists to choose from, and cells that take only days and whole numbers."""
    with xlsxwriter.Workbook(file, _WORKBOOK) as book:
        sheet, lists = book.add_worksheet(TITLE), book.add_worksheet("Danh mục")
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        small = book.add_format({"italic": True, "text_wrap": True, "valign": "top", "font_size": 9})
        sheet.freeze_panes(2, 0)
        for place, (one, explained) in enumerate(zip(FIELDS, _explanations(), strict=True)):
            sheet.set_column(place, place, one.width, book.add_format({"num_format": one.look}))
            sheet.write_string(0, place, one.title_vi, bold)
            sheet.write_string(1, place, explained, small)
        listed = {"kind": [vi for vi, _ in KIND_WORDS.values()], "document_type": [one.vi for one in types]}
        for place, (name, words) in enumerate(listed.items()):
            lists.set_column(place, place, BY_NAME[name].width)
            lists.write_column(0, place, [BY_NAME[name].title_vi, *words])
            letter = "AB"[place]
            source = f"='Danh mục'!${letter}$2:${letter}${len(words) + 1}"
            _allow(sheet, name, {"validate": "list", "source": source})
        days = {"validate": "date", "criteria": ">", "value": date(2000, 1, 1)}
        _allow(sheet, "from", days)
        _allow(sheet, "to", days)
        _allow(sheet, "count", {"validate": "integer", "criteria": "between", "minimum": 0, "maximum": MOST_COUNT})


def _explanations() -> list[str]:
    return [f"{NOTE_MARK if place == 0 else ''}{one.explained_vi}" for place, one in enumerate(FIELDS)]


def _allow(sheet: Any, name: str, what: Mapping[str, Any]) -> None:
    place = FIELDS.index(BY_NAME[name])
    wrong = {"error_title": BY_NAME[name].title_vi, "error_message": BY_NAME[name].explained_vi[:255]}
    sheet.data_validation(2, place, MOST_ROWS + 1, place, {**what, **wrong})


# -- the rows that come back ---------------------------------------------------------------------------------------


def lines(uploaded: Uploaded, types: tuple[DocumentType, ...]) -> tuple[list[Line], list[Fault]]:
    """The rows below the titles that could be read, and all that is wrong with the others.

    Raises DeclarationsRefused when the columns are not those of the template, or the rows are too many.
    """
    names: list[str] | None = None
    found: list[Line] = []
    faults: list[Fault] = []
    read = 0
    for number, cells in uploaded.rows:
        if names is None:
            names = _titles(cells)
            if names is None and number > _TITLE_ROWS:
                break
            continue
        if str(next(cell for cell in cells if cell != "")).lstrip().startswith(NOTE_MARK):
            continue
        read += 1
        if read > MOST_ROWS:
            raise DeclarationsRefused([Fault("declaration.too_many_rows", number, "file", {"most": str(MOST_ROWS)})])
        line, wrong = line_of(number, _cells(names, cells), types=types, day_0=uploaded.day_0)
        found += [line] if line is not None else []
        faults += wrong
    if names is None or not read:
        raise DeclarationsRefused([Fault("declaration.empty", 0, "file", {})])
    return found, faults


def _titles(cells: Sequence[Raw]) -> list[str] | None:
    """The field of every column; None when these are no titles. Raises DeclarationsRefused for half a set."""
    names = [_TITLES.get(plain(str(cell)), "") for cell in cells]
    if sum(bool(name) for name in names) < len(_NEEDED):
        return None
    unknown = [str(cell) for cell, name in zip(cells, names, strict=True) if not name and str(cell).strip()]
    faults = [Fault("declaration.column_unknown", 0, "file", {"seen": title}) for title in unknown]
    doubled = sorted({name for name in names if name and names.count(name) > 1})
    faults += [Fault("declaration.column_unknown", 0, "file", {"seen": BY_NAME[name].title_vi}) for name in doubled]
    missing = [name for name in _NEEDED if name not in names]
    if "period" not in names and not {"from", "to"} <= set(names):
        missing.append("period")
    faults += [Fault("declaration.column_missing", 0, name, {"title": BY_NAME[name].title_vi}) for name in missing]
    if faults:
        raise DeclarationsRefused(faults)
    return names


def _cells(names: Sequence[str], cells: Sequence[Raw]) -> dict[str, Raw]:
    return {name: cell for name, cell in zip(names, cells, strict=False) if name}


def line_of(
    row: int, cells: Mapping[str, Raw], *, types: tuple[DocumentType, ...], day_0: date
) -> tuple[Line | None, list[Fault]]:
    """One row, by the names of its fields; None with all its faults when anything in it is wrong."""
    reading = _Reading(row, cells, types, day_0)
    days, kind, count = reading.days(), reading.kind(), reading.count()
    line = Line(
        row,
        agency=reading.text("agency", longest=200),
        first_day=days[0],
        last_day=days[1],
        kind=kind,
        document_type=reading.document_type(),
        count=count,
        declared_by=reading.text("declared_by", longest=LONGEST_NAME, needed=True),
        note=reading.text("note", longest=LONGEST_NOTE, breaks=True),
        corrects=reading.corrects(),
    )
    return (None, reading.faults) if reading.faults else (line, [])


class _Reading:
    """The fields of one row; what is wrong is gathered, and something harmless is read in its place."""

    def __init__(self, row: int, cells: Mapping[str, Raw], types: tuple[DocumentType, ...], day_0: date) -> None:
        self.faults: list[Fault] = []
        self._row, self._cells, self._types, self._day_0 = row, cells, types, day_0

    def text(self, name: str, *, longest: int = 200, needed: bool = False, breaks: bool = False) -> str:
        """Printable text in NFC without blanks around it; `breaks`: also line breaks."""
        composed = unicodedata.normalize("NFC", _written(self._cells.get(name, "")))
        written = "".join(" " if unicodedata.category(c) == "Zs" else c for c in composed).strip()
        odd = any(not c.isprintable() and not (breaks and c in "\r\n\t") for c in written)
        if odd or len(written) > longest:
            self.wrong(name, f"tối đa {longest} ký tự in được", f"at most {longest} printable characters")
        elif needed and not written:
            self._fault("declaration.missing", name)
        return written

    def days(self) -> tuple[date, date]:
        """Of the period, or the two that are written."""
        said, first, last = self.text("period"), self._day("from"), self._day("to")
        if said and not (first or last):
            return self._period(said)
        if said:
            self.wrong("period", "hoặc kỳ, hoặc hai ngày, không cả hai", "either a period or two days, not both")
        elif first is None or last is None:
            if not any(fault.field in ("from", "to") for fault in self.faults):
                self._fault("declaration.missing", "period")
        elif last < first:
            self.wrong("to", "không trước «Từ ngày»", "not before `from`")
        return first or date.min, last or date.min

    def _period(self, said: str) -> tuple[date, date]:
        try:
            found = period(said)
        except ValueError:
            self.wrong("period", _PERIODS, _PERIODS)
            return date.min, date.min
        return found.first_day, found.last_day

    def _day(self, name: str) -> date | None:
        raw = self._cells.get(name, "")
        try:
            return day_of(raw, self._day_0)
        except (ValueError, OverflowError):
            self.wrong(name, "dd/mm/yyyy", "dd/mm/yyyy, YYYY-MM-DD")
            return None

    def kind(self) -> DeclaredKind:
        """By its words in either language or its name in the API."""
        written = self.text("kind", needed=True)
        found = _KINDS.get(plain(written))
        if written and found is None:
            vi = "; ".join(vi for vi, _ in KIND_WORDS.values())
            self.wrong("kind", vi, ", ".join(DeclaredKind))
        return found or DeclaredKind.LEADERS

    def document_type(self) -> str:
        """The id of the type that is named; empty: all types."""
        written = self.text("document_type")
        if not written or written in {one.type_id for one in self._types}:
            return written
        found = type_of(written, "", self._types)
        if found == OTHER and plain(written) not in ("other", "khac", "loai khac"):
            self.wrong("document_type", "một loại trong danh sách, hoặc «khác»", "a type of the list, or `other`")
        return found

    def count(self) -> int:
        """A whole number; in texts the thousands may be apart by dots."""
        raw = self._cells.get("count", "")
        written = _written(raw).strip()
        if not written:
            self._fault("declaration.missing", "count")
        elif not _COUNT.fullmatch(written) or int(written.replace(".", "")) > MOST_COUNT:
            self.wrong("count", f"số nguyên từ 0 đến {MOST_COUNT}", f"a whole number from 0 to {MOST_COUNT}")
        else:
            return int(written.replace(".", ""))
        return 0

    def corrects(self) -> str | None:
        """The id of the entry that is corrected."""
        written = self.text("corrects").lower()
        if written and not _UUID.fullmatch(written):
            self.wrong("corrects", "mã của kê khai được sửa (UUID)", "the id of the entry that is corrected (UUID)")
        return written or None

    def wrong(self, name: str, vi: str, en: str) -> None:
        """The field cannot be read; `vi` and `en` say what was expected."""
        seen = _written(self._cells.get(name, ""))[:100]
        self._fault("declaration.malformed", name, seen=seen, expected_vi=vi, expected_en=en)

    def _fault(self, code: str, name: str, **facts: str) -> None:
        facts |= {"field_vi": BY_NAME[name].title_vi, "field_en": name}
        self.faults.append(Fault(code, self._row, name, facts))


def _written(raw: Raw) -> str:
    """A number that is whole as its digits: spreadsheets know no other numbers."""
    if isinstance(raw, str):
        return raw
    return str(int(raw)) if math.isfinite(raw) and raw == int(raw) else repr(raw)


def declared(
    found: Iterable[Line],
    *,
    own: Agency | None,
    find: Callable[[str], Agency | None],
    may: Callable[[Agency], bool],
    new_id: Callable[[], str],
    at: datetime,
) -> tuple[list[tuple[int, Declaration]], list[Fault]]:
    """The rows as declarations of the agencies that they name, handed in by `own` (None: the hub's administrators).

    A row without an agency is of `own`. An agency for which `may` says no is answered like one that does not exist.
    """
    handed, faults = list[tuple[int, Declaration]](), list[Fault]()
    known: dict[str, Agency | None] = {}
    caller_key = code_key(own.code) if own is not None else ""
    for line in found:
        key = code_key(line.agency) if line.agency else caller_key
        if key not in known:
            named = own if key == caller_key else find(key) if key else None
            known[key] = named if named is not None and (named is own or may(named)) else None
        agency = known[key]
        if agency is None:
            faults.append(Fault("declaration.agency_unknown", line.row, "agency", {"agency": line.agency}))
            continue
        of = code_key(agency.code)
        one = Declaration(
            new_id(), of, line.first_day, line.last_day, line.kind, line.document_type, line.count, at,
            line.declared_by, caller_key, line.note, line.corrects,
        )  # fmt: skip
        handed.append((line.row, one))
    return handed, faults
