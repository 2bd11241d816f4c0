"""Tables as a workbook: bold frozen titles, real days, numbers and percentages, texts that are never formulas or links.

Owns: the look of the sheets, on screen and printed; a new sheet where one is full; which cells lead to a list.
Never: holds the rows of a register in memory (they wait on disk, a row at a time).
Source: ECMA-376 (1 048 576 rows, 32 767 characters in a cell, 65 530 links in a sheet); threats W1, W7.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import chain, islice
from typing import IO, Any

import xlsxwriter

from hub.domain.periods import VIETNAM
from hub.reports.formats import foot_vi
from hub.reports.made import Cell, Column, Kind, Made, Share, Table, Words

ROWS_PER_SHEET = 1_048_575  # without the titles
MOST_CHARACTERS = 32_767
MOST_LINKS = 65_530
_NAME_CHARACTERS = 31  # the longest name of a sheet
_NOT_IN_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
_A4, _PRINTED_TITLE = 9, 180  # a printed head or foot takes 255 characters with its codes
_LINK = re.compile(r"https?://[\x21-\x7e]{1,1900}")  # a cell's link takes 2 079 characters
_SUMMARY_WIDTHS = (30, 100)
_FORMATS = {
    Kind.TEXT: {"text_wrap": True, "valign": "top"},
    Kind.NUMBER: {"num_format": "0", "valign": "top"},
    Kind.DATE: {"num_format": "dd/mm/yyyy", "valign": "top", "align": "left"},
    Kind.TIME: {"num_format": "dd/mm/yyyy hh:mm:ss", "valign": "top", "align": "left"},
    Kind.SHARE: {"num_format": "0.0 %", "valign": "top"},
    Kind.MONEY: {"num_format": '#,##0 "đ"', "valign": "top"},
}
_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}


def write_xlsx(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], file: IO[bytes], *, title: str) -> None:
    """Write the workbook into the seekable file; `title` names its sheets."""
    with xlsxwriter.Workbook(file, _OPTIONS) as book:
        looks = {kind: book.add_format(look) for kind, look in _FORMATS.items()}
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        printed = [_Printed(column.title_vi, looks[column.kind], column.width) for column in columns]
        for number, these in _parts(rows):
            sheet = book.add_worksheet(_name(title, number))
            _head(sheet, printed, bold)
            _register(sheet, printed, these)


def write_made(made: Made, file: IO[bytes]) -> None:
    """The report: a sheet of titles, notes and foot, then one for each table, ready to be printed on A4.

    A share stands in three columns: percent, numerator, denominator; its links are behind those cells. The same
    report gives the same bytes.
    """
    with xlsxwriter.Workbook(file, _OPTIONS) as book:
        at = made.made_at.astimezone(VIETNAM).replace(tzinfo=None)
        book.set_properties({"title": _plain(made.title.vi)[:255], "created": at})
        looks = _Looks(book)
        _summary(book.add_worksheet("Tóm tắt"), made, looks)
        for number, table in enumerate(made.tables, start=1):
            printed = _printed_columns(table, looks)
            for part, rows in _parts(table.rows):
                sheet = book.add_worksheet(_name(f"{number}. {table.title.vi}", part))
                _head(sheet, printed, looks.head)
                last = _rows(_Sheet(sheet, looks), table, rows)
                _notes(sheet, last + 2, table.notes, looks.text)
                _print_setup(sheet, table.title.vi, made)


@dataclass(frozen=True, slots=True)
class _Printed:
    """A column of a sheet: a share of a report has three."""

    title: str
    look: Any
    width: int


class _Looks:
    """The formats of a report's workbook; Excel shows numbers as the reader's Windows does (`99,8 %`, `18.302`)."""

    def __init__(self, book: Any) -> None:
        def look(kind: Kind, **more: Any) -> Any:
            return book.add_format({**_FORMATS[kind], **more})

        self.kinds = {kind: look(kind) for kind in Kind} | {Kind.NUMBER: look(Kind.NUMBER, num_format="#,##0")}
        linked = {"font_color": "#0B4F8A", "underline": 1}
        self.decimal = look(Kind.NUMBER, num_format="#,##0.0")
        self.linked_percent = look(Kind.SHARE, **linked)
        self.linked_number = look(Kind.NUMBER, num_format="#,##0", **linked)
        self.text = book.add_format({"valign": "top"})
        self.head = book.add_format(
            {
                "bold": True,
                "text_wrap": True,
                "valign": "vcenter",
                "align": "center",
                "bg_color": "#DDE6EF",
                "border": 1,
            }
        )
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.label = book.add_format({"bold": True, "valign": "top"})


class _Sheet:
    """A sheet that is being written, and how many links it may still take."""

    def __init__(self, sheet: Any, looks: _Looks) -> None:
        self.sheet, self.looks, self.links_left = sheet, looks, MOST_LINKS

    def number(self, place: tuple[int, int], value: float, looks: tuple[Any, Any], link: str) -> None:
        """A real number, with a link behind it when that is one that a browser opens."""
        plain, linked = looks
        if self.links_left and _LINK.fullmatch(link):
            self.links_left -= 1
            self.sheet.write_url(*place, link, linked, "")  # the number takes the place of the link's text
            plain = linked
        self.sheet.write_number(*place, value, plain)

    def share(self, place: tuple[int, int], one: Share) -> None:
        """Percent, numerator, denominator; nothing of nothing has no percent."""
        (line, column), looks = place, self.looks
        numbers = (looks.kinds[Kind.NUMBER], looks.linked_number)
        if one.ratio is None:
            self.sheet.write_string(line, column, "–", looks.kinds[Kind.SHARE])
        else:
            percents = (looks.kinds[Kind.SHARE], looks.linked_percent)
            self.number(place, float(one.ratio), percents, one.numerator_link)
        self.number((line, column + 1), one.numerator, numbers, one.numerator_link)
        self.number((line, column + 2), one.denominator, numbers, one.denominator_link)


def _parts(rows: Iterable[Sequence[Cell]]) -> Iterator[tuple[int, Iterable[Sequence[Cell]]]]:
    """The rows sheet by sheet, at least one; each part must be used up before the next is asked for."""
    left = iter(rows)
    first, number = list(islice(left, 1)), 1
    while first or number == 1:
        yield number, chain(first, islice(left, ROWS_PER_SHEET - 1))
        first, number = list(islice(left, 1)), number + 1


def _head(sheet: Any, printed: Sequence[_Printed], look: Any) -> None:
    sheet.freeze_panes(1, 0)
    for place, one in enumerate(printed):
        sheet.set_column(place, place, one.width)
        sheet.write_string(0, place, _plain(one.title), look)


def _counted(table: Table, place: int) -> bool:
    """Whether the column holds counted ratios; a column of targets has no numerators."""
    rows = table.rows
    return table.columns[place].kind is Kind.SHARE and any(isinstance(row[place], Share) for row in rows)


def _register(sheet: Any, printed: Sequence[_Printed], rows: Iterable[Sequence[Cell]]) -> None:
    for line, row in enumerate(rows, start=1):
        for place, (one, cell) in enumerate(zip(printed, row, strict=True)):
            _write(sheet, (line, place), cell, one.look)


def _printed_columns(table: Table, looks: _Looks) -> list[_Printed]:
    printed = []
    for place, column in enumerate(table.columns):
        printed.append(_Printed(column.title_vi, looks.kinds[column.kind], max(column.width, 8)))
        if _counted(table, place):
            count = looks.kinds[Kind.NUMBER]
            printed += [_Printed(f"{column.title_vi}: {part}", count, 12) for part in ("tử số", "mẫu số")]
    return printed


def _rows(sheet: _Sheet, table: Table, rows: Iterable[Sequence[Cell]]) -> int:
    """Writes the rows below the titles and says which was the last line."""
    counted = [_counted(table, place) for place in range(len(table.columns))]
    line = 0
    for line, row in enumerate(rows, start=1):
        place = 0
        for cell, column, three in zip(row, table.columns, counted, strict=True):
            if isinstance(cell, Share) and three:
                sheet.share((line, place), cell)
            else:
                _write_made(sheet, (line, place), cell, column.kind)
            place += 3 if three else 1
    return line


def _write_made(sheet: _Sheet, place: tuple[int, int], cell: Cell, kind: Kind) -> None:
    looks = sheet.looks
    if isinstance(cell, Fraction):
        sheet.sheet.write_number(*place, float(cell), looks.kinds[kind] if kind is Kind.SHARE else looks.decimal)
    else:
        _write(sheet.sheet, place, cell, looks.kinds[kind])


def _summary(sheet: Any, made: Made, looks: _Looks) -> None:
    """The first sheet; only its own words, the table of contents without links."""
    for place, width in enumerate(_SUMMARY_WIDTHS):
        sheet.set_column(place, place, width)
    lines = _Lines(sheet)
    lines.add(made.title.vi, look=looks.title)
    for words in made.lines:
        lines.add(words.vi, look=looks.text)
    lines.skip()
    for number, table in enumerate(made.tables, start=1):
        lines.add(f"Bảng {number}", table.title.vi, look=looks.label, then=looks.kinds[Kind.TEXT])
    lines.skip()
    for number, words in enumerate(made.notes, start=1):
        lines.add(f"Ghi chú {number}", words.vi, look=looks.label, then=looks.kinds[Kind.TEXT])
    lines.skip()
    for label, value in foot_vi(made):
        lines.add(label, value, look=looks.label, then=looks.kinds[Kind.TEXT])
    _print_setup(sheet, made.title.vi, made)


class _Lines:
    """One line of texts after the other."""

    def __init__(self, sheet: Any) -> None:
        self.write: Callable[..., Any] = sheet.write_string
        self.line = 0

    def add(self, first: str, second: str = "", *, look: Any, then: Any = None) -> None:
        """A line of one or two texts."""
        self.write(self.line, 0, _plain(first), look)
        if second:
            self.write(self.line, 1, _plain(second), then)
        self.line += 1

    def skip(self) -> None:
        """An empty line."""
        self.line += 1


def _notes(sheet: Any, line: int, notes: Sequence[Words], look: Any) -> None:
    for number, words in enumerate(notes):
        sheet.write_string(line + number, 0, _plain(words.vi), look)


def _print_setup(sheet: Any, title: str, made: Made) -> None:
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.set_margins(left=0.5, right=0.5, top=0.8, bottom=0.7)
    sheet.fit_to_pages(1, 0)
    if title != made.title.vi:
        sheet.repeat_rows(0)
    short = made.data_sha256[:16]
    sheet.set_header(f"&C&B{_printed(title, _PRINTED_TITLE)}")
    sheet.set_footer(f"&L{_printed(made.rule_pack, 60)} · SHA-256 {short}…&R&P/&N")


def _printed(text: str, most: int) -> str:
    """A text in a printed head or foot, where & begins a code."""
    return " ".join(text.split())[:most].replace("&", "&&")


def _write(sheet: Any, place: tuple[int, int], cell: Cell, look: Any) -> None:
    if cell is None:
        sheet.write_blank(*place, None, look)
    elif isinstance(cell, str):
        sheet.write_string(*place, _plain(cell), look)
    elif isinstance(cell, int):
        sheet.write_number(*place, cell, look)
    elif isinstance(cell, datetime):  # a workbook knows no zones: the titles say Vietnamese time
        sheet.write_datetime(*place, cell.astimezone(VIETNAM).replace(tzinfo=None), look)
    else:
        sheet.write_datetime(*place, cell, look)


def _plain(text: str) -> str:
    """At most what a cell takes; never the form in which XlsxWriter passes marked-up text on as it is."""
    short = text if len(text) <= MOST_CHARACTERS // 2 else _cut(text)
    return f" {short}" if short.startswith("<r>") else short


def _cut(text: str) -> str:
    """The beginning that fits; a cell counts UTF-16 units."""
    units = text.encode("utf-16-le")
    if len(units) // 2 <= MOST_CHARACTERS:
        return text
    return units[: 2 * (MOST_CHARACTERS - 2)].decode("utf-16-le", "ignore") + "…"


def _name(title: str, number: int) -> str:
    further = f" ({number})" if number > 1 else ""
    return title.translate(_NOT_IN_NAMES)[: _NAME_CHARACTERS - len(further)].strip() + further
