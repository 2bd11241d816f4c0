"""The cost model: paper, postage and time in proportion to the documents, in whole đồng, nothing counted twice."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from hub.domain.cost_model import CostModel

whole = st.integers(0, 10_000)
models = st.builds(CostModel, whole, whole, whole, whole, whole, whole)


def test_the_three_parts_by_hand():
    cost = CostModel(
        pages_per_document=3,
        copies_per_document=4,
        page_vnd=250,
        postage_per_copy_vnd=8_000,
        minutes_per_copy=7,
        hour_vnd=50_000,
    ).of(10)
    assert (cost.copies, cost.pages, cost.minutes) == (40, 120, 280)
    assert (cost.paper_vnd, cost.post_vnd) == (30_000, 320_000)
    assert cost.time_vnd == 233_333  # 280 minutes of 50 000 đ an hour are 233 333,33 đ
    assert cost.total_vnd == 583_333


def test_half_a_dong_is_rounded_up():
    assert CostModel(0, 1, 0, 0, 1, 30).of(1).time_vnd == 1


@given(models, st.integers(0, 10**6))
def test_money_is_never_off_by_more_than_half_a_dong(model, documents):
    cost = model.of(documents)
    assert abs(cost.time_vnd - Fraction(cost.minutes * model.hour_vnd, 60)) <= Fraction(1, 2)
    assert cost.paper_vnd == documents * model.of(1).paper_vnd
    assert cost.post_vnd == documents * model.of(1).post_vnd
    assert cost.total_vnd >= max(cost.paper_vnd, cost.post_vnd, cost.time_vnd)
