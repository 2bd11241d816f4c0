"""One hub with two sendings and their bundles for the whole session: nothing in these tests changes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bundles import workshop
from tests.bundles.workshop import Made


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """A sound bundle: accepted, delivered, taken by one of two recipients, sealed, timestamped."""
    shared = workshop.made_once(tmp_path_factory.getbasetemp() / "bundles")
    yield shared
    shared.workshop.scene.close()
