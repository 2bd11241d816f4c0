"""The schema's version: bringing a database up to date, and telling whether it is.

Owns: running the Alembic revisions in hub/store/migrations.
Never: creates tables in any other way.
Source: Alembic documentation (programmatic use).
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from hub.store.engine import Database
from hub.store.report_tables import metadata

__all__ = ["metadata", "newest", "upgrade", "version"]  # importing this module makes every table known

MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(database: Database) -> tuple[str | None, str]:
    """Bring the schema to the newest revision; returns the revisions before and after."""
    before = version(database)
    config = _config()
    with database.engine.connect() as connection:
        # Two starts at once: one migrates, the other waits; what breaks off in the middle leaves nothing.
        if database.is_sqlite:
            # A table that others refer to can only be made anew without the constraints (sqlite.org/lang_altertable).
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.text("SELECT pg_advisory_lock(hashtext('hub.schema'))"))
            connection.commit()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        if database.is_sqlite and (broken := connection.exec_driver_sql("PRAGMA foreign_key_check").all()):
            raise LookupError(f"the migration would leave rows without what they refer to: {broken[:5]}")
        connection.commit()
        if database.is_sqlite:
            connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        else:
            connection.execute(sa.text("SELECT pg_advisory_unlock(hashtext('hub.schema'))"))
            connection.commit()
    return before, newest()


def version(database: Database) -> str | None:
    """The revision of the database; None when it is empty. Raises StoreUnavailable."""
    with database.reading() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def newest() -> str:
    """The revision that this program expects."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config
