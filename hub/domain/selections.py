"""What an indicator counts: which documents, declared entries, agencies or people, and how that is said.

Owns: Counts, AgencyState, Selection, what it takes of sums and entries, and its words: a formula says what is counted.
Never: knows where sums and entries come from.
Source: Decision 28/2018/QĐ-TTg Art. 4, 11; domain notes §5.2.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from hub.domain.counting import Cell, Detail, Measure, Paper, Signed, Sums, Validity
from hub.domain.declarations import DeclaredKind


class Counts(StrEnum):
    """What is counted; documents at their sender and copies at their recipients are never mixed."""

    SENT = "sent"
    RECEIVED = "received"
    AGENCIES = "agencies"
    PEOPLE = "people"


class AgencyState(StrEnum):
    """How an agency stands on the last day of the period; it may stand in several at once.

    An agency counts in a numerator only when it counts in the denominator too.
    """

    ALL = "all"
    CONNECTED = "connected"
    PLANNED = "planned"  # has a day in the connection plan, whether past or to come
    DUE = "due"  # planned by the last day of the period
    CERTIFIED = "certified"  # a certificate of its own is known
    LEGACY = "legacy"  # until a set day less is asked of its signatures than the rule pack asks [confirm]
    SIGNING = "signing"  # somebody's valid signature is on what it sent in the period


@dataclass(frozen=True, slots=True)
class Selection:
    """One side of a ratio; an empty set takes all. `seen` False: nothing but declared entries."""

    measure: Measure = Measure.DOCUMENTS
    document_types: frozenset[str] = frozenset()
    urgencies: frozenset[int] = frozenset()
    paper: frozenset[Paper] = frozenset()
    signed: frozenset[Signed] = frozenset()
    validity: frozenset[Validity] = frozenset()
    declared: frozenset[DeclaredKind] = frozenset()
    seen: bool = True
    state: AgencyState | None = None

    @property
    def detail(self) -> Detail:
        """How finely kinds of document must be told apart for it."""
        return Detail.KIND if self.document_types or self.urgencies else Detail.WORTH

    def takes(self, cell: Cell) -> bool:
        """True when documents of this kind, seen by the hub, count (those of them that bear the measure).

        Cells of WORTH may only be asked about when the selection's detail is WORTH.
        """
        return (
            self.seen
            and (not self.document_types or cell.document_type in self.document_types)
            and (not self.urgencies or cell.urgency in self.urgencies)
            and (not self.paper or cell.paper in self.paper)
            and (not self.signed or cell.signed in self.signed)
            and (not self.validity or cell.validity in self.validity)
        )

    def takes_entry(self, kind: DeclaredKind, document_type: str) -> bool:
        """True when a declared entry of this kind counts; an entry without a type counts only where all types do."""
        return kind in self.declared and (not self.document_types or document_type in self.document_types)

    def seen_of(self, sums: Iterable[tuple[Cell, Sums]]) -> int:
        """How many of these documents it counts."""
        return sum(one[self.measure] for cell, one in sums if self.takes(cell))

    def declared_of(self, entries: Iterable[tuple[DeclaredKind, str, int]]) -> int:
        """How many documents of these entries (kind, document type, count) it counts."""
        return sum(count for kind, document_type, count in entries if self.takes_entry(kind, document_type))


def agencies_of(part: Selection, whole: Selection, standing: Iterable[Collection[AgencyState]]) -> tuple[int, int]:
    """How many agencies count in the part and in the whole; `standing`: for each agency all states that it is in."""
    found = [states for states in standing if whole.state in states]
    return sum(part.state in states for states in found), len(found)


def words(counts: Counts, selection: Selection, type_names: Mapping[str, tuple[str, str]]) -> tuple[str, str]:
    """What is counted, in Vietnamese and in English; `type_names` by the id of the document type."""
    what = [*_seen_words(counts, selection, type_names)] if selection.seen else []
    if selection.declared:
        kinds = [_DECLARED[kind] for kind in DeclaredKind if kind in selection.declared]
        vi, en = "; ".join(vi for vi, _ in kinds), "; ".join(en for _, en in kinds)
        what.append((f"khai báo ({vi})", f"declared ({en})"))
    return " + ".join(vi for vi, _ in what), " + ".join(en for _, en in what)


def _seen_words(
    counts: Counts, selection: Selection, type_names: Mapping[str, tuple[str, str]]
) -> Iterable[tuple[str, str]]:
    if selection.state is not None:
        yield _STATES[selection.state]
        return
    said = [
        [_SUBJECTS[counts]],
        [type_names[one] for one in type_names if one in selection.document_types],
        [_URGENCIES[one] for one in sorted(selection.urgencies)],
        [_PAPER[one] for one in Paper if one in selection.paper],
        _signed_words(selection.signed),
        _validity_words(selection),
        [_MEASURES[selection.measure]] if selection.measure is not Measure.DOCUMENTS else [],
    ]
    vi = ", ".join(" hoặc ".join(vi for vi, _ in any_of) for any_of in said if any_of)
    en = ", ".join(" or ".join(en for _, en in any_of) for any_of in said if any_of)
    yield vi, en


def _signed_words(signed: frozenset[Signed]) -> list[tuple[str, str]]:
    return [_TOGETHER[signed]] if signed in _TOGETHER else [_SIGNED[one] for one in Signed if one in signed]


def _validity_words(selection: Selection) -> list[tuple[str, str]]:
    if selection.signed - {Signed.NONE} and not selection.validity:
        return [("hợp lệ hay không", "valid or not")]
    return [_VALIDITY[one] for one in Validity if one in selection.validity]


_SUBJECTS = {
    Counts.SENT: ("văn bản đi qua trục", "outgoing documents seen by the hub"),
    Counts.RECEIVED: ("lượt nhận qua trục", "arrivals seen by the hub"),
    Counts.PEOPLE: (
        "người có chữ ký số hợp lệ trên văn bản đi qua trục, mỗi người tính một lần",
        "persons with a valid signature on outgoing documents seen by the hub, each counted once",
    ),
}
_URGENCIES = (
    ("thường", "normal"),
    ("khẩn", "urgent"),
    ("thượng khẩn", "very urgent"),
    ("hỏa tốc", "express"),
    ("hỏa tốc hẹn giờ", "express at a set time"),
)
_PAPER = {
    Paper.PAPER_FREE: ("không gửi bản giấy, thay được bản giấy", "without paper and legally replacing it"),
    Paper.NOT_REPLACING: (
        "không gửi bản giấy nhưng chưa đủ chữ ký để thay bản giấy",
        "without paper, not signed so as to replace it",
    ),
    Paper.WITH_PAPER: ("gửi song song bản giấy", "with paper in parallel"),
    Paper.NOT_SAID: ("không ghi có gửi bản giấy hay không", "not saying whether paper goes along"),
}
_SIGNED = {
    Signed.NONE: ("không ký số", "not signed"),
    Signed.PERSON: ("chỉ có chữ ký số cá nhân", "signed by a person only"),
    Signed.AGENCY: ("chỉ có chữ ký số cơ quan", "signed by the agency only"),
    Signed.BOTH: ("có cả chữ ký số cá nhân và cơ quan", "signed by both a person and the agency"),
}
_TOGETHER = {
    frozenset({Signed.PERSON, Signed.BOTH}): ("có chữ ký số cá nhân", "signed by a person"),
    frozenset({Signed.AGENCY, Signed.BOTH}): ("có chữ ký số cơ quan", "signed by the agency"),
    frozenset({Signed.PERSON, Signed.AGENCY, Signed.BOTH}): ("có chữ ký số", "signed"),
}
_VALIDITY = {
    Validity.VALID: ("mọi chữ ký hợp lệ", "all signatures valid"),
    Validity.UNDETERMINED: ("có chữ ký chưa xác định được", "a signature undetermined"),
    Validity.INVALID: ("có chữ ký không hợp lệ", "a signature invalid"),
    Validity.UNSIGNED: ("không có chữ ký", "without signatures"),
}
_MEASURES = {
    Measure.LEFT: ("đã thu hồi, hủy hoặc chuyển tiếp", "recalled, cancelled or passed on"),
    Measure.TIMED: ("biết ngày ký", "whose day of signing is known"),
    Measure.ON_TIME: ("gửi đúng hạn", "sent on time"),
    Measure.TAKEN: ("đã vào hệ thống bên nhận", "taken into the recipient's system"),
    Measure.SAME_DAY: ("báo đã nhận đúng hạn trong ngày", "receipt notified the same day"),
    Measure.FED_BACK: ("đã phản hồi tiếp nhận hoặc từ chối", "taken in or declined, and said so"),
    Measure.ACCEPTED: ("đã tiếp nhận", "received by the agency"),
    Measure.COMPLETED: ("đã hoàn thành xử lý", "completed"),
    Measure.DECLINED: ("bị từ chối tiếp nhận", "declined"),
    Measure.REFUSED: ("hệ thống bên nhận không nhận", "refused by the recipient's system"),
    Measure.EXPIRED: ("hết hạn mà không ai lấy", "expired before anyone fetched them"),
    Measure.UNFETCHED: ("chưa được lấy về sau số giờ quy định", "not fetched within the set hours"),
}
_DECLARED = {
    DeclaredKind.SENT_PAPER_ONLY: ("văn bản giấy đi", "outgoing on paper only"),
    DeclaredKind.SENT_ELSEWHERE_PAPER_FREE: (
        "văn bản điện tử đi ngoài trục, không kèm giấy",
        "outgoing electronic outside the hub, without paper",
    ),
    DeclaredKind.SENT_ELSEWHERE_WITH_PAPER: (
        "văn bản điện tử đi ngoài trục, có kèm giấy",
        "outgoing electronic outside the hub, with paper",
    ),
    DeclaredKind.RECEIVED_PAPER_ONLY: ("văn bản giấy đến", "arrivals on paper only"),
    DeclaredKind.RECEIVED_ELSEWHERE: ("văn bản điện tử đến ngoài trục", "electronic arrivals outside the hub"),
    DeclaredKind.LEADERS: ("số lãnh đạo có thẩm quyền ký", "leaders who may sign"),
}
_STATES = {
    AgencyState.ALL: ("cơ quan, đơn vị trong phạm vi", "agencies and units of the scope"),
    AgencyState.CONNECTED: ("cơ quan, đơn vị đã kết nối", "agencies and units connected"),
    AgencyState.PLANNED: ("cơ quan, đơn vị trong kế hoạch kết nối", "agencies and units in the connection plan"),
    AgencyState.DUE: (
        "cơ quan, đơn vị đến hạn kết nối theo kế hoạch",
        "agencies and units whose planned day of connection has come",
    ),
    AgencyState.CERTIFIED: ("cơ quan, đơn vị có chứng thư số", "agencies and units with a certificate"),
    AgencyState.LEGACY: (
        "cơ quan, đơn vị còn được nới yêu cầu về chữ ký đến một ngày đã định",
        "agencies and units of whose signatures less is asked until a set day",
    ),
    AgencyState.SIGNING: (
        "cơ quan, đơn vị có ký số văn bản đi trong kỳ",
        "agencies and units that sign what they send",
    ),
}
