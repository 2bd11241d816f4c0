"""`hub`: the command line of the exchange hub.

Owns: the list of commands and how a refusal is shown.
Never: work; one file per command in hub/cli.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping

import click

from hub.domain.findings import describe_error
from hub.errors import HubError, Misconfigured
from hub.processes import logs

EXIT_MISCONFIGURED = 78  # EX_CONFIG of sysexits(3)
COMMANDS: Mapping[str, str] = {
    "serve": "serve",
    "run": "serve",
    "db": "db",
    "doctor": "doctor",
    "agencies": "agencies",
    "trust": "trust",
    "key": "key",
    "groups": "groups",
    "radar": "radar",
    "retry": "retry",
    "notices": "notices",
    "ledger": "ledger",
    "declarations": "declarations",
    "connections": "connections",
    "reports": "reports",
    "content": "content",
    "envelope": "envelope",
    "evidence": "evidence",
    "verify": "verify",
    "audit": "audit",
    "demo": "demo",
    "docs": "docs",
}


class Commands(click.Group):
    """The commands, each loaded when it is asked for: the demo's tools alone take a second to load."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which an administrator meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name in its file in hub/cli; None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = getattr(importlib.import_module(f"hub.cli.{COMMANDS[cmd_name]}"), cmd_name)
        return found


@click.group(cls=Commands)
@click.version_option(package_name="truc-lien-thong")
def cli() -> None:
    """Trục liên thông văn bản điện tử / exchange hub for official electronic documents."""


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
