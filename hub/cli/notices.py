"""`hub notices`: who is told what does not move, by mail or by signed webhook.

Owns: the commands add, list, remove, test; every change is audited.
Never: sends anything but a test notice.
Source: issue of stuck documents nobody hears about (field notes §"What none of them has" 9); threat T5.
"""

from __future__ import annotations

import click

from hub import settings, wiring
from hub.cli import opened
from hub.domain.agencies import code_key
from hub.domain.notices import CarrierKind, mail_address, trial, web_place
from hub.domain.periods import vietnam_time
from hub.errors import Misconfigured, NoSuchThing, NoticesUnavailable
from hub.processes.notices import hand_over
from hub.settings import Settings
from hub.stations import new_id, utc_now
from hub.store import agencies
from hub.store import notices as store
from hub.store.notices import Result, Subscriber


@click.group()
def notices() -> None:
    """Thông báo văn bản không chuyển động / notices about what does not move."""


@notices.command()
@click.argument("code", required=False)
@click.option("--hub", "for_hub", is_flag=True, help="Cho quản trị trục: mọi việc / for the hub's administrators: all.")
@click.option("--mail", help="Địa chỉ thư / mail address.")
@click.option("--webhook", help="Địa chỉ https:// / https:// address whose host is in HUB_NOTICE_HOSTS.")
def add(*, code: str | None, for_hub: bool, mail: str | None, webhook: str | None) -> None:
    """Thêm nơi nhận thông báo của một đơn vị hoặc của trục / add a receiver of an agency's or the hub's notices."""
    if bool(code) == for_hub:
        raise click.UsageError("Nêu mã đơn vị hoặc --hub / say an agency's code, or --hub.")
    if bool(mail) == bool(webhook):
        raise click.UsageError("Nêu --mail hoặc --webhook / say --mail or --webhook.")
    configured = settings.load()
    kind, address = (CarrierKind.MAIL, mail or "") if mail else (CarrierKind.WEBHOOK, webhook or "")
    _check(kind, address, configured)
    with opened.database(configured) as database, database.writing() as transaction:
        agency = agencies.require(transaction.connection, code) if code else None
        key = code_key(agency.code) if agency else None
        subscriber = Subscriber(new_id(), key, kind, address, utc_now())
        if not store.add(transaction, subscriber):
            raise click.ClickException(f"{address}: đã có / is there already")
        opened.audited(
            transaction, "notices.added", id=subscriber.id, agency=key or "", kind=kind.value, address=address
        )
    click.echo(subscriber.id)
    if kind is CarrierKind.MAIL and not configured.mail_server:
        click.echo("Chưa đặt HUB_MAIL_SERVER: thư chưa gửi được / no mail until HUB_MAIL_SERVER is set", err=True)


def _check(kind: CarrierKind, address: str, configured: Settings) -> None:
    """Raises Misconfigured, naming the setting that decides, or a usage error."""
    try:
        if kind is CarrierKind.MAIL:
            mail_address(address)
        else:
            web_place(address, configured.notice_hosts)
    except ValueError as wrong:
        if "HUB_NOTICE_HOSTS" in str(wrong):
            fix = f"Add it when notices may go there; now it has: {', '.join(configured.notice_hosts) or 'nothing'}."
            raise Misconfigured("HUB_NOTICE_HOSTS", str(wrong), fix) from wrong
        raise click.UsageError(f"{address!r}: {wrong}") from wrong


@notices.command("list")
def list_subscribers() -> None:
    """Liệt kê nơi nhận và kết quả lần gần nhất / list the receivers and how the last notice went."""
    with opened.database(settings.load()) as database, database.reading() as connection:
        for one in store.live(connection):
            result = _result(store.last_result(connection, one.id))
            click.echo(f"{one.id}  {one.agency_key or '(trục / hub)':<16} {one.kind.value:<8} {one.address}  {result}")


def _result(last: Result | None) -> str:
    if last is None:
        return "chưa có thông báo / nothing sent yet"
    if last.sent_at:
        return f"đã gửi / sent {vietnam_time(last.sent_at)}"
    if last.given_up_at:
        return f"thôi gửi / given up {vietnam_time(last.given_up_at)}: {last.last_error}"
    waits = f"chờ gửi / waits since {vietnam_time(last.made_at)}"
    return f"{waits}, {last.attempts} lần / attempts: {last.last_error}" if last.attempts else waits


@notices.command()
@click.argument("subscriber_id")
def remove(*, subscriber_id: str) -> None:
    """Thôi gửi thông báo tới nơi này / no more notices to this receiver."""
    with opened.database(settings.load()) as database, database.writing() as transaction:
        if not store.end(transaction, subscriber_id, at=utc_now()):
            raise NoSuchThing(f"no live subscriber {subscriber_id}")
        opened.audited(transaction, "notices.removed", id=subscriber_id)
    click.echo(f"Đã bỏ / removed: {subscriber_id}")


@notices.command()
@click.argument("subscriber_id")
def test(*, subscriber_id: str) -> None:
    """Gửi ngay một thông báo thử / send a test notice now; exit 1 when it was not taken."""
    hub = wiring.open_hub(settings.load())
    try:
        with hub.database.reading() as connection:
            one = store.get(connection, subscriber_id)
        if one is None:
            raise NoSuchThing(f"no live subscriber {subscriber_id}")
        notice_id, outcome = new_id(), ""
        said = trial(notice_id=notice_id, hub=hub.settings.name, at=hub.now())
        try:
            hand_over(notice_id, said, hub, kind=one.kind, address=one.address)
        except NoticesUnavailable as refusal:
            outcome = str(refusal)
        with hub.database.writing() as transaction:
            opened.audited(transaction, "notices.tested", id=one.id, notice=notice_id, outcome=outcome or "sent")
    finally:
        hub.close()
    if outcome:
        raise click.ClickException(f"{one.address}: không gửi được / not sent: {outcome}")
    click.echo(f"{one.address}: đã gửi / sent: {notice_id}")
