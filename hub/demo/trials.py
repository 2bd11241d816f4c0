"""The trials of the story: what must not pass, and what must happen only once.

Owns: chapters 5, 6, 7 and 10; the code with which each is refused.
Never: weakens a check to make the story end well.
Source: threats T1 (replay), E17 (changed attachment), A1 (names); Decision 28/2018/QĐ-TTg Art. 1 (secrets).
"""

from __future__ import annotations

from hub.demo.documents import changed_after_signing, signed_envelope, unsigned_envelope, with_doctype
from hub.demo.scene import Scene
from hub.demo.stage import DEPARTMENT, MINISTRY, PROVINCE

_KEY = "so-xay-dung-22"


def a_broken_signature(scene: Scene) -> None:
    """Chapter 5: one byte of the attachment changed after signing."""
    scene.tell.chapter("Chữ ký bị hỏng", "a broken signature")
    with scene.tell.step(
        "Sở Xây dựng gửi công văn mà tệp PDF bị đổi một byte sau khi ký: trục từ chối (422), có biên nhận từ chối.",
        "One byte of the PDF was changed after signing: rejected, with a signed receipt that says why.",
    ) as step:
        envelope = changed_after_signing(scene.letters.spoiled, scene.of(DEPARTMENT).pen)
        answer = scene.rejected(
            step,
            DEPARTMENT,
            envelope=envelope,
            name="chu-ky-hong",
            code="signature.digest_mismatch",
            also=("pdf.digest_differs",),
        )
        step.expect("chữ ký / signature", "invalid", answer.part("signature", "state"))


def sent_twice(scene: Scene) -> None:
    """Chapter 6: the same envelope twice is one consignment with one receipt."""
    scene.tell.chapter("Cùng một gói tin gửi hai lần", "the same envelope sent twice")
    envelope = signed_envelope(scene.letters.progress, scene.of(DEPARTMENT).pen)
    with scene.tell.step(
        "Sở Xây dựng gửi UBND tỉnh; tỉnh nhận.", "The department sends; the province takes it."
    ) as step:
        first = scene.accepted(step, DEPARTMENT, envelope=envelope, name="tien-do", key=_KEY)
        scene.handed_over(step, PROVINCE, consignment=first.part("id"), envelope=envelope)
        scene.results["progress"] = first
    with scene.tell.step(
        "Gửi lại y nguyên: trả lời 200, đúng biên nhận cũ từng byte; tỉnh không nhận thêm bản nào.",
        "Sent again unchanged: 200, the same receipt byte for byte, and nothing new in the province's inbox.",
    ) as step:
        again = scene.post(DEPARTMENT, envelope, name="tien-do-gui-lai", key=_KEY)
        step.expect("HTTP", 200, again.status)
        step.expect("biên nhận y nguyên / same receipt", True, again.part("receipt") == first.part("receipt"))
        step.expect("lượt gửi / consignment", first.part("id"), again.part("id"))
        step.expect("Idempotency-Replayed", "true", again.headers.get("idempotency-replayed"))
        step.expect("hộp đến của tỉnh / inbox", [], scene.of(PROVINCE).system.look())


def the_same_key_for_other_bytes(scene: Scene) -> None:
    """Chapter 7: a key is bound to its bytes, and the first consignment stays as it was."""
    scene.tell.chapter("Cùng khóa chống trùng, nội dung khác", "the same idempotency key, other bytes")
    with scene.tell.step(
        "Nội dung khác dưới cùng Idempotency-Key: 409; lượt gửi đầu không đổi.",
        "Other bytes under the same Idempotency-Key: 409; the first consignment is untouched.",
    ) as step:
        other = signed_envelope(scene.letters.progress_corrected, scene.of(DEPARTMENT).pen)
        answer = scene.post(DEPARTMENT, other, name="tien-do-noi-dung-khac", key=_KEY)
        step.expect("HTTP", 409, answer.status)
        step.expect("mã lỗi / code", "consignment.same_key_different_content", answer.part("code"))
        first = scene.results.pop("progress")
        seen = scene.of(DEPARTMENT).system.consignment(first.part("id"))
        step.expect("SHA-256 của lượt đầu / first digest", first.part("sha256"), seen.part("sha256"))


def what_must_not_pass(scene: Scene) -> None:
    """Chapter 10: an escaping name, a DOCTYPE, a secret; and the unsigned, accepted but never called valid."""
    scene.tell.chapter("Những gói tin không được qua", "what must not pass")
    pen, letters = scene.of(DEPARTMENT).pen, scene.letters
    with scene.tell.step(
        "Tệp đính kèm tên “../../x”: từ chối (422).", "An attachment named ../../x is rejected (422)."
    ) as step:
        envelope = signed_envelope(letters.escaping_name, pen)
        scene.rejected(step, DEPARTMENT, envelope=envelope, name="ten-tep-nguy-hiem", code="edxml.attachment.name")
    with scene.tell.step(
        "Gói tin có khai báo DOCTYPE: không đọc tiếp, trả lời 400.", "An envelope with a DOCTYPE is refused (400)."
    ) as step:
        envelope = with_doctype(signed_envelope(letters.dangerous, pen))
        answer = scene.post(DEPARTMENT, envelope, name="doctype")
        step.expect("HTTP", 400, answer.status)
        step.expect("mã lỗi / code", "envelope.dangerous_xml", answer.part("code"))
        step.expect("bản lưu / body kept", False, scene.digest_of_kept(envelope))
    with scene.tell.step(
        "Văn bản đóng dấu “Mật”: từ chối, và trục không lưu nội dung.",
        "A letter marked secret is rejected and its body is not kept.",
    ) as step:
        envelope = signed_envelope(letters.secret, pen)
        answer = scene.rejected(step, DEPARTMENT, envelope=envelope, name="van-ban-mat", code="secrecy.marked")
        shown = scene.of(DEPARTMENT).system.consignment(answer.part("id"))
        step.expect("phần đầu văn bản / header kept", None, shown.part("header"))
        step.expect("bản lưu / body kept", False, scene.digest_of_kept(envelope))
    _unsigned(scene)


def _unsigned(scene: Scene) -> None:
    with scene.tell.step(
        "UBND tỉnh gửi gói tin không ký: được nhận theo chính sách, và ghi rõ “không có chữ ký”, không phải “hợp lệ”.",
        "An unsigned envelope is accepted by policy and shown as not cryptographic, never as valid.",
    ) as step:
        envelope = unsigned_envelope(scene.letters.unsigned_reply, scene.of(PROVINCE).pen)
        answer = scene.accepted(step, PROVINCE, envelope=envelope, name="khong-ky")
        step.expect("chữ ký / signature", "not_cryptographic", answer.part("signature", "state"))
        step.expect("bản lưu / body kept", True, scene.digest_of_kept(envelope))
        scene.handed_over(step, MINISTRY, consignment=answer.part("id"), envelope=envelope)
