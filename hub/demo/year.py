"""A year of an invented country in the configured database: for figures, pictures and measurements.

Owns: the order of the work; refusing a database that is in use; the same rows for the same wishes, on both databases.
Never: makes bodies or receipts; sends a document through a station.
Source: issue 5; domain notes §5.1 (about 3.0-3.6 received per sent).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import monotonic

from hub.demo.year_copies import Copies
from hub.demo.year_country import Unit, country, on_day
from hub.demo.year_days import chance, midnight, seconds_of_day, spread
from hub.demo.year_declared import TABLES, declarations, directory
from hub.demo.year_network import Network
from hub.demo.year_papers import Papers
from hub.demo.year_rows import COLUMNS, Ids, Row
from hub.demo.year_world import World
from hub.domain.working_time import WorkingCalendar
from hub.errors import IllegalTransition
from hub.store import bulk
from hub.store.engine import Database, Transaction

ROWS_AT_ONCE = 60_000
_IN_USE = "đã có văn bản; hãy dùng một cơ sở dữ liệu trống / holds documents; take an empty database"
Progress = Callable[[int, int], None]  # documents made, of how many
Load = Callable[[str, Sequence[str], Sequence[Row]], None]  # rows of a table in these columns


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked for."""

    year: int
    documents: int
    agencies: int
    seed: int = 1


@dataclass(slots=True)
class Done:
    """What was made: accepted documents, their copies, rows of all tables, and how long it took."""

    documents: int = 0
    copies: int = 0
    rows: int = 0
    seconds: float = 0.0


def make(database: Database, wishes: Wishes, calendar: WorkingCalendar, progress: Progress) -> Done:
    """Fill the raw tables, all or nothing. Raises IllegalTransition when the database is in use, StoreUnavailable."""
    begun, done = monotonic(), Done()
    with database.writing(repeatable=True) as transaction, bulk.roomy(transaction):
        if bulk.has_consignments(transaction.connection):
            raise IllegalTransition("documents were sent already", thing="cơ sở dữ liệu / database", state=_IN_USE)

        def load(table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
            done.rows += bulk.load(transaction, table, columns, rows)

        _live(transaction, wishes, calendar, done, load=load, progress=progress)
        bulk.settled(transaction, {*COLUMNS, *TABLES})
    done.seconds = monotonic() - begun
    return done


def _live(
    transaction: Transaction, wishes: Wishes, calendar: WorkingCalendar, done: Done, *, load: Load, progress: Progress
) -> None:
    """All that happened in the year, then the directory and what was declared in it."""
    units, world = country(wishes.agencies, seed=wishes.seed, year=wishes.year), _world(wishes, calendar)
    copies = Copies(world)
    papers = Papers(world, copies)
    for made in _days(world, units, wishes, papers, copies):
        done.documents = made
        if len(world.piece) >= ROWS_AT_ONCE:
            world.piece.flush(load)
        progress(made, wishes.documents)
    world.piece.flush(load)
    _directory(transaction, units, wishes, copies, load)
    entries = declarations(units, wishes.year, papers.sent, ids=world.ids, dice=chance(f"{world.run}:declared"))
    load("declarations", TABLES["declarations"], entries)
    done.copies = papers.copies


def _world(wishes: Wishes, calendar: WorkingCalendar) -> World:
    run = f"{wishes.seed}:{wishes.year}:{wishes.documents}:{wishes.agencies}"
    return World(wishes.year, run, calendar, chance(run), Ids(run))


def _days(world: World, units: Sequence[Unit], wishes: Wishes, papers: Papers, copies: Copies) -> Iterator[int]:
    """Live the year day by day; after each, how many documents there are."""
    made, network, size = 0, None, -1
    for day, count in spread(wishes.documents, wishes.year, world.calendar):
        active = on_day(units, day)
        if network is None or len(active) != size:
            network, size = Network(active, world.dice), len(active)
        for second in seconds_of_day(count, world.dice):
            sender = network.sender()
            papers.issue(sender, network.recipients(sender), midnight(day) + second, day)
        copies.settle(day)
        made += count
        yield made


def _directory(
    transaction: Transaction,
    units: Sequence[Unit],
    wishes: Wishes,
    copies: Copies,
    load: Load,
) -> None:
    """Agencies that the directory has already stay as they are; all numbering goes on where this year ended."""
    known = bulk.known_agencies(transaction.connection)
    new = [unit for unit in units if unit.key not in known]
    for table, rows in directory(new, wishes.year).items():
        load(table, TABLES[table], rows)
    bulk.keep_numbers(transaction, wishes.year, copies.numbers())
