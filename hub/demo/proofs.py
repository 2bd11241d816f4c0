"""What is genuine: the report of a page's signatures, forgeries that are caught, a bundle that proves it elsewhere.

Owns: the chapters about signatures in PDF files and about the evidence bundle.
Never: judges anything itself; it shows what the hub and `hub verify` say.
Source: Decree 30/2020/NĐ-CP Art. 5, 13, 17; Decision 28/2018/QĐ-TTg Art. 4, 9(1); threats P2, P6.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path
from typing import Any

from hub.demo.documents import page_changed_after_signing, sealed_by_another
from hub.demo.scene import Scene, settled
from hub.demo.stage import DEPARTMENT, MINISTRY, PROVINCE
from hub.demo.tell import WIDTH

VERIFY_SECONDS = 120
_STATES = {"valid": "hợp lệ / valid", "invalid": "không hợp lệ / invalid"}
_CHANGES = {"none": "không / none", "further_signature": "chữ ký tiếp theo / a further signature"}


def who_signed_the_page(scene: Scene) -> None:
    """The report of the first letter's PDF: the person, then the agency; together they replace paper."""
    scene.tell.chapter("Ai đã ký tệp PDF", "who signed the page")
    with scene.tell.step(
        "Tệp PDF của công văn đầu tiên: người có thẩm quyền ký trước, cơ quan đóng dấu số sau; cả hai hợp lệ.",
        "The PDF of the first letter: signed by the person, then sealed by the agency; both are valid.",
    ) as step:
        answer = scene.of(MINISTRY).system.consignment(scene.first)
        signatures = answer.part("files")[0]["signatures"]
        roles = [one["role"]["code"] for one in signatures]
        step.expect("vai trò / roles", ["personal_signature", "agency_seal"], roles)
        step.expect("kết luận / states", ["valid", "valid"], [one["state"] for one in signatures])
        step.expect("dấu của / seal of", MINISTRY.agency.code, signatures[1]["owner"])
    scene.tell.table(("Thứ tự", "Vai trò", "Người ký", "Kết luận", "Thay đổi sau khi ký"), [*map(_row, signatures)])
    with scene.tell.step(
        "Vì vậy văn bản thay thế bản giấy (Quyết định 28/2018/QĐ-TTg, Điều 4).",
        "Therefore the document replaces paper (Decision 28/2018/QĐ-TTg Art. 4).",
    ) as step:
        step.expect("thay bản giấy / replaces paper", True, answer.part("replaces_paper", "answer"))
        step.note(answer.part("replaces_paper", "because")[0]["message"]["vi"])


def what_is_not_genuine(scene: Scene) -> None:
    """A PDF changed after its signatures, and one with another agency's seal."""
    scene.tell.chapter("Văn bản giả mạo bị phát hiện", "forgeries are caught")
    letters, own = scene.letters, scene.of(DEPARTMENT).pen
    with scene.tell.step(
        "Tệp PDF bị sửa sau khi ký số, rồi gói tin được ký lại cho khớp: trục vẫn phát hiện và từ chối.",
        "A PDF changed after its signatures inside an envelope signed afresh: still found, and rejected.",
    ) as step:
        envelope = page_changed_after_signing(letters.forged, own)
        answer = scene.rejected(step, DEPARTMENT, envelope=envelope, name="pdf-bi-sua", code="pdf.digest_differs")
        states = {one["state"] for one in answer.part("files")[0]["signatures"]}
        step.expect("chữ ký trong tệp / signatures in the file", ["invalid"], sorted(states))
        step.expect("chữ ký của gói tin / the envelope's", "valid", answer.part("signature", "state"))
    with scene.tell.step(
        "Tệp PDF mang dấu số của cơ quan khác: trục nhận ra và từ chối.",
        "A PDF that carries another agency's seal: recognised, and rejected.",
    ) as step:
        envelope = sealed_by_another(letters.borrowed_seal, own, other=scene.of(PROVINCE).pen)
        code = "pdf.seal_of_another_agency"
        scene.rejected(step, DEPARTMENT, envelope=envelope, name="dau-cua-co-quan-khac", code=code)


def the_evidence_bundle(scene: Scene) -> None:
    """Everything that proves the first letter, in one file that is verified without the hub."""
    scene.tell.chapter("Gói chứng cứ kiểm tra ngoại tuyến", "an evidence bundle, verified offline")
    bundle = scene.folder / "evidence" / "cong-van-dau-tien.asice"
    bundle.parent.mkdir()
    with scene.tell.step(
        "Văn phòng Chính phủ lấy gói chứng cứ của công văn đầu tiên; biên nhận đều đã niêm phong, có dấu thời gian.",
        "The ministry fetches the evidence bundle of the first letter; every receipt is sealed and timestamped.",
    ) as step:
        settled(lambda: _is_sealed(scene, bundle), wanted=True)
        step.expect("đã niêm phong / sealed", True, _is_sealed(scene, bundle))
        step.note(f"{bundle.name}, {bundle.stat().st_size} byte")
    with scene.tell.step(
        "`hub verify` kiểm tra gói trên máy không có trục, chỉ với các chứng thư được tin.",
        "`hub verify` checks it on a machine without the hub, with the trusted certificates alone.",
    ) as step:
        ended = _verify(scene, bundle)
        step.expect("mã thoát / exit code", 0, ended.returncode)
    for line in ended.stdout.splitlines():
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        for piece in textwrap.wrap(line.strip(), WIDTH, initial_indent=indent, subsequent_indent=indent + "  ") or [""]:
            scene.tell.line(piece)
    with scene.tell.step(
        "Sửa một byte của gói tin trong gói chứng cứ: bị phát hiện.", "One byte of it changed: found out."
    ) as step:
        altered = bundle.with_name("cong-van-bi-sua.asice")
        altered.write_bytes(_altered(bundle.read_bytes()))
        step.expect("mã thoát / exit code", 1, _verify(scene, altered).returncode)
        altered.unlink()


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    signer = dict(part.split("=", 1) for part in one["signer"]["subject"].split(",") if "=" in part)
    words = (_STATES.get(one["state"], one["state"]), _CHANGES.get(one["changes"], one["changes"]))
    return (str(one["number"]), one["role"]["name"]["vi"], signer.get("CN", ""), *words)


def _is_sealed(scene: Scene, bundle: Path) -> bool:
    """Fetch the bundle as it is now; True when all its receipts are sealed and the seals are stamped."""
    bundle.write_bytes(scene.of(MINISTRY).system.evidence(scene.first).body)
    with zipfile.ZipFile(bundle) as parts:
        names = parts.namelist()
        proofs = json.loads(parts.read("proofs.json"))
    sealed = {proof["statement"]["number"] for proof in proofs.values()}
    receipts = [name for name in names if name.startswith("receipts/")]
    return len(proofs) == len(receipts) and all(f"timestamps/seal-{number}.tst" in names for number in sealed)


def _verify(scene: Scene, bundle: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hub", "verify", "--trust", str(scene.folder / "trust"), str(bundle)]
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", timeout=VERIFY_SECONDS, check=False
    )


def _altered(content: bytes) -> bytes:
    """One byte in the middle of the stored envelope, found by its beginning."""
    place = content.index(b"<edXML") + 200
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
