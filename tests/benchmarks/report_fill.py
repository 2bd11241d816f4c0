"""Fills a database for the benchmark of reports: a year that was lived, and the same year many times over.

Owns: how many documents make so many deliveries; the multiplication of what is counted, which is said in the figures.
Never: writes a sum: all tallies are added up from the counted rows by the hub's own statements.
"""

from __future__ import annotations

import time

import sqlalchemy as sa

from hub import settings, wiring
from hub.demo import year
from hub.demo.year import Wishes
from hub.stations import utc_now
from hub.store import bulk, rebuild, schema
from hub.store.engine import Database
from hub.store.report_tables import counted, late_movements, tallies, totals
from hub.store.tables import deliveries

YEAR, AGENCIES, SEED = 2025, 300, 1
COPIES_PER_DOCUMENT = 3.06  # of 300 agencies, measured
_MARK, _MARK_LENGTH = 16, 3  # in a subject's id: the same in all ids of one invented year
_COLUMNS = [column.name for column in counted.c if column.name not in ("subject_id", "agency_key")]


def live(database: Database, *, copies: int) -> dict[str, float]:
    """A year of about so many deliveries, every row of it, counted by the hub; seconds of both parts."""
    schema.upgrade(database)
    wishes = Wishes(YEAR, round(copies / COPIES_PER_DOCUMENT), AGENCIES, SEED)
    done = year.make(database, wishes, wiring.calendar(settings.load({})), lambda _made, _of: None)
    begun = time.monotonic()
    rebuild.everything(database, now=utc_now())
    with database.writing() as transaction:
        bulk.settled(transaction, {"counted", "tallies", "totals", "late_movements", "signers"})
    return {
        "documents": done.documents,
        "made_seconds": round(done.seconds, 1),
        "counted_seconds": round(time.monotonic() - begun, 1),
    }


def multiply(database: Database, *, times: int) -> dict[str, float]:
    """PostgreSQL: every counted row stands for `times` rows, each at another agency; the sums are made anew.

    Consignments and deliveries stay as they are: reports never read them, and lists join the originals.
    """
    begun = time.monotonic()
    with database.writing(repeatable=True) as transaction:
        own = transaction.execute(sa.select(sa.func.substr(counted.c.subject_id, _MARK, _MARK_LENGTH)).limit(1))
        transaction.execute(_again(own.scalar_one(), times))
        rebuild.mend_sums(transaction)
        bulk.settled(transaction, {"counted", "tallies", "totals", "late_movements", "signers"})
    return {"multiplied_by": times, "multiplied_seconds": round(time.monotonic() - begun, 1)}


def sizes(database: Database) -> dict[str, int]:
    """Rows of the tables that matter."""
    with database.reading() as connection:
        return {
            table.name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for table in (deliveries, counted, tallies, totals, late_movements)
        }


def _again(own_mark: str, times: int) -> sa.Executable:
    """Copies of the rows, the n-th with the agency that stands n × 7 places further in the list of agencies."""
    who = sa.select(counted.c.agency_key).distinct().subquery()
    place = sa.func.row_number().over(order_by=who.c.agency_key) - 1
    ranked = sa.select(who.c.agency_key, place.label("place"), sa.func.count().over().label("many")).cte("ranked")
    here, there = ranked.alias("here"), ranked.alias("there")
    numbers = sa.func.generate_series(1, times - 1).table_valued("number").render_derived()
    number = numbers.c.number
    mark = sa.func.lpad(sa.func.to_hex(number), _MARK_LENGTH, "0")
    subject = sa.func.concat(
        sa.func.substr(counted.c.subject_id, 1, _MARK - 1),
        mark,
        sa.func.substr(counted.c.subject_id, _MARK + _MARK_LENGTH),
    )
    rows = (
        sa.select(subject, there.c.agency_key, *(counted.c[name] for name in _COLUMNS))
        .select_from(counted)
        .join(here, here.c.agency_key == counted.c.agency_key)
        .join(numbers, sa.true())
        .join(there, there.c.place == (here.c.place + 7 * number) % here.c.many)
        .where(sa.func.substr(counted.c.subject_id, _MARK, _MARK_LENGTH) == own_mark)
    )
    return sa.insert(counted).from_select(["subject_id", "agency_key", *_COLUMNS], rows)
