"""Reports: latency over 0.1, 1 and 10 million deliveries, how fast the tally folds, exports of a million rows.

Owns: `figures()`; the questions that are asked; what was filled is printed beside what was measured.
Never: passes or fails on time.
Source: issue of figures nobody can check ("under 300 ms on this machine").
"""

from __future__ import annotations

import csv
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

import psycopg
import sqlalchemy as sa

from hub import reports, settings
from hub.domain.periods import period
from hub.domain.scopes import Scope, ScopeKind
from hub.reports import counted_table, drill_down
from hub.reports.as_csv import write_csv
from hub.reports.as_xlsx import write_xlsx
from hub.reports.counted_table import COLUMNS, Reader
from hub.reports.drill_down import Side
from hub.reports.figures import Asked, indicator
from hub.reports.protocol import report_asked
from hub.stations import utc_now
from hub.stations.tally import BATCH, fold
from hub.store.engine import Database
from hub.store.report_tables import EVERYBODY, counted, late_movements, signers, tallies, totals
from hub.store.scopes import names
from hub.store.tables import deliveries, events
from tests.benchmarks import report_fill
from tests.benchmarks.floor import median_seconds
from tests.benchmarks.memory import peaks_mib
from tests.support.servers import PrivatePostgres

SIZES = (100_000, 1_000_000, 10_000_000)
LIVED = 100_000  # beyond this the counted rows are multiplied, see report_fill
EXPORTED = 1_000_000
EVENTS = 20_000
REPEATS = 3  # of each question, after one to warm up
YEAR = str(report_fill.YEAR)
HUB = Scope(ScopeKind.HUB)
SCOPES = (HUB, Scope(ScopeKind.LEVEL, level=2), Scope(ScopeKind.BELOW, "H41"), Scope(ScopeKind.UNIT, "H41"))
PERIODS = (YEAR, f"{YEAR}-Q3", f"{YEAR}-09", f"{YEAR}-09-16", f"{YEAR}-01-05..{YEAR}-12-20")
KNOWN_ON = date(report_fill.YEAR, 12, 20)
LIST_OF = "receipt_same_day"  # every document that was received is in its denominator


@dataclass(frozen=True, slots=True)
class Tallyman:
    """What the tally station takes of a hub."""

    database: Database
    now: Callable[[], datetime]


def figures(sizes: Sequence[int] = SIZES, exported: int = EXPORTED) -> dict[str, Any]:
    """By number of deliveries: latency of reports and lists; then the tally and the exports, on PostgreSQL."""
    found: dict[str, Any] = {}
    with PrivatePostgres(fast=True) as server:  # filling does not wait for the disk; reading is not concerned
        last = None
        for size in sorted(sizes):
            last = _filled(server, size, last)
            found[f"deliveries_{size}"] = last.facts | report_fill.sizes(last.database) | latency(last.database)
            _say(f"reports over {size} deliveries: {json.dumps(found[f'deliveries_{size}'], ensure_ascii=False)}")
        if last is not None:
            found["export"] = exports(last.url, rows=exported)
            found["tally"] = throughput(last.database)
            last.database.close()
    return found


@dataclass(frozen=True, slots=True)
class _Filled:
    """A database of one size, and how it was filled."""

    url: str
    database: Database
    lived: int
    facts: dict[str, float]


def _filled(server: PrivatePostgres, copies: int, last: _Filled | None) -> _Filled:
    """A year that was lived; beyond LIVED its counted rows are multiplied, in the same database."""
    _say(f"a year of {copies} deliveries")
    lived = min(copies, LIVED)
    if last is None or last.lived != lived:
        if last is not None:
            last.database.close()
        url = server.create_database(f"reports_{copies}").replace("postgresql://", "postgresql+psycopg://")
        database = Database(url)
        last = _Filled(url, database, lived, report_fill.live(database, copies=lived))
    if copies == lived:
        return last
    return _Filled(last.url, last.database, 0, last.facts | report_fill.multiply(last.database, times=copies // lived))


def latency(database: Database) -> dict[str, Any]:
    """Milliseconds of every report for every scope and period; beside a sum that nobody can do without."""
    configured, now, times = settings.load({}), utc_now(), {}
    for one, scope, written, known_on in _questions():
        asked = report_asked(Asked(scope, period(written), known_on), configured, now=now)
        times[one.report_id, scope.kind.value, written, known_on is not None] = _milliseconds(
            lambda one=one, asked=asked: _read(database, lambda connection: one.run(connection, asked))
        )
    slowest = max(times, key=lambda key: times[key])
    floor = _milliseconds(lambda: _read(database, lambda connection: connection.execute(_PLAIN_SUM).all()))
    median = statistics.median(times.values())
    return {
        "questions": len(times),
        "report_p50_ms": round(median, 1),
        "report_p99_ms": round(statistics.quantiles(times.values(), n=100)[98], 1),
        "report_max_ms": round(times[slowest], 1),
        "slowest": " ".join(map(str, slowest)),
        "slowest_of_each_ms": {
            one.report_id: round(max(spent for key, spent in times.items() if key[0] == one.report_id), 1)
            for one in reports.REPORTS
        },
        "slowest_of_each_scope_ms": {
            scope.kind.value: round(max(spent for key, spent in times.items() if key[1] == scope.kind.value), 1)
            for scope in SCOPES
        },
        "over_300_ms": sum(spent > 300 for spent in times.values()),
        "which_over_300_ms": [" ".join(map(str, key)) for key, spent in times.items() if spent > 300],
        "plain_sum_ms": round(floor, 2),
        "report_p50_over_plain_sum": round(median / floor, 1),
        "first_page_of_a_list_ms": round(_milliseconds(lambda: _read(database, _first_page)), 1),
    }


def _questions() -> Iterator[tuple[Any, Scope, str, date | None]]:
    """Every report, scope and period as known now; the year as known on a past day."""
    for one in reports.REPORTS:
        for scope in SCOPES:
            yield from ((one, scope, written, None) for written in PERIODS)
            yield one, scope, YEAR, KNOWN_ON


def throughput(database: Database) -> dict[str, float]:
    """Events folded per second from nothing, in batches as the station takes them; beside bare additions."""
    with database.writing() as transaction:
        for table in (counted, tallies, totals, late_movements, signers):
            transaction.execute(sa.delete(table))
        columns = (deliveries.c.consignment_id, deliveries.c.id, sa.literal("placed"), deliveries.c.created_at)
        rows = sa.select(*columns, sa.literal("{}", sa.JSON), sa.true()).order_by(deliveries.c.id).limit(EVENTS)
        names_of_columns = ["consignment_id", "delivery_id", "kind", "at", "facts", "to_tally"]
        transaction.execute(sa.insert(events).from_select(names_of_columns, rows))
    tallyman = Tallyman(database, utc_now)
    begun = time.perf_counter()
    folded = 0
    while batch := fold(tallyman, limit=BATCH):
        folded += batch
    seconds = time.perf_counter() - begun
    bare = _additions(database) / BATCH
    return {
        "events": folded,
        "folded_per_second": round(folded / seconds),
        "bare_additions_per_second": round(1 / bare),
        "folded_over_bare": round(folded / seconds * bare, 3),
    }


def exports(url: str, *, rows: int) -> dict[str, Any]:
    """CSV and XLSX of so many rows of a list, each in a process of its own; beside bare CSV of the same shape."""
    bare = _bare_csv(rows)
    found: dict[str, Any] = {"bare_csv_seconds": round(bare, 1)}
    for form in ("csv", "xlsx"):
        command = [sys.executable, "-m", "tests.benchmarks.reports", url, form, str(rows)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[form] = json.loads(done.stdout)
        found[form]["over_bare_csv"] = round(found[form]["seconds"] / bare, 1)
    return found


def _export(url: str, form: str, rows: int) -> dict[str, float]:
    """The child: as the API and the command line export, row by row."""
    database = Database(url)
    asked = Asked(HUB, period(YEAR))
    rules = report_asked(asked, settings.load({}), now=utc_now()).rules
    with database.reading() as connection:
        known = names(connection, HUB)
    before = _own_peak()
    listed = drill_down.every(database, asked, indicator(rules, LIST_OF), Side.DENOMINATOR)
    lines = _Counting(islice(listed, rows))
    table = counted_table.rows(lines, (), Reader(None), names=known, rules=rules)
    begun = time.perf_counter()
    with tempfile.TemporaryFile() as file:
        if form == "csv":
            for piece in write_csv(COLUMNS, table):
                file.write(piece)
        else:
            write_xlsx(COLUMNS, table, file, title="Danh sách")
        seconds, size = time.perf_counter() - begun, file.tell()
    database.close()
    return {
        "rows": lines.count,
        "seconds": round(seconds, 1),
        "rows_per_second": round(lines.count / seconds),
        "file_mib": round(size / 2**20, 1),
        "peak_before_mib": round(before, 1),
        "peak_mib": round(_own_peak(), 1),
    }


class _Counting:
    """The items as they come, counted."""

    def __init__(self, items: Iterator[Any]) -> None:
        self._items, self.count = items, 0

    def __iter__(self) -> Iterator[Any]:
        for one in self._items:
            self.count += 1
            yield one


def _bare_csv(rows: int) -> float:
    """Seconds that Python's csv alone takes for lines of this shape."""
    line = ["x" * min(column.width, 20) for column in COLUMNS]
    text = io.StringIO()
    begun = time.perf_counter()
    writer = csv.writer(text)
    for _ in range(rows):
        writer.writerow(line)
        if text.tell() > 2**16:
            text.seek(0)
            text.truncate()
    return time.perf_counter() - begun


def _additions(database: Database) -> float:
    """Seconds of one committed batch that adds to rows of a table, with nothing worked out."""
    address = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    add = "INSERT INTO probe VALUES (%s, 1) ON CONFLICT (key) DO UPDATE SET many = probe.many + excluded.many"
    with psycopg.connect(address) as connection:
        connection.execute("CREATE TEMPORARY TABLE probe (key int PRIMARY KEY, many int)")
        connection.commit()

        def batch() -> None:
            with connection.cursor() as cursor:
                cursor.executemany(add, [(number,) for number in range(BATCH)])
            connection.commit()

        return median_seconds(batch, repeats=10)


def _first_page(connection: Any) -> Any:
    asked = Asked(HUB, period(YEAR))
    rules = report_asked(asked, settings.load({}), now=utc_now()).rules
    return drill_down.documents(connection, asked, indicator(rules, LIST_OF), Side.NUMERATOR, limit=100)


def _read(database: Database, work: Callable[[Any], Any]) -> None:
    with database.reading() as connection:
        work(connection)


def _milliseconds(work: Callable[[], Any]) -> float:
    return 1000 * median_seconds(work, repeats=REPEATS)


def _own_peak() -> float:
    return peaks_mib(os.getpid())[os.getpid()]


def _say(what: str) -> None:
    print(f"  … {what}", file=sys.stderr, flush=True)


_PLAIN_SUM = (
    sa.select(totals.c.agency_key, sa.func.sum(totals.c.documents))
    .where(totals.c.grain == "year", totals.c.direction == "sent", totals.c.agency_key != EVERYBODY)
    .group_by(totals.c.agency_key)
)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_export(sys.argv[1], sys.argv[2], int(sys.argv[3]))))
