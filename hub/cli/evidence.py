"""`hub evidence ID`: writes the evidence bundle of one consignment to a file, for a stated reason.

Owns: the command; the file appears whole or not at all, after its making was audited.
Never: overwrites a file; gathers (hub/bundles does).
Source: issue 3 part 7; issue 4 part 9 (the bundle holds the envelope).
"""

from __future__ import annotations

from pathlib import Path

import click

from hub import settings, wiring
from hub.bundles import collect
from hub.bundles.contents import SUFFIX
from hub.cli.content import audit_opening, refuse_existing, stated, write_new


@click.command()
@click.argument("consignment_id")
@click.option("--reason", required=True, callback=stated, help="Lý do, sẽ được ghi lại / why; is audited.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Tệp đích / the file to write; default: ID.asice in the working directory.",
)
def evidence(*, consignment_id: str, reason: str, out: Path | None) -> None:
    """Lập hồ sơ chứng cứ của một lần gửi / make the evidence bundle of one consignment."""
    hub = wiring.open_hub(settings.load())
    try:
        facts = collect.gathered(consignment_id.lower(), hub)
        wanted = out or Path(facts.consignment.id + SUFFIX)
        refuse_existing(wanted)
        audit_opening(facts.consignment, hub, reason=reason, form="bundle")
        write_new(wanted, lambda file: collect.write(facts, hub, file))
    finally:
        hub.close()
    click.echo(str(wanted))
