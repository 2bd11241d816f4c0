"""Exact fractions, and days as Vietnamese law counts them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.periods import vietnam_day, vietnam_time
from hub.domain.ratios import percent_vi

SINCE_1976 = st.datetimes(datetime(1976, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.fractions(0, 1), st.integers(0, 3))
def test_percent_is_rounded_half_up_with_a_decimal_comma(ratio, places):
    exact = Decimal(ratio.numerator) * 100 / Decimal(ratio.denominator)
    if ratio.denominator < 10**9:
        wanted = exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
        assert percent_vi(ratio, places=places) == f"{wanted:f} %".replace(".", ",")


@pytest.mark.parametrize(
    ("ratio", "shown"),
    [(Fraction(1, 3), "33,3 %"), (Fraction(1, 800), "0,1 %"), (Fraction(9995, 10000), "100,0 %"), (None, "–")],
)
def test_percent_as_it_is_printed(ratio, shown):
    assert percent_vi(ratio) == shown


@given(SINCE_1976)
def test_the_day_is_the_one_of_ho_chi_minh_city(instant):
    there = instant.astimezone(ZoneInfo("Asia/Ho_Chi_Minh"))
    assert vietnam_day(instant) == there.date()
    assert datetime.fromisoformat(vietnam_time(instant)) - instant < timedelta(milliseconds=1)
    assert vietnam_time(instant).endswith("+07:00")
