"""Tables as CSV that a spreadsheet opens rightly: UTF-8 with its mark, CRLF, no cell that it would compute.

Owns: the written form of days and times, the harmless form of a text, the order of a report's parts in one file.
Never: holds more than one piece of the file.
Source: RFC 4180; Decision 28/2018/QĐ-TTg Art. 14(4) (ISO 8601, Vietnamese time); threats W1, W7.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from fractions import Fraction
from itertools import chain

from hub.domain.periods import VIETNAM
from hub.reports.formats import cell_vi, foot_vi
from hub.reports.made import Cell, Column, Kind, Made, Share, Table

PIECE_CHARACTERS = 64 * 1024
_COMPUTED = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")  # also in full width


def write_csv(columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """The file in pieces: the titles, then each row as it comes."""
    titles = [harmless(column.title_vi) for column in columns]
    return _pieces(chain([titles], ([_written(cell) for cell in row] for row in rows)))


def write_made(made: Made) -> Iterator[bytes]:
    """The report in pieces: title and lines, the tables one below the other, the notes, the foot.

    All lines have as many fields as the widest table. A share stands in three columns: both counts, then the percent.
    """
    width = max((len(_titles(table, _counted(table))) for table in made.tables), default=0)
    return _pieces([*line, *[""] * (width - len(line))] for line in _lines(made))


def harmless(text: str) -> str:
    """The text so that no spreadsheet takes it for a formula.

    >>> harmless("=1+1"), harmless("V/v 1+1")
    ("'=1+1", 'V/v 1+1')
    """
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_COMPUTED) else text


Line = list[str | int]


def _lines(made: Made) -> Iterator[Line]:
    for words in (made.title, *made.lines):
        yield [harmless(words.vi)]
    for table in made.tables:
        yield [""]
        yield from _table(table)
    if made.notes:
        yield [""]
    for words in made.notes:
        yield [harmless(words.vi)]
    yield [""]
    for label, value in foot_vi(made):
        yield [harmless(label), harmless(value)]


def _table(table: Table) -> Iterator[Line]:
    counted = _counted(table)
    yield [harmless(table.title.vi)]
    yield _titles(table, counted)
    for row in table.rows:
        yield [
            field
            for place, (cell, column) in enumerate(zip(row, table.columns, strict=True))
            for field in _fields(cell, column, counted=place in counted)
        ]
    for words in table.notes:
        yield [harmless(words.vi)]


def _counted(table: Table) -> set[int]:
    """The places of the columns whose ratios have counts; a column of targets has none."""
    return {
        place
        for place, column in enumerate(table.columns)
        if column.kind is Kind.SHARE and any(isinstance(row[place], Share) for row in table.rows)
    }


def _titles(table: Table, counted: set[int]) -> Line:
    titles: Line = []
    for place, column in enumerate(table.columns):
        counts = (f"{column.title_vi}: tử số", f"{column.title_vi}: mẫu số") if place in counted else ()
        titles += [harmless(title) for title in (*counts, column.title_vi)]
    return titles


def _fields(cell: Cell, column: Column, *, counted: bool) -> Line:
    if counted:
        counts: Line = [cell.numerator, cell.denominator] if isinstance(cell, Share) else ["", ""]
        return [*counts, _percent(cell, column)]
    return [_percent(cell, column) if column.kind is Kind.SHARE else _written(cell)]


def _percent(cell: Cell, column: Column) -> str:
    """Negative differences keep their sign: a spreadsheet reads `-1,2 %` as a number, which is what it is."""
    return harmless(cell) if isinstance(cell, str) else cell_vi(cell, column.kind)


def _pieces(lines: Iterable[Sequence[str | int]]) -> Iterator[bytes]:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    text.write("\ufeff")
    for line in lines:
        writer.writerow(line)
        if text.tell() >= PIECE_CHARACTERS:
            yield _taken(text)
    yield _taken(text)


def _written(cell: Cell) -> str | int:
    if isinstance(cell, str):  # most of them, first
        return harmless(cell)
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.astimezone(VIETNAM).isoformat(timespec="seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, Fraction | Share):
        return cell_vi(cell, Kind.SHARE if isinstance(cell, Share) else Kind.NUMBER)
    return cell


def _taken(text: io.StringIO) -> bytes:
    piece = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return piece
