"""One page of Vietnamese text as a PDF, with no font inside: Courier, and the marks that it lacks as strokes.

Owns: the places of Vietnamese marks over Courier's letters; a cross-reference table that fits its bytes.
Never: draws more than one page; lays out anything but lines of fixed pitch.
Source: ISO 32000-1 §7.5 (file structure), §9.6.2.2 (standard fonts), §14.9.4 (ActualText).
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.domain.periods import VIETNAM

LINE_CHARACTERS = 74
_PAGE = (595, 842)  # A4 in points
_MARGIN, _SIZE, _LEADING = 64, 10.5, 17.5
_PITCH = 0.6  # width of every Courier glyph in ems
_CENTRE = 300
_OVER_SMALL, _OVER_CAPITAL, _STACKED = 480, 615, 150  # heights in thousandths of an em
_DOTLESS_I = "\x01"  # its place in the font's /Differences

_GRAVE, _ACUTE, _TILDE, _BREVE, _HOOK, _HORN, _DOT = (chr(n) for n in (0x300, 0x301, 0x303, 0x306, 0x309, 0x31B, 0x323))
_D_BAR = "bar of đ"
_STROKES: dict[str, tuple[tuple[int, int], ...]] = {
    _GRAVE: ((-85, 115), (45, 15)),
    _ACUTE: ((85, 115), (-45, 15)),
    _TILDE: ((-120, 25), (-65, 80), (-20, 80), (20, 35), (65, 35), (120, 90)),
    _BREVE: ((-90, 95), (-55, 40), (0, 20), (55, 40), (90, 95)),
    _HOOK: ((-50, 105), (-15, 135), (40, 120), (45, 85), (5, 55), (0, 15)),
}
_FIXED: dict[str, tuple[tuple[int, int], ...]] = {
    _DOT: ((-22, -150), (22, -150), (22, -115), (-22, -115), (-22, -150)),
    _D_BAR: ((0, 530), (220, 530)),
}
_HORN_SMALL, _HORN_CAPITAL = ((130, 385), (205, 425), (225, 500)), ((150, 510), (235, 550), (255, 625))


@dataclass(frozen=True, slots=True)
class Letter:
    """What Courier's WinAnsi encoding can show of one character, and the marks still to be drawn."""

    shown: str
    marks: tuple[str, ...] = ()
    stacked: bool = False


def letter(character: str) -> Letter:
    """The base glyph that has most of the character's marks, and the rest of them.

    >>> letter("ế") == Letter("ê", (chr(0x301),), stacked=True), letter("x").marks
    (True, ())
    """
    if character in "đĐ":
        return Letter("d", (_D_BAR,)) if character == "đ" else Letter("Ð")  # Ð (eth) looks the same
    base, *rest = unicodedata.normalize("NFD", character)
    left: list[str] = []
    for mark in rest:
        together = unicodedata.normalize("NFC", base + mark)
        if len(together) == 1 and _in_font(together) and not any(one in _STROKES for one in left):
            base = together
        else:
            left.append(mark)
    over = any(mark in _STROKES for mark in left)
    stacked = over and len(unicodedata.normalize("NFD", base)) > 1
    if base == "i" and over:
        base = _DOTLESS_I
    return Letter(base, tuple(left), stacked)


def page(title: str, paragraphs: Sequence[str], *, made_at: datetime) -> bytes:
    """A complete PDF of one page. Raises ValueError when the text is too long or cannot be drawn."""
    lines = [line for paragraph in paragraphs for line in textwrap.wrap(paragraph, LINE_CHARACTERS) or [""]]
    height = _PAGE[1] - 2 * _MARGIN
    if len(lines) * _LEADING > height:
        raise ValueError(f"{len(lines)} lines are more than one page")
    content = "\n".join(
        drawn_line(line, x=_MARGIN, y=_PAGE[1] - _MARGIN - number * _LEADING) for number, line in enumerate(lines)
    ).encode("ascii")
    stamp = made_at.astimezone(VIETNAM).strftime("D:%Y%m%d%H%M%S+07'00'")
    return _file(
        [
            b"<< /Type /Catalog /Pages 2 0 R /Lang (vi-VN) >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 %d %d] /Contents 5 0 R" % _PAGE
            + b" /Resources << /Font << /F 4 0 R >> >> >>",
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier"
            b" /Encoding << /Type /Encoding /BaseEncoding /WinAnsiEncoding /Differences [1 /dotlessi] >> >>",
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
            f"<< /Title <{_utf16(title)}> /CreationDate ({stamp}) >>".encode("ascii"),
        ]
    )


def _file(objects: Sequence[bytes]) -> bytes:
    """The objects with header, cross-reference table and trailer; the last one is the document information."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    start, size = len(out), len(objects) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n" % size
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, size - 1, start)
    return bytes(out)


def drawn_line(text: str, *, x: float, y: float) -> str:
    """One line: the glyphs, then the strokes; ActualText lets a reader copy and search true Vietnamese."""
    text = unicodedata.normalize("NFC", text)
    letters = [letter(character) for character in text]
    shown = "".join(one.shown for one in letters).encode("cp1252").hex()
    strokes = [
        _stroke(one, mark, x=x + number * _PITCH * _SIZE, y=y)
        for number, one in enumerate(letters)
        for mark in one.marks
    ]
    drawn = f"BT /F {_SIZE} Tf {x:g} {y:g} Td <{shown}> Tj ET\n1 J 1 j {_SIZE * 0.05:.2f} w\n" + "\n".join(strokes)
    return f"/Span << /ActualText <{_utf16(text)}> >> BDC\n{drawn}\nEMC"


def _stroke(one: Letter, mark: str, *, x: float, y: float) -> str:
    capital = one.shown.isupper()
    if mark in _STROKES:
        on_another = one.stacked or mark != next(known for known in one.marks if known in _STROKES)
        up = (_OVER_CAPITAL if capital else _OVER_SMALL) + (_STACKED if on_another else 0)
        points = [(right, up + height) for right, height in _STROKES[mark]]
    elif mark == _HORN:
        points = list(_HORN_CAPITAL if capital else _HORN_SMALL)
    elif mark in _FIXED:
        points = list(_FIXED[mark])
    else:
        raise ValueError(f"no stroke for {mark!r}")
    scale = _SIZE / 1000
    places = [f"{x + (_CENTRE + right) * scale:.2f} {y + height * scale:.2f}" for right, height in points]
    return f"{places[0]} m " + " ".join(f"{place} l" for place in places[1:]) + " S"


def _in_font(character: str) -> bool:
    try:
        character.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def _utf16(text: str) -> str:
    return ("\ufeff" + text).encode("utf-16-be").hex()
