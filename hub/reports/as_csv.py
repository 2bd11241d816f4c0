"""Tables as CSV that a spreadsheet opens rightly: UTF-8 with its mark, CRLF, no cell that it would compute.

Owns: Column (also for hub/reports/as_xlsx.py), the written form of days and times, the harmless form of a text.
Never: holds more than one piece of the file.
Source: RFC 4180; Decision 28/2018/QĐ-TTg Art. 14(4) (ISO 8601, Vietnamese time); threats W1, W7.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from hub.domain.periods import VIETNAM

PIECE_CHARACTERS = 64 * 1024
Cell = str | int | float | date | datetime | None
_COMPUTED = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")  # also in full width


class Kind(StrEnum):
    """What a column holds; a time is an aware datetime."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `width` is about the number of characters that it shows."""

    title_vi: str
    kind: Kind = Kind.TEXT
    width: int = 16


def write_csv(columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> Iterator[bytes]:
    """The file in pieces: the titles, then each row as it comes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    text.write("\ufeff")
    writer.writerow([harmless(column.title_vi) for column in columns])
    for row in rows:
        writer.writerow([_written(cell) for cell in row])
        if text.tell() >= PIECE_CHARACTERS:
            yield _taken(text)
    yield _taken(text)


def harmless(text: str) -> str:
    """The text so that no spreadsheet takes it for a formula.

    >>> harmless("=1+1"), harmless("V/v 1+1")
    ("'=1+1", 'V/v 1+1')
    """
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_COMPUTED) else text


def _written(cell: Cell) -> str | int | float:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.astimezone(VIETNAM).isoformat(timespec="seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    return harmless(cell) if isinstance(cell, str) else cell


def _taken(text: io.StringIO) -> bytes:
    piece = text.getvalue().encode()
    text.seek(0)
    text.truncate()
    return piece
