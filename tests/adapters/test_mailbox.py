"""The mailbox: the agency fetches what lies in its inbox."""

from __future__ import annotations

from importlib.metadata import entry_points

from adapters.agencies.mailbox import Mailbox
from hub.ports import Placed
from tests.conformance.agency_adapter import WORK, AgencyAdapterConformance


class TestMailbox(AgencyAdapterConformance):
    def make(self):
        return Mailbox()


def test_it_places_at_once():
    assert Mailbox().hand_over(WORK) == Placed()


def test_the_hub_finds_it_by_its_entry_point():
    (found,) = entry_points(group="hub.adapters", name="mailbox")
    assert found.load() is Mailbox
