"""A timeline as a visitor reads it: when, who, what happened, with the deadline and its article.

Owns: the words for each kind of event, the events of several sendings in one order.
Never: leaves an event out of the facts; `brief` rows leave out what only machines care about.
Source: Decision 28/2018/QĐ-TTg Art. 10(2)o (history), Art. 14(4) (Vietnamese time).
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from hub.demo.clients import AgencySystem
from hub.domain.periods import VIETNAM, vietnam_day
from hub.domain.rules import pack_on
from hub.stations import utc_now

HEADINGS = ("Giờ", "Cơ quan", "Sự kiện")
HUB = "trục / hub"
_WORDS = {
    "accepted": "Trục tiếp nhận, cấp biên nhận / accepted",
    "routed": "Chia tới các nơi nhận / routed",
    "placed": "Vào hộp đến / in the inbox",
    "fetched": "Lấy gói tin / fetched",
    "handed_over": "Xác nhận đã nhận / handed over",
    "status": "Trạng thái / status",
    "closed": "Đóng lượt gửi / closed",
    "frozen": "Văn bản đã thu hồi, không gửi thêm / recalled, nothing more is sent under it",
    "withdrawn": "Rút bản chưa lấy / withdrawn",
    "duty_opened": "Phải trả lời / must answer",
    "duty_answered": "Đã trả lời / answered",
    "copy_cancelled": "Hủy bản đã nhận / copy cancelled",
    "overdue": "QUÁ HẠN / OVERDUE",
    "needless": "Không cần báo / needs no notice",
}
_DUTIES = {
    "sending": "gửi văn bản / sending",
    "processing": "giải quyết / processing",
    "recall": "thu hồi / recall",
    "replace": "thay thế / replacement",
}
_OF_DUTIES = frozenset({"duty_opened", "duty_answered", "overdue"})
_BUSINESS = {"recall": "(lệnh thu hồi / the recall)", "replace": "(văn bản thay thế / the replacement)"}
_NOT_BRIEF = frozenset({"routed", "fetched", "closed", "frozen"})
_CHARACTERS = 68  # of the last column, so that a line stays on the page


def of(system: AgencySystem, consignments: Sequence[str]) -> list[dict[str, Any]]:
    """All events of these sendings of one document, the earliest first, as their sender sees them.

    `of` tells which sending it is when it is not the first.
    """
    found = []
    for number, consignment in enumerate(consignments):
        answer = system.consignment(consignment)
        whose = {delivery["id"]: delivery["recipient"] for delivery in answer.part("deliveries")}
        kind = _BUSINESS.get(answer.part("header", "business_type"), "") if number else ""
        for event in answer.part("timeline"):
            who = whose.get(event["delivery"] or "", HUB)
            found.append({"at": event["at"], "kind": event["kind"], "who": who, "facts": event["facts"], "of": kind})
    return sorted(found, key=lambda event: datetime.fromisoformat(event["at"]))


def rows(events: Sequence[Mapping[str, Any]], *, brief: bool) -> list[tuple[str, str, str]]:
    """The rows of a table; in a brief one only what changed something for people."""
    return [row for event in events if not brief or event["kind"] not in _NOT_BRIEF for row in _rows(event)]


def moment(at: str) -> str:
    """A day and a time of the API, as written in Vietnam.

    >>> moment("2026-03-02T17:00:00+07:00")
    '17:00 02/03/2026'
    """
    return datetime.fromisoformat(at).astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")


def _rows(event: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    clock = datetime.fromisoformat(event["at"]).astimezone(VIETNAM).strftime("%H:%M:%S.%f")[:-3]
    first, *further = [line for text in _said(event) for line in textwrap.wrap(text, _CHARACTERS)]
    yield clock, event["who"], first
    for line in further:
        yield "", "", line


def _said(event: Mapping[str, Any]) -> list[str]:
    """What happened, and below it until when by which article."""
    facts, words = event["facts"], _WORDS.get(event["kind"], event["kind"])
    if event["kind"] == "status":
        name, name_en = pack_on(vietnam_day(utc_now())).status_names[facts["code"]]
        by_hub = " (do trục báo / by the hub)" if facts.get("by_hub") else ""
        words = f"{words} {facts['code']}: {name} / {name_en}{by_hub}"
    if event["kind"] in _OF_DUTIES:
        words = f"{words}: {_DUTIES.get(facts['kind'], facts['kind'])}"
    until = [f"hạn / due {moment(facts['due_at'])}; {facts['article']}"] if "due_at" in facts else []
    if event["of"] and len(words) + len(event["of"]) < _CHARACTERS:
        return [f"{words} {event['of']}", *until]
    return [words, *([event["of"]] if event["of"] else []), *until]
