"""A report as PDF/A-2b: an A4 report of figures, or an administrative report with the page head of Decree 30.

Owns: which layout, the data as the layouts read it (all figures in Vietnamese words), the child that typesets.
Never: builds markup from data; typesets in this process; gives the child our environment.
Source: Decree 30/2020/NĐ-CP Annex I (TCVN 6909:2001: text is composed); ISO 19005-2; threats P5, W1.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import unicodedata
from importlib.resources import as_file, files
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from textwrap import wrap
from typing import Any

from hub.errors import Deferral, PdfNotMade, PdfUnavailable
from hub.reports.charts import svg
from hub.reports.formats import cell_vi, day_vi, foot_vi, number_vi, written_day_vi
from hub.reports.made import Cell, Column, Kind, Letter, Made, Share, Table

SECONDS = 60
MEMORY_BYTES = 2 * 1024**3
_ACROSS, _ACROSS_LETTER = 100, 95  # characters on an upright page; a table that needs more lies on its side
_LYING, _SMALLEST = 1.5, 0.72  # a page on its side has so much more room; no table is written smaller than that
_PADDING, _SHORTEST_LINE, _TEXT_LINE, _CODE = 2, 10, 20, 12  # of a cell, a title, a text that may be broken
_MOST_ROWS = 2000  # of a table: about 40 pages, ten seconds and half a GiB
_LEFT_OUT = "Bản PDF không in {} dòng cuối của bảng này; bản XLSX, CSV có đủ."
_MOST_TAGGED_ROWS = 1000  # tags for screen readers cost more than all the rest; nobody listens to longer tables
_LONGEST_WORD, _BREAK = 22, "\u200b"
_LINK = re.compile(r"https?://[\x21-\x7e]{1,1900}")
_RIGHT = (Kind.NUMBER, Kind.SHARE, Kind.MONEY)
# What the faces of the layouts lack: PDF/A forbids it, and one strange name must not stop a report.
_NOT_DRAWN = re.compile(
    "[^\n -~\u00a0-\u017f\u01a0\u01a1\u01af\u01b0\u1ea0-\u1ef9\u200b\u2010-\u2014\u2018-\u201e\u2020-\u2022\u2026"
    "\u2030\u2039\u203a\u20ab\u20ac\u2116\u2122\u2212\u2248\u2260\u2264\u2265]"
)
_CHILD = Path(__file__).with_name("pdf_child.py")  # by its path: as a module it would load all the reports first
_IN_FIGURES = re.compile(r"(?<=\d) (?=%|/ \d|điểm %)|(?<=\d /) (?=\d)|(?<=điểm) (?=%)")
_KIND = re.compile(r"báo\s+cáo\s+", re.IGNORECASE)


def write(made: Made, *, seconds: int = SECONDS, memory_bytes: int = MEMORY_BYTES) -> bytes:
    """The PDF; the same report gives the same bytes on the same machine.

    Raises: PdfUnavailable without the extra `pdf`; PdfNotMade when it takes more than `seconds` of the processor or
    more memory; Deferral when the machine does not start a child now.
    """
    if find_spec("typst") is None:
        raise PdfUnavailable
    layout = "administrative.typ" if made.letter else "report.typ"
    with as_file(files("schemas") / "report") as root:
        job = {
            "root": str(root),
            "layout": str(root / layout),
            "tags": sum(len(table.rows) for table in made.tables) <= _MOST_TAGGED_ROWS,
            "timestamp": int(made.made_at.timestamp()),
            "made": data(made),
        }
        return _typeset(job, seconds=seconds, memory_bytes=memory_bytes)


def data(made: Made) -> dict[str, Any]:
    """What the layouts read: texts that their faces can draw, figures in Vietnamese form."""
    shown = {
        "title": made.title.vi,
        "lines": [words.vi for words in made.lines],
        "tables": [_table(table, _ACROSS_LETTER if made.letter else _ACROSS) for table in made.tables],
        "charts": [{"svg": svg(chart), "alt": chart.title.vi} for chart in made.charts],
        "notes": [words.vi for words in made.notes],
        "foot": {"short": _short(made), "pairs": foot_vi(made)},
        "letter": _letter(made.letter) if made.letter else None,
    }
    return _drawable(shown)


def _table(table: Table, across: int) -> dict[str, Any]:
    left = len(table.rows) - _MOST_ROWS
    rows = [
        [_cell(cell, column) for cell, column in zip(row, table.columns, strict=True)]
        for row in table.rows[:_MOST_ROWS]
    ]
    columns = [_column(column, [row[place] for row in rows]) for place, column in enumerate(table.columns)]
    needed = sum(column["characters"] + _PADDING for column in columns)
    return {
        "title": table.title.vi,
        "columns": columns,
        "rows": rows,
        "notes": [*([_LEFT_OUT.format(number_vi(left))] if left > 0 else []), *(words.vi for words in table.notes)],
        "wide": needed > across,
        "scale": max(_SMALLEST, min(1.0, across * _LYING / needed)) if needed > across else 1.0,
    }


def _column(column: Column, cells: list[Any]) -> dict[str, Any]:
    """Figures and codes take the room that they need (width 0), other texts share the rest; titles are broken."""
    longest = max((_characters(cell) for cell in cells), default=0)
    text = column.kind is Kind.TEXT and longest > _CODE
    room = min(longest, column.width, _TEXT_LINE) if text else longest
    title = [column.title_vi] if text else wrap(column.title_vi, max(room, _SHORTEST_LINE), break_long_words=False)
    return {
        "title": "\n".join(title),
        "width": max(min(longest, column.width), *map(len, column.title_vi.split())) if text else 0,
        "characters": max(room, *map(len, title)) if title and not text else room,
        "right": column.kind in _RIGHT,
    }


def _characters(cell: Any) -> int:
    if isinstance(cell, str):
        return len(cell)
    return sum(ceil(len(piece["text"]) * (0.8 if piece["small"] else 1)) for piece in cell)


def _cell(cell: Cell, column: Column) -> Any:
    """A text; a share as its two counts and the percent: the denominator and the percent lead to their lists."""
    if not isinstance(cell, Share):
        return _breakable(cell_vi(cell, column.kind))
    return (
        _piece(f"{number_vi(cell.numerator)}/", small=True),
        _piece(number_vi(cell.denominator), cell.denominator_link, small=True),
        _piece("   "),
        _piece(cell_vi(cell, Kind.SHARE), cell.numerator_link),
    )


def _piece(text: str, link: str = "", *, small: bool = False) -> dict[str, Any]:
    return {"text": text, "link": link if _LINK.fullmatch(link) else "", "small": small}


def _letter(letter: Letter) -> dict[str, Any]:
    number = f"{int(letter.number):02d}" if letter.number.isdecimal() else letter.number
    *others, last = letter.recipients or ("",)
    return {
        "agency_above": letter.agency_above,
        "agency": letter.agency,
        "number": number,
        "symbol": letter.symbol,
        "place": letter.place,
        "day": written_day_vi(letter.day),
        "title": _title(letter.title),
        "opening": [_together(words) for words in letter.opening],
        "closing": _together(letter.closing),
        "signer_position": letter.signer_position,
        "signer_name": letter.signer_name,
        "recipients": [*(f"{one};" for one in others), f"{last}."] if letter.recipients else [],
    }


def _together(words: str) -> str:
    """No line of a letter ends between a figure and its `%`, or between the two counts of a share."""
    return _IN_FIGURES.sub("\u00a0", words)


def _title(title: str) -> str:
    """What the report is about: the word BÁO CÁO stands above it by itself."""
    about = _KIND.sub("", title, count=1) if _KIND.match(title) else title
    return about[:1].upper() + about[1:]


def _short(made: Made) -> str:
    return f"{made.rule_pack} · số liệu biết đến {day_vi(made.known_on)} · SHA-256 {made.data_sha256[:16]}…"


def _breakable(text: str) -> str:
    """Codes without blanks may break, or they would run into the next column."""
    return re.sub(rf"\S{{{_LONGEST_WORD}}}(?=\S)", rf"\g<0>{_BREAK}", text)


def _drawable(value: Any) -> Any:
    """Every text composed, with a question mark for each character that the faces lack; links stay as they are."""
    if isinstance(value, dict):
        return {name: one if name == "link" else _drawable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_drawable(one) for one in value]
    return _NOT_DRAWN.sub("?", unicodedata.normalize("NFC", value)) if isinstance(value, str) else value


def _typeset(job: dict[str, Any], *, seconds: int, memory_bytes: int) -> bytes:
    """One child for one report; it ends by itself or is killed after twice its processor time."""
    paths = os.pathsep.join(path or str(Path.cwd()) for path in sys.path)
    try:
        child = subprocess.run(
            [sys.executable, "-P", str(_CHILD), str(memory_bytes), str(seconds)],
            input=json.dumps(job, ensure_ascii=False).encode(),
            capture_output=True,
            env={"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8", "RAYON_NUM_THREADS": "2"},
            start_new_session=True,
            timeout=2 * seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as trouble:
        raise PdfNotMade(f"typst took more than {2 * seconds} s") from trouble
    except OSError as trouble:
        raise Deferral(f"typst could not be started: {trouble}") from trouble
    if child.returncode == -signal.SIGXCPU or child.returncode == -signal.SIGKILL:
        raise PdfNotMade(f"typst was stopped by signal {-child.returncode}")
    if child.returncode:
        raise PdfNotMade(f"typst ended with {child.returncode}: {child.stderr.decode(errors='replace')[-2000:]}")
    return child.stdout
