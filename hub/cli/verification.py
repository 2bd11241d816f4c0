"""`hub reports verify`: every figure worked out again from the rows of what happened, and compared.

Owns: the command, its progress and its verdict; `--mend` counts everything anew, audited.
Never: mends unasked; calls it a difference when the tally has only not come to it yet.
Source: field notes §"What none of them has" 1; Decision 28/2018/QĐ-TTg Art. 11.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import click

from hub.cli import opened
from hub.stations import utc_now
from hub.store import rebuild
from hub.store.engine import Database
from hub.store.rebuild import Difference

MOST_SHOWN = 20


@dataclass(slots=True)
class _Verdict:
    """What was found: differences (the first of them kept), those that only wait, rows compared."""

    differences: int = 0
    waiting: int = 0
    first: list[Difference] = field(default_factory=list)

    def take(self, one: Difference) -> None:
        """Count a difference."""
        self.differences += 1
        if len(self.first) < MOST_SHOWN:
            self.first.append(one)


@click.command()
@click.option("--mend", is_flag=True, help="Tính lại toàn bộ từ dữ liệu gốc / count everything anew from the rows.")
def verify(*, mend: bool) -> None:
    """Tính lại mọi số liệu từ dữ liệu gốc và đối chiếu / work out every figure again and compare."""
    with opened.database() as database:
        verdict = _compare(database)
        _tell(verdict)
        if verdict.differences and mend:
            _mend(database)
            verdict = _compare(database)
            _tell(verdict)
    if verdict.differences:
        raise click.exceptions.Exit(1)


def _compare(database: Database) -> _Verdict:
    verdict = _Verdict()
    with database.reading() as connection, _Progress("Đối chiếu từng văn bản / each document") as shown:
        for one in rebuild.differing_subjects(connection, now=utc_now(), progress=shown):
            if rebuild.waits(connection, one):
                verdict.waiting += 1
            else:
                verdict.take(one)
        for one in rebuild.differing_sums(connection):
            verdict.take(one)
    return verdict


def _mend(database: Database) -> None:
    with database.writing() as transaction:
        opened.audited(transaction, "reports.counted_anew")
    with _Progress("Tính lại / counting anew") as shown:
        rows = rebuild.everything(database, now=utc_now(), progress=shown)
    click.echo(f"Đã tính lại {rows} dòng / counted anew: {rows} rows", err=True)


class _Progress:
    """A line that tells how far it is, on a terminal only."""

    def __init__(self, label: str) -> None:
        self._label, self._bar = label, None

    def __enter__(self) -> Callable[[int, int], None]:
        return self._show

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.render_finish()

    def _show(self, done: int, of: int) -> None:
        if self._bar is None:
            self._bar = click.progressbar(length=max(of, 1), label=self._label, file=sys.stderr)
        self._bar.update(done - self._bar.pos)


def _tell(verdict: _Verdict) -> None:
    if verdict.waiting:
        click.echo(
            f"{verdict.waiting} dòng còn chờ cộng vào (trục đang chạy sẽ tự cộng) / "
            f"{verdict.waiting} rows wait to be folded (the running hub does that by itself)",
            err=True,
        )
    for one in verdict.first:
        click.echo(f"  {one.table} {' '.join(map(str, one.key))}: {one.is_now} ≠ {one.should_be}")
    if verdict.differences:
        click.echo(
            f"SAI LỆCH: {verdict.differences} dòng khác với dữ liệu gốc. Số liệu đã báo cáo có thể sai; chạy "
            f"`hub reports verify --mend` để tính lại.\n"
            f"DIFFERENCES: {verdict.differences} rows are not what the data say. Reported figures may be wrong; "
            f"`hub reports verify --mend` counts them anew."
        )
    else:
        click.echo("KHỚP: mọi số liệu đúng với dữ liệu gốc / AGREES: every figure is what the data say")
