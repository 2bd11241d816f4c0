"""Public words in Vietnamese and English, side by side, so that each system shows what its users read.

Owns: the two-language form of findings, states and statuses in JSON.
Never: guesses a language; both are always given.
Source: design §8; Decision 28/2018/QĐ-TTg Art. 10(2)h (names of the statuses).
"""

from __future__ import annotations

from typing import Any

from hub.domain.changes import Holding
from hub.domain.findings import Finding, describe
from hub.domain.rules import RulePack
from hub.domain.signatures import Role, SignatureState

_SIGNATURES = {
    SignatureState.VALID: ("Chữ ký số hợp lệ", "The signature is valid"),
    SignatureState.INVALID: ("Chữ ký số không hợp lệ", "The signature is invalid"),
    SignatureState.UNDETERMINED: (
        "Chưa xác định được chữ ký số có hợp lệ hay không; không được coi là hợp lệ",
        "Whether the signature is valid cannot be determined; it does not count as valid",
    ),
    SignatureState.LEGACY: (
        "Chữ ký kiểu cũ, không được coi là hợp lệ",
        "A legacy signature; it does not count as valid",
    ),
    SignatureState.ABSENT: (
        "Không có chữ ký số; bên gửi chỉ được nhận biết qua khóa truy cập",
        "Not signed; the sender was known by its access key only",
    ),
}
_ROLES = {
    Role.PERSONAL_SIGNATURE: ("Chữ ký số cá nhân", "personal signature"),
    Role.AGENCY_SEAL: ("Chữ ký số cơ quan", "agency seal"),
    Role.UNKNOWN: ("Chưa rõ của cá nhân hay cơ quan", "of a person or an agency, not known which"),
}


_HOLDINGS = {
    Holding.WAITING: ("Đang chờ nơi nhận lấy", "waits to be taken"),
    Holding.FETCHED: ("Đã lấy về, chưa xác nhận", "taken, not acknowledged"),
    Holding.HOLDS: ("Đang giữ", "holds it"),
    Holding.UPDATE_ASKED: ("Đang giữ; chưa trả lời yêu cầu cập nhật", "holds it; the update is not answered"),
    Holding.GIVING_UP_ASKED: ("Đã được yêu cầu hủy, chưa trả lời", "asked to give it up, not answered"),
    Holding.KEEPS: ("Từ chối hủy, vẫn giữ", "declined to give it up, keeps it"),
    Holding.CANCELLED: ("Đã hủy", "cancelled"),
    Holding.WITHDRAWN: ("Thu hồi trước khi lấy, chưa từng nhận", "withdrawn before it was taken"),
    Holding.REFUSED: ("Từ chối nhận", "refused"),
    Holding.EXPIRED: ("Hết hạn giao, không nhận", "expired, never delivered"),
    Holding.PASSED_ON: ("Đã chuyển cho đơn vị kế thừa", "passed on to its successor"),
}


def both(vi: str, en: str) -> dict[str, str]:
    """One sentence in the two languages."""
    return {"vi": vi, "en": en}


def finding(seen: Finding) -> dict[str, Any]:
    """A finding with its sentences."""
    words = describe(seen)
    return {
        "check": seen.check,
        "code": seen.code,
        "severity": seen.severity.value,
        "where": seen.where,
        "evidence": dict(seen.evidence),
        "message": both(words.vi, words.en),
        "fix": both(words.fix_vi, words.fix_en),
        "source": words.source,
    }


def signature_words(state: str) -> dict[str, str]:
    """What the state of a signature means, said honestly."""
    return both(*_SIGNATURES[SignatureState(state)])


def role_words(role: str) -> dict[str, str]:
    """For whom a signature in a document stands."""
    return both(*_ROLES[Role(role)])


def holding(word: Holding) -> dict[str, Any]:
    """What a recipient holds, as a word and in words."""
    return {"code": word.value, "name": both(*_HOLDINGS[word])}


def status(code: str | None, rules: RulePack) -> dict[str, Any] | None:
    """An administrative status with its name in the rule pack; None when none was said."""
    if code is None:
        return None
    return {"code": code, "name": both(*rules.status_names[code])}
