"""Failures and refusals: rejected by the hub, not delivered, declined, refused, expired, not fetched; by unit, and why.

Owns: which counts and ratios it shows; the reasons of the hub's own rejections.
Never: makes a percentage of what has no list behind it: rejected and undelivered sendings are numbers only.
Source: Decision 28/2018/QĐ-TTg Art. 5(4), 9(1), 11; Decree 30/2020/NĐ-CP Art. 21(2); domain notes §5.2 (7, 8).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hub.domain.counting import Detail, Direction, Measure
from hub.domain.findings import catalogue
from hub.reports import counts_table, figures, indicator_table, links, surroundings
from hub.reports.counts_table import Count, Shown
from hub.reports.figures import Figure
from hub.reports.formats import number_vi
from hub.reports.made import Cell, Chart, Column, Drawing, Kind, Made, Series, Table, Words
from hub.reports.protocol import Report, ReportAsked
from hub.store import rejections
from hub.store.tallies import Slice

TITLE = Words("Lỗi, từ chối và chưa nhận", "Failures and refusals")
RATIOS = ("refusal", "unfetched")
MOST_LOOKED_AT, MOST_REASONS, MOST_DRAWN = 2000, 15, 20
SHOWN = Shown(
    (
        Count(Words("Trục từ chối khi gửi", "Rejected by the hub"), Direction.REJECTED),
        Count(
            Words("Không giao được: hệ thống nhận không nhận", "Not delivered: refused"),
            Direction.UNDELIVERED,
            Measure.REFUSED,
        ),
        Count(
            Words("Không giao được: hết hạn", "Not delivered: expired"),
            Direction.UNDELIVERED,
            Measure.EXPIRED,
        ),
        Count(Words("Bên nhận từ chối tiếp nhận", "Declined"), Direction.RECEIVED, Measure.DECLINED),
        Count(
            Words("Đến rồi, hệ thống không nhận", "Arrived, then refused"),
            Direction.RECEIVED,
            Measure.REFUSED,
        ),
        Count(Words("Đến rồi, hết hạn không lấy", "Arrived, then expired"), Direction.RECEIVED, Measure.EXPIRED),
        Count(
            Words("Chưa lấy về đúng hạn", "Not fetched in time"),
            Direction.RECEIVED,
            Measure.UNFETCHED,
        ),
    )
)
_NOTE = Words(
    "Văn bản bị trục từ chối tính ở bên gửi; các số khác tính ở bên nhận. Một lượt nhận có thể ở nhiều cột.",
    "What the hub rejected counts at its sender, all others at the recipient; a copy may stand in several columns.",
)


def run(connection: Any, wanted: ReportAsked) -> Made:
    """The report."""
    ids = indicator_table.shown(wanted.rules, RATIOS)
    now = indicator_table.of(connection, wanted, ids)
    found = counts_table.kinds(connection, wanted.asked, SHOWN, detail=Detail.WORTH)
    units, chart = _units(connection, wanted, now)
    tables = [
        counts_table.in_all(connection, wanted, SHOWN, found),
        indicator_table.table(connection, wanted, now, title=Words("Tỷ lệ", "Ratios")),
        units,
    ]
    over = counts_table.over_time(connection, wanted, SHOWN)
    reasons = _reasons(connection, wanted)
    tables += [one for one in (over, reasons) if one is not None]
    return surroundings.made(
        connection,
        wanted,
        (REPORT.report_id, TITLE),
        shown=now,
        directions=(Direction.RECEIVED,),
        tables=tables,
        charts=[chart],
        more=(_NOTE,),
    )


def _units(connection: Any, wanted: ReportAsked, now: Mapping[str, Figure]) -> tuple[Table, Chart]:
    numbers = counts_table.by_agency(connection, wanted, SHOWN)
    ratios = figures.by_agency(connection, wanted.asked, wanted.rules, now)
    names = counts_table.names(connection, wanted, numbers.keys())
    columns = (
        Column("Đơn vị", "Unit", width=36),
        Column("Mã định danh", "Code", width=16),
        *SHOWN.columns,
        *(Column(one.indicator.vi, one.indicator.en, Kind.SHARE, 12) for one in now.values()),
    )
    rows = []
    for key, many in numbers.items():
        asked = links.of_agency(wanted.asked, key)
        own = [by_agency.get(key) for by_agency in ratios.values()]
        shares: list[Cell] = [links.share(wanted, one, asked) if one else None for one in own]
        rows.append((names[key], key, *SHOWN.cells(many), *shares))
    title = Words("Theo đơn vị", "By unit")
    some = list(numbers)[:MOST_DRAWN]
    series = tuple(
        Series(one.words, tuple(numbers[key][place] for key in some)) for place, one in enumerate(SHOWN.counts)
    )
    chart = Chart("units", title, Drawing.STACKED, tuple(names[key] for key in some), series, percent=False)
    return Table("units", title, columns, tuple(rows)), chart


def _reasons(connection: Any, wanted: ReportAsked) -> Table | None:
    """Why the hub rejected, most often first; None when it rejected nothing."""
    asked = wanted.asked
    days = (asked.period.first_day, asked.period.last_day)
    piece = Slice(Direction.REJECTED, asked.scope, *days, asked.known_on)
    found = rejections.reasons(connection, piece, document_type=asked.document_type, most=MOST_LOOKED_AT)
    if not found.looked_at:
        return None
    rows = tuple((code, _sentence(code), count) for code, count in sorted(found.by_code.items(), key=_often))
    count = number_vi(found.looked_at)
    note = Words(
        f"Theo {count} văn bản bị từ chối gần nhất trong kỳ; một văn bản có thể có nhiều lý do.",
        f"Of the newest {count} rejected sendings of the period; one may have several reasons.",
    )
    columns = (
        Column("Mã", "Code", width=30),
        Column("Lý do", "Reason", width=70),
        Column("Số văn bản", "Sendings", Kind.NUMBER, 12),
    )
    title = Words("Lý do trục từ chối", "Why the hub rejected")
    return Table("reasons", title, columns, rows[:MOST_REASONS], (note,))


def _often(pair: tuple[str, int]) -> tuple[int, str]:
    code, count = pair
    return -count, code


def _sentence(code: str) -> str:
    """The finding's sentence without the facts of any one document."""
    return re.sub(r"\{\w+\}", "…", catalogue().get(code, {}).get("vi", code))


REPORT = Report(
    "failures",
    TITLE,
    Words(
        "Trục từ chối, không giao được, bên nhận từ chối, hết hạn, chưa lấy về; theo đơn vị, kèm lý do",
        "Rejected by the hub, not delivered, declined, expired, not fetched; by unit, with reasons",
    ),
    run,
)
