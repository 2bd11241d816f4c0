"""A letter whose time is over: sent too late by its sender, not dealt with in time by its recipient.

Owns: the chapter; what is true now is enough for it, no clock is moved.
Never: lets anybody but the hub say that something is overdue.
Source: Decision 28/2018/QĐ-TTg Art. 6(2), 10(2)o; Decree 30/2020/NĐ-CP Art. 18, 24.
"""

from __future__ import annotations

from typing import Any

from hub.demo import timeline
from hub.demo.documents import signed_envelope
from hub.demo.scene import Scene, settled
from hub.demo.stage import DEPARTMENT, MINISTRY
from hub.demo.tell import Step
from hub.domain.duties import DutyKind
from hub.domain.periods import vietnam_day


def overdue(scene: Scene) -> None:
    """Both deadlines pass, each is told once with its article, and the recipient still owes its answer."""
    scene.tell.chapter("Quá hạn", "an overdue document")
    letter = scene.letters.late
    signed_on = f"{vietnam_day(letter.written_at):%d/%m/%Y}"
    envelope = signed_envelope(letter, scene.of(MINISTRY).pen)
    with scene.tell.step(
        f"Công văn {letter.notation} ký ngày {signed_on}, hôm nay mới gửi: quá hạn gửi, trục ghi lại.",
        "A letter signed a month ago is sent today: accepted, and its late sending is on the record.",
    ) as step:
        consignment = scene.accepted(step, MINISTRY, envelope=envelope, name="gui-qua-han").part("id")
        scene.results["overdue"] = [consignment]
        _is_told(scene, step, consignment, [DutyKind.SENDING.value])
    with scene.tell.step(
        f"Sở Xây dựng nhận; thời hạn giải quyết ghi trong văn bản là {letter.due_on:%d/%m/%Y}, đã qua.",
        "The department takes it; the day by which it had to be dealt with was yesterday.",
    ) as step:
        scene.handed_over(step, DEPARTMENT, consignment=consignment, envelope=envelope)
        duties = [one for one in scene.of(DEPARTMENT).system.duties().part("items") if _about(one, consignment)]
        expected = [[DutyKind.PROCESSING.value, True, ["06", "02"]]]
        step.expect("việc phải làm / duties", expected, [[d["kind"], d["overdue"], d["answers"]] for d in duties])
    with scene.tell.step(
        "Đồng hồ của trục báo quá hạn giải quyết, một lần, kèm điều khoản; việc vẫn còn phải làm.",
        "The hub's clock tells, once and with the article, that it is overdue; it is still owed.",
    ) as step:
        _is_told(scene, step, consignment, [DutyKind.SENDING.value, DutyKind.PROCESSING.value])


def _is_told(scene: Scene, step: Step, consignment: str, expected: list[str]) -> None:
    def seen() -> list[dict[str, Any]]:
        events = timeline.of(scene.of(MINISTRY).system, [consignment])
        return [event["facts"] for event in events if event["kind"] == "overdue"]

    settled(lambda: [facts["kind"] for facts in seen()], expected)
    told = seen()
    step.expect("quá hạn / overdue", expected, [facts["kind"] for facts in told])
    step.expect("điều khoản / articles", [True] * len(told), ["Điều" in facts["article"] for facts in told])
    step.note(f"hạn / due {timeline.moment(told[-1]['due_at'])}; {told[-1]['article']}")


def _about(duty: dict[str, Any], consignment: str) -> bool:
    return bool(duty["consignment"] == consignment)
