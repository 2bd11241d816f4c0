"""Many rows at once: as single rows would be, in the caller's transaction, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
import sqlalchemy as sa

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


def indexes(database: Database) -> set[str]:
    with database.reading() as connection:
        return {one["name"] for one in sa.inspect(connection).get_indexes("declarations")}


def test_indexes_are_off_while_it_is_filled_and_back_at_the_end(database: Database) -> None:
    before = indexes(database)
    with database.writing() as transaction:
        with bulk.unindexed(transaction, {"declarations"}):
            off = sa.inspect(transaction.connection).get_indexes("declarations")
            bulk.load(transaction, "declarations", ENTRY, [entry(1)])
        assert len(off) < len(before)
    assert indexes(database) == before
    assert len(kept(database)) == 1


def test_indexes_stay_when_it_breaks_off(database: Database) -> None:
    before = indexes(database)

    def interrupted() -> None:
        with database.writing() as transaction, bulk.unindexed(transaction, {"declarations"}):
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        interrupted()
    assert indexes(database) == before
