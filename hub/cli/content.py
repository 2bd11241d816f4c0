"""`hub content ID`: hub staff open one document's envelope, for a stated reason that is audited first.

Owns: the command; the rule that no content leaves the hub by its command line before its opening is on record.
Never: overwrites a file; shows content on the screen; lets others than the file's owner read it.
Source: issue 4 part 9; Decree 30/2020/NĐ-CP Annex VI (access history).
"""

from __future__ import annotations

import getpass
import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal

import click

from hub import settings, wiring
from hub.errors import NoSuchThing, PayloadsUnavailable
from hub.stations import Hub
from hub.store import consignments, heartbeats
from hub.store.consignments import Consignment

CHUNK_BYTES = 64 * 1024
SHORTEST_REASON, LONGEST_REASON = 10, 500  # characters


def stated(_context: click.Context, _parameter: click.Parameter, reason: str) -> str:
    """A reason that says something, blanks trimmed. Raises click.BadParameter."""
    words = " ".join(reason.split())
    if not SHORTEST_REASON <= len(words) <= LONGEST_REASON or not words.isprintable():
        wanted = f"{SHORTEST_REASON}-{LONGEST_REASON} ký tự / characters"
        raise click.BadParameter(f"Nêu rõ lý do, {wanted}.")
    return words


@click.command()
@click.argument("consignment_id")
@click.option("--reason", required=True, callback=stated, help="Lý do mở nội dung, sẽ được ghi lại / why; is audited.")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Tệp đích, chưa có / the file to write; it must not exist.",
)
def content(*, consignment_id: str, reason: str, out: Path) -> None:
    """Mở nguyên văn gói tin của một lần gửi / open the exact envelope of one consignment."""
    hub = wiring.open_hub(settings.load())
    try:
        kept = _kept(consignment_id.lower(), hub)
        refuse_existing(out)
        audit_opening(kept, hub, reason=reason, form="envelope")
        write_new(out, lambda file: _copy(kept, hub, file))
    finally:
        hub.close()
    click.echo(str(out))


def audit_opening(kept: Consignment, hub: Hub, *, reason: str, form: Literal["envelope", "bundle"]) -> None:
    """Who opens which content and why, durable when this returns. Raises StoreUnavailable."""
    facts = {"consignment": kept.id, "sha256": kept.sha256, "reason": reason, "form": form}
    with hub.database.writing() as transaction:
        heartbeats.audited(transaction, "content.opened", who=f"cli:{getpass.getuser()}", at=hub.now(), facts=facts)


def refuse_existing(wanted: Path) -> None:
    """Before anything is audited: a file in the way would only be found when it is written."""
    if wanted.exists():
        raise click.ClickException(f"{wanted}: đã có / exists already")


def write_new(wanted: Path, fill: Callable[[BinaryIO], None]) -> None:
    """The file appears whole, for its owner alone, or not at all; an existing one stays as it is."""
    try:
        with tempfile.TemporaryDirectory(dir=wanted.parent, prefix=".opening-") as folder:
            made = Path(folder) / wanted.name
            made.touch(mode=0o600)
            with made.open("r+b") as file:
                fill(file)
            os.link(made, wanted)  # unlike a rename it refuses to overwrite
    except FileExistsError as there:
        raise click.ClickException(f"{wanted}: đã có / exists already") from there
    except OSError as trouble:
        raise click.ClickException(f"{wanted}: không ghi được / cannot be written: {trouble.strerror}") from trouble


def _kept(consignment_id: str, hub: Hub) -> Consignment:
    with hub.database.reading() as connection:
        kept = consignments.get(connection, consignment_id)
    if kept is None:
        raise NoSuchThing(f"no consignment {consignment_id}")
    if not kept.body_kept:
        raise click.ClickException("Trục không giữ nội dung của văn bản mật này / this secret document was not kept")
    return kept


def _copy(kept: Consignment, hub: Hub, file: BinaryIO) -> None:
    digest = hashlib.sha256()
    with hub.payloads.open(kept.sha256) as body:
        while chunk := body.read(CHUNK_BYTES):
            digest.update(chunk)
            file.write(chunk)
    if digest.hexdigest() != kept.sha256:
        raise PayloadsUnavailable(f"the body of {kept.id} is not the one that was received")
