"""The strokes of a drawing: texts, bars and lines as SVG that runs no script, loads no font and holds no style sheet.

Owns: escaping, about how wide a text is, cutting a long name (whole in its <title>), the accessible frame.
Never: knows what is drawn (hub/reports/charts.py).
Source: SVG 1.1; WAI-ARIA 1.2 (role img, labelled by title and description); threats W1.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any

FONTS = "Arial, 'Liberation Sans', 'DejaVu Sans', 'Libertinus Serif', sans-serif"
INK, GREY = "#222222", "#5a5a5a"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NARROW, _WIDE = frozenset("iIjlịỉíìĩ.,:;'|!()[]- "), frozenset("mMwW%@—…")
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_-]")


def safe(text: str) -> str:
    """The text as it may stand in an element or an attribute.

    >>> safe("<a> & \\x00")
    '&lt;a&gt; &amp; '
    """
    return escape(_NOT_XML.sub("", text))


def wide(text: str, size: float) -> float:
    """About how wide a text is in a sans-serif face of this size; rather too much than too little.

    >>> wide("Hà Nội", 12) < wide("Hà Nam M", 12) < 64
    True
    """
    units = sum(0.32 if c in _NARROW else 0.92 if c in _WIDE else 0.72 if c.isupper() else 0.57 for c in text)
    return units * size


def cut(text: str, size: float, room: float) -> str:
    """The text, or its beginning that fits with an ellipsis.

    >>> cut("Hà Nội", 12, 60), cut("Thành phố Hồ Chí Minh", 12, 60)
    ('Hà Nội', 'Thành p…')
    """
    if wide(text, size) <= room:
        return text
    kept = text
    while kept and wide(f"{kept}…", size) > room:
        kept = kept[:-1]
    return f"{kept.rstrip()}…"


def lines(text: str, size: float, room: float) -> list[str]:
    """The text broken at blanks so that each line fits, as well as its words allow."""
    broken = [""]
    for word in text.split():
        longer = f"{broken[-1]} {word}".strip()
        if wide(longer, size) <= room or not broken[-1]:
            broken[-1] = longer
        else:
            broken.append(word)
    return [cut(line, size, room) for line in broken]


class Picture:
    """A drawing of a fixed width that grows downwards; its words stand above its shapes."""

    def __init__(self, width: float) -> None:
        self.width = width
        self._shapes: list[str] = []
        self._words: list[str] = []

    def text(self, x: float, y: float, words: str, *, size: float = 12, full: str = "", **more: Any) -> None:
        """Words on the line y; `full` is the whole name of what was cut, for who points at it."""
        looks = _attributes(**{"x": x, "y": y, "font_size": size, "fill": INK, **more})
        drawn = f"<text{looks}>{safe(words)}</text>"
        if full and full != words:
            drawn = f"<g><title>{safe(full)}</title>{drawn}</g>"
        self._words.append(drawn)

    def figure(self, x: float, y: float, words: str, **more: Any) -> None:
        """Words that stay readable where a line passes behind them."""
        self.text(x, y, words, stroke="#ffffff", stroke_width=3, stroke_linejoin="round", paint_order="stroke", **more)

    def shape(self, name: str, *, tells: str = "", **attributes: Any) -> None:
        """One element; `tells` is what it says to who points at it."""
        inner = f"><title>{safe(tells)}</title></{name}>" if tells else "/>"
        self._shapes.append(f"<{name}{_attributes(**attributes)}{inner}")

    def line(self, x1: float, y1: float, x2: float, y2: float, **more: Any) -> None:
        """A straight line."""
        self.shape("line", x1=x1, y1=y1, x2=x2, y2=y2, **{"stroke": GREY, **more})

    def whole(self, height: float, *, key: str, title: str, description: str) -> str:
        """The document; `key` keeps ids apart where several drawings stand on one page."""
        ids = _NOT_IN_IDS.sub("-", key)
        frame = _attributes(
            xmlns="http://www.w3.org/2000/svg",
            viewBox=f"0 0 {_number(self.width)} {_number(height)}",
            width=self.width,
            height=height,
            role="img",
            lang="vi",
            font_family=FONTS,
            aria_labelledby=f"{ids}-title {ids}-desc",
        )
        named = f'<title id="{ids}-title">{safe(title)}</title><desc id="{ids}-desc">{safe(description)}</desc>'
        ground = f"<rect{_attributes(width=self.width, height=height, fill='#ffffff')}/>"
        return f"<svg{frame}>{named}{ground}{''.join(self._shapes + self._words)}</svg>\n"


def _attributes(**attributes: Any) -> str:
    return "".join(
        f' {name.rstrip("_").replace("_", "-")}="{safe(_number(value))}"'
        for name, value in attributes.items()
        if value is not None
    )


def _number(value: Any) -> str:
    """At most one decimal: the same drawing everywhere, and a small one."""
    if isinstance(value, str):
        return value
    return f"{float(value):.1f}".removesuffix(".0")
