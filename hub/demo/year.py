"""A year of an invented country in the configured database: for figures, pictures and measurements.

Owns: the order of the work; refusing a database that is in use.
Never: makes a row of the year (hub/demo/year_parts.py), bodies or receipts; sends a document through a station.
Source: issue 5; domain notes §5.1 (about 3.0-3.6 received per sent).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from hub.demo.year_country import country
from hub.demo.year_declared import TABLES, directory
from hub.demo.year_parts import Wishes, parts
from hub.demo.year_rows import COLUMNS, Row
from hub.domain.working_time import WorkingCalendar
from hub.errors import IllegalTransition
from hub.store import bulk
from hub.store.bulk import Numbers
from hub.store.engine import Database, Transaction

_IN_USE = "đã có văn bản; hãy dùng một cơ sở dữ liệu trống / holds documents; take an empty database"
Progress = Callable[[int, int], None]  # documents made, of how many
Load = Callable[[str, Sequence[str], Sequence[Row]], None]  # rows of a table in these columns


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

        with bulk.unindexed(transaction, COLUMNS):
            _live(transaction, wishes, calendar, done, load=load, progress=progress)
        bulk.settled(transaction, {*COLUMNS, *TABLES})
    done.seconds = monotonic() - begun
    return done


def _live(
    transaction: Transaction, wishes: Wishes, calendar: WorkingCalendar, done: Done, *, load: Load, progress: Progress
) -> None:
    """The directory, then all that happened in the year and what was declared in it."""
    units = country(wishes.agencies, seed=wishes.seed, year=wishes.year)
    known = bulk.known_agencies(transaction.connection)  # those that the directory has stay as they are
    new = [unit for unit in units if unit.key not in known]
    for table, rows in directory(new, wishes.year).items():
        load(table, TABLES[table], rows)
    numbers: Mapping[str, Numbers] = {}
    for part in parts(wishes, calendar):
        for table, rows in part.rows.items():
            load(table, (COLUMNS.get(table) or TABLES[table]), rows)
        done.documents, done.copies, numbers = part.documents, part.copies, part.numbers
        progress(done.documents, wishes.documents)
    bulk.keep_numbers(transaction, wishes.year, numbers)  # all numbering goes on where this year ended
