"""The quarterly report of Article 15 as a Vietnamese administrative report: text with figures, three layers, signature.

Owns: its sentences, the order of its parts, what stands in the page head.
Never: gives itself a number: that is the records clerk's (Decree 30/2020 Art. 15).
Source: Decision 28/2018/QĐ-TTg Art. 11, 15; Decree 30/2020/NĐ-CP Art. 7, 8 and Annex I.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hub.domain.counting import Direction
from hub.domain.periods import PeriodKind, vietnam_day
from hub.reports import figures, indicator_table, layered_tables, links, surroundings
from hub.reports.figures import Figure
from hub.reports.formats import number_vi, points_vi, ratio_vi
from hub.reports.made import Letter, Made, Words
from hub.reports.paper_free import FULLY, ISSUED, NOT_REPLACING, ON_PAPER, PARALLEL
from hub.reports.protocol import Report, ReportAsked
from hub.store import layers

TITLE = Words(
    "Báo cáo tình hình gửi, nhận văn bản điện tử", "Report on the sending and receiving of electronic documents"
)
PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Văn bản điện tử không gửi bản giấy", (FULLY, PARALLEL, NOT_REPLACING, ON_PAPER, ISSUED)),
    ("Ký số", ("signed_by_both", "valid_signatures")),
    ("Thời hạn gửi, nhận và phản hồi trạng thái", ("sent_on_time", "receipt_same_day", "feedback", "completion")),
    ("Từ chối, chưa nhận", ("refusal", "unfetched")),
    ("Kết nối", ("agencies_connected", "agencies_planned", "units_certified")),
)
LAYERED = (FULLY, PARALLEL, ON_PAPER)
_BY_HAND = "…………"  # what no setting says, the records clerk writes
_BASIS = (
    "Thực hiện Quyết định số 28/2018/QĐ-TTg ngày 12 tháng 7 năm 2018 của Thủ tướng Chính phủ về việc gửi, nhận văn bản "
    "điện tử giữa các cơ quan trong hệ thống hành chính nhà nước, {agency} báo cáo tình hình gửi, nhận văn bản điện tử "
    "{period} như sau:"
)
_CLOSING = (
    "Số liệu do hệ thống tự động tổng hợp; phần đơn vị khai báo được ghi riêng trong các bảng. Trên đây là báo cáo "
    "tình hình gửi, nhận văn bản điện tử {period}./."
)


@dataclass(frozen=True, slots=True)
class _Told:
    """What the text tells: figures now and in the period before, documents sent and received."""

    now: Mapping[str, Figure]
    before: Mapping[str, Figure]
    sent: int
    received: int


def run(connection: Any, wanted: ReportAsked) -> Made:
    """The report with its letter: in all, then ministries and provinces (or direct units), then every unit."""
    ids = indicator_table.shown(wanted.rules, [one for _, some in PARTS for one in some])
    now = indicator_table.of(connection, wanted, ids)
    told = _told(connection, wanted, now)
    compared = replace(wanted, compare=True)
    tables = [indicator_table.table(connection, compared, now, title=Words("Số liệu chung", "In all"))]
    tables += layered_tables.tables(connection, wanted, {one: now[one] for one in LAYERED if one in now})
    return surroundings.made(
        connection,
        wanted,
        (REPORT.report_id, TITLE),
        shown=now,
        tables=tables,
        letter=_letter(connection, wanted, told),
    )


def _told(connection: Any, wanted: ReportAsked, now: Mapping[str, Figure]) -> _Told:
    asked = wanted.asked
    before = links.of_period(asked, asked.period.previous())
    sent, received = (figures.volume(connection, asked, one) for one in (Direction.SENT, Direction.RECEIVED))
    earlier = figures.figures(connection, before, wanted.rules, only=list(now)) if now else {}
    return _Told(now, earlier, sent, received)


def _letter(connection: Any, wanted: ReportAsked, told: _Told) -> Letter:
    settings, key = wanted.settings, wanted.asked.scope.agency_key
    agency, above = settings.letter_agency or _BY_HAND, settings.letter_agency_above
    if key:
        over = layers.parent(connection, key)
        names = wanted.names_of(connection, {key, over} - {""})
        agency, above = names[key], names.get(over, above)
    period = period_within(wanted)
    return Letter(
        agency_above=above,
        agency=agency,
        number="",
        symbol=settings.letter_symbol,
        place=settings.letter_place or _BY_HAND,
        day=vietnam_day(wanted.now),
        title=f"{TITLE.vi} {period}",
        opening=(_BASIS.format(agency=agency, period=period), *_text(told)),
        closing=_CLOSING.format(period=period),
        signer_position=settings.letter_signer_position,
        signer_name=settings.letter_signer_name,
        recipients=settings.letter_recipients,
    )


def period_within(wanted: ReportAsked) -> str:
    """The period as it stands within a sentence: quý III năm 2026, từ 05/01/2026 đến 07/03/2026."""
    period = wanted.asked.period
    words = period.words[0]
    return words if period.kind is PeriodKind.RANGE else words[:1].lower() + words[1:]


def _text(told: _Told) -> Iterator[str]:
    """Numbered paragraphs; a part without any indicator in the rule pack is left out."""
    sent, received, both = (number_vi(one) for one in (told.sent, told.received, told.sent + told.received))
    yield (f"1. Số lượng: đã gửi {sent} văn bản, nhận {received} lượt văn bản qua trục; tổng số gửi và nhận là {both}.")
    shown = [(title, [one for one in some if one in told.now]) for title, some in PARTS]
    for number, (title, some) in enumerate(((title, some) for title, some in shown if some), start=2):
        sentences = "; ".join(_sentence(told, one) for one in some)
        yield f"{number}. {title}: {sentences}."


def _sentence(told: _Told, one: str) -> str:
    """So many of so many, the percentage, the change in points, the target; what there is nothing of is said so."""
    figure = told.now[one]
    name = figure.indicator.vi[:1].lower() + figure.indicator.vi[1:]
    if figure.ratio is None:
        return f"{name}: không có số liệu"
    part, whole = number_vi(figure.numerator.total), number_vi(figure.denominator.total)
    words = f"{name} {part} / {whole} {figure.indicator.unit_vi}, tỷ lệ {ratio_vi(figure.ratio)}"
    change = indicator_table.points(figure, told.before.get(one))
    if change is not None:
        words += f" (so với kỳ trước {points_vi(change / indicator_table.PERCENT)})"
    if figure.target is not None:
        words += f", mục tiêu {ratio_vi(figure.target.share)}: {indicator_table.met(figure).lower()}"
    if figure.denominator.declared:
        words += f", trong đó {number_vi(figure.denominator.declared)} do đơn vị khai báo"
    return words


REPORT = Report(
    "quarterly",
    TITLE,
    Words(
        "Báo cáo định kỳ theo Điều 15 Quyết định 28/2018/QĐ-TTg, thể thức Nghị định 30/2020/NĐ-CP, ba lớp số liệu",
        "The periodical report of Article 15 of Decision 28/2018, laid out by Decree 30/2020, in three layers",
    ),
    run,
)
