"""The private servers keep their data, their ports and themselves to themselves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.support.private_server import ServerTrouble, free_port
from tests.support.servers import PrivatePostgres, PrivateRabbit

pytestmark = pytest.mark.service

ROOT = Path(__file__).parents[2]


@pytest.fixture
def passable() -> Iterator[Path]:
    """A folder that the server's own user can reach (pytest's tmp_path is closed to others)."""
    folder = Path(tempfile.mkdtemp(prefix="hub-stack-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.slow
def test_a_killed_postgres_returns_on_its_port_with_its_data(postgres_server: PrivatePostgres, postgres_url):
    url = postgres_url
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept (number int)")
        connection.execute("INSERT INTO kept VALUES (7)")
    postgres_server.kill()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=2)
    postgres_server.start()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)


def test_each_test_has_its_own_database_and_a_template_can_be_given(make_postgres_database):
    first = make_postgres_database()
    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE here (number int)")
    copy = make_postgres_database(template=first.rpartition("/")[2])
    empty = make_postgres_database()
    assert _tables(copy) == ["here"]
    assert _tables(empty) == []


def _tables(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return [name for (name,) in rows]


def test_production_durability_is_the_default(postgres_server: PrivatePostgres):
    with psycopg.connect(postgres_server.url) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"SHOW {setting}").fetchone() == ("on",)


def test_only_the_loopback_listens(postgres_server: PrivatePostgres, rabbit_server: PrivateRabbit):
    for server in (postgres_server, rabbit_server):
        root = psutil.Process(server._process.pid)
        family = [root, *root.children(recursive=True)]
        assert {address for member in family for address in listening(member)} == {"127.0.0.1"}


def listening(process: psutil.Process) -> set[str]:
    """The addresses on which a process listens; a short-lived child (autovacuum) may be gone by now."""
    try:
        return {one.laddr.ip for one in process.net_connections("inet") if one.status == psutil.CONN_LISTEN}
    except psutil.NoSuchProcess:
        return set()


def test_a_free_port_can_be_used_and_is_outside_the_ephemeral_range():
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert 1024 < free_port() < low


def test_a_server_that_cannot_start_tells_its_log(postgres_server, passable: Path):
    server = PrivatePostgres(passable / "postgres")
    server._prepare()
    (passable / "postgres" / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(ServerTrouble, match="no_such_setting"):
        server.start()
    assert not server.running


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_the_servers_end_with_who_started_them(postgres_server, rabbit_server, how, passable: Path):
    starter = subprocess.Popen(
        [sys.executable, "-m", "tests.support.servers", "--folder", str(passable / "stack")],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    facts = json.loads(starter.stdout.readline())
    with psycopg.connect(facts["postgres_url"]) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("hub",)
    family = psutil.Process(starter.pid).children(recursive=True)
    assert any("beam" in member.name() for member in family)
    starter.send_signal(how)
    starter.wait(30)
    starter.stdout.close()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert alive == []
    assert (passable / "stack" / "postgres" / "data" / "PG_VERSION").exists()
