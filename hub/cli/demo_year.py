"""`hub reports demo-year`: a year of an invented country in the configured database, counted.

Owns: the command, its options and its progress; the audit entry.
Never: makes rows (hub/demo/year.py); adds to a database through which documents were sent.
Source: issue of figures nobody can check ("for benchmarks and screenshots").
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import click

from hub import settings, wiring
from hub.cli import opened
from hub.demo import year as invented
from hub.demo.year import Done, Wishes
from hub.demo.year_country import FEWEST, MOST
from hub.domain.periods import vietnam_day
from hub.reports.formats import number_vi
from hub.settings import Settings
from hub.stations import utc_now
from hub.store import rebuild, schema

FIRST_YEAR, LAST_YEAR = 2020, 2100


@click.command("demo-year")
@click.option(
    "--documents", type=click.IntRange(1), default=1_000_000, show_default=True, help="Số văn bản / how many are sent."
)
@click.option(
    "--agencies",
    type=click.IntRange(FEWEST, MOST),
    default=300,
    show_default=True,
    help="Số đơn vị / how many agencies.",
)
@click.option(
    "--year",
    type=click.IntRange(FIRST_YEAR, LAST_YEAR),
    help="Năm; mặc định là năm trước / which year; the one before this one.",
)
@click.option(
    "--seed", type=int, default=1, show_default=True, help="Cùng số thì cùng dữ liệu / the same seed, the same rows."
)
def demo_year(*, documents: int, agencies: int, year: int | None, seed: int) -> None:
    """Tạo số liệu MÔ PHỎNG cả một năm, để đo và chụp màn hình / an INVENTED year, for benchmarks and screenshots.

    Only in a database through which no document was sent: invented and real figures are never mixed.
    """
    configured = settings.load()
    now = utc_now()
    wishes = Wishes(vietnam_day(now).year - 1 if year is None else year, documents, agencies, seed)
    _prepare(configured)
    with opened.database(configured) as database:
        with _progress("Tạo văn bản / documents") as shown:
            made = invented.make(database, wishes, wiring.calendar(configured), shown)
        begun = monotonic()
        with database.writing() as transaction:
            facts = {"year": wishes.year, "documents": documents, "agencies": agencies, "seed": seed}
            opened.audited(transaction, "reports.demo_year", **{name: str(value) for name, value in facts.items()})
        with _progress("Cộng số liệu / counting") as shown:
            counted = rebuild.everything(database, now=now, progress=shown, alone=True)
    _tell(wishes, made, counted, monotonic() - begun)


def _prepare(configured: Settings) -> None:
    """As `hub serve` does, so that one command is enough; a database that has a schema stays as it is."""
    database = wiring.open_database(configured)
    if database.is_sqlite and schema.version(database) is None:
        schema.upgrade(database)
    database.close()


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A line that tells how far it is, on a terminal only."""
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def show(done: int, of: int) -> None:
            bar.length = max(of, 1)
            bar.update(done - bar.pos)

        yield show


def _tell(wishes: Wishes, made: Done, counted: int, seconds: float) -> None:
    documents, copies = number_vi(made.documents), number_vi(made.copies)
    click.echo(
        f"Năm {wishes.year} MÔ PHỎNG: {documents} văn bản, {copies} lượt gửi, {number_vi(counted)} dòng được tính, "
        f"{wishes.agencies} đơn vị; tạo {made.seconds:.0f} giây, cộng {seconds:.0f} giây.\n"
        f"INVENTED year {wishes.year}: {made.documents} documents, {made.copies} copies, {counted} counted rows, "
        f"{wishes.agencies} agencies; made in {made.seconds:.0f} s, counted in {seconds:.0f} s."
    )
