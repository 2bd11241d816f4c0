"""The invented year: the same for the same wishes, of the shape that stations write, and counted as it happened."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from hub import settings, wiring
from hub.demo import year, year_country, year_declared, year_headers, year_papers, year_parts
from hub.demo.year import Wishes
from hub.demo.year_copies import NEVER, Copies, Paper
from hub.demo.year_days import chance, day_of, midnight, zulu
from hub.demo.year_rows import COLUMNS, Ids, Piece
from hub.demo.year_signing import Case, Signing
from hub.demo.year_world import World, rule, rules_of, time_to_live
from hub.domain.declarations import DeclaredKind
from hub.domain.duties import DutyKind
from hub.domain.envelopes import Paper as SentPaper
from hub.domain.envelopes import Urgency
from hub.domain.periods import period, vietnam_day
from hub.domain.scopes import Scope, ScopeKind
from hub.domain.statuses import StatusCode
from hub.errors import IllegalTransition
from hub.reports import figures
from hub.reports.figures import Asked
from hub.stations import acknowledge, status
from hub.stations.acknowledge import Acknowledgement
from hub.stations.status import StatusSaid
from hub.store import declarations, rebuild, report_tables
from hub.store.engine import Database
from tests.support.scenes import Scene, genuine

YEAR = 2025
SMALL = Wishes(YEAR, 700, 24, seed=3)
NOW = datetime(2026, 3, 2, tzinfo=UTC)
EVERYBODY = Scope(ScopeKind.HUB)
CALENDAR = wiring.calendar(settings.load({}))
NOT_OURS = ("number", "added_at", "set_at", "first_seen_at", "last_seen_at")  # the tests' cast came at its own time
RAW = (*COLUMNS, *(name for name in year_declared.TABLES if name != "agencies"))
Look = Callable[..., list[Any]]


def nothing(_done: int, _of: int) -> None:
    """Progress that nobody watches."""


def table(name: str) -> sa.Table:
    return report_tables.metadata.tables[name]


def digest(database: Database) -> str:
    """Of every row of the raw tables, as the hub reads them."""
    found = hashlib.sha256()
    with database.reading() as connection:
        for name in RAW:
            columns = [column for column in table(name).c if column.name not in NOT_OURS]
            rows = connection.execute(sa.select(*columns)).all()
            for text in sorted(json.dumps(list(row), default=str, sort_keys=True) for row in rows):
                found.update(text.encode())
    return found.hexdigest()


def empty(template: Path, place: Path) -> Database:
    place.write_bytes(template.read_bytes())
    return Database(f"sqlite:///{place}")


@pytest.fixture(scope="module")
def lived(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A small year on SQLite, counted; tests only look at it."""
    database = empty(sqlite_template, tmp_path_factory.mktemp("year") / "hub.sqlite3")
    year.make(database, SMALL, CALENDAR, nothing)
    rebuild.everything(database, now=NOW)
    yield database
    database.close()


@pytest.fixture
def look(lived: Database) -> Look:
    """A function: the rows of a statement."""

    def rows(statement: sa.Select[Any]) -> list[Any]:
        with lived.reading() as connection:
            return list(connection.execute(statement).all())

    return rows


def world() -> World:
    return World(YEAR, "a run", CALENDAR, chance("a run"), Ids("a run"))


class TestTheSame:
    def test_on_both_databases_and_for_the_same_seed_only(self, lived: Database, database: Database) -> None:
        progress: list[tuple[int, int]] = []
        done = year.make(database, SMALL, CALENDAR, lambda *at: progress.append(at))
        assert done.documents == SMALL.documents == progress[-1][0]
        assert done.copies > 2 * done.documents
        assert digest(database) == digest(lived)

    def test_another_seed_gives_another_year(self, lived: Database, sqlite_template: Path, tmp_path: Path) -> None:
        other = empty(sqlite_template, tmp_path / "hub.sqlite3")
        year.make(other, Wishes(YEAR, SMALL.documents, SMALL.agencies, seed=4), CALENDAR, nothing)
        assert digest(other) != digest(lived)
        other.close()

    def test_a_database_in_use_is_left_alone(self, lived: Database) -> None:
        before = digest(lived)
        with pytest.raises(IllegalTransition):
            year.make(lived, Wishes(YEAR + 1, 10, 8), CALENDAR, nothing)
        assert digest(lived) == before


class TestBrokenOff:
    """Nothing of it is kept, whoever ends it and wherever it has come."""

    @pytest.fixture(autouse=True)
    def _in_small_parts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(year_parts, "ROWS_AT_ONCE", 300)

    @pytest.fixture(autouse=True)
    def _leaves_nothing(self, database: Database) -> Iterator[None]:
        before = digest(database)
        yield
        assert digest(database) == before
        assert not [one for one in threading.enumerate() if one.name.startswith("ahead")]

    @pytest.mark.parametrize("part", [1, 4])
    def test_by_an_error_of_the_maker(self, database: Database, monkeypatch: pytest.MonkeyPatch, part: int) -> None:
        def breaking(*asked: Any) -> Iterator[year_parts.Part]:
            yield from islice(year_parts.parts(*asked), part)
            raise LookupError("no more words")

        monkeypatch.setattr(year, "parts", breaking)
        with pytest.raises(LookupError, match="no more words"):
            year.make(database, Wishes(YEAR, 200, 12), CALENDAR, nothing)

    def test_by_ctrl_c(self, database: Database, ctrl_c: Callable[[], None]) -> None:
        def impatient(done: int, _of: int) -> None:
            if done > 100:
                ctrl_c()

        with pytest.raises(KeyboardInterrupt):
            year.make(database, Wishes(YEAR, 200, 12), CALENDAR, impatient)

    def test_by_a_row_that_breaks_a_promise(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        def twice(*asked: Any) -> Iterator[year_parts.Part]:
            made = list(year_parts.parts(*asked))
            yield from (*made, made[0])

        monkeypatch.setattr(year, "parts", twice)
        with pytest.raises(IllegalTransition):
            year.make(database, Wishes(YEAR, 200, 12), CALENDAR, nothing)


class TestCounting:
    def test_every_figure_is_what_the_rows_say(self, database: Database) -> None:
        year.make(database, Wishes(YEAR, 150, 12), CALENDAR, nothing)
        rebuild.everything(database, now=NOW, alone=True)
        with database.reading() as connection:
            assert list(rebuild.differing_subjects(connection, now=NOW)) == []
            assert list(rebuild.differing_sums(connection)) == []

    def test_each_document_counts_once_at_its_sender_and_each_copy_at_its_recipient(self, look: Look) -> None:
        counted = report_tables.counted
        rows = look(sa.select(counted.c.direction, sa.func.count()).group_by(counted.c.direction))
        directions = dict(tuple(row) for row in rows)
        assert directions["sent"] == SMALL.documents
        new = sa.and_(table("consignments").c.business_type == 0, table("consignments").c.state != "rejected")
        copies = sa.select(sa.func.count()).select_from(table("deliveries").join(table("consignments"))).where(new)
        assert directions["received"] + directions.get("undelivered", 0) == look(copies)[0][0]

    def test_the_figures_are_those_of_a_country_on_its_way(self, lived: Database) -> None:
        with lived.reading() as connection:
            whole = Asked(EVERYBODY, period(str(YEAR)))
            found = figures.figures(connection, whole, rules_of(date(YEAR, 12, 31)))
        ratios = {key: one.ratio for key, one in found.items() if one.ratio is not None}
        assert len(ratios) > 12
        assert all(0 < ratio <= 1 for ratio in ratios.values())
        assert sum(ratio < 1 for ratio in ratios.values()) > 10


class TestShape:
    """The rows are those that a hub would have written."""

    @pytest.fixture
    def real(self, tmp_path: Path, sqlite_template: Path) -> Iterator[Scene]:
        """A document that was sent, fetched, answered and completed through the stations."""
        (tmp_path / "hub.sqlite3").write_bytes(sqlite_template.read_bytes())
        scene = Scene(tmp_path)
        scene.accepted(1, to=("H41",), page=genuine("G22"))
        scene.drain()
        (delivery,) = scene.inbox("H41")
        acknowledge.run(Acknowledgement(delivery.id, "H41"), scene.hub)
        for code in (StatusCode.RECEIVED_BY_AGENCY, StatusCode.COMPLETED):
            status.run(StatusSaid(delivery.id, "H41", code, "", None), scene.hub)
        scene.drain()
        yield scene
        scene.close()

    def test_of_a_document(self, real: Scene, look: Look) -> None:
        ours = table("consignments").c
        like = sa.select(table("consignments")).where(ours.paper == SentPaper.PAPER_FREE, ours.replaces_paper.is_(True))
        mine = look(like.where(ours.business_type == 0, ours.state == "closed").limit(1))[0]
        with real.database.reading() as connection:
            theirs = connection.execute(sa.select(table("consignments")).where(ours.kind == "document")).one()
        for column in ("header", "signature", "files"):
            assert shape(getattr(mine, column)) == shape(getattr(theirs, column)), column
        assert filled(mine) == filled(theirs)
        assert (mine.kind, mine.because, mine.findings) == (theirs.kind, theirs.because, theirs.findings)

    def test_of_a_copy_with_its_statuses_and_duties(self, real: Scene, look: Look) -> None:
        deliveries, statuses, duties = (table(name) for name in ("deliveries", "statuses", "duties"))
        with real.database.reading() as connection:
            theirs = connection.execute(sa.select(deliveries).where(deliveries.c.recipient_key == "H41")).one()
            their_words = connection.execute(sa.select(statuses).order_by(statuses.c.recorded_at)).all()
            their_duties = connection.execute(sa.select(duties)).all()
        completed = sa.select(deliveries).where(deliveries.c.status_code == "06").order_by(deliveries.c.id).limit(1)
        mine = look(completed)[0]
        of_mine = {name: table(name).c.delivery_id == mine.id for name in ("statuses", "duties")}
        my_words = look(sa.select(statuses).where(of_mine["statuses"]).order_by(statuses.c.recorded_at))
        my_duties = look(sa.select(duties).where(of_mine["duties"]))
        assert filled(mine) == filled(theirs) | {"fetched_at"}  # the real one was acknowledged unseen
        assert (mine.state, mine.attempts) == (theirs.state, theirs.attempts)
        told = [
            [(word.code, word.by_hub, word.description != "") for word in words] for words in (my_words, their_words)
        ]
        assert told[0] == told[1] == [("01", True, True), ("03", False, False), ("06", False, False)]
        owed = [{(duty.kind, duty.outcome, duty.article) for duty in some} for some in (my_duties, their_duties)]
        assert owed[0] >= owed[1] != set()

    def test_places_and_arrival_numbers_have_no_gaps_and_go_on_from_there(self, look: Look) -> None:
        columns = [table("deliveries").c[name] for name in ("recipient_key", "position", "arrival_number", "ended_at")]
        rows = look(sa.select(*columns).order_by(table("deliveries").c.arrived_at))
        last = dict(tuple(r) for r in look(sa.select(table("agencies").c.code_key, table("agencies").c.inbox_position)))
        for key in {row.recipient_key for row in rows}:
            mine = [row for row in rows if row.recipient_key == key]
            places = [row.position for row in mine if row.position is not None]
            assert sorted(places) == list(range(1, last[key] + 1))
            numbered = sorted((row.ended_at, row.arrival_number) for row in mine if row.arrival_number)
            assert sorted(number for _, number in numbered) == list(range(1, len(numbered) + 1))

    def test_nothing_happens_before_or_after_the_year(self, look: Look) -> None:
        for name, column in (("consignments", "received_at"), ("deliveries", "ended_at"), ("statuses", "recorded_at")):
            times = table(name).c[column]
            first, last = look(sa.select(sa.func.min(times), sa.func.max(times)))[0]
            assert vietnam_day(first).year == vietnam_day(last).year == YEAR

    def test_everything_that_can_become_of_a_copy_does(self, look: Look) -> None:
        states = {row.state for row in look(sa.select(table("deliveries").c.state).distinct())}
        assert states >= {"handed_over", "in_hand", "expired", "refused"}
        sent = {
            tuple(row) for row in look(sa.select(*(table("consignments").c[n] for n in ("business_type", "state"))))
        }
        assert sent >= {(0, "closed"), (0, "routed"), (0, "rejected"), (1, "closed")}  # 1: a recall


def shape(value: Any) -> Any:
    """The keys and kinds of a JSON value; of a list, of its first entry."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in sorted(value.items()) if key not in FREE}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


FREE = (
    "to_places",
    "trace",
    "evidence",
    "chain_pem",
    "due_on",
    "scan",
    "timestamped_at",
    "coverage",
    "attachments",
    "answers",
)


def filled(row: Any) -> set[str]:
    """Which columns have a value."""
    return {name for name, value in row._mapping.items() if value is not None and name not in ("due_on", "reason")}


class TestParts:
    def test_ids_are_uuid7_in_the_order_of_time(self) -> None:
        ids = Ids("run")
        made = [ids.new(ids.at(second)) for second in (0, 1, 1, 1_700_000_000)]
        assert made == sorted(set(made))
        assert {(len(one), one[14], one[19]) for one in made} == {(36, "7", "8")}
        assert Ids("other").new(Ids("other").at(0)) != made[0]

    def test_a_piece_is_handed_over_once_parents_first(self) -> None:
        piece = Piece()
        piece.rows["deliveries"].append("d")
        piece.rows["consignments"].append("c")
        assert len(piece) == 2
        taken = piece.taken()
        assert [one for one in taken.items() if one[1]] == [("consignments", ["c"]), ("deliveries", ["d"])]
        assert len(piece) == 0
        assert not any(piece.taken().values())

    def test_deadlines_are_those_of_the_rule_pack_remembered(self) -> None:
        ours, day = world(), date(YEAR, 3, 3)
        receipt = rule(day, DutyKind.RECEIPT, Urgency.NORMAL)
        assert receipt is not None
        begun = midnight(day) + 9 * 3600
        assert ours.due(receipt, begun) == ours.due(receipt, begun) > begun
        assert day_of(ours.due(receipt, begun)) == day
        assert time_to_live(day, Urgency.NORMAL) == rules_of(day).time_to_live[Urgency.NORMAL].total_seconds()

    def test_signatures_decide_what_replaces_paper(self) -> None:
        unit = next(one for one in year_country.country(30, seed=1, year=YEAR) if one.certified)
        signing = Signing(rules_of(date(YEAR, 5, 5)).legal_value, YEAR)
        reports = {case: signing.report(unit, unit.leaders[0], case) for case in Case}
        assert {case for case, one in reports.items() if one.replaces_paper} == {Case.BOTH, Case.WITH_ANNEX}
        assert '"pdf.digest_differs"' in reports[Case.BROKEN].findings
        moments = {"claimed": zulu(1), "stamped": zulu(2), "judged": zulu(3)}
        assert "%" not in reports[Case.BOTH].filled(**moments)
        assert zulu(3) in reports[Case.BOTH].filled(**moments)

    def test_a_recalled_copy_is_withdrawn_or_asked_back(self) -> None:
        ours = world()
        copies, day = Copies(ours), date(YEAR, 3, 3)
        unit = next(one for one in year_country.country(30, seed=1, year=YEAR) if one.joined)
        at = midnight(day) + 9 * 3600
        recalled = [
            Paper("c", ours.ids.at(at), day, at, 0, "normal", recalled=at + 60, recall_id="r") for _ in range(80)
        ]
        made = [copies.send(paper, unit) for paper in recalled]
        states = Counter(copy.state.value for copy in made)
        assert states["withdrawn"] > 0
        assert all(copy.fetched == NEVER for copy in made if copy.state.value == "withdrawn")
        asked = [copy for copy in made if any(f"\t{DutyKind.RECALL.value}\t" in duty for duty in copy.duties)]
        assert len(asked) + states["withdrawn"] + states["refused"] == 80

    def test_what_is_declared_is_beside_what_was_seen_and_corrections_name_what_they_correct(
        self, lived: Database, look: Look
    ) -> None:
        entries = look(sa.select(report_tables.declarations))
        ids = {entry.id for entry in entries}
        corrections = [entry for entry in entries if entry.corrects]
        assert corrections
        corrected = {entry.corrects for entry in corrections}
        assert corrected <= ids
        days = {"first_day": date(YEAR, 1, 1), "last_day": date(YEAR, 12, 31)}
        with lived.reading() as connection:
            taken = declarations.taken(connection, scope=EVERYBODY, known_on=None, **days)
        stock = sum(entry.kind == DeclaredKind.LEADERS for entry in taken.entries)
        standing = [entry._mapping for entry in entries if entry.id not in corrected]
        standing = [entry for entry in standing if entry["count"] > 0 or not entry["corrects"]]  # else: taken back
        flows = sum(entry["kind"] != DeclaredKind.LEADERS for entry in standing)
        assert len(taken.entries) == stock + flows  # of people, only the last count of an agency
        assert {kind for _, kind, _ in taken.sums} >= {DeclaredKind.SENT_PAPER_ONLY, DeclaredKind.LEADERS}

    def test_what_is_sent_is_remembered_by_agency_and_month(self) -> None:
        ours = world()
        copies = Copies(ours)
        papers = year_papers.Papers(ours, copies)
        units = year_country.on_day(year_country.country(30, seed=1, year=YEAR), date(YEAR, 12, 1))
        papers.issue(units[0], units[1:3], midnight(date(YEAR, 12, 2)) + 9 * 3600, date(YEAR, 12, 2))
        copies.settle(date(YEAR, 12, 2))
        assert (papers.sent, papers.copies) == (Counter({(units[0].key, 12): 1}), 2)
        header = ours.piece.rows["consignments"][-1].split("\t")[COLUMNS["consignments"].index("header")]
        assert header.startswith('{"kind":"document"')
        assert year_headers.PDF in header or year_headers.WORD in header
