"""Many rows at once: as single rows would be, in the caller's transaction, on both databases."""

from __future__ import annotations

import gc
from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.periods import VIETNAM
from hub.errors import IllegalTransition
from hub.store import bulk
from hub.store.bulk import Numbers
from hub.store.engine import Database
from hub.store.life_tables import arrival_counters
from hub.store.report_tables import declarations, signers
from hub.store.tables import agencies, events
from tests.support.scenes import Scene

AT = datetime(2026, 3, 2, 8, 30, 15, 250_000, VIETNAM)
SIGNER = ("agency_key", "day", "person", "known_on", "documents")
ONE_SIGNED = ("G22", "2026-01-05", "p", "2026-01-05", 1)
ENTRY = (
    "id",
    "count",
    "agency_key",
    "last_day",
    "first_day",
    "kind",
    "declared_at",
    "declared_by",
    "caller_key",
    "note",
)


def entry(number: int, *, note: str = "") -> tuple[bulk.Value, ...]:
    """A row of `declarations` whose columns are not in the order of the table."""
    of = (f"00000000-0000-7000-8000-{number:012}", 7, "G22", "2026-01-31", "2026-01-01", "sent_paper_only")
    return (*of, bulk.instant(AT), "Lê Thị Mẫu", "G22", note)


def loaded(database: Database, *rows: tuple[bulk.Value, ...]) -> int:
    with database.writing() as transaction:
        return bulk.load(transaction, "declarations", ENTRY, rows)


def kept(database: Database) -> list[sa.Row[tuple[object, ...]]]:
    with database.reading() as connection:
        return list(connection.execute(sa.select(declarations).order_by(declarations.c.id)))


def test_values_are_what_the_hub_reads_and_the_rest_has_its_defaults(database: Database) -> None:
    note = 'tab\t, line\n, "quoted", back\\slash, \\N and ; DROP TABLE'
    assert loaded(database, entry(1, note=note), entry(2)) == 2
    first, second = kept(database)
    assert (first.first_day, first.last_day, first._mapping["count"]) == (date(2026, 1, 1), date(2026, 1, 31), 7)
    assert first.declared_at == AT.astimezone(UTC)
    assert (first.note, second.note, first.document_type, first.corrects) == (note, "", "", None)
    assert first.number != second.number


def test_truth_and_json_are_kept_as_such(scene: Scene) -> None:
    sent = scene.accepted(1)
    columns = ("consignment_id", "kind", "at", "facts", "to_tally")
    with scene.database.writing() as transaction:
        bulk.load(transaction, "events", columns, [(sent.id, "told", bulk.instant(AT), '{"ngày": [1, null]}', True)])
    with scene.database.reading() as connection:
        row = connection.execute(sa.select(events).where(events.c.kind == "told")).one()
    assert (row.facts, row.to_tally, row.delivery_id) == ({"ngày": [1, None]}, True, None)


def test_no_rows_are_no_rows(database: Database) -> None:
    assert loaded(database) == 0


@pytest.mark.parametrize("bad", [entry(1), (*entry(3)[:2], "X99", *entry(3)[3:]), (*entry(3)[:1], -1, *entry(3)[2:])])
def test_a_row_that_breaks_a_promise_undoes_everything(database: Database, bad: tuple[bulk.Value, ...]) -> None:
    """One that is there, an agency that is not, a count below zero."""
    loaded(database, entry(1))
    with pytest.raises(IllegalTransition, match="declarations"):
        loaded(database, entry(2), bad)
    assert len(kept(database)) == 1


@pytest.mark.parametrize(("table", "columns"), [("nothing", ("a", "b")), ("signers", ("day", "nothing"))])
def test_what_there_is_not_is_no_statement(database: Database, table: str, columns: tuple[str, str]) -> None:
    with pytest.raises(KeyError), database.writing() as transaction:
        bulk.load(transaction, table, columns, [(1, 2)])


def test_it_is_part_of_the_callers_transaction(database: Database) -> None:
    def interrupted() -> None:
        with database.writing() as transaction:
            bulk.load(transaction, "signers", SIGNER, [ONE_SIGNED])
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        interrupted()
    with database.reading() as connection:
        assert connection.execute(sa.select(signers)).all() == []


def test_a_naive_moment_is_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="naive"):
        bulk.instant(AT.replace(tzinfo=None))


def test_numbering_goes_on_from_there(database: Database) -> None:
    with database.writing() as transaction:
        bulk.keep_numbers(transaction, 2026, {"G22": Numbers(12, 9), "H41": Numbers(3, 3)})
    with database.reading() as connection:
        places = dict(connection.execute(sa.select(agencies.c.code_key, agencies.c.inbox_position)).all())
        numbers = connection.execute(sa.select(arrival_counters).order_by(arrival_counters.c.agency_key)).all()
    assert (places["G22"], places["H41"], places["H14"]) == (12, 3, 0)
    assert [tuple(row) for row in numbers] == [("G22", 2026, 9), ("H41", 2026, 3)]


def test_who_is_known_and_whether_anything_was_sent(scene: Scene) -> None:
    with scene.database.reading() as connection:
        assert {"G22", "H41.1.2"} <= bulk.known_agencies(connection)
        assert not bulk.has_consignments(connection)
    scene.accepted(1)
    with scene.database.reading() as connection:
        assert bulk.has_consignments(connection)


def test_the_planner_knows_and_the_cache_is_as_before(database: Database) -> None:
    with database.writing() as transaction:
        if database.is_sqlite:
            before = transaction.connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
        with bulk.roomy(transaction):
            if database.is_sqlite:
                now = transaction.connection.exec_driver_sql("PRAGMA cache_size").scalar_one()
                assert now == -bulk.CACHE_KIB
            bulk.load(transaction, "signers", SIGNER, [ONE_SIGNED])
        bulk.settled(transaction, {"signers"})
        if database.is_sqlite:
            assert transaction.connection.exec_driver_sql("PRAGMA cache_size").scalar_one() == before
            known = "SELECT stat FROM sqlite_stat1 WHERE tbl = 'signers'"
        else:
            known = "SELECT reltuples::int FROM pg_class WHERE relname = 'signers'"
        assert str(transaction.connection.exec_driver_sql(known).scalar_one()).startswith("1")


def test_a_postgres_packs_quickly_and_sorts_in_memory_until_the_end(postgres_database: Database) -> None:
    wanted = sa.text("SELECT name, setting FROM pg_settings WHERE name = ANY (:names)")
    names = {"names": ["default_toast_compression", *bulk.MEMORY_KIB]}
    with postgres_database.reading() as connection:
        before = dict(connection.execute(wanted, names).all())
    with postgres_database.writing() as transaction:
        transaction.execute(sa.text("SET LOCAL work_mem = '1GB'"))
        with bulk.roomy(transaction):
            during = dict(transaction.execute(wanted, names).all())
    with postgres_database.reading() as connection:
        assert dict(connection.execute(wanted, names).all()) == before
    assert int(during["maintenance_work_mem"]) == bulk.MEMORY_KIB["maintenance_work_mem"]
    assert int(during["work_mem"]) == 1024 * 1024, "who gave more keeps it"
    assert during["default_toast_compression"] in ("lz4", before["default_toast_compression"])


def test_lines_are_rows(database: Database) -> None:
    lines = [bulk.line(entry(1, note="a\tb\\N")), bulk.line(entry(2))]
    assert [one.count("\t") for one in lines] == [len(ENTRY) - 1] * 2
    with database.writing() as transaction:
        assert bulk.load_lines(transaction, "declarations", ENTRY, lines) == 2
    assert [one.note for one in kept(database)] == ["a\tb\\N", ""]


class TestBare:
    """Indexes and promises of tables that are filled: off, back at the end, and never broken for anybody."""

    @staticmethod
    def parts(database: Database | Connection) -> set[tuple[str, str]]:
        """Names and definitions of what `declarations` has."""
        if isinstance(database, Database):
            with database.reading() as connection:
                return TestBare.parts(connection)
        if database.dialect.name == "sqlite":
            found = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'declarations'"
        else:
            found = """
                SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'declarations'::regclass
                UNION SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'declarations'"""
        return {(name, text) for name, text in database.exec_driver_sql(found) if text}

    def test_all_is_off_while_it_is_filled_and_back_as_it_was(self, database: Database) -> None:
        before = self.parts(database)
        with database.writing() as transaction:
            with bulk.bare(transaction, {"declarations"}):
                off = self.parts(transaction.connection)
                bulk.load(transaction, "declarations", ENTRY, [entry(1)])
            assert self.parts(transaction.connection) == before
        kinds = {name.partition("_")[0] for name, _ in before - off}
        assert kinds == ({"ix"} if database.is_sqlite else {"pk", "uq", "ix", "fk"})
        assert off < before
        assert self.parts(database) == before
        assert len(kept(database)) == 1

    def test_what_others_refer_to_stays(self, postgres_database: Database) -> None:
        with postgres_database.writing() as transaction, bulk.bare(transaction, {"deliveries"}):
            constraints = {one["name"] for one in sa.inspect(transaction.connection).get_multi_pk_constraint().values()}
            assert "pk_deliveries" in constraints
            assert sa.inspect(transaction.connection).get_foreign_keys("statuses")

    def test_all_is_as_it_was_when_it_breaks_off(self, database: Database) -> None:
        before = self.parts(database)

        def interrupted() -> None:
            with database.writing() as transaction, bulk.bare(transaction, {"declarations"}):
                raise RuntimeError("stop")

        with pytest.raises(RuntimeError, match="stop"):
            interrupted()
        assert self.parts(database) == before

    @pytest.mark.parametrize("bad", [entry(1), (*entry(3)[:2], "X99", *entry(3)[3:])])
    def test_a_broken_promise_is_found_at_the_end(self, database: Database, bad: tuple[bulk.Value, ...]) -> None:
        """One that is there already, an agency that is not."""
        before = self.parts(database)

        def load() -> None:
            with database.writing() as transaction, bulk.bare(transaction, {"declarations"}):
                bulk.load(transaction, "declarations", ENTRY, [entry(1), bad])

        with pytest.raises(IllegalTransition, match="declarations"):
            load()
        assert kept(database) == []
        assert self.parts(database) == before


def test_the_collector_is_as_before() -> None:
    before = gc.get_threshold()
    with bulk.seldom_collecting():
        assert gc.get_threshold() > before
    assert gc.get_threshold() == before
