"""Where journeys take place: the real processes over HTTP, embedded (SQLite) and production (PostgreSQL, RabbitMQ);
and the same stations in this process with a clock that can be moved.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from hub.broker.consumer import Consumer
from hub.broker.embedded import EmbeddedBroker
from hub.broker.publisher import Publisher
from hub.broker.topology import queues_of
from hub.domain.agencies import Agency
from hub.processes import STATIONS, clock, relay, work_for
from hub.signatures import keys as hub_keys
from hub.stations import utc_now
from hub.store import agencies, events
from hub.store.consignments import Consignment
from hub.web.app import create_app
from tests.journeys.clerks import Clerk
from tests.support.fixtures import unavailable
from tests.support.private_server import dying_with_us, free_port, plain_environment
from tests.support.scenes import CAST, Scene, document, genuine_document, prepared, signed, trusting
from tests.support.servers import PrivatePostgres, PrivateRabbit
from tests.support.stack import TREE, Stack

START_SECONDS = 120.0
PATIENCE_SECONDS = 180.0  # a wake that died with its process comes again by the clock after 60 s


def eventually(ask: Callable[[], object], *, seconds: float = PATIENCE_SECONDS) -> bool:
    """True as soon as the answer is true; False after the time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if ask():
            return True
        time.sleep(0.1)
    return bool(ask())


def all_counted(scene: Scene) -> bool:
    """True when nothing that happened waits to be counted."""
    with scene.database.reading() as connection:
        return not events.wait_to_be_tallied(connection)


class Place:
    """A running hub: `url` for clients, `scene` for a look into its database, `kill` and `restart` by name.

    `mirror` is the folder from which its clock takes lists of revoked certificates.
    """

    kind: str
    url: str
    mirror: Path
    scene: Scene
    workers: tuple[str, ...]

    def open(self, scene: Scene) -> None:
        """Take note of the database and give everybody a key."""
        self.scene = scene
        self._clients: dict[str, httpx.Client] = {}
        self._clerks: dict[str, Clerk] = {}
        with scene.database.writing() as transaction:
            self.keys = {agency.code: agencies.new_key(transaction, agency, now=utc_now()) for agency in CAST}

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        self.scene.close()

    def client(self, code: str) -> httpx.Client:
        """The document system of an agency."""
        if code not in self._clients:
            headers = {"Authorization": f"Bearer {self.keys[code]}"}
            self._clients[code] = httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=90)
        return self._clients[code]

    def clerk(self, code: str) -> Clerk:
        """The same with what a clerk does."""
        return self._clerks.setdefault(code, Clerk(self.client(code)))

    def newcomers(self, count: int) -> list[str]:
        """Agencies that no other journey knows, each with its key."""
        many = [Agency(f"H50.{next_number()}", "Xã Thử nghiệm") for _ in range(count)]
        with self.scene.database.writing() as transaction:
            for agency in many:
                agencies.keep(transaction, agency, now=utc_now())
                self.keys[agency.code] = agencies.new_key(transaction, agency, now=utc_now())
        return [agency.code for agency in many]

    def closed(self, consignment_id: str) -> bool:
        return self.scene.consignment(consignment_id).state == "closed"

    def send(self, body: bytes, *, caller: str = "G22", key: str = "") -> httpx.Response:
        headers = {"Content-Type": "application/xml"} | ({"Idempotency-Key": key} if key else {})
        return self.client(caller).post("/consignments", content=body, headers=headers)

    def send_many(self, bodies: list[bytes], *, at_once: int) -> list[httpx.Response]:
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(self.send, bodies))

    def all_in_hand(self, ids: list[str], *, recipients: int) -> bool:
        states = [delivery.state for one in ids for delivery in self.scene.deliveries(one).values()]
        return len(states) == recipients * len(ids) and set(states) == {"in_hand"}

    def once_each(self, ids: list[str], code: str) -> None:
        """Each of the consignments lies exactly once in the inbox, at a place of its own."""
        entries = [entry for entry in self.scene.inbox(code, limit=5000) if entry.consignment_id in set(ids)]
        assert sorted(entry.consignment_id for entry in entries) == sorted(ids)
        assert len({entry.position for entry in entries}) == len(ids)
        for one in ids:
            kinds = self.scene.timeline(one)
            assert (kinds.count("routed"), kinds.count("accepted")) == (1, 1), kinds

    def kill(self, name: str) -> None:
        raise NotImplementedError

    def restart(self, name: str) -> None:
        raise NotImplementedError


class Embedded(Place):
    """`hub serve`: one process on SQLite."""

    kind = "embedded"
    workers = ("serve",)

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        data = folder / "data"
        data.mkdir(parents=True)
        prepared(f"sqlite:///{data / 'hub.sqlite3'}")
        scene = Scene(data)
        listen = f"127.0.0.1:{free_port()}"
        self.url = f"http://{listen}"
        self.mirror = folder / "crl"
        self.mirror.mkdir()
        self._env = {
            **plain_environment(),
            "HUB_DATA_DIR": str(data),
            "HUB_LISTEN": listen,
            "HUB_TRUST_DIR": str(data / "trust"),
            "HUB_EVIDENCE_MIRROR": str(self.mirror),
            **{f"HUB_{name.upper()}": value for name, value in settings.items()},
        }
        self.open(scene)
        self.restart("serve")

    def restart(self, name: str, **settings: str) -> None:
        self._env |= {f"HUB_{setting.upper()}": value for setting, value in settings.items()}
        command = [*dying_with_us("KILL"), sys.executable, "-m", "hub", "serve"]
        with (self.folder / "serve.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self._env, cwd=TREE, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        if not eventually(self._lives, seconds=START_SECONDS):
            raise AssertionError((self.folder / "serve.log").read_text("utf-8")[-3000:])

    def kill(self, name: str) -> None:
        os.killpg(self._process.pid, 9)
        self._process.wait(30)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait(60)
        super().close()

    def _lives(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=30).status_code == 200
        except httpx.TransportError:
            return False


class Production(Place):
    """The processes of a production hub on private PostgreSQL and RabbitMQ."""

    kind = "production"
    workers = ("router", "deliverer")

    def __init__(self, folder: Path) -> None:
        for server in (PrivatePostgres.available(), PrivateRabbit.available()):
            if not server.ok:
                unavailable(server.advice)
        folder.mkdir(parents=True)
        self.mirror = folder / "crl"
        self.mirror.mkdir()
        settings = {"HUB_TRUST_DIR": str(trusting(folder / "trust")), "HUB_EVIDENCE_MIRROR": str(self.mirror)}
        self.stack = Stack(folder / "stack", settings=settings)
        self.stack.start()
        self.url = self.stack.url
        own = folder / "stack" / "keys"
        self.open(
            Scene(
                folder / "stack" / "data",
                database_url=self.stack.env["HUB_DATABASE_URL"],
                signing_key=str(own / hub_keys.KEY_FILE),
                signing_certificate=str(own / hub_keys.CERTIFICATE_FILE),
            )
        )

    def kill(self, name: str) -> None:
        self.stack.kill(name)

    def restart(self, name: str) -> None:
        self.stack.restart(name)

    def close(self) -> None:
        super().close()
        self.stack.stop()


@pytest.fixture(scope="session")
def embedded_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    made = Embedded(tmp_path_factory.mktemp("journeys") / "embedded")
    yield made
    made.close()


@pytest.fixture(scope="session")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Production]:
    made = Production(tmp_path_factory.mktemp("journeys") / "production")
    yield made
    made.close()


@pytest.fixture(params=["embedded", "production"])
def place(request: pytest.FixtureRequest) -> Place:
    """A running hub, embedded and production in turn."""
    return request.getfixturevalue("embedded_place" if request.param == "embedded" else request.param)


class Line:
    """The stations of a scene on their real broker, in threads of this process; the test turns the clock.

    Agencies call the real application with that clock.
    """

    def __init__(self, scene: Scene, broker_url: str) -> None:
        self.scene = scene
        self._app = create_app(scene.hub)
        self._clients: dict[str, httpx.Client] = {}
        self._stop = threading.Event()
        self._embedded = EmbeddedBroker() if not broker_url else None
        publisher = self._embedded or Publisher(broker_url)
        self._publisher = publisher
        runs: list[Callable[[], None]] = [lambda: relay.run(scene.hub, publisher, self._stop)]
        if broker_url:
            runs += [self._consumer(broker_url, station) for station in STATIONS]
            publisher.start()
            assert publisher.wait_connected(START_SECONDS)
        else:
            publisher.start(work_for(scene.hub))
        self._threads = [threading.Thread(target=run) for run in runs]
        for thread in self._threads:
            thread.start()

    def _consumer(self, url: str, station: str) -> Callable[[], None]:
        consumer = Consumer(url, queues=queues_of(station), handle=work_for(self.scene.hub), prefetch=8, name=station)
        return lambda: consumer.run(self._stop)

    def clerk(self, code: str) -> Clerk:
        """An agency of the cast at the application."""
        if code not in self._clients:
            with self.scene.database.writing() as transaction:
                key = agencies.new_key(transaction, self.scene.agency(code), now=self.scene.hub.now())
            self._clients[code] = httpx.Client(
                transport=httpx.WSGITransport(app=self._app),
                base_url="http://hub/api/v1",
                headers={"Authorization": f"Bearer {key}"},
            )
        return Clerk(self._clients[code])

    def at(self, ahead: timedelta) -> None:
        """The clock comes to this moment and does one round of its duties."""
        self.scene.clock.ahead = ahead
        self.tick()

    def tick(self) -> None:
        """One round of the clock, then wait until all that it woke is worked off."""
        clock.tick(self.scene.hub)

    def stop(self) -> None:
        for client in self._clients.values():
            client.close()
        self._stop.set()
        self.scene.database.bell.close()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()
        self._publisher.stop()


@pytest.fixture(params=["embedded", "rabbit on postgres"])
def open_line(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Line]]:
    """A function that opens a line for a scene made by `change(scene)`."""
    opened: list[Line] = []
    name = "scene_on_sqlite" if request.param == "embedded" else "postgres_scene"
    scene: Scene = request.getfixturevalue(name)
    broker_url = "" if request.param == "embedded" else request.getfixturevalue("rabbit_url")

    def open_one(change: Callable[[Scene], None] = lambda _: None) -> Line:
        change(scene)
        opened.append(Line(scene, broker_url))
        return opened[-1]

    yield open_one
    for line in opened:
        line.stop()


@pytest.fixture
def scene_on_sqlite(tmp_path: Path, sqlite_template: Path) -> Iterator[Scene]:
    """A scene on SQLite only."""
    data = tmp_path / "sqlite"
    data.mkdir()
    (data / "hub.sqlite3").write_bytes(sqlite_template.read_bytes())
    opened = Scene(data)
    yield opened
    opened.close()


_numbers = iter(range(10_000, 10_000_000))


def next_number() -> int:
    """The number of a document that no other journey has sent."""
    return next(_numbers)


def fresh(**facts: object) -> bytes:
    """A document that no other journey has sent, in a signed envelope."""
    return signed(document(next_number(), **facts))


def fresh_genuine(**facts: object) -> bytes:
    """The same with a page that is signed and sealed, so that it replaces paper."""
    return genuine_document(next_number(), **facts)


def consignment_of(place: Place, response: httpx.Response) -> Consignment:
    assert response.status_code == 201, response.text
    return place.scene.consignment(response.json()["id"])
