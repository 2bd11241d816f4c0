"""`hub connections plan|unplan|upload|template|list`: by when which agency is to be connected, and who is.

Owns: the commands, the two columns of a plan's table; every change is audited.
Never: takes a part of a table; forgets an earlier plan (each change is a new row); calls a planned agency connected.
Source: Decision 28/2018/QĐ-TTg Art. 12, 21; published "5 units, 13 more by 30 September" (domain notes §5.2).
"""

from __future__ import annotations

import csv
import getpass
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path

import click

from hub.cli import opened
from hub.domain.agencies import Agency, code_key, plain
from hub.domain.findings import describe_error
from hub.domain.periods import vietnam_day
from hub.domain.scopes import Scope, ScopeKind
from hub.domain.selections import AgencyState
from hub.errors import DeclarationsRefused
from hub.reports import uploaded_rows
from hub.reports.as_csv import harmless
from hub.reports.formats import NOTHING, number_vi
from hub.reports.uploaded_rows import Raw, Uploaded, day_of
from hub.stations import utc_now
from hub.store import agencies, scopes
from hub.store import connections as store
from hub.store.connections import Plan
from hub.store.engine import Transaction

MOST_ROWS = 20_000  # a country has about twelve thousand units that exchange [confirm]
MOST_TOLD = 100  # faults on a screen
CODE, DAY = "Mã đơn vị", "Kết nối đến hết ngày"
OUT = "bỏ"  # in the column of days: the agency is in no plan any more
_TITLES = {CODE: (CODE, "Mã định danh", "agency", "code"), DAY: (DAY, "Ngày kế hoạch", "planned_on")}
_OUT = {plain(word) for word in (OUT, "remove")}
_KINDS = {".csv": uploaded_rows.CSV, ".xlsx": uploaded_rows.XLSX}
_DAY = click.DateTime(["%Y-%m-%d", "%d/%m/%Y"])
_Rows = list[tuple[int, str, date | None]]


@click.group()
def connections() -> None:
    """Kế hoạch kết nối các đơn vị / the plan of connecting agencies."""


@connections.command()
@click.argument("code")
@click.argument("day", type=_DAY)
def plan(*, code: str, day: datetime) -> None:
    """Đơn vị phải kết nối chậm nhất ngày này / the agency is to be connected by this day.

    hub connections plan H41 2026-09-30
    """
    _set(code, day.date())


@connections.command()
@click.argument("code")
def unplan(*, code: str) -> None:
    """Đưa đơn vị ra khỏi kế hoạch / the agency is in no plan any more."""
    _set(code, None)


@connections.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def template(*, file: Path) -> None:
    """Ghi bảng CSV gồm mọi đơn vị và kế hoạch hiện nay / write a CSV of all agencies with today's plan."""
    with opened.database() as database, database.reading() as connection:
        names = scopes.names(connection, Scope(ScopeKind.HUB))
        planned = {one.agency_key: one.planned_on for one in store.plans(connection, scope=Scope(ScopeKind.HUB))}
    try:
        with file.open("x", encoding="utf-8-sig", newline="") as target:
            rows = csv.writer(target, lineterminator="\r\n")
            rows.writerow((CODE, DAY, "Tên đơn vị"))
            rows.writerows((key, _day_vi(planned.get(key), nothing=""), harmless(names[key])) for key in sorted(names))
    except FileExistsError as there:
        raise click.ClickException(f"{file}: đã có / exists already") from there
    except OSError as trouble:
        raise click.ClickException(f"{file}: không ghi được / cannot be written: {trouble.strerror}") from trouble
    click.echo(str(file))


@connections.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def upload(*, file: Path) -> None:
    """Nạp kế hoạch (CSV, XLSX): ghi tất cả hoặc không ghi gì / take a plan as a table, all of it or nothing.

    Hai cột «Mã đơn vị», «Kết nối đến hết ngày»; ô ngày trống: giữ nguyên; «bỏ»: ra khỏi kế hoạch.
    Two columns; an empty day changes nothing, «remove» takes the agency out of the plan.
    """
    kind = _KINDS.get(file.suffix.lower())
    if kind is None:
        raise click.BadParameter("tên tệp phải có đuôi .csv hoặc .xlsx / end the name in .csv or .xlsx")
    try:
        rows, faults = _rows(uploaded_rows.read(file.read_bytes(), kind))
    except DeclarationsRefused as unreadable:
        words = [describe_error(fault.code, fault.facts) for fault in unreadable.faults]
        raise click.ClickException("; ".join(f"{one.vi} / {one.en}" for one in words)) from unreadable
    with opened.database() as database, database.writing() as transaction:
        found, unknown = _known(rows, agencies.Book(transaction.connection, {code for _, code, _ in rows}).find)
        _refuse([*faults, *unknown])
        changed = [key for key, day in found.items() if _planned(transaction, key, day)]
        facts = {"file": file.name, "agencies": str(len(found)), "changed": str(len(changed))}
        opened.audited(transaction, "connections.uploaded", **facts)
    click.echo(f"{len(found)} đơn vị / agencies, {len(changed)} thay đổi / changed")


@connections.command("list")
@click.option("--below", default="", metavar="CODE", help="Đơn vị này và cấp dưới / an agency and those below it.")
@click.option("--level", type=click.IntRange(1, 9), help="Chỉ một cấp / one level alone.")
@click.option("--on", "day", type=_DAY, help="Tình trạng cuối ngày này; mặc định hôm nay / as of a day; default today.")
def list_connections(*, below: str, level: int | None, day: datetime | None) -> None:
    """Từng cấp: đã kết nối, kế hoạch, quá hạn; rồi từng đơn vị kèm ngày / by level, then each agency, with days."""
    if below and level:
        raise click.UsageError("--below hoặc --level / either --below or --level")
    on = day.date() if day else vietnam_day(utc_now())
    with opened.database() as database, database.reading() as connection:
        scope = Scope(ScopeKind.LEVEL, level=level) if level else Scope(ScopeKind.HUB)
        if below:
            scope = Scope(ScopeKind.BELOW, code_key(agencies.require(connection, below).code))
        states = store.states(connection, scope=scope, on=on, known_on=on)
        plans = [one for one in store.plans(connection, scope=scope, known_on=on) if one.agency_key in states]
        levels = scopes.levels(connection, scope)
    click.echo(f"Đến hết ngày / at the end of {_day_vi(on)}")
    for one in sorted({levels[key] for key in states}):
        click.echo(_level_line(one, [state for key, state in states.items() if levels[key] == one]))
    for row in sorted(plans, key=lambda row: (levels[row.agency_key], row.planned_on or date.max, row.agency_key)):
        click.echo(_line(row, levels[row.agency_key], states[row.agency_key], on))


# -- changes -------------------------------------------------------------------------------------------------------


def _set(code: str, day: date | None) -> None:
    with opened.database() as database, database.writing() as transaction:
        key = code_key(agencies.require(transaction.connection, code).code)
        changed = _planned(transaction, key, day)
        if changed:
            told = {"agency": key, "planned_on": day.isoformat() if day else ""}
            opened.audited(transaction, "connections.planned", **told)
    words = f"kết nối đến hết ngày / to be connected by {_day_vi(day)}" if day else "không có kế hoạch / in no plan"
    click.echo(f"{key}: {words}{'' if changed else ' (không đổi / unchanged)'}")


def _planned(transaction: Transaction, key: str, day: date | None) -> bool:
    return store.plan(transaction, key, day, at=utc_now(), by=f"cli:{getpass.getuser()}")


# -- the table -----------------------------------------------------------------------------------------------------


def _rows(uploaded: Uploaded) -> tuple[_Rows, list[str]]:
    """Row, code and day (None: out of the plan) of every row that says one, and what is wrong with the others."""
    places: Mapping[str, int] | None = None
    rows, faults = _Rows(), list[str]()
    for number, cells in uploaded.rows:
        if places is None:
            places = _places(cells)
            continue
        if number > MOST_ROWS:
            faults.append(f"Tối đa {MOST_ROWS} dòng / at most {MOST_ROWS} rows")
            break
        code, raw = (_cell(cells, places[title]) for title in (CODE, DAY))
        if isinstance(raw, str) and not raw.strip():
            continue
        try:
            day = None if isinstance(raw, str) and plain(raw) in _OUT else day_of(raw, uploaded.day_0)
            rows.append((number, str(code).strip(), day))
        except (ValueError, OverflowError):
            faults.append(
                f"Dòng / row {number}, «{DAY}»: «{str(raw)[:40]}»; cần / expected dd/mm/yyyy | {OUT} | remove"
            )
    if places is None:
        faults.append(f"Bảng trống / the table is empty: «{CODE}», «{DAY}»")
    return rows, faults


def _places(titles: Sequence[Raw]) -> Mapping[str, int]:
    """Where the two columns are. Raises click.ClickException."""
    written = [plain(str(title)) for title in titles]
    found = {
        title: [place for place, one in enumerate(written) if one in {plain(name) for name in names}]
        for title, names in _TITLES.items()
    }
    wrong = [title for title, places in found.items() if len(places) != 1]
    if wrong:
        missing = ", ".join(f"«{title}»" for title in wrong)
        raise click.ClickException(f"Thiếu hoặc lặp cột / columns missing or doubled: {missing}")
    return {title: places[0] for title, places in found.items()}


def _cell(cells: Sequence[Raw], place: int) -> Raw:
    return cells[place] if place < len(cells) else ""


def _known(rows: _Rows, find: Callable[[str], Agency | None]) -> tuple[dict[str, date | None], list[str]]:
    """Code key → day; an agency that stands in two rows is a fault."""
    found: dict[str, date | None] = {}
    faults = list[str]()
    for number, code, day in rows:
        agency = find(code_key(code)) if code_key(code) else None
        key = code_key(agency.code) if agency else ""
        if not key:
            faults.append(f"Dòng / row {number}: mã «{code[:64]}» không có trong danh bạ / not in the directory")
        elif key in found:
            faults.append(f"Dòng / row {number}: đơn vị {key} lặp / stands in two rows")
        else:
            found[key] = day
    return found, faults


def _refuse(faults: Sequence[str]) -> None:
    """Raises click.ClickException that tells what is wrong, so that nothing is written."""
    if not faults:
        return
    told = [*faults[:MOST_TOLD], *([f"… +{len(faults) - MOST_TOLD}"] if len(faults) > MOST_TOLD else [])]
    lines = "\n".join("".join(c if c.isprintable() else " " for c in one) for one in told)
    raise click.ClickException(f"Không ghi gì / nothing was written:\n{lines}")


# -- the screen ----------------------------------------------------------------------------------------------------


def _day_vi(day: date | None, *, nothing: str = NOTHING) -> str:
    return f"{day:%d/%m/%Y}" if day else nothing


def _level_line(level: int, states: Sequence[frozenset[AgencyState]]) -> str:
    connected = sum(AgencyState.CONNECTED in one for one in states)
    planned = sum(AgencyState.PLANNED in one for one in states)
    late = sum(AgencyState.DUE in one and AgencyState.CONNECTED not in one for one in states)
    return (
        f"Cấp / level {level}: {number_vi(len(states))} đơn vị / agencies, "
        f"{number_vi(connected)} đã kết nối / connected, "
        f"{number_vi(planned)} trong kế hoạch / planned, {number_vi(late)} quá hạn / overdue"
    )


def _line(row: Plan, level: int, states: frozenset[AgencyState], on: date) -> str:
    since = row.first_seen_at and vietnam_day(row.first_seen_at)
    if AgencyState.CONNECTED in states:
        state = f"đã kết nối từ / connected since {_day_vi(since)}"
    elif row.planned_on is not None and row.planned_on <= on:
        state = "quá hạn / overdue"
    else:
        state = "chưa đến hạn / not due" if row.planned_on else "chưa kết nối / not connected"
    text = f"  {level}  {row.agency_key:<20} kế hoạch / planned {_day_vi(row.planned_on)}  {state}  {row.name}"
    return "".join(c if c.isprintable() else " " for c in text)
