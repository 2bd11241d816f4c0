"""The registers are searched by every field, paged without a gap, and answered by indexes; on both databases."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa

from hub.errors import BadRequest
from hub.store import ledgers
from hub.store.engine import Database
from hub.store.ledgers import Asked
from tests.support.plans import plan_of
from tests.support.registers import BEGIN, Registers

ROWS = 3000
SEARCHED = {
    1: "Kế hoạch triển khai văn bản điện tử năm 2026",
    2: "Ke hoach khong dau cua don vi",
    3: "V/v 100% đơn vị_gửi báo cáo",
    4: "V/v 1000 đơn vị báo cáo",
    5: "QUYẾT ĐỊNH VỀ VIỆC ĐIỀU ĐỘNG",
    6: "Kế hoạch viết theo kiểu tách dấu",  # decomposed, as some systems write
}


def both(database: Database, **asked) -> tuple[list[str], list[str]]:
    """The numbers of the documents found in what G22 sent and in what H41 got."""
    with database.reading() as connection:
        sent = [row.notation for row in ledgers.outgoing(connection, Asked("G22", **asked))]
        got = [row.notation for row in ledgers.incoming(connection, Asked("H41", **asked))]
    return sent, got


def numbers(*many: int) -> tuple[list[str], list[str]]:
    found = [f"{number}/CV" for number in sorted(many, reverse=True)]
    return found, found


@pytest.fixture
def searched(database: Database) -> Database:
    registers = Registers()
    for number, subject in SEARCHED.items():
        subject = unicodedata.normalize("NFD", subject) if "tách dấu" in subject else subject
        registers.document(number, subject, to=("H41",))
    registers.write(database)
    return database


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("ke hoach", (1, 2, 6)),
        ("KE HOACH", (1, 2, 6)),
        ("kế hoạch", (1, 6)),
        ("KẾ HOẠCH", (1, 6)),
        ("hoach ke 2026", (1,)),
        ("kế 2026", (1,)),
        ("quyet dinh dieu dong", (5,)),
        ("điều động", (5,)),
        ("dien tu", (1,)),
        ("3/CV", (3,)),
        ("cv", (1, 2, 3, 4, 5, 6)),
        ("không có", ()),
    ],
)
def test_words_are_found_with_and_without_accents(searched, words, found):
    assert both(searched, words=words) == numbers(*found)


@pytest.mark.parametrize(
    ("words", "found"),
    [("100%", (3, 4)), ("%", (3,)), ("_", (3,)), ("vị_gửi", (3,)), ("vị%cáo", ()), ("\\", ()), ("'; --", ())],
)
def test_w6_signs_of_like_are_only_signs(searched, words, found):
    assert both(searched, words=words) == numbers(*found)


def test_number_and_id_are_found_exactly(searched):
    assert both(searched, notation="1/CV") == numbers(1)
    assert both(searched, notation="/CV") == numbers()
    assert both(searched, document_id="G22,2026/03/02,4/CV") == numbers(4)
    assert both(searched, document_id="G22,2026/03/02,%/CV") == numbers()


def test_days_are_vietnamese_and_both_included(database: Database) -> None:
    registers = Registers()
    midnight = datetime(2026, 3, 1, 17, 0, tzinfo=UTC)  # in Vietnam the second of March begins
    for number, seconds in enumerate((-1, 0, 86399, 86400), start=1):
        registers.document(number, to=("H41",), sent_at=midnight + timedelta(seconds=seconds))
    registers.write(database)
    second = date(2026, 3, 2)
    assert both(database, first_day=second, last_day=second) == numbers(2, 3)
    assert both(database, first_day=second) == numbers(2, 3, 4)
    assert both(database, last_day=second) == numbers(1, 2, 3)
    assert both(database, last_day=date.max) == numbers(1, 2, 3, 4)


def test_type_urgency_and_partner_narrow(database: Database) -> None:
    registers = Registers()
    registers.document(1, to=("H41", "H14"), document_type="Quyết định", urgency=3)
    registers.document(2, to=("H41",))
    registers.document(3, to=("H14",))
    registers.document(4, sender="G77", to=("H41",))
    registers.write(database)
    assert both(database, document_type="QUYẾT ĐỊNH") == numbers(1)
    assert both(database, urgency=3) == numbers(1)
    assert both(database, partner_key="H14") == (["3/CV", "1/CV"], [])
    assert both(database, partner_key="G77") == ([], ["4/CV"])
    assert both(database) == (["3/CV", "2/CV", "1/CV"], ["4/CV", "2/CV", "1/CV"])


def test_states_of_documents_copies_and_statuses_narrow(database: Database) -> None:
    registers = Registers()
    registers.document(1, to=("H41",), state="recalled")
    registers.document(2)
    registers.delivery("c-00000002", "H41", state="refused", status_code="02")
    registers.document(3)
    registers.delivery("c-00000003", "H41", status_code="06")
    registers.document(4)
    registers.status(registers.delivery("c-00000004", "H41", status_code="06"), "15")
    registers.write(database)
    assert both(database, state="recalled") == numbers(1)
    assert both(database, state="refused") == numbers(2)
    assert both(database, state="02") == numbers(2)
    assert both(database, state="06") == numbers(3, 4)
    assert both(database, state="15") == numbers(4)
    assert both(database, state="handed_over") == numbers(1, 3, 4)
    assert both(database, state="replaced") == numbers()


def test_only_what_reached_the_recipient_is_in_its_register(database: Database) -> None:
    registers = Registers()
    states = ("due", "in_hand", "handed_over", "refused", "already_held", "withdrawn", "needless", "expired")
    for number, state in enumerate(states, start=1):
        registers.delivery(registers.document(number), "H41", state=state)
    recall = registers.sending("c-00000003", "c-recall", business_type=1)
    registers.delivery(recall, "H41", state="in_hand")
    status = registers.sending("c-00000003", "c-status", kind="status")
    registers.delivery(status, "H41")
    registers.write(database)
    sent, got = both(database)
    assert got == ["8/CV", "6/CV", "4/CV", "3/CV", "2/CV"]
    assert len(sent) == len(states)


def test_pages_follow_each_other_also_where_times_are_equal(database: Database) -> None:
    registers = Registers()
    for number in range(25):
        registers.document(number, to=("H41",), sent_at=BEGIN + timedelta(seconds=number // 10))
    registers.write(database)
    whole, _ = both(database, limit=200)
    for look, at, key in ((ledgers.outgoing, "sent_at", "ref"), (ledgers.incoming, "created_at", "id")):
        found, after = [], ""
        who = "G22" if look is ledgers.outgoing else "H41"
        while rows := page(database, look, Asked(who, after=after, limit=7)):
            found += [row.notation for row in rows]
            after = ledgers.cursor(getattr(rows[-1], at), getattr(rows[-1], key))
        assert found == whole
        assert len(set(found)) == 25


def page(database, look, asked):
    with database.reading() as connection:
        return look(connection, asked)


@pytest.mark.parametrize("after", ["x", "1-", "-1-a", "1' OR 1=1", "1-A B", "9" * 40 + "-a", "1-a\n"])
def test_w6_a_cursor_that_is_none_is_refused(database: Database, after: str) -> None:
    for look in (ledgers.outgoing, ledgers.incoming):
        with pytest.raises(BadRequest):
            page(database, look, Asked("G22", after=after))


def test_the_farthest_cursor_is_only_far(database: Database) -> None:
    assert page(database, ledgers.outgoing, Asked("G22", after="9" * 17 + "-a")) == []


def test_many_recipients_are_counted_and_the_first_hundred_shown(database: Database) -> None:
    registers = Registers()
    ref = registers.document(1, to=[f"X{number:03}" for number in range(150)])
    again = registers.sending(ref, "c-again", received_at=BEGIN + timedelta(days=1))
    registers.delivery(again, "X007", state="refused", status_code="02")
    registers.change("d-00000001-x008", "recall", outcome="accepted")
    registers.change("d-00000001-x008", "update", at=BEGIN - timedelta(days=1))
    registers.write(database)
    with database.reading() as connection:
        shown = ledgers.recipients(connection, [ref])
        tallies = ledgers.tallies(connection, [ref])
    assert [row.recipient_key for row in shown] == [f"X{number:03}" for number in range(100)]
    assert (shown[7].state, shown[8].asked, shown[8].outcome) == ("refused", "recall", "accepted")
    assert {(row.state, row.asked): row.many for row in tallies} == {
        ("refused", None): 1,
        ("handed_over", "recall"): 1,
        ("handed_over", None): 148,
    }


def test_of_a_long_history_the_newest_steps_are_shown_in_their_order(database: Database) -> None:
    registers = Registers()
    delivery = registers.delivery(registers.document(1), "H41")
    for number in range(70):
        registers.status(delivery, "05", at=BEGIN + timedelta(seconds=number))
    registers.write(database)
    with database.reading() as connection:
        steps = ledgers.statuses_said(connection, [delivery])
    assert [step.at for step in steps] == [BEGIN + timedelta(seconds=number) for number in range(20, 70)]


def test_the_same_number_counts_within_a_year_and_a_sender(database: Database) -> None:
    registers = Registers()
    same = {"notation": "7/CV"}
    registers.document(1, to=("H41",), **same)
    registers.document(2, to=("H41",), **same)
    registers.document(3, to=("H14",), **same)
    registers.document(4, to=("H41",), issued_on=date(2025, 12, 31), **same)
    registers.document(5, to=("H41",), sender="G77", **same)
    registers.document(6, to=("H41",), issued_on=None, **same)
    registers.write(database)
    refs = [f"c-{number:08}" for number in range(1, 7)]
    with database.reading() as connection:
        sent = [(row.ref, row.document_id) for row in ledgers.same_number(connection, refs)]
        got = [(row.ref, row.document_id) for row in ledgers.same_number(connection, refs, recipient_key="H41")]
    assert len(sent) == 6
    assert {ref for ref, _ in sent} == set(refs[:3])
    assert ("c-00000001", "G22,2026/03/02,2/CV") in got
    assert not {one for one in got if "3/CV" in one[1]}, "what another got is not this agency's duplicate"


OWN_ARRIVALS = "ix_deliveries_arrived|ix_deliveries_inbox|uq_deliveries_recipient"  # a small register is sorted
TABLES = "documents|consignments|deliveries|statuses|duties|carried|described|own|others|mine|sought"
QUESTIONS: dict[str, tuple[Callable[[sa.Connection], object], str]] = {
    "outgoing": (lambda c: ledgers.outgoing(c, Asked("G22")), "ix_documents_sent"),
    "outgoing words": (lambda c: ledgers.outgoing(c, Asked("G22", words="ke hoach")), "ix_documents_sent"),
    "outgoing days": (
        lambda c: ledgers.outgoing(c, Asked("G22", first_day=date(2026, 3, 3), last_day=date(2026, 3, 3))),
        "ix_documents_sent",
    ),
    "outgoing after": (lambda c: ledgers.outgoing(c, Asked("G22", after=CURSOR)), "ix_documents_sent"),
    "outgoing number": (
        lambda c: ledgers.outgoing(c, Asked("G22", notation="1501/CV")),
        "ix_documents_n",
    ),
    "outgoing id": (
        lambda c: ledgers.outgoing(c, Asked("G22", document_id=ID)),
        "uq_documents_document|ix_documents_document_id",
    ),
    "outgoing partner": (
        lambda c: ledgers.outgoing(c, Asked("G22", partner_key="X7")),
        "ix_consignments_document_ref|ix_deliveries",
    ),
    "outgoing status": (lambda c: ledgers.outgoing(c, Asked("G22", state="06")), "ix_consignments_document_ref"),
    "outgoing answer": (lambda c: ledgers.outgoing(c, Asked("G22", state="15")), "ix_consignments_document_ref"),
    "incoming": (lambda c: ledgers.incoming(c, Asked("H41")), OWN_ARRIVALS),
    "incoming words": (lambda c: ledgers.incoming(c, Asked("H41", words="kế hoạch")), OWN_ARRIVALS),
    "incoming days": (
        lambda c: ledgers.incoming(c, Asked("H41", first_day=date(2026, 3, 3), last_day=date(2026, 3, 3))),
        OWN_ARRIVALS,
    ),
    "incoming after": (lambda c: ledgers.incoming(c, Asked("H41", after=CURSOR)), OWN_ARRIVALS),
    "incoming number": (
        lambda c: ledgers.incoming(c, Asked("H41", notation="1501/CV")),
        f"{OWN_ARRIVALS}|ix_documents_n",
    ),
    "incoming id": (
        lambda c: ledgers.incoming(c, Asked("H41", document_id=ID)),
        f"{OWN_ARRIVALS}|ix_documents_document_id",
    ),
    "incoming partner": (lambda c: ledgers.incoming(c, Asked("H41", partner_key="G22")), OWN_ARRIVALS),
    "incoming status": (lambda c: ledgers.incoming(c, Asked("H41", state="06")), OWN_ARRIVALS),
    "recipients": (lambda c: ledgers.recipients(c, REFS), "ix_consignments_document_ref"),
    "tallies": (lambda c: ledgers.tallies(c, REFS), "ix_consignments_document_ref"),
    "sendings": (lambda c: ledgers.sendings(c, REFS), "ix_consignments_document_ref"),
    "statuses": (lambda c: ledgers.statuses_said(c, DELIVERIES), "uq_statuses|sqlite_autoindex_statuses"),
    "changes": (lambda c: ledgers.changes_asked(c, DELIVERIES), "ix_duties"),
    "same number": (lambda c: ledgers.same_number(c, REFS), "ix_documents_n"),
    "same number arrived": (lambda c: ledgers.same_number(c, REFS, recipient_key="H41"), "ix_documents_n"),
    "arrivals": (lambda c: ledgers.earlier_arrivals(c, REFS, "H41"), "ix_consignments_document_ref"),
}
CURSOR = ledgers.cursor(BEGIN + timedelta(days=1), "d")
ID = "G22,2026/03/02,1500/CV"
REFS = [f"c-{number:08}" for number in range(1000, 1005)]
DELIVERIES = [f"d-{number:08}-x{number}" for number in range(1001, 1005)]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def full(request, tmp_path_factory):
    """Some thousand documents of two senders, some of them to one recipient."""
    if request.param == "sqlite":
        file = tmp_path_factory.mktemp("plans") / "hub.sqlite3"
        file.write_bytes(request.getfixturevalue("sqlite_template").read_bytes())
        database = Database(f"sqlite:///{file}")
    else:
        make = request.getfixturevalue("make_fast_database")
        database = Database(make(template=request.getfixturevalue("postgres_template")))
    registers = Registers()
    for number in range(ROWS):
        recipient = f"X{number}" if number % 12 else "H41"
        registers.document(number, f"Kế hoạch {number}", sender="G22" if number % 3 else "G77", to=(recipient,))
        registers.status(registers.deliveries[-1]["id"], "06")
        registers.change(registers.deliveries[-1]["id"], "recall", outcome="accepted")
    registers.write(database)
    with database.writing() as transaction:
        transaction.connection.exec_driver_sql("ANALYZE")
    yield database
    database.close()


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_question_is_answered_by_an_index(full, question):
    ask, index = QUESTIONS[question]
    plan = plan_of(full, ask)
    assert re.search(index, plan), plan
    whole = rf"(SCAN|Seq Scan on) ({TABLES})\b"
    assert not re.search(rf"{whole}(?! USING)", plan), plan
