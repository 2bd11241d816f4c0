"""The files of the production start say what the program really has: commands, settings, limits, rights."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec
import psycopg
import pytest
import sqlalchemy as sa
import yaml
from click.testing import CliRunner

from hub import settings
from hub.__main__ import cli
from hub.broker import topology
from hub.broker.messages import LARGEST_BYTES
from hub.cli.serve import run
from hub.demo.pki import DemoPki
from hub.domain.notices import CarrierKind, Notice
from hub.domain.periods import PeriodKind, vietnam_day
from hub.domain.schedules import Schedule, Wish, first_due
from hub.domain.scopes import Scope, ScopeKind
from hub.domain.statuses import StatusCode
from hub.processes import clock, evidence, reporting, sealing
from hub.signatures.anchors import Trust
from hub.signatures.revocation import read_crl
from hub.stations import acknowledge, new_id, status
from hub.stations.acknowledge import Acknowledgement
from hub.stations.status import StatusSaid
from hub.store import evidence as evidence_store
from hub.store import kept_reports, notices, receipts, schedules, schema, seals
from hub.store.engine import Database
from hub.store.schema import metadata
from tests.bundles.workshop import Stamps
from tests.support import changes
from tests.support.scenes import Scene, genuine, prepared
from tests.support.stack import PROCESSES

DOCKER = Path(__file__).resolve().parents[2] / "docker"
HUB_SERVICES = ("schema", *PROCESSES)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((DOCKER / "compose.yaml").read_text("utf-8"))


def names_of_settings() -> set[str]:
    return {settings.PREFIX + field.name.upper() for field in msgspec.structs.fields(settings.Settings)}


def test_every_service_runs_a_command_that_exists(compose: dict[str, Any]) -> None:
    from_command_line = {name: words["command"] for name, words in compose["services"].items() if name in HUB_SERVICES}
    assert set(from_command_line) == set(HUB_SERVICES)
    for words in from_command_line.values():
        done = CliRunner().invoke(cli, [*words, "--help"])
        assert done.exit_code == 0, f"hub {' '.join(words)}: {done.output}"


def test_the_processes_of_the_program_are_the_services(compose: dict[str, Any]) -> None:
    choices = next(p.type for p in run.params if isinstance(p.type, click.Choice)).choices
    assert set(choices) == set(PROCESSES) == {words["command"][1] for name, words in compose["services"].items()
                                               if name in PROCESSES}  # fmt: skip


def test_every_variable_is_a_setting(compose: dict[str, Any]) -> None:
    image = set(re.findall(r"\b(HUB_[A-Z_]+)=", (DOCKER / "Dockerfile").read_text("utf-8")))
    given = {name for service in HUB_SERVICES for name in compose["services"][service]["environment"]}
    assert (given | image) - names_of_settings() == set()
    assert {"HUB_GUNICORN_CONFIG", "HUB_DATA_DIR"} <= image


def test_nothing_secret_has_a_default_or_is_written_down(compose: dict[str, Any]) -> None:
    text = (DOCKER / "compose.yaml").read_text("utf-8")
    for name, default in re.findall(r"\$\{([A-Z_]+):?-([^}]*)\}", text):
        assert name in {"HUB_WEB_WORKERS", "HUB_WEB_THREADS"} or not default, f"{name} has the default {default}"
    assert all("HUB_SECRETS:?" in secret["file"] for secret in compose["secrets"].values())
    for service in compose["services"].values():
        for variable, value in service.get("environment", {}).items():
            secret = re.search("PASSWORD$|_URL$", variable) and variable != "HUB_TIMESTAMP_URL"
            assert not secret, f"{variable}={value}: use a secret file"


def test_only_the_clock_and_the_front_reach_outward(compose: dict[str, Any]) -> None:
    """An envelope can cause no connection: the processes that read one have no way out."""
    assert compose["networks"]["inside"] == {"internal": True}
    networks = {name: set(service["networks"]) for name, service in compose["services"].items()}
    assert {name for name, own in networks.items() if "outward" in own} == {"clock"}
    assert {name for name, own in networks.items() if "front" in own} == {"api", "nginx"}


@pytest.mark.parametrize("service", HUB_SERVICES)
def test_hub_processes_have_the_least_power(compose: dict[str, Any], service: str) -> None:
    words = compose["services"][service]
    assert words["read_only"] is True
    assert words["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in words["security_opt"]
    assert "USER 10001:10001" in (DOCKER / "Dockerfile").read_text("utf-8")


def test_images_are_pinned(compose: dict[str, Any]) -> None:
    images = [service["image"] for service in compose["services"].values()]
    images += re.findall(r"^FROM (\S+)", (DOCKER / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    unpinned = [image for image in images if not re.search(r":\d+(\.\d+)+|:\d+-[a-z]+", image)]
    assert unpinned == []


def test_gunicorn_is_sized_by_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_LISTEN", "127.0.0.1:18080")
    monkeypatch.setenv("HUB_WEB_WORKERS", "3")
    monkeypatch.setenv("HUB_WEB_THREADS", "7")
    found = runpy.run_path(str(DOCKER / "gunicorn.conf.py"))
    assert (found["bind"], found["workers"], found["threads"]) == ("127.0.0.1:18080", 3, 7)
    assert found["graceful_timeout"] > 30, "a long poll lasts up to 30 seconds"


def test_gunicorn_accepts_its_configuration() -> None:
    command = [sys.executable, "-m", "gunicorn", "--check-config", "--config", str(DOCKER / "gunicorn.conf.py")]
    done = subprocess.run([*command, "wsgiref.simple_server:demo_app"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_proxy_takes_as_much_as_the_hub() -> None:
    text = (DOCKER / "nginx.conf").read_text("utf-8")
    size = re.search(r"client_max_body_size (\d+)m;", text)
    assert size is not None
    assert int(size[1]) * settings.MIB == settings.Settings().max_envelope_bytes
    assert "proxy_request_buffering off;" in text
    keepalive = int(re.search(r"keepalive_timeout (\d+)s;", text)[1])
    assert runpy.run_path(str(DOCKER / "gunicorn.conf.py"))["keepalive"] > keepalive
    assert text.count("{") == text.count("}")


def test_the_broker_refuses_only_what_no_wake_can_be() -> None:
    limit = int(re.search(r"^max_message_size = (\d+)$", (DOCKER / "rabbitmq.conf").read_text("utf-8"), re.M)[1])
    assert limit >= LARGEST_BYTES
    assert all(queue.arguments.get("x-queue-type") == "quorum" for queue in topology.QUEUES)


# What may go: wakes that were taken, signs of life, evidence that was superseded and that no verdict relies on.
DELETABLE = {"outbox", "heartbeats", "evidence", "evidence_sources", "notices", "radar_marks", "counted"}


@contextmanager
def role_removed_at_the_end(connection: psycopg.Connection) -> Iterator[None]:
    """Roles belong to the whole server, which may not be ours."""
    try:
        yield
    finally:
        connection.execute("RESET ROLE")
        connection.execute("DROP OWNED BY hub_process")
        connection.execute("DROP ROLE hub_process")


@pytest.mark.service
def test_the_role_of_the_processes_cannot_rewrite_history(make_postgres_database: Callable[..., str]) -> None:
    url = make_postgres_database()
    database = Database(url)
    schema.upgrade(database)
    database.close()
    roles = (DOCKER / "roles.sql").read_text("utf-8")
    with psycopg.connect(url, autocommit=True) as connection, role_removed_at_the_end(connection):
        connection.execute(roles)
        connection.execute(roles)  # said twice, it does no harm

        def may(privilege: str, table: str) -> bool:
            asked = "SELECT has_table_privilege('hub_process', %s, %s)"
            return connection.execute(asked, (table, privilege)).fetchone()[0]

        for table in metadata.tables:
            assert may("SELECT", table), table
            assert may("TRUNCATE", table) is False, table
            assert may("DELETE", table) is (table in DELETABLE), table
        for table in ("receipts", "seals", "events", "statuses", "audit", "api_keys", "agency_certificates"):
            assert may("UPDATE", table) is False, table
        for table in ("kept_reports", "closed_periods", "report_schedules", "report_mails"):
            assert may("UPDATE", table) is False, table
        assert (may("INSERT", "closed_periods"), may("INSERT", "report_schedules")) == (False, False)
        connection.execute("SET ROLE hub_process")
        connection.execute("SELECT number FROM events FOR UPDATE SKIP LOCKED")  # what the tally does
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE receipts SET jws = ''")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("UPDATE seals SET head = ''")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE foreign_body (id int)")


@pytest.mark.service
def test_that_role_is_enough_for_every_process(make_postgres_database: Callable[..., str], tmp_path: Path) -> None:
    """Acceptance, delivery, a held document, its evidence, sealing and timestamping, all as hub_process."""
    url = make_postgres_database()
    prepared(url)
    with psycopg.connect(url, autocommit=True) as owner, role_removed_at_the_end(owner):
        owner.execute((DOCKER / "roles.sql").read_text("utf-8"))
        scheduled(url)
        owner.execute("INSERT INTO subscribers (id, kind, address, added_at) VALUES ('s', 'mail', 'a@b.vn', now())")
        acting = f"{url}{'&' if '?' in url else '?'}options=-crole%3Dhub_process"
        scene = Scene(tmp_path / "hub", database_url=acting)
        stamping = DemoPki()
        (tmp_path / "hub" / "trust" / "timestamping").mkdir()
        (tmp_path / "hub" / "trust" / "timestamping" / "roots.pem").write_bytes(stamping.anchors_pem())
        scene.hub = replace(
            scene.hub, timestamps=Stamps(stamping.timestamping()), trust=Trust.load(tmp_path / "hub" / "trust")
        )
        try:
            sent, made = scene.placed(1, to=("H41",), page=genuine("G22"))
            acknowledge.run(Acknowledgement(made["H41"].id, "H41"), scene.hub)
            with scene.database.writing() as transaction:
                for one in stamping.crls():
                    evidence_store.keep(transaction, read_crl(one), source="test", at=scene.hub.now())
            evidence.tick(scene.hub)
            evidence.tidy(scene.hub)
            clock.tick(scene.hub)
            assert sealing.stamp_tick(scene.hub)
            scene.drain()
            with scene.database.reading() as connection:
                assert connection.execute(sa.text("SELECT current_user")).scalar_one() == "hub_process"
                issued = receipts.of_consignment(connection, sent.id)
                proofs = [seals.proof_of(connection, one.receipt_id) for one in issued]
            assert len(proofs) == 3  # accepted, handed over, and the hub's own 01
            assert all(proof is not None and proof.token for proof in proofs)
            assert scene.counts()["G22", "sent"] == (1, 1, 0)
            assert a_life_is_lived(scene) == {"H14": "withdrawn", "H41": "expired"}
            assert a_report_is_mailed(scene) == ["lanhdao@b.vn"]
        finally:
            scene.close()


def a_life_is_lived(scene: Scene) -> dict[str, str]:
    """A recall, a take-back, an answer, an expiry, a notice: what became of the copies of the second document."""
    first, copies = scene.placed(2, to=("H41", "H14"))
    acknowledge.run(Acknowledgement(copies["H41"].id, "H41"), scene.hub)
    assert scene.post(changes.recall(first, to=("H41", "H14"))).consignment.state == "accepted"
    scene.drain()
    answer = StatusSaid(copies["H41"].id, "H41", StatusCode.CHANGE_ACCEPTED, "đã hủy", None)
    status.run(answer, scene.hub)
    scene.drain()
    second, _ = scene.placed(3, to=("H41", "H14"))
    assert scene.post(changes.take_back(second, "H14")).consignment.state == "accepted"
    scene.drain()
    scene.clock.ahead = timedelta(days=31)
    clock.tick(scene.hub)
    scene.drain()
    with scene.database.reading() as connection:
        assert len(notices.due(connection, scene.hub.now(), limit=10)) == 1
    return {key: one.state.value for key, one in scene.deliveries(second.id).items()}


def scheduled(url: str) -> None:
    """What `hub reports schedule add` keeps; the owner of the database runs it."""
    database = Database(url)
    now = datetime.now(UTC)
    month = first_due(PeriodKind.MONTH, vietnam_day(now))
    wish = Wish(Scope(ScopeKind.HUB), ("xlsx",))
    with database.writing() as transaction:
        one = Schedule(new_id(), "paper-free", wish, PeriodKind.MONTH, ("lanhdao@b.vn",), now, month)
        schedules.add(transaction, one)
    database.close()


def a_report_is_mailed(scene: Scene) -> list[str]:
    """The month is over: its report is made, kept and mailed; to whom."""
    taken: list[str] = []
    hub = replace(scene.hub, carriers={CarrierKind.MAIL: Taking(taken)})
    assert reporting.make_tick(hub)
    assert reporting.send_tick(hub)
    with scene.database.reading() as connection:
        (one,) = kept_reports.newest(connection, limit=2)
        assert all(mail.sent_at for mail in kept_reports.mails(connection, [one.id])[one.id])
    return taken


class Taking:
    """A carrier that notes who was told."""

    def __init__(self, taken: list[str]) -> None:
        self.taken = taken

    def send(self, notice: Notice) -> None:
        self.taken.append(notice.address)
