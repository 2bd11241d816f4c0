"""`hub db upgrade`: bring the database to the schema of this program.

Owns: the command. Never: SQL.
"""

from __future__ import annotations

import click

from hub import settings, wiring
from hub.store import schema


@click.group()
def db() -> None:
    """Cơ sở dữ liệu / the database."""


@db.command()
def upgrade() -> None:
    """Nâng lược đồ lên bản mới nhất / bring the schema to the newest revision (safe to repeat)."""
    database = wiring.open_database(settings.load())
    before, after = schema.upgrade(database)
    database.close()
    if before == after:
        click.echo(f"Lược đồ đã mới nhất / the schema is current: {after}")
    else:
        click.echo(f"Lược đồ / schema: {before or 'trống / empty'} → {after}")
