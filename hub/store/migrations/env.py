"""Alembic's entry: runs the revisions on the connection that hub/store/schema.py hands in."""

from alembic import context

from hub.store.life_tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
