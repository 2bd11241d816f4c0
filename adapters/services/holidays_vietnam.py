"""The public holidays of Vietnam, lunar ones included, from the library `holidays`.

Owns: which of its categories count.
Never: knows swapped working days (a file of the deployment does).
Source: Labour Code 45/2019/QH14 Art. 112.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import cache

import holidays


class HolidaysVietnam:
    """Implements hub.ports.PublicHolidays."""

    def of(self, year: int) -> Mapping[date, str]:
        """Each public holiday of the year with its name in Vietnamese."""
        return _of(year)


@cache
def _of(year: int) -> Mapping[date, str]:
    return dict(holidays.country_holidays("VN", years=year, language="vi"))
