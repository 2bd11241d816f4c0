"""A register as a table: one column or more for each of the sixteen items, under the law's letters.

Owns: the columns of the two registers and their cells.
Never: looks anything up.
Source: Decision 28/2018/QĐ-TTg Art. 10(2)a-q.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hub.domain.periods import VIETNAM
from hub.reports.as_csv import Cell, Column, Kind
from hub.reports.ledger import Line, Place, Side

TITLES = {Side.OUTGOING: "Sổ văn bản đi", Side.INCOMING: "Sổ văn bản đến"}
_NOT_ALL = "… và {} nơi nhận khác"
_DUPLICATES = {
    "same_document": "đã đến trước đó",
    "same_number": "trùng số, ký hiệu, cơ quan ban hành và năm với {}",
}
_OF_DOCUMENT = (
    Column("a) Mã định danh cơ quan, tổ chức", Kind.TEXT, 16),
    Column("b) Mã định danh văn bản", Kind.TEXT, 30),
    Column("b) Mã cơ quan, năm, số thứ tự", Kind.TEXT, 20),
    Column("c) Số, ký hiệu", Kind.TEXT, 18),
    Column("d) Ngày, tháng, năm văn bản", Kind.DATE, 12),
    Column("đ) Loại văn bản", Kind.TEXT, 14),
    Column("e) Trích yếu nội dung", Kind.TEXT, 50),
    Column("g) Tài liệu kèm theo", Kind.TEXT, 30),
    Column("h) Tình trạng xử lý", Kind.TEXT, 24),
    Column("i) Chức vụ người ký", Kind.TEXT, 20),
    Column("i) Họ tên người ký", Kind.TEXT, 20),
    Column("k) Mức độ khẩn", Kind.TEXT, 12),
    Column("l) Bên gửi", Kind.TEXT, 28),
    Column("m) Bên nhận", Kind.TEXT, 32),
    Column("n) Thời điểm gửi (giờ Việt Nam)", Kind.TIME, 20),
)
_RECEIVED = {
    Side.OUTGOING: Column("n) Thời điểm nhận (giờ Việt Nam)", Kind.TEXT, 28),
    Side.INCOMING: Column("n) Thời điểm nhận (giờ Việt Nam)", Kind.TIME, 20),
}
_REST = (
    Column("o) Hạn xử lý", Kind.DATE, 12),
    Column("p) Lịch sử gửi, nhận", Kind.TEXT, 40),
    Column("q) Bản giấy", Kind.TEXT, 18),
    Column("q) Chữ ký số của gói tin", Kind.TEXT, 22),
    Column("q) Thay bản giấy", Kind.TEXT, 10),
    Column("q) Hiệu lực trên trục", Kind.TEXT, 20),
    Column("q) Cảnh báo trùng", Kind.TEXT, 30),
)
_ARRIVAL = (Column("q) Năm đến", Kind.NUMBER, 8), Column("q) Số đến", Kind.NUMBER, 8))


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
