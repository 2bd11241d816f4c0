"""A letter is recalled, another is replaced: what happens to each recipient's copy.

Owns: the two chapters; the moments at which a copy is withdrawn, asked for, cancelled.
Never: looks anywhere but into the API.
Source: Decision 28/2018/QĐ-TTg Art. 8(2), 9(2); Decree 30/2020/NĐ-CP Art. 18, Annex VI.III.8; threat T2.
"""

from __future__ import annotations

from typing import Any

from hub.demo import plot, timeline
from hub.demo.documents import recall_envelope, signed_envelope
from hub.demo.scene import Scene, settled
from hub.demo.stage import COMMUNE, DEPARTMENT, MINISTRY, PROVINCE, Role
from hub.demo.tell import Step
from hub.domain.causes import StuckCause
from hub.domain.duties import DutyKind
from hub.domain.statuses import StatusCode

_PROVINCE, _COMMUNE = PROVINCE.agency.code, COMMUNE.agency.code


def recalled(scene: Scene) -> None:
    """Withdrawn at whom did not fetch it, a duty of whom did; asked twice or by another it is refused."""
    scene.tell.chapter("Thu hồi văn bản", "a recall")
    letter, pen = scene.letters.mistaken, scene.of(MINISTRY).pen
    with scene.tell.step(
        f"Văn phòng Chính phủ gửi nhầm công văn {letter.notation}; tỉnh đã lấy và xác nhận, xã chưa lấy.",
        "The ministry sends a letter by mistake; the province takes it, the commune has not fetched it yet.",
    ) as step:
        envelope = signed_envelope(letter, pen)
        answer = scene.accepted(step, MINISTRY, envelope=envelope, name="gui-nham")
        original = answer.part("id")
        taken = scene.handed_over(step, PROVINCE, consignment=original, envelope=envelope)
        waiting = scene.of(COMMUNE).system.awaited(original)
        _hold(scene, step, original, {_PROVINCE: "holds", _COMMUNE: "waiting"})
    recall = recall_envelope(letter, pen, reason=plot.REASON_TO_RECALL)
    asking = _is_recalled(scene, original, recall, waiting)
    duty = _recall_is_asked(scene, taken, asking, recall)
    _recall_is_answered(scene, taken, duty)
    _recalls_that_are_refused(scene)
    scene.results["recall"] = [original, asking]


def _is_recalled(scene: Scene, original: str, recall: bytes, waiting: dict[str, Any]) -> str:
    """The consignment of the recall."""
    with scene.tell.step(
        "Văn phòng Chính phủ thu hồi: bản của xã bị rút lại, xã không lấy được nữa (410); bản của tỉnh chờ hủy.",
        "It is recalled: the commune's copy is withdrawn (410), the province is asked to give its copy up.",
    ) as step:
        asking: str = scene.accepted(step, MINISTRY, envelope=recall, name="thu-hoi").part("id")
        _hold(scene, step, original, {_PROVINCE: "giving_up_asked", _COMMUNE: "withdrawn"})
        step.expect("văn bản / document", "recalled", scene.of(MINISTRY).system.copies(original).part("state"))
        _is_gone(scene, step, COMMUNE, waiting)
        step.expect("hộp đến của xã / the commune's inbox", [], scene.of(COMMUNE).system.look())
        step.note(f"Lý do / reason: {plot.REASON_TO_RECALL}")
    return asking


def _recall_is_asked(scene: Scene, taken: dict[str, Any], asking: str, recall: bytes) -> dict[str, Any]:
    """What the province is asked about the copy that it took."""
    with scene.tell.step(
        "UBND tỉnh thấy việc phải làm và hạn trả lời ngay trong hộp đến; radar của bộ cho biết ai phải làm.",
        "The province finds what it must do, and until when, in its inbox; the radar names who must act.",
    ) as step:
        notice = scene.taken(step, PROVINCE, consignment=asking, envelope=recall)
        duty = _asked(scene, step, PROVINCE, notice, DutyKind.RECALL)
        step.expect("về bản / about the copy", taken["delivery"], duty["delivery"])
        expected = [[taken["consignment"], StuckCause.RECALL_PENDING.value, _PROVINCE]]
        step.expect("radar", expected, _stuck(scene))
    return duty


def _recall_is_answered(scene: Scene, taken: dict[str, Any], duty: dict[str, Any]) -> None:
    original = taken["consignment"]
    with scene.tell.step(
        "UBND tỉnh hủy bản của mình và trả lời 15; bộ nhận được bản tin trạng thái 15, radar không còn việc này.",
        "The province cancels its copy and answers 15; the ministry gets it, and the radar is clear of it.",
    ) as step:
        _answer(scene, step, role=PROVINCE, duty=duty)
        scene.told(step, by=PROVINCE, code=StatusCode.CHANGE_ACCEPTED, about=original)
        _hold(scene, step, original, {_PROVINCE: "cancelled", _COMMUNE: "withdrawn"})
        _is_gone(scene, step, PROVINCE, taken)
        step.expect("radar", [], _stuck(scene))


def _recalls_that_are_refused(scene: Scene) -> None:
    letter = scene.letters.mistaken
    with scene.tell.step("Thu hồi lần thứ hai: từ chối.", "A second recall is rejected.") as step:
        envelope = recall_envelope(letter, scene.of(MINISTRY).pen, reason="Thu hồi lần thứ hai.")
        code = "change.already_recalled"
        scene.rejected(step, MINISTRY, envelope=envelope, name="thu-hoi-lan-hai", code=code)
    with scene.tell.step(
        "Sở Xây dựng thu hồi văn bản của Văn phòng Chính phủ: từ chối, cơ quan nào thu hồi văn bản của cơ quan đó.",
        "The department recalls the ministry's letter: rejected; each recalls its own.",
    ) as step:
        own = scene.of(DEPARTMENT).pen
        envelope = recall_envelope(letter, own, reason=plot.REASON_TO_RECALL, by=DEPARTMENT.writes)
        code = "change.unknown_document"
        scene.rejected(step, DEPARTMENT, envelope=envelope, name="thu-hoi-cua-co-quan-khac", code=code)


def replaced(scene: Scene) -> None:
    """A letter with an error gives way to a new one, both linked at each recipient; one of them does not answer."""
    scene.tell.chapter("Thay thế văn bản", "a replacement")
    letter, pen = scene.letters.with_an_error, scene.of(MINISTRY).pen
    with scene.tell.step(
        f"Văn phòng Chính phủ gửi công văn {letter.notation} có sai sót tới tỉnh và xã; cả hai đã nhận.",
        "The ministry sends a letter with an error to the province and the commune; both take it.",
    ) as step:
        envelope = signed_envelope(letter, pen)
        old = scene.accepted(step, MINISTRY, envelope=envelope, name="co-sai-sot").part("id")
        taken = scene.handed_over(step, PROVINCE, consignment=old, envelope=envelope)
        scene.handed_over(step, COMMUNE, consignment=old, envelope=envelope)
    new, duty = _is_replaced(scene, old)
    with scene.tell.step(
        "UBND tỉnh hủy bản cũ và trả lời 15, vẫn giữ bản mới; xã chưa trả lời, nên còn trên radar.",
        "The province cancels the old copy (15) and keeps the new one; the commune has not answered yet.",
    ) as step:
        _answer(scene, step, role=PROVINCE, duty=duty)
        scene.told(step, by=PROVINCE, code=StatusCode.CHANGE_ACCEPTED, about=old)
        _hold(scene, step, old, {_PROVINCE: "cancelled", _COMMUNE: "giving_up_asked"})
        _hold(scene, step, new, {_PROVINCE: "holds", _COMMUNE: "holds"})
        _is_gone(scene, step, PROVINCE, taken)
    scene.results["replacement"] = [old, new]


def _is_replaced(scene: Scene, old: str) -> tuple[str, dict[str, Any]]:
    """The new consignment, and what the province is asked about its old copy."""
    letter = scene.letters.without_the_error
    with scene.tell.step(
        f"Công văn {letter.notation} thay thế: hai nơi nhận có bản mới, bản cũ và bản mới được nối với nhau.",
        "A new letter replaces it: both recipients take it; old and new are linked at each of them.",
    ) as step:
        envelope = signed_envelope(letter, scene.of(MINISTRY).pen)
        new: str = scene.accepted(step, MINISTRY, envelope=envelope, name="thay-the").part("id")
        notice = scene.handed_over(step, PROVINCE, consignment=new, envelope=envelope)
        scene.handed_over(step, COMMUNE, consignment=new, envelope=envelope)
        _hold(scene, step, old, {_PROVINCE: "giving_up_asked", _COMMUNE: "giving_up_asked"})
        seen = scene.of(MINISTRY).system.copies(old)
        step.expect("văn bản cũ / the old one", ["replaced", new], [seen.part("state"), seen.part("replaced_by")])
        links = {copy["recipient"]: copy["replaced_by"] for copy in seen.part("copies")}
        step.expect("thay bằng / replaced by", {_PROVINCE: new, _COMMUNE: new}, links)
        duty = _asked(scene, step, PROVINCE, notice, DutyKind.REPLACE)
        step.note(f"Lý do / reason: {plot.REASON_TO_REPLACE}")
    return new, duty


def _hold(scene: Scene, step: Step, consignment: str, expected: dict[str, str]) -> None:
    """What each recipient holds of a document, once the stations are through."""
    system = scene.of(MINISTRY).system

    def held() -> dict[str, str]:
        return {one["recipient"]: one["holding"]["code"] for one in system.copies(consignment).part("copies")}

    step.expect("nơi nhận đang giữ / recipients hold", expected, settled(held, expected))


def _is_gone(scene: Scene, step: Step, role: Role, item: dict[str, Any]) -> None:
    answer = scene.of(role).system.envelope(item)
    step.expect("HTTP GET envelope", 410, answer.status)
    step.expect("mã lỗi / code", "delivery.gone", answer.part("code"))


def _asked(scene: Scene, step: Step, role: Role, notice: dict[str, Any], kind: DutyKind) -> dict[str, Any]:
    """The duty in the inbox item, which is also in the recipient's list of duties."""
    duty: dict[str, Any] = notice["duty"]
    step.expect("việc phải làm / duty", kind.value, duty["kind"])
    owed = [one for one in scene.of(role).system.duties().part("items") if one["delivery"] == duty["delivery"]]
    step.expect("trả lời / answers", [["15", "16"]], [one["answers"] for one in owed])
    step.expect("hạn / due", [duty["due_at"]], [one["due_at"] for one in owed])
    step.note(f"Hạn trả lời / due {timeline.moment(duty['due_at'])}, {owed[0]['article']}")
    return duty


def _answer(scene: Scene, step: Step, *, role: Role, duty: dict[str, Any]) -> None:
    claims = scene.of(role).system.say(duty, StatusCode.CHANGE_ACCEPTED)
    expected = ["BusinessStatus", StatusCode.CHANGE_ACCEPTED.value, role.agency.code]
    step.expect("biên nhận / receipt 15", expected, [claims["event"], claims["status_code"], claims["recipient"]])


def _stuck(scene: Scene) -> list[list[str]]:
    items = scene.of(MINISTRY).system.radar().part("items")
    return [[one["consignment"], one["cause"], one["must_act"]] for one in items]
