"""`hub retry`: shows what would be tried again, and with --apply does exactly that.

Owns: the command; what is applied is audited before it is done.
Never: does anything without --apply.
Source: issue 4 part 5.
"""

from __future__ import annotations

import getpass
import sys
from collections import Counter

import click

from hub import settings, wiring
from hub.domain.agencies import code_key
from hub.stations import Hub
from hub.stations import retry as station
from hub.stations.retry import Action, Step
from hub.store import agencies, heartbeats
from hub.store.engine import Connection
from hub.store.standing import Scope, ScopeKind

_WORDS = {
    Action.ATTEMPT_NOW: "giao ngay / attempt now",
    Action.JUDGE_NOW: "xét ngay / judge now",
    Action.DELIVER_AGAIN: "giao lại / deliver again",
}
_AGENCIES = (ScopeKind.RECIPIENT, ScopeKind.SENDER)


@click.command()
@click.option("--consignment", metavar="ID", help="Một lượt gửi / one consignment.")
@click.option("--delivery", metavar="ID", help="Một lượt nhận / one delivery.")
@click.option("--recipient", metavar="CODE", help="Mọi thứ gửi đến một đơn vị / all that goes to one agency.")
@click.option("--sender", metavar="CODE", help="Mọi thứ một đơn vị gửi đi / all that one agency sent.")
@click.option("--all", "everything", is_flag=True, help="Tất cả / everything.")
@click.option("--apply", "applied", is_flag=True, help="Thực hiện; không có thì chỉ liệt kê / do it; else only list.")
def retry(*, everything: bool, applied: bool, **chosen: str | None) -> None:
    """Thử lại ngay những gì đang chờ hoặc đã hết hạn / try again what waits or has expired."""
    named = {ScopeKind(kind): value for kind, value in chosen.items() if value}
    if everything:
        named[ScopeKind.ALL] = ""
    if len(named) != 1:
        raise click.UsageError(
            "Nêu đúng một phạm vi / name one scope: --consignment, --delivery, --recipient, --sender, --all"
        )
    ((kind, value),) = named.items()
    hub = wiring.open_hub(settings.load())
    try:
        with hub.database.reading() as connection:
            scope = _scope(connection, kind, value)
            steps = station.plan(connection, scope, hub)
        _show(steps)
        if steps and applied:
            _apply(steps, scope, hub)
        elif steps:
            click.echo(f"Chưa làm gì. Để thực hiện / nothing was done; to do it: hub retry {_written(scope)} --apply")
    finally:
        hub.close()


def _scope(connection: Connection, kind: ScopeKind, value: str) -> Scope:
    if kind in _AGENCIES:
        return Scope(kind, code_key(agencies.require(connection, value).code))
    return Scope(kind, value.strip().lower())


def _written(scope: Scope) -> str:
    return f"--{scope.kind.value} {scope.value}".rstrip()


def _show(steps: list[Step]) -> None:
    if not steps:
        click.echo("Không có gì để thử lại / nothing to try again")
        return
    for step in steps:
        click.echo(f"{_WORDS[step.action]:<26} {step.item}  {step.recipient_key or '-':<20} {step.why_vi}")
        click.echo(f"{'':<26} {'':<36}  {'':<20} {step.why_en}")
    for action, count in Counter(step.action for step in steps).items():
        more = " (còn nữa, chạy lại sau / more: run it again)" if count == station.MOST else ""
        click.echo(f"{_WORDS[action]}: {count}{more}")


def _apply(steps: list[Step], scope: Scope, hub: Hub) -> None:
    facts = {"scope": _written(scope), "steps": len(steps)}
    with hub.database.writing() as transaction:
        heartbeats.audited(transaction, "retry.applied", who=f"cli:{getpass.getuser()}", at=hub.now(), facts=facts)
    done = 0
    with click.progressbar(steps, label="Đang làm / working", file=sys.stderr) as bar:
        for step in bar:
            done += station.run(step, hub)
    left = len(steps) - done
    click.echo(f"Đã làm / done: {done}; đã khác đi trong lúc đó nên bỏ qua / moved meanwhile, left alone: {left}")
