"""How the story ends: the first letter's timeline, the receipts that were proved, the paper-free ratio.

Owns: the three tables and their comparison with what must have happened.
Never: takes a figure from anywhere but the API and the verified receipts.
Source: Decision 28/2018/QĐ-TTg Art. 10(2)o (history), Art. 11 (statistics).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from hub.demo import plot
from hub.demo.plot import Counted
from hub.demo.scene import Scene, settled
from hub.demo.stage import CAST, MINISTRY, PROVINCE
from hub.domain.periods import VIETNAM, vietnam_day
from hub.domain.rules import pack_on
from hub.stations import utc_now

_WORDS = {
    "accepted": "Trục tiếp nhận, cấp biên nhận / accepted",
    "counted_as_sent": "Tính vào số văn bản đi / counted as sent",
    "routed": "Chia tới các nơi nhận / routed",
    "placed": "Vào hộp đến / in the inbox",
    "fetched": "Lấy gói tin / fetched",
    "handed_over": "Xác nhận đã nhận / handed over",
    "counted_as_received": "Tính vào số văn bản đến / counted as received",
    "status": "Trạng thái / status",
    "closed": "Đóng lượt gửi / closed",
}
_PROVINCE = PROVINCE.agency.code
_TIMELINE_MUST_HAVE = {
    "accepted": 1,
    "counted_as_sent": 1,
    "routed": 1,
    "placed": 3,
    "fetched": 3,
    "handed_over": 3,
    "counted_as_received": 3,
    "closed": 1,
    "status": 6,
}


def show(scene: Scene) -> None:
    """Chapter 12: the three tables."""
    scene.tell.chapter("Kết quả", "results")
    _timeline(scene)
    _receipts(scene)
    _ratio(scene)


def _timeline(scene: Scene) -> None:
    with scene.tell.step(
        f"Diễn biến của công văn đầu tiên ({scene.letters.directive.notation}), như Văn phòng Chính phủ thấy.",
        "The timeline of the first letter, as the ministry sees it.",
    ) as step:
        answer = scene.of(MINISTRY).system.consignment(scene.first)
        whose = {delivery["id"]: delivery["recipient"] for delivery in answer.part("deliveries")}
        events = sorted((_event(event, whose) for event in answer.part("timeline")), key=lambda event: event["at"])
        counted = {kind: sum(event["kind"] == kind for event in events) for kind in _TIMELINE_MUST_HAVE}
        step.expect("số sự kiện / events", _TIMELINE_MUST_HAVE, counted)
        step.expect("sự kiện khác / other events", len(events), sum(counted.values()))
        said = [event["facts"]["code"] for event in events if event["kind"] == "status" and event["who"] == _PROVINCE]
        step.expect("trạng thái của tỉnh / the province's words", ["01", "03", "06"], said)
    scene.results["timeline"] = events
    rows = [(_clock(event["at"]), event["who"], _said(event)) for event in events]
    scene.tell.table(("Giờ", "Cơ quan", "Sự kiện"), rows)


def _receipts(scene: Scene) -> None:
    with scene.tell.step(
        "Các biên nhận đã kiểm tra chữ ký ngoại tuyến, theo sự kiện ETSI EN 319 522.",
        "The receipts whose signatures were verified offline, by event.",
    ) as step:
        for player in scene.players.values():
            step.expect(f"hộp đến của {player.code} / inbox", [], player.system.look())
        events = scene.book.events()
        step.expect("biên nhận / receipts", plot.EXPECTED_RECEIPTS, events)
    scene.results["receipts"] = {"count": sum(events.values()), "events": events, "claims": scene.book.claims}
    rows = [(name, str(count)) for name, count in events.items()]
    scene.tell.table(("Sự kiện", "Số biên nhận"), [*rows, ("Tổng / total", str(sum(events.values())))], right=(1,))


def _ratio(scene: Scene) -> None:
    with scene.tell.step(
        "Tỷ lệ văn bản điện tử không kèm bản giấy của bốn cơ quan, đúng như kịch bản.",
        "The paper-free ratio of the four agencies is exactly what the story makes it.",
    ) as step:
        expected = {code: asdict(counted) for code, counted in plot.EXPECTED_REPORT.items()}
        seen = settled(lambda: _report(scene), expected)
        for code, figures in expected.items():
            step.expect(f"báo cáo của {code} / report", figures, seen[code])
    scene.results["report"] = seen
    rows = [_report_row(scene.players[code].name, code, Counted(**figures)) for code, figures in seen.items()]
    headings = ("Cơ quan", "Mã", "Đã gửi", "Không giấy", "Kèm giấy", "Tỷ lệ", "Đã nhận")
    scene.tell.table(headings, rows, right=(2, 3, 4, 5, 6))


def _report(scene: Scene) -> dict[str, dict[str, Any]]:
    """What each agency's own report says of the days of this run."""
    first, last = scene.letters.day.isoformat(), vietnam_day(utc_now()).isoformat()
    figures = {}
    for role in CAST:
        row = scene.of(role).system.report(first_day=first, last_day=last)
        counted = {name: row[name] for name in ("sent", "paper_free", "with_paper", "received")}
        figures[role.agency.code] = asdict(Counted(ratio=row["ratio"]["percent_vi"], **counted))
    return figures


def _report_row(name: str, code: str, counted: Counted) -> tuple[str, ...]:
    figures = (counted.sent, counted.paper_free, counted.with_paper)
    return (name, code, *map(str, figures), counted.ratio, str(counted.received))


def _event(event: Mapping[str, Any], whose: Mapping[str, str]) -> dict[str, Any]:
    who = whose.get(event["delivery"] or "", "trục / hub")
    return {"at": event["at"], "kind": event["kind"], "who": who, "facts": event["facts"]}


def _said(event: Mapping[str, Any]) -> str:
    words = _WORDS.get(event["kind"], event["kind"])
    if event["kind"] != "status":
        return words
    code = event["facts"]["code"]
    name, name_en = pack_on(vietnam_day(utc_now())).status_names[code]
    return f"{words} {code}: {name} / {name_en}"


def _clock(at: str) -> str:
    return datetime.fromisoformat(at).astimezone(VIETNAM).strftime("%H:%M:%S.%f")[:-3]
