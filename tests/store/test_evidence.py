"""The evidence cache: what is kept and given, when sources are asked, what is dropped; on both databases."""

from __future__ import annotations

import hashlib
import threading
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from hub.domain.evidence import EvidenceKind, EvidencePiece, EvidenceWanted
from hub.errors import StoreUnavailable
from hub.store import evidence, tables
from hub.store.evidence import StoredBook
from tests.stations.conftest import at_once

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
CA = hashlib.sha256(b"a CA").hexdigest()
OTHER = hashlib.sha256(b"another CA").hexdigest()
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
URL = "http://crl.ca.vn/ca.crl"


def piece(der=b"crl", *, ca=CA, kind=EvidenceKind.CRL, this_update=NOW, next_update=NOW + DAY) -> EvidencePiece:
    return EvidencePiece(kind, ca, hashlib.sha256(der).hexdigest(), der, this_update, next_update)


def answer(der: bytes, **facts) -> EvidencePiece:
    return piece(der, kind=EvidenceKind.OCSP, **facts)


def keep(database, found: EvidencePiece, *, source=URL, at=NOW) -> bool:
    with database.writing() as transaction:
        return evidence.keep(transaction, found, source=source, at=at)


def about(database, ca=CA) -> list[EvidencePiece]:
    with database.reading() as connection:
        return evidence.about(connection, ca)


def want(database, *wanted: EvidenceWanted, at=NOW) -> None:
    with database.writing() as transaction:
        evidence.want(transaction, wanted, at=at)


def crl_at(url=URL, ca=CA) -> EvidenceWanted:
    return EvidenceWanted(EvidenceKind.CRL, ca, url)


def sources(database) -> list[evidence.Source]:
    with database.reading() as connection:
        return evidence.sources(connection)


def due(database, now=NOW, limit=10) -> list[evidence.Source]:
    with database.reading() as connection:
        return evidence.due_sources(connection, now, limit=limit)


def forget(database, now, limit=100) -> int:
    with database.writing() as transaction:
        return evidence.forget(transaction, now=now, limit=limit)


class TestPieces:
    def test_a_piece_comes_back_as_it_was(self, database):
        whole = bytes(range(256)) * 5000
        assert keep(database, piece(whole))
        assert keep(database, answer(b"never ends", next_update=None))
        assert about(database) == [piece(whole), answer(b"never ends", next_update=None)]
        assert about(database, OTHER) == []

    def test_the_same_again_is_no_news(self, database):
        assert keep(database, piece())
        assert not keep(database, piece(), at=NOW + HOUR)
        assert about(database) == [piece()]

    def test_newest_first(self, database):
        for age in (2, 0, 1):
            keep(database, piece(b"%d" % age, this_update=NOW - age * HOUR), source=f"{URL}?{age}")
        assert [one.der for one in about(database)] == [b"0", b"1", b"2"]

    def test_of_one_source_only_the_last_two_are_given(self, database):
        for number in range(5):
            keep(database, piece(b"%d" % number), at=NOW + number * HOUR)
        assert {one.der for one in about(database)} == {b"3", b"4"}

    def test_a_forged_crl_hides_the_genuine_one_only_while_it_is_served(self, database):
        """E20: CRLs travel over plain HTTP; what claims to be newer does not push out what is served."""
        keep(database, piece(b"genuine"))
        for number in range(4):
            keep(database, piece(b"forged %d" % number, this_update=NOW + 900 * DAY), at=NOW + HOUR)
        keep(database, piece(b"genuine"), at=NOW + 2 * HOUR)
        assert b"genuine" in {one.der for one in about(database)}

    def test_many_sources_do_not_make_an_endless_list(self, database):
        with database.writing() as transaction:
            for number in range(evidence.MOST_CRLS + 5):
                found = piece(b"%d" % number)
                evidence.keep(transaction, found, source=f"{URL}?{number}", at=NOW + number * HOUR)
            for number in range(3):
                evidence.keep(transaction, answer(b"a%d" % number), source=f"ocsp#{number}", at=NOW)
        found = about(database)
        assert len(found) == evidence.MOST_CRLS + 3
        assert b"0" not in {one.der for one in found}, "the one seen longest ago is left out"

    def test_the_freshest_crl_is_known_without_reading_it(self, database):
        keep(database, piece(b"old", this_update=NOW - DAY, next_update=NOW))
        keep(database, piece(b"new"), source="mirror:ca.crl")
        keep(database, answer(b"ocsp", this_update=NOW + DAY))
        with database.reading() as connection:
            found = evidence.freshness(connection, CA)
            assert evidence.freshness(connection, OTHER) is None
        assert (found.source, found.next_update) == ("mirror:ca.crl", NOW + DAY)


class TestSources:
    def test_what_is_wanted_is_due_at_once_and_only_once(self, database):
        question = EvidenceWanted(EvidenceKind.OCSP, CA, "http://ocsp.ca.vn", b"about one certificate")
        want(database, crl_at(), question, crl_at())
        found = due(database)
        assert {(one.kind, one.url, one.request) for one in found} == {
            (EvidenceKind.CRL, URL, b""),
            (EvidenceKind.OCSP, "http://ocsp.ca.vn", b"about one certificate"),
        }
        assert len({one.name for one in found}) == 2

    def test_wanting_again_keeps_the_schedule(self, database):
        want(database, crl_at())
        (one,) = due(database)
        with database.writing() as transaction:
            evidence.failed(transaction, one, at=NOW, error="HTTP 500")
        want(database, crl_at(), at=NOW + 2 * HOUR)
        (again,) = sources(database)
        assert (again.wanted_at, again.failures, again.last_error) == (NOW + 2 * HOUR, 1, "HTTP 500")
        assert again.next_fetch_at == NOW + timedelta(minutes=1)

    def test_what_every_document_wants_is_not_written_each_time(self, database):
        want(database, crl_at())
        with database.reading() as connection:
            new = [crl_at(), crl_at("http://new.ca.vn/")]
            assert evidence.not_yet_wanted(connection, new, at=NOW + HOUR / 2) == new[1:]
            assert evidence.not_yet_wanted(connection, new, at=NOW + 2 * HOUR) == new
            assert evidence.not_yet_wanted(connection, [], at=NOW) == []
        want(database, crl_at(), at=NOW + HOUR / 2)
        assert sources(database)[0].wanted_at == NOW

    def test_what_no_client_could_open_is_left_out(self, database):
        want(database, crl_at("http://ca.vn/\x00.crl"), crl_at("http://ca.vn/đ"), crl_at("http://ca.vn/\n"))
        assert sources(database) == []

    def test_many_want_the_same_in_any_order(self, database):
        """Two documents that want the same pieces must not wait for each other in a circle."""
        wanted = [crl_at(f"{URL}?{number}") for number in range(20)]
        orders = iter([wanted, wanted[::-1]] * 4)
        lock = threading.Lock()

        def one() -> None:
            with lock:
                mine = next(orders)
            want(database, *mine)

        at_once(one, workers=8)
        assert len(sources(database)) == 20

    def test_one_process_fetches(self, database):
        want(database, crl_at())
        (one,) = due(database)

        def take() -> bool:
            with database.writing() as transaction:
                return evidence.claim(transaction, one, until=NOW + HOUR)

        assert sorted(at_once(take, workers=4)) == [False, False, False, True]
        assert due(database) == []
        assert len(due(database, NOW + HOUR)) == 1, "after a crash it is due again"

    def test_failures_are_asked_again_ever_later(self, database):
        want(database, crl_at())
        at, pauses = NOW, []
        for _ in range(6):
            (one,) = due(database, at)
            with database.writing() as transaction:
                evidence.failed(transaction, one, at=at, error="no\x00 route\n" + "x" * 900)
            (one,) = sources(database)
            pauses.append((one.next_fetch_at - at) / timedelta(minutes=1))
            at = one.next_fetch_at
        assert pauses == [1, 5, 15, 60, 60, 60]
        assert (one.failures, len(one.last_error)) == (6, 500)
        assert one.last_error.isprintable()

    def test_a_success_ends_the_failures(self, database):
        want(database, crl_at())
        (one,) = due(database)
        with database.writing() as transaction:
            evidence.failed(transaction, one, at=NOW, error="HTTP 500")
            evidence.fetched(transaction, one, at=NOW, next_update=NOW + DAY, next_fetch_at=NOW + HOUR)
        (one,) = sources(database)
        assert (one.failures, one.last_error, one.fetched_at, one.next_update) == (0, "", NOW, NOW + DAY)
        assert one.next_fetch_at == NOW + HOUR

    def test_what_nobody_wants_is_not_fetched_and_then_forgotten(self, database):
        want(database, crl_at(), crl_at("http://old.ca.vn/"))
        want(database, crl_at(), at=NOW + 20 * DAY)
        late = NOW + 31 * DAY
        assert [one.url for one in due(database, late)] == [URL]
        forget(database, late)
        assert [one.url for one in sources(database)] == [URL]
        want(database, crl_at("http://old.ca.vn/"), at=late)
        assert len(due(database, late)) == 2

    def test_the_longest_waiting_comes_first(self, database):
        for number in range(5):
            want(database, crl_at(f"{URL}?{number}"), at=NOW - number * HOUR)
        assert [one.url[-1] for one in due(database, limit=3)] == ["4", "3", "2"]


def add_consignment(database, name="c-1", *, state="held", next_attempt_at=None) -> str:
    """A row as verify and record leave it, as far as evidence is concerned."""
    words = ("caller_key", "key_scope", "idempotency_key", "sender_key", "document_id", "notation", "signature_state")
    row = dict.fromkeys(words, name) | dict.fromkeys(("sha256", "attachments_sha256"), "0" * 64)
    row |= {"id": name, "kind": "document", "state": state, "lane": "normal", "rule_pack": "p", "trace_id": "t"}
    row |= {"size_bytes": 1, "body_kept": True, "business_type": 0, "header": {}, "signature": {}, "findings": []}
    row |= {"received_at": NOW, "judged_at": NOW, "next_attempt_at": next_attempt_at}
    with database.writing() as transaction:
        transaction.execute(sa.insert(tables.consignments).values(row))
    return name


class TestVerdicts:
    def test_a_verdict_keeps_what_it_relied_on(self, database):
        consignment, old = add_consignment(database), piece(b"old", this_update=NOW - DAY, next_update=NOW)
        keep(database, old, at=NOW - DAY)
        keep(database, piece(b"new"))
        unknown = "f" * 64
        with database.writing() as transaction:
            evidence.used(transaction, consignment, [old.sha256, unknown, old.sha256])
            evidence.used(transaction, consignment, [old.sha256])
            evidence.used(transaction, consignment, [])
        assert forget(database, NOW + 90 * DAY) == 0
        with database.reading() as connection:
            assert evidence.of_consignment(connection, consignment) == [old]
            assert evidence.of_consignment(connection, "nobody") == []

    def test_the_held_are_woken_and_nobody_else(self, database):
        add_consignment(database, "held", next_attempt_at=NOW + HOUR)
        add_consignment(database, "due", next_attempt_at=NOW - HOUR)
        add_consignment(database, "accepted", state="accepted", next_attempt_at=NOW + HOUR)
        add_consignment(database, "routed", state="routed")
        with database.writing() as transaction:
            assert evidence.wake_held(transaction, at=NOW) == 1
            assert evidence.wake_held(transaction, at=NOW) == 0
        with database.reading() as connection:
            rows = connection.execute(sa.select(tables.consignments.c.id, tables.consignments.c.next_attempt_at))
            found = {row.id: row.next_attempt_at for row in rows}
        assert found == {"held": NOW, "due": NOW - HOUR, "accepted": NOW + HOUR, "routed": None}

    def test_one_that_is_being_judged_does_not_hold_up_the_fetching(self, postgres_database):
        add_consignment(postgres_database, "busy", next_attempt_at=NOW + HOUR)
        add_consignment(postgres_database, "waiting", next_attempt_at=NOW + HOUR)
        rows = tables.consignments
        with postgres_database.writing() as judging:
            judging.execute(sa.select(rows.c.id).where(rows.c.id == "busy").with_for_update())
            with postgres_database.writing() as transaction:
                assert evidence.wake_held(transaction, at=NOW) == 1


class TestForgetting:
    def test_superseded_pieces_go_after_a_day(self, database):
        keep(database, piece(b"old", this_update=NOW - DAY), at=NOW - DAY)
        keep(database, piece(b"new"))
        keep(database, piece(b"other scope", this_update=NOW - 9 * DAY), source="http://crl.ca.vn/sub.crl", at=NOW)
        assert forget(database, NOW) == 0
        assert forget(database, NOW + DAY + HOUR) == 1
        assert forget(database, NOW + 900 * DAY) == 0, "the last word of each source stays"
        assert {one.der for one in about(database)} == {b"new", b"other scope"}

    def test_what_is_still_served_stays(self, database):
        keep(database, piece(b"old", this_update=NOW - DAY), at=NOW - DAY)
        keep(database, piece(b"new"))
        keep(database, piece(b"old", this_update=NOW - DAY), at=NOW + 2 * DAY)
        assert forget(database, NOW + 2 * DAY) == 0

    def test_answers_go_when_they_are_out_of_date(self, database):
        keep(database, answer(b"one", next_update=NOW + 3 * DAY), source="ocsp#1")
        keep(database, answer(b"two", next_update=None), source="ocsp#2")
        assert forget(database, NOW + HOUR) == 0
        assert forget(database, NOW + 2 * DAY) == 1
        assert forget(database, NOW + 5 * DAY) == 1

    def test_only_so_many_at_once(self, database):
        for number in range(5):
            keep(database, piece(b"%d" % number, this_update=NOW + number * HOUR))
        assert [forget(database, NOW + 9 * DAY, limit=3) for _ in range(3)] == [3, 1, 0]


class TestStoredBook:
    def test_it_gives_what_is_kept(self, database):
        keep(database, piece())
        book = StoredBook(database)
        assert list(book.about(CA)) == [piece()]
        assert list(book.about(OTHER)) == []

    def test_news_of_this_process_is_seen_at_once(self, database):
        book = StoredBook(database)
        assert list(book.about(CA)) == []
        keep(database, piece())
        book.renew(CA)
        assert list(book.about(CA)) == [piece()]
        book.renew(OTHER)

    def test_news_of_another_process_is_seen_after_five_seconds(self, database, monkeypatch):
        now = [1000.0]
        monkeypatch.setattr(evidence.time, "monotonic", lambda: now[0])
        book = StoredBook(database)
        book.about(CA)
        keep(database, piece())
        now[0] += evidence.FRESH_SECONDS
        assert list(book.about(CA)) == []
        now[0] += 0.1
        assert list(book.about(CA)) == [piece()]

    def test_the_hot_path_asks_the_database_seldom_and_never_twice_for_the_same_bytes(self, database, monkeypatch):
        keep(database, piece())
        book, asked = StoredBook(database), []
        real = evidence.pieces
        monkeypatch.setattr(evidence, "pieces", lambda c, names: asked.append(list(names)) or real(c, names))
        first = book.about(CA)
        assert book.about(CA) is first
        assert asked == [[piece().sha256]]
        keep(database, piece(b"second"), source="elsewhere")
        book.renew(CA)
        assert len(book.about(CA)) == 2
        assert asked[1:] == [[piece(b"second").sha256]]

    def test_its_memory_is_bounded(self, database, monkeypatch):
        monkeypatch.setattr(evidence, "MOST_REMEMBERED_BYTES", 2500)
        monkeypatch.setattr(evidence, "MOST_REMEMBERED_CAS", 10)
        book = StoredBook(database)
        for number in range(5):
            keep(database, piece(b"%d" % number * 1000, ca=f"{number:064}"), source=f"{URL}?{number}")
            assert len(book.about(f"{number:064}")) == 1
        assert list(book._pages) == [f"{3:064}", f"{4:064}"]
        keep(database, piece(b"x" * 9000), source="large")
        assert len(book.about(CA)) == 1, "what is too large to remember is given all the same"
        for number in range(50):
            book.about(f"{number:064}")
        assert len(book._pages) <= 10

    def test_many_threads_read_one_book(self, database):
        keep(database, piece(b"x" * 100_000))
        book = StoredBook(database)
        assert at_once(lambda: len(book.about(CA)), workers=8) == [1] * 8

    def test_without_the_database_it_says_so(self, tmp_path):
        (tmp_path / "folder").mkdir()
        broken = evidence.Database(f"sqlite:///{tmp_path / 'folder'}")
        with pytest.raises(StoreUnavailable):
            StoredBook(broken).about(CA)
        broken.close()
