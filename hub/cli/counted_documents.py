"""`hub reports documents`: exactly the documents, entries, agencies or people behind one side of a percentage.

Owns: the command, its lines and its file; each reading is audited, for the operator sees every document's number.
Never: shows other documents than the figure counts.
Source: issue "Paper-free percentages that can be audited" point 4; Decision 28/2018/QĐ-TTg Art. 11, 14(3).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import click

from hub.cli import making, opened
from hub.domain.indicators import Counts, Indicator
from hub.domain.rules import RulePack, pack_on
from hub.errors import NoSuchThing
from hub.reports import counted_table, drill_down, figures
from hub.reports.as_csv import write_csv
from hub.reports.as_xlsx import write_xlsx
from hub.reports.counted_table import COLUMNS, Reader
from hub.reports.drill_down import Side
from hub.reports.figures import Asked
from hub.reports.formats import cell_vi, number_vi
from hub.reports.made import Cell
from hub.store import scopes
from hub.store.engine import Database

_ON_SCREEN = (0, 1, 2, 4, 6, 9)  # source, number, code, day, number and symbol, subject
_OF_AGENCIES = (Counts.AGENCIES, Counts.PEOPLE)


@click.command()
@click.argument("indicator_id", metavar="INDICATOR")
@making.asks
@click.option("--side", type=click.Choice([one.value for one in Side]), default=Side.NUMERATOR.value, show_default=True)
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Số dòng / lines on the screen.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Ghi tất cả ra tệp .csv, .xlsx / write all to a file.",
)
def documents(*, indicator_id: str, side: str, limit: int, out: Path | None, **asked: Any) -> None:
    """Danh sách đúng những văn bản của một tỷ lệ / the documents that a percentage counts (`hub reports list`).

    hub reports documents fully_electronic --side denominator --period 2026-Q3 --out van-ban.xlsx
    """
    if out is not None and out.suffix.lower() not in (".csv", ".xlsx"):
        raise click.BadParameter("đuôi / the name ends in: .csv .xlsx", param_hint="--out")
    with opened.database() as database:
        wanted, rules = _wanted(database, indicator_id, side, asked)
        one = _indicator(rules, indicator_id)
        with database.reading() as connection:
            figure = figures.figures(connection, wanted, rules, only=(indicator_id,))[indicator_id]
        part = getattr(figure, side)
        click.echo(
            f"{one.vi} / {one.en}, {side}: {number_vi(part.total)} "
            f"(trục ghi nhận / seen {number_vi(part.seen)}, khai báo / declared {number_vi(part.declared)})",
            err=True,
        )
        cells = _cells(database, wanted, rules, one, Side(side))
        if out is None:
            _tell(cells, limit)
            return
        workbook = partial(write_xlsx, COLUMNS, cells, title="Danh sách")
        making.new_file(
            out, workbook if out.suffix.lower() == ".xlsx" else lambda file: file.writelines(write_csv(COLUMNS, cells))
        )
        click.echo(str(out))


def _wanted(database: Database, indicator_id: str, side: str, asked: dict[str, Any]) -> tuple[Asked, RulePack]:
    """The question and its rules; that it was put is audited."""
    with database.writing() as transaction:
        wanted = making.question(transaction.connection, **asked)
        rules = pack_on(wanted.period.last_day)
        _indicator(rules, indicator_id)
        scope = wanted.scope
        whose = " ".join(word for word in (scope.kind.value, scope.agency_key, str(scope.level or "")) if word)
        facts = {"indicator": indicator_id, "side": side, "scope": whose, "period": wanted.period.written}
        opened.audited(transaction, "reports.documents_read", **facts)
    return wanted, rules


def _indicator(rules: RulePack, indicator_id: str) -> Indicator:
    try:
        return figures.indicator(rules, indicator_id)
    except KeyError as unknown:
        raise NoSuchThing(f"no indicator {indicator_id[:40]!r}") from unknown


def _cells(database: Database, asked: Asked, rules: RulePack, one: Indicator, side: Side) -> Iterator[tuple[Cell, ...]]:
    with database.reading() as connection:
        names = scopes.names(connection, asked.scope)
        entries = drill_down.declared(connection, asked, one, side)
        found = figures.of_agencies(connection, asked, one) if one.counts in _OF_AGENCIES else {}
    counts = {key: getattr(figure, side.value).seen for key, figure in sorted(found.items())}
    yield from counted_table.agency_rows({key: count for key, count in counts.items() if count}, names=names)
    items = drill_down.every(database, asked, one, side)
    yield from counted_table.rows(items, entries, Reader(None), names=names, rules=rules)


def _tell(cells: Iterator[tuple[Cell, ...]], limit: int) -> None:
    for row in islice(cells, limit):
        text = "  ".join(cell_vi(row[place], COLUMNS[place].kind) for place in _ON_SCREEN if row[place] is not None)
        click.echo("".join(one if one.isprintable() else " " for one in text))
    if next(cells, None) is not None:
        click.echo("… còn nữa: dùng --limit hoặc --out / there is more: use --limit or --out", err=True)
