"""Tables as a workbook: bold frozen titles, real days and numbers, texts that are never formulas or links.

Owns: the look of the sheets; a new sheet where one is full.
Never: holds the rows in memory (they wait on disk, a row at a time).
Source: ECMA-376 (1 048 576 rows, 32 767 characters in a cell); threats W1, W7.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import IO, Any

import xlsxwriter

from hub.domain.periods import VIETNAM
from hub.reports.as_csv import Cell, Column, Kind

ROWS_PER_SHEET = 1_048_575  # without the titles
MOST_CHARACTERS = 32_767
_NAME_CHARACTERS = 31  # the longest name of a sheet
_NOT_IN_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))
_FORMATS = {
    Kind.TEXT: {"text_wrap": True, "valign": "top"},
    Kind.NUMBER: {"num_format": "0", "valign": "top"},
    Kind.DATE: {"num_format": "dd/mm/yyyy", "valign": "top", "align": "left"},
    Kind.TIME: {"num_format": "dd/mm/yyyy hh:mm:ss", "valign": "top", "align": "left"},
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
        formats = {kind: book.add_format(look) for kind, look in _FORMATS.items()}
        bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
        left = iter(rows)
        first, number = list(islice(left, 1)), 1
        while first or number == 1:
            these = chain(first, islice(left, ROWS_PER_SHEET - 1))
            _sheet(book.add_worksheet(_name(title, number)), columns, these, (bold, formats))
            first, number = list(islice(left, 1)), number + 1


def _sheet(
    sheet: Any, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], looks: tuple[Any, dict[Kind, Any]]
) -> None:
    bold, formats = looks
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(columns):
        sheet.set_column(place, place, column.width)
        sheet.write_string(0, place, column.title_vi, bold)
    for number, row in enumerate(rows, start=1):
        for place, (column, cell) in enumerate(zip(columns, row, strict=True)):
            _write(sheet, (number, place), cell, formats[column.kind])


def _write(sheet: Any, place: tuple[int, int], cell: Cell, look: Any) -> None:
    if cell is None:
        sheet.write_blank(*place, None, look)
    elif isinstance(cell, str):
        sheet.write_string(*place, _plain(cell), look)
    elif isinstance(cell, int | float):
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
