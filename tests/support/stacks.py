"""The fixtures that give a test a scene on SQLite and on PostgreSQL, each from a migrated copy."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from hub.store.engine import Database
from tests.support.fixtures import POSTGRES_VARIABLE, unavailable
from tests.support.scenes import Scene, prepared
from tests.support.servers import PrivatePostgres


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file with the cast, to be copied."""
    place = tmp_path_factory.mktemp("template") / "hub.sqlite3"
    prepared(f"sqlite:///{place}")
    return place


@pytest.fixture(scope="session")
def make_fast_database(request: pytest.FixtureRequest) -> Iterator[Callable[..., str]]:
    """As make_postgres_database, on a private server that does not wait for the disk (nobody kills it)."""
    if os.environ.get(POSTGRES_VARIABLE):
        yield request.getfixturevalue("make_postgres_database")
        return
    found = PrivatePostgres.available()
    if not found.ok:
        unavailable(found.advice)
    with PrivatePostgres(fast=True) as server:
        yield lambda *, template="template1": server.create_database(f"t_{secrets.token_hex(6)}", template=template)
        server.kill()  # no orderly end: all that it holds is thrown away


@pytest.fixture(scope="session")
def postgres_template(make_fast_database: Callable[..., str]) -> str:
    """The name of a migrated database with the cast, to be copied."""
    url = make_fast_database()
    prepared(url)
    return sa.make_url(url).database or ""


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated database of this test alone, once per kind of database."""
    if request.param == "postgresql":
        make = request.getfixturevalue("make_fast_database")
        return make(template=request.getfixturevalue("postgres_template"))
    (tmp_path / "data").mkdir()
    shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "data" / "hub.sqlite3")
    return f"sqlite:///{tmp_path / 'data' / 'hub.sqlite3'}"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The migrated database, open, with the cast in it."""
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
def postgres_database(make_fast_database: Callable[..., str], postgres_template: str) -> Iterator[Database]:
    """A migrated PostgreSQL database, open, with the cast in it."""
    opened = Database(make_fast_database(template=postgres_template))
    yield opened
    opened.close()


@pytest.fixture
def postgres_scene(tmp_path: Path, make_fast_database: Callable[..., str], postgres_template: str) -> Iterator[Scene]:
    """A scene on PostgreSQL only."""
    opened = Scene(tmp_path / "data", database_url=make_fast_database(template=postgres_template))
    yield opened
    opened.close()
