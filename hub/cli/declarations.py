"""`hub declarations template|upload|add|list`: figures of documents that did not pass the hub, by its administrators.

Owns: the commands; each fault of a table told by its row and column; entries and readings are audited.
Never: keeps a part of a table; changes an entry (a correction is a new one); overwrites a file.
Source: Decision 28/2018/QĐ-TTg Art. 11; Decree 30/2020/NĐ-CP Annex VI (access history).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import click

from hub.cli import opened
from hub.domain.agencies import code_key
from hub.domain.declarations import KIND_WORDS, DeclaredKind, Entry
from hub.domain.document_types import DocumentType
from hub.domain.findings import describe_error
from hub.domain.periods import vietnam_day
from hub.domain.rules import pack_on
from hub.domain.scopes import Scope, ScopeKind
from hub.errors import DeclarationsRefused, Fault
from hub.reports import declared_table, uploaded_rows
from hub.reports.declared_table import Line
from hub.reports.formats import number_vi
from hub.stations import new_id, utc_now
from hub.store import agencies, directory
from hub.store import declarations as store

MOST_TOLD = 100  # faults on a screen
_DAY = click.DateTime(["%Y-%m-%d", "%d/%m/%Y"])
_FILE = click.Path(dir_okay=False, path_type=Path)
_KINDS = {".csv": uploaded_rows.CSV, ".xlsx": uploaded_rows.XLSX}


@click.group()
def declarations() -> None:
    """Kê khai văn bản không qua trục / declared documents that did not pass the hub."""


@declarations.command()
@click.argument("file", type=_FILE)
def template(*, file: Path) -> None:
    """Ghi mẫu kê khai ra tệp .csv hoặc .xlsx / write the template to a file."""
    kind = _kind_of(file)
    try:
        with file.open("xb") as target:
            if kind == uploaded_rows.CSV:
                target.write(declared_table.template_csv())
            else:
                declared_table.template_xlsx(_types(), target)
    except FileExistsError as there:
        raise click.ClickException(f"{file}: đã có / exists already") from there
    except OSError as trouble:
        raise click.ClickException(f"{file}: không ghi được / cannot be written: {trouble.strerror}") from trouble
    click.echo(str(file))


@declarations.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--agency", default="", metavar="CODE", help="Đơn vị của dòng để trống mã / of rows that name none.")
def upload(*, file: Path, agency: str) -> None:
    """Nạp mẫu đã điền (CSV, XLSX): ghi tất cả hoặc không ghi gì / keep a filled-in table, all of it or nothing.

    hub declarations upload bang.xlsx --agency H41
    """
    kind = _kind_of(file)
    try:
        lines, faults = declared_table.lines(uploaded_rows.read(file.read_bytes(), kind), _types())
        new, repeated = _keep(lines, faults, agency, "declarations.uploaded", file=file.name)
    except DeclarationsRefused as refused:
        _tell(refused.faults)
        raise
    click.echo(f"{new} kê khai mới / new entries, {repeated} đã có / kept before")


@declarations.command()
@click.argument("agency")
@click.argument("period")
@click.argument("kind", type=click.Choice([one.value for one in DeclaredKind]))
@click.argument("count", type=click.IntRange(0))
@click.option("--by", "declared_by", required=True, help="Họ và tên người kê khai / who declares it.")
@click.option("--type", "document_type", default="", help="Loại văn bản; không nêu: mọi loại / one type; else all.")
@click.option("--corrects", default="", metavar="ID", help="Kê khai được thay; số lượng 0 là hủy / the entry replaced.")
@click.option("--note", default="", help="Ghi chú / a note.")
def add(*, agency: str, count: int, **fields: str) -> None:
    """Kê khai một số liệu của một kỳ / declare one figure of a period.

    hub declarations add H41 2026-Q3 sent_paper_only 120 --by "Nguyễn Thị Mẫu"
    """
    cells = {**fields, "count": str(count)}
    try:
        line, faults = declared_table.line_of(1, cells, types=_types(), day_0=date.min)
        new, _ = _keep([] if line is None else [line], faults, agency, "declarations.added")
    except DeclarationsRefused as refused:
        _tell(refused.faults)
        raise
    click.echo("Đã ghi / kept" if new else "Đã có từ trước, không ghi thêm / kept before, nothing was written")


@declarations.command("list")
@click.option("--agency", default="", metavar="CODE", help="Chỉ một đơn vị / of one agency.")
@click.option("--below", is_flag=True, help="Gồm đơn vị cấp dưới / with those below it.")
@click.option("--from", "first", type=_DAY, help="Kỳ có ngày từ ngày này / with a day from this one on.")
@click.option("--to", "last", type=_DAY, help="Kỳ có ngày đến hết ngày này / with a day up to this one.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Số dòng / lines.")
def list_declarations(*, agency: str, below: bool, first: datetime | None, last: datetime | None, limit: int) -> None:
    """Các kê khai, kỳ mới nhất trước, cả những kê khai đã được sửa / the entries, corrected ones too."""
    if below and not agency:
        raise click.UsageError("--below cần --agency / --below needs --agency")
    with opened.database() as database:
        with database.writing() as transaction:
            scope = Scope(ScopeKind.HUB)
            if agency:
                key = code_key(agencies.require(transaction.connection, agency).code)
                scope = Scope(ScopeKind.BELOW if below else ScopeKind.UNIT, key)
            opened.audited(transaction, "declarations.read", agency=scope.agency_key, scope=scope.kind.value)
        days = {"first_day": first.date() if first else None, "last_day": last.date() if last else None}
        with database.reading() as connection:
            found = store.page(connection, scope=scope, limit=limit + 1, **days)
            names = directory.names_of(connection, {one.entry.declaration.agency_key for one in found[:limit]})
    for one in found[:limit]:
        click.echo(_row(one.entry, names))
    if not found:
        click.echo("Không có kê khai nào / nothing is declared", err=True)
    if len(found) > limit:
        click.echo("… còn nữa: dùng --limit / there is more: use --limit", err=True)


def _kind_of(file: Path) -> str:
    kind = _KINDS.get(file.suffix.lower())
    if kind is None:
        raise click.BadParameter("tên tệp phải có đuôi .csv hoặc .xlsx / end the name in .csv or .xlsx")
    return kind


def _types() -> tuple[DocumentType, ...]:
    return pack_on(vietnam_day(utc_now())).document_types


def _keep(lines: list[Line], faults: list[Fault], code: str, what: str, **facts: str) -> tuple[int, int]:
    """How many entries are new and how many were kept before. Raises UnknownAgency, DeclarationsRefused."""
    with opened.database() as database, database.writing() as transaction:
        connection = transaction.connection
        agency = agencies.require(connection, code).code if code else ""
        lines = [replace(line, agency=line.agency or agency) for line in lines]
        book = agencies.Book(connection, {line.agency for line in lines})
        handed, unknown = declared_table.declared(
            lines, own=None, find=book.find, may=lambda _named: True, new_id=new_id, at=utc_now()
        )
        kept = store.add_all(transaction, handed, faults=[*faults, *unknown])
        repeated = sum(one.repeated for one in kept)
        new = len(kept) - repeated
        told = {"agency": code_key(agency), "new": str(new), "repeated": str(repeated)}
        opened.audited(transaction, what, **facts, **told)
    return new, repeated


def _tell(faults: Sequence[Fault]) -> None:
    """Every fault with its row and column, and what to do."""
    for fault in faults[:MOST_TOLD]:
        words = describe_error(fault.code, fault.facts)
        column = declared_table.BY_NAME.get(fault.field)
        place = f"Dòng / row {fault.row}" if fault.row else "Bảng / table"
        where = f", «{column.title_vi}» ({fault.field})" if column else ""
        click.echo(f"{place}{where}: {words.vi} {words.fix_vi}\n    {words.en} {words.fix_en}", err=True)
    if len(faults) > MOST_TOLD:
        click.echo(f"… và {len(faults) - MOST_TOLD} lỗi nữa / and {len(faults) - MOST_TOLD} more", err=True)


def _row(entry: Entry, names: dict[str, str]) -> str:
    """One line of the screen; what came from outside loses what a terminal would obey."""
    one = entry.declaration
    of_type = f" [{one.document_type}]" if one.document_type else ""
    handed_in = one.caller_key or "quản trị trục / the hub's administrators"
    marks = [f"thay cho / corrects {one.corrects}"] if one.corrects else []
    marks += ["hủy / withdraws it"] if one.withdraws else []
    marks += [f"✗ đã được thay bởi / corrected by {entry.corrected_by}"] if entry.corrected_by else []
    text = (
        f"{one.id}  {one.agency_key} {names.get(one.agency_key, '')}  {one.days}  {KIND_WORDS[one.kind][0]}{of_type}: "
        f"{number_vi(one.count)}  ({one.declared_by}, {handed_in}, {vietnam_day(one.declared_at):%d/%m/%Y})"
        + "".join(f"; {mark}" for mark in marks)
        + (f"; {one.note}" if one.note else "")
    )
    return "".join(c if c.isprintable() else " " for c in text)
