"""REPORTING: makes every scheduled report once when its period is over, keeps it, and mails it to its readers.

Owns: when a report is made, the mails, the pauses after trouble; a thread of the clock: one report, one mail, in turn,
a PDF in a child with limits of its own (hub/reports/as_pdf.py), so that no other duty waits for either.
Never: makes a report twice for one day, mails before it is kept, drops one because its mail did not go. A process that
dies between handing a mail over and noting it sends the same mail, with the same Message-ID, once more.
Source: issue 5 point 7; Decision 28/2018/QĐ-TTg Art. 15.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

import structlog

from hub.bundles import kept_reports
from hub.bundles.kept_reports import Order
from hub.domain import schedules
from hub.domain.notices import CarrierKind, Enclosed, Notice
from hub.domain.periods import vietnam_day
from hub.domain.schedules import Schedule
from hub.errors import HubError, NoticesUnavailable, StoreUnavailable
from hub.signatures.detached import sign_notice
from hub.signatures.jws import canonical_json
from hub.stations import Hub
from hub.store import kept_reports as store
from hub.store import schedules as schedule_store
from hub.store.engine import Database, Transaction
from hub.store.kept_reports import Kept, Mail

log = structlog.get_logger()
EVERY_SECONDS = 5.0
AFTER_TROUBLE_SECONDS = 30.0
AT_ONCE = 20
CLAIMED_FOR = timedelta(minutes=10)  # longer than a mail server is waited for; after a crash it is sent again then
LONGEST_PAUSE = timedelta(hours=1)
LATE = timedelta(hours=1)  # a report that is not there so long after its time needs a person
NO_SERVER = "HUB_MAIL_SERVER is not set: kept, not mailed"
SIGNATURE_TYPE = "application/jose"  # RFC 7515 §9.2.1


@dataclass(slots=True)
class _Trouble:
    """A schedule whose report could not be made: how often, not before when it is tried again, whether that was said.

    A defect or a full disk is tried again after growing pauses; figures that are not final yet at the next round.
    """

    failures: int = 0
    not_before: datetime | None = None
    waiting_was_said: bool = False


#: What this process remembers, by schedule; another process may try at once, harmlessly.
_troubles: WeakKeyDictionary[Database, dict[str, _Trouble]] = WeakKeyDictionary()


def run(hub: Hub, stop: threading.Event) -> None:
    """Until `stop`: make what is due, mail what is owed; of several processes one at a time makes."""
    while not stop.is_set():
        busy = [_survived(one, hub) for one in (make_tick, send_tick)]
        if not any(busy):
            stop.wait(AFTER_TROUBLE_SECONDS if None in busy else EVERY_SECONDS)


def _survived(duty: Callable[[Hub], bool], hub: Hub) -> bool | None:
    """Whether the duty found work; None after trouble, which must not end the only thread that reports."""
    try:
        return duty(hub)
    except HubError as trouble:
        log.warning("reports_have_to_wait", error=str(trouble), code=trouble.code)
    except Exception:
        log.exception("reports_failed_unexpectedly")
    return None


def make_tick(hub: Hub) -> bool:
    """Make one report that is due; False when there is none that can be made now. Raises StoreUnavailable."""
    now = hub.now()
    with hub.database.reading() as connection:
        due = schedule_store.due(connection, now, day=vietnam_day(now))
    if not due:
        return False
    with hub.database.leading("reports") as leader:
        return leader and any(_tried(hub, schedule) for schedule in due)


def _tried(hub: Hub, schedule: Schedule) -> bool:
    """Whether this schedule moved on; one that fails is left alone for a while and stops no other."""
    trouble = _trouble(hub, schedule)
    if trouble.not_before is not None and hub.now() < trouble.not_before:
        return False
    try:
        moved = make_due(hub, schedule)
    except StoreUnavailable:
        raise
    except HubError as wrong:
        log.warning("report_could_not_be_made", schedule=schedule.id, error=str(wrong), code=wrong.code)
    except Exception:  # a defect in one report must not stop the others
        log.exception("report_failed_unexpectedly", schedule=schedule.id)
    else:
        trouble.failures, trouble.not_before = 0, None
        return moved
    trouble.failures += 1
    trouble.not_before = hub.now() + min(timedelta(minutes=2**trouble.failures), LONGEST_PAUSE)
    return False


def _trouble(hub: Hub, schedule: Schedule) -> _Trouble:
    return _troubles.setdefault(hub.database, {}).setdefault(schedule.id, _Trouble())


def make_due(hub: Hub, schedule: Schedule) -> bool:
    """Make and keep the report that is due next; False when its figures are not final yet, or another was first.

    Its row, its mails and the step to the next period are one transaction: a crash before it makes the report
    again, a crash after it mails what was kept. Raises as making does.
    """
    order = Order(schedule.report, schedule.wish, schedule.period, schedule.known_on, schedule.id)
    with hub.database.reading() as connection:
        final = kept_reports.ready(connection, order.known_on, hub.now())
        there = store.of_day(connection, schedule.id, order.known_on)
    trouble = _trouble(hub, schedule)
    if not final and not trouble.waiting_was_said:
        log.warning("report_waits_for_the_tally", schedule=schedule.id, period=order.period.written)
    trouble.waiting_was_said = not final
    if not final:
        return False
    one = there or kept_reports.kept(hub, order, kept_reports.made(hub, order))
    with hub.database.writing(gives_way=True) as transaction:
        if not schedule_store.move_on(transaction, schedule):
            return False
        if there is None:
            _keep(transaction, one, schedule, hub)
    log.info("report_was_kept", report=one.id, schedule=schedule.id, period=order.period.written)
    return True


def make_now(hub: Hub, schedule: Schedule) -> tuple[Kept, bool] | None:
    """The report of the newest period that has ended, as known at the end of yesterday; True when it is new.

    None when something that happened by then is not counted yet. Raises as making does.
    """
    today = vietnam_day(hub.now())
    known_on = today - timedelta(days=1)
    ended = schedules.last_ended(schedule.every, today)
    order = Order(schedule.report, schedule.wish, ended, known_on, schedule.id)
    with hub.database.reading() as connection:
        final = kept_reports.ready(connection, known_on, hub.now())
        there = store.of_day(connection, schedule.id, known_on)
    if there is not None:
        return there, False
    if not final:
        return None
    one = kept_reports.kept(hub, order, kept_reports.made(hub, order))
    with hub.database.writing() as transaction:
        if _keep(transaction, one, schedule, hub):
            return one, True
    with hub.database.reading() as connection:  # another made it at the same moment
        first = store.of_day(connection, schedule.id, known_on)
    return (first, False) if first is not None else None


def _keep(transaction: Transaction, one: Kept, schedule: Schedule, hub: Hub) -> bool:
    """Keep the report and owe it to its readers; without a mail server that is said, and nothing waits."""
    if not store.keep(transaction, one):
        return False
    mailing = CarrierKind.MAIL in hub.carriers
    store.owe(
        transaction, one.id, schedule.readers, at=hub.now() if mailing else None, why="" if mailing else NO_SERVER
    )
    return True


def send_tick(hub: Hub) -> bool:
    """Try one mail that is due; False when there is none. Raises StoreUnavailable."""
    with hub.database.reading() as connection:
        waiting = store.due_mails(connection, hub.now(), limit=AT_ONCE)
    for mail in waiting:
        with hub.database.writing(gives_way=True) as transaction:
            mine = store.claim(transaction, mail, until=hub.now() + CLAIMED_FOR)
        if mine:
            _send(mail, hub)
            return True
    return False


def _send(mail: Mail, hub: Hub) -> None:
    try:
        _hand_over(mail, hub)
    except StoreUnavailable:
        raise
    except HubError as refusal:
        _not_sent(mail, hub, str(refusal))
    except Exception as defect:  # one odd report must not stop the others
        log.exception("report_mail_failed_unexpectedly", report=mail.report_id)
        _not_sent(mail, hub, f"unexpected: {type(defect).__name__}")
    else:
        with hub.database.writing() as transaction:
            store.sent(transaction, mail, at=hub.now())
        log.info("report_was_mailed", report=mail.report_id, attempts=mail.attempts + 1)


def _hand_over(mail: Mail, hub: Hub) -> None:
    """Give the mail to the carrier. Raises NoticesUnavailable, PayloadsUnavailable."""
    carrier = hub.carriers.get(CarrierKind.MAIL)
    if carrier is None:
        raise NoticesUnavailable("no carrier for mail: set HUB_MAIL_SERVER")
    with hub.database.reading() as connection:
        one = store.get(connection, mail.report_id)
    if one is None:  # the foreign key forbids it
        raise NoticesUnavailable(f"no report {mail.report_id}")
    told = kept_reports.told(hub, one)
    said = schedules.letter(told)
    body = canonical_json(said.body)
    # The same for every attempt, another for every reader: the mail's Message-ID
    notice_id = f"{one.id}.{hashlib.sha256(mail.address.encode()).hexdigest()[:16]}"
    signature = sign_notice(body, notice_id=notice_id, at=hub.now(), issuer=hub.settings.name, key=hub.key)
    files = _enclosed(hub, one, {file.name for file in told.files}) if told.attached else ()
    carrier.send(Notice(notice_id, mail.address, said.subject, said.text, body, signature, attachments=files))


def _enclosed(hub: Hub, one: Kept, names: set[str]) -> tuple[Enclosed, ...]:
    """The files that its readers asked for, and the hub's signature over the digests of all."""
    files = [Enclosed(f.name, f.media_type, kept_reports.content(hub, f)) for f in one.files if f.name in names]
    return (*files, Enclosed(kept_reports.signature_name(one), SIGNATURE_TYPE, one.jws.encode("ascii")))


def _not_sent(mail: Mail, hub: Hub, error: str) -> None:
    with hub.database.writing() as transaction:
        given_up = store.failed(transaction, mail, at=hub.now(), error=error)
    words = "report_mail_was_given_up" if given_up else "report_was_not_mailed"
    log.warning(words, report=mail.report_id, error=error, attempts=mail.attempts + 1)
