"""Private PostgreSQL and RabbitMQ servers on free ports, for tests and for `make stack`.

Owns: what is particular to each of the two: first start, command line, URL.
Never: touches the machine's own services, their ports, their data or their users' files.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pika
import psycopg
from psycopg import sql

from tests.support.private_server import (
    STOP_SECONDS,
    Availability,
    PrivateServer,
    ServerTrouble,
    dying_with_us,
    free_port,
    plain_environment,
)

USER = "hub"


class PrivatePostgres(PrivateServer):
    """A PostgreSQL server; with `fast` it does not wait for the disk (never for durability tests)."""

    kind = "postgres"
    stop_signal = signal.SIGINT  # fast shutdown
    death_signal = "INT"

    def __init__(self, folder: Path | None = None, *, fast: bool = False) -> None:
        super().__init__(folder)
        self._fast = fast
        self._data = self.folder / "data"

    @staticmethod
    def available() -> Availability:
        """Whether the binaries are here."""
        advice = "apt-get install postgresql (its binaries initdb and postgres are needed)"
        return Availability(_postgres_binaries() is not None, advice)

    @property
    def url(self) -> str:
        return self.database_url("postgres")

    def database_url(self, name: str) -> str:
        """Where a database of this server is."""
        return f"postgresql://{USER}:{self.secret}@127.0.0.1:{self.port}/{name}"

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """A new database (a copy of `template`); returns its URL."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        return self.database_url(name)

    def drop_database(self, name: str) -> None:
        """Remove a database; whoever is connected to it is thrown out."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _prepare(self) -> None:
        for name in ("data", "sockets"):
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)
            if os.geteuid() == 0:
                shutil.chown(self.folder / name, "postgres", "postgres")
        if (self._data / "PG_VERSION").exists():
            return
        password = self.folder / "sockets" / "password"
        password.touch(mode=0o600)
        password.write_text(self.secret, encoding="ascii")
        if os.geteuid() == 0:
            shutil.chown(password, "postgres", "postgres")
        options = [
            "--username",
            USER,
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]
        command = [*_as_postgres(), str(_postgres_binaries() / "initdb"), "-D", str(self._data), *options]
        done = subprocess.run(
            [*command, f"--pwfile={password}"],
            env=plain_environment(),
            capture_output=True,
            cwd="/",
            check=False,
        )
        password.unlink()
        if done.returncode:
            raise ServerTrouble(f"initdb failed:\n{done.stderr.decode('utf-8', 'replace')[-3000:]}")

    def _command(self) -> tuple[list[str], dict[str, str]]:
        settings = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder / "sockets"),
            "max_connections": "100",
        }
        if self._fast:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [*_as_postgres(), str(_postgres_binaries() / "postgres"), "-D", str(self._data), *options]
        return command, plain_environment()

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True


class PrivateRabbit(PrivateServer):
    """A RabbitMQ node with its own cookie, port mapper (epmd), data, log and plugins (none)."""

    kind = "rabbit"
    stop_signal = signal.SIGTERM
    death_signal = "KILL"

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(folder)
        self._epmd_port, self._dist_port = free_port(), free_port()
        self._epmd: subprocess.Popen[bytes] | None = None

    @staticmethod
    def available() -> Availability:
        """Whether the binaries are here."""
        found = _rabbit_script() is not None and shutil.which("epmd") is not None
        return Availability(found, "apt-get install rabbitmq-server")

    @property
    def url(self) -> str:
        return f"amqp://{USER}:{self.secret}@127.0.0.1:{self.port}/%2F"

    def control(self, *words: str) -> str:
        """What `rabbitmqctl WORDS` says about this node (takes 1-2 s). Raises ServerTrouble."""
        script = _rabbit_script().parent / "rabbitmqctl"
        done = subprocess.run(
            [str(script), *words], env=self._environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ServerTrouble(f"rabbitmqctl {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def _prepare(self) -> None:
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.private = 127.0.0.1:{self.port}\n"
            f"default_user = {USER}\n"
            f"default_pass = {self.secret}\n"
            "log.console = false\n"
            "vm_memory_high_watermark.absolute = 1GB\n",
            encoding="utf-8",
        )
        (self.folder / "enabled_plugins").write_text("[].", encoding="utf-8")
        (self.folder / "env.conf").touch()  # instead of the machine's own rabbitmq-env.conf
        if self._epmd is None or self._epmd.poll() is not None:
            self._epmd = subprocess.Popen(
                [*dying_with_us("KILL"), "epmd", "-port", str(self._epmd_port), "-address", "127.0.0.1"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def _command(self) -> tuple[list[str], dict[str, str]]:
        # "detached": the start script then becomes the server instead of watching over it
        return [str(_rabbit_script())], self._environment() | {"detached": "yes"}

    def _environment(self) -> dict[str, str]:
        place = {
            "NODENAME": "hub@localhost",
            "MNESIA_BASE": self.folder / "data",
            "LOG_BASE": self.folder / "log",
            "CONFIG_FILE": self.folder / "rabbitmq.conf",
            "ADVANCED_CONFIG_FILE": self.folder / "advanced.config",
            "CONF_ENV_FILE": self.folder / "env.conf",
            "ENABLED_PLUGINS_FILE": self.folder / "enabled_plugins",
            "FEATURE_FLAGS_FILE": self.folder / "feature_flags",
            "GENERATED_CONFIG_DIR": self.folder / "generated",
            "SCHEMA_DIR": self.folder / "schema",
            "PID_FILE": self.folder / "pid",
            "DIST_PORT": self._dist_port,
            "SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none",
        }
        environment = plain_environment() | {f"RABBITMQ_{name}": str(value) for name, value in place.items()}
        return environment | {"HOME": str(self.folder), "ERL_EPMD_PORT": str(self._epmd_port)}

    def _answers(self) -> bool:
        parameters = pika.URLParameters(self.url)
        parameters.blocked_connection_timeout = parameters.stack_timeout = 5
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            pika.BlockingConnection(parameters).close()
        except (OSError, pika.exceptions.AMQPError):
            return False
        return True

    def stop(self) -> None:
        """End the node and its port mapper."""
        super().stop()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait(STOP_SECONDS)
            self._epmd = None


def _postgres_binaries() -> Path | None:
    on_path = shutil.which("initdb")
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: float(place.parent.name))
    found = [place for place in reversed(places) if (place / "initdb").exists()]
    return found[0] if found else (Path(on_path).resolve().parent if on_path else None)


def _rabbit_script() -> Path | None:
    """The start script itself: the one on PATH may be a wrapper that changes user and folder."""
    found = sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"))
    on_path = shutil.which("rabbitmq-server")
    return found[-1] if found else (Path(on_path) if on_path else None)


def _as_postgres() -> list[str]:
    """PostgreSQL refuses to run as root; then it runs as the user of Debian's package."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig", "INT"]


def main() -> None:
    """Start both, print their URLs as one line of JSON, and stop them at SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--folder", type=Path, help="where the data stays between runs")
    folder = parser.parse_args().folder
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with (
        PrivatePostgres(folder / "postgres" if folder else None) as postgres,
        PrivateRabbit(folder / "rabbit" if folder else None) as rabbit,
    ):
        with psycopg.connect(postgres.url, autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [USER]).fetchone()
        if known is None:
            postgres.create_database(USER)
        urls = {"postgres_url": postgres.database_url(USER), "rabbit_url": rabbit.url}
        print(json.dumps(urls | {"pid": os.getpid()}), flush=True)
        over.wait()


if __name__ == "__main__":
    main()
