"""Under whom each agency stands: its head in the layer of statistics that a scope is about.

Owns: going up the tree of the directory; parents in a circle do no harm.
Never: counts.
Source: Decision 28/2018/QĐ-TTg Art. 11 (hub; ministries and provinces; their units); Decision 20/2020/QĐ-TTg Art. 4.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from hub.store.tables import agencies


def heads(connection: Connection, *, below: str = "") -> dict[str, str]:
    """Agency → who answers for it: of the whole hub its agency of level 1, `below` an agency that one's direct child.

    With `below` only the agencies under it are in the answer, and it itself, for which it answers alone.
    """
    parents = {row.code_key: row.parent_key for row in connection.execute(_PARENTS)}
    found = {key: _head(key, parents, below) for key in parents}
    return {key: head for key, head in found.items() if head}


def parent(connection: Connection, key: str) -> str:
    """The agency above this one, empty when there is none in the directory."""
    above = connection.execute(_PARENT, {"key": key}).scalar()
    return above or ""


def _head(key: str, parents: Mapping[str, str | None], below: str) -> str:
    """The last agency on the way up before the end, or before `below`; empty when the way does not lead there."""
    if key == below:
        return key
    at, passed = key, {key}
    while (above := parents.get(at)) in parents and above != below and above not in passed:
        at = above
        passed.add(at)
    return at if not below or above == below else ""


_PARENTS = sa.select(agencies.c.code_key, agencies.c.parent_key)
_above = agencies.alias("above")
_PARENT = (
    sa.select(_above.c.code_key)
    .join(agencies, agencies.c.parent_key == _above.c.code_key)
    .where(agencies.c.code_key == sa.bindparam("key"))
)
