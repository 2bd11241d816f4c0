"""Looking through the directory: pages of agencies, their names and aliases, and who is below whom.

Owns: the questions about many agencies at once.
Never: changes the directory (hub/store/agencies.py).
Source: Decision 20/2020/QĐ-TTg (levels of agencies); domain notes §2.7.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.domain.agencies import Agency
from hub.store.agencies import as_agency
from hub.store.tables import agencies, agency_aliases


def page(connection: Connection, *, after: str, limit: int, words: str = "") -> list[Agency]:
    """Agencies in the order of their code keys, after the given one; `words`: part of the code or of the name."""
    statement = sa.select(agencies).where(agencies.c.code_key > after)
    if words:
        in_code = agencies.c.code_key.contains(words.upper(), autoescape=True)
        in_name = sa.func.lower(agencies.c.name).contains(words.lower(), autoescape=True)
        statement = statement.where(sa.or_(in_code, in_name))
    rows = connection.execute(statement.order_by(agencies.c.code_key).limit(limit))
    return [as_agency(row) for row in rows]


def aliases_of(connection: Connection, keys: Collection[str]) -> dict[str, list[str]]:
    """Code key → the other codes that mean this agency, as they were written."""
    rows = connection.execute(
        sa.select(agency_aliases).where(agency_aliases.c.code_key.in_(keys)).order_by(agency_aliases.c.alias_key)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        found[row.code_key].append(row.alias)
    return dict(found)


def names_of(connection: Connection, keys: Collection[str]) -> dict[str, str]:
    """Code key → name, of those that are in the directory."""
    rows = connection.execute(_NAMES, {"keys": sorted(keys)})
    return {row.code_key: row.name for row in rows}


def family(connection: Connection, key: str) -> set[str]:
    """The code keys of an agency and of all below it; parents in a circle do no harm."""
    below = sa.select(agencies.c.code_key).where(agencies.c.code_key == key).cte("below", recursive=True)
    children = sa.select(agencies.c.code_key).where(agencies.c.parent_key == below.c.code_key)
    members = below.union(children)
    return set(connection.execute(sa.select(members.c.code_key)).scalars())


_NAMES = sa.select(agencies.c.code_key, agencies.c.name).where(
    agencies.c.code_key.in_(sa.bindparam("keys", expanding=True))
)
