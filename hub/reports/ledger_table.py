"""A register as a table: one column or more for each of the sixteen items, under the law's letters.

Owns: the columns of the two registers and their cells.
Never: looks anything up.
Source: Decision 28/2018/QĐ-TTg Art. 10(2)a-q.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hub.domain.periods import VIETNAM
from hub.reports.ledger import Line, Place, Side
from hub.reports.made import Cell, Column, Kind

TITLES = {Side.OUTGOING: "Sổ văn bản đi", Side.INCOMING: "Sổ văn bản đến"}
_NOT_ALL = "… và {} nơi nhận khác"
_DUPLICATES = {
    "same_document": "đã đến trước đó",
    "same_number": "trùng số, ký hiệu, cơ quan ban hành và năm với {}",
}
_OF_DOCUMENT = (
    Column("a) Mã định danh cơ quan, tổ chức", kind=Kind.TEXT, width=16),
    Column("b) Mã định danh văn bản", kind=Kind.TEXT, width=30),
    Column("b) Mã cơ quan, năm, số thứ tự", kind=Kind.TEXT, width=20),
    Column("c) Số, ký hiệu", kind=Kind.TEXT, width=18),
    Column("d) Ngày, tháng, năm văn bản", kind=Kind.DATE, width=12),
    Column("đ) Loại văn bản", kind=Kind.TEXT, width=14),
    Column("e) Trích yếu nội dung", kind=Kind.TEXT, width=50),
    Column("g) Tài liệu kèm theo", kind=Kind.TEXT, width=30),
    Column("h) Tình trạng xử lý", kind=Kind.TEXT, width=24),
    Column("i) Chức vụ người ký", kind=Kind.TEXT, width=20),
    Column("i) Họ tên người ký", kind=Kind.TEXT, width=20),
    Column("k) Mức độ khẩn", kind=Kind.TEXT, width=12),
    Column("l) Bên gửi", kind=Kind.TEXT, width=28),
    Column("m) Bên nhận", kind=Kind.TEXT, width=32),
    Column("n) Thời điểm gửi (giờ Việt Nam)", kind=Kind.TIME, width=20),
)
_RECEIVED = {
    Side.OUTGOING: Column("n) Thời điểm nhận (giờ Việt Nam)", kind=Kind.TEXT, width=28),
    Side.INCOMING: Column("n) Thời điểm nhận (giờ Việt Nam)", kind=Kind.TIME, width=20),
}
_REST = (
    Column("o) Hạn xử lý", kind=Kind.DATE, width=12),
    Column("p) Lịch sử gửi, nhận", kind=Kind.TEXT, width=40),
    Column("q) Bản giấy", kind=Kind.TEXT, width=18),
    Column("q) Chữ ký số của gói tin", kind=Kind.TEXT, width=22),
    Column("q) Thay bản giấy", kind=Kind.TEXT, width=10),
    Column("q) Hiệu lực trên trục", kind=Kind.TEXT, width=20),
    Column("q) Cảnh báo trùng", kind=Kind.TEXT, width=30),
)
_ARRIVAL = (Column("q) Năm đến", kind=Kind.NUMBER, width=8), Column("q) Số đến", kind=Kind.NUMBER, width=8))


def columns(side: Side) -> tuple[Column, ...]:
    """The columns of a register; arrival numbers stand in the incoming one only."""
    return (*_OF_DOCUMENT, _RECEIVED[side], *_REST, *(_ARRIVAL if side is Side.INCOMING else ()))


def rows(lines: Iterable[Line], side: Side) -> Iterator[tuple[Cell, ...]]:
    """The cells of each line, as it comes."""
    for line in lines:
        yield (*_of_document(line), _received(line, side), *_rest(line), *_arrival(line, side))


def _of_document(line: Line) -> tuple[Cell, ...]:
    return (
        line.agency_id,
        line.document_id.written,
        line.document_id.composed,
        line.notation,
        line.issued_on,
        line.document_type,
        line.subject,
        "\n".join(f"{file.name} ({file.size_bytes} byte)" for file in line.attachments),
        _processing(line),
        line.signer.position,
        line.signer.name,
        line.urgency.vi,
        _place(line.sender),
        _listed(line, [_place(one) for one in line.receivers]),
        line.sent_at,
    )


def _received(line: Line, side: Side) -> Cell:
    if side is Side.INCOMING:
        return line.received_at
    return _listed(line, [f"{one.code}: {_time(one)}" for one in line.receivers])


def _rest(line: Line) -> tuple[Cell, ...]:
    more = line.further
    newer = f" ({more.newer_document_id})" if more.newer_document_id else ""
    return (
        line.due_on,
        "\n".join(f"{step.at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S} {step.what.vi}" for step in line.history),
        more.paper.vi,
        more.signature.vi,
        "Có" if more.replaces_paper else "Không",
        f"{more.document.vi}{newer}",
        "\n".join(_DUPLICATES[one.why].format(one.document_id) for one in more.duplicates),
    )


def _arrival(line: Line, side: Side) -> tuple[Cell, ...]:
    return (line.further.arrival_year, line.further.arrival_number) if side is Side.INCOMING else ()


def _processing(line: Line) -> str:
    if line.receivers_in_all == 1:
        return line.processing[0][0].vi
    return "\n".join(f"{word.vi}: {number}" for word, number in line.processing)


def _listed(line: Line, shown: list[str]) -> str:
    left = line.receivers_in_all - len(shown)
    return "\n".join([*shown, *([_NOT_ALL.format(left)] if left else [])])


def _place(place: Place) -> str:
    return f"{place.code} {place.name}".strip()


def _time(place: Place) -> str:
    return f"{place.received_at.astimezone(VIETNAM):%d/%m/%Y %H:%M:%S}" if place.received_at else "–"
