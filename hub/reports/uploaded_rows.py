"""A table that was uploaded, CSV or XLSX, as rows of texts and numbers.

Owns: which delimiter, which sheet; bounds on what is unpacked and parsed; what cannot be read, said as a Fault.
Never: resolves an entity, follows a link, computes a formula; knows what the columns mean.
Source: RFC 4180; ECMA-376 part 1 §18.3, §18.4, part 2 §9.3 (relationships); threats A3 (archives), E1-E4 (XML).
"""

from __future__ import annotations

import csv
import io
import math
import posixpath
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from xml.parsers import expat

from hub.edxml import media
from hub.edxml.bounds import MIB, Bounds
from hub.errors import DeclarationsRefused, Fault

CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
PART_BYTES = 32 * MIB  # A3: one part unpacked; ten thousand rows of ten cells have about 6 MiB
MOST_ELEMENTS = 500_000  # E4: in all parts together; ten thousand rows of ten cells have about 350 000
MOST_ENTRIES = 1_000  # A3: an honest workbook has about fifteen
MOST_COLUMNS = 40  # cells further right are not read
_LAST_ROW = 1_048_576  # ECMA-376: the last row of a sheet
_DAY_0 = {False: date(1899, 12, 30), True: date(1904, 1, 1)}  # §18.17.4.1; right from 1 March 1900 on
_MAIN = frozenset(
    {
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
        "http://purl.oclc.org/ooxml/spreadsheetml/main",  # the strict form
    }
)
_RELATED = re.compile(r"http://(?:schemas\.openxmlformats\.org|purl\.oclc\.org/ooxml)/officeDocument\S* id")
_PLACE = re.compile(r"([A-Z]{1,3})[0-9]{1,7}", re.ASCII)
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_", re.ASCII)  # §22.9.2.19: characters that XML has no place for
_ISO_DAY = re.compile(r"(\d{4}-\d\d-\d\d)(?:T00:00:00(?:\.0+)?Z?)?", re.ASCII)
_DAY = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", re.ASCII)
_FIRST_SURE_DAY = 61  # before 1 March 1900 spreadsheets do not agree
_NUMBER = re.compile(r"[+-]?[0-9.]{1,40}([eE][+-]?[0-9]{1,3})?", re.ASCII)

# What the library and a part that is not there raise for a workbook made by an enemy.
_BROKEN = (*media.BROKEN_ZIP, LookupError, StopIteration, expat.ExpatError)

Raw = str | float


@dataclass(frozen=True, slots=True)
class Uploaded:
    """The rows that hold anything, each with its number in the file; `day_0` is the day that the number 0 means."""

    rows: Iterable[tuple[int, tuple[Raw, ...]]]
    day_0: date


def read(body: bytes, media_type: str) -> Uploaded:
    """The rows of a CSV or of the first sheet that is shown. Raises DeclarationsRefused for what is neither."""
    if media_type == XLSX:
        return _Workbook(body).read()
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise _unreadable("không phải UTF-8; hãy lưu dạng «CSV UTF-8»", "not UTF-8; save it as «CSV UTF-8»") from wrong
    return Uploaded(_csv_rows(text), _DAY_0[False])


def day_of(raw: Raw, day_0: date) -> date | None:
    """A cell as a day: a number of the spreadsheet, dd/mm/yyyy or YYYY-MM-DD; None when it is empty.

    Raises ValueError, OverflowError.

    >>> day_of("30/09/2026", date.min), day_of(46295.0, date(1899, 12, 30)), day_of(" ", date.min)
    (datetime.date(2026, 9, 30), datetime.date(2026, 9, 30), None)
    """
    if not isinstance(raw, str):
        if raw != int(raw) or raw < _FIRST_SURE_DAY:
            raise ValueError(raw)
        return day_0 + timedelta(days=int(raw))
    if not raw.strip():
        return None
    if found := _ISO_DAY.fullmatch(raw.strip()):
        return date.fromisoformat(found[1])
    if found := _DAY.fullmatch(raw.strip()):
        day, month, year = map(int, found.groups())
        return date(year, month, day)
    raise ValueError(raw)


def _unreadable(vi: str, en: str) -> DeclarationsRefused:
    return DeclarationsRefused([Fault("declaration.unreadable", 0, "file", {"reason_vi": vi, "reason_en": en})])


# -- CSV ---------------------------------------------------------------------------------------------------------


def _csv_rows(text: str) -> Iterator[tuple[int, tuple[Raw, ...]]]:
    lines = io.StringIO(text, newline="")
    number, delimiter = 1, ""
    if said := re.match(r"sep=([,;\t])\r?\n", text):  # what some spreadsheets put before the titles
        lines.readline()
        number, delimiter = 2, said[1]
    reader = csv.reader(lines, delimiter=delimiter or _delimiter(text), strict=True)
    before = number - 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield number, tuple(cells[:MOST_COLUMNS])
            number = before + reader.line_num + 1  # a cell may hold line breaks
    except csv.Error as wrong:
        raise _unreadable(f"dòng {number} sai dạng CSV ({wrong})", f"line {number} is no CSV ({wrong})") from wrong


def _delimiter(text: str) -> str:
    """The one that splits the first line into most cells."""
    first = next((line for line in text[:10_000].splitlines() if line.strip()), "")
    return max(",;\t", key=lambda one: len(next(csv.reader([first], delimiter=one), [])))


# -- XLSX --------------------------------------------------------------------------------------------------------


class _Workbook:
    """One archive; the parts that are needed are unpacked whole within bounds and parsed in one go.

    In one go, because expat would scan an unfinished tag again with every piece (quadratic).
    """

    def __init__(self, body: bytes) -> None:
        found = media.open_zip(io.BytesIO(body), bounds=Bounds(zip_entries=MOST_ENTRIES))
        if found is None or found[1] != XLSX:
            raise _unreadable("không phải tệp XLSX", "not an XLSX file")
        self._archive = found[0]
        self._elements = 0

    def read(self) -> Uploaded:
        """The rows of the first sheet that is not hidden."""
        try:
            with self._archive:
                return self._read()
        except _BROKEN as broken:
            reason = type(broken).__name__
            raise _unreadable(f"tệp XLSX hỏng ({reason})", f"the XLSX file is broken ({reason})") from broken

    def _read(self) -> Uploaded:
        top = self._related("")
        book = next(path for kind, path in top.values() if kind == "officeDocument")
        seen = _Book()
        self._parse(book, seen)
        parts = self._related(book)
        texts = _Texts()
        for path in [path for kind, path in parts.values() if kind == "sharedStrings"]:
            self._parse(path, texts)
        sheet = _Sheet(texts.found)
        self._parse(parts[seen.first_sheet][1], sheet)
        return Uploaded(sheet.rows, _DAY_0[seen.is_1904])

    def _related(self, path: str) -> dict[str, tuple[str, str]]:
        """Id → the kind and the path of every part that the part at `path` names."""
        folder, name = posixpath.split(path)
        links = _Links(folder)
        self._parse(posixpath.join(folder, "_rels", f"{name}.rels"), links)
        return links.found

    def _parse(self, path: str, told: _Told) -> None:
        entry = self._archive.getinfo(path)
        if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise zipfile.BadZipFile("a method that the library unpacks without bounds")
        with self._archive.open(entry) as file:
            content = file.read(PART_BYTES + 1)
        if len(content) > PART_BYTES:
            raise _too_much()
        names = _Names()
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_doctype  # so no entity can be declared
        parser.StartElementHandler = lambda name, attributes: self._started(told, names[name], attributes)
        parser.EndElementHandler = lambda name: told.end(names[name])
        parser.CharacterDataHandler = told.text
        parser.Parse(content, True)

    def _started(self, told: _Told, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > MOST_ELEMENTS:
            raise _too_much()
        told.start(name, attributes)


def _too_much() -> DeclarationsRefused:
    return _unreadable(
        "trang tính quá lớn; hãy xóa các dòng, cột trống đã định dạng",
        "the sheet is too large; delete formatted rows and columns that are empty",
    )


def _refuse_doctype(*_declared: object) -> None:
    raise _unreadable("tệp chứa DOCTYPE bị cấm", "the file holds a forbidden DOCTYPE")


class _Names(dict[str, str]):
    """The names of elements of spreadsheets and relationships without their namespaces; empty for all others."""

    def __missing__(self, name: str) -> str:
        namespace, _, local = name.rpartition(" ")
        self[name] = local if namespace in _MAIN or namespace.endswith("/relationships") else ""
        return self[name]


class _Told:
    """What a parser tells about one part."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """An element begins."""

    def end(self, name: str) -> None:
        """An element ends."""

    def text(self, piece: str) -> None:
        """Some of its text."""


class _Links(_Told):
    """A part's relationships; those that lead outside are left out."""

    def __init__(self, folder: str) -> None:
        self.found: dict[str, tuple[str, str]] = {}
        self._folder = folder

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "Relationship" and attributes.get("TargetMode") != "External":
            path = posixpath.normpath(posixpath.join("/", self._folder, attributes["Target"])).lstrip("/")
            self.found[attributes["Id"]] = (attributes["Type"].rpartition("/")[2], path)


class _Book(_Told):
    """The list of sheets, and which day the number 0 means."""

    def __init__(self) -> None:
        self.first_sheet, self.is_1904 = "", False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "workbookPr":
            self.is_1904 = attributes.get("date1904") in ("1", "true")
        if name == "sheet" and not self.first_sheet and attributes.get("state", "visible") == "visible":
            self.first_sheet = next(value for key, value in attributes.items() if _RELATED.fullmatch(key))


class _Written(_Told):
    """Gathers the text of `t` elements, without the readings of East Asian names beside them."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._open, self._beside = False, False

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "rPh":
            self._beside = True
        self._open = self._takes(name) and not self._beside

    def end(self, name: str) -> None:
        self._open = False
        if name == "rPh":
            self._beside = False

    def text(self, piece: str) -> None:
        if self._open:
            self._pieces.append(piece)

    def _takes(self, name: str) -> bool:
        return name == "t"

    def _taken(self) -> str:
        whole = "".join(self._pieces)
        self._pieces.clear()
        return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), whole) if "_x" in whole else whole


class _Texts(_Written):
    """The texts that the cells share."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def end(self, name: str) -> None:
        super().end(name)
        if name == "si":
            self.found.append(self._taken())


class _Sheet(_Written):
    """The rows of a sheet, those without any value left out; a cell or row without a place comes after the last."""

    def __init__(self, texts: list[str]) -> None:
        super().__init__()
        self.rows: list[tuple[int, tuple[Raw, ...]]] = []
        self._texts, self._cells = texts, dict[int, Raw]()
        self._row, self._column, self._kind = 0, -1, "n"

    def start(self, name: str, attributes: dict[str, str]) -> None:
        super().start(name, attributes)
        if name == "row":
            self._row, self._column = int(attributes.get("r", self._row + 1)), -1
            if not 0 < self._row <= _LAST_ROW:
                raise ValueError(f"row {self._row}")
        elif name == "c":
            self._kind = attributes.get("t", "n")
            self._column = _column(attributes["r"]) if "r" in attributes else self._column + 1

    def end(self, name: str) -> None:
        super().end(name)
        if name == "c":
            value = self._value(self._taken())
            if value != "" and self._column < MOST_COLUMNS:
                self._cells[self._column] = value
        elif name == "row":
            if any(str(value).strip() for value in self._cells.values()):
                width = max(self._cells) + 1
                self.rows.append((self._row, tuple(self._cells.get(place, "") for place in range(width))))
            self._cells = {}

    def _takes(self, name: str) -> bool:
        return name in ("t", "v")

    def _value(self, written: str) -> Raw:
        if self._kind == "s" and written:
            return self._texts[int(written)] if int(written) >= 0 else ""
        if self._kind == "n" and _NUMBER.fullmatch(written.strip()):
            number = float(written)
            return number if math.isfinite(number) else written
        return written


def _column(place: str) -> int:
    """The number of a cell's column, from 0.

    >>> _column("A1"), _column("AB12")
    (0, 27)
    """
    found = _PLACE.fullmatch(place)
    if found is None:
        raise ValueError(f"cell {place[:20]!r}")
    number = 0
    for letter in found[1]:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1
