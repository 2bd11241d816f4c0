"""`hub verify BUNDLE`: checks an evidence bundle on any machine, with the trusted certificates alone.

Owns: the printed and the JSON form; the exit codes 0 (sound), 1 (broken), 2 (no bundle).
Never: needs a hub, its database, its settings or a network.
Source: issue 3 part 7.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from hub.bundles import report, verification
from hub.bundles.contents import MIB
from hub.bundles.report import Report
from hub.signatures import asic
from hub.signatures.anchors import Trust
from hub.signatures.pdf import PdfJudge

PDF_MEMORY_BYTES = 1024 * MIB
PDF_SECONDS = 120  # this machine may be slower than the hub was
EXIT_SOUND, EXIT_BROKEN, EXIT_NO_BUNDLE = 0, 1, 2


@click.command()
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--trust",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("trust"),
    show_default=True,
    help="Thư mục chứng thư tin cậy / folder with government/, public/, timestamping/, hub/.",
)
@click.option("--json", "as_json", is_flag=True, help="JSON for programs instead of text.")
def verify(*, bundle: Path, folder: Path, as_json: bool) -> None:
    """Kiểm tra hồ sơ chứng cứ, không cần mạng / check an evidence bundle offline."""
    judged = judge(bundle, Trust.load(folder))
    if judged is None:
        click.echo(f"{bundle.name}: không phải hồ sơ chứng cứ / not an evidence bundle (ASiC-E)", err=True)
        sys.exit(EXIT_NO_BUNDLE)
    if as_json:
        click.echo(json.dumps(report.as_json(judged), ensure_ascii=False, indent=2))
    else:
        click.echo("\n".join(report.lines(judged)))
    sys.exit(EXIT_BROKEN if judged.first_broken else EXIT_SOUND)


def judge(bundle: Path, trust: Trust) -> Report | None:
    """Every step for the file; None when it is no bundle at all."""
    with bundle.open("rb") as file:
        if not asic.is_container(file):
            return None
        pdfs = PdfJudge(children=1, memory_bytes=PDF_MEMORY_BYTES, seconds=PDF_SECONDS)
        try:
            return verification.verify(file, trust, pdfs=pdfs)
        finally:
            pdfs.close()
