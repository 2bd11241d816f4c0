"""Indicators of a busy hub: every figure counted by hand from what was counted and what was declared."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction

import pytest
import sqlalchemy as sa

from hub.domain.counting import Direction, Measure
from hub.domain.declarations import Declaration, DeclaredKind
from hub.domain.indicators import Counts, Target
from hub.domain.periods import Period, PeriodKind, period_holding, vietnam_day
from hub.domain.rules import pack_on
from hub.domain.scopes import Scope, ScopeKind
from hub.reports import figures
from hub.reports.figures import Asked, Figure, Part
from hub.stations import tally
from hub.store import counted, declarations, report_tables
from tests.support.busy import lived
from tests.support.counts import bears
from tests.support.scenes import Scene
from tests.support.slices import SCOPES, is_in

HUB = Scope(ScopeKind.HUB)


@pytest.fixture(scope="module")
def busy(tmp_path_factory, make_fast_database, postgres_template):
    """A fortnight of life and some declared entries of the same year; the tests only read."""
    scene = Scene(tmp_path_factory.mktemp("busy"), database_url=make_fast_database(template=postgres_template))
    lived(scene, each_day=lambda: tally.run("backlog", scene.hub))
    with scene.database.writing() as transaction:
        for entry in entries(scene):
            declarations.add(transaction, entry)
    yield scene
    scene.close()


def entries(scene):
    today = vietnam_day(scene.hub.now())
    first = today.replace(day=1)
    said = [
        ("G22", DeclaredKind.SENT_PAPER_ONLY, "", 7),
        ("G22", DeclaredKind.SENT_ELSEWHERE_PAPER_FREE, "bao_cao", 5),
        ("H41", DeclaredKind.SENT_ELSEWHERE_WITH_PAPER, "giay_moi", 3),
        ("H41.1.2", DeclaredKind.RECEIVED_PAPER_ONLY, "", 2),
        ("H14", DeclaredKind.RECEIVED_ELSEWHERE, "", 4),
        ("G22", DeclaredKind.LEADERS, "", 6),
    ]
    return [
        Declaration(f"00000000-0000-7000-8000-{n:012}", who, first, first, kind, of, many, scene.hub.now(), "A", who)
        for n, (who, kind, of, many) in enumerate(said)
    ]


def rules(scene):
    return pack_on(vietnam_day(scene.hub.now()))


def whole(scene, scope=HUB, **facts):
    """The two years that hold all of it, if the fortnight reaches over a turn of the year."""
    now = vietnam_day(scene.hub.now())
    first, last = now.replace(day=1) - timedelta(days=300), now + timedelta(days=40)
    return Asked(scope, Period(PeriodKind.RANGE, first, last), **facts)


def every(scene):
    with scene.database.reading() as connection:
        ids = connection.execute(sa.select(report_tables.counted.c.subject_id)).scalars().all()
        return list(counted.read(connection, ids).values())


def by_hand(scene, one, side, scope, known_on=None):
    """How many documents and how many declared ones a side has, one by one."""
    direction = {Counts.SENT: Direction.SENT, Counts.RECEIVED: Direction.RECEIVED}[one.counts]
    seen = sum(
        it.direction is direction
        and is_in(it.agency_key, scope)
        and side.takes(it.cell)
        and bears(it, side.measure, known_on)
        for it in every(scene)
    )
    said = sum(
        it.count
        for it in entries(scene)
        if is_in(it.agency_key, scope) and side.takes_entry(it.kind, it.document_type) and known_on is None
    )
    return Part(seen, said)


def of_documents(scene):
    return [one for one in rules(scene).indicators if one.counts in (Counts.SENT, Counts.RECEIVED)]


def test_every_indicator_of_documents_is_what_counting_by_hand_gives(busy):
    wrong, some = [], 0
    for scope in dict.fromkeys(SCOPES):
        with busy.database.reading() as connection:
            found = figures.figures(connection, whole(busy, scope), rules(busy))
        assert list(found) == [one.indicator_id for one in rules(busy).indicators]
        for one in of_documents(busy):
            wanted = [by_hand(busy, one, side, scope) for side in (one.numerator, one.denominator)]
            figure = found[one.indicator_id]
            some += figure.numerator.total
            if [figure.numerator, figure.denominator] != wanted:
                wrong.append((one.indicator_id, scope, figure, wanted))
    assert not wrong
    assert some > 50


def test_a_figure_says_how_much_of_it_was_declared(busy):
    with busy.database.reading() as connection:
        only = ("issued_electronically",)
        (found,) = figures.figures(connection, whole(busy), rules(busy), only=only).values()
    assert (found.numerator, found.denominator) == (Part(6, 8), Part(6, 15))
    assert found.ratio == Fraction(14, 21)


def test_agencies_and_types_add_up_to_the_whole(busy):
    with busy.database.reading() as connection:
        asked = whole(busy)
        together = figures.figures(connection, asked, rules(busy))
        for one in of_documents(busy):
            agencies = figures.by_agency(connection, asked, rules(busy), [one.indicator_id])[one.indicator_id]
            for side in ("numerator", "denominator"):
                parts = [getattr(figure, side) for figure in agencies.values()]
                summed = Part(sum(part.seen for part in parts), sum(part.declared for part in parts))
                assert summed == getattr(together[one.indicator_id], side), (one.indicator_id, side)
                types = figures.by_type(connection, asked, rules(busy), [one.indicator_id])[one.indicator_id].values()
                assert sum(getattr(figure, side).seen for figure in types) == summed.seen
            for key, figure in agencies.items():
                alone = figures.figures(connection, whole(busy, Scope(ScopeKind.UNIT, key)), rules(busy))
                assert alone[one.indicator_id] == figure


def test_one_type_of_document_alone(busy):
    with busy.database.reading() as connection:
        asked = whole(busy, document_type="bao_cao")
        found = figures.figures(connection, asked, rules(busy))["issued_electronically"]
        types = figures.by_type(connection, whole(busy), rules(busy), [found.indicator.indicator_id])
        assert figures.volume(connection, asked, Direction.SENT) == 1
    assert (found.numerator, found.denominator) == (Part(1, 5), Part(1, 5)), "an entry without a type is of no type"
    assert types["issued_electronically"]["bao_cao"] == found


def test_a_volume_is_the_sum_of_one_direction(busy):
    with busy.database.reading() as connection:
        for direction in Direction:
            mine = [one for one in every(busy) if one.direction is direction]
            for measure in Measure:
                found = figures.volume(connection, whole(busy), direction, measure)
                assert found == sum(bears(one, measure) for one in mine)


@pytest.mark.parametrize("known_after_days", [None, 8, 40])
def test_the_parts_of_a_period_are_what_each_would_be_alone(busy, known_after_days):
    year = whole(busy).period
    known_on = known_after_days and year.first_day + timedelta(days=known_after_days)
    asked = whole(busy, known_on=known_on)
    ids = [one.indicator_id for one in of_documents(busy)]
    months = [period_holding(PeriodKind.MONTH, year.first_day + timedelta(days=31 * n)) for n in range(11)]
    mondays = [year.first_day + timedelta(days=7 * n) for n in range(9)]
    weeks = [Period(PeriodKind.RANGE, day, day + timedelta(days=6)) for day in mondays]
    with busy.database.reading() as connection:
        for parts in (months, weeks):
            found = figures.by_part(connection, asked, rules(busy), ids, parts)
            assert len(found) == len(parts)
            for part, mine in zip(parts, found, strict=True):
                alone = figures.figures(connection, replace(asked, period=part), rules(busy), only=ids)
                assert mine == {one: alone[one] for one in ids}


def test_people_and_agencies(busy):
    with busy.database.reading() as connection:
        found = figures.figures(connection, whole(busy), rules(busy))
        leaders = figures.of_agencies(connection, whole(busy), found["leaders_signing"].indicator)
        signing = figures.by_agency(connection, whole(busy), rules(busy), ["units_signing"])["units_signing"]
    assert (found["leaders_signing"].numerator, found["leaders_signing"].denominator) == (Part(1, 0), Part(0, 6))
    assert (leaders.keys(), leaders["G22"].ratio) == ({"G22"}, Fraction(1, 6))
    assert [key for key, one in signing.items() if one.numerator.total] in (["G22"], [])
    for one in (figure for figure in found.values() if figure.indicator.counts is Counts.AGENCIES):
        assert one.numerator.total <= one.denominator.total


def test_as_known_on_each_past_day_the_figures_are_those_of_that_day(postgres_scene):
    """Worked out when the day was over, and again at the end."""
    scene, evenings = postgres_scene, {}

    def evening():
        tally.run("backlog", scene.hub)
        today = vietnam_day(scene.hub.now())
        with scene.database.reading() as connection:
            evenings[today] = figures.figures(connection, whole(scene), rules(scene))

    lived(scene, each_day=evening)
    assert len(evenings) == 4
    for day, then in evenings.items():
        with scene.database.reading() as connection:
            again = figures.figures(connection, whole(scene, known_on=day), rules(scene))
        for one in of_documents(scene):
            key = one.indicator_id
            assert (again[key].numerator, again[key].denominator) == (then[key].numerator, then[key].denominator), key
    first, *_, last = evenings.values()
    assert first != last


@pytest.mark.parametrize(
    ("better", "share", "met"),
    [("higher", "1/2", True), ("higher", "2/3", False), ("lower", "1/2", True), ("lower", "1/3", False)],
)
def test_a_target_is_met_from_the_side_that_is_better(better, share, met):
    from_the_pack = pack_on(date(2026, 3, 2)).indicators[0]
    one = replace(from_the_pack, better=type(from_the_pack.better)(better))
    figure = Figure(one, Part(1, 1), Part(3, 1), Target(Fraction(share), "nguồn"))
    assert figure.target_met is met
    assert Figure(one, Part(1), Part(3)).target_met is None
    nothing = Figure(one, Part(), Part(), Target(Fraction(1), "nguồn"))
    assert (nothing.ratio, nothing.target_met) == (None, None)


def test_an_indicator_that_there_is_not(busy):
    with busy.database.reading() as connection, pytest.raises(KeyError):
        figures.by_agency(connection, whole(busy), rules(busy), ["nothing"])
