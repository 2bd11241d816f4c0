"""A small report without a database behind it, for tests of keeping, signing, mailing and making again.

Owns: the report; its figures follow from the order alone unless a test says otherwise.
Never: stands in for the real reports where their figures are at stake.
"""

from __future__ import annotations

from datetime import date, datetime

from hub.bundles.kept_reports import Order
from hub.domain.periods import period
from hub.domain.schedules import Wish
from hub.domain.scopes import Scope, ScopeKind
from hub.reports.made import Column, Kind, Made, Share, Table, Told, ToldCount, Words
from hub.stations import Hub

FORMATS = ("csv", "xlsx")


def order(written: str = "2026-09", *, formats: tuple[str, ...] = FORMATS, schedule_id: str | None = None) -> Order:
    """A report of a period as known on its last day."""
    days = period(written)
    return Order("paper_free", Wish(Scope(ScopeKind.HUB), formats), days, days.last_day, schedule_id)


def report(wanted: Order, at: datetime, *, signed: int = 18274, name: str = "Ký số") -> Made:
    """A table with two indicators; the second counts the days of the period."""
    columns = (
        Column("Chỉ tiêu", "Indicator"),
        Column("Tỷ lệ", "Ratio", Kind.SHARE),
        Column("Số", "Count", Kind.NUMBER),
    )
    days = (wanted.period.last_day - date(wanted.period.last_day.year, 1, 1)).days
    rows = ((name, Share(signed, 18302, "/n", "/d"), 7), ("Không giấy", Share(days, 1000), 8))
    figures = (
        Told("signed", Words(name, "Signed"), (signed, 0), (18000, 302)),
        Told("paperless", Words("Không giấy", "Paperless"), (days, 0), (1000, 0)),
        ToldCount("sent", Words("Văn bản gửi", "Documents sent"), 163_107),
    )
    vi, en = wanted.period.words
    return Made(
        report_id=wanted.report,
        title=Words("Báo cáo thử", "Test report"),
        lines=(Words(f"Kỳ: {vi}", f"Period: {en}"),),
        tables=(Table("main", Words("Chính", "Main"), columns, rows),),
        charts=(),
        notes=(),
        rule_pack="qd28-2018",
        known_on=wanted.known_on,
        made_at=at,
        figures=figures,
    )


def made(hub: Hub, wanted: Order) -> Made:
    """In place of `hub.bundles.kept_reports.made`."""
    return report(wanted, hub.now())
