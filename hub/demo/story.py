"""The good path of the story: a letter goes out, is taken over, answered, followed by its sender.

Owns: chapters 1-4, 8, 9 and 11; what must be seen in each.
Never: tries to break the hub (trials.py).
Source: Decision 28/2018/QĐ-TTg Art. 6-9; Decision 09/2025/QĐ-TTg Art. 2 (closed codes).
"""

from __future__ import annotations

from datetime import UTC, datetime

from hub.demo import plot
from hub.demo.documents import Document, signed_envelope, status_envelope
from hub.demo.scene import Scene, settled
from hub.demo.stage import CLOSED, COMMUNE, DEPARTMENT, MINISTRY, PROVINCE, Role
from hub.demo.tell import Step
from hub.domain.statuses import StatusCode


def a_letter_goes_out(scene: Scene) -> None:
    """Chapter 1: signed, accepted, and the receipt proved without asking the hub."""
    scene.tell.chapter("Bộ gửi công văn có ký số tới tỉnh, sở và xã", "a signed letter goes out")
    letter = scene.letters.directive
    envelope = signed_envelope(letter, scene.of(MINISTRY).pen)
    with scene.tell.step(
        f"Văn phòng Chính phủ gửi công văn {letter.notation} kèm tệp PDF tới 3 nơi nhận; trục tiếp nhận (201).",
        "The ministry sends a signed letter with a PDF to three recipients; the hub accepts it.",
    ) as step:
        answer = scene.accepted(step, MINISTRY, envelope=envelope, name="bo-gui-tinh-so-xa")
        step.expect("chữ ký / signature", "valid", answer.part("signature", "state"))
        step.expect("ký toàn bộ / all is signed", True, answer.part("signature", "coverage", "whole"))
        scene.first = answer.part("id")
        step.note(f"mã lượt gửi / consignment {scene.first}, {len(envelope)} byte")
    with scene.tell.step(
        "Biên nhận có chữ ký của trục được kiểm tra ngoại tuyến; sửa một ký tự thì không còn giá trị.",
        "The receipt is verified offline with the hub's certificate; with one character changed it is refused.",
    ) as step:
        receipt = answer.part("receipt")
        step.expect("bản thật / genuine", False, scene.book.refuses(receipt))
        step.expect("bản bị sửa / altered", True, scene.book.refuses(_altered(receipt)))


def recipients_take_it(scene: Scene) -> None:
    """Chapter 2: the exact bytes to each of the three, each taken over with a receipt."""
    scene.tell.chapter("Từng nơi nhận lấy đúng từng byte và xác nhận", "each recipient fetches and acknowledges")
    envelope = signed_envelope(scene.letters.directive, scene.of(MINISTRY).pen)
    for role in (PROVINCE, DEPARTMENT, COMMUNE):
        with scene.tell.step(
            f"{role.agency.name} ({role.agency.code}) nhận gói tin, mã băm SHA-256 khớp, xác nhận đã nhận.",
            "It fetches the exact bytes (SHA-256 agrees) and acknowledges; the hub signs a handover receipt.",
        ) as step:
            scene.results[role.agency.code] = scene.handed_over(step, role, consignment=scene.first, envelope=envelope)


def recipients_answer(scene: Scene) -> None:
    """Chapter 3: 01 → 03 → 06 by the province (06 as edXML), 01 → 03 by the department, 02 by the commune."""
    scene.tell.chapter("Nơi nhận báo trạng thái xử lý", "recipients answer with statuses")
    with scene.tell.step(
        "UBND tỉnh báo 01 “Đã đến” rồi 03 “Đã tiếp nhận” qua API (JSON).",
        "The province says 01 arrived, then 03 received, by JSON.",
    ) as step:
        _say(scene, step, role=PROVINCE, code="01")  # the hub has said it before: no second message
        _say(scene, step, role=PROVINCE, code="03")
        scene.told(step, by=PROVINCE, code="03", about=scene.first)
    with scene.tell.step(
        "UBND tỉnh báo 06 “Hoàn thành” bằng bản tin trạng thái edXML; Văn phòng Chính phủ nhận được bản tin này.",
        "The province says 06 completed with an edXML status message, which also reaches the ministry's inbox.",
    ) as step:
        _completed_by_edxml(scene, step)
    with scene.tell.step("Sở Xây dựng báo 01 rồi 03 qua API.", "The department says 01, then 03.") as step:
        _say(scene, step, role=DEPARTMENT, code="01")
        _say(scene, step, role=DEPARTMENT, code="03")
        scene.told(step, by=DEPARTMENT, code="03", about=scene.first)
    with scene.tell.step(
        "UBND xã từ chối tiếp nhận: 02, kèm lý do.", "The commune declines with 02 and a reason."
    ) as step:
        _say(scene, step, role=COMMUNE, code="02", words=plot.REASON_TO_DECLINE)
        scene.told(step, by=COMMUNE, code="02", about=scene.first)
        step.note(plot.REASON_TO_DECLINE)


def the_sender_sees(scene: Scene) -> None:
    """Chapter 4: one look shows the state and status of every recipient."""
    scene.tell.chapter("Nơi gửi theo dõi từng nơi nhận", "the sender sees each recipient's state")
    with scene.tell.step(
        "Văn phòng Chính phủ thấy: tỉnh 06, sở 03, xã 02; cả ba đã nhận; lượt gửi đã đóng.",
        "The ministry sees 06, 03 and 02; all three were handed over; the consignment is closed.",
    ) as step:
        expected = {
            PROVINCE.agency.code: ["handed_over", "06"],
            DEPARTMENT.agency.code: ["handed_over", "03"],
            COMMUNE.agency.code: ["handed_over", "02"],
        }
        step.expect("nơi nhận / recipients", expected, settled(lambda: _states(scene), expected))
        seen = scene.of(MINISTRY).system.consignment(scene.first)
        step.expect("lượt gửi / consignment", "closed", seen.part("state"))
        for receipt in seen.part("receipts"):
            scene.book.take(receipt["jws"])
        last = {d["recipient"]: d["statuses"][-1]["description"] for d in seen.part("deliveries")}
        step.expect("lý do của xã / reason", plot.REASON_TO_DECLINE, last[COMMUNE.agency.code])


def sent_to_one_more(scene: Scene) -> None:
    """Chapter 8: the same letter again, to one that holds it and to one that does not."""
    scene.tell.chapter("Gửi lại cho thêm một nơi nhận", "sent again to one more recipient")
    pen = scene.of(MINISTRY).pen
    with scene.tell.step(
        "Văn phòng Chính phủ gửi công văn mời họp cho UBND tỉnh; tỉnh nhận.", "A letter goes to the province alone."
    ) as step:
        envelope = signed_envelope(scene.letters.conference, pen)
        answer = scene.accepted(step, MINISTRY, envelope=envelope, name="moi-hop")
        scene.handed_over(step, PROVINCE, consignment=answer.part("id"), envelope=envelope)
    with scene.tell.step(
        "Gửi lại cho UBND tỉnh và Sở Xây dựng: chỉ Sở nhận bản mới, tỉnh không phải nhận lần hai.",
        "Sent again to the province and the department: only the department gets it.",
    ) as step:
        envelope = signed_envelope(scene.letters.conference_again, pen)
        answer = scene.accepted(step, MINISTRY, envelope=envelope, name="moi-hop-gui-lai")
        step.expect("ghi nhận / noted", True, "duplicates.already_held" in answer.codes())
        scene.handed_over(step, DEPARTMENT, consignment=answer.part("id"), envelope=envelope)
        seen = scene.of(MINISTRY).system.consignment(answer.part("id")).part("deliveries")
        states = {delivery["recipient"]: delivery["state"] for delivery in seen}
        expected = {PROVINCE.agency.code: "already_held", DEPARTMENT.agency.code: "handed_over"}
        step.expect("nơi nhận / recipients", expected, states)
        step.expect("hộp đến của tỉnh / the province's inbox", [], scene.of(PROVINCE).system.look())


def a_closed_code(scene: Scene) -> None:
    """Chapter 9: a letter to a merged department reaches its successor, and the sender is told."""
    scene.tell.chapter("Mã cơ quan đã đóng", "a closed agency code")
    with scene.tell.step(
        f"Công văn gửi tới mã {CLOSED.code} (đã sáp nhập) được chuyển tới đơn vị kế thừa {DEPARTMENT.agency.code}.",
        "A letter to a closed code is delivered to its successor, and the answer says so.",
    ) as step:
        envelope = signed_envelope(scene.letters.to_closed_code, scene.of(MINISTRY).pen)
        answer = scene.accepted(step, MINISTRY, envelope=envelope, name="gui-ma-da-dong")
        told = [f for f in answer.part("findings") if f["code"] == "recipient.successor"]
        step.expect("đơn vị kế thừa / successor", [CLOSED.successor], [f["evidence"]["agency"] for f in told])
        scene.handed_over(step, DEPARTMENT, consignment=answer.part("id"), envelope=envelope)
        step.note(told[0]["message"]["vi"])


def with_and_without_paper(scene: Scene) -> None:
    """Chapter 11: letters that move the ratio, in both directions and under old and new codes."""
    scene.tell.chapter("Văn bản kèm bản giấy và không kèm bản giấy", "with and without paper")
    letters = scene.letters
    _carried(
        scene,
        vi="Văn phòng Chính phủ gửi UBND tỉnh, có kèm bản giấy.",
        en="The ministry writes to the province; paper goes along.",
        letter=letters.with_paper,
        roles=(MINISTRY, PROVINCE),
    )
    _carried(
        scene,
        vi="UBND xã gửi UBND tỉnh, không kèm bản giấy.",
        en="The commune writes to the province, without paper.",
        letter=letters.request,
        roles=(COMMUNE, PROVINCE),
    )
    _carried(
        scene,
        vi="UBND tỉnh gửi sở (viết mã cũ) và xã (viết mã mới), có kèm bản giấy.",
        en="The province writes to the department (old code) and the commune (new code); paper goes along.",
        letter=letters.plan_with_paper,
        roles=(PROVINCE, DEPARTMENT, COMMUNE),
    )
    _carried(
        scene,
        vi="UBND tỉnh trả lời UBND xã, không kèm bản giấy.",
        en="The province answers the commune, without paper.",
        letter=letters.answer_to_request,
        roles=(PROVINCE, COMMUNE),
    )


def _carried(scene: Scene, *, vi: str, en: str, letter: Document, roles: tuple[Role, ...]) -> None:
    """One signed letter from the first role to all others, taken over by each."""
    sender, *recipients = roles
    with scene.tell.step(vi, en) as step:
        envelope = signed_envelope(letter, scene.of(sender).pen)
        answer = scene.accepted(step, sender, envelope=envelope, name=f"{sender.agency.code}-so-{letter.number}")
        for recipient in recipients:
            scene.handed_over(step, recipient, consignment=answer.part("id"), envelope=envelope)


def _say(scene: Scene, step: Step, *, role: Role, code: str, words: str = "") -> None:
    claims = scene.of(role).system.say(scene.results[role.agency.code], code, words=words)
    expected = ["BusinessStatus", code, role.agency.code]
    step.expect(f"biên nhận / receipt {code}", expected, [claims["event"], claims["status_code"], claims["recipient"]])


def _completed_by_edxml(scene: Scene, step: Step) -> None:
    message = status_envelope(
        scene.letters.directive,
        said_by=PROVINCE.writes,
        code=StatusCode.COMPLETED.value,
        words="Đã hoàn thành.",
        at=datetime.now(UTC),
    )
    answer = scene.accepted(step, PROVINCE, envelope=message, name="trang-thai-06")
    scene.taken(step, MINISTRY, consignment=answer.part("id"), envelope=message)


def _states(scene: Scene) -> dict[str, list[str]]:
    seen = scene.of(MINISTRY).system.consignment(scene.first).part("deliveries")
    return {delivery["recipient"]: [delivery["state"], (delivery["status"] or {}).get("code")] for delivery in seen}


def _altered(receipt: str) -> str:
    """The receipt with one character of its claims changed."""
    header, claims, signature = receipt.split(".")
    middle = len(claims) // 2
    other = "A" if claims[middle] != "A" else "B"
    return f"{header}.{claims[:middle]}{other}{claims[middle + 1 :]}.{signature}"
