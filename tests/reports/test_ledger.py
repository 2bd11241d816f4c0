"""A line of a register has the law's sixteen items, its state in the law's words, and warns of duplicates."""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from hub.domain.duties import CHANGES, DutyOutcome
from hub.domain.envelopes import BusinessType
from hub.domain.rules import pack_on
from hub.reports import ledger, ledger_table, ledger_words
from hub.reports.as_csv import write_csv
from hub.reports.ledger import Line, Side
from hub.store.engine import Database
from hub.store.ledgers import Asked
from tests.support.registers import BEGIN, DAY, Registers

RULES = pack_on(DAY)
PRIVATE = ("Riêng Tư", "rieng-tu@mau.example", "0900000000")


def lines(database: Database, side: Side, who: str, **asked) -> list[Line]:
    with database.reading() as connection:
        return ledger.page(connection, side, Asked(who, **asked), RULES)


def sent(database: Database, who: str = "G22", **asked) -> list[Line]:
    return lines(database, Side.OUTGOING, who, **asked)


def got(database: Database, who: str = "H41", **asked) -> list[Line]:
    return lines(database, Side.INCOMING, who, **asked)


@pytest.fixture
def one(database: Database) -> Database:
    registers = Registers()
    ref = registers.document(7, to=("H14",), urgency=3, due_on=date(2026, 3, 9))
    delivery = registers.delivery(ref, "H41", status_code="05", arrival_year=2026, arrival_number=12)
    registers.status(delivery, "03", at=BEGIN + timedelta(hours=1))
    registers.status(delivery, "05", at=BEGIN + timedelta(hours=2))
    registers.write(database)
    return database


def test_the_sixteen_items_stand_in_the_laws_order():
    items = [field.name for field in fields(Line)]
    assert len(ledger.LETTERS) == 16
    assert items[:3] == ["agency_id", "document_id", "notation"]
    assert items[12:16] == ["sent_at", "received_at", "due_on", "history"], "n has two fields"
    for side in Side:
        letters = [column.title_vi.split(")")[0] for column in ledger_table.columns(side)]
        assert sorted(set(letters), key=letters.index) == list(ledger.LETTERS)
        assert letters == sorted(letters, key=ledger.LETTERS.index)


def test_a_line_of_the_incoming_register(one):
    (line,) = got(one)
    assert line.agency_id == "G22"
    assert asdict(line.document_id) == {"composed": "G22.2026.7", "written": "G22,2026/03/02,7/CV"}
    assert (line.notation, line.issued_on, line.document_type, line.subject) == (
        "7/CV",
        DAY,
        "Công văn",
        "V/v thử nghiệm",
    )
    assert [(file.name, file.size_bytes) for file in line.attachments] == [("cong-van.pdf", 2048)]
    assert [(word.code, word.vi, count) for word, count in line.processing] == [("05", "Đang xử lý", 1)]
    assert (line.signer.position, line.signer.name) == ("TL. BỘ TRƯỞNG, Vụ trưởng", "Lê Thị Mẫu")
    assert line.urgency.vi == "Hỏa tốc"
    assert (line.sender.code, line.sender.name) == ("G22", "Văn phòng Thử nghiệm")
    assert [(place.code, place.received_at) for place in line.receivers] == [("H41", line.received_at)]
    minute = BEGIN + timedelta(minutes=7)
    assert (line.sent_at, line.received_at) == (minute, minute + timedelta(minutes=5))
    assert line.due_on == date(2026, 3, 9)
    assert [step.what.code for step in line.history] == ["placed", "handed_over", "03", "05"]
    assert line.history == tuple(sorted(line.history, key=lambda step: step.at))
    more = line.further
    assert (more.paper.code, more.signature.code, more.replaces_paper) == ("paper_free", "valid", False)
    assert (more.arrival_year, more.arrival_number, more.document.code) == (2026, 12, "live")
    assert more.duplicates == ()


def test_a_line_of_the_outgoing_register(one):
    (line,) = sent(one)
    assert [(place.code, place.name, place.status.vi) for place in line.receivers] == [
        ("H14", "Ủy ban nhân dân tỉnh Khác", "Đã đến"),
        ("H41", "Ủy ban nhân dân tỉnh Mẫu", "Đang xử lý"),
    ]
    assert [(word.code, count) for word, count in line.processing] == [("01", 1), ("05", 1)]
    assert line.receivers_in_all == 2
    assert line.received_at is None, "each receiver has its own"
    assert all(place.received_at for place in line.receivers)
    assert [step.what.code for step in line.history] == ["sent"]
    assert line.further.arrival_number is None, "an arrival number is the recipient's own"


def test_nothing_of_the_staff_is_in_a_line_or_in_a_file(one):
    for side, found in ((Side.OUTGOING, sent(one)), (Side.INCOMING, got(one))):
        file = b"".join(write_csv(ledger_table.columns(side), ledger_table.rows(found, side))).decode()
        assert found
        assert "Lê Thị Mẫu" in file
        assert not any(word in file or word in str(found) for word in PRIVATE)


def test_a_document_that_was_updated_shows_what_describes_it_now(database: Database) -> None:
    registers = Registers()
    ref = registers.document(1, "Trích yếu mới", to=("H41",), described_by="c-update", urgency=1)
    new = {"signer": {"competence": "", "position": "Chánh Văn phòng", "full_name": "Trần Văn Mẫu"}, "code_number": "1"}
    registers.sending(ref, "c-update", business_type=2, header=new, received_at=BEGIN + timedelta(days=1))
    registers.write(database)
    for line in (*sent(database), *got(database)):
        assert (line.subject, line.signer.position, line.signer.name) == (
            "Trích yếu mới",
            "Chánh Văn phòng",
            "Trần Văn Mẫu",
        )
        assert [file.name for file in line.attachments] == ["cong-van.pdf"], "the files came with the document"
    assert [step.what.code for step in sent(database)[0].history] == ["sent", "update"]


def test_a_document_without_number_day_signer_or_known_agency_has_a_line(database: Database) -> None:
    registers = Registers()
    header = {"code_number": "", "signer": {}, "attachments": []}
    registers.document(1, sender="X99", to=("H41",), issued_on=None, notation="", document_id="", header=header)
    registers.write(database)
    (line,) = got(database)
    assert (line.document_id.composed, line.document_id.written, line.sender.name) == ("", "", "Tên trong gói tin")
    assert (line.signer.name, line.attachments, line.further.duplicates) == ("", (), ())
    assert len(next(iter(ledger_table.rows([line], Side.INCOMING)))) == len(ledger_table.columns(Side.INCOMING))


@pytest.mark.parametrize(
    ("copy", "change", "code", "vi"),
    [
        ({"state": "in_hand"}, None, "waiting", "Chưa nhận"),
        ({"state": "in_hand", "fetched_at": BEGIN}, None, "fetched", "Hệ thống nhận đã tải"),
        ({}, None, "01", "Đã đến"),
        ({"status_code": "06"}, None, "06", "Hoàn thành"),
        ({"state": "refused"}, None, "refused", "Từ chối, trả lại"),
        ({"state": "withdrawn", "status_code": "01"}, None, "withdrawn", "Bên gửi rút lại trước khi nhận"),
        ({"state": "expired"}, None, "expired", "Hết hạn chờ, không chuyển được"),
        ({"state": "passed_on"}, None, "passed_on", "Chuyển đơn vị kế thừa"),
        ({"status_code": "03"}, ("recall", None), "recall_asked", "Được yêu cầu thu hồi"),
        ({"status_code": "03"}, ("recall", "accepted"), "cancelled", "Đã hủy do thu hồi"),
        ({"status_code": "03"}, ("replace", "accepted"), "cancelled", "Đã hủy, thay bằng văn bản khác"),
        ({"status_code": "03"}, ("recall", "declined"), "03", "Đã tiếp nhận"),
        ({"status_code": "03"}, ("update", "accepted"), "03", "Đã tiếp nhận"),
    ],
)
def test_how_a_copy_stands_is_the_same_word_in_both_registers(database, copy, change, code, vi):
    registers = Registers()
    delivery = registers.delivery(registers.document(1), "H41", **copy)
    if change:
        registers.change(delivery, "update", outcome="accepted", at=BEGIN)
        registers.change(delivery, change[0], outcome=change[1], at=BEGIN + timedelta(days=1))
    registers.write(database)
    (outgoing,), (incoming,) = sent(database), got(database)
    assert [(word.code, word.vi) for word, _ in outgoing.processing] == [(code, vi)]
    assert outgoing.receivers[0].status == incoming.processing[0][0] == outgoing.processing[0][0]
    took_it = copy.get("state", "handed_over") == "handed_over"
    assert (incoming.received_at is not None) is took_it


def test_every_state_answer_and_kind_has_its_words():
    assert all(
        word.vi and word.en
        for table in (
            ledger_words.URGENCIES,
            ledger_words.DOCUMENTS,
            ledger_words.PAPER,
            ledger_words.SIGNATURES,
            ledger_words.SENDINGS,
            ledger_words.ENDED,
            ledger_words.ASKED,
            ledger_words.ANSWERED,
        )
        for word in table.values()
    )
    assert set(ledger_words.ASKED) == CHANGES
    assert set(ledger_words.ANSWERED) == set(DutyOutcome)
    assert set(ledger_words.SENDINGS) == set(BusinessType)


def test_a_replaced_document_names_the_newer_one(database: Database) -> None:
    registers = Registers()
    newer = registers.document(2, to=("H41",))
    registers.document(1, to=("H41",), state="replaced", replaced_by=newer)
    registers.write(database)
    for old in (sent(database)[1], got(database)[1]):
        assert (old.further.document.code, old.further.newer_document_id) == ("replaced", "G22,2026/03/02,2/CV")


def test_duplicates_are_warned_of(database: Database) -> None:
    registers = Registers()
    first = registers.document(1, to=("H41",))
    again = registers.sending(first, "c-again", received_at=BEGIN + timedelta(hours=1))
    registers.delivery(again, "H41")
    registers.document(2, to=("H41",), notation="1/CV")
    registers.document(3, to=("H41",))
    registers.write(database)
    found = {line.row_id: [(one.why, one.document_id) for one in line.further.duplicates] for line in got(database)}
    other = [("same_number", "G22,2026/03/02,2/CV")]
    assert found == {
        "d-00000001-h41": other,
        "d-again-h41": [("same_document", "G22,2026/03/02,1/CV"), *other],
        "d-00000002-h41": [("same_number", "G22,2026/03/02,1/CV")],
        "d-00000003-h41": [],
    }
    assert [len(line.further.duplicates) for line in sent(database)] == [0, 1, 1]


def test_w7_an_export_goes_on_over_the_pages_and_meets_each_line_once(database, monkeypatch):
    monkeypatch.setattr(ledger, "EXPORT_PAGE", 4)
    registers = Registers()
    for number in range(12):
        registers.document(number, to=("H41",), sent_at=BEGIN + timedelta(seconds=number // 5))
    registers.write(database)
    for side, who in ((Side.OUTGOING, "G22"), (Side.INCOMING, "H41")):
        everything = list(ledger.every(database, side, Asked(who, limit=1), RULES))
        assert len({line.row_id for line in everything}) == len(everything) == 12


def test_a_page_asks_a_fixed_number_of_questions(database, count_queries):
    registers = Registers()
    for number in range(30):
        registers.document(number, to=("H41", "H14"))
    registers.write(database)
    for look in (sent, got):
        few, many = (count_queries(lambda look=look, n=n: look(database, limit=n)) for n in (1, 30))
        assert few == many <= 6


@pytest.fixture
def count_queries(database: Database):
    statements: list[str] = []

    def count(look) -> int:
        statements.clear()
        look()
        return len([one for one in statements if one.lstrip().upper().startswith("SELECT")])

    @sa.event.listens_for(database.engine, "before_cursor_execute")
    def _note(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    return count


def test_many_receivers_are_listed_in_part_and_counted_in_whole(database: Database) -> None:
    registers = Registers()
    registers.document(1, to=[f"X{number:03}" for number in range(130)])
    registers.write(database)
    (line,) = sent(database)
    assert (len(line.receivers), line.receivers_in_all) == (100, 130)
    cells = next(iter(ledger_table.rows([line], Side.OUTGOING)))
    assert any(str(cell).endswith("… và 30 nơi nhận khác") for cell in cells)
    assert "Đã đến: 130" in cells
