"""The invented country and its calendar: who there is, who writes to whom, and on which days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from hub import settings, wiring
from hub.demo import year_country, year_network
from hub.demo.year_days import Office, chance, day_of, end_of, midnight, moment, seconds_of_day, spread, written, zulu
from hub.demo.year_names import FAN_OUT, TYPES, URGENCIES
from hub.domain.envelopes import Urgency
from hub.store import bulk

YEAR = 2025
CALENDAR = wiring.calendar(settings.load({}))


class TestDays:
    def test_all_documents_are_spread_and_few_on_free_days(self) -> None:
        days = dict(spread(10_007, YEAR, CALENDAR))
        assert (sum(days.values()), len(days)) == (10_007, 365)
        worked = [count for day, count in days.items() if CALENDAR.works_on(day)]
        free = [count for day, count in days.items() if not CALENDAR.works_on(day)]
        assert min(worked) > max(free)
        assert days[date(YEAR, 12, 10)] > days[date(YEAR, 2, 12)]  # the rush before the year ends

    def test_moments_of_a_day_are_in_order_and_of_that_day(self) -> None:
        seconds = seconds_of_day(500, chance("x"))
        assert seconds == sorted(seconds)
        assert {day_of(midnight(date(YEAR, 5, 6)) + second) for second in seconds} == {date(YEAR, 5, 6)}

    def test_moments_are_written_in_utc(self) -> None:
        at = midnight(date(YEAR, 3, 2))
        assert moment(at) == datetime(YEAR, 3, 1, 17, tzinfo=UTC)
        assert written(at) == bulk.instant(moment(at)) == "2025-03-01 17:00:00.000000"
        assert zulu(at) == "2025-03-01T17:00:00Z"
        assert day_of(end_of(YEAR)) == date(YEAR, 12, 31)
        assert day_of(end_of(YEAR) + 1) == date(YEAR + 1, 1, 1)

    def test_work_waits_for_the_office(self) -> None:
        office = Office(CALENDAR)
        friday, monday = date(2025, 3, 7), date(2025, 3, 10)
        assert office.at_work(midnight(friday) + 10 * 3600) == midnight(friday) + 10 * 3600
        assert day_of(office.at_work(midnight(friday) + 18 * 3600)) == monday
        assert day_of(office.at_work(midnight(friday + timedelta(days=1)))) == monday
        assert office.day_before(monday, 2) == date(2025, 3, 6)


class TestCountry:
    def test_it_has_every_level_and_those_above_come_first(self) -> None:
        units = year_country.country(300, seed=1, year=YEAR)
        assert (len(units), len({unit.key for unit in units}), len({unit.alias for unit in units})) == (300, 300, 300)
        assert {unit.level for unit in units} == set(year_country.Level)
        seen: set[str | None] = {None}
        for unit in units:
            assert unit.parent in seen
            seen.add(unit.key)
        assert units == year_country.country(300, seed=1, year=YEAR) != year_country.country(300, seed=2, year=YEAR)

    @pytest.mark.parametrize("count", [year_country.FEWEST, year_country.MOST])
    def test_the_smallest_and_the_largest(self, count: int) -> None:
        assert len({unit.key for unit in year_country.country(count, seed=1, year=YEAR)}) == count

    @pytest.mark.parametrize("count", [year_country.FEWEST - 1, year_country.MOST + 1])
    def test_others_are_refused(self, count: int) -> None:
        with pytest.raises(ValueError, match="agencies"):
            year_country.country(count, seed=1, year=YEAR)

    def test_more_are_connected_in_december_and_some_are_only_planned(self) -> None:
        units = year_country.country(300, seed=1, year=YEAR)
        first, last = (year_country.on_day(units, day) for day in (date(YEAR, 1, 1), date(YEAR, 12, 31)))
        assert len(first) < len(last) < 300
        assert any(unit.joined is None and unit.planned_on for unit in units)

    def test_the_shares_are_whole(self) -> None:
        totals = (sum(one.per_mille for one in TYPES), sum(n for _, n in URGENCIES), sum(n for _, n in FAN_OUT))
        assert totals == (1000, 1000, 1000)
        assert {Urgency(level) for level, _ in URGENCIES} <= set(Urgency)

    def test_a_document_goes_to_others_each_once_about_three_of_them(self) -> None:
        units = year_country.on_day(year_country.country(300, seed=1, year=YEAR), date(YEAR, 12, 31))
        network, sizes = year_network.Network(units, chance("n")), []
        for _ in range(3000):
            sender = network.sender()
            to = network.recipients(sender)
            assert sender not in to
            assert len({unit.key for unit in to}) == len(to) > 0
            sizes.append(len(to))
        assert 2.6 < sum(sizes) / len(sizes) < 3.8
