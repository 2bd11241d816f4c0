"""The list behind a percentage as rows: documents that the hub saw, entries that were declared, agencies or people.

Owns: the columns; the column of numbers adds up to the figure; who sees what identifies a document.
Never: counts (hub/reports/drill_down.py lists); shows a stranger the subject, number or parties of a document.
Source: Decision 28/2018/QĐ-TTg Art. 6(1), 11, 14(3); threats T3, W1.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from hub.domain.counting import Paper, Signed, Validity
from hub.domain.declarations import KIND_WORDS, Declaration
from hub.domain.envelopes import Urgency
from hub.domain.rules import RulePack
from hub.reports.ledger_words import URGENCIES, Word
from hub.reports.made import Cell, Column, Kind
from hub.reports.parts_table import type_names
from hub.store.counted_lists import Item

SEEN = Word("seen", "Trục ghi nhận", "seen by the hub")
DECLARED = Word("declared", "Đơn vị khai báo", "declared")
PAPER = {
    Paper.PAPER_FREE: Word("paper_free", "Không gửi bản giấy, thay được bản giấy", "without paper, replacing it"),
    Paper.NOT_REPLACING: Word("not_replacing", "Không gửi bản giấy, chưa thay được", "without paper, not replacing it"),
    Paper.WITH_PAPER: Word("with_paper", "Gửi song song bản giấy", "with paper in parallel"),
    Paper.NOT_SAID: Word("not_said", "Không nêu", "not said"),
}
SIGNED = {
    Signed.NONE: Word("none", "Không ký số", "not signed"),
    Signed.PERSON: Word("person", "Cá nhân", "by a person"),
    Signed.AGENCY: Word("agency", "Cơ quan", "by the agency"),
    Signed.BOTH: Word("both", "Cá nhân và cơ quan", "by both"),
}
VALIDITY = {
    Validity.VALID: Word("valid", "Hợp lệ", "valid"),
    Validity.UNDETERMINED: Word("undetermined", "Chưa xác định", "not determined"),
    Validity.INVALID: Word("invalid", "Không hợp lệ", "not valid"),
    Validity.UNSIGNED: Word("unsigned", "Không có chữ ký", "without signatures"),
}
COLUMNS = (
    Column("Nguồn", "Source", width=18),
    Column("Số lượng", "Number", Kind.NUMBER, 10),
    Column("Mã định danh", "Code", width=16),
    Column("Đơn vị", "Unit", width=32),
    Column("Ngày tính", "Counted on", Kind.DATE, 12),
    Column("Đến ngày (khai báo)", "To (declared)", Kind.DATE, 12),
    Column("Số, ký hiệu", "Number and symbol", width=20),
    Column("Mã văn bản", "Document id", width=26),
    Column("Ngày ban hành", "Issued on", Kind.DATE, 12),
    Column("Trích yếu", "Subject", width=50),
    Column("Loại văn bản", "Type", width=18),
    Column("Độ khẩn", "Urgency", width=12),
    Column("Bản giấy", "Paper", width=24),
    Column("Chữ ký", "Signed", width=18),
    Column("Giá trị chữ ký", "Signatures are", width=16),
    Column("Bên gửi", "Sender", width=16),
    Column("Bên nhận", "Recipient", width=16),
    Column("Tính từ lúc", "Known at", Kind.TIME, 20),
    Column("Loại khai báo", "Kind of entry", width=30),
    Column("Người khai báo", "Declared by", width=24),
    Column("Mã trên trục", "Id in the hub", width=38),
)


@dataclass(frozen=True, slots=True)
class Reader:
    """For whom the list is: `family` are the agencies whose documents it may identify; None: all (the operator)."""

    family: Collection[str] | None

    def identifies(self, item: Item) -> bool:
        """True when the reader's own agency, or one below it, counts, sent or got the document."""
        parties = (item.counted.agency_key, item.sender_key, item.recipient_key)
        return self.family is None or any(one in self.family for one in parties)

    def names(self, entry: Declaration) -> bool:
        """True when the reader may know which person declared."""
        return self.family is None or entry.agency_key in self.family


def rows(
    items: Iterable[Item], entries: Iterable[Declaration], reader: Reader, *, names: Mapping[str, str], rules: RulePack
) -> Iterator[tuple[Cell, ...]]:
    """Documents as they come, then the declared entries of the same side."""
    types = type_names(rules)
    for item in items:
        yield _document(item, reader, names, types)
    for entry in entries:
        yield _entry(entry, reader, names, types)


def agency_rows(counts: Mapping[str, int], *, names: Mapping[str, str]) -> Iterator[tuple[Cell, ...]]:
    """Agencies, each with what it adds to an indicator of agencies or people."""
    for key, count in counts.items():
        yield (SEEN.vi, count, key, names.get(key, key), *(None for _ in COLUMNS[4:]))


def _document(
    item: Item, reader: Reader, names: Mapping[str, str], types: Mapping[str, tuple[str, str]]
) -> tuple[Cell, ...]:
    one, cell = item.counted, item.counted.cell
    shown = reader.identifies(item)
    identity: tuple[Cell, ...] = (item.notation, item.document_id, item.issued_on, item.subject)
    parties: tuple[Cell, ...] = (item.sender_key, item.recipient_key)
    return (
        *(SEEN.vi, 1, one.agency_key, names.get(one.agency_key, one.agency_key), one.day, None),
        *(identity if shown else (None,) * len(identity)),
        types.get(cell.document_type, (cell.document_type,))[0],
        URGENCIES[Urgency(cell.urgency)].vi,
        *(PAPER[cell.paper].vi, SIGNED[cell.signed].vi, VALIDITY[cell.validity].vi),
        *(parties if shown else (None, None)),
        *(one.known_at, None, None),
        one.subject_id if shown else None,
    )


def _entry(
    entry: Declaration, reader: Reader, names: Mapping[str, str], types: Mapping[str, tuple[str, str]]
) -> tuple[Cell, ...]:
    kind = types.get(entry.document_type, (entry.document_type,))[0]
    return (
        *(DECLARED.vi, entry.count, entry.agency_key, names.get(entry.agency_key, entry.agency_key)),
        *(entry.first_day, entry.last_day, None, None, None, entry.note if reader.names(entry) else None),
        *(kind, None, None, None, None, None, None, entry.declared_at),
        KIND_WORDS[entry.kind][0],
        entry.declared_by if reader.names(entry) else None,
        entry.id,
    )
