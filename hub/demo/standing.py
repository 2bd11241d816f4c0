"""What stands still at the end, and the timelines of the recalled, the replaced and the overdue letter.

Owns: the radar as a visitor reads it; exactly which letters must be on it, and who must act.
Never: takes a sentence from anywhere but the API.
Source: Decision 28/2018/QĐ-TTg Art. 8(2) (the sender follows its document), Art. 10(2)o (history).
"""

from __future__ import annotations

from typing import Any

from hub.demo import timeline
from hub.demo.scene import Scene
from hub.demo.stage import CAST, COMMUNE, DEPARTMENT, MINISTRY
from hub.domain.causes import StuckCause

_TOLD = (
    ("recall", "bị thu hồi", "the letter that was recalled"),
    ("replacement", "được thay thế", "the letter that was replaced"),
    ("overdue", "quá hạn", "the overdue letter"),
)
# What must be seen in each, and how often. A recall: the copy that is withdrawn, the one that is answered. A
# replacement: two copies are asked for, one is cancelled. Overdue: the sending, and then the processing.
_MUST_HAVE = {
    "recall": {"accepted": 2, "withdrawn": 1, "duty_opened": 1, "duty_answered": 1, "copy_cancelled": 1, "overdue": 0},
    "replacement": {"accepted": 2, "duty_opened": 2, "duty_answered": 1, "copy_cancelled": 1, "overdue": 0},
    "overdue": {"accepted": 1, "overdue": 2, "handed_over": 1, "closed": 1},
}


def radar(scene: Scene) -> None:
    """Who must do what next: the same list for the sender and for the one who must act."""
    scene.tell.chapter("Radar: văn bản nào không đi tiếp, ai phải làm gì", "what does not move, who must act")
    letters = scene.letters
    late, asked = letters.late.document_id, letters.with_an_error.document_id
    expected = sorted(
        [
            [late, StuckCause.OVERDUE.value, DEPARTMENT.agency.code],
            [asked, StuckCause.RECALL_PENDING.value, COMMUNE.agency.code],
        ]
    )
    with scene.tell.step(
        "Văn phòng Chính phủ thấy hai văn bản của mình đang đứng yên: vì sao, ai phải làm, bước tiếp theo.",
        "The ministry sees two letters that do not move: why, who must act, what comes next.",
    ) as step:
        items = scene.of(MINISTRY).system.radar().part("items")
        step.expect("radar", expected, sorted([one["document_id"], one["cause"], one["must_act"]] for one in items))
    with scene.tell.step(
        "Sở Xây dựng và UBND xã thấy đúng việc của mình; UBND tỉnh không còn việc nào.",
        "The department and the commune see what they must do; the province has nothing left to do.",
    ) as step:
        mine = {role.agency.code: _mine(scene, role.agency.code) for role in CAST}
        wanted = {DEPARTMENT.agency.code: [late], COMMUNE.agency.code: [asked]}
        step.expect("việc của mình / mine", {role.agency.code: wanted.get(role.agency.code, []) for role in CAST}, mine)
    scene.results["radar"] = items
    for number, item in enumerate(items, start=1):
        _show(scene, number, item)


def timelines(scene: Scene) -> None:
    """The lives of the three letters, each with its changes in one order."""
    scene.tell.chapter("Diễn biến của ba văn bản", "the timelines of the three letters")
    scene.results["timelines"] = {}
    for name, vi, en in _TOLD:
        system = scene.of(MINISTRY).system
        consignments = scene.results.pop(name)
        notation = system.consignment(consignments[0]).part("header", "notation")
        with scene.tell.step(f"Diễn biến của công văn {notation} {vi}.", f"The timeline of {en}.") as step:
            events = timeline.of(system, consignments)
            counted = {kind: sum(event["kind"] == kind for event in events) for kind in _MUST_HAVE[name]}
            step.expect("số sự kiện / events", _MUST_HAVE[name], counted)
        scene.results["timelines"][name] = events
        scene.tell.table(timeline.HEADINGS, timeline.rows(events, brief=True))


def _mine(scene: Scene, code: str) -> list[str]:
    return [one["document_id"] for one in scene.players[code].system.radar().part("items") if one["mine"]]


def _show(scene: Scene, number: int, item: dict[str, Any]) -> None:
    who = scene.players[item["must_act"]]
    scene.tell.line()
    scene.tell.line(f"  {number}. {item['notation']}  ·  {item['cause']}")
    scene.tell.paragraph(item["message"]["vi"], item["message"]["en"])
    scene.tell.line(f"     Ai phải làm / who must act: {who.name} ({who.code})")
    scene.tell.paragraph(f"→ {item['fix']['vi']}", f"→ {item['fix']['en']}")
