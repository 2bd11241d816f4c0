"""What every source of public holidays promises (hub.ports.PublicHolidays); an adapter's test inherits the suite.

A test class gives one fixture: `holidays`.
"""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from hub.ports import PublicHolidays

# The first day of the lunar year and the tenth of its third month, as every printed calendar of Vietnam has them.
TET = {2024: (2, 10), 2025: (1, 29), 2026: (2, 17), 2027: (2, 6), 2028: (1, 26)}
HUNG_KINGS = {2024: (4, 18), 2025: (4, 7), 2026: (4, 26), 2027: (4, 16)}


class PublicHolidaysConformance:
    """Inherit it and write the fixture `holidays`."""

    @pytest.mark.parametrize("year", range(2024, 2030))
    def test_the_days_of_the_solar_calendar(self, holidays: PublicHolidays, year: int):
        """Labour Code 45/2019/QH14 Art. 112(1) a, c, d, e; the National Day has a second day before or after."""
        found = holidays.of(year)
        assert {date(year, 1, 1), date(year, 4, 30), date(year, 5, 1), date(year, 9, 2)} <= set(found)
        assert date(year, 9, 1) in found or date(year, 9, 3) in found

    @pytest.mark.parametrize("year", TET)
    def test_tet_has_five_days_in_a_row_around_its_first(self, holidays: PublicHolidays, year: int):
        first = date(year, *TET[year])
        around = [first + timedelta(days=ahead) for ahead in range(-4, 5)]
        free = "".join("x" if day in holidays.of(year) else "." for day in around)
        assert "xxxxx" in free
        assert free[4] == "x"

    @pytest.mark.parametrize("year", HUNG_KINGS)
    def test_the_day_of_the_hung_kings_follows_the_moon(self, holidays: PublicHolidays, year: int):
        assert date(year, *HUNG_KINGS[year]) in holidays.of(year)

    def test_days_in_lieu_are_told_too(self, holidays: PublicHolidays):
        """26 April 2026 is a Sunday (Labour Code Art. 111(3))."""
        assert date(2026, 4, 27) in holidays.of(2026)

    def test_each_year_has_its_own_days_with_their_names(self, holidays: PublicHolidays):
        for year in (2025, 2026, 2027):
            found = holidays.of(year)
            assert {day.year for day in found} == {year}
            assert all(name.strip() for name in found.values())
        assert "Tết" in holidays.of(2026)[date(2026, 2, 17)]

    def test_an_ordinary_day_is_none(self, holidays: PublicHolidays):
        assert date(2026, 3, 2) not in holidays.of(2026)

    @pytest.mark.parametrize("year", [1, 9999])
    def test_a_year_that_a_document_may_claim_is_answered(self, holidays: PublicHolidays, year: int):
        assert all(day.year == year for day in holidays.of(year))
