"""The rows of the invented year, part by part: lived day by day, then declared.

Owns: the same rows for the same wishes, in the same order, on every machine and for both databases.
Never: writes to a database.
Source: issue 5; domain notes §5.1 (about 3.0-3.6 received per sent).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hub.demo.year_copies import Copies
from hub.demo.year_country import Unit, country, on_day
from hub.demo.year_days import chance, midnight, seconds_of_day, spread
from hub.demo.year_declared import declarations
from hub.demo.year_network import Network
from hub.demo.year_papers import Papers
from hub.demo.year_rows import Ids
from hub.demo.year_world import World
from hub.domain.working_time import WorkingCalendar
from hub.store.bulk import Numbers, line

ROWS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked for."""

    year: int
    documents: int
    agencies: int
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Part:
    """Lines by table, those first to which others refer; how many documents and copies there are by now.

    `numbers`: where all numbering ended, in the last part.
    """

    documents: int
    copies: int
    rows: Mapping[str, Sequence[str]]
    numbers: Mapping[str, Numbers] = field(default_factory=dict)


def parts(wishes: Wishes, calendar: WorkingCalendar) -> Generator[Part, None, None]:
    """The whole year; what is declared comes last."""
    units, world = country(wishes.agencies, seed=wishes.seed, year=wishes.year), _world(wishes, calendar)
    copies = Copies(world)
    papers = Papers(world, copies)
    for made in _days(world, units, wishes, papers, copies):
        if len(world.piece) >= ROWS_AT_ONCE:
            yield Part(made, papers.copies, world.piece.taken())
    entries = declarations(units, wishes.year, papers.sent, ids=world.ids, dice=chance(f"{world.run}:declared"))
    last = {**world.piece.taken(), "declarations": [line(entry) for entry in entries]}
    yield Part(wishes.documents, papers.copies, last, copies.numbers())


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
