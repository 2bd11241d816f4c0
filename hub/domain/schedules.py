"""Reports that are made again and again: which period is due when, as known on which day, and who hears of it.

Owns: the schedule, its days, the pauses between two attempts to mail, the words of the mail.
Never: makes a report; reads the clock.
Source: Decision 28/2018/QĐ-TTg Art. 15 (quarterly), Art. 14(4) (Vietnamese time); issue 5 point 7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from hub.domain.notices import Letter
from hub.domain.periods import VIETNAM, Period, PeriodKind, period_holding
from hub.domain.scopes import Scope, ScopeKind

EVERY = (
    PeriodKind.DAY,
    PeriodKind.WEEK,
    PeriodKind.MONTH,
    PeriodKind.QUARTER,
    PeriodKind.HALF,
    PeriodKind.YEAR,
)
# Declared figures come days after the period; but never so late that two periods would be known on the same day.
MOST_GRACE_DAYS: Mapping[PeriodKind, int] = dict.fromkeys(EVERY, 60) | {
    PeriodKind.DAY: 0,
    PeriodKind.WEEK: 6,
    PeriodKind.MONTH: 27,
}
MADE_AT = time(7, 0, tzinfo=VIETNAM)  # before the offices open at 07:30; what the night's tally owed is counted by then
MOST_READERS = 50
ATTACHED_BYTES = 10 * 1024 * 1024  # of all files together; mail servers refuse more, base64 adds a third
MOST_FIGURES = 12
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240, 720, 1440, 1440))
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a schedule asks, whatever the period: whose figures, in which forms; `grace_days` after the period's end."""

    scope: Scope
    formats: tuple[str, ...] = ()
    document_type: str = ""
    compare: bool = False
    grace_days: int = 0

    def as_json(self) -> dict[str, Any]:
        """As it is kept; `wish_from` reads it back."""
        return {
            "scope": {"kind": self.scope.kind.value, "agency": self.scope.agency_key, "level": self.scope.level},
            "formats": list(self.formats),
            "document_type": self.document_type,
            "compare": self.compare,
            "grace_days": self.grace_days,
        }


def wish_from(value: Mapping[str, Any]) -> Wish:
    """The wish that was kept so."""
    scope = value["scope"]
    return Wish(
        scope=Scope(ScopeKind(scope["kind"]), scope["agency"], scope["level"]),
        formats=tuple(value["formats"]),
        document_type=value["document_type"],
        compare=value["compare"],
        grace_days=value["grace_days"],
    )


@dataclass(frozen=True, slots=True)
class Schedule:
    """A report that is made after every period; `next_day` is the first day after the one that is due next.

    The figures are those known at the end of the day before it is made, so a clock that comes late makes the same.
    """

    id: str
    report: str
    wish: Wish
    every: PeriodKind
    readers: tuple[str, ...]
    made_at: datetime
    next_day: date
    ended_at: datetime | None = None

    @property
    def period(self) -> Period:
        """The one that is due next."""
        return period_holding(self.every, self.next_day - _DAY)

    @property
    def due_at(self) -> datetime:
        """07:00 in Vietnam on the first day after the period, or as many days later as the schedule gives grace."""
        return datetime.combine(self.next_day + self.wish.grace_days * _DAY, MADE_AT)

    @property
    def known_on(self) -> date:
        """The last whole day before it is due: its figures cannot change any more."""
        return self.next_day + (self.wish.grace_days - 1) * _DAY

    @property
    def following_day(self) -> date:
        """The `next_day` of the period after this one."""
        return period_holding(self.every, self.next_day).last_day + _DAY


def first_due(every: PeriodKind, day: date) -> date:
    """The `next_day` of a schedule that begins with the period in which `day` lies.

    >>> first_due(PeriodKind.QUARTER, date(2026, 8, 14)).isoformat()
    '2026-10-01'
    """
    return period_holding(every, day).last_day + _DAY


def last_ended(every: PeriodKind, day: date) -> Period:
    """The newest period that had ended before `day` began."""
    return period_holding(every, period_holding(every, day).first_day - _DAY)


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """When to try a mail again that failed so many times; None: it is given up (after nearly three days)."""
    return now + PAUSES[attempts - 1] if attempts <= len(PAUSES) else None


@dataclass(frozen=True, slots=True)
class FileSaid:
    """A file of a kept report as a mail names it."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class MainFigure:
    """One line of figures, already in Vietnamese number format; the two differ in their words only."""

    vi: str
    en: str


@dataclass(frozen=True, slots=True)
class Told:
    """What a mail about a kept report says; titles, lines and figures are (Vietnamese, English)."""

    report_id: str
    report: str
    hub: str
    title: tuple[str, str]
    period: str
    period_words: tuple[str, str]
    lines: Sequence[tuple[str, str]]
    figures: Sequence[MainFigure]
    known_on: date
    data_sha256: str
    rule_pack: str
    files: Sequence[FileSaid]
    missing: Sequence[str] = ()  # forms that could not be made

    @property
    def attached(self) -> bool:
        """Whether the files go along."""
        return sum(file.size_bytes for file in self.files) <= ATTACHED_BYTES


def letter(told: Told) -> Letter:
    """One mail, Vietnamese then English; the files with their digests, attached or how to get them."""
    subject = " / ".join(f"{title} – {period}" for title, period in zip(told.title, told.period_words, strict=True))
    text = "\n".join([*_lines(told, _VIETNAMESE), "", "-" * 60, "", *_lines(told, _ENGLISH), ""])
    body = {
        "kind": "report",
        "hub": told.hub,
        "report_id": told.report_id,
        "report": told.report,
        "period": told.period,
        "known_on": told.known_on.isoformat(),
        "data_sha256": told.data_sha256,
        "rule_pack": told.rule_pack,
        "files": [{"name": f.name, "sha256": f.sha256, "size_bytes": f.size_bytes} for f in told.files],
    }
    return Letter(f"{told.hub}: {subject}", text, body)


@dataclass(frozen=True, slots=True)
class _Language:
    place: int  # of its words in a pair
    opening: str
    known: str
    figures: str
    attached: str
    too_large: str
    missing: str
    proof: str
    signature: str


_VIETNAMESE = _Language(
    place=0,
    opening="Trục «{hub}» đã lập báo cáo định kỳ: {title}, {period}.",
    known="Số liệu là những gì trục biết đến hết ngày {day}; lập lại theo ngày đó sẽ ra đúng số liệu này.",
    figures="Số liệu chính:",
    attached="Tệp kèm theo (SHA-256 để đối chiếu):",
    too_large="Các tệp quá lớn ({size}), không gửi kèm được. Quản trị trục lấy bằng: "
    "hub reports kept {id} --out THƯ_MỤC",
    missing="Không lập được tệp: {forms}.",
    proof="Mã báo cáo {id}; mã băm số liệu {sha}; gói quy tắc {pack}.",
    signature="Trục ký số báo cáo này (tệp .jws, JWS theo RFC 7515); trên trục kiểm tra bằng: hub reports kept {id}",
)
_ENGLISH = _Language(
    place=1,
    opening="Hub “{hub}” has made a scheduled report: {title}, {period}.",
    known="The figures are what the hub knew at the end of {day}; made again as of that day they are the same.",
    figures="Main figures:",
    attached="Files enclosed (with their SHA-256):",
    too_large="The files are too large to be enclosed ({size}). The hub's administrator gets them by: "
    "hub reports kept {id} --out FOLDER",
    missing="Could not be made: {forms}.",
    proof="Report {id}; data hash {sha}; rule pack {pack}.",
    signature="The hub has signed this report (the .jws file, RFC 7515); verified at the hub by: hub reports kept {id}",
)


def _lines(told: Told, words: _Language) -> Iterator[str]:
    at = words.place
    yield words.opening.format(hub=told.hub, title=told.title[at], period=told.period_words[at])
    yield from (line[at] for line in told.lines)
    yield words.known.format(day=f"{told.known_on:%d/%m/%Y}")
    if told.figures:
        yield from ("", words.figures)
        yield from (f"  - {one.en if at else one.vi}" for one in told.figures[:MOST_FIGURES])
    yield ""
    if told.attached:
        yield words.attached
    else:
        total = sum(file.size_bytes for file in told.files)
        yield words.too_large.format(size=_mib(total), id=told.report_id)
    yield from (f"  - {file.name} ({_mib(file.size_bytes)}) {file.sha256}" for file in told.files)
    if told.missing:
        yield words.missing.format(forms=", ".join(told.missing))
    yield ""
    yield words.proof.format(id=told.report_id, sha=told.data_sha256, pack=told.rule_pack)
    yield words.signature.format(id=told.report_id)


def _mib(size_bytes: int) -> str:
    """A size with a decimal comma, rounded up: no file is 0.

    >>> _mib(1), _mib(2 * 1024 * 1024)
    ('0,1 MiB', '2,0 MiB')
    """
    tenths = -(-size_bytes * 10 // (1024 * 1024))
    return f"{tenths // 10},{tenths % 10} MiB"
