"""The fixtures that give a test a scene on SQLite and on PostgreSQL, each from a migrated copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from hub.store import schema
from hub.store.engine import Database
from tests.support.scenes import Scene, migrated_sqlite



@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the migrated SQLite file lies (made by its first user)."""
    return tmp_path_factory.mktemp("template") / "hub.sqlite3"


@pytest.fixture(scope="session")
def postgres_template(make_postgres_database: Callable[..., str]) -> str:
    """The name of a migrated database that others are copied from."""
    url = make_postgres_database()
    database = Database(url)
    schema.upgrade(database)
    database.close()
    return sa.make_url(url).database or ""


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database of this test alone, once per kind of database."""
    if request.param == "postgresql":
        make = request.getfixturevalue("make_postgres_database")
        return make(template=request.getfixturevalue("postgres_template"))
    migrated_sqlite(tmp_path / "data", template=request.getfixturevalue("sqlite_template"))
    return f"sqlite:///{tmp_path / 'data' / 'hub.sqlite3'}"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The migrated database, open and empty."""
    opened = Database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def open_scene(tmp_path: Path, database_url: str) -> Iterator[Callable[..., Scene]]:
    """A function that opens the scene with further settings; scenes share the database and the bodies."""
    opened: list[Scene] = []

    def open_one(**settings: object) -> Scene:
        opened.append(Scene(tmp_path / "data", database_url=database_url, **settings))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def scene(open_scene: Callable[..., Scene]) -> Scene:
    """A hub with the cast, on SQLite and on PostgreSQL in turn."""
    return open_scene()


@pytest.fixture
def postgres_database(make_postgres_database: Callable[..., str], postgres_template: str) -> Iterator[Database]:
    """A migrated PostgreSQL database, open and empty."""
    opened = Database(make_postgres_database(template=postgres_template))
    yield opened
    opened.close()


@pytest.fixture
def postgres_scene(tmp_path: Path, make_postgres_database: Callable[..., str], postgres_template: str) -> Iterator[Scene]:
    """A scene on PostgreSQL only."""
    opened = Scene(tmp_path / "data", database_url=make_postgres_database(template=postgres_template))
    yield opened
    opened.close()
