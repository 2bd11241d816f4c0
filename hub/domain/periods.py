"""Days and times as Vietnamese law counts them.

Owns: the Vietnamese day of an instant, the ISO 8601 form with +07:00, day ranges.
Never: asks the machine for its time zone.
Source: Decision 28/2018/QĐ-TTg Art. 14(4): Vietnamese time zone, ISO 8601.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

VIETNAM = timezone(timedelta(hours=7), "+07:00")  # Asia/Ho_Chi_Minh has had no other offset since 1975


def vietnam_day(instant: datetime) -> date:
    """The calendar day in Vietnam of an aware instant.

    >>> from datetime import UTC
    >>> vietnam_day(datetime(2026, 1, 1, 17, 0, tzinfo=UTC)).isoformat()
    '2026-01-02'
    """
    return instant.astimezone(VIETNAM).date()


def vietnam_time(instant: datetime) -> str:
    """ISO 8601 with +07:00 and milliseconds, as shown at every edge."""
    return instant.astimezone(VIETNAM).isoformat(timespec="milliseconds")
