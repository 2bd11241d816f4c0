"""`hub reports make|list`: a report on the screen or in a file of any form; which reports and indicators there are.

Owns: the question as options of the command line, the text form of a report, files that never overwrite.
Never: counts (hub/reports).
Source: issue "Paper-free percentages that can be audited" point 6; Decision 28/2018/QĐ-TTg Art. 11.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from unicodedata import combining

import click

from hub import reports, settings
from hub.cli import opened
from hub.domain.agencies import code_key
from hub.domain.periods import Period, PeriodKind, period, period_holding, vietnam_day
from hub.domain.rules import pack_on
from hub.domain.scopes import Scope, ScopeKind
from hub.reports import as_csv, as_json, as_pdf, as_xlsx, charts
from hub.reports.figures import Asked
from hub.reports.formats import cell_vi, foot_vi, number_vi
from hub.reports.made import Cell, Column, Kind, Made, Share, Table
from hub.reports.protocol import report_asked
from hub.settings import Settings
from hub.stations import utc_now
from hub.store import agencies

FORMS = (".pdf", ".xlsx", ".csv", ".json", ".svg")
MOST_WIDE, MOST_ROWS = 44, 50
_RIGHT = (Kind.NUMBER, Kind.SHARE, Kind.MONEY)


def _read_period(_context: click.Context, _parameter: click.Parameter, written: str | None) -> Period | None:
    try:
        return period(written) if written else None
    except ValueError as wrong:
        raise click.BadParameter(str(wrong)) from wrong


QUESTION = (
    click.option(
        "--scope",
        "kind",
        type=click.Choice([one.value for one in ScopeKind]),
        default=None,
        help="Một đơn vị, cả cấp dưới, một cấp, cả trục (mặc định) / whose figures, of the whole hub by itself.",
    ),
    click.option("--agency", default="", metavar="CODE", help="Mã đơn vị của phạm vi unit, below / the agency."),
    click.option("--level", type=click.IntRange(0, 9), default=0, help="Cấp của phạm vi level / the level."),
    click.option(
        "--period",
        "days",
        callback=_read_period,
        default=None,
        help="2026, 2026-H1, 2026-9M, 2026-Q3, 2026-09, 2026-W40, 2026-09-30, 2026-01-05..2026-03-07; tháng này / now",
    ),
    click.option(
        "--known-on",
        type=click.DateTime(["%Y-%m-%d"]),
        default=None,
        help="Theo số liệu biết đến hết ngày đó / as known at the end of that day.",
    ),
    click.option("--type", "document_type", default="", metavar="TYPE", help="Chỉ một loại văn bản / of one type."),
)


def asks(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a question put on a command."""
    for option in reversed(QUESTION):
        command = option(command)
    return command


def question(
    connection: Any,
    *,
    kind: str | None,
    agency: str,
    level: int,
    days: Period | None,
    known_on: datetime | None,
    document_type: str,
) -> Asked:
    """What the options ask. Raises click.UsageError, UnknownAgency."""
    today = vietnam_day(utc_now())
    days = days or period_holding(PeriodKind.MONTH, today)
    types = {one.type_id for one in pack_on(days.last_day).document_types}
    if document_type and document_type not in types:
        raise click.BadParameter(" | ".join(sorted(types)), param_hint="--type")
    if known_on is not None and known_on.date() > today:
        raise click.BadParameter(f"≤ {today}", param_hint="--known-on")
    return Asked(_scope(connection, kind, agency, level), days, known_on.date() if known_on else None, document_type)


def _scope(connection: Any, kind: str | None, agency: str, level: int) -> Scope:
    guessed = ScopeKind.UNIT if agency else ScopeKind.LEVEL if level else ScopeKind.HUB
    key = code_key(agencies.require(connection, agency).code) if agency else ""
    try:
        return Scope(ScopeKind(kind) if kind else guessed, key, level)
    except ValueError as wrong:
        raise click.UsageError(
            "unit, below cần --agency; level cần --level; hub không cần gì / "
            "unit and below need --agency, level needs --level, hub neither"
        ) from wrong


@click.command("list")
def list_reports() -> None:
    """Các báo cáo, chỉ tiêu và loại văn bản đang dùng / the reports, indicators and types of document in force."""
    rules = pack_on(vietnam_day(utc_now()))
    click.echo("Báo cáo / reports:")
    for one in reports.REPORTS:
        click.echo(f"  {one.report_id:<14} {one.title.vi} / {one.title.en}")
    click.echo(f"Chỉ tiêu / indicators ({rules.pack_id}):")
    for indicator in rules.indicators:
        click.echo(f"  {indicator.indicator_id:<32} {indicator.vi} / {indicator.en}")
    click.echo("Loại văn bản / types of document:")
    for kind in rules.document_types:
        click.echo(f"  {kind.type_id:<32} {kind.vi} / {kind.en}")


@click.command()
@click.argument("report", type=click.Choice([one.report_id for one in reports.REPORTS]))
@asks
@click.option("--compare", is_flag=True, help="So với kỳ trước và cùng kỳ năm trước / with the periods before.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Ghi tệp .pdf, .xlsx, .csv, .json, .svg / write a file; its ending says the form.",
)
@click.option("--chart", default="", metavar="ID", help="Biểu đồ nào, cho .svg / which chart, for .svg; the first one.")
def make(*, report: str, compare: bool, out: Path | None, chart: str, **asked: Any) -> None:
    """Lập một báo cáo, trên màn hình hoặc ra tệp / make a report, on the screen or into a file.

    hub reports make paper-free --period 2026-Q3 --scope below --agency H41 --out ty-le.pdf
    """
    if out is not None and out.suffix.lower() not in FORMS:
        raise click.BadParameter(f"đuôi tệp / the name ends in: {' '.join(FORMS)}", param_hint="--out")
    if chart and (out is None or out.suffix.lower() != ".svg"):
        raise click.UsageError("--chart đi với --out TÊN.svg / goes with --out NAME.svg")
    configured = settings.load()
    with opened.database(configured) as database, database.reading() as connection:
        wanted = report_asked(question(connection, **asked), configured, now=utc_now(), compare=compare)
        made = reports.make(connection, report, wanted)
    if out is None:
        for line in lines(made):
            click.echo(line)
        return
    _write(made, out, configured, chart)
    click.echo(str(out))


def _write(made: Made, out: Path, configured: Settings, chart: str) -> None:
    match out.suffix.lower():
        case ".pdf":
            limits = {"seconds": configured.pdf_seconds, "memory_bytes": configured.pdf_memory_bytes}
            body = as_pdf.write(made, **limits)
            new_file(out, lambda file: file.write(body))
        case ".xlsx":
            new_file(out, lambda file: as_xlsx.write_made(made, file))
        case ".csv":
            new_file(out, lambda file: file.writelines(as_csv.write_made(made)))
        case ".json":
            text = json.dumps(as_json.shown(made), ensure_ascii=False, indent=2)
            new_file(out, lambda file: file.write(f"{text}\n".encode()))
        case _:
            drawn = _drawing(made, chart).encode()
            new_file(out, lambda file: file.write(drawn))


def _drawing(made: Made, chart: str) -> str:
    known = {one.chart_id: one for one in made.charts}
    if not known:
        raise click.ClickException(f"{made.report_id}: không có biểu đồ / has no charts")
    if chart and chart not in known:
        raise click.BadParameter(" | ".join(known), param_hint="--chart")
    return charts.svg(known[chart] if chart else made.charts[0])


def new_file(wanted: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file that only its owner reads, whole or not at all; one that is there stays. Raises ClickException."""
    try:
        with tempfile.TemporaryDirectory(dir=wanted.parent, prefix=".report-") as folder:
            made = Path(folder) / wanted.name
            made.touch(mode=0o600)
            with made.open("r+b") as file:
                write(file)
            os.link(made, wanted)  # unlike a rename it refuses to overwrite
    except FileExistsError as there:
        raise click.ClickException(f"{wanted}: đã có / exists already") from there
    except OSError as trouble:
        raise click.ClickException(f"{wanted}: không ghi được / cannot be written: {trouble.strerror}") from trouble


# -- on the screen -------------------------------------------------------------------------------------------------


def lines(made: Made) -> Iterator[str]:
    """The report as plain text; what came from outside loses what a terminal would obey."""
    yield _plain(f"{made.title.vi} / {made.title.en}")
    yield from (_plain(one.vi) for one in made.lines)
    for table in made.tables:
        yield ""
        yield _plain(f"{table.title.vi} / {table.title.en}")
        yield from _table_lines(table)
        yield from (f"  * {_plain(note.vi)}" for note in table.notes)
    yield ""
    yield from (_plain(note.vi) for note in made.notes)
    yield from (f"{name}: {value}" for name, value in foot_vi(made))


def _table_lines(table: Table) -> Iterator[str]:
    rows = [
        [_shown(cell, column) for cell, column in zip(row, table.columns, strict=True)]
        for row in table.rows[:MOST_ROWS]
    ]
    widths = [max(_width(row[place]) for row in [*rows, _titles(table)]) for place in range(len(table.columns))]
    for row in (_titles(table), *rows):
        placed = zip(row, widths, table.columns, strict=True)
        yield "  " + "  ".join(_padded(cell, width, column) for cell, width, column in placed).rstrip()
    left = len(table.rows) - len(rows)
    if left > 0:
        yield f"  … {number_vi(left)} dòng nữa: dùng --out / {left} more rows: use --out"


def _titles(table: Table) -> list[str]:
    return [_cut(_plain(column.title_vi)) for column in table.columns]


def _shown(cell: Cell, column: Column) -> str:
    if isinstance(cell, Share):
        return f"{number_vi(cell.numerator)}/{number_vi(cell.denominator)} {cell_vi(cell, Kind.SHARE)}"
    return _cut(_plain(cell_vi(cell, column.kind)))


def _cut(text: str) -> str:
    return text if len(text) <= MOST_WIDE else f"{text[: MOST_WIDE - 1]}…"


def _padded(text: str, width: int, column: Column) -> str:
    room = " " * (width - _width(text))
    return room + text if column.kind in _RIGHT else text + room


def _width(text: str) -> int:
    """How many places a terminal needs: marks that stand on a letter need none."""
    return sum(not combining(one) for one in text)


def _plain(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)
