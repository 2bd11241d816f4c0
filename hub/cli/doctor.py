"""`hub doctor`: what is wrong, what it means for documents, what to do next.

Owns: the questions put to a hub; exit 0 when all is well, 1 when something needs a person.
Never: repairs.
Source: design §8 (kind to people); field notes (stuck documents with cause and next action).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta

import click

from hub import settings, wiring
from hub.broker.publisher import Publisher
from hub.cli.trust import CLOCK_IS_LATE, MANY_FAILURES
from hub.domain.periods import vietnam_day
from hub.domain.rules import pack_on
from hub.errors import HubError
from hub.processes import reporting
from hub.processes.loop import LATE_AFTER
from hub.processes.workers import WORKERS
from hub.settings import MIB, Settings
from hub.stations import Hub, utc_now
from hub.store import backlog, evidence, heartbeats, kept_reports, outbox, schedules, schema, seals

BROKER_WAIT_SECONDS = 5.0
LATE_ROUTING = timedelta(minutes=2)
LATE_SEALING = timedelta(seconds=10)  # for each second between two seals
REPORTS_OF = timedelta(days=7)  # a mail that was given up is told for so long
CERTIFICATE_WARNING = timedelta(days=30)
ADVICE = "Xử lý lỗi này rồi chạy lại / mend this, then run `hub doctor` again"


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One answer: fine or not, what was seen, what to do (empty when fine)."""

    question: str
    fine: bool
    seen: str
    advice: str = ""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="JSON for programs.")
def doctor(*, as_json: bool) -> None:
    """Khám trục: điều gì sai và phải làm gì / what is wrong and what to do."""
    answers = list(diagnose(settings.load()))
    if as_json:
        click.echo(json.dumps([asdict(answer) for answer in answers], ensure_ascii=False, indent=2))
    else:
        for answer in answers:
            click.echo(f"{'✓' if answer.fine else '✗'} {answer.question}: {answer.seen}")
            if answer.advice:
                click.echo(f"    → {answer.advice}")
    sys.exit(0 if all(answer.fine for answer in answers) else 1)


def diagnose(configured: Settings) -> Iterator[Diagnosis]:
    """All answers that can be had; a failing part never hides the others."""
    database = wiring.open_database(configured)
    try:
        found, wanted = schema.version(database), schema.newest()
    except HubError as away:
        yield Diagnosis(
            "Cơ sở dữ liệu / database", fine=False, seen=str(away).splitlines()[0],
            advice="Khởi động cơ sở dữ liệu, kiểm tra HUB_DATABASE_URL; tài liệu đã nhận không mất. / "
            "Start the database, check HUB_DATABASE_URL; nothing accepted is lost.",
        )  # fmt: skip
        return
    current = found == wanted
    yield Diagnosis(
        "Lược đồ / schema", fine=current, seen=found or "trống / empty",
        advice="" if current else "Chạy / run: hub db upgrade",
    )  # fmt: skip
    if not current:
        return
    database.close()
    try:
        hub = wiring.open_hub(configured)
    except HubError as wrong:
        yield Diagnosis("Cấu hình / settings", fine=False, seen=str(wrong), advice="Sửa cấu hình / correct the setting")
        return
    for question in (_rules, _key, _trust, _evidence, _seals, _payloads, _processes, _outbox, _stuck, _reports):
        yield from _asked(question, hub)
    if not configured.embedded:
        yield _broker(configured)
    hub.close()


def _asked(question: Callable[[Hub], Iterator[Diagnosis]], hub: Hub) -> Iterator[Diagnosis]:
    try:
        yield from question(hub)
    except HubError as trouble:
        title = (question.__doc__ or "").rstrip(".")
        yield Diagnosis(title, fine=False, seen=f"{trouble.code}: {str(trouble).splitlines()[0]}", advice=ADVICE)


def _rules(hub: Hub) -> Iterator[Diagnosis]:
    """Gói quy tắc / rule pack."""
    pack = pack_on(vietnam_day(hub.now()))
    yield Diagnosis("Gói quy tắc / rule pack", fine=True, seen=f"{pack.pack_id}: {pack.title}")


def _key(hub: Hub) -> Iterator[Diagnosis]:
    """Khóa ký biên nhận / receipt key."""
    until = hub.key.certificates[0].not_valid_after_utc
    fine = until - hub.now() > CERTIFICATE_WARNING
    advice = "" if fine else "Thay khóa ký biên nhận trước hạn / replace the receipt key before that day"
    yield Diagnosis(
        "Khóa ký biên nhận / receipt key", fine=fine, seen=f"{hub.key.kid} → {until:%Y-%m-%d}", advice=advice
    )


def _trust(hub: Hub) -> Iterator[Diagnosis]:
    """CA gốc tin cậy / trusted roots."""
    count = len(hub.trust.signing.roots)
    advice = (
        ""
        if count
        else "Chạy `hub trust add government TỆP`: chưa có CA gốc, mọi chữ ký đều không được tin. / "
        "Run `hub trust add government FILE`: without a root no signature is trusted."
    )
    yield Diagnosis("CA gốc tin cậy / trusted roots", fine=count > 0, seen=str(count), advice=advice)


def _evidence(hub: Hub) -> Iterator[Diagnosis]:
    """Dữ liệu thu hồi / revocation evidence."""
    with hub.database.reading() as connection:
        sources = evidence.sources(connection)
    now = hub.now()
    failing = sum(one.failures >= MANY_FAILURES for one in sources)
    stale = sum(one.next_update is not None and one.next_update < now for one in sources)
    late = sum(one.next_fetch_at is not None and one.next_fetch_at < now - CLOCK_IS_LATE for one in sources)
    fine = not (failing or stale or late)
    advice = (
        ""
        if fine
        else "Văn bản có thể bị giữ lại; chạy `hub trust check`, khởi động clock nếu nguồn quá hạn. / "
        "Documents may be held; run `hub trust check`, start the clock when sources are overdue."
    )
    seen = f"{len(sources)} nguồn / sources, {failing} lỗi / failing, {stale} cũ / stale, {late} quá hạn / overdue"
    yield Diagnosis("Dữ liệu thu hồi / revocation evidence", fine=fine, seen=seen, advice=advice)


def _seals(hub: Hub) -> Iterator[Diagnosis]:
    """Niêm phong biên nhận / seals of receipts."""
    with hub.database.reading() as connection:
        seen = seals.standing(connection)
    late = seen.oldest is not None and hub.now() - seen.oldest > LATE_SEALING * hub.settings.seal_every_seconds
    advice = "Khởi động clock; biên nhận vẫn có giá trị / start the clock; receipts stay valid" if late else ""
    title = "Biên nhận chưa niêm phong / receipts not sealed yet"
    yield Diagnosis(title, fine=not late, seen=str(seen.unsealed), advice=advice)
    if hub.timestamps is None:
        words = "không cấu hình: niêm phong không có dấu thời gian / none configured: seals carry no timestamp"
        yield Diagnosis("Dấu thời gian / timestamps", fine=True, seen=words)
        return
    failing = seen.failures >= MANY_FAILURES
    advice = "Kiểm tra HUB_TIMESTAMP_URL và / and trust/timestamping" if failing else ""
    said = f"{seen.owed} {seen.last_error}".strip()
    yield Diagnosis("Dấu thời gian còn nợ / timestamps owed", fine=not failing, seen=said, advice=advice)


def _payloads(hub: Hub) -> Iterator[Diagnosis]:
    """Kho nội dung / payload store."""
    free = hub.payloads.free_bytes()
    fine = free > hub.settings.min_free_bytes
    advice = "" if fine else "Giải phóng đĩa: trục đang từ chối nhận (503). / Free the disk: the hub answers 503."
    yield Diagnosis("Kho nội dung / payload store", fine=fine, seen=f"{free // MIB} MiB trống / free", advice=advice)


def _processes(hub: Hub) -> Iterator[Diagnosis]:
    """Tiến trình / processes."""
    with hub.database.reading() as connection:
        seen = heartbeats.last(connection)
    expected = ["relay", "clock"] if hub.settings.embedded else ["relay", *WORKERS, "clock"]
    for name in expected:
        beats = [at for process, (at, _) in seen.items() if process.split("@")[0] == name]
        late = not beats or utc_now() - max(beats) > LATE_AFTER
        last = f"{max(beats):%Y-%m-%d %H:%M:%S} UTC" if beats else "chưa bao giờ / never"
        start = "hub serve" if hub.settings.embedded else f"hub run {name}"
        advice = f"Khởi động / start: {start}" if late else ""
        yield Diagnosis(f"Tiến trình / process {name}", fine=not late, seen=last, advice=advice)


def _outbox(hub: Hub) -> Iterator[Diagnosis]:
    """Việc chờ chuyển / work owed to stations."""
    with hub.database.reading() as connection:
        count = outbox.waiting(connection)
    fine = count < relay_backlog(hub)
    advice = "" if fine else "Xem relay và broker / look at the relay and the broker"
    yield Diagnosis("Việc chờ chuyển / work owed to stations", fine=fine, seen=str(count), advice=advice)


def relay_backlog(hub: Hub) -> int:
    """From this many owed rows on the relay is behind: about ten seconds of its work."""
    return 1000 if hub.settings.embedded else 20_000


def _stuck(hub: Hub) -> Iterator[Diagnosis]:
    """Văn bản còn chờ / documents that wait."""
    with hub.database.reading() as connection:
        seen = backlog.look(connection, before=hub.now() - LATE_ROUTING)
    yield Diagnosis(
        "Văn bản chưa được định tuyến / accepted but not routed", fine=seen.unrouted == 0, seen=str(seen.unrouted),
        advice="" if seen.unrouted == 0 else "Khởi động router và clock / start the router and the clock",
    )  # fmt: skip
    yield Diagnosis(
        "Lượt giao quá hạn / deliveries overdue", fine=seen.overdue == 0, seen=str(seen.overdue),
        advice="" if seen.overdue == 0 else "Khởi động deliverer và clock / start the deliverer and the clock",
    )  # fmt: skip
    yield Diagnosis("Đang giữ chờ chứng cứ / held for evidence", fine=True, seen=str(seen.held))
    waiting = f"{seen.in_inboxes}" + (f", cũ nhất / oldest {seen.oldest:%Y-%m-%d %H:%M} UTC" if seen.oldest else "")
    yield Diagnosis("Chờ nơi nhận lấy / waiting in inboxes", fine=True, seen=waiting)


def _reports(hub: Hub) -> Iterator[Diagnosis]:
    """Báo cáo định kỳ / scheduled reports."""
    now, late = hub.now(), hub.now() - reporting.LATE
    with hub.database.reading() as connection:
        overdue = len(schedules.due(connection, late, day=vietnam_day(late)))
        mails = kept_reports.standing(connection, since=now - REPORTS_OF, many=MANY_FAILURES)
    yield Diagnosis(
        "Báo cáo định kỳ quá hạn / scheduled reports overdue", fine=overdue == 0, seen=str(overdue),
        advice="" if overdue == 0 else "Khởi động clock, tally; xem nhật ký: report_… / "
        "Start the clock and the tally; look for report_… in the clock's log",
    )  # fmt: skip
    fine = not (mails.failing or mails.given_up)
    seen = f"{mails.failing} lỗi / failing, {mails.given_up} không gửi được / not sent, {mails.sent} đã gửi / sent"
    yield Diagnosis(
        "Thư gửi báo cáo / mails with reports", fine=fine, seen=seen,
        advice="" if fine else "Xem `hub reports schedule list`, HUB_MAIL_SERVER; gửi lại / mail again: "
        "hub reports kept MÃ --mail",
    )  # fmt: skip


def _broker(configured: Settings) -> Diagnosis:
    publisher = Publisher(configured.broker_url)
    publisher.start()
    connected = publisher.wait_connected(BROKER_WAIT_SECONDS)
    publisher.stop()
    advice = (
        ""
        if connected
        else "Khởi động RabbitMQ; văn bản vẫn được nhận và nằm trong cơ sở dữ liệu. / "
        "Start RabbitMQ; documents are still accepted and wait in the database."
    )
    return Diagnosis(
        "RabbitMQ", fine=connected, seen="kết nối được / reachable" if connected else "không / no", advice=advice
    )
