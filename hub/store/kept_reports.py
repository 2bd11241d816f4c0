"""The reports that the hub made and keeps, and the mails about them that are still to be sent.

Owns: the rows of kept_reports and report_mails; the schedule of attempts.
Never: holds a file (the payload store does) or sends; changes or deletes a kept report.
Source: issue 5 point 7.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.schedules import next_attempt
from hub.store.engine import Transaction
from hub.store.report_tables import kept_reports, report_mails

LONGEST_ERROR = 500
CHUNK = 500  # values in one statement


@dataclass(frozen=True, slots=True)
class KeptFile:
    """One form of a kept report; its bytes lie in the payload store under `sha256`."""

    name: str
    media_type: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A report that was made and is kept; `asked` has the period and the wish, `jws` is the hub's word for it."""

    id: str
    schedule_id: str | None
    report: str
    asked: Mapping[str, Any]
    known_on: date
    made_at: datetime
    data_sha256: str
    files: tuple[KeptFile, ...]
    jws: str


@dataclass(frozen=True, slots=True)
class Mail:
    """One reader's mail about a kept report. Neither sent nor with a next attempt: given up, or never begun."""

    report_id: str
    address: str
    attempts: int
    next_attempt_at: datetime | None
    sent_at: datetime | None
    last_error: str

    @property
    def given_up(self) -> bool:
        """It is not tried again by itself."""
        return self.sent_at is None and self.next_attempt_at is None


@dataclass(frozen=True, slots=True)
class Standing:
    """How the mails of the reports made since some day stand; `failing` wait too, after several failures."""

    sent: int
    waiting: int
    failing: int
    given_up: int


def keep(transaction: Transaction, kept: Kept) -> bool:
    """Keep a new report; False when the schedule has one as known on that day already."""
    row = {
        "id": kept.id,
        "schedule_id": kept.schedule_id,
        "report": kept.report,
        "asked": dict(kept.asked),
        "known_on": kept.known_on,
        "made_at": kept.made_at,
        "data_sha256": kept.data_sha256,
        "files": [asdict(file) for file in kept.files],
        "jws": kept.jws,
    }
    return transaction.insert_new(kept_reports, row)


def owe(transaction: Transaction, report_id: str, addresses: Sequence[str], *, at: datetime | None, why: str) -> None:
    """Each of these readers is owed a mail, due at `at`; None: it is not to be sent now, `why` says the reason."""
    rows = [
        {"report_id": report_id, "address": address, "next_attempt_at": at, "last_error": why}
        for address in dict.fromkeys(addresses)
    ]
    if rows:
        transaction.execute(sa.insert(report_mails), rows)


def get(connection: Connection, report_id: str) -> Kept | None:
    """The kept report with this id."""
    row = connection.execute(sa.select(kept_reports).where(kept_reports.c.id == report_id)).one_or_none()
    return _kept(row) if row is not None else None


def newest(connection: Connection, *, limit: int) -> list[Kept]:
    """The last ones that were made, newest first (ids are in the order of time)."""
    asked = sa.select(kept_reports).order_by(kept_reports.c.id.desc()).limit(limit)
    return [_kept(row) for row in connection.execute(asked)]


def newest_of(connection: Connection, schedule_id: str) -> Kept | None:
    """The last one of a schedule, by the day as known on which it was made."""
    asked = sa.select(kept_reports).where(kept_reports.c.schedule_id == schedule_id)
    row = connection.execute(asked.order_by(kept_reports.c.known_on.desc()).limit(1)).one_or_none()
    return _kept(row) if row is not None else None


def of_day(connection: Connection, schedule_id: str, known_on: date) -> Kept | None:
    """What a schedule has as known on a day."""
    asked = sa.select(kept_reports).where(
        kept_reports.c.schedule_id == schedule_id, kept_reports.c.known_on == known_on
    )
    row = connection.execute(asked).one_or_none()
    return _kept(row) if row is not None else None


def mails(connection: Connection, report_ids: Sequence[str]) -> dict[str, list[Mail]]:
    """The mails about these reports, by report, in the order of their addresses."""
    found: dict[str, list[Mail]] = {one: [] for one in report_ids}
    for start in range(0, len(report_ids), CHUNK):
        asked = sa.select(report_mails).where(report_mails.c.report_id.in_(report_ids[start : start + CHUNK]))
        for row in connection.execute(asked.order_by(report_mails.c.report_id, report_mails.c.address)):
            found[row.report_id].append(_mail(row))
    return found


def due_mails(connection: Connection, now: datetime, *, limit: int) -> list[Mail]:
    """Mails whose time has come, longest waiting first."""
    asked = sa.select(report_mails).where(report_mails.c.next_attempt_at <= now)
    return [_mail(row) for row in connection.execute(asked.order_by(report_mails.c.next_attempt_at).limit(limit))]


def claim(transaction: Transaction, mail: Mail, *, until: datetime) -> bool:
    """Put a due mail off until `until`; False when another process took it since it was read."""
    unmoved = sa.and_(_this(mail), report_mails.c.next_attempt_at == mail.next_attempt_at)
    return transaction.execute(sa.update(report_mails).where(unmoved).values(next_attempt_at=until)).rowcount == 1


def sent(transaction: Transaction, mail: Mail, *, at: datetime) -> None:
    """The mail server took it."""
    values = {"sent_at": at, "attempts": mail.attempts + 1, "next_attempt_at": None, "last_error": ""}
    transaction.execute(sa.update(report_mails).where(_this(mail)).values(values))


def failed(transaction: Transaction, mail: Mail, *, at: datetime, error: str) -> bool:
    """The mail server did not take it; tried again after growing pauses. True: given up."""
    again = next_attempt(mail.attempts + 1, at)
    values = {
        "attempts": mail.attempts + 1,
        "next_attempt_at": again,
        "last_error": "".join(sign if sign.isprintable() else " " for sign in error)[:LONGEST_ERROR],
    }
    transaction.execute(sa.update(report_mails).where(_this(mail)).values(values))
    return again is None


def send_again(transaction: Transaction, report_id: str, *, at: datetime) -> int:
    """Every mail about a report that was not sent is due at once, as if never tried; returns how many."""
    unsent = sa.and_(report_mails.c.report_id == report_id, report_mails.c.sent_at.is_(None))
    values = {"attempts": 0, "next_attempt_at": at, "last_error": ""}
    return transaction.execute(sa.update(report_mails).where(unsent).values(values)).rowcount


def standing(connection: Connection, *, since: datetime, many: int) -> Standing:
    """How the mails stand of the reports that were made since; `many` failures are more than bad luck."""
    went, owed = report_mails.c.sent_at.isnot(None), report_mails.c.next_attempt_at.isnot(None)
    asked = (
        sa.select(
            _count(went),
            _count(sa.and_(owed, report_mails.c.attempts < many)),
            _count(sa.and_(owed, report_mails.c.attempts >= many)),
            _count(sa.and_(sa.not_(went), sa.not_(owed))),
        )
        .select_from(report_mails.join(kept_reports, kept_reports.c.id == report_mails.c.report_id))
        .where(kept_reports.c.made_at >= since)
    )
    return Standing(*(number or 0 for number in connection.execute(asked).one()))


def _count(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((condition, 1), else_=0))


def _this(mail: Mail) -> sa.ColumnElement[bool]:
    return sa.and_(report_mails.c.report_id == mail.report_id, report_mails.c.address == mail.address)


def _kept(row: Any) -> Kept:
    return Kept(
        id=row.id,
        schedule_id=row.schedule_id,
        report=row.report,
        asked=row.asked,
        known_on=row.known_on,
        made_at=row.made_at,
        data_sha256=row.data_sha256,
        files=tuple(KeptFile(**file) for file in row.files),
        jws=row.jws,
    )


def _mail(row: Any) -> Mail:
    return Mail(row.report_id, row.address, row.attempts, row.next_attempt_at, row.sent_at, row.last_error)
