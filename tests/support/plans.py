"""How a database answers a question: the plans of every statement that it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from hub.store.engine import Database


def plan_of(database: Database, ask: Callable[[sa.Connection], object]) -> str:
    """The plans of all reading statements of `ask`, one below the other."""
    plans: list[str] = []

    def explain(_connection: Any, cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH")):
            other = cursor.connection.cursor()
            other.execute(("EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN ") + statement, parameters)
            plans.append("\n".join(str(row) for row in other.fetchall()))
            other.close()

    sa.event.listen(database.engine, "before_cursor_execute", explain)
    try:
        with database.reading() as connection:
            ask(connection)
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", explain)
    return "\n".join(plans)
