"""A province of which every report is made: documents of two months and of the year before, some of them declared.

September 2026, with all below H77: seen 125 (90 fully electronic, 25 with paper, 10 not replacing it), declared 15 on
paper only. H77 and H77.1 have the same ratio, H77.2 has none without paper, H77.3 has nothing at all.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from hub.domain.declarations import DeclaredKind
from hub.store.engine import Database
from tests.support.country import Batch, Country

NOW = datetime(2026, 10, 5, 3, tzinfo=UTC)
SEPTEMBER, AUGUST, LAST_YEAR = date(2026, 9, 15), date(2026, 8, 12), date(2025, 9, 10)


@pytest.fixture(scope="session")
def province(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Country]:
    """No test changes anything in it."""
    place = tmp_path_factory.mktemp("province") / "hub.sqlite3"
    shutil.copy(sqlite_template, place)
    database = Database(f"sqlite:///{place}")
    country = Country(database, NOW)
    country.agencies(["H77"], connected_on=AUGUST)
    country.agencies(["H77.1", "H77.2", "H77.3"], above="H77")
    country.send(
        Batch("H77", 60, SEPTEMBER, to=("H77.1", "H77.2")),
        Batch("H77", 20, SEPTEMBER, paper=1),
        Batch("H77.1", 30, date(2026, 9, 30), document_type="Giấy mời", to=("H77",)),
        Batch("H77.1", 10, SEPTEMBER, signed=False),
        Batch("H77.2", 5, SEPTEMBER, paper=1),
        Batch("H77", 10, AUGUST),
        Batch("H77", 10, AUGUST, paper=1),
        Batch("H77", 1, LAST_YEAR),
        Batch("H77", 3, LAST_YEAR, paper=1),
    )
    country.declare("H77.2", DeclaredKind.SENT_PAPER_ONLY, 15, "2026-09")
    country.declare("H77.1", DeclaredKind.SENT_ELSEWHERE_PAPER_FREE, 100, "2026-Q3")
    country.declare("H77.1", DeclaredKind.LEADERS, 4, "2026-09-30")
    country.plan(["H77", "H77.1"], date(2026, 9, 1))
    country.plan(["H77.2"], date(2026, 12, 31))
    country.count()
    yield country
    database.close()
