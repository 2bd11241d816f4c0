"""`hub`: the command line of the exchange hub.

Owns: the list of commands and how a refusal is shown.
Never: work; one file per command in hub/cli.
"""

from __future__ import annotations

import sys

import click

from hub.cli import agencies, db, demo, docs, doctor, envelope, serve
from hub.domain.findings import describe_error
from hub.errors import HubError, Misconfigured
from hub.processes import logs

EXIT_MISCONFIGURED = 78  # EX_CONFIG of sysexits(3)


@click.group()
@click.version_option(package_name="truc-lien-thong")
def cli() -> None:
    """Trục liên thông văn bản điện tử / exchange hub for official electronic documents."""


cli.add_command(serve.serve)
cli.add_command(serve.run)
cli.add_command(db.db)
cli.add_command(doctor.doctor)
cli.add_command(agencies.agencies)
cli.add_command(envelope.envelope)
cli.add_command(demo.demo)
cli.add_command(docs.docs)


def main() -> None:
    """Run a command; a coded error is shown in Vietnamese and English, never as a traceback."""
    logs.configure("console")  # to standard error: what a command prints is for its caller alone
    try:
        cli()
    except Misconfigured as wrong:
        click.echo(f"Cấu hình sai / misconfigured: {wrong}", err=True)
        sys.exit(EXIT_MISCONFIGURED)
    except HubError as trouble:
        words = describe_error(trouble.code, trouble.facts)
        click.echo(f"{words.vi}\n{words.en}\n→ {words.fix_vi}\n→ {words.fix_en}\n[{trouble.code}] {trouble}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
