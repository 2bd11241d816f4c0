"""What every agency adapter promises (hub.ports.AgencyAdapter); an adapter's test inherits the suite.

A test class gives the factory: `def make(self) -> AgencyAdapter`.
"""

from __future__ import annotations

import pytest

from hub.ports import AgencyAdapter, Delivered, HandOver, Placed, Refused, TryLater

WORK = HandOver(
    delivery_id="01a20177-0000-7000-8000-000000000001",
    consignment_id="01a20177-0000-7000-8000-000000000002",
    recipient="H41.1.2",
    sender="G22",
    sha256="0" * 64,
    size_bytes=1234,
    attempt=1,
)


class AgencyAdapterConformance:
    """Inherit it and write `make`."""

    def make(self) -> AgencyAdapter:
        raise NotImplementedError

    @pytest.fixture
    def adapter(self) -> AgencyAdapter:
        return self.make()

    def test_it_answers_with_an_outcome(self, adapter):
        assert isinstance(adapter.hand_over(WORK), Placed | Delivered | TryLater | Refused)

    def test_it_may_be_asked_again_after_a_crash(self, adapter):
        first = adapter.hand_over(WORK)
        assert type(adapter.hand_over(WORK)) is type(first)

    def test_a_refusal_or_a_wish_has_a_reason(self, adapter):
        outcome = adapter.hand_over(WORK)
        assert getattr(outcome, "reason", "-")
