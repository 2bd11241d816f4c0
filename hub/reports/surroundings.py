"""What stands around the tables of every report: whose figures of which days, how they were made, what they lack.

Owns: the lines at the head, the notes at the foot; corrections since the period was closed as a table of their own.
Never: hides anything that was left out of a figure.
Source: issue "Paper-free percentages that can be audited" points 2, 4, 8; Decision 28/2018/QĐ-TTg Art. 11, 14(3).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from hub.domain import closing
from hub.domain.closing import Amounts
from hub.domain.counting import Direction, Measure
from hub.domain.indicators import Counts, Indicator
from hub.domain.periods import VIETNAM
from hub.domain.scopes import Scope, ScopeKind
from hub.reports import figures, links
from hub.reports.figures import Figure
from hub.reports.formats import day_vi, number_vi
from hub.reports.made import Cell, Chart, Column, Kind, Letter, Made, Share, Table, Told, ToldCount, Words
from hub.reports.protocol import ReportAsked, named
from hub.store import closings, events, scopes, unfetched

MOST_LYING = 10_000  # copies whose hours ended untold that are counted
_DIRECTIONS = {Counts.SENT: Direction.SENT, Counts.RECEIVED: Direction.RECEIVED}
_LEFT = {
    Direction.SENT: (
        "{count} văn bản đi đã bị thu hồi nên không tính.",
        "{count} outgoing documents were recalled and do not count.",
    ),
    Direction.RECEIVED: (
        "{count} lượt nhận đã bị thu hồi, hủy hoặc chuyển tiếp nên không tính.",
        "{count} arrivals were recalled, cancelled or passed on and do not count.",
    ),
}


def made(
    connection: Any,
    wanted: ReportAsked,
    about: tuple[str, Words],
    *,
    shown: Mapping[str, Figure],
    tables: Sequence[Table],
    charts: Sequence[Chart] = (),
    more: Sequence[Words] = (),
    directions: Collection[Direction] = (),
    counts: Sequence[ToldCount] = (),
    letter: Letter | None = None,
) -> Made:
    """The whole report: `about` is its id and title, `shown` the figures that it quotes, `more` its own notes.

    `directions` are counted beside what the figures count; what left a count is told of each direction. `counts` are
    what a report quotes that has no ratios.
    """
    report_id, title = about
    corrected, corrections = _since_closing(connection, wanted, shown)
    return Made(
        report_id=report_id,
        title=title,
        lines=tuple(_lines(connection, wanted)),
        tables=(*tables, *corrected),
        charts=tuple(charts),
        notes=(*more, *corrections, *_notes(connection, wanted, shown, directions)),
        rule_pack=wanted.rules.pack_id,
        known_on=wanted.known_on,
        made_at=wanted.now,
        letter=letter,
        figures=(*(_told(one) for one in shown.values()), *counts),
    )


def _told(figure: Figure) -> Told:
    one = figure.indicator
    above, below = ((part.seen, part.declared) for part in (figure.numerator, figure.denominator))
    return Told(one.indicator_id, Words(one.vi, one.en), above, below)


def scope_words(connection: Any, wanted: ReportAsked, scope: Scope) -> Words:
    """Whose figures they are."""
    if scope.kind is ScopeKind.HUB:
        return Words("Toàn bộ các cơ quan, đơn vị trên trục", "All agencies and units of the hub")
    if scope.kind is ScopeKind.LEVEL:
        return Words(f"Các cơ quan, đơn vị cấp {scope.level}", f"Agencies and units of level {scope.level}")
    name = named(scope.agency_key, wanted.names_of(connection, {scope.agency_key}))
    if scope.kind is ScopeKind.UNIT:
        return Words(name, name)
    return Words(f"{name} và các đơn vị cấp dưới", f"{name} with all units below it")


def _lines(connection: Any, wanted: ReportAsked) -> Iterator[Words]:
    asked, day = wanted.asked, day_vi(wanted.known_on)
    scope = scope_words(connection, wanted, asked.scope)
    yield Words(f"Phạm vi: {scope.vi}", f"Scope: {scope.en}")
    vi, en = asked.period.words
    days = f"{day_vi(asked.period.first_day)}–{day_vi(asked.period.last_day)}"
    yield Words(f"Kỳ báo cáo: {vi} ({days})", f"Period: {en} ({days})")
    yield Words(f"Số liệu biết đến hết ngày {day}", f"Figures as known at the end of {day}")
    if asked.document_type:
        one = next((t for t in wanted.rules.document_types if t.type_id == asked.document_type), None)
        vi, en = (one.vi, one.en) if one else (asked.document_type, asked.document_type)
        yield Words(f"Loại văn bản: {vi}", f"Type of document: {en}")


def _notes(
    connection: Any, wanted: ReportAsked, shown: Mapping[str, Figure], directions: Collection[Direction]
) -> Iterator[Words]:
    yield from _formulas([figure.indicator for figure in shown.values()])
    yield from _denominators(shown)
    yield from _declared_left_out(connection, wanted)
    counted = {_DIRECTIONS.get(figure.indicator.counts) for figure in shown.values()} | set(directions)
    for direction, sentences in _LEFT.items():
        if direction in counted:
            yield from _said(sentences, figures.volume(connection, wanted.asked, direction, Measure.LEFT))
    yield from _waiting(connection, wanted)
    rules = wanted.rules
    yield Words(
        f"Bộ quy tắc {rules.pack_id}: {rules.title}. Điều mang dấu [confirm] là điều chưa có nguồn xác nhận.",
        f"Rule pack {rules.pack_id}: {rules.title}. What is marked [confirm] no source settles yet.",
    )


def _formulas(many: Sequence[Indicator]) -> Iterator[Words]:
    """How each is worked out; what is not counted is said once for all that leave out the same."""
    alike: dict[tuple[tuple[str, str], ...], list[Indicator]] = {}
    for one in many:
        alike.setdefault(one.exclusions, []).append(one)
        yield Words(
            f"{one.vi} = {one.formula_vi}. Căn cứ: {one.source}.",
            f"{one.en} = {one.formula_en}. Source: {one.source}.",
        )
    for exclusions, some in alike.items():
        if exclusions:
            names_vi, names_en = ("; ".join(getattr(one, name) for one in some) for name in ("vi", "en"))
            of_vi, of_en = ("", "") if len(alike) == 1 else (f" ({names_vi})", f" ({names_en})")
            left_vi, left_en = ("; ".join(pair[place] for pair in exclusions) for place in (0, 1))
            yield Words(f"Không tính{of_vi}: {left_vi}.", f"Not counted{of_en}: {left_en}.")


def _denominators(shown: Mapping[str, Figure]) -> Iterator[Words]:
    """How much of each denominator the hub saw, how much it was told; indicators over the same one share the note."""
    over: dict[Any, list[Figure]] = {}
    for figure in shown.values():
        if figure.indicator.counts in _DIRECTIONS or figure.denominator.declared:
            over.setdefault((figure.indicator.counts, figure.indicator.denominator), []).append(figure)
    for many in over.values():
        part, one = many[0].denominator, many[0].indicator
        total, seen, told = (number_vi(count) for count in (part.total, part.seen, part.declared))
        names_vi, names_en = ("; ".join(getattr(each.indicator, name) for each in many) for name in ("vi", "en"))
        yield Words(
            f"Mẫu số {total} {one.unit_vi} gồm {seen} do trục ghi nhận và {told} do đơn vị khai báo ({names_vi}).",
            f"The denominator of {total} {one.unit_en}: {seen} seen by the hub, {told} declared ({names_en}).",
        )


def _declared_left_out(connection: Any, wanted: ReportAsked) -> Iterator[Words]:
    many, left = figures.declared_left_out(connection, wanted.asked)
    if many:
        entries, count = number_vi(many), number_vi(left)
        yield Words(
            f"{entries} mục khai báo ({count}) có số ngày vượt ra ngoài kỳ báo cáo nên không tính vào kỳ này.",
            f"{entries} declared entries ({count}) reach beyond the days of the period and are left out.",
        )


def _waiting(connection: Any, wanted: ReportAsked) -> Iterator[Words]:
    """What happened by the known-on day and is not in the figures yet."""
    over = _end_of(wanted)
    if closings.uncounted(connection, before=over, now=wanted.now):
        lying = unfetched.lying(connection, by=min(over, wanted.now), limit=MOST_LYING)
        count = number_vi(events.how_many_to_tally(connection) + len(lying))
        yield Words(
            f"Số liệu chưa đầy đủ: {count} sự kiện đã xảy ra đang chờ cộng vào.",
            f"Not complete yet: {count} events that have happened wait to be counted.",
        )


def _said(sentences: tuple[str, str], count: int) -> Iterator[Words]:
    if count:
        vi, en = (one.format(count=number_vi(count)) for one in sentences)
        yield Words(vi, en)


def _since_closing(
    connection: Any, wanted: ReportAsked, shown: Mapping[str, Figure]
) -> tuple[tuple[Table, ...], tuple[Words, ...]]:
    """What changed since the period was closed; only the figures of all types together were frozen."""
    asked = wanted.asked
    if asked.document_type or not shown:
        closed = closings.frozen(connection, asked.period)
        said = closed is not None and closed.closed_at <= _end_of(wanted)
        return (), (Words(*closed.words),) if closed is not None and said else ()
    keys = scopes.members(connection, asked.scope)
    today = {one: closing.amounts_of(figure) for one, figure in shown.items()}
    note = closings.note(connection, asked.period, today, agency_keys=keys)
    if note is None or note.closing.closed_at > _end_of(wanted):
        return (), ()
    vi, en = note.words
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (shown[one.indicator_id].indicator.vi, _share(one.frozen), links.share(wanted, shown[one.indicator_id]))
        for one in note.differences
        if one.indicator_id in shown
    )
    return (_corrections(rows),) if rows else (), (Words(vi, en),)


def _end_of(wanted: ReportAsked) -> datetime:
    return datetime.combine(wanted.known_on + timedelta(days=1), time(), VIETNAM)


def _share(amounts: Amounts | None) -> Share | None:
    """A frozen figure has no list to lead to: today's list is another one."""
    return Share(amounts.numerator, amounts.denominator) if amounts else None


def _corrections(rows: tuple[tuple[Cell, ...], ...]) -> Table:
    return Table(
        table_id="corrections",
        title=Words("Điều chỉnh sau khi chốt số liệu", "Corrections since the period was closed"),
        columns=(
            Column("Chỉ tiêu", "Indicator", width=40),
            Column("Số đã chốt", "As closed", Kind.SHARE),
            Column("Theo báo cáo này", "In this report", Kind.SHARE),
        ),
        rows=rows,
    )
