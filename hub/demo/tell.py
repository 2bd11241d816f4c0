"""Tells the story while it happens: each step with its checks, tables at the end, the same facts as JSON.

Owns: how the demo looks at 100 columns, with colours on a terminal only; what was expected and what came.
Never: decides what should happen (story.py) or speaks to the hub (clients.py).
"""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

WIDTH = 100
_INDENT = " " * 8
_GREEN, _RED, _BOLD, _DIM, _PLAIN = "\x1b[32m", "\x1b[31m", "\x1b[1m", "\x1b[2m", "\x1b[0m"


class Difference(Exception):
    """Something was not as the story says it should be."""

    def __init__(self, what: str, *, expected: object, seen: object) -> None:
        super().__init__(f"{what}: expected {expected!r}, seen {seen!r}")
        self.what, self.expected, self.seen = what, expected, seen


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: what it should be, what it was."""

    what: str
    expected: Any
    seen: Any

    @property
    def ok(self) -> bool:
        """True when nothing differs."""
        return bool(self.expected == self.seen)


@dataclass(slots=True)
class Step:
    """One step of the story in both languages, and all that was checked in it."""

    number: str
    vi: str
    en: str
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def expect(self, what: str, expected: object, seen: object) -> None:
        """Note the comparison. Raises Difference when the two are not equal."""
        self.checks.append(Check(what, expected, seen))
        if expected != seen:
            raise Difference(what, expected=expected, seen=seen)

    def note(self, text: str) -> None:
        """A line shown under the step: a reason, an identifier, words of the hub."""
        self.notes.append(text)

    def facts(self) -> dict[str, Any]:
        """The step as plain JSON."""
        checks = [{"what": c.what, "expected": c.expected, "seen": c.seen, "ok": c.ok} for c in self.checks]
        good = bool(checks) and all(check.ok for check in self.checks)
        return {"number": self.number, "vi": self.vi, "en": self.en, "ok": good, "checks": checks, "notes": self.notes}


class Teller:
    """Prints through `write`; `colours` only for a terminal."""

    def __init__(self, write: Callable[[str], None], *, colours: bool) -> None:
        self._write, self._colours = write, colours
        self._chapters = 0
        self.steps: list[Step] = []

    def title(self, vi: str, en: str) -> None:
        """The first two lines."""
        self._write(self._in(_BOLD, vi))
        self._write(self._in(_DIM, en))

    def chapter(self, vi: str, en: str) -> None:
        """A numbered heading; steps after it are numbered below it."""
        self._chapters += 1
        self._write("")
        self._write(self._in(_BOLD, f"{self._chapters:>2}  {vi}") + self._in(_DIM, f"  ·  {en}"))

    @contextmanager
    def step(self, vi: str, en: str) -> Iterator[Step]:
        """One step; its line appears when it is over, with ✓ or, when it raised, ✗."""
        begun = monotonic()
        within = sum(1 for step in self.steps if step.number.startswith(f"{self._chapters}."))
        step = Step(f"{self._chapters}.{within + 1}", vi, en)
        self.steps.append(step)
        try:
            yield step
        except BaseException:
            step.seconds = monotonic() - begun
            self._show(step, mark=self._in(_RED, "✗"))
            raise
        step.seconds = monotonic() - begun
        self._show(step, mark=self._in(_GREEN, "✓"))

    def line(self, text: str = "") -> None:
        """Plain text, as it is."""
        self._write(text)

    def paragraph(self, vi: str, en: str) -> None:
        """A sentence in both languages, below what it is about."""
        for line in _wrapped(vi):
            self._write(f"     {line}")
        for line in _wrapped(en):
            self._write(self._in(_DIM, f"     {line}"))

    def fine(self, vi: str, en: str) -> None:
        """The good end."""
        self._write(f"{self._in(_GREEN, '✓')} {self._in(_BOLD, vi)}\n  {self._in(_DIM, en)}")

    def wrong(self, vi: str, en: str) -> None:
        """The bad end."""
        self._write(f"{self._in(_RED, '✗')} {self._in(_BOLD, vi)}\n  {self._in(_DIM, en)}")

    def difference(self, found: Difference) -> None:
        """What was expected and what came, both in full."""
        self.wrong(f"Khác với dự kiến: {found.what}", f"not as expected: {found.what}")
        self._write(f"    dự kiến / expected:  {found.expected}")
        self._write(f"    thực tế / seen:      {found.seen}")

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
        """Columns as wide as their words; those in `right` are aligned to the right. Too long lines are cut."""
        self._write("")
        widths = [max(_width(row[column]) for row in (headings, *rows)) for column in range(len(headings))]
        self._write("  " + self._in(_BOLD, _row(headings, widths, right)))
        self._write("  " + self._in(_DIM, "  ".join("─" * width for width in widths)[: WIDTH - 2]))
        for row in rows:
            self._write("  " + _row(row, widths, right))
        self._write("")

    def _show(self, step: Step, *, mark: str) -> None:
        first, *rest = _wrapped(step.vi)
        self._write(f"  {mark} {step.number:<5}{first}")
        for line in rest:
            self._write(f"{_INDENT} {line}")
        for line in _wrapped(step.en):
            self._write(self._in(_DIM, f"{_INDENT} {line}"))
        for note in step.notes:
            for number, line in enumerate(_wrapped(note, less=2)):
                self._write(self._in(_DIM, f"{_INDENT} {'→' if number == 0 else ' '} {line}"))

    def _in(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._colours else text


def _wrapped(text: str, *, less: int = 0) -> list[str]:
    return textwrap.wrap(text, WIDTH - len(_INDENT) - 1 - less) or [""]


def _row(cells: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> str:
    placed = []
    for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        blanks = " " * (width - _width(cell))
        placed.append(blanks + cell if column in right else cell + blanks)
    line = "  ".join(placed).rstrip()
    return line if len(line) <= WIDTH - 2 else line[: WIDTH - 3] + "…"


def _width(text: str) -> int:
    """Columns on a terminal; combining marks take none."""
    return sum(1 for character in text if not unicodedata.combining(character))
