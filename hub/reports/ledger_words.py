"""The words of the registers: what a recipient holds, what happened, urgency, paper, signature; in both languages.

Owns: names that no rule pack has; the names of statuses come from the pack.
Never: decides what happened.
Source: Decision 28/2018/QĐ-TTg Art. 10(2)h, k; Decree 30/2020/NĐ-CP Art. 18, Annex VI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.domain.changes import Copy, DocumentState, Holding
from hub.domain.deliveries import DeliveryState
from hub.domain.duties import DutyKind, DutyOutcome
from hub.domain.envelopes import BusinessType, Urgency
from hub.domain.rules import RulePack
from hub.domain.statuses import StatusCode


@dataclass(frozen=True, slots=True)
class Word:
    """One fact: its code for programs, its name in Vietnamese and English."""

    code: str
    vi: str
    en: str


URGENCIES = {
    Urgency.NORMAL: Word("normal", "Thường", "normal"),
    Urgency.URGENT: Word("urgent", "Khẩn", "urgent"),
    Urgency.VERY_URGENT: Word("very_urgent", "Thượng khẩn", "very urgent"),
    Urgency.EXPRESS: Word("express", "Hỏa tốc", "express"),
    Urgency.EXPRESS_TIMED: Word("express_timed", "Hỏa tốc hẹn giờ", "express, at a fixed time"),
}
DOCUMENTS = {
    DocumentState.LIVE: Word("live", "Đã phát hành", "issued"),
    DocumentState.RECALLED: Word("recalled", "Đã thu hồi", "recalled"),
    DocumentState.REPLACED: Word("replaced", "Đã được thay thế", "replaced"),
}
PAPER: Mapping[int | None, Word] = {
    0: Word("paper_free", "Không kèm bản giấy", "without paper"),
    1: Word("with_paper", "Có gửi bản giấy", "with paper"),
    None: Word("not_said", "Không nêu", "not said"),
}
SIGNATURES = {
    "valid": Word("valid", "Chữ ký số gói tin hợp lệ", "the envelope's signature is valid"),
    "invalid": Word("invalid", "Chữ ký số gói tin không hợp lệ", "the envelope's signature is invalid"),
    "undetermined": Word("undetermined", "Chưa xác định được chữ ký số gói tin", "not determined"),
    "not_cryptographic": Word("not_cryptographic", "Gói tin không có chữ ký số", "the envelope is not signed"),
}
SENDINGS = {
    BusinessType.NEW: Word("sent", "Gửi", "sent"),
    BusinessType.RECALL: Word("recall", "Gửi yêu cầu thu hồi", "recall sent"),
    BusinessType.UPDATE: Word("update", "Gửi cập nhật", "update sent"),
    BusinessType.REPLACE: Word("replace", "Gửi văn bản thay thế", "sent, replacing another"),
}
PLACED = Word("placed", "Vào hộp thư đến", "put into the inbox")
FETCHED = Word("fetched", "Hệ thống nhận đã tải", "fetched by the recipient's system")
ENDED = {
    DeliveryState.HANDED_OVER: Word("handed_over", "Đã nhận", "received"),
    DeliveryState.REFUSED: Word("refused", "Từ chối, trả lại", "refused, returned"),
    DeliveryState.WITHDRAWN: Word("withdrawn", "Bên gửi rút lại trước khi nhận", "withdrawn before it was taken"),
    DeliveryState.EXPIRED: Word("expired", "Hết hạn chờ, không chuyển được", "expired, not delivered"),
    DeliveryState.PASSED_ON: Word("passed_on", "Chuyển đơn vị kế thừa", "passed on to the successor"),
}
ASKED = {
    DutyKind.RECALL: Word("recall_asked", "Được yêu cầu thu hồi", "recall asked"),
    DutyKind.UPDATE: Word("update_asked", "Được yêu cầu cập nhật", "update asked"),
    DutyKind.REPLACE: Word("replace_asked", "Được yêu cầu thay thế", "replacement asked"),
    DutyKind.REMOVE: Word("remove_asked", "Được yêu cầu xóa do gửi nhầm nơi nhận", "removal asked"),
    DutyKind.TAKE_BACK: Word("take_back_asked", "Được yêu cầu trả lại", "asked back"),
}
ANSWERED = {
    DutyOutcome.ACCEPTED: Word("change_accepted", "Đã thực hiện", "done"),
    DutyOutcome.MET: Word("change_met", "Đã thực hiện", "done"),
    DutyOutcome.DECLINED: Word("change_declined", "Từ chối thực hiện", "declined"),
    DutyOutcome.MOOT: Word("change_moot", "Không còn phải thực hiện", "nothing is owed any more"),
}
_WAITING = Word("waiting", "Chưa nhận", "not taken yet")
_CANCELLED = {
    DutyKind.REPLACE: Word("cancelled", "Đã hủy, thay bằng văn bản khác", "cancelled, replaced"),
    None: Word("cancelled", "Đã hủy do thu hồi", "cancelled after a recall"),
}


def status(code: str, rules: RulePack) -> Word:
    """A status under its name in the rule pack."""
    return Word(code, *rules.status_names[code])


def held(copy: Copy, rules: RulePack) -> Word:
    """How the recipient's copy stands: what was done about it as a whole, else the status that was said of it."""
    holding = copy.holding
    if holding is Holding.CANCELLED:
        return _CANCELLED.get(copy.asked, _CANCELLED[None])
    if holding is Holding.GIVING_UP_ASKED and copy.asked is not None:
        return ASKED[copy.asked]
    if copy.state in ENDED and copy.state is not DeliveryState.HANDED_OVER:
        return ENDED[copy.state]
    if copy.status_code is not None:
        return status(copy.status_code, rules)
    if copy.state is DeliveryState.HANDED_OVER:
        return status(StatusCode.ARRIVED.value, rules)
    return FETCHED if copy.fetched else _WAITING
