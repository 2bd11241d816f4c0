"""The schedules of reports: which report is made after every period, for whom, and which period is due next.

Owns: the rows of report_schedules.
Never: makes a report; changes a schedule other than by ending it or moving on to the next period.
Source: issue 5 point 7.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.periods import PeriodKind
from hub.domain.schedules import Schedule, wish_from
from hub.store.engine import Transaction
from hub.store.report_tables import report_schedules

_LIVE = report_schedules.c.ended_at.is_(None)


def add(transaction: Transaction, schedule: Schedule) -> None:
    """Keep a new schedule."""
    row = {
        "id": schedule.id,
        "report": schedule.report,
        "asked": schedule.wish.as_json(),
        "every": schedule.every.value,
        "readers": list(schedule.readers),
        "made_at": schedule.made_at,
        "next_day": schedule.next_day,
    }
    transaction.execute(sa.insert(report_schedules), row)


def all_schedules(connection: Connection) -> list[Schedule]:
    """All of them in the order in which they were made, those that ended too."""
    return [_schedule(row) for row in connection.execute(sa.select(report_schedules).order_by(report_schedules.c.id))]


def get(connection: Connection, schedule_id: str) -> Schedule | None:
    """The live schedule with this id."""
    asked = sa.select(report_schedules).where(report_schedules.c.id == schedule_id, _LIVE)
    row = connection.execute(asked).one_or_none()
    return _schedule(row) if row is not None else None


def due(connection: Connection, now: datetime, *, day: date) -> list[Schedule]:
    """The live schedules whose time has come; `day` is the Vietnamese day of `now`. Longest due first."""
    asked = sa.select(report_schedules).where(report_schedules.c.next_day <= day, _LIVE)
    found = [_schedule(row) for row in connection.execute(asked)]
    return sorted((one for one in found if one.due_at <= now), key=lambda one: (one.due_at, one.id))


def move_on(transaction: Transaction, schedule: Schedule) -> bool:
    """The next period is due next; False when another process moved on, or the schedule was ended meanwhile."""
    same = sa.and_(report_schedules.c.id == schedule.id, report_schedules.c.next_day == schedule.next_day, _LIVE)
    moved = sa.update(report_schedules).where(same).values(next_day=schedule.following_day)
    return transaction.execute(moved).rowcount == 1


def end(transaction: Transaction, schedule_id: str, *, at: datetime) -> bool:
    """No further report; False when there is no such live schedule. What was kept stays."""
    ended = sa.update(report_schedules).where(report_schedules.c.id == schedule_id, _LIVE).values(ended_at=at)
    return transaction.execute(ended).rowcount == 1


def _schedule(row: Any) -> Schedule:
    return Schedule(
        id=row.id,
        report=row.report,
        wish=wish_from(row.asked),
        every=PeriodKind(row.every),
        readers=tuple(row.readers),
        made_at=row.made_at,
        next_day=row.next_day,
        ended_at=row.ended_at,
    )
