"""`hub serve`: the whole hub in one process. `hub run NAME`: one process of a production hub.

Owns: starting processes with their settings.
Never: imports gunicorn; it is started.
"""

from __future__ import annotations

import os
import sys

import click

from hub import settings, wiring
from hub.broker.publisher import Publisher
from hub.errors import Misconfigured
from hub.processes import clock, logs, relay, workers
from hub.processes.loop import stop_on_signals

GRACEFUL_SECONDS = "30"


@click.command()
@click.option("--listen", help="Địa chỉ và cổng / address and port, e.g. 127.0.0.1:8080.")
@click.option("--data-dir", type=click.Path(file_okay=False), help="Thư mục dữ liệu / data folder.")
def serve(*, listen: str | None, data_dir: str | None) -> None:
    """Chạy cả trục trong một tiến trình / run the whole hub in one process (SQLite, no broker)."""
    given = {"HUB_LISTEN": listen, "HUB_DATA_DIR": data_dir}
    environment = {**os.environ, **{name: value for name, value in given.items() if value}}
    configured = settings.load(environment)
    if not configured.embedded:
        raise Misconfigured("broker_url", "is set", "Use `hub run …` with a broker, or unset it for `hub serve`.")
    click.echo(f"Trục liên thông đang chạy / the hub listens on http://{configured.listen}/", err=True)
    click.echo(f"Dữ liệu / data: {configured.data_dir}   API: http://{configured.listen}/api/v1/docs", err=True)
    _become_gunicorn(
        environment,
        [
            *("--worker-class", "gthread", "--workers", "1", "--threads", str(configured.web_threads)),
            *("--graceful-timeout", GRACEFUL_SECONDS, "--log-level", "warning", "--bind", configured.listen),
        ],
        "hub.processes.embedded:application()",
    )


@click.command()
@click.argument("name", type=click.Choice(["api", "relay", *workers.WORKERS, "clock"]))
def run(*, name: str) -> None:
    """Chạy một tiến trình của trục / run one process of a production hub."""
    configured = settings.load()
    logs.configure(configured.log_format)
    if name == "api":
        if not configured.gunicorn_config.is_file():
            raise Misconfigured("gunicorn_config", f"no file {configured.gunicorn_config}", "Name the file.")
        arguments = ["--config", str(configured.gunicorn_config)]
        _become_gunicorn(dict(os.environ), arguments, "hub.processes.api:application()")
    if configured.embedded and name != "clock":
        raise Misconfigured("broker_url", "amqp:// URL of RabbitMQ", "Set HUB_BROKER_URL, or use `hub serve`.")
    hub = wiring.open_hub(configured)
    stop = stop_on_signals()
    if name == "clock":
        clock.run(hub, stop)
    elif name == "relay":
        publisher = Publisher(configured.broker_url)
        publisher.start()
        relay.run(hub, publisher, stop)
        publisher.stop()
    else:
        workers.run(name, hub, stop)
    hub.close()


def _become_gunicorn(environment: dict[str, str], arguments: list[str], application: str) -> None:
    command = [sys.executable, "-m", "gunicorn", *arguments, application]
    os.execve(sys.executable, command, environment)  # noqa: S606 - the same interpreter, no shell
