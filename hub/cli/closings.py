"""`hub reports close|closed`: freezes the figures of a period, and shows a frozen one beside today's.

Owns: the commands; a closing is audited with who did it.
Never: closes anything without --apply; opens a closed period again.
Source: issue 5 point 8.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence

import click

from hub.bundles import closings
from hub.bundles.closings import Plan, Today
from hub.cli.schedules import the_hub
from hub.domain.agencies import code_key
from hub.domain.closing import NOTHING, Amounts, Closing, Correction, Difference, period_of
from hub.domain.periods import VIETNAM, Period, period
from hub.domain.rules import RulePack, pack_on
from hub.errors import NoSuchThing
from hub.reports.formats import number_vi, ratio_vi
from hub.stations import Hub
from hub.store import closings as store

MOST_AGENCIES = 20


def _period(_context: click.Context, _parameter: click.Parameter, written: str | None) -> Period | None:
    """The period that is written. Raises click.BadParameter."""
    try:
        return period(written) if written is not None else None
    except ValueError as wrong:
        raise click.BadParameter(str(wrong)) from wrong


@click.command()
@click.argument("days", metavar="PERIOD", callback=_period)
@click.option("--apply", "applied", is_flag=True, help="Chốt thật; không có thì chỉ xem / close it; else only look.")
def close(*, days: Period, applied: bool) -> None:
    """Chốt số liệu một kỳ (2026-Q3) dưới chữ ký của trục / freeze a period's figures under the hub's signature."""
    with the_hub() as hub:
        try:
            planned = closings.plan(hub, days)
            _show_plan(planned)
            if not applied:
                click.echo(
                    f"Chưa chốt gì. Để chốt / nothing is closed; to close it: hub reports close {days.written} --apply"
                )
                return
            closing = closings.close(hub, planned, by=f"cli:{getpass.getuser()}")
        except ValueError as refused:
            raise click.ClickException(str(refused)) from refused
    click.echo(f"Đã chốt / closed: {days.written}, SHA-256 {closing.data_sha256}")
    click.echo(closing.jws)


@click.command()
@click.argument("days", metavar="[PERIOD]", required=False, callback=_period)
@click.option("--agency", default="", metavar="CODE", help="Chỉ một đơn vị / of one agency.")
def closed(*, days: Period | None, agency: str) -> None:
    """Các kỳ đã chốt; một kỳ: số liệu đã chốt, hôm nay và các điều chỉnh / closed periods, one with its corrections.

    Exit 1 when the frozen figures are not those that the hub signed.
    """
    with the_hub() as hub:
        if days is None:
            _list(hub)
            return
        with hub.database.reading() as connection:
            closing = store.frozen(connection, days)
        if closing is None:
            raise NoSuchThing(f"{days.written} is not closed")
        wrong = closings.faults(hub, closing)
        _show_closing(closing, wrong)
        _show_today(hub, closing, code_key(agency) if agency else "")
    sys.exit(1 if wrong else 0)


def _list(hub: Hub) -> None:
    with hub.database.reading() as connection:
        found = store.all_closings(connection)
    for one in found:
        at = f"{one.closed_at.astimezone(VIETNAM):%H:%M %d/%m/%Y}"
        written = period_of(one.first_day, one.last_day).written
        click.echo(f"{written:<10} {at}  {one.closed_by}  {one.rule_pack}  SHA-256 {one.data_sha256}")
    if not found:
        click.echo("Chưa chốt kỳ nào / no period is closed")


def _show_plan(planned: Plan) -> None:
    vi, en = planned.period.words
    click.echo(f"{vi} / {en}: {len(planned.agencies)} đơn vị có số liệu / agencies with figures")
    names = _names(planned.rules)
    for indicator, amounts in planned.hub.items():
        click.echo(f"  {names.get(indicator, indicator)}: {_shown(amounts)}")


def _show_closing(closing: Closing, wrong: Sequence[tuple[str, str]]) -> None:
    vi, en = period_of(closing.first_day, closing.last_day).words
    at = f"{closing.closed_at.astimezone(VIETNAM):%H:%M %d/%m/%Y}"
    click.echo(f"{vi} / {en}: chốt lúc / closed at {at}, {closing.closed_by}, {closing.rule_pack}")
    click.echo(f"SHA-256 {closing.data_sha256}")
    for fault_vi, fault_en in wrong:
        click.echo(f"✗ {fault_vi} / {fault_en}")
    if not wrong:
        click.echo("✓ Chữ ký của trục và số liệu đã chốt nguyên vẹn / the hub's signature and the figures are genuine")


def _show_today(hub: Hub, closing: Closing, agency_key: str) -> None:
    with hub.database.reading() as connection:
        now = closings.today(connection, closing)
        changed = now.agencies.get(agency_key, ()) if agency_key else now.changed
        only = {one.indicator_id for one in changed if one.today is not None}
        found = closings.corrections(connection, closing, hub.now(), only=only, agency_key=agency_key)
    names = _names(pack_on(closing.last_day))
    differing = {one.indicator_id: one for one in changed}
    frozen = closing.of({agency_key} if agency_key else None)
    for indicator in dict.fromkeys([*names, *frozen]):
        if indicator in frozen or indicator in differing:
            _show_indicator(names.get(indicator, indicator), frozen.get(indicator, NOTHING), differing.get(indicator))
    _show_corrections(found, names)
    if not changed:
        click.echo("Hôm nay đúng như đã chốt / today's figures are the frozen ones")
    if not agency_key:
        _show_agencies(now)


def _show_indicator(name: str, frozen: Amounts, differing: Difference | None) -> None:
    if differing is None:
        click.echo(f"  = {name}: {_shown(frozen)}")
    elif differing.today is None:
        click.echo(f"  ≠ {name}: {_shown(frozen)} → không còn trong gói quy tắc / no longer in the rule pack")
    else:
        click.echo(f"  ≠ {name}: {_shown(frozen)} → {_shown(differing.today)} [{_change(differing.change)}]")


def _show_corrections(found: Sequence[Correction], names: dict[str, str]) -> None:
    for one in found:
        vi, en = closings.reasons(one)
        click.echo(f"{one.known_on:%d/%m/%Y}: {vi} / {en}")
        for indicator, change in one.changes.items():
            click.echo(f"    {names.get(indicator, indicator)}: {_change(change)}")


def _show_agencies(now: Today) -> None:
    if not now.agencies:
        return
    click.echo(f"{len(now.agencies)} đơn vị có điều chỉnh (xem --agency MÃ) / agencies with corrections (see --agency)")
    for key, differing in list(now.agencies.items())[:MOST_AGENCIES]:
        click.echo(f"  {key}: {len(differing)} chỉ tiêu / indicators")


def _shown(amounts: Amounts) -> str:
    declared = amounts.denominator_declared
    said = f", khai báo / declared {number_vi(declared)}" if declared else ""
    return f"{ratio_vi(amounts.ratio)} ({number_vi(amounts.numerator)}/{number_vi(amounts.denominator)}{said})"


def _change(change: Amounts) -> str:
    """What came or went, seen and declared apart."""
    parts = (
        ("tử số / numerator", change.numerator_seen),
        ("tử số khai báo / declared numerator", change.numerator_declared),
        ("mẫu số / denominator", change.denominator_seen),
        ("mẫu số khai báo / declared denominator", change.denominator_declared),
    )
    return ", ".join(f"{words} {'+' if number > 0 else ''}{number_vi(number)}" for words, number in parts if number)


def _names(rules: RulePack) -> dict[str, str]:
    return {one.indicator_id: f"{one.vi} / {one.en}" for one in rules.indicators}
