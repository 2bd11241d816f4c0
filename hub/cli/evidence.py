"""`hub evidence ID`: writes the evidence bundle of one consignment to a file.

Owns: the command; the file appears whole or not at all.
Never: overwrites a file; gathers (hub/bundles does).
Source: issue 3 part 7.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from hub import settings, wiring
from hub.bundles import collect
from hub.bundles.collect import Facts
from hub.bundles.contents import SUFFIX
from hub.stations import Hub


@click.command()
@click.argument("consignment_id")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Tệp đích / the file to write; default: ID.asice in the working directory.",
)
def evidence(*, consignment_id: str, out: Path | None) -> None:
    """Lập hồ sơ chứng cứ của một lần gửi / make the evidence bundle of one consignment."""
    hub = wiring.open_hub(settings.load())
    try:
        facts = collect.gathered(consignment_id.lower(), hub)
        wanted = out or Path(facts.consignment.id + SUFFIX)
        _write(facts, hub, wanted)
    finally:
        hub.close()
    click.echo(str(wanted))


def _write(facts: Facts, hub: Hub, wanted: Path) -> None:
    try:
        with tempfile.TemporaryDirectory(dir=wanted.parent, prefix=".evidence-") as folder:
            made = Path(folder) / wanted.name
            made.touch(mode=0o600)
            with made.open("r+b") as file:
                collect.write(facts, hub, file)
            os.link(made, wanted)  # unlike a rename it refuses to overwrite
    except FileExistsError as there:
        raise click.ClickException(f"{wanted}: đã có / exists already") from there
    except OSError as trouble:
        raise click.ClickException(f"{wanted}: không ghi được / cannot be written: {trouble.strerror}") from trouble
