"""`hub reports schedule|kept|reproduce`: reports that make themselves, what was kept, the same report made again.

Owns: the commands; every change is audited.
Never: makes a report by itself (hub/processes/reporting.py); overwrites a file.
Source: issue 5 point 7.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import click

from hub import settings, wiring
from hub.bundles import kept_reports
from hub.bundles.kept_reports import FORMS
from hub.cli import opened
from hub.domain.agencies import code_key
from hub.domain.notices import CarrierKind, mail_address
from hub.domain.periods import VIETNAM, PeriodKind, period, vietnam_day
from hub.domain.schedules import EVERY, MOST_GRACE_DAYS, MOST_READERS, Schedule, Wish, first_due
from hub.domain.scopes import Scope, ScopeKind
from hub.errors import NoSuchThing
from hub.processes import reporting
from hub.reports import REPORTS
from hub.stations import Hub, new_id, utc_now
from hub.store import agencies
from hub.store import kept_reports as kept_store
from hub.store import schedules as store
from hub.store.engine import Connection
from hub.store.kept_reports import Kept, Mail

_NO_SERVER = "Chưa đặt HUB_MAIL_SERVER: báo cáo được giữ, không gửi thư / reports are kept, no mail is sent"


@contextmanager
def the_hub() -> Iterator[Hub]:
    """The configured hub, open for the block."""
    hub = wiring.open_hub(settings.load())
    try:
        yield hub
    finally:
        hub.close()


@click.group()
def schedule() -> None:
    """Báo cáo định kỳ / reports that are made after every period, kept and mailed."""


@schedule.command()
@click.argument("report", type=click.Choice([one.report_id for one in REPORTS]))
@click.option(
    "--every",
    required=True,
    type=click.Choice([one.value for one in EVERY]),
    help="Mỗi ngày, tuần, tháng, quý, nửa năm, năm / after every such period.",
)
@click.option(
    "--scope",
    "kind",
    type=click.Choice([one.value for one in ScopeKind]),
    default=ScopeKind.HUB.value,
    show_default=True,
    help="Một đơn vị, đơn vị và cấp dưới, một cấp, cả trục / whose figures.",
)
@click.option("--agency", default="", metavar="CODE", help="Mã đơn vị của phạm vi unit, below / the scope's agency.")
@click.option("--level", type=click.IntRange(0, 9), default=0, help="Cấp của phạm vi level / the scope's level.")
@click.option("--type", "document_type", default="", metavar="TYPE", help="Chỉ một loại văn bản / of one type only.")
@click.option("--compare", is_flag=True, help="So với kỳ trước và cùng kỳ năm trước / with the periods before.")
@click.option("--reader", "readers", multiple=True, metavar="ADDRESS", help="Địa chỉ thư, nhiều lần / may be repeated.")
@click.option(
    "--format",
    "formats",
    multiple=True,
    type=click.Choice(list(FORMS)),
    default=("pdf", "xlsx"),
    show_default=True,
    help="Tệp gửi cho người đọc, nhiều lần / the files for the readers, may be repeated.",
)
@click.option(
    "--after-days",
    type=click.IntRange(0, max(MOST_GRACE_DAYS.values())),
    default=0,
    show_default=True,
    help="Lập muộn hơn bao nhiêu ngày, để kịp số liệu khai báo / days later, so that declared figures are in.",
)
@click.option("--first", default="", metavar="PERIOD", help="Kỳ đầu tiên, ví dụ 2026-Q1 / the first period; else now.")
def add(
    *,
    report: str,
    every: str,
    kind: str,
    agency: str,
    level: int,
    document_type: str,
    compare: bool,
    readers: tuple[str, ...],
    formats: tuple[str, ...],
    after_days: int,
    first: str,
) -> None:
    """Thêm một báo cáo định kỳ / make this report after every period, at 07:00 Vietnamese time.

    hub reports schedule add paper-free --every month --scope below --agency H41 --reader a@b.vn
    """
    now, length, read_by = utc_now(), PeriodKind(every), _readers(readers)
    if after_days > MOST_GRACE_DAYS[length]:
        raise click.BadParameter(f"nhiều nhất / at most {MOST_GRACE_DAYS[length]}", param_hint="--after-days")
    next_day = _first(first, length) if first else first_due(length, vietnam_day(now))
    configured = settings.load()
    with opened.database(configured) as database, database.writing() as transaction:
        scope = _scope(transaction.connection, kind, agency, level)
        wish = Wish(scope, tuple(dict.fromkeys(formats)), document_type, compare, after_days)
        one = Schedule(new_id(), report, wish, length, read_by, now, next_day)
        store.add(transaction, one)
        opened.audited(transaction, "reports.schedule_added", id=one.id, line=_line(one), first=one.period.written)
    click.echo(one.id)
    click.echo(_line(one))
    if read_by and not configured.mail_server:
        click.echo(_NO_SERVER, err=True)


@schedule.command("list")
@click.option("--all", "ended_too", is_flag=True, help="Cả những lịch đã dừng / those that ended too.")
def list_schedules(*, ended_too: bool) -> None:
    """Liệt kê: kỳ tới, báo cáo gần nhất, thư / the period due next, the last report and its mails."""
    with opened.database() as database, database.reading() as connection:
        found = [one for one in store.all_schedules(connection) if ended_too or one.ended_at is None]
        for one in found:
            click.echo(f"{one.id}  {_line(one)}")
            click.echo(f"    {_late(one)}")
            last = kept_store.newest_of(connection, one.id)
            if last is not None:
                click.echo(f"    {_kept_line(last)}")
                _show_mails(kept_store.mails(connection, [last.id])[last.id])
    if not found:
        click.echo("Chưa có lịch báo cáo / no schedule")


@schedule.command()
@click.argument("schedule_id")
def end(*, schedule_id: str) -> None:
    """Dừng một lịch; báo cáo đã giữ vẫn còn / no further report; what was kept stays."""
    with opened.database() as database, database.writing() as transaction:
        if not store.end(transaction, schedule_id.lower(), at=utc_now()):
            raise NoSuchThing(f"no live schedule {schedule_id}")
        opened.audited(transaction, "reports.schedule_ended", id=schedule_id.lower())
    click.echo(f"Đã dừng / ended: {schedule_id.lower()}")


@schedule.command("run-now")
@click.argument("schedule_id")
def run_now(*, schedule_id: str) -> None:
    """Lập ngay báo cáo kỳ vừa qua theo số liệu đến hết hôm qua, giữ lại và gửi / the last period's report, now."""
    with the_hub() as hub:
        with hub.database.reading() as connection:
            one = store.get(connection, schedule_id.lower())
        if one is None:
            raise NoSuchThing(f"no live schedule {schedule_id}")
        made = reporting.make_now(hub, one)
        if made is None:
            raise click.ClickException(
                "Còn sự kiện chưa được tổng hợp; thử lại sau ít phút / events are not tallied yet; try again soon"
            )
        kept, new = made
        with hub.database.writing() as transaction:
            opened.audited(transaction, "reports.run_now", id=one.id, report=kept.id, new=str(new).lower())
    click.echo(f"{'Đã lập và giữ / made and kept' if new else 'Đã có từ trước / is there already'}: {_kept_line(kept)}")
    if one.readers and CarrierKind.MAIL not in hub.carriers:
        click.echo(_NO_SERVER, err=True)


@click.command()
@click.argument("report_id", required=False)
@click.option("--last", type=click.IntRange(1, 1000), default=20, show_default=True, help="Bao nhiêu / how many.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Ghi các tệp vào đây / write its files.")
@click.option("--mail", is_flag=True, help="Gửi lại cho người chưa nhận được / mail again whom it did not reach.")
def kept(*, report_id: str | None, last: int, out: Path | None, mail: bool) -> None:
    """Báo cáo đã giữ: liệt kê, kiểm tra chữ ký, ghi ra tệp / kept reports: list, verify, write; exit 1 when changed."""
    if report_id is None:
        if out or mail:
            raise click.UsageError("Nêu mã báo cáo / say which report")
        _list_kept(last)
        return
    with the_hub() as hub:
        one = _known(hub, report_id)
        click.echo(_kept_line(one))
        wrong = kept_reports.faults(hub, one)
        _show_kept(hub, one, wrong)
        if out is not None and not wrong:
            _write(hub, one, out)
        if mail:
            with hub.database.writing() as transaction:
                count = kept_store.send_again(transaction, one.id, at=hub.now())
                opened.audited(transaction, "reports.mailed_again", report=one.id, mails=str(count))
            click.echo(f"Sẽ gửi lại / to be mailed again: {count}")
    sys.exit(1 if wrong else 0)


@click.command()
@click.argument("report_id")
def reproduce(*, report_id: str) -> None:
    """Lập lại đúng báo cáo đã giữ theo ngày đó / make a kept report again; exit 1 when it comes out otherwise."""
    with the_hub() as hub:
        one = _known(hub, report_id)
        again = kept_reports.reproduce(hub, one)
    click.echo(_kept_line(one))
    if again.same:
        click.echo(f"✓ Giống hệt / the same: {again.data_sha256}")
        return
    click.echo(f"✗ Khác / differs: {one.data_sha256} → {again.data_sha256}")
    for where, before, after in again.differs:
        click.echo(f"    {where}: {before} → {after}")
    if not again.differs:
        click.echo("    số liệu như cũ, cách tính mã băm đã đổi / the same data, the hash is made otherwise")
    sys.exit(1)


def _first(written: str, length: PeriodKind) -> date:
    try:
        first = period(written)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong), param_hint="--first") from wrong
    if first.kind is not length:
        raise click.BadParameter(f"không phải / is not: {length.value}", param_hint="--first")
    return first_due(first.kind, first.first_day)


def _readers(given: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(given))
    if len(found) > MOST_READERS:
        raise click.BadParameter(f"nhiều nhất / at most {MOST_READERS}", param_hint="--reader")
    try:
        return tuple(mail_address(one) for one in found)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong), param_hint="--reader") from wrong


def _scope(connection: Connection, kind: str, agency: str, level: int) -> Scope:
    key = code_key(agencies.require(connection, agency).code) if agency else ""
    try:
        return Scope(ScopeKind(kind), key, level)
    except ValueError as wrong:
        raise click.UsageError(
            "unit, below cần --agency; level cần --level; hub không cần gì / "
            "unit and below need --agency, level needs --level, hub neither"
        ) from wrong


def _line(one: Schedule) -> str:
    scope = one.wish.scope
    whose = " ".join(part for part in (scope.kind.value, scope.agency_key, str(scope.level or "")) if part)
    forms = ",".join(one.wish.formats)
    ended = "  (đã dừng / ended)" if one.ended_at else ""
    return f"{one.report} [{whose}] {one.every.value} {forms} → {', '.join(one.readers) or '–'}{ended}"


def _late(one: Schedule) -> str:
    due = f"{one.due_at.astimezone(VIETNAM):%H:%M %d/%m/%Y}"
    words = f"kỳ tới / next: {one.period.written}, lúc / at {due}"
    return f"{words} ✗ quá hạn / overdue" if one.ended_at is None and one.due_at + reporting.LATE < utc_now() else words


def _kept_line(one: Kept) -> str:
    days = one.asked["period"]
    return f"{one.id}  {one.report} {days}, đến hết / as of {one.known_on:%d/%m/%Y}, SHA-256 {one.data_sha256}"


def _show_mails(mails: list[Mail]) -> None:
    for mail in mails:
        click.echo(f"    {mail.address}: {_mail_words(mail)}")


def _mail_words(mail: Mail) -> str:
    if mail.sent_at is not None:
        return f"đã gửi / sent {mail.sent_at.astimezone(VIETNAM):%H:%M %d/%m/%Y}"
    tried = f"{mail.attempts} lần / attempts: {mail.last_error}"
    if mail.given_up:
        return f"✗ thôi gửi / given up, {tried}" if mail.attempts else f"✗ không gửi / not sent: {mail.last_error}"
    return f"chờ gửi lại / to be tried again, {tried}" if mail.attempts else "chờ gửi / waiting"


def _list_kept(last: int) -> None:
    with opened.database() as database, database.reading() as connection:
        found = kept_store.newest(connection, limit=last)
        mails = kept_store.mails(connection, [one.id for one in found])
    for one in found:
        sent = sum(mail.sent_at is not None for mail in mails[one.id])
        click.echo(f"{_kept_line(one)}, thư / mails {sent}/{len(mails[one.id])}")
    if not found:
        click.echo("Chưa có báo cáo nào được giữ / nothing is kept yet")


def _show_kept(hub: Hub, one: Kept, wrong: list[tuple[str, str]]) -> None:
    for file in one.files:
        click.echo(f"    {file.name}  {file.size_bytes}  {file.sha256}")
    with hub.database.reading() as connection:
        _show_mails(kept_store.mails(connection, [one.id])[one.id])
    if not wrong:
        click.echo("✓ Chữ ký của trục và mọi tệp nguyên vẹn / the hub's signature and every file are genuine")
    for vi, en in wrong:
        click.echo(f"✗ {vi} / {en}")
    for form in kept_reports.missing(one):
        click.echo(f"    {form}: không lập được / could not be made")


def _write(hub: Hub, one: Kept, folder: Path) -> None:
    """Every file and the signature; a file that is there already is left as it is and named."""
    folder.mkdir(parents=True, exist_ok=True)
    bodies = {file.name: kept_reports.content(hub, file) for file in one.files}
    bodies[kept_reports.signature_name(one)] = one.jws.encode("ascii")
    for name, body in bodies.items():
        try:
            with (folder / name).open("xb") as target:
                target.write(body)
        except FileExistsError as there:
            raise click.ClickException(f"{folder / name}: đã có, không ghi đè / exists, not overwritten") from there
        click.echo(str(folder / name))


def _known(hub: Hub, report_id: str) -> Kept:
    with hub.database.reading() as connection:
        one = kept_store.get(connection, report_id.lower())
    if one is None:
        raise NoSuchThing(f"no kept report {report_id}")
    return one
