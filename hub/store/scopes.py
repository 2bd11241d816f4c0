"""The agencies that a scope means, as SQL: one, one with all below it, a level, everybody.

Owns: going down the tree of the directory; parents in a circle do no harm.
Never: asks who may read them.
Source: Decision 28/2018/QĐ-TTg Art. 11 (three layers); Decision 20/2020/QĐ-TTg Art. 4 (levels).
"""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from hub.domain.scopes import Scope, ScopeKind
from hub.store.engine import asked_once
from hub.store.tables import agencies


def keys(scope: Scope) -> sa.Select[Any] | None:
    """A statement that gives the code keys of the scope; None when the scope is everybody."""
    match scope.kind:
        case ScopeKind.HUB:
            return None
        case ScopeKind.UNIT:
            return sa.select(sa.literal(scope.agency_key).label("code_key"))
        case ScopeKind.BELOW:
            return _below(scope.agency_key)
        case ScopeKind.LEVEL:
            return _level(scope.level)


def members(connection: Connection, scope: Scope) -> list[str] | None:
    """The code keys of the scope; None when the scope is everybody. Asked once in a look at one moment."""
    statement = keys(scope)
    if statement is None:
        return None
    return asked_once(connection, scope, lambda: list(connection.execute(statement).scalars()))


def within(connection: Connection, column: sa.ColumnElement[str], scope: Scope) -> sa.ColumnElement[bool]:
    """The condition that a column names an agency of the scope; who that is stands in it, so that it can be planned."""
    if scope.kind is ScopeKind.UNIT:
        return column == scope.agency_key
    found = members(connection, scope)
    if found is None:
        return sa.true()
    if connection.dialect.name == "postgresql":
        return column == sa.any_(sa.literal(found, postgresql.ARRAY(sa.String)))
    listed = sa.func.json_each(json.dumps(found)).table_valued("value")
    return column.in_(sa.select(listed.c.value))


def names(connection: Connection, scope: Scope) -> dict[str, str]:
    """Code key → name of the agencies of the scope that are in the directory."""
    statement = sa.select(agencies.c.code_key, agencies.c.name).where(within(connection, agencies.c.code_key, scope))
    return {row.code_key: row.name for row in connection.execute(statement)}


def levels(connection: Connection, scope: Scope) -> dict[str, int]:
    """Code key → level of the agencies of the scope and those above them: 1 for agencies without a parent in the
    directory, one more for each step down.
    """
    parents = {row.code_key: row.parent_key for row in connection.execute(_with_all_above(connection, scope))}
    found: dict[str, int] = {}
    for key in parents:
        path, at = [], key
        while at in parents and at not in found and at not in path:
            path.append(at)
            at = parents[at]
        above = found.get(at, 0)
        for steps, one in enumerate(reversed(path), start=1):
            found[one] = above + steps
    return found


def _with_all_above(connection: Connection, scope: Scope) -> sa.Select[Any]:
    if scope.kind is ScopeKind.HUB:
        return _PARENTS
    way = _PARENTS.where(within(connection, agencies.c.code_key, scope)).cte("way", recursive=True)
    return sa.select(way.union(_PARENTS.join(way, way.c.parent_key == agencies.c.code_key)))


def _below(agency_key: str) -> sa.Select[Any]:
    top = sa.select(sa.literal(agency_key).label("code_key")).cte("below", recursive=True)
    members = top.union(sa.select(agencies.c.code_key).where(agencies.c.parent_key == top.c.code_key))
    return sa.select(members.c.code_key)


def _level(level: int) -> sa.Select[Any]:
    parents = agencies.alias("parents")
    orphan = ~sa.exists().where(parents.c.code_key == agencies.c.parent_key)
    roots = sa.select(agencies.c.code_key, sa.literal(1).label("level")).where(
        sa.or_(agencies.c.parent_key.is_(None), orphan)
    )
    tree = roots.cte("levels", recursive=True)
    deeper = sa.select(agencies.c.code_key, tree.c.level + 1).where(
        agencies.c.parent_key == tree.c.code_key, tree.c.level < level
    )
    members = tree.union(deeper)
    return sa.select(members.c.code_key).where(members.c.level == level)


_PARENTS = sa.select(agencies.c.code_key, agencies.c.parent_key)
