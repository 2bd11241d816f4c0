"""What a program that copies text out of a PDF finds: the glyphs of each page through the ToUnicode maps of its fonts.

Owns: reading of pages, fonts and texts, for PDFs as typst writes them (composite fonts, two bytes a glyph).
Never: uses the program that made the PDF.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from pyhanko.pdf_utils.reader import PdfFileReader

_CHARACTER = re.compile(rb"<([0-9A-Fa-f]{4})> <([0-9A-Fa-f]+)>")
_TOKEN = re.compile(rb"/(\w+) [\d.]+ Tf|<([0-9A-Fa-f]*)>|(\()|(T[jJ])")
_PART = re.compile(rb"\\.|[()]", re.DOTALL)
_ESCAPED = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_NAMED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def pages(pdf: bytes) -> list[Any]:
    """The pages as dictionaries."""
    return list(_leaves(PdfFileReader(BytesIO(pdf)).root["/Pages"]))


def root(pdf: bytes) -> Any:
    """The catalogue."""
    return PdfFileReader(BytesIO(pdf)).root


def texts(pdf: bytes) -> list[str]:
    """The text of each page, a line for each run; in drawings typst makes a run of each letter."""
    return ["\n".join(_runs(page["/Contents"].get_object().data, page["/Resources"])) for page in pages(pdf)]


def fonts(pdf: bytes) -> dict[str, Any]:
    """Every font by its name without the prefix of its subset: the composite font's dictionary."""
    found: dict[str, Any] = {}
    for page in pages(pdf):
        for resources in _resources(page["/Resources"]):
            named = resources.get("/Font", {})
            found |= {str(named[key]["/BaseFont"]).partition("+")[2]: named[key] for key in named}
    return found


def links(pdf: bytes) -> list[str]:
    """Where the pages lead to."""
    notes = [note.get_object() for page in pages(pdf) for note in page.get("/Annots", ())]
    return [str(note["/A"]["/URI"]) for note in notes if "/A" in note and "/URI" in note["/A"]]


def _leaves(node: Any) -> Iterator[Any]:
    if node["/Type"] != "/Pages":
        yield node
        return
    for child in node["/Kids"]:
        yield from _leaves(child.get_object())


def _resources(resources: Any) -> Iterator[Any]:
    yield resources
    for name in resources.get("/XObject", {}):
        drawn = resources["/XObject"][name]
        if "/Resources" in drawn:
            yield from _resources(drawn["/Resources"])


def _runs(content: bytes, resources: Any) -> Iterator[str]:
    characters: dict[int, str] = {}
    shown, at = b"", 0
    while match := _TOKEN.search(content, at):
        at = match.end()
        font, written, literal, ended = match.groups()
        if font:
            shown, characters = b"", _characters(resources["/Font"][f"/{font.decode()}"])
        elif written is not None:
            shown += bytes.fromhex(written.decode())
        elif literal:
            at, start = _end_of_literal(content, at), at
            shown += _ESCAPED.sub(_unescaped, content[start : at - 1])
        elif ended:
            yield _decoded(shown, characters)
            shown = b""


def _end_of_literal(content: bytes, at: int) -> int:
    """Behind the parenthesis that closes; pairs of them may stand inside."""
    open_ones = 1
    while open_ones:
        part = _PART.search(content, at)
        assert part, "a string that does not end"
        at = part.end()
        open_ones += {b"(": 1, b")": -1}.get(part[0], 0)
    return at


def _characters(font: Any) -> dict[int, str]:
    told = font["/ToUnicode"].data
    assert b"beginbfrange" not in told, "this reader knows single characters only"
    return {int(code, 16): bytes.fromhex(text.decode()).decode("utf-16-be") for code, text in _CHARACTER.findall(told)}


def _decoded(glyphs: bytes, characters: dict[int, str]) -> str:
    codes = (int.from_bytes(glyphs[at : at + 2]) for at in range(0, len(glyphs), 2))
    return "".join(characters.get(code, "\ufffd") for code in codes)


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8)]) if code.isdigit() else _NAMED.get(code, code)
