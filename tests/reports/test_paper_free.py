"""The paper-free report: whose figures, over which days, and the ratio of sums."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction

from hub.domain.agencies import Agency
from hub.domain.envelopes import Paper
from hub.domain.ratios import Direction
from hub.reports import paper_free
from hub.reports.paper_free import Figures, Query
from hub.store import agencies, events
from hub.store.engine import Database
from hub.store.events import Event
from tests.support.scenes import Scene, document, genuine_document, signed

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)


def count(scene: Scene, agency: str, day: date, papers: list[int | None], *, direction: Direction) -> None:
    """Events as the stations write them, counted by the tally."""
    anchor = scene.accepted()  # what the events hang on; it counts for G22 on another day
    happened = [
        Event(
            f"counted_as_{direction.value}",
            datetime.now(UTC),
            anchor.id,
            facts=events.countable(day=day, agency_key=agency, direction=direction, paper=paper, replaces_paper=True),
            to_tally=True,
        )
        for paper in papers
    ]
    with scene.database.writing() as transaction:
        events.happened(transaction, *happened)
        events.fold(transaction, limit=1000)


def report(database: Database, agency: str, *, below: bool = False) -> paper_free.Report:
    with database.reading() as connection:
        return paper_free.run(connection, Query(agency, first_day=FIRST, last_day=LAST, with_all_below=below))


def test_a_ratio_over_agencies_is_that_of_the_sums(postgres_scene: Scene) -> None:
    count(postgres_scene, "G30", date(2026, 3, 2), [0, 0, 0, 1], direction=Direction.SENT)
    count(postgres_scene, "G30.1", date(2026, 3, 3), [1], direction=Direction.SENT)
    found = report(postgres_scene.database, "G30", below=True)
    assert found.total == Figures(sent=5, received=0, paper_free=3, with_paper=2)
    assert found.total.ratio == Fraction(3, 5), "the mean of the two ratios would be 3/8"
    assert [row.agency_key for row in found.rows] == ["G30", "G30.1"]
    assert report(postgres_scene.database, "G30").total.sent == 4, "alone, without those below"


def test_days_are_inclusive_and_others_do_not_count(postgres_scene: Scene) -> None:
    for day in (date(2026, 2, 28), FIRST, LAST, date(2026, 4, 1)):
        count(postgres_scene, "H41", day, [0], direction=Direction.SENT)
    found = report(postgres_scene.database, "H41")
    assert [day for day, _ in found.rows[0].days] == [FIRST, LAST]
    assert found.total.sent == 2


def test_what_is_not_said_lowers_the_ratio_and_is_shown(scene: Scene) -> None:
    count(scene, "H14", FIRST, [0, None], direction=Direction.SENT)
    figures = report(scene.database, "H14").total
    assert (figures.not_said, figures.ratio) == (1, Fraction(1, 2))


def test_received_documents_are_beside_the_ratio(scene: Scene) -> None:
    count(scene, "H14", FIRST, [0, 1, None], direction=Direction.RECEIVED)
    assert report(scene.database, "H14").total == Figures(sent=0, received=3, paper_free=0, with_paper=0)
    assert report(scene.database, "H14").total.ratio is None


def test_an_agency_without_figures_has_a_row_of_noughts(scene: Scene) -> None:
    found = report(scene.database, "G77")
    assert [(row.agency_key, row.name, row.figures, row.days) for row in found.rows] == [
        ("G77", "Bộ Nghiêm", Figures(), ())
    ]


def test_parents_in_a_circle_do_no_harm(scene: Scene) -> None:
    with scene.database.writing() as transaction:
        agencies.keep(transaction, Agency("G30", "Bộ Cha", parent="G30.1"), now=datetime.now(UTC))
    count(scene, "G30.1", FIRST, [0], direction=Direction.SENT)
    assert report(scene.database, "G30", below=True).total.sent == 1


def test_the_whole_path_moves_the_ratio(scene: Scene) -> None:
    scene.post(genuine_document(900, to=("H41",), paper=Paper.PAPER_FREE))
    scene.post(genuine_document(901, to=("H41",), paper=Paper.WITH_PAPER))
    scene.post(signed(document(902, to=("H41",), paper=Paper.PAPER_FREE)))  # its page is not signed
    scene.drain()
    with scene.database.reading() as connection:
        today = Query("G22", first_day=date(2000, 1, 1), last_day=date(2100, 1, 1))
        figures = paper_free.run(connection, today).total
    assert (figures.sent, figures.paper_free, figures.with_paper, figures.not_said) == (3, 1, 1, 0)
    assert figures.not_replacing == 1
