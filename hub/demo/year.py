"""A year of an invented country in the configured database: for figures, pictures and measurements.

Owns: the order of the work; refusing a database that is in use.
Never: makes a row of the year (hub/demo/year_parts.py), bodies or receipts; sends a document through a station.
Source: issue 5; domain notes §5.1 (about 3.0-3.6 received per sent).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from time import monotonic

from hub.demo.year_country import country
from hub.demo.year_declared import TABLES, directory
from hub.demo.year_parts import Part, Wishes, parts
from hub.demo.year_rows import COLUMNS
from hub.domain.working_time import WorkingCalendar
from hub.errors import IllegalTransition
from hub.store import bulk
from hub.store.ahead import ahead
from hub.store.bulk import Numbers
from hub.store.engine import Database, Transaction

_IN_USE = "đã có văn bản; hãy dùng một cơ sở dữ liệu trống / holds documents; take an empty database"
Progress = Callable[[int, int], None]  # documents made, of how many


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

        with bulk.bare(transaction, COLUMNS):
            _live(transaction, wishes, calendar, done, progress=progress)
        bulk.settled(transaction, {*COLUMNS, *TABLES})
    done.seconds = monotonic() - begun
    return done


def _live(
    transaction: Transaction, wishes: Wishes, calendar: WorkingCalendar, done: Done, *, progress: Progress
) -> None:
    """The directory, then all that happened in the year and what was declared in it."""
    units = country(wishes.agencies, seed=wishes.seed, year=wishes.year)
    known = bulk.known_agencies(transaction.connection)  # those that the directory has stay as they are
    new = [unit for unit in units if unit.key not in known]
    for table, rows in directory(new, wishes.year).items():
        done.rows += bulk.load(transaction, table, TABLES[table], rows)
    numbers: Mapping[str, Numbers] = {}
    with bulk.seldom_collecting(), _made(transaction, wishes, calendar) as made:
        for part in made:
            for table, lines in part.rows.items():
                done.rows += bulk.load_lines(transaction, table, COLUMNS.get(table) or TABLES[table], lines)
            done.documents, done.copies, numbers = part.documents, part.copies, part.numbers
            progress(done.documents, wishes.documents)
    bulk.keep_numbers(transaction, wishes.year, numbers)  # all numbering goes on where this year ended


def _made(
    transaction: Transaction, wishes: Wishes, calendar: WorkingCalendar
) -> AbstractContextManager[Iterator[Part]]:
    """The parts; PostgreSQL takes one while the next is made. SQLite works in this process: it would only wait."""
    made = parts(wishes, calendar)
    return nullcontext(made) if transaction.connection.dialect.name == "sqlite" else ahead(made)
