"""The library's holidays keep what the port promises, and make the working calendar of a real Tết."""

from __future__ import annotations

from datetime import date

import pytest

from adapters.services.holidays_vietnam import HolidaysVietnam
from hub.domain.working_time import WorkingCalendar
from tests.conformance.public_holidays import PublicHolidaysConformance


class TestTheLibrary(PublicHolidaysConformance):
    @pytest.fixture
    def holidays(self) -> HolidaysVietnam:
        return HolidaysVietnam()


def test_after_the_friday_before_tet_2026_work_goes_on_ten_days_later():
    calendar = WorkingCalendar(HolidaysVietnam().of)
    assert calendar.next_working_day(date(2026, 2, 13)) == date(2026, 2, 23)
