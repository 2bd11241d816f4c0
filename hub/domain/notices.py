"""A notice to people: what does not move, grouped by cause, with what to do next; the shape that every carrier sends.

Owns: the kinds of carriers, where a notice may go, the words of a notice, when a thing is told again.
Never: sends; names a document's subject, its content or a person (notices leave the hub).
Source: issue of stuck documents nobody hears about (field notes §"What none of them has" 9); threat T5.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from urllib.parse import SplitResult, urlsplit

from hub.domain.causes import Stuck, StuckCause
from hub.domain.findings import Finding, Sentences, Severity, describe
from hub.domain.periods import VIETNAM, vietnam_time

MOST_SHOWN = 20  # of one cause, in the text
MOST_NAMED = 1000  # of all, in the body for systems
MOST_ADVICE = 3  # different pieces of advice for one cause
LONGEST_ADDRESS = 2000
LONGEST_WORDS = 100

_MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,188}[A-Za-z0-9])?")
_USUAL_PORTS = {"https": 443, "http": 80}
_TITLES: Mapping[StuckCause, tuple[str, str]] = {
    StuckCause.RECIPIENT_OFFLINE: ("Hệ thống bên nhận không kết nối", "The recipient's system is offline"),
    StuckCause.NEVER_FETCHED: ("Văn bản chưa được lấy về", "Never fetched"),
    StuckCause.NOT_ACKNOWLEDGED: ("Đã lấy về nhưng chưa xác nhận", "Fetched, not acknowledged"),
    StuckCause.CERTIFICATE: ("Chứng thư số hết hạn hoặc sắp hết hạn", "A certificate has ended or is about to"),
    StuckCause.QUOTA: ("Hộp nhận đã đầy", "The inbox takes no more"),
    StuckCause.UNREACHABLE: ("Hệ thống bên nhận không trả lời", "The recipient's system does not answer"),
    StuckCause.REFUSING: ("Hệ thống bên nhận trả lời lỗi", "The recipient's system answers with errors"),
    StuckCause.HELD_EVIDENCE: ("Trục đang chờ chứng cứ để kết luận", "The hub waits for evidence"),
    StuckCause.RECALL_PENDING: ("Đề nghị thu hồi, thay thế chưa được trả lời", "A change is asked and not answered"),
    StuckCause.STATUS_MISSING: ("Chưa có trạng thái xử lý", "Nothing was said about handling it"),
    StuckCause.OVERDUE: ("Đã quá hạn của văn bản", "The document's own deadline has passed"),
    StuckCause.BEHIND: ("Chờ lần gửi trước về cùng văn bản", "Waits for an earlier sending about the same document"),
    StuckCause.RECIPIENT_SUSPENDED: ("Đơn vị nhận đang tạm dừng", "The recipient is suspended"),
    StuckCause.NOT_TRIED: ("Trục chưa chuyển đi", "The hub has not handed it on"),
}


class CarrierKind(StrEnum):
    """How a subscriber is reached."""

    MAIL = "mail"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A file that goes along with a mail."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice as it leaves: `subject` and `text` for people (Vietnamese, then English), `body` JSON for systems.

    `signature` is a compact JWS of the hub over {iss, jti, iat, sha256}: the notice's id, when it was sent (seconds
    of the epoch) and the SHA-256 of `body` in lower-case hex (hub/signatures/detached.py). `attachments` are for
    people: a webhook gets the body alone, so whoever encloses files names them there with their digests.
    """

    notice_id: str
    address: str
    subject: str
    text: str
    body: bytes
    signature: str
    attachments: tuple[Enclosed, ...] = ()


@dataclass(frozen=True, slots=True)
class Letter:
    """What a notice says, whoever gets it; `body` becomes JSON."""

    subject: str
    text: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Expired:
    """A delivery that ended because nobody took it in time: its sender must hear of it."""

    delivery_id: str
    consignment_id: str
    sender_key: str
    recipient_key: str
    document_id: str
    notation: str
    at: datetime


@dataclass(frozen=True, slots=True)
class WebPlace:
    """Where a webhook goes: `path` holds the query too, `named` is the host as its allow-list has it."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def named(self) -> str:
        """`host`, or `host:port` when the port is not the scheme's own; the value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _USUAL_PORTS[self.scheme] else f"{host}:{self.port}"


def mail_address(text: str) -> str:
    """The address as given, when it is a plain one. Raises ValueError with words for people."""
    if not _MAIL.fullmatch(text) or ".." in text:
        raise ValueError("không phải địa chỉ thư đơn giản / not a plain mail address (name@host, ASCII)")
    return text


def web_place(url: str, allowed: Sequence[str]) -> WebPlace:
    """Where `url` leads, when the allow-list has it: `host`, `host:port`; with `http://` before it for no TLS.

    Raises: ValueError with words for people.
    """
    if not (url.isascii() and url.isprintable()) or set(url) & set(' \\"<>^`{|}') or len(url) > LONGEST_ADDRESS:
        raise ValueError("không phải địa chỉ web / not a web address")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as wrong:
        raise ValueError(f"không phải địa chỉ web / not a web address: {wrong}") from wrong
    if parts.scheme not in _USUAL_PORTS or not host or "@" in parts.netloc or "#" in url:
        raise ValueError("chỉ nhận https://, không kèm mật khẩu / only https://, without user, password or fragment")
    place = WebPlace(parts.scheme, host, port or _USUAL_PORTS[parts.scheme], _path(parts))
    entry = place.named if place.scheme == "https" else f"http://{place.named}"
    if entry not in {one.strip().lower().rstrip("/") for one in allowed}:
        raise ValueError(f"HUB_NOTICE_HOSTS không có / does not name {entry}")
    return place


def is_due(first_seen: datetime, last_told: datetime | None, now: datetime, *, again: timedelta) -> bool:
    """Whether one who was told last at `last_told` must hear of a thing now: it is new to him, or stuck for one more
    `again`.

    >>> from datetime import UTC
    >>> at = datetime(2026, 3, 2, 8, tzinfo=UTC)
    >>> [is_due(at, at, at + timedelta(hours=h), again=timedelta(hours=24)) for h in (0, 23, 24)]
    [False, False, True]
    """
    latest = first_seen + ((now - first_seen) // again) * again
    return last_told is None or last_told < latest


def letter(stuck: Sequence[Stuck], expired: Sequence[Expired], *, notice_id: str, hub: str, at: datetime) -> Letter:
    """One letter about all of these, however many; the most urgent and oldest come first in each group."""
    groups = _grouped(stuck)
    total = len(stuck) + len(expired)
    body = {
        "notice_id": notice_id,
        "kind": "radar",
        "hub": hub,
        "made_at": vietnam_time(at),
        "total": len(stuck),
        "counts": {cause.value: len(items) for cause, items in groups.items()},
        "items": [_named(item) for items in groups.values() for item in items][:MOST_NAMED],
        "expired_total": len(expired),
        "expired": [_named_expired(one) for one in expired[:MOST_NAMED]],
    }
    subject = f"{_plain(hub)}: {total} văn bản cần xử lý / {total} documents need attention"
    said = {"hub": _plain(hub), "at": _clock(at), "count": str(len(stuck))}
    vietnamese, english = (
        (words.opening.format(**said), *_lines(groups, expired, language=words)) for words in (_VIETNAMESE, _ENGLISH)
    )
    return Letter(subject, "\n".join([*vietnamese, "", "-" * 60, "", *english, ""]), body)


def trial(*, notice_id: str, hub: str, at: datetime) -> Letter:
    """A letter that says only that notices arrive."""
    subject = f"{_plain(hub)}: thông báo thử / test notice"
    text = (
        f"Đây là thông báo thử của trục «{_plain(hub)}», lúc {_clock(at)}. Không cần làm gì.\n\n"
        f"This is a test notice of the hub “{_plain(hub)}”, {_clock(at)}. Nothing needs to be done.\n"
    )
    return Letter(subject, text, {"notice_id": notice_id, "kind": "test", "hub": hub, "made_at": vietnam_time(at)})


@dataclass(frozen=True, slots=True)
class _Language:
    """The sentences of a letter in one language; `title` is the place of its titles."""

    title: int
    opening: str
    more: str
    advice: str
    since: str
    expired: str
    expired_advice: str
    ended: str

    def said(self, words: Sentences) -> tuple[str, str]:
        """What happened and what to do."""
        return (words.en, words.fix_en) if self.title else (words.vi, words.fix_vi)


_VIETNAMESE = _Language(
    title=0,
    opening="Trục «{hub}»: đến {at} có {count} văn bản chưa chuyển động.",
    more="… và {count} văn bản nữa; xem đủ bằng `hub radar` hoặc GET /api/v1/radar.",
    advice="Cần làm: {fix}",
    since="từ {at}",
    expired="Hết hạn chuyển: văn bản không đến được bên nhận và không được gửi lại nữa",
    expired_advice="Xem biên nhận phủ định ở dòng thời gian của văn bản rồi gửi lại, hoặc báo bên nhận bằng cách khác.",
    ended="hết hạn {at}",
)
_ENGLISH = _Language(
    title=1,
    opening="Hub “{hub}”: {count} documents do not move as of {at}.",
    more="… and {count} more; all of them: `hub radar` or GET /api/v1/radar.",
    advice="To do: {fix}",
    since="since {at}",
    expired="Expired: the documents did not reach their recipient and are not tried again",
    expired_advice="See the negative receipt on the document's timeline, then send again or tell the recipient.",
    ended="expired {at}",
)


def _lines(
    groups: Mapping[StuckCause, Sequence[Stuck]], expired: Sequence[Expired], *, language: _Language
) -> Iterator[str]:
    for cause, items in groups.items():
        said = [language.said(describe(_finding(item))) for item in items[:MOST_SHOWN]]
        shown = list(zip(items, (words for words, _ in said), strict=False))
        fixes = list(dict.fromkeys(fix for _, fix in said if fix))[:MOST_ADVICE]
        yield from _group(_TITLES[cause][language.title], len(items), shown, fixes, language=language)
    if expired:
        ended = [(one, language.ended.format(at=_clock(one.at))) for one in expired[:MOST_SHOWN]]
        yield from _group(language.expired, len(expired), ended, [language.expired_advice], language=language)


def _group(
    title: str,
    count: int,
    shown: Sequence[tuple[Stuck | Expired, str]],
    fixes: Sequence[str],
    *,
    language: _Language,
) -> Iterator[str]:
    yield ""
    yield f"■ {title}: {count}"
    for item, words in shown:
        since = f", {language.since.format(at=_clock(item.since))}" if isinstance(item, Stuck) else ""
        yield f"  - {_who(item)}{since}: {words}"
    if count > len(shown):
        yield f"  {language.more.format(count=count - len(shown))}"
    for fix in fixes:
        yield f"  → {language.advice.format(fix=fix)}"


def _grouped(stuck: Sequence[Stuck]) -> dict[StuckCause, list[Stuck]]:
    """By cause in the order of the radar's words; inside, the most urgent first, then the oldest."""
    groups: dict[StuckCause, list[Stuck]] = {cause: [] for cause in StuckCause}
    for item in sorted(stuck, key=lambda one: (-one.urgency, one.since, one.item)):
        groups[item.cause].append(item)
    return {cause: items for cause, items in groups.items() if items}


def _finding(item: Stuck) -> Finding:
    return Finding("radar", f"radar.{item.cause}", Severity.WARNING, evidence=item.evidence)


def _who(item: Stuck | Expired) -> str:
    name = _plain(item.notation or item.document_id or item.consignment_id)
    return f"{name} ({item.sender_key} → {item.recipient_key})" if item.recipient_key else f"{name} ({item.sender_key})"


def _named(item: Stuck) -> dict[str, Any]:
    return {
        "cause": item.cause.value,
        "consignment_id": item.consignment_id,
        "delivery_id": item.delivery_id,
        "document_id": item.document_id,
        "notation": item.notation,
        "sender": item.sender_key,
        "recipient": item.recipient_key,
        "must_act": item.must_act,
        "since": vietnam_time(item.since),
        "urgency": item.urgency,
    }


def _named_expired(one: Expired) -> dict[str, Any]:
    return {
        "consignment_id": one.consignment_id,
        "delivery_id": one.delivery_id,
        "document_id": one.document_id,
        "notation": one.notation,
        "sender": one.sender_key,
        "recipient": one.recipient_key,
        "at": vietnam_time(one.at),
    }


def _path(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _clock(at: datetime) -> str:
    return f"{at.astimezone(VIETNAM):%H:%M %d/%m/%Y}"


def _plain(text: str) -> str:
    """Text from outside made safe for a line: no control or direction characters, bounded."""
    shown = "".join(sign if sign.isprintable() else "·" for sign in text)
    return shown if len(shown) <= LONGEST_WORDS else shown[:LONGEST_WORDS] + "…"
