"""The states in docs/architecture.md are drawn arrow by arrow as the code allows them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.domain import changes, consignments, deliveries

PAGE = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text("utf-8")
ARROW = re.compile(r"^\s+(\S+) --> (\w+)(?::.*)?$", re.MULTILINE)


def drawn(title: str) -> set[tuple[str, str]]:
    """The arrows of the drawing under a title."""
    block = PAGE.split(f"**{title}** (")[1].split("```mermaid")[1].split("```")[0]
    return set(ARROW.findall(block))


@pytest.mark.parametrize(
    ("title", "steps", "first"),
    [
        ("Consignment", consignments.STEPS, {"held", "accepted", "rejected"}),
        ("Delivery", deliveries.STEPS, deliveries.FIRST),
        ("Document", changes.DOCUMENT_STEPS, {"live"}),
    ],
)
def test_every_step_is_drawn_and_every_arrow_is_a_step(title, steps, first):
    allowed = {(old.value, new.value) for old, new in steps} | {("[*]", str(state)) for state in first}
    assert drawn(title) == allowed
