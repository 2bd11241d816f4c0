"""`hub ledger outgoing|incoming CODE`: an agency's registers on the screen, or in a file.

Owns: the commands; the file appears whole, for its owner's eyes only; each reading of a register is audited.
Never: overwrites a file; shows staff data or a document's content.
Source: Decision 28/2018/QĐ-TTg Art. 10(2); Decree 30/2020/NĐ-CP Annex VI (outputs); threats W1, W7, W8.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import IO, Any

import click

from hub.cli import opened
from hub.domain.agencies import code_key
from hub.domain.envelopes import Urgency
from hub.domain.periods import VIETNAM, vietnam_day
from hub.domain.rules import pack_on
from hub.reports import ledger as registers
from hub.reports import ledger_table
from hub.reports.as_csv import write_csv
from hub.reports.as_xlsx import write_xlsx
from hub.reports.ledger import Line, Side
from hub.stations import utc_now
from hub.store import agencies, ledgers
from hub.store.engine import Database
from hub.store.ledgers import Asked

_DAY = click.DateTime(["%Y-%m-%d"])
_OPTIONS = (
    click.argument("code"),
    click.option("--q", "words", default="", help="Từ trong số, ký hiệu, trích yếu / words of number and subject."),
    click.option("--notation", default="", help="Đúng số, ký hiệu / exact number and symbol."),
    click.option("--document-id", default="", help="Đúng mã văn bản / exact document id."),
    click.option("--from", "first", type=_DAY, help="Từ ngày / first day (YYYY-MM-DD)."),
    click.option("--to", "last", type=_DAY, help="Đến hết ngày / last day (YYYY-MM-DD)."),
    click.option("--partner", default="", help="Mã bên nhận hoặc bên gửi / code of the recipient or the sender."),
    click.option("--state", type=click.Choice(sorted(ledgers.states())), default=None, help="Trạng thái / state."),
    click.option("--urgency", type=click.Choice([one.name.lower() for one in Urgency]), help="Độ khẩn / urgency."),
    click.option("--type", "document_type", default="", help="Loại văn bản / type of document."),
    click.option(
        "--limit", type=click.IntRange(1), default=50, show_default=True, help="Số dòng trên màn hình / lines."
    ),
    click.option(
        "--out", type=click.Path(dir_okay=False, path_type=Path), help="Ghi tệp .csv hoặc .xlsx / write all to a file."
    ),
)


@click.group()
def ledger() -> None:
    """Sổ văn bản đi, sổ văn bản đến / an agency's registers."""


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@ledger.command()
@_with_options
def outgoing(**given: Any) -> None:
    """Sổ văn bản đi của đơn vị / what the agency sent."""
    _run(Side.OUTGOING, **given)


@ledger.command()
@_with_options
def incoming(**given: Any) -> None:
    """Sổ văn bản đến của đơn vị / what reached the agency."""
    _run(Side.INCOMING, **given)


def _run(side: Side, *, code: str, limit: int, out: Path | None, **fields: Any) -> None:
    if out is not None and out.suffix.lower() not in (".csv", ".xlsx"):
        raise click.BadParameter(
            "tên tệp phải có đuôi .csv hoặc .xlsx / end the name in .csv or .xlsx", param_hint="--out"
        )
    with opened.database() as database:
        lines = _lines(database, side, _asked(database, side, code, **fields))
        if out is None:
            _tell(lines, side, limit)
        else:
            _write(lines, side, out)
            click.echo(str(out))


def _asked(
    database: Database,
    side: Side,
    code: str,
    *,
    first: datetime | None,
    last: datetime | None,
    partner: str,
    state: str | None,
    urgency: str | None,
    **texts: str,
) -> Asked:
    """What is looked for; that it was is audited."""
    with database.writing() as transaction:
        key = code_key(agencies.require(transaction.connection, code).code)
        other = code_key(agencies.require(transaction.connection, partner).code) if partner else ""
        opened.audited(transaction, "ledger.read", agency=key, side=side.value)
    return Asked(
        key,
        first_day=first.date() if first else None,
        last_day=last.date() if last else None,
        partner_key=other,
        state=state or "",
        urgency=int(Urgency[urgency.upper()]) if urgency else None,
        **texts,
    )


def _lines(database: Database, side: Side, asked: Asked) -> Iterator[Line]:
    return registers.every(database, side, asked, pack_on(vietnam_day(utc_now())))


def _tell(lines: Iterator[Line], side: Side, limit: int) -> None:
    first = list(islice(lines, limit))
    for line in first:
        click.echo(_row(line, side))
    if not first:
        click.echo("Không có văn bản nào / no documents", err=True)
    if next(lines, None) is not None:
        click.echo("… còn nữa: dùng --limit hoặc --out / there is more: use --limit or --out", err=True)


def _row(line: Line, side: Side) -> str:
    """One line of the screen; what came from outside loses what a terminal would obey."""
    number = f"{line.further.arrival_number or '–':>6}  " if side is Side.INCOMING else ""
    partner = line.sender.code if side is Side.INCOMING else ", ".join(one.code for one in line.receivers[:3])
    more = f" (+{line.receivers_in_all - 3})" if line.receivers_in_all > 3 else ""
    state = "; ".join(f"{word.vi} {count}" if count > 1 else word.vi for word, count in line.processing)
    twice = "  ! trùng / duplicate" if line.further.duplicates else ""
    text = (
        f"{number}{line.sent_at.astimezone(VIETNAM):%Y-%m-%d %H:%M}  {line.notation:<20}  {partner}{more:<6}  "
        f"[{line.further.document.vi}; {state}]  {line.subject}{twice}"
    )
    return "".join(c if c.isprintable() else " " for c in text)


def _write(lines: Iterator[Line], side: Side, wanted: Path) -> None:
    cells, columns = ledger_table.rows(lines, side), ledger_table.columns(side)
    try:
        with tempfile.TemporaryDirectory(dir=wanted.parent, prefix=".ledger-") as folder:
            made = Path(folder) / wanted.name
            made.touch(mode=0o600)
            with made.open("r+b") as file:
                _fill(file, columns, cells, title=ledger_table.TITLES[side], workbook=wanted.suffix.lower() == ".xlsx")
            os.link(made, wanted)  # unlike a rename it refuses to overwrite
    except FileExistsError as there:
        raise click.ClickException(f"{wanted}: đã có / exists already") from there
    except OSError as trouble:
        raise click.ClickException(f"{wanted}: không ghi được / cannot be written: {trouble.strerror}") from trouble


def _fill(file: IO[bytes], columns: Any, cells: Iterator[Any], *, title: str, workbook: bool) -> None:
    if workbook:
        write_xlsx(columns, cells, file, title=title)
    else:
        file.writelines(write_csv(columns, cells))
