"""How the story ends: the first letter's timeline, the receipts that were proved, the paper-free ratio.

Owns: the three tables and their comparison with what must have happened.
Never: takes a figure from anywhere but the API and the verified receipts.
Source: Decision 28/2018/QĐ-TTg Art. 10(2)o (history), Art. 11 (statistics).
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hub.demo import plot, timeline
from hub.demo.clients import AgencySystem
from hub.demo.plot import Counted
from hub.demo.scene import Scene, settled
from hub.demo.stage import CAST, MINISTRY, PROVINCE
from hub.domain.periods import vietnam_day
from hub.stations import utc_now

_PROVINCE = PROVINCE.agency.code
_TIMELINE_MUST_HAVE = {
    "accepted": 1,
    "routed": 1,
    "placed": 3,
    "fetched": 3,
    "handed_over": 3,
    "closed": 1,
    "status": 9,  # 01 of the hub for each of the three, 01 03 06, 01 03, 02
}


def show(scene: Scene) -> None:
    """The last chapter: the three tables."""
    scene.tell.chapter("Kết quả", "results")
    _timeline(scene)
    _receipts(scene)
    _ratio(scene)


def _timeline(scene: Scene) -> None:
    with scene.tell.step(
        f"Diễn biến của công văn đầu tiên ({scene.letters.directive.notation}), như Văn phòng Chính phủ thấy.",
        "The timeline of the first letter, as the ministry sees it.",
    ) as step:
        events = timeline.of(scene.of(MINISTRY).system, [scene.first])
        counted = {kind: sum(event["kind"] == kind for event in events) for kind in _TIMELINE_MUST_HAVE}
        step.expect("số sự kiện / events", _TIMELINE_MUST_HAVE, counted)
        step.expect("sự kiện khác / other events", len(events), sum(counted.values()))
        said = [event["facts"]["code"] for event in events if event["kind"] == "status" and event["who"] == _PROVINCE]
        step.expect("trạng thái của tỉnh / the province's words", ["01", "01", "03", "06"], said)
    scene.results["timeline"] = events
    scene.tell.table(timeline.HEADINGS, timeline.rows(events, brief=False))


def _receipts(scene: Scene) -> None:
    with scene.tell.step(
        "Các biên nhận đã kiểm tra chữ ký ngoại tuyến, theo sự kiện ETSI EN 319 522.",
        "The receipts whose signatures were verified offline, by event.",
    ) as step:
        for player in scene.players.values():
            step.expect(f"hộp đến của {player.code} / inbox", [], player.system.look())
        for consignment, sent in scene.sent.items():
            for receipt in scene.of(sent.role).system.consignment(consignment).part("receipts"):
                scene.book.take(receipt["jws"])
        events = scene.book.events()
        step.expect("biên nhận / receipts", plot.EXPECTED_RECEIPTS, events)
    scene.results["receipts"] = {"count": sum(events.values()), "events": events, "claims": scene.book.claims}
    rows = [(name, str(count)) for name, count in events.items()]
    scene.tell.table(("Sự kiện", "Số biên nhận"), [*rows, ("Tổng / total", str(sum(events.values())))], right=(1,))


def _ratio(scene: Scene) -> None:
    with scene.tell.step(
        "Báo cáo tỷ lệ không gửi bản giấy của bốn cơ quan, đúng như kịch bản (còn lại: chỉ giấy hoặc không rõ).",
        "The paper-free report of the four agencies is what the story makes it (the rest: paper only, or not said).",
    ) as step:
        expected = {code: asdict(counted) for code, counted in plot.EXPECTED_REPORT.items()}
        seen = settled(lambda: _report(scene), expected)
        for code, figures in expected.items():
            step.expect(f"báo cáo của {code} / report", figures, seen[code])
    scene.results["report"] = seen
    rows = [_report_row(scene.players[code].name, code, Counted(**figures)) for code, figures in seen.items()]
    headings = ("Cơ quan", "Mã", "Đã gửi", "Không giấy", "Kèm giấy", "Còn lại", "Tỷ lệ", "Đã nhận")
    scene.tell.table(headings, rows, right=(2, 3, 4, 5, 6, 7))


def _report(scene: Scene) -> dict[str, dict[str, Any]]:
    """What each agency's own reports say of the days of this run."""
    first, last = scene.letters.day.isoformat(), vietnam_day(utc_now()).isoformat()
    return {role.agency.code: asdict(_counted(scene.of(role).system, first, last)) for role in CAST}


def _counted(system: AgencySystem, first: str, last: str) -> Counted:
    """One line of the table, by the ids of the indicators."""
    sent = system.figures("paper-free", first_day=first, last_day=last)
    received = system.figures("timeliness", first_day=first, last_day=last)
    fully = sent["fully_electronic"]
    return Counted(
        sent=_of(fully["denominator"]),
        paper_free=_of(fully["numerator"]),
        with_paper=_of(sent["electronic_with_paper"]["numerator"]),
        other=sum(_of(sent[one]["numerator"]) for one in ("electronic_not_replacing", "paper_only")),
        ratio=fully["percent_vi"],
        received=_of(received["receipt_same_day"]["denominator"]),
    )


def _of(part: dict[str, int]) -> int:
    """What was seen and what was declared, together."""
    return part["seen"] + part["declared"]


def _report_row(name: str, code: str, counted: Counted) -> tuple[str, ...]:
    figures = (counted.sent, counted.paper_free, counted.with_paper, counted.other)
    return (name, code, *map(str, figures), counted.ratio, str(counted.received))
