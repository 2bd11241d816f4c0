"""`hub reports`: figures that can be audited, the lists behind them, schedules, closed periods.

Owns: the list of these commands.
Never: work; one file per group of commands in hub/cli.
Source: issue "Paper-free percentages that can be audited"; Decision 28/2018/QĐ-TTg Art. 11, 15.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping

import click

COMMANDS: Mapping[str, tuple[str, str]] = {  # name → file in hub/cli, command in it
    "make": ("making", "make"),
    "list": ("making", "list_reports"),
    "documents": ("counted_documents", "documents"),
    "verify": ("verification", "verify"),
    "schedule": ("schedules", "schedule"),
    "kept": ("schedules", "kept"),
    "reproduce": ("schedules", "reproduce"),
    "close": ("closings", "close"),
    "closed": ("closings", "closed"),
    "demo-year": ("demo_year", "demo_year"),
}


class Commands(click.Group):
    """The commands, each loaded when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which they are met."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name]
        found: click.Command = getattr(importlib.import_module(f"hub.cli.{module}"), attribute)
        return found


@click.group(cls=Commands)
def reports() -> None:
    """Báo cáo: tỷ lệ, danh sách văn bản, lịch, chốt kỳ / reports, lists behind the figures, schedules, closings."""
