"""Counting everything anew gives what folding gave, and every row that is not so is found."""

from __future__ import annotations

import threading
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
import sqlalchemy as sa

from hub.domain import what_counts
from hub.domain.counting import MARKS, Direction, Measure
from hub.domain.deliveries import DeliveryState
from hub.stations import tally
from hub.store import counted, rebuild, recount, report_tables, tables
from tests.stations.conftest import Crash, snapshot
from tests.support.busy import lived
from tests.support.changes import taken

COUNTS = ("counted", "tallies", "totals", "late_movements", "signers")


@pytest.fixture
def busy(scene):
    """A fortnight of life, each day's work folded when the day was over."""
    lived(scene, each_day=lambda: tally.run("backlog", scene.hub))
    return scene


def counts(scene):
    """The counts with their cells by their kinds; rows of sums that are all zero stand for nothing."""
    found = snapshot(scene.database)
    cells = {row[0]: row[1:] for row in found["cells"]}
    rows = {name: [tuple(cells.get(v, v) if n == at else v for n, v in enumerate(row)) for row in found[name]]
            for name, at in zip(COUNTS, (5, 4, 4, 4, -1), strict=True)}  # fmt: skip
    for name, key in (("tallies", 5), ("totals", 5), ("late_movements", 5), ("signers", 4)):
        rows[name] = [row for row in rows[name] if set(row[key:]) != {"0"}]
    return {name: sorted(some, key=str) for name, some in rows.items()}


def differences(scene):
    with scene.database.reading() as connection:
        subjects = list(rebuild.differing_subjects(connection, now=scene.hub.now()))
        return subjects, list(rebuild.differing_sums(connection))


class Undone(Exception):
    """What was tried is taken back."""


@contextmanager
def tried(scene, statement):
    """The connection of a transaction that has done this and will undo it."""
    with suppress(Undone), scene.database.writing() as transaction:
        assert transaction.execute(statement).rowcount != 0
        yield transaction.connection
        raise Undone


def change(scene, statement):
    with scene.database.writing() as transaction:
        assert transaction.execute(statement).rowcount != 0


def test_counting_everything_anew_gives_what_folding_gave(busy):
    folded = counts(busy)
    assert all(folded.values()), "something stands in every table"
    assert differences(busy) == ([], [])
    shown = []
    written = rebuild.everything(busy.database, now=busy.hub.now(), progress=lambda *both: shown.append(both))
    assert counts(busy) == folded
    assert written == len(folded["counted"])
    assert shown[-1][0] == shown[-1][1] > 0
    assert differences(busy) == ([], [])


def test_who_counts_alone_counts_the_same_and_leaves_indexes_and_promises(busy):
    folded, parts = counts(busy), promises(busy)
    rebuild.everything(busy.database, now=busy.hub.now(), alone=True)
    assert counts(busy) == folded
    assert promises(busy) == parts
    assert differences(busy) == ([], [])


def test_the_planner_knows_at_once_how_much_was_counted(busy):
    rebuild.everything(busy.database, now=busy.hub.now())
    known = "SELECT relname, reltuples::int FROM pg_class"
    if busy.database.is_sqlite:
        known = "SELECT tbl, max(CAST(stat AS INTEGER)) FROM sqlite_stat1 GROUP BY tbl"
    with busy.database.reading() as connection:
        rows = dict(tuple(row) for row in connection.exec_driver_sql(known))
    assert {name: rows[name] for name in COUNTS} == {name: len(some) for name, some in counts(busy).items()}


def promises(scene):
    """What keys, references and indexes the counts have (tests/store/test_bulk.py compares their definitions)."""
    with scene.database.reading() as connection:
        look = sa.inspect(connection)
        keys = {name: look.get_pk_constraint(name)["constrained_columns"] for name in COUNTS}
        references = {name: sorted(one["referred_table"] for one in look.get_foreign_keys(name)) for name in COUNTS}
        indexes = {name: sorted(one["name"] for one in look.get_indexes(name)) for name in COUNTS}
    assert all(keys.values())
    return keys, references, indexes


def test_what_was_not_folded_yet_is_counted_anew_and_adds_nothing_when_it_is_folded(scene):
    lived(scene)
    rebuild.everything(scene.database, now=scene.hub.now())
    anew = counts(scene)
    assert differences(scene) == ([], [])
    tally.run("backlog", scene.hub)
    assert counts(scene) == anew


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("where", ["writing", "reading", "Ctrl-C"])
def test_counting_anew_that_breaks_off_leaves_everything_as_it_was(busy, monkeypatch, ctrl_c, where, alone):
    before, parts, add_rows, some = snapshot(busy.database), promises(busy), counted.add_rows, what_counts.of_recipient
    monkeypatch.setattr(recount, "CONSIGNMENTS_AT_ONCE", 3)

    def die(transaction, found, *, to):
        add_rows(transaction, found, to=to)
        if where == "Ctrl-C":
            ctrl_c()
        raise Crash

    def die_reading(copy, *asked, **more):
        if copy.state is DeliveryState.WITHDRAWN:
            raise Crash
        return some(copy, *asked, **more)

    if where == "reading":
        monkeypatch.setattr(what_counts, "of_recipient", die_reading)
    else:
        monkeypatch.setattr(counted, "add_rows", die)
    with pytest.raises(KeyboardInterrupt if where == "Ctrl-C" else Crash):
        rebuild.everything(busy.database, now=busy.hub.now(), alone=alone)
    assert (snapshot(busy.database), promises(busy)) == (before, parts)
    assert not [one for one in threading.enumerate() if one.name.startswith("ahead")]


def test_what_happens_while_it_is_counted_anew_is_folded_after_it(postgres_scene, monkeypatch):
    """It is read after the turn was taken: what is committed later has an event that waits for the turn."""
    scene, real, done = postgres_scene, counted.add_rows, []
    _, copies = scene.placed(1, to=("H41", "H14"))
    scene.placed(2)

    def meanwhile(transaction, found, *, to):
        if not done:
            taken(scene, copies["H41"])
            done.append(scene.accepted(3, to=("H41",)))
        return real(transaction, found, to=to)

    monkeypatch.setattr(recount, "CONSIGNMENTS_AT_ONCE", 1)
    monkeypatch.setattr(counted, "add_rows", meanwhile)
    rebuild.everything(scene.database, now=scene.hub.now())
    assert waiting(scene) == {("received", True), ("sent", True)}
    scene.drain()
    assert differences(scene) == ([], [])
    assert len(counts(scene)["counted"]) == 3 + 3 + 2


def test_every_counted_row_that_is_not_as_the_rows_make_it_is_found(busy):
    """By itself, whichever of its columns it is."""
    table = report_tables.counted
    with busy.database.reading() as connection:
        one = dict(connection.execute(sa.select(table).where(table.c.direction == "received").limit(1)).one()._mapping)
    mine = sa.and_(table.c.subject_id == one["subject_id"], table.c.direction == one["direction"])
    for what in ("left_at", "known_at", *(f"{mark.value}_at" for mark in MARKS), "day", "agency_key", "cell"):
        with tried(busy, sa.update(table).where(mine).values({what: other_than(one[what], what, one)})) as connection:
            subjects = list(rebuild.differing_subjects(connection, now=busy.hub.now()))
            assert [found.key for found in subjects] == [(one["subject_id"], Direction.RECEIVED)], what
            assert not rebuild.waits(connection, subjects[0]) or what == "unfetched_at"
    signed = sa.and_(table.c.people.isnot(None), table.c.left_at.is_(None))
    with tried(busy, sa.update(table).where(signed).values(people=["a" * 32])) as connection:
        subjects = list(rebuild.differing_subjects(connection, now=busy.hub.now()))
        assert {found.key[1] for found in subjects} == {Direction.SENT}
        assert {found.table for found in rebuild.differing_sums(connection)} == {"signers"}
    with tried(busy, sa.delete(table).where(mine)) as connection:
        (found,) = rebuild.differing_subjects(connection, now=busy.hub.now())
        assert (found.key[0], found.is_now) == (one["subject_id"], None)
    with tried(busy, sa.insert(table).values(one | {"subject_id": "nobody"})) as connection:
        (found,) = rebuild.differing_subjects(connection, now=busy.hub.now())
        assert (found.key, found.is_now - found.should_be) == (("rows",), 1)
    assert differences(busy) == ([], [])


def other_than(value, what, row):
    if what.endswith("_at"):
        return (value or row["known_at"]) + timedelta(hours=1)
    if what == "day":
        return value + timedelta(days=40)
    return "G66" if what == "agency_key" else value % 2 + 1


def test_every_sum_that_is_one_more_is_found(busy):
    for table in (report_tables.tallies, report_tables.totals, report_tables.late_movements):
        with busy.database.reading() as connection:
            rows = connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        for measure in Measure:
            one_more = sa.update(table).values({measure.value: table.c[measure.value] + 1})
            with tried(busy, one_more) as connection:
                sums = list(rebuild.differing_sums(connection))
            assert (len(sums), {one.table for one in sums}) == (rows, {table.name}), measure


def test_a_changed_row_shows_in_its_sums_and_all_can_be_put_right(busy):
    right, table = counts(busy), report_tables.counted
    received = sa.and_(table.c.direction == "received", table.c.left_at.is_(None))
    change(busy, sa.update(table).where(received).values(left_at=table.c.known_at))
    change(busy, sa.update(report_tables.late_movements).values(documents=7))
    subjects, sums = differences(busy)
    assert subjects
    assert {one.table for one in sums} == {"tallies", "totals", "late_movements"}
    with busy.database.writing() as transaction:
        counted.one_at_a_time(transaction)
        rebuild.mend_sums(transaction)
    assert differences(busy) == (subjects, []), "the sums fit the rows again; the rows are still wrong"
    rebuild.everything(busy.database, now=busy.hub.now())
    assert counts(busy) == right


def test_sums_that_are_missing_or_stand_for_nothing_are_told_by_their_keys(busy):
    table = report_tables.tallies
    with busy.database.reading() as connection:
        one = connection.execute(sa.select(table).where(table.c.documents == 1).limit(1)).one()
    mine = sa.and_(*(table.c[name] == one._mapping[name] for name in ("grain", "first_day", "direction")))
    mine = sa.and_(mine, table.c.agency_key == one.agency_key, table.c.cell == one.cell)
    change(busy, sa.delete(table).where(mine))
    change(busy, sa.insert(table).values({**one._mapping, "agency_key": "G66"}))
    _, sums = differences(busy)
    missing, more = sorted(sums, key=lambda found: found.key[3] == "G66")
    assert (missing.key, missing.is_now) == (tuple(one[:5]), None)
    assert (more.key[3], more.should_be, more.is_now) == ("G66", None, tuple(one[5:]))


def test_a_row_of_sums_that_is_all_zero_is_no_difference(busy):
    with busy.database.reading() as connection:
        one = connection.execute(sa.select(report_tables.tallies).limit(1)).one()
    nothing = {measure.value: 0 for measure in Measure} | {"agency_key": "G66"}
    change(busy, sa.insert(report_tables.tallies).values({**one._mapping, **nothing}))
    assert differences(busy) == ([], [])


def waiting(scene):
    with scene.database.reading() as connection:
        found = rebuild.differing_subjects(connection, now=scene.hub.now())
        return {(one.key[1].value, rebuild.waits(connection, one)) for one in found}


def test_what_only_waits_is_told_from_what_is_wrong(scene):
    consignment, copies = scene.placed(1, to=("H41", "H14"))
    taken(scene, copies["H41"])
    assert waiting(scene) == {("received", True)}
    tally.run("backlog", scene.hub)
    assert waiting(scene) == set()
    scene.clock.ahead = timedelta(hours=30)
    assert waiting(scene) == {("received", True)}, "the clock has not told of the copy that nobody fetched"
    change(scene, sa.update(tables.consignments).where(tables.consignments.c.id == consignment.id).values(paper=1))
    assert waiting(scene) == {("received", False), ("sent", False)}
